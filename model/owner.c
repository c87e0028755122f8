/* Owner: who acts on a guard, by the facts, the line that a recorder writes of itself, and the
 * orders that it obeys. Not the file it is in. */
#include "model/owner.h"

#include "model/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const owners[OWNER_COUNT] = {
#define X(name, word) word,
	OWNER_INFO(X)
#undef X
};

const char *owner_name(enum guard_owner o)
{
	assert(o < OWNER_COUNT);
	return owners[o];
}

#define LINE_HEAD "weir 1 "
#define ORDER_HEAD "order="
#define VERDICT_HEAD "verdict="

void owner_line_write(char out[OWNER_LINE_MAX], const struct owner_line *l)
{
	char actor[sizeof l->actor];
	text_copy(actor, sizeof actor, l->actor);
	for (char *c = actor; *c; c++)
		if (*c == ' ')
			*c = '_';
	char order[sizeof l->order + 32] = "";
	if (l->order[0])
		snprintf(
			order, sizeof order, ORDER_HEAD "%lld:%s ", (long long)l->held_until_ms, l->order);
	char verdict[40] = "";
	if (l->verdict != VERDICT_NONE)
		snprintf(verdict, sizeof verdict, VERDICT_HEAD "%s ", verdict_name(l->verdict));
	for (char *c = verdict; *c && c[1]; c++)
		if (*c == ' ')
			*c = '_';
	snprintf(out, OWNER_LINE_MAX, LINE_HEAD "%s %lld %s %s%s%s", guard_state_name(l->state),
		(long long)l->written_wall_ms, actor[0] ? actor : "-", order, verdict, l->word);
}

/* Takes the next word of the line; false at its end, or when it does not fit. */
static bool take_word(const char **at, char *out, size_t size)
{
	size_t len = strcspn(*at, " ");
	if (len == 0 || len >= size)
		return false;
	memcpy(out, *at, len);
	out[len] = 0;
	*at += len;
	*at += **at == ' ';
	return true;
}

/* "order=UNTIL:ID", where the line has it. */
static bool take_order(const char **at, struct owner_line *out)
{
	char word[sizeof out->order + 32], *id;
	if (strncmp(*at, ORDER_HEAD, strlen(ORDER_HEAD)) != 0)
		return true;
	*at += strlen(ORDER_HEAD);
	if (!take_word(at, word, sizeof word) || !(id = strchr(word, ':')))
		return false;
	*id++ = 0;
	return unit_parse_int(word, 0, INT64_MAX, &out->held_until_ms) &&
		text_is_name(id, sizeof out->order - 1) && text_copy(out->order, sizeof out->order, id);
}

/* "verdict=NO_DATA", where the line has it. */
static bool take_verdict(const char **at, struct owner_line *out)
{
	char word[24];
	if (strncmp(*at, VERDICT_HEAD, strlen(VERDICT_HEAD)) != 0)
		return true;
	*at += strlen(VERDICT_HEAD);
	if (!take_word(at, word, sizeof word))
		return false;
	for (char *c = word; *c; c++)
		if (*c == '_')
			*c = ' ';
	out->verdict = verdict_of(word);
	return out->verdict != VERDICT_NONE && out->verdict != VERDICT_COUNT;
}

bool owner_line_read(struct owner_line *out, const char *line)
{
	char state[16], written[24], actor[sizeof out->actor];
	memset(out, 0, sizeof *out);
	if (strncmp(line, LINE_HEAD, strlen(LINE_HEAD)) != 0)
		return false;
	const char *at = line + strlen(LINE_HEAD);
	if (!take_word(&at, state, sizeof state) || !take_word(&at, written, sizeof written) ||
		!take_word(&at, actor, sizeof actor) ||
		!unit_parse_int(written, 0, INT64_MAX, &out->written_wall_ms) ||
		!take_order(&at, out) || !take_verdict(&at, out))
		return false;
	int s = 0;
	while (s < GUARD_COUNT && strcmp(guard_state_name((enum guard_state)s), state) != 0)
		s++;
	if (s == GUARD_COUNT)
		return false;
	out->state = (enum guard_state)s;
	text_clean(
		out->actor, sizeof out->actor, actor, strcmp(actor, "-") == 0 ? 0 : strlen(actor));
	text_clean(out->word, sizeof out->word, at, strlen(at));
	return true;
}

/* The evidence is our own JSON: what stands inside of its strings has its quotes escaped. */
bool owner_order_read(struct owner_order *out, const struct decision *d)
{
	static const char length[] = "\"for_ms\":";
	if (d->verb != VERB_GUARD || d->observed ||
		(!strstr(d->evidence, "\"owner\":\"record\"") &&
			!strstr(d->evidence, "\"owner\":\"console\"")))
		return false;
	bool holds = strstr(d->evidence, "\"act\":\"hold\"");
	const char *at = strstr(d->evidence, length);
	char number[24] = "";
	at = at ? at + strlen(length) : "";
	size_t len = strspn(at, "0123456789");
	*out = (struct owner_order){.at_ms = d->at_ms};
	text_copy(out->id, sizeof out->id, d->id);
	if (!holds)
		return strstr(d->evidence, "\"act\":\"rollback\"");
	if (len == 0 || len >= sizeof number)
		return false;
	memcpy(number, at, len);
	return unit_parse_int(number, 1, OWNER_ORDER_MOST_MS, &out->for_ms);
}

/* Rows of one file have its order, however a wall clock went between them. */
static bool is_newer(const struct decision *a, const struct decision *b)
{
	return !b || a->seq <= 0 || b->seq <= 0 || a->seq > b->seq;
}

bool owner_order_find(struct owner_order *out, const struct decision *list, size_t count)
{
	const struct decision *last = NULL;
	struct owner_order read;
	for (size_t i = 0; i < count; i++) {
		const struct decision *d = &list[i];
		if ((outcome_is_final(d->outcome) && d->outcome != OUTCOME_APPLIED) ||
			!owner_order_read(&read, d) || !is_newer(d, last))
			continue;
		last = d;
		*out = read;
	}
	return last;
}

#define LEAST_MS 500 /* however fast it polls, a line is written a few times a second at most */

enum guard_owner owner_of(bool has_plan, bool pool_guards, const struct owner_line *line,
	int64_t wall_ms, int64_t interval_ms, bool console_guards)
{
	if (!has_plan)
		return OWNER_NONE;
	if (pool_guards)
		return OWNER_POOL;
	int64_t age_ms = wall_ms - line->written_wall_ms;
	int64_t most_ms = 2 * (interval_ms > LEAST_MS ? interval_ms : LEAST_MS);
	bool fresh = line->mine || (age_ms <= most_ms && age_ms >= -most_ms);
	if (line->held && fresh)
		return OWNER_RECORD;
	/* While the lock is held, however stale its line, a recorder may act: two are harmless,
	 * and a console that is there goes on watching. */
	return console_guards ? OWNER_CONSOLE : OWNER_NONE;
}
