/* What a console says in lines. The console draws its grid as always, on a surface that nobody sees;
 * after a key those of its rows are said that were not there before. Between keys only facts are
 * compared, without the figures that move all the time.
 *
 * 1. A change is said once, and nothing is said again because time passes.
 * 2. A line holds no cursor movement and no colour; remote text is as clean as on the grid. */
#include "tui/plain.h"

#include "model/forced.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/console_parts.h"
#include "tui/facts.h"
#include "tui/prompt.h"
#include "tui/series.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREND_COLUMNS 12
#define TREND_PART 0.25 /* less is flat */

/* X(name, word): what is compared between keys */
#define PLAIN_INFO(X) \
	X(STATE, "state") \
	X(HEADLINE, "headline") \
	X(FORCED, "forced by break-glass") \
	X(NEWS, "news") \
	X(GUARD, "guard") \
	X(JUDGE, "judge") \
	X(OWNER, "rolls back by itself") \
	X(LEAVE, "if you leave") \
	X(SCREEN, "screen") \
	X(SHEET, "sheet") \
	X(MESSAGE, "message")

enum fact {
#define X(name, word) FACT_##name,
	PLAIN_INFO(X)
#undef X
		FACT_COUNT
};

struct plain {
	bool begun;
	int pool;
	char facts[FACT_COUNT][400]; /* as they were said last */
	struct text rows;            /* of the grid after the last key, each between newlines */
	char prompt[EDIT_MAX + 64];  /* as it was said last */
};

struct plain *plain_new(void)
{
	return mem_new(1, sizeof(struct plain));
}

void plain_free(struct plain *p)
{
	if (p)
		text_free(&p->rows);
	free(p);
}

/* ---- facts ---- */

const char *plain_trend(const double *y, int count)
{
	double sum[2] = {0, 0};
	int n[2] = {0, 0};
	for (int i = 0; i < count; i++) {
		int half = i >= count / 2;
		sum[half] += isnan(y[i]) ? 0 : y[i];
		n[half] += !isnan(y[i]);
	}
	if (n[0] == 0 || n[1] == 0)
		return "unknown";
	double before = sum[0] / n[0], after = sum[1] / n[1];
	double most = before > after ? before : after;
	if (most <= 0 || fabs(after - before) <= TREND_PART * most)
		return "flat";
	return after > before ? "rising" : "falling";
}

static void add_trends(struct text *out, const struct pool *p, struct instant now)
{
	double y[TREND_COLUMNS];
	struct axis a;
	axis_make(&a, p, NULL, now, TREND_COLUMNS);
	for (int s = 0; s < SERIES_COUNT; s++) {
		if (!series_is_guarded(p, (enum series)s))
			continue;
		text_addf(out, "trend      %s:", series_row((enum series)s)->word);
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			axis_read(&a, (enum arm)arm, (enum series)s, y, TREND_COLUMNS);
			text_addf(out, "%s %s %s", arm ? "," : "", arm_name((enum arm)arm),
				plain_trend(y, TREND_COLUMNS));
		}
		text_add(out, "\n");
	}
}

/* What a dialog waits for; "" while it has not stood long enough. */
static const char *sheet_fact(const struct sheet *s, struct instant now)
{
	bool judged = s->kind == SHEET_STEP || s->kind == SHEET_RESUME || s->kind == SHEET_ACT;
	if (s->kind == SHEET_NONE)
		return "closed";
	if (s->stale)
		return s->stale_why;
	if (judged && !s->interlock.allowed)
		return sheet_may_force(s) ? "locked; b breaks the glass: a reason, the typed name" : "locked";
	if (!sheet_may_accept(s, now))
		return "";
	return s->may_record ? "y counts now; w leaves a recorder behind" : "y counts now";
}

static void read_facts(char facts[FACT_COUNT][400], const struct console *c, struct instant now)
{
	const struct pool *p = console_pool(c);
	const struct standing *s = &p->standing;
	char share[16];
	unit_share(share, sizeof share, s->reported_bp);
	memset(facts, 0, FACT_COUNT * sizeof facts[0]);
	snprintf(facts[FACT_STATE], sizeof facts[0], "%s, v2 has %s%s%s", state_name(s->state),
		share, s->hold.on ? ", held by " : "", s->hold.on ? s->hold.actor : "");
	text_copy(facts[FACT_HEADLINE], sizeof facts[0], s->headline.text);
	const struct decision *done;
	if (forced_find(p, &done, 1) > 0) {
		struct text t = {0};
		forced_say(&t, done, now.wall_ms);
		text_copy(facts[FACT_FORCED], sizeof facts[0], text_str(&t));
		text_free(&t);
	}
	text_copy(facts[FACT_NEWS], sizeof facts[0], freshness_name(s->freshness));
	text_copy(facts[FACT_GUARD], sizeof facts[0],
		guard_state_name(p->latch.red ? GUARD_RED : s->guard.state));
	text_copy(facts[FACT_JUDGE], sizeof facts[0], verdict_name(s->judge_word));
	text_copy(facts[FACT_OWNER], sizeof facts[0], owner_name(s->owner));
	text_copy(facts[FACT_LEAVE], sizeof facts[0], s->leave_text);
	text_copy(facts[FACT_SCREEN], sizeof facts[0], screen_word(c->screen));
	text_copy(facts[FACT_SHEET], sizeof facts[0], sheet_fact(&c->sheet, now));
	text_copy(facts[FACT_MESSAGE], sizeof facts[0], c->message);
}

/* The same words, whatever the figures are. */
static bool is_same(const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, "0123456789.:");
		b += strspn(b, "0123456789.:");
		if (*a != *b)
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

static void tell_changes(
	struct plain *p, struct text *out, char facts[FACT_COUNT][400], bool say)
{
	static const char *const words[] = {
#define X(name, word) word,
		PLAIN_INFO(X)
#undef X
	};
	for (int i = 0; i < FACT_COUNT; i++) {
		/* A share, and what a person did, are figures that count. */
		bool exact = i == FACT_STATE || i == FACT_MESSAGE;
		bool same = exact ? strcmp(p->facts[i], facts[i]) == 0 : is_same(p->facts[i], facts[i]);
		if (same)
			continue;
		if (say && facts[i][0])
			text_addf(out, "%s: %s\n", words[i], facts[i]);
		text_copy(p->facts[i], sizeof p->facts[i], facts[i]);
	}
}

static void tell_all(
	struct plain *p, struct text *out, const struct console *c, struct instant now)
{
	struct text facts = {0};
	const struct pool *pool = console_pool(c);
	facts_plain(&facts, desk_model(c->how.desk), pool, now);
	text_addf(out, "%s", text_str(&facts));
	text_free(&facts);
	add_trends(out, pool, now);
	p->pool = c->pool;
}

/* ---- rows ---- */

/* A row without the blanks at its ends; blanks within become one or two. */
static void write_row(char *out, size_t size, const char *row, size_t len)
{
	size_t n = 0;
	int blanks = 2;
	for (size_t i = 0; i < len && n + 3 < size; i++) {
		blanks = row[i] == ' ' ? blanks + 1 : 0;
		if (blanks <= 2)
			out[n++] = row[i];
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	size_t begin = 0;
	while (begin < n && out[begin] == ' ')
		begin++;
	memmove(out, out + begin, n - begin);
	out[n - begin] = 0;
}

static bool was_there(const struct text *rows, const char *row)
{
	char framed[600];
	snprintf(framed, sizeof framed, "\n%s\n", row);
	return rows->len > 0 && strstr(text_str(rows), framed) != NULL;
}

static bool is_selected(const struct surface *s, int y)
{
	for (int x = 0; x < s->w; x++)
		if (s->cells[y * s->w + x].role == ROLE_SELECTED)
			return true;
	return false;
}

/* Which rows are said: a dialog's, the help's, a list's below what all screens share. The pool's own
 * screen is said as facts. */
static struct rect said_rows(const struct console *c, const struct surface *s)
{
	struct layout l;
	struct layout_wish wish = {0};
	if (c->help)
		return (struct rect){0, 2, s->w, s->h - 2};
	if (c->sheet.kind == SHEET_NONE)
		return (struct rect){0, 3, s->w, c->screen == SCREEN_FLOW ? 0 : s->h - 5};
	layout_make(&l, s->w, s->h, &wish);
	return l.sheet;
}

static void read_rows(struct plain *p, struct text *out, struct console *c, struct instant now)
{
	struct text chars = {0}, seen = {0};
	const struct surface *s = console_draw(c, now);
	char row[512];
	struct rect r = said_rows(c, s);
	int y = 0;
	surface_dump(s, &chars, NULL);
	text_add(&seen, "\n");
	for (const char *at = text_str(&chars); *at; y++) {
		size_t len = strcspn(at, "\n");
		write_row(row, sizeof row, at, len);
		at += len + (at[len] == '\n');
		if (y < r.y || y >= r.y + r.h || !row[0])
			continue;
		bool selected = is_selected(s, y);
		text_addf(&seen, "%s%s\n", selected ? "selected " : "", row);
		char said[560];
		snprintf(said, sizeof said, "%s%s", selected ? "selected " : "", row);
		if (!was_there(&p->rows, said))
			text_addf(out, "%s\n", said);
	}
	text_free(&chars);
	text_free(&p->rows);
	p->rows = seen;
}

/* ---- what is typed ---- */

static void tell_prompt(struct plain *p, struct text *out, const struct console *c)
{
	char line[sizeof p->prompt] = "", offer[300];
	const struct edit *e = c->prompt != PROMPT_NONE                     ? &c->edit
		: c->sheet.kind != SHEET_NONE && c->sheet.typing != TYPING_NONE ? &c->sheet.edit
																		: NULL;
	if (e)
		snprintf(line, sizeof line, "%s%s", c->prompt != PROMPT_NONE ? prompt_mark(c) : "> ",
			e->text);
	prompt_offer(c, offer, sizeof offer);
	if (offer[0])
		text_addf(out, "\n%s\n%s", offer, line);
	else if (strcmp(p->prompt, line) == 0)
		return;
	else if (!line[0])
		text_add(out, "\n");
	else if (p->prompt[0] && strncmp(line, p->prompt, strlen(p->prompt)) == 0)
		text_add(out, line + strlen(p->prompt));
	else
		text_addf(out, "%s%s", p->prompt[0] ? "\n" : "", line);
	text_copy(p->prompt, sizeof p->prompt, line);
}

void plain_tell(
	struct plain *p, struct console *c, struct text *out, bool keyed, struct instant now)
{
	char facts[FACT_COUNT][400];
	struct text rows = {0};
	const struct pool *pool = console_pool(c);
	if (pool->standing.freshness == FRESHNESS_NEVER && !p->begun && !keyed)
		return;
	read_facts(facts, c, now);
	if (!p->begun || p->pool != c->pool) {
		tell_all(p, out, c, now);
		tell_changes(p, out, facts, false);
		text_add(out,
			p->begun
				? ""
				: "keys: the same as on the screens; ? lists them, 1 says all facts, q leaves\n");
		p->begun = true;
	}
	/* While a line is typed nothing else is said: it would stand in the middle of it. */
	tell_prompt(p, out, c);
	if (p->prompt[0])
		return;
	if (keyed)
		read_rows(p, &rows, c, now);
	text_add(out, text_str(&rows));
	text_free(&rows);
	tell_changes(p, out, facts, true);
}
