/* Words to requests, one row a command word. What is asked for is judged elsewhere. */
#include "tui/ask.h"

#include "model/text.h"

#include <stdio.h>
#include <string.h>

#define STRATEGY "strategy"
#define GUARD_MOST_MS (4 * 3600 * 1000)

typedef int read_fn(
	struct act_request *out, const char *words, const struct pool *p, struct err *err);

static int read_share(
	struct act_request *out, const char *words, const struct pool *p, struct err *err)
{
	if (strcmp(words, "next") != 0) {
		if (unit_parse_share(words, &out->to_bp))
			return 0;
		return err_set(err, ERR_USAGE,
			"'%.40s' is no share of v2; write 25%%, 0.5%%, 2500bp or next", words);
	}
	out->to_bp = p ? p->standing.next_bp : 0;
	/* Where it cannot be known what is next, the checks say why. */
	bool known = !p ||
		(p->standing.reported_bp >= 0 && p->standing.open < 0 &&
			p->standing.freshness <= FRESHNESS_LATE);
	if (out->to_bp < 0 && known)
		return err_set(err, ERR_NEXT, "'%s' has no next share: write one, like 10%%", p->name);
	return 0;
}

/* A strategy is a step to the share that it implies, or to the share as it stands. */
static int read_strategy(
	struct act_request *out, const char *words, const struct pool *p, struct err *err)
{
	struct text names = {0};
	out->has_strategy = true;
	out->strategy = strategy_of(words);
	if (out->strategy != STRATEGY_COUNT) {
		int implied_bp = strategy_share_bp(out->strategy);
		out->to_bp = implied_bp >= 0 || !p ? implied_bp : p->standing.reported_bp;
		return 0;
	}
	for (int s = 0; s < STRATEGY_COUNT; s++)
		text_addf(&names, "%s%s", s ? ", " : "", strategy_name((enum strategy)s));
	err_set(err, ERR_USAGE, "'%.40s' is no strategy; write one of %s", words, text_str(&names));
	text_free(&names);
	return -1;
}

/* ---- operations ---- */

static int find(const struct operation_set *set, const char *name)
{
	for (int i = 0; i < set->count; i++)
		if (strcmp(set->name[i], name) == 0)
			return i;
	return -1;
}

static void add(struct operation_set *set, const char *name)
{
	if (find(set, name) < 0 && set->count < OPERATIONS_MAX)
		text_copy(set->name[set->count++], sizeof set->name[0], name);
}

static void drop(struct operation_set *set, const char *name)
{
	int at = find(set, name);
	if (at >= 0)
		memmove(set->name[at], set->name[at + 1],
			(size_t)(--set->count - at) * sizeof set->name[0]);
}

/* Those that v2 gets now: where it gets all, those that the pool was ever asked for. */
static void present(struct operation_set *set, const struct pool *p)
{
	const struct snapshot *s = p ? p->nodes[0].last : NULL;
	memset(set, 0, sizeof *set);
	set->limited = true;
	if (s && s->operations.limited) {
		*set = s->operations;
		return;
	}
	for (int arm = 0; s && arm < ARM_COUNT; arm++)
		for (int i = 0; i < s->arms[arm].operation_count; i++)
			add(set, s->arms[arm].operations[i].name);
}

static int read_operations(
	struct act_request *out, const char *words, const struct pool *p, struct err *err)
{
	struct operation_set *set = &out->operations;
	bool all = p && p->nodes[0].last && !p->nodes[0].last->operations.limited;
	present(set, p);
	out->widens = false;
	for (size_t len; *(words += strspn(words, " ")); words += len) {
		char name[OPERATION_NAME_MAX];
		len = strcspn(words, " ");
		if ((*words != '+' && *words != '-') || len < 2 || len - 1 >= sizeof name)
			return err_set(err, ERR_USAGE,
				"'%.*s' is no change of operations; write +OP or -OP", (int)len, words);
		snprintf(name, sizeof name, "%.*s", (int)len - 1, words + 1);
		if (!text_is_name(name, sizeof name - 1))
			return err_set(err, ERR_USAGE, "'%s' is no operation's name", name);
		if (*words == '-' && p && find(set, name) < 0)
			return err_set(err, ERR_USAGE, "v2 of '%s' does not get '%s'", p->name, name);
		out->widens |= *words == '+' && !all && find(set, name) < 0;
		(*words == '+' ? add : drop)(set, name);
	}
	return 0;
}

/* ---- the rest ---- */

/* "hold 1h", "act". */
static int read_guard(
	struct act_request *out, const char *words, const struct pool *p, struct err *err)
{
	(void)p;
	if (strcmp(words, "act") == 0) {
		out->act = GUARD_ACTION_ROLLBACK;
		out->for_ms = 0;
		return 0;
	}
	out->act = GUARD_ACTION_HOLD;
	out->for_ms = 3600 * 1000;
	if (strcmp(words, "hold") == 0)
		return 0;
	if (strncmp(words, "hold ", 5) != 0 || !unit_parse_duration(words + 5, &out->for_ms) ||
		out->for_ms <= 0 || out->for_ms > GUARD_MOST_MS)
		return err_set(err, ERR_USAGE,
			"'%.40s' is nothing for a guard; write hold, hold 2h (at most 4h) or act", words);
	return 0;
}

/* "v2.0.3", "NODE/r0.1", either with "off" behind it. */
static int read_workers(
	struct act_request *out, const char *words, const struct pool *p, struct err *err)
{
	char word[sizeof out->node + DRAIN_WORD_MAX] = "";
	size_t len = strcspn(words, " ");
	const char *behind = words + len + strspn(words + len, " ");
	(void)p;
	out->drains = strcmp(behind, "off") != 0;
	if (len < sizeof word)
		memcpy(word, words, len);
	char *slash = strrchr(word, '/');
	if (slash)
		*slash = 0;
	text_copy(out->node, sizeof out->node, slash ? word : "");
	bool good = !slash || text_is_name(word, sizeof out->node - 1);
	if (good && drain_read(&out->drain, slash ? slash + 1 : word) && (!*behind || !out->drains))
		return 0;
	return err_set(err, ERR_USAGE,
		"'%.60s' are no workers; write v2, v2.0 (a segment), v2.0.3 (a worker), r0 or r0.1 (where "
		"workers register), NODE/v2.0.3, with off behind it to end it",
		words);
}

static int read_id(
	struct act_request *out, const char *words, const struct pool *p, struct err *err)
{
	(void)p;
	if (text_is_name(words, sizeof out->of - 1) && text_copy(out->of, sizeof out->of, words))
		return 0;
	return err_set(err, ERR_USAGE, "'%.40s' is no decision's id; weir log lists them", words);
}

static int read_baseline(
	struct act_request *out, const char *words, const struct pool *p, struct err *err)
{
	(void)p;
	out->has_baseline = *words != 0;
	if (!*words || unit_parse_share(words, &out->baseline_bp))
		return 0;
	return err_set(err, ERR_USAGE, "'%.40s' is no share; write 0%%, 10%%", words);
}

static int read_nothing(
	struct act_request *out, const char *words, const struct pool *p, struct err *err)
{
	(void)out, (void)p;
	return *words ? err_set(err, ERR_USAGE, "'%.40s' is too much", words) : 0;
}

static const struct {
	enum verb verb;
	read_fn *read;
} rows[] = {
	{VERB_STEP, read_share},
	{VERB_OPERATIONS, read_operations},
	{VERB_GUARD, read_guard},
	{VERB_DRAIN, read_workers},
	{VERB_CLOSE, read_id},
	{VERB_ASK, read_share},
	{VERB_APPROVE, read_id},
	{VERB_ARM, read_baseline},
};

enum verb ask_verb(const char *word)
{
	bool steps = strcmp(word, STRATEGY) == 0 || strcmp(word, "drill") == 0;
	return steps ? VERB_STEP : verb_of(word);
}

int ask_read(struct act_request *out, const char *word, const char *words, const struct pool *p,
	struct err *err)
{
	read_fn *read = strcmp(word, STRATEGY) == 0 ? read_strategy : read_nothing;
	out->verb = ask_verb(word);
	out->to_bp = -1;
	for (size_t i = 0; read == read_nothing && i < sizeof rows / sizeof *rows; i++)
		if (rows[i].verb == out->verb)
			read = rows[i].read;
	return read(out, words, p, err);
}
