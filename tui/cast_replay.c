#define _GNU_SOURCE
/* The console before a terminal that nobody looks at: a pair of pseudo-terminals of our own, of
 * which one end is the console's and the other is the film. Time is the replay's. */
#include "tui/cast_replay.h"

#include "history/replay.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/cast.h"
#include "tui/loop.h"
#include "tui/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TERM_TYPE "xterm-256color"
#define FRAME_MS 1000
#define CALM_AFTER_MS 5000 /* of nothing but numbers; and so long before the next decision */
#define CALM_TIMES 20
#define LEAST_W 20
#define LEAST_H 5
#define MOST 500

/* What is worth looking at. */
struct picture {
	enum state state;
	enum guard_state guard;
	enum verdict_word verdict;
	enum level level;
	int share_bp;
	size_t decisions;
};

struct filming {
	const struct cast_film *film;
	struct cast *cast;
	int screen_fd, film_fd;
	struct replay_span span;
	struct instant real;
	int64_t film_ms; /* from its beginning */
	int64_t still_ms, marked_ms;
	struct picture *last; /* of each pool */
};

static int read_size(const char *given, int *w, int *h, struct err *err)
{
	int64_t width = 120, height = 40;
	const char *x = given ? strchr(given, 'x') : NULL;
	char left[8] = "";
	*w = (int)width;
	*h = (int)height;
	if (!given)
		return 0;
	if (x && x - given < (int)sizeof left)
		snprintf(left, sizeof left, "%.*s", (int)(x - given), given);
	if (!x || !unit_parse_int(left, LEAST_W, MOST, &width) ||
		!unit_parse_int(x + 1, LEAST_H, MOST, &height))
		return err_set(err, ERR_USAGE,
			"--size '%.24s' is no size; write 120x40, from %dx%d to %dx%d", given, LEAST_W,
			LEAST_H, MOST, MOST);
	*w = (int)width;
	*h = (int)height;
	return 0;
}

/* ---- the two ends ---- */

static int open_ends(struct filming *f, int w, int h, struct err *err)
{
	const struct winsize size = {.ws_row = (unsigned short)h, .ws_col = (unsigned short)w};
	char name[128];
	f->film_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (f->film_fd < 0 || grantpt(f->film_fd) < 0 || unlockpt(f->film_fd) < 0 ||
		ptsname_r(f->film_fd, name, sizeof name) != 0)
		return err_set(
			err, ERR_SYSTEM, "no pseudo-terminal for the cast can be had: %s", strerror(errno));
	f->screen_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (f->screen_fd < 0 || ioctl(f->film_fd, TIOCSWINSZ, &size) < 0)
		return err_set(err, ERR_SYSTEM, "the pseudo-terminal \"%s\" cannot be used: %s", name,
			strerror(errno));
	return 0;
}

static void close_ends(struct filming *f)
{
	if (f->screen_fd >= 0)
		close(f->screen_fd);
	if (f->film_fd >= 0)
		close(f->film_fd);
}

/* What has come out at the other end, as one event. */
static void collect(struct filming *f)
{
	struct text out = {0};
	char chunk[4096];
	ssize_t n;
	for (;;) {
		while ((n = read(f->film_fd, chunk, sizeof chunk)) > 0)
			text_add_n(&out, chunk, (size_t)n);
		if (!term_wants_write())
			break;
		term_flush();
	}
	if (out.len > 0)
		cast_output(f->cast, f->film_ms, text_str(&out), out.len);
	text_free(&out);
}

/* ---- time ---- */

static struct picture picture_of(const struct pool *p)
{
	const struct standing *s = &p->standing;
	return (struct picture){.state = s->state,
		.guard = s->guard.state,
		.verdict = s->judge_word,
		.level = s->headline.level,
		.share_bp = s->reported_bp,
		.decisions = p->decision_count};
}

static bool same(const struct picture *a, const struct picture *b)
{
	return a->state == b->state && a->guard == b->guard && a->verdict == b->verdict &&
		a->level == b->level && a->share_bp == b->share_bp && a->decisions == b->decisions;
}

static bool is_calm(struct filming *f, int64_t now_ms)
{
	const struct model *m = desk_model(f->film->desk);
	for (int i = 0; i < m->pool_count; i++) {
		struct picture is = picture_of(&m->pools[i]);
		if (!same(&is, &f->last[i]))
			f->still_ms = now_ms;
		f->last[i] = is;
	}
	int64_t next_ms = replay_next_of_all(f->film->replay, MOMENT_DECISION, 1);
	return now_ms - f->still_ms > CALM_AFTER_MS &&
		(next_ms == UNKNOWN || next_ms - now_ms > CALM_AFTER_MS + FRAME_MS * CALM_TIMES);
}

static void mark_decisions_of(struct filming *f, const struct pool *p, int64_t now_ms)
{
	bool several = desk_model(f->film->desk)->pool_count > 1;
	for (size_t i = 0; i < p->decision_count; i++) {
		const struct decision *d = &p->decisions[i];
		char clock[16], to[16] = "", label[256];
		if (d->at_ms <= f->marked_ms || d->at_ms > now_ms)
			continue;
		unit_clock(clock, sizeof clock, d->at_ms);
		if (d->to_bp >= 0 && d->to_bp != d->from_bp)
			unit_share(to, sizeof to, d->to_bp);
		snprintf(label, sizeof label, "%s %s%s%s%s%s by %.60s", clock, several ? p->name : "",
			several ? " " : "", verb_row(d->verb)->word, to[0] ? " to " : "", to, d->actor);
		text_mend(label);
		cast_mark(f->cast, f->film_ms, label);
	}
}

static void mark_decisions(struct filming *f, int64_t now_ms)
{
	const struct model *m = desk_model(f->film->desk);
	for (int i = 0; i < m->pool_count; i++)
		mark_decisions_of(f, &m->pools[i], now_ms);
	f->marked_ms = now_ms;
}

/* A recording that goes on ends where it stood at the beginning. */
static bool is_over(const struct filming *f)
{
	return replay_now(f->film->replay).wall_ms >= f->span.end_ms;
}

/* One frame, and the time until the next one. */
static void shoot(struct filming *f)
{
	struct console *c = f->film->console;
	int64_t now_ms = replay_now(f->film->replay).wall_ms, step_ms = FRAME_MS;
	mark_decisions(f, now_ms);
	console_refresh(c, f->real);
	term_draw(console_draw(c, f->real), f->film->theme);
	collect(f);
	if (is_calm(f, now_ms))
		step_ms *= CALM_TIMES;
	/* nothing of what lies between two frames may be missed */
	for (int64_t gone_ms = 0; gone_ms < step_ms && !is_over(f); gone_ms += FRAME_MS) {
		f->real.boot_ms += FRAME_MS;
		f->real.wall_ms += FRAME_MS;
		desk_turn(f->film->desk, f->real);
	}
	f->film_ms += FRAME_MS;
}

static int film_all(struct filming *f, struct err *err)
{
	struct progress progress;
	int64_t whole_ms = f->span.end_ms - f->span.start_ms;
	bool ended;
	progress_begin(&progress, f->film->path, PACE_RECORDED, true);
	do {
		ended = is_over(f);
		shoot(f);
		progress_tell(
			&progress, replay_now(f->film->replay).wall_ms - f->span.start_ms, whole_ms);
	} while (!ended && !loop_interrupted());
	progress_end(&progress);
	return ended ? 0 : err_set(err, ERR_SYSTEM, "the cast was interrupted");
}

static int film_on(struct filming *f, int w, int h, struct err *err)
{
	const struct cast_film *film = f->film;
	const struct term_options how = {.in_fd = f->screen_fd,
		.out_fd = f->screen_fd,
		.type = TERM_TYPE,
		.colour = film->colour,
		.ascii = film->ascii};
	if (term_open(&how, err) < 0)
		return -1;
	console_resize(film->console, w, h);
	f->real = loop_now();
	replay_set_speed(film->replay, 1, f->real);
	desk_turn(film->desk, f->real);
	int rc = film_all(f, err);
	term_close();
	return rc;
}

int cast_replay(const struct cast_film *film, struct err *err)
{
	struct filming f = {.film = film, .screen_fd = -1, .film_fd = -1};
	int w, h;
	if (read_size(film->size, &w, &h, err) < 0)
		return -1;
	replay_span(film->replay, &f.span);
	f.marked_ms = f.still_ms = f.span.start_ms - 1;
	char title[160];
	int pools = desk_model(film->desk)->pool_count;
	snprintf(title, sizeof title, "%.64s, replayed", f.span.pool);
	if (pools > 1)
		snprintf(title, sizeof title, "%d pools, replayed", pools);
	text_mend(title);
	const struct cast_head head = {
		.w = w, .h = h, .wall_ms = f.span.start_ms, .title = title, .term = TERM_TYPE};
	if (cast_open(&f.cast, film->path, &head, err) < 0)
		return -1;
	f.last = mem_new((size_t)pools, sizeof *f.last);
	int rc = open_ends(&f, w, h, err) < 0 ? -1 : film_on(&f, w, h, err);
	if (rc == 0)
		rc = cast_close(f.cast, err);
	else
		cast_drop(f.cast);
	close_ends(&f);
	free(f.last);
	return rc;
}
