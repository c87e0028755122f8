/* Line facts: what a line of the roster says in figures, whatever kind of line it is, and what of
 * that is worth a look. */
#ifndef WEIR_TUI_LINE_FACTS_H
#define WEIR_TUI_LINE_FACTS_H

#include "tui/view.h"

/* UNKNOWN, NaN and "" where it does not say. */
struct line_facts {
	enum role state_role;
	char state[24];
	int64_t busy, ready, total;
	int64_t keys; /* of keyed work, which has no workers */
	int64_t queue, queue_max;
	int64_t served, failed, restarts, crashes;
	int64_t memory_bytes, memory_hour, fds;
	double cpu, health;
	char note[96]; /* the last trouble, or more figures in words */
};

void line_facts_find(struct line_facts *f, const struct view *v, const struct roster_line *l);

/* How full its queue is, 0..1; NaN unknown. */
double line_facts_queue(const struct line_facts *f);

/* The role of so full a queue. */
enum role line_facts_queue_role(double part);

#endif
