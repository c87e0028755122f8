/* The headline table. Each row says whether it applies and writes its sentence; the first one
 * wins. Rows that ask for an act come before those that ask for a look. */
#include "model/headline.h"

#include "model/model.h"
#include "model/reconcile.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

const char *level_name(enum level l)
{
	static const char *const words[LEVEL_COUNT] = {
#define X(name, word) word,
		LEVEL_INFO(X)
#undef X
	};
	return words[l];
}

/* What the rows speak about, written once. */
struct view {
	const struct model *m;
	const struct pool *p;
	const struct standing *s;
	const struct decision *open; /* NULL none */
	struct instant now;
	char share[24], next[24], asked[24], since[24];
	char rest[48]; /* where the pool is before a first step */
};

typedef bool row_fn(const struct view *v, char *out, size_t size);

static bool write(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static bool write(char *out, size_t size, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(out, size, format, args);
	va_end(args);
	return true;
}

/* "node-b" for the first node without news or effect; the target before it has said its name.
 */
static const char *unseen_node(const struct view *v)
{
	const struct node *n = &v->p->nodes[0];
	for (int k = v->p->node_count; k-- > 0;)
		if (v->p->unseen >> k & 1)
			n = &v->p->nodes[k];
	return n->last ? n->last->node : n->target;
}

static bool rollback_unseen(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_RB_UNVERIFIED)
		return false;
	char to[24];
	unit_share(to, sizeof to, v->open->to_bp);
	/* Who only looks does not try, and does not know who does. */
	if (v->m->read_only)
		return write(out, size, "Rollback of %s ago not verified on record. The pool says %s",
			v->since, v->share);
	return write(out, size,
		"Rollback not seen on %.24s for %s, still trying. %d/%d nodes are at %s",
		unseen_node(v), v->since, v->s->seen_nodes, v->p->node_count, to);
}

static bool rollback_sending(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ROLLING_BACK)
		return false;
	if (v->m->read_only)
		return write(out, size, "Rollback of %s ago has no answer on record. The pool says %s",
			v->since, v->share);
	return write(out, size, "Rolling back for %s: no answer yet, still trying", v->since);
}

static bool both_fail(const struct view *v, char *out, size_t size)
{
	const struct guard *g = &v->s->guard;
	if (!g->both && !(v->p->latch.red && v->p->latch.both))
		return false;
	char v1[16], v2[16];
	unit_percent(v1, sizeof v1, v->s->arms[ARM_V1].error_rate);
	unit_percent(v2, sizeof v2, v->s->arms[ARM_V2].error_rate);
	return write(out, size,
		"Both sides break a limit (errors v1 %s %%, v2 %s %%): not v2's doing. Held", v1, v2);
}

static bool red(const struct view *v, char *out, size_t size)
{
	if (!v->p->latch.red)
		return false;
	const struct guard_metric *g = &v->s->guard.metric[v->p->latch.metric];
	const char *what = metric_name(v->p->latch.metric);
	if (v->p->latch.metric != METRIC_ERRORS) {
		char value[16] = "-", limit[16];
		bool memory = v->p->latch.metric == METRIC_MEMORY;
		int64_t shown =
			g->value[ARM_V2] == g->value[ARM_V2] ? (int64_t)g->value[ARM_V2] : UNKNOWN;
		(memory ? unit_bytes : unit_ms)(value, sizeof value, shown);
		(memory ? unit_bytes : unit_ms)(limit, sizeof limit, (int64_t)g->limit);
		return write(out, size, "v2 breaks its limit: %s %s%s of %s. Press R to roll back",
			what, value, memory ? "" : " ms", limit);
	}
	char v1[16], v2[16], mostly[OPERATION_NAME_MAX + 10] = "";
	unit_percent(v1, sizeof v1, v->s->arms[ARM_V1].error_rate);
	unit_percent(v2, sizeof v2, v->s->arms[ARM_V2].error_rate);
	if (v->s->worst_operation[0])
		snprintf(mostly, sizeof mostly, ", mostly %.16s", v->s->worst_operation);
	if (v->s->guard.state != GUARD_RED)
		return write(
			out, size, "v2 broke its errors limit, now %s %%. R rolls back, U accepts", v2);
	return write(
		out, size, "v2 fails: errors %s %%, v1 %s %%%s. Press R to roll back", v2, v1, mostly);
}

static bool no_history(const struct view *v, char *out, size_t size)
{
	if (!v->m->history_known || v->m->history_writable || v->m->read_only)
		return false;
	return write(out, size, "History cannot be written: steps locked, R works. %.28s",
		v->m->history_why);
}

static bool foreign(const struct view *v, char *out, size_t size)
{
	for (int k = 0; k < v->p->node_count; k++)
		if (v->p->nodes[k].foreign)
			return write(out, size, "Another pool answers at %.40s. Steps locked",
				v->p->nodes[k].target);
	return false;
}

static bool unresolved(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_UNRESOLVED)
		return false;
	if (v->open->verb != VERB_STEP)
		return write(out, size,
			"A %s sent %s ago has no answer: effect unknown. Asking; R works",
			verb_row(v->open->verb)->word, v->since);
	char from[24], to[24];
	unit_share(from, sizeof from, v->open->from_bp);
	unit_share(to, sizeof to, v->open->to_bp);
	return write(out, size,
		"Step %s > %s sent %s ago, no answer: share is either. Asking; R works", from, to,
		v->since);
}

static bool never(const struct view *v, char *out, size_t size)
{
	if (v->s->freshness != FRESHNESS_NEVER)
		return false;
	const struct node *n = v->p->nodes;
	while (n->last && n + 1 < v->p->nodes + v->p->node_count)
		n++;
	const struct err *e = &n->trouble;
	if (e->code == ERR_NONE)
		return write(out, size, "Waiting for the first news of the pool");
	return write(out, size, "No news from the pool yet: %.48s", e->text);
}

static bool stale(const struct view *v, char *out, size_t size)
{
	if (v->s->freshness < FRESHNESS_STALE)
		return false;
	char age[24];
	unit_age(age, sizeof age, v->s->age_ms);
	return write(out, size, "No news for %s: all figures are old. Steps locked, R works", age);
}

static bool restarted(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_DIVERGED || !v->s->restarted)
		return false;
	char age[24];
	unit_countdown(age, sizeof age, v->s->uptime_ms);
	return write(out, size, "Pool restarted %s ago: share fell %s > %s. S puts %s back", age,
		v->asked, v->share, v->asked);
}

static bool diverged(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_DIVERGED)
		return false;
	return write(out, size, "The pool says %s, asked %s, and nothing explains it. R rolls back",
		v->share, v->asked);
}

static bool mixed(const struct view *v, char *out, size_t size)
{
	if (!v->s->mixed)
		return false;
	return write(out, size, "Nodes differ: %d.%02d to %d.%02d %%. Steps locked, R works",
		v->s->mixed_low_bp / 100, v->s->mixed_low_bp % 100, v->s->mixed_high_bp / 100,
		v->s->mixed_high_bp % 100);
}

static bool held(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_HELD || !v->s->hold.on)
		return false;
	const char *reason = v->s->hold.reason;
	return write(out, size, "Held by %.24s%s%.24s%s. U resumes, R rolls back", v->s->hold.actor,
		reason[0] ? ": \"" : "", reason, reason[0] ? "\"" : "");
}

static bool stepping(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_STEPPING)
		return false;
	char to[24];
	unit_share(to, sizeof to, v->open->to_bp);
	return write(out, size, "A step to %s by %.30s is on its way", to, v->open->actor);
}

static bool rolled_back(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ROLLED_BACK)
		return false;
	/* One that others made, or that nobody watched, is known by the pool's word only. */
	const struct decision *last = reconcile_last_change(v->p->decisions, v->p->decision_count);
	return write(out, size, "Rolled back to %s, %s%s", v->share,
		last && last->verified_ms != UNKNOWN ? "seen on every node" : "every node says so",
		v->s->reported_bp == 0 ? ". v1 carries the traffic" : "");
}

static bool complete(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_COMPLETE)
		return false;
	return write(
		out, size, "All work is on v2 and its bake has passed. The way back is open: R");
}

static bool finalized(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_FINALIZED)
		return false;
	return write(out, size, "Finished: all work is on v2, there is no way back");
}

static bool ready(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_READY)
		return false;
	if (v->s->next_bp < 0)
		return write(
			out, size, "At %s. Nothing moves by itself; step or roll back by hand", v->share);
	if (!v->s->next.allowed) {
		char why[160];
		interlock_summary(why, sizeof why, &v->s->next);
		return write(out, size, "Ready for %s, but not now: %.48s", v->next, why);
	}
	static const char *const guards[GUARD_COUNT] = {[GUARD_NONE] = "no limit is set",
		[GUARD_GREEN] = "v2 within its limits",
		[GUARD_UNKNOWN] = "too little data to judge v2",
		[GUARD_RED] = "v2 breaks a limit"};
	return write(out, size, "Ready for %s: %s%s. S steps", v->next,
		v->p->plan.policy == POLICY_MANUAL ? "" : "bake passed, ", guards[v->s->guard.state]);
}

static bool baking(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_BAKING)
		return false;
	const struct interlock *i = &v->s->next;
	const char *news = v->s->guard.state == GUARD_GREEN ? "Within limits so far"
		: v->s->guard.state == GUARD_NONE               ? "No limit is set"
														: "Too little data to judge v2";
	if (v->s->next_bp < 0 || i->failures == 0)
		return write(out, size, "%s. Baking at %s", news, v->share);
	static const unsigned in_time = 1u << PREDICATE_BAKE | 1u << PREDICATE_SAMPLES;
	if (i->failing & ~in_time || v->s->bake_left_ms == UNKNOWN) {
		char why[160];
		interlock_summary(why, sizeof why, i);
		return write(out, size, "%s. Not ready for %s: %.36s", news, v->next, why);
	}
	if (i->wait_ms == UNKNOWN && v->s->bake_left_ms == 0)
		return write(out, size, "%s. Waiting for samples before S steps to %s", news, v->next);
	char left[24];
	unit_countdown(left, sizeof left, i->wait_ms == UNKNOWN ? v->s->bake_left_ms : i->wait_ms);
	return write(
		out, size, "%s. Nothing to do for %s; then S steps to %s", news, left, v->next);
}

static bool armed(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ARMED)
		return false;
	return write(out, size, "%s. S steps to %s", v->rest, v->next);
}

static bool planned(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_PLANNED)
		return false;
	char why[160];
	interlock_summary(why, sizeof why, &v->s->next);
	return write(out, size, "%s. Not ready: %.44s", v->rest, why[0] ? why : "checking");
}

static bool looking(const struct view *v, char *out, size_t size)
{
	for (size_t i = 0; i < v->p->decision_count; i++) {
		const struct decision *d = &v->p->decisions[i];
		bool touched = d->outcome == OUTCOME_APPLIED || !outcome_is_final(d->outcome);
		if (!d->observed && verb_is_sent(d->verb) && touched)
			return write(out, size, "%s. Nothing moves by itself", v->rest);
	}
	return write(out, size, "Looking only: nothing has been written to this pool");
}

static const struct {
	enum level level;
	row_fn *row;
} rows[] = {
	{LEVEL_ACT, rollback_unseen},
	{LEVEL_ACT, rollback_sending},
	{LEVEL_ACT, both_fail},
	{LEVEL_ACT, red},
	{LEVEL_LOOK, no_history},
	{LEVEL_LOOK, foreign},
	{LEVEL_LOOK, unresolved},
	{LEVEL_LOOK, never},
	{LEVEL_LOOK, stale},
	{LEVEL_LOOK, restarted},
	{LEVEL_LOOK, diverged},
	{LEVEL_LOOK, mixed},
	{LEVEL_LOOK, held},
	{LEVEL_OK, stepping},
	{LEVEL_OK, rolled_back},
	{LEVEL_OK, complete},
	{LEVEL_OK, finalized},
	{LEVEL_OK, ready},
	{LEVEL_OK, baking},
	{LEVEL_OK, armed},
	{LEVEL_OK, planned},
	{LEVEL_OK, looking},
};

/* Cuts at HEADLINE_COLUMNS columns, and drops what a precision left of a character. */
static void cut(char *s)
{
	size_t at = 0, len = strlen(s);
	int columns = 0;
	for (size_t from = 0; from < len;) {
		uint32_t point;
		int n = text_decode(s + from, len - from, &point);
		if (n <= 0) {
			from++;
			continue;
		}
		columns += text_columns(point);
		if (columns > HEADLINE_COLUMNS)
			break;
		memmove(s + at, s + from, (size_t)n);
		at += (size_t)n;
		from += (size_t)n;
	}
	s[at] = 0;
}

void headline_write(
	struct headline *out, const struct model *m, const struct pool *p, struct instant now)
{
	const struct standing *s = &p->standing;
	struct view v = {.m = m, .p = p, .s = s, .now = now};
	v.open = s->open >= 0 ? &p->decisions[s->open] : NULL;
	unit_share(v.share, sizeof v.share, s->reported_bp);
	unit_share(v.next, sizeof v.next, s->next_bp);
	unit_share(v.asked, sizeof v.asked, s->intended_bp);
	snprintf(v.rest, sizeof v.rest,
		s->reported_bp > 0 ? "At %s, the baseline" : "All work is on v1", v.share);
	if (v.open)
		unit_countdown(v.since, sizeof v.since, now.wall_ms - v.open->at_ms);
	for (size_t i = 0;; i++) {
		if (!rows[i].row(&v, out->text, sizeof out->text))
			continue;
		out->level = rows[i].level;
		cut(out->text);
		return;
	}
}
