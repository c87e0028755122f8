/* Mismatch: a ring of differing answers. Not the comparison: engine.c compares. */
#include "client/engine/mismatch.h"

#include "model/text.h"

#include <string.h>

void mismatches_init(struct mismatches *m)
{
	memset(m, 0, sizeof *m);
	pthread_mutex_init(&m->lock, NULL);
}

void mismatches_release(struct mismatches *m)
{
	pthread_mutex_destroy(&m->lock);
}

static void take_answer(struct mismatch_answer *out, const struct engine_response *r)
{
	const char *said = r->ok ? r->result : r->message;
	out->ok = r->ok;
	out->latency_us = r->latency_us;
	text_clean(out->text, sizeof out->text, said, strlen(said));
}

void mismatches_note(struct mismatches *m, const struct engine_request *request,
	const struct engine_response *v1, const struct engine_response *v2, int64_t now_us)
{
	pthread_mutex_lock(&m->lock);
	struct mismatch *x = &m->newest[m->count++ % MISMATCHES_MAX];
	x->age_ms = now_us; /* the moment, until it is read */
	text_copy(x->operation, sizeof x->operation, request->operation);
	text_clean(x->id, sizeof x->id, request->id, strlen(request->id));
	take_answer(&x->arms[ARM_V1], v1);
	take_answer(&x->arms[ARM_V2], v2);
	pthread_mutex_unlock(&m->lock);
}

size_t mismatches_read(struct mismatches *m, struct mismatch *out, size_t max, int64_t now_us)
{
	size_t n = 0;
	pthread_mutex_lock(&m->lock);
	size_t there = m->count < MISMATCHES_MAX ? (size_t)m->count : MISMATCHES_MAX;
	for (; n < there && n < max; n++) {
		out[n] = m->newest[(m->count - 1 - n) % MISMATCHES_MAX];
		out[n].age_ms = (now_us - out[n].age_ms) / 1000;
	}
	pthread_mutex_unlock(&m->lock);
	return n;
}
