/* Replayed: what a replay tells, given to models. For the tests of history/ only. */
#ifndef WEIR_TEST_HISTORY_REPLAYED_H
#define WEIR_TEST_HISTORY_REPLAYED_H

#include "history/replay.h"
#include "model/model.h"
#include "tests/unit/history/fixture.h"

/* Gives a model what a replay tells of a pool of one node, and another what it tells behind. */
static inline void take_replayed(struct model *front, struct model *behind,
	struct model_sample *sample, const struct driver_event *e)
{
	static const enum model_event_kind kinds[] = {[DRIVER_SNAPSHOT] = MODEL_SNAPSHOT,
		[DRIVER_RESET] = MODEL_RESET,
		[DRIVER_ROW] = MODEL_ROW,
		[DRIVER_TOLD] = MODEL_TOLD};
	const struct model_event what = {
		.kind = e->kind < sizeof kinds / sizeof *kinds ? kinds[e->kind] : MODEL_TICK,
		.at = e->at,
		.node = NODE_HANDLE(0, 0),
		.snapshot = e->snapshot,
		.row = e->sample,
		.latency = {e->latency[ARM_V1], e->latency[ARM_V2]},
		.minute = e->minute,
		.told = e->told};

	assert_true(e->kind == DRIVER_SNAPSHOT || e->kind >= DRIVER_RESET);
	if (e->kind == DRIVER_SWAP)
		model_exchange(front, behind, 0);
	else
		model_apply(e->behind ? behind : front, &what, sample);
}

#endif
