/* What the loop's side of a history has in hand. For history.c and answers.c alone. */
#ifndef WEIR_HISTORY_HISTORY_PARTS_H
#define WEIR_HISTORY_HISTORY_PARTS_H

#include "history/board.h"
#include "history/history.h"
#include "history/state.h"

#include <pthread.h>

/* What the loop last said of a node. */
struct node_mark {
	char node_id[POOL_ID_MAX];
	struct text mark; /* of the last state that was recorded */
	struct state_timers timers;
	int64_t tick;      /* of the last sample; UNKNOWN none in this recording */
	int64_t sample_ms; /* its wall time */
};

struct history {
	struct board *board;
	pthread_t writer, reader;
	struct node_mark *nodes; /* by their ids */
	size_t node_count, node_cap;
};

#endif
