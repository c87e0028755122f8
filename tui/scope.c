/* Scope: which steps of time are wanted of the history. Up to ten minutes the model's own ticks are
 * shown, with what was before them in ticks too; beyond that steps so long that some hundred make
 * the whole. */
#include "tui/scope.h"

#define STEPS 240 /* of a zoom that the history answers: its step is as long at least */

const struct zoom zooms[ZOOM_COUNT] = {
#define X(word, ms) {word, ms},
	ZOOM_INFO(X)
#undef X
};

_Static_assert(STEPS <= PAST_STEPS && POOL_TICKS <= PAST_STEPS, "all that is shown has room");

void scope_init(struct scope *s)
{
	*s = (struct scope){.zoom = ZOOM_START, .cross_ms = UNKNOWN};
}

int64_t scope_step_ms(int zoom, int64_t interval_ms)
{
	int64_t step_ms = zooms[zoom].ms / STEPS;
	return step_ms > interval_ms ? step_ms : interval_ms;
}

int64_t scope_origin_ms(const struct pool *p, struct instant now)
{
	return p->first_tick_ms == UNKNOWN ? UNKNOWN
									   : now.wall_ms - (now.boot_ms - p->first_tick_ms);
}

/* The ticks before the model's first, as many as a plot shows with none of its own; none once the
 * model's are enough. */
static void look_before(struct scope *s, const struct pool *p, struct instant now)
{
	int64_t origin_ms = scope_origin_ms(p, now), end = 0;
	if (origin_ms != UNKNOWN && ring_length(&p->ticks) < POOL_TICKS)
		end = origin_ms / p->interval_ms + p->ticks.first;
	bool any = end > POOL_TICKS;
	past_want(&s->before, any ? p->pool_id : "", p->interval_ms, any ? end - POOL_TICKS : 0,
		any ? end : 0);
}

static void look_far(struct scope *s, const struct pool *p, struct instant now)
{
	int64_t step_ms = scope_step_ms(s->zoom, p->interval_ms);
	int64_t end = now.wall_ms / step_ms + 1, count = zooms[s->zoom].ms / step_ms;
	past_want(&s->far, p->pool_id, step_ms, end - (count > 0 ? count : 1), end);
}

void scope_look(struct scope *s, const struct pool *p, struct instant now, bool replay)
{
	if (replay)
		past_want(&s->before, "", p->interval_ms, 0, 0);
	else
		look_before(s, p, now);
	if (s->zoom > ZOOM_KEPT)
		look_far(s, p, now);
}

bool scope_ask(struct scope *s, const struct pool *p, struct instant now, int rows,
	struct range_request *out)
{
	struct past *pasts[] = {&s->before, &s->far};
	for (int i = 0; i < (s->zoom > ZOOM_KEPT ? 2 : 1); i++) {
		int64_t each = ARM_COUNT * p->node_count;
		if (pasts[i]->step_ms > p->interval_ms)
			each *= pasts[i]->step_ms / p->interval_ms;
		int64_t most = each < rows ? rows / each : 1;
		if (past_ask(
				pasts[i], now, most > PAST_STEPS ? PAST_STEPS : (int)most, s->asked + 1, out)) {
			s->asked++;
			return true;
		}
	}
	return false;
}

void scope_take(
	struct scope *s, const struct range *r, const struct err *err, struct instant now)
{
	past_take(&s->before, r, err, now);
	past_take(&s->far, r, err, now);
}
