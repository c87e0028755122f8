/* What a share would cost and show, as rows of the dialog that takes it. */
#include "tui/view_forecast.h"

#include "tui/basis.h"
#include "tui/judge_words.h"

#include <math.h>
#include <stdio.h>

/* Bad units a minute: "2,422/min", "0.3/min". */
static void write_minute(char *out, size_t size, double n)
{
	char whole[24];
	unit_count(whole, sizeof whole, (int64_t)(n + 0.5));
	if (n < 9.95)
		snprintf(out, size, "%.1f/min", n);
	else
		snprintf(out, size, "%s/min", whole);
}

static void bad_row(struct pen *p, const struct forecast *f)
{
	char v2[32], worst[32], v1[32], whole[160], brief[160];
	write_minute(v1, sizeof v1, f->v1_bad);
	if (isnan(f->v2_worst)) {
		snprintf(whole, sizeof whole, "not known yet; v1 would have %s there", v1);
		snprintf(brief, sizeof brief, "not known yet; v1 would have %s", v1);
	} else {
		write_minute(v2, sizeof v2, f->v2_bad);
		write_minute(worst, sizeof worst, f->v2_worst);
		snprintf(
			whole, sizeof whole, "%s expected, %s at worst; v1 would have %s", v2, worst, v1);
		snprintf(brief, sizeof brief, "%s, worst %s; v1 %s", v2, worst, v1);
	}
	pen_row_fit(p, ROLE_TEXT, "bad on v2", whole, brief);
}

/* Somebody acts by itself on what the judge proves. */
static bool rolls_back(const struct pool *p)
{
	const struct pool_guard *g = &p->standing.pool_guard;
	if (p->standing.owner == OWNER_NONE || g->held_ms != UNKNOWN)
		return false;
	if (p->standing.owner == OWNER_POOL && g->armed)
		return g->action == GUARD_ACTION_ROLLBACK && g->verdict != VERDICT_NONE;
	return p->limits.action == GUARD_ACTION_ROLLBACK;
}

/* When a v2 twice as bad would be known and gone, and how many it would hurt until then. */
static void twice_row(struct pen *p, const struct pool *pool, const struct forecast *f)
{
	char known[16], back[16], hurt[24], whole[160], brief[120];
	judge_words_time(known, sizeof known, f->known_ms);
	judge_words_time(back, sizeof back, f->back_ms);
	unit_count(hurt, sizeof hurt, isnan(f->hurt) ? UNKNOWN : (int64_t)(f->hurt + 0.5));
	if (!rolls_back(pool)) {
		snprintf(whole, sizeof whole,
			"twice as bad: known after %s; nobody acts on that by itself", known);
		snprintf(brief, sizeof brief, "2x: known in %s; nobody acts on that", known);
	} else {
		snprintf(whole, sizeof whole, "twice as bad: known after %s, back after %s, %s %s hurt",
			known, back, hurt, pool->judging->judge.sessions ? "sessions" : "requests");
		snprintf(
			brief, sizeof brief, "2x: known in %s, back in %s, %s hurt", known, back, hurt);
	}
	pen_row_fit(p, ROLE_TEXT, "if v2 is", whole, brief);
}

static void too_small_row(struct pen *p, const struct forecast *f, int64_t bake_ms)
{
	char known[16], bake[24], whole[160], brief[120];
	judge_words_time(known, sizeof known, f->known_ms);
	unit_duration(bake, sizeof bake, bake_ms);
	bool ever = f->known_ms != UNKNOWN;
	snprintf(whole, sizeof whole, "too small to show anything in this bake (%s)%s%s", bake,
		ever ? ": known after " : "", ever ? known : "");
	snprintf(brief, sizeof brief, "too small for this bake (%s)%s%s", bake,
		ever ? ": after " : "", ever ? known : "");
	pen_row_fit(p, ROLE_WARN, "the share", whole, brief);
}

void view_forecast(struct pen *p, const struct view *v, const struct sheet *sheet)
{
	struct forecast_basis b;
	struct forecast f;
	if (sheet->to_bp <= sheet->from_bp)
		return;
	basis_of(&b, v->pool);
	forecast_share(&f, &b, sheet->to_bp);
	if (isnan(f.v1_bad)) {
		pen_row(p, ROLE_TEXT, "bad on v2", "not known yet");
		return;
	}
	if (b.bad_rate == 0) {
		pen_row_fit(p, ROLE_TEXT, "bad on v2",
			"v1 has had none bad: how soon a bad v2 shows, nobody knows",
			"v1 has had none: no forecast");
		return;
	}
	bad_row(p, &f);
	if (sheet->to_bp == SHARE_FULL)
		pen_row_fit(p, ROLE_WARN, "the share",
			"no v1 is left beside it to compare with: only limits judge",
			"no v1 to compare with: only limits judge");
	else if (f.too_small)
		too_small_row(p, &f, b.bake_ms);
	else
		twice_row(p, v->pool, &f);
}
