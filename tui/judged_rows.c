/* Judged rows: counts rows, and names them. It recomputes nothing: history/recheck.h does.
 *
 * Invariants:
 * 1. What is named is enough: another judge that begins with the first of these rows comes to the
 *    verdict that stands beside them. */
#include "tui/judged_rows.h"

#include "model/text.h"
#include "tui/desk_parts.h"

void judged_rows_note(struct desk *d, int pool, int64_t tick)
{
	struct judged_rows *j = &d->pools[pool].judged;
	/* Its first one: whatever was judged before it was another judge's. */
	if (d->model.pools[pool].judging->taken == 1)
		*j = (struct judged_rows){.first = tick, .last = tick};
	j->last = tick > j->last ? tick : j->last;
	j->rows++;
}

void judged_rows_write(struct text *out, const struct desk *d, int pool)
{
	const struct judged_rows *j = &d->pools[pool].judged;
	const struct pool *p = &d->model.pools[pool];
	const struct judging *g = p->judging;
	struct history_chain chain;
	if (!d->history || j->rows == 0 || j->rows != g->taken || judging_looks_beyond(g))
		return;
	history_chain(d->history, &chain);
	if (chain.recording == UNKNOWN)
		return;
	text_json_key(out, "judged");
	text_add(out, "{");
	text_json_int(out, "recording", chain.recording);
	text_json_int(out, "first", j->first);
	text_json_int(out, "last", j->last);
	text_json_int(out, "rows", j->rows);
	text_json_int(out, "nodes", p->node_count);
	text_json_int(out, "interval_ms", p->interval_ms);
	text_json_int(out, "began_ms", g->judge.began_wall_ms);
	text_json_bool(out, "afresh", g->afresh);
	text_json_int(out, "age_ms", p->standing.age_ms);
	text_json_bool(out, "counters", p->standing.doubtful);
	text_json_bool(out, "expected", !p->standing.at_rest);
	text_add(out, "}");
}
