/* weir report: the review of a migration, from its recording. Only reads; the file that it writes
 * is there whole or not at all. */
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/report.h"
#include "tui/report_html.h"
#include "tui/report_json.h"
#include "tui/report_text.h"
#include "tui/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BAR_CELLS 30

static const struct {
	const char *word;
	void (*write)(struct text *t, const struct report *r);
} forms[] = {{"md", report_text}, {"html", report_html}, {"json", report_json}};
#define FORMS ((int)(sizeof forms / sizeof *forms))

static int form_of(const struct options *o, struct err *err)
{
	const char *given = o->format ? o->format : o->json ? "json" : "md";
	for (int i = 0; i < FORMS; i++)
		if (strcmp(forms[i].word, given) == 0)
			return i;
	return err_set(err, ERR_USAGE, "--format '%s' is none of md, html, json", given);
}

/* ---- how far it is ---- */

struct bar {
	bool shown;
	int at; /* per cent, -1 nothing yet */
	const char *what;
};

static void clear_bar(struct bar *b)
{
	if (b->shown && b->at >= 0)
		fprintf(stderr, "\r\033[K");
	b->at = -1;
}

static void progress(void *ctx, const char *what, int64_t done, int64_t total)
{
	struct bar *b = ctx;
	int now = total > 0 ? (int)(done * 100 / total) : 0;
	now = now < 0 ? 0 : now > 100 ? 100 : now;
	if (!b->shown || (now == b->at && b->what == what))
		return;
	char cells[BAR_CELLS + 1];
	for (int i = 0; i < BAR_CELLS; i++)
		cells[i] = i < now * BAR_CELLS / 100 ? '#' : '.';
	cells[BAR_CELLS] = '\0';
	fprintf(stderr, "\r\033[K%s [%s] %3d%%", what, cells, now);
	b->at = now;
	b->what = what;
}

/* ---- writing ---- */

static int failed(const char *path, const char *what, struct err *err)
{
	return err_set(err, ERR_FILE, "'%s' cannot be %s: %s", path, what, strerror(errno));
}

static int write_all(int fd, const struct text *t)
{
	size_t done = 0;
	while (done < t->len) {
		ssize_t n = write(fd, t->data + done, t->len - done);
		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Beside the file, then over it: a reader never sees a part. */
static int write_file(const char *path, const struct text *t, struct err *err)
{
	struct text beside = {0};
	text_addf(&beside, "%s.XXXXXX", path);
	int fd = mkstemp(beside.data);
	int rc = fd < 0 ? failed(path, "made", err) : 0;
	if (rc == 0 && (fchmod(fd, 0644) < 0 || write_all(fd, t) < 0 || fsync(fd) < 0))
		rc = failed(path, "written", err);
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = failed(path, "written", err);
	if (rc == 0 && rename(beside.data, path) < 0)
		rc = failed(path, "put in place", err);
	if (rc < 0 && fd >= 0)
		unlink(beside.data);
	text_free(&beside);
	return rc;
}

static int put_out(const struct options *o, const struct text *t, struct err *err)
{
	if (o->out)
		return write_file(o->out, t, err);
	if (fwrite(text_str(t), 1, t->len, stdout) != t->len || fflush(stdout) != 0)
		return failed("standard output", "written", err);
	return 0;
}

static int report(const struct options *o, const struct setup *s, struct err *err)
{
	struct bar bar = {.shown = isatty(STDERR_FILENO), .at = -1};
	struct report r;
	struct report_how how = {.path = o->args[0],
		.pool = o->pool,
		.migration = o->migration,
		.config = &s->config,
		.options = o,
		.progress = progress,
		.ctx = &bar};
	int form = form_of(o, err);
	if (form < 0)
		return -1;
	struct text t = {0};
	loop_ordinary_signals(true); /* what only reads may end at once */
	int rc = report_make(&r, &how, err);
	loop_ordinary_signals(false);
	clear_bar(&bar);
	if (rc == 0) {
		forms[form].write(&t, &r);
		rc = put_out(o, &t, err);
	}
	int status = r.chain_read && r.chain.broken_seq ? EXIT_BROKEN : EXIT_DONE;
	text_free(&t);
	report_release(&r);
	return rc < 0 ? -1 : status;
}

int cmd_report(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	struct options reading = *o;
	reading.out = NULL; /* of a recorder it would be the history */
	int status = setup_init(&s, &reading, &err);
	if (status == 0)
		status = report(o, &s, &err);
	if (status < 0)
		status = setup_fail(&err);
	setup_release(&s);
	return status;
}
