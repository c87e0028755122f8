/* The inside of what-if, shared by whatif.c (running over a recording) and whatif_truth.c (what v2
 * really was). Nothing else includes this. */
#ifndef WEIR_TUI_WHATIF_PARTS_H
#define WEIR_TUI_WHATIF_PARTS_H

#include "model/burst.h"
#include "tui/whatif.h"

/* One interval of one node. */
struct whatif_item {
	int64_t from_ms, at_ms; /* wall clock, its end exclusive */
	int64_t rise_ms;        /* when v2's share last rose; UNKNOWN never */
	int64_t requests[ARM_COUNT], failed[ARM_COUNT];
	struct units unit[JUDGED_COUNT]
					 [ARM_COUNT]; /* of errors and p99: judged, and bad; n 0: none */
	int share_bp;                 /* -1 unknown */
};

struct whatif_truth {
	struct whatif_item *item; /* oldest first */
	size_t count, cap;
	double phi[JUDGED_COUNT]; /* of the whole recording */
};

void whatif_truth_free(struct whatif_truth *t);

/* Finds the stretches of the items that end in the facts' span, and sums up the rest of them. */
void whatif_truth_find(const struct whatif_truth *t, struct whatif_facts *f);

/* Judges the fires of a result, which are set, by the stretches; fills in the rest of it. */
void whatif_truth_judge(
	const struct whatif_truth *t, const struct whatif_facts *f, struct whatif_result *r);

#endif
