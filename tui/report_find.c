/* Which migration a report is about: all that the decisions of a file tell of, and the one that is
 * asked for.
 *
 * Invariants:
 * 1. A migration begins with the first raise from its base (or the arming before it) and ends
 *    when the share is back there, or with the recording. */
#include "tui/report.h"

#include "history/query.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX_MIN 8

/* One of a pool, as its decisions tell. */
struct found {
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX], id[DECISION_ID_MAX];
	int number;
	enum report_end end;
	int64_t first_ms, last_ms, next_ms;
	int base_bp, share_bp, top_bp;
};

struct finding {
	struct found *list;
	size_t count, cap;
	int of_pool; /* so many of this pool */
};

/* What was sent and never answered counts as done: the worse of the two. */
static bool went_through(const struct decision *d)
{
	return d->outcome == OUTCOME_APPLIED || d->outcome == OUTCOME_PENDING;
}

static void drop_last(struct finding *f)
{
	f->count--;
	if (--f->of_pool)
		f->list[f->count - 1].next_ms = 0;
}

static void begin(struct finding *f, const struct decision *d)
{
	mem_grow(&f->list, &f->cap, f->count + 1, sizeof *f->list);
	struct found *m = &f->list[f->count++];
	*m = (struct found){.number = ++f->of_pool,
		.first_ms = d->at_ms,
		.last_ms = d->at_ms,
		.base_bp = -1,
		.share_bp = -1,
		.top_bp = -1};
	text_copy(m->pool, sizeof m->pool, d->pool);
	text_copy(m->pool_id, sizeof m->pool_id, d->pool_id);
	text_copy(m->id, sizeof m->id, d->id);
}

/* The newest migration of this pool, NULL where the next raise begins one. */
static struct found *under_way(struct finding *f)
{
	struct found *m = f->count && f->of_pool ? &f->list[f->count - 1] : NULL;
	return m && m->end != REPORT_BACK ? m : NULL;
}

static void take_share(struct found *m, const struct decision *d)
{
	if (m->base_bp < 0)
		m->base_bp = d->from_bp >= 0 ? d->from_bp : 0;
	m->share_bp = d->to_bp;
	if (d->to_bp > m->top_bp)
		m->top_bp = d->to_bp;
	m->end = d->to_bp <= m->base_bp && m->top_bp > m->base_bp ? REPORT_BACK
		: d->to_bp == SHARE_FULL                              ? REPORT_COMPLETE
															  : REPORT_OPEN;
}

/* A raise that arms the pool on its way has the arming as a row of its own, behind it. */
static bool find_each(void *ctx, const struct decision *d)
{
	struct finding *f = ctx;
	struct found *m = under_way(f);
	bool raises = d->verb == VERB_STEP && d->to_bp >= 0 && d->to_bp > d->from_bp;
	if (!m && (raises || d->verb == VERB_ARM)) {
		if (f->of_pool)
			f->list[f->count - 1].next_ms = d->at_ms;
		begin(f, d);
		m = &f->list[f->count - 1];
	}
	if (m && m->top_bp < 0 && d->verb == VERB_DISARM && went_through(d)) {
		drop_last(f); /* armed, and nothing was raised */
		return true;
	}
	if (!m)
		return true;
	bool moves = (d->verb == VERB_STEP || d->verb == VERB_ROLLBACK) && d->to_bp >= 0;
	if (moves && went_through(d))
		take_share(m, d);
	if (moves || d->verb == VERB_KEEP || d->verb == VERB_FINALIZE) {
		int64_t seen = d->verified_ms != UNKNOWN ? d->verified_ms : d->outcome_ms;
		m->last_ms = seen != UNKNOWN && seen > d->at_ms ? seen : d->at_ms;
	}
	return true;
}

struct names {
	char (*list)[POOL_NAME_MAX];
	size_t count, cap;
};

static bool add_name(void *ctx, const char *word)
{
	struct names *n = ctx;
	mem_grow(&n->list, &n->cap, n->count + 1, sizeof *n->list);
	text_copy(n->list[n->count++], POOL_NAME_MAX, word);
	return true;
}

static int find_all(struct finding *f, struct query *q, const char *pool, struct err *err)
{
	struct names n = {0};
	int rc = query_words(q, QUERY_POOL, add_name, &n, err);
	for (size_t i = 0; i < n.count && rc == 0; i++) {
		struct query_filter only = {.pool = n.list[i]};
		if (pool && strcmp(pool, n.list[i]) != 0)
			continue;
		f->of_pool = 0;
		rc = query_decisions(q, &only, find_each, f, err);
		/* armed, or refused, at the end of the file is no migration yet */
		if (rc == 0 && f->of_pool && f->list[f->count - 1].top_bp < 0)
			drop_last(f);
	}
	free(n.list);
	return rc;
}

/* Says which there are, the newest first, as far as there is room. */
static void tell_ids(struct text *t, const struct finding *f)
{
	for (size_t i = f->count; i-- > 0 && f->count - i <= 4;)
		text_addf(t, "%s%.13s (%s)", t->len ? ", " : "", f->list[i].id, f->list[i].pool);
}

static int no_such(
	const struct finding *f, const struct report_how *how, int hits, struct err *err)
{
	struct text ids = {0};
	tell_ids(&ids, f);
	int rc = hits > 1
		? err_set(err, ERR_USAGE, "--migration '%s' fits %d; write more of it: %s",
			  how->migration, hits, text_str(&ids))
		: err_set(err, ERR_USAGE,
			  "--migration '%s' is the first decision of none in \"%s\"; it has %s",
			  how->migration, how->path, text_str(&ids));
	text_free(&ids);
	return rc;
}

static int choose(const struct finding *f, const struct report_how *how,
	const struct found **out, struct err *err)
{
	const struct found *best = NULL;
	int hits = 0;
	size_t len = how->migration ? strlen(how->migration) : 0;
	if (how->migration && len < PREFIX_MIN)
		return err_set(err, ERR_USAGE,
			"--migration '%s' is too short; write at least the first %d of a decision's id",
			how->migration, PREFIX_MIN);
	if (f->count == 0)
		return err_set(err, ERR_FILE,
			"\"%s\" has no migration%s%s%s: nobody raised v2's share; weir log has what was "
			"decided",
			how->path, how->pool ? " of pool '" : "", how->pool ? how->pool : "",
			how->pool ? "'" : "");
	for (size_t i = 0; i < f->count; i++) {
		const struct found *m = &f->list[i];
		if (how->migration && strncmp(m->id, how->migration, len) != 0)
			continue;
		hits++;
		if (!best || m->first_ms >= best->first_ms)
			best = m;
	}
	*out = best;
	return hits == 0 || (how->migration && hits > 1) ? no_such(f, how, hits, err) : 0;
}

int report_find(
	struct report *r, struct query *q, const struct report_how *how, struct err *err)
{
	struct finding f = {0};
	const struct found *m = NULL;
	int rc = find_all(&f, q, how->pool, err);
	if (rc == 0)
		rc = choose(&f, how, &m, err);
	if (rc == 0) {
		text_copy(r->pool, sizeof r->pool, m->pool);
		text_copy(r->pool_id, sizeof r->pool_id, m->pool_id);
		text_copy(r->id, sizeof r->id, m->id);
		r->number = m->number;
		r->end = m->end;
		r->first_ms = m->first_ms;
		r->last_ms = m->last_ms;
		r->next_ms = m->next_ms;
		r->base_bp = m->base_bp;
		r->last_bp = m->share_bp;
		r->top_bp = m->top_bp;
		for (size_t i = 0; i < f.count; i++)
			r->migrations += strcmp(f.list[i].pool, m->pool) == 0;
	}
	free(f.list);
	return rc;
}
