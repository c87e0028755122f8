/* Completing typed commands. Words come from the table of words; what follows one is read from how
 * its row names it:
 *
 *     "[SHARE|next]"     one of these, or nothing
 *     "hold TIME | act"  `hold` with a time behind it, or `act`
 *     "[+OP|-OP]..."     any number of them
 *
 * What is written small, or begins with a sign or figure, is meant as it stands; what is written
 * large has a row in `kinds`, or is for the person to know. */
#include "tui/complete.h"

#include "model/text.h"
#include "tui/console_words.h"

#include <stdio.h>
#include <string.h>

struct asked {
	struct complete *out;
	const struct complete_at *at;
	const char *stem; /* what is there of the word */
};

static void add(struct asked *a, const char *word)
{
	struct complete *out = a->out;
	if (out->count == COMPLETE_MAX || strncmp(word, a->stem, strlen(a->stem)) != 0)
		return;
	for (int i = 0; i < out->count; i++)
		if (strcmp(out->word[i], word) == 0)
			return;
	if (text_copy(out->word[out->count], sizeof out->word[0], word))
		out->count++;
}

/* ---- what is written large ---- */

static void add_screens(struct asked *a)
{
#define X(name, word) add(a, word);
	SCREEN_INFO(X)
#undef X
}

static void add_strategies(struct asked *a)
{
	for (int s = 0; s < STRATEGY_COUNT; s++)
		add(a, strategy_name((enum strategy)s));
}

static void add_shares(struct asked *a)
{
	const struct pool *p = a->at->pool;
	for (int i = 0; p->has_plan && i < p->plan.step_count; i++) {
		char word[24];
		unit_share_word(word, sizeof word, p->plan.steps[i].share_bp);
		add(a, word);
	}
}

/* Off may be taken what v2 gets; on may be put what either arm ever did and v2 does not get. */
static void add_operations(struct asked *a, char sign)
{
	const struct snapshot *s = a->at->pool->nodes[0].last;
	char word[OPERATION_NAME_MAX + 2];
	for (int arm = 0; s && arm < ARM_COUNT; arm++)
		for (int i = 0; i < s->arms[arm].operation_count; i++) {
			const char *name = s->arms[arm].operations[i].name;
			bool gets = !s->operations.limited;
			for (int k = 0; k < s->operations.count; k++)
				gets |= strcmp(s->operations.name[k], name) == 0;
			snprintf(word, sizeof word, "%c%s", sign, name);
			if (gets == (sign == '-'))
				add(a, word);
		}
	for (int k = 0; s && sign == '-' && s->operations.limited && k < s->operations.count; k++) {
		snprintf(word, sizeof word, "-%s", s->operations.name[k]);
		add(a, word);
	}
}

static void add_more_operations(struct asked *a)
{
	add_operations(a, '+');
}

static void add_fewer_operations(struct asked *a)
{
	add_operations(a, '-');
}

static void add_guard_times(struct asked *a)
{
	static const char *const times[] = {"30m", "1h", "2h", "4h"};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		add(a, times[i]);
}

static void add_workers(struct asked *a)
{
	char word[ROSTER_WORD_MAX];
	for (int i = 0; i < a->at->roster->line_count; i++)
		if (roster_word(word, a->at->pool, &a->at->roster->lines[i]))
			add(a, word);
}

static void add_open_rollbacks(struct asked *a)
{
	const struct pool *p = a->at->pool;
	for (size_t i = p->decision_count; i-- > 0;)
		if (p->decisions[i].verb == VERB_ROLLBACK && p->decisions[i].verified_ms == UNKNOWN &&
			p->decisions[i].closed_ms == UNKNOWN)
			add(a, p->decisions[i].id);
}

static const struct {
	const char *word; /* NULL: of any */
	const char *kind;
	void (*fill)(struct asked *a);
} kinds[] = {
	{"screen", "NAME", add_screens},
	{"strategy", "NAME", add_strategies},
	{"guard", "TIME", add_guard_times},
	{"close", "ID", add_open_rollbacks},
	{NULL, "SHARE", add_shares},
	{NULL, "+OP", add_more_operations},
	{NULL, "-OP", add_fewer_operations},
	{NULL, "WORKERS", add_workers},
};

/* One name of what a word takes. */
static void add_named(struct asked *a, const char *word, const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].kind, name) == 0 &&
			(!kinds[i].word || strcmp(kinds[i].word, word) == 0)) {
			kinds[i].fill(a);
			return;
		}
	bool meant = (*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') ||
		((*name == '+' || *name == '-') && name[1] >= '0' && name[1] <= '9');
	if (meant)
		add(a, name);
}

/* ---- what a row says of what follows ---- */

#define PLACES_MAX 8

/* The words of a line, cut at its blanks. */
struct words {
	char text[EDIT_MAX];
	const char *word[EDIT_MAX / 2 + 1];
	int count;
};

static void cut(struct words *out, const char *text)
{
	out->count = 0;
	text_copy(out->text, sizeof out->text, text);
	for (char *at = out->text; *(at += strspn(at, " "));) {
		size_t len = strcspn(at, " ");
		out->word[out->count++] = at;
		at += len;
		if (*at)
			*at++ = 0;
	}
}

/* Names that stand in one place: "[SHARE|next]". */
static void add_place(struct asked *a, const char *word, const char *place)
{
	char name[64];
	for (const char *at = place; *at;) {
		at += strspn(at, "[]|.");
		size_t len = strcspn(at, "[]|.");
		if (len == 0 || len >= sizeof name)
			return;
		memcpy(name, at, len);
		name[len] = 0;
		add_named(a, word, name);
		at += len;
	}
}

/* One of the ways that a row allows, where what was typed before fits it. */
static void add_way(
	struct asked *a, const char *word, const struct words *way, const struct words *typed)
{
	int place = typed->count;
	for (int i = 0; i < place && i < way->count; i++) {
		bool meant = way->word[i][0] >= 'a' && way->word[i][0] <= 'z';
		if (meant && strcmp(way->word[i], typed->word[i]) != 0)
			return;
	}
	if (way->count > 0 && place >= way->count && strstr(way->word[way->count - 1], "..."))
		place = way->count - 1;
	if (place < way->count)
		add_place(a, word, way->word[place]);
}

static void add_arguments(
	struct asked *a, const struct console_word *w, const struct words *typed)
{
	char rest[160];
	text_copy(rest, sizeof rest, w->takes);
	for (char *at = rest; at;) {
		struct words way;
		char *bar = strstr(at, " | ");
		if (bar)
			*bar = 0;
		cut(&way, at);
		add_way(a, w->word, &way, typed);
		at = bar ? bar + 3 : NULL;
	}
}

/* ---- the line ---- */

static void add_word(void *ctx, const struct console_word *w)
{
	add(ctx, w->word);
}

struct sought {
	const char *word;
	const struct console_word *found;
};

static void seek(void *ctx, const struct console_word *w)
{
	struct sought *s = ctx;
	if (strcmp(w->word, s->word) == 0)
		s->found = w;
}

void complete_look(struct complete *out, const struct complete_at *at, const char *line)
{
	struct words typed;
	const char *blank = strrchr(line, ' ');
	const char *stem = blank ? blank + 1 : line;
	struct asked a = {out, at, stem};
	memset(out, 0, sizeof *out);
	out->at = -1;
	out->from = (size_t)(stem - line);
	cut(&typed, line);
	typed.count -= *stem != 0;
	if (typed.count == 0) {
		console_words_each(at->looking, at->replay, add_word, &a);
		return;
	}
	struct sought s = {.word = typed.word[0]};
	console_words_each(at->looking, at->replay, seek, &s);
	if (!s.found)
		return;
	text_copy(out->takes, sizeof out->takes, s.found->takes);
	memmove(typed.word, typed.word + 1, (size_t)--typed.count * sizeof *typed.word);
	add_arguments(&a, s.found, &typed);
}

/* How far all candidates agree. */
static size_t common(const struct complete *c)
{
	size_t len = strlen(c->word[0]);
	for (int i = 1; i < c->count; i++)
		for (size_t k = 0; k < len; k++)
			if (c->word[i][k] != c->word[0][k])
				len = k;
	return len;
}

/* Puts so much of a candidate at the end of the line. */
static void put(const struct complete *c, struct edit *e, int which, size_t len, bool whole)
{
	char line[EDIT_MAX + COMPLETE_WORD_MAX + 2];
	snprintf(line, sizeof line, "%.*s%.*s%s", (int)c->from, e->text, (int)len, c->word[which],
		whole ? " " : "");
	if (strlen(line) < EDIT_MAX)
		edit_set(e, line);
}

void complete_next(struct complete *c, const struct complete_at *at, struct edit *e)
{
	if (c->on && c->at >= 0) {
		c->at = (c->at + 1) % c->count;
		put(c, e, c->at, strlen(c->word[c->at]), false);
		return;
	}
	if (e->at < e->len)
		return;
	bool again = c->on;
	complete_look(c, at, e->text);
	c->on = true;
	if (c->count == 0)
		return;
	size_t len = common(c);
	if (c->count == 1) {
		put(c, e, 0, len, true);
		complete_look(c, at, e->text);
		c->on = c->count > 0 || c->takes[0];
	} else if (len > e->len - c->from) {
		put(c, e, 0, len, false);
	} else if (again) {
		c->at = 0;
		put(c, e, 0, strlen(c->word[0]), false);
	}
}
