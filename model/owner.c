/* Owner: who acts on a guard, by the facts, and the line that a recorder writes of itself. Not
 * the file it is in. */
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

void owner_line_write(char out[OWNER_LINE_MAX], const struct owner_line *l)
{
	char actor[sizeof l->actor];
	text_copy(actor, sizeof actor, l->actor);
	for (char *c = actor; *c; c++)
		if (*c == ' ')
			*c = '_';
	snprintf(out, OWNER_LINE_MAX, LINE_HEAD "%s %lld %s %s", guard_state_name(l->state),
		(long long)l->written_wall_ms, actor[0] ? actor : "-", l->word);
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

bool owner_line_read(struct owner_line *out, const char *line)
{
	char state[16], written[24], actor[sizeof out->actor];
	memset(out, 0, sizeof *out);
	if (strncmp(line, LINE_HEAD, strlen(LINE_HEAD)) != 0)
		return false;
	const char *at = line + strlen(LINE_HEAD);
	if (!take_word(&at, state, sizeof state) || !take_word(&at, written, sizeof written) ||
		!take_word(&at, actor, sizeof actor) ||
		!unit_parse_int(written, 0, INT64_MAX, &out->written_wall_ms))
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

enum guard_owner owner_of(bool has_plan, bool pool_guards, const struct owner_line *line,
	int64_t wall_ms, int64_t interval_ms, bool console_guards)
{
	if (!has_plan)
		return OWNER_NONE;
	if (pool_guards)
		return OWNER_POOL;
	int64_t age_ms = wall_ms - line->written_wall_ms;
	bool fresh = line->mine || (age_ms <= 2 * interval_ms && age_ms >= -2 * interval_ms);
	if (line->held && fresh)
		return OWNER_RECORD;
	/* While the lock is held, however stale its line, a recorder may act: two are harmless,
	 * and a console that is there goes on watching. */
	return console_guards ? OWNER_CONSOLE : OWNER_NONE;
}
