/* Mismatch: samples of work that v1 and v2 answered differently, the newest of them. Locks by
 * itself. */
#ifndef WEIR_CLIENT_ENGINE_MISMATCH_H
#define WEIR_CLIENT_ENGINE_MISMATCH_H

#include "client/engine/engine.h"

#include <pthread.h>

#define MISMATCHES_MAX 16

struct mismatches {
	pthread_mutex_t lock;
	uint64_t count; /* ever noted */
	struct mismatch newest[MISMATCHES_MAX];
};

void mismatches_init(struct mismatches *m);
void mismatches_release(struct mismatches *m);

/* Notes that a request was answered differently. What they answered is cleaned and cut. */
void mismatches_note(struct mismatches *m, const struct engine_request *request,
	const struct engine_response *v1, const struct engine_response *v2, int64_t now_us);

/* Copies the newest, newest first, at most `max`; ages are as of now. Returns how many. */
size_t mismatches_read(struct mismatches *m, struct mismatch *out, size_t max, int64_t now_us);

#endif
