/* What an act with no sheet of its own changes, as rows of its sheet. Not the sheet: view_sheet.c. */
#include "tui/view_sheet_act.h"

#include "model/text.h"
#include "tui/asked.h"

#include <stdio.h>
#include <string.h>

static void lease_row(struct pen *p, const struct standing *st)
{
	char left[16];
	unit_countdown(left, sizeof left, st->lease.ttl_ms);
	if (!st->lease.known)
		pen_row(p, ROLE_TEXT, "lease", "this pool has none");
	else if (!st->lease.holder[0])
		pen_row(p, ROLE_TEXT, "lease", "nobody's");
	else if (st->lease_mine)
		pen_row(p, ROLE_TEXT, "lease", "yours for %s", left);
	else
		pen_row(p, ROLE_REMOTE, "lease", "%s's for %s; who loses it sees by whom",
			st->lease.holder, left);
}

static void operation_rows(struct pen *p, const struct sheet *sheet)
{
	struct text t = {0};
	for (int i = 0; i < sheet->request.operations.count; i++)
		text_addf(&t, "%s%s", i ? ", " : "", sheet->request.operations.name[i]);
	pen_row(p, ROLE_TEXT, "v2 gets", "%s", t.len ? text_str(&t) : "none of them");
	text_free(&t);
}

/* Who takes new registered workers then. */
static void place_rows(struct pen *p, const struct view *v, const struct act_request *r)
{
	char word[DRAIN_WORD_MAX], workers[24];
	int64_t there = 0;
	int left = 0, all = 0;
	drain_write(word, &r->drain);
	for (int k = 0; k < v->pool->node_count; k++) {
		const struct snapshot *s = v->pool->nodes[k].last;
		if (!s || (r->node[0] && strcmp(s->node_id, r->node) != 0))
			continue;
		const struct resident_crew *crew = &s->crew.residents;
		const struct resident_place *place = drain_place(&r->drain, crew);
		there += place && place->workers > 0 ? place->workers : 0;
		for (int i = 0; i < crew->node_count; i++, all++)
			left += &crew->node[i] == place ? !r->drains : !crew->node[i].locked;
	}
	unit_count(workers, sizeof workers, there);
	pen_row(p, ROLE_TEXT, "place", "%s%s%s: %s registered workers", word,
		r->node[0] ? " of " : "", r->node, workers);
	if (r->drains)
		pen_row(p, ROLE_TEXT, "gets",
			"no new workers; those there answer. Until D again, or a restart");
	else
		pen_row(p, ROLE_TEXT, "gets", "new workers again");
	pen_row(p, left > 0 ? ROLE_TEXT : ROLE_WARN, "left",
		"%d of %d nodes take new workers then%s", left, all,
		left > 0 || all == 0 ? "" : ": nobody new can register");
}

/* Who takes the work then. */
static void drain_rows(struct pen *p, const struct view *v, const struct act_request *r)
{
	char word[DRAIN_WORD_MAX];
	int meant = 0, busy = 0, left = 0, all = 0;
	drain_write(word, &r->drain);
	for (int k = 0; k < v->pool->node_count; k++) {
		const struct snapshot *s = v->pool->nodes[k].last;
		if (!s || (r->node[0] && strcmp(s->node_id, r->node) != 0))
			continue;
		for (int i = 0; i < s->crew.worker_count; i++) {
			const struct worker_row *w = &s->crew.worker[i];
			bool is = drain_means(&r->drain, w);
			all += w->arm == r->drain.arm;
			left += w->arm == r->drain.arm && w->state != WORKER_TERMINATED &&
				(is ? !r->drains : !w->locked);
			meant += is;
			busy += is && w->state == WORKER_BUSY;
		}
	}
	pen_row(p, ROLE_TEXT, "workers", "%s%s%s: %d, %d of them busy now", word,
		r->node[0] ? " of " : "", r->node, meant, busy);
	if (r->drains)
		pen_row(p, ROLE_TEXT, "get",
			"no new work; what they do they end. Until D again, or a restart");
	else
		pen_row(p, ROLE_TEXT, "get", "new work again");
	pen_row(p, left > 0 ? ROLE_TEXT : ROLE_WARN, "left",
		"%d of %d workers of %s take new work then%s", left, all, arm_name(r->drain.arm),
		left > 0 || all == 0 ? "" : ": the pool refuses that while it has traffic");
}

static void asked_for(struct pen *p, const struct view *v, const struct act_request *r)
{
	struct asked_row rows[ASKED_ROWS];
	const struct decision *ask = pool_decision(v->pool, r->of);
	int n = ask ? asked_rows(rows, ask, v->now.wall_ms) : 0;
	for (int i = 0; i < n; i++)
		pen_row(p, rows[i].warns ? ROLE_WARN : ROLE_REMOTE, rows[i].label, "%s", rows[i].text);
}

static void given_up(struct pen *p, const struct view *v, const struct act_request *r)
{
	const struct decision *d = pool_decision(v->pool, r->of);
	size_t len = strlen(r->of);
	char to[24];
	unit_share(to, sizeof to, d ? d->to_bp : -1);
	pen_row(p, ROLE_WARN, "gives up", "rollback ..%s to %s: nobody tries it any more",
		r->of + (len > 8 ? len - 8 : 0), to);
}

static void end_rows(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	char back[16];
	unit_share(back, sizeof back, v->pool->standing.baseline_bp);
	pen_row_fit(p, ROLE_FAIL, "for good",
		"NO WAY BACK AFTER THIS: the pool refuses every rollback and every other change",
		"NO WAY BACK AFTER THIS: every rollback is refused");
	pen_row(p, ROLE_TEXT, "until now", "R y: to %s", back);
	pen_row(p, ROLE_TEXT, "v1", "%s", sheet->interlock.check[PREDICATE_NEXT].text);
}

void view_sheet_act(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	const struct act_request *r = &sheet->request;
	const struct standing *st = &v->pool->standing;
	char share[16], back[16], time[16];
	unit_share(share, sizeof share, st->reported_bp);
	unit_share(back, sizeof back, st->kept_bp);
	switch (r->verb) {
	case VERB_KEEP:
		pen_row(p, ROLE_TEXT, "share", "%s stays; it no longer goes back to %s", share, back);
		break;
	case VERB_OPERATIONS:
		operation_rows(p, sheet);
		break;
	case VERB_ARM:
		unit_share(share, sizeof share, r->has_baseline ? r->baseline_bp : st->reported_bp);
		pen_row(p, ROLE_TEXT, "baseline", "%s: where every rollback goes", share);
		pen_row(p, ROLE_TEXT, "plan", "%.12s, policy %s", v->pool->plan_hash,
			v->pool->plan.policy.name);
		break;
	case VERB_DISARM:
		pen_row(p, ROLE_TEXT, "plan", "the pool forgets it; the share stays at %s", share);
		break;
	case VERB_GUARD:
		unit_duration(time, sizeof time, r->for_ms);
		if (r->act == GUARD_ACTION_HOLD)
			pen_row(p, ROLE_WARN, "guard", "holds where it would roll back, for %s", time);
		else
			pen_row(p, ROLE_TEXT, "guard", "rolls back again");
		break;
	case VERB_DRAIN:
		(r->drain.residents ? place_rows : drain_rows)(p, v, r);
		break;
	case VERB_ADOPT:
		pen_row(p, ROLE_WARN, "share", "%s is what was asked from now on; held until resume",
			share);
		break;
	case VERB_FINALIZE:
		end_rows(p, v, sheet);
		break;
	case VERB_APPROVE:
		asked_for(p, v, r);
		break;
	case VERB_CLOSE:
		given_up(p, v, r);
		break;
	default:
		break;
	}
	if (verb_is(r->verb, VERB_LEASED) || r->verb == VERB_TAKE)
		lease_row(p, st);
}
