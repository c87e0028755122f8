/* Echo: what a desk writes down, told again to another model as a replay tells it, and whether
 * that one believes the same at each decision (I9).
 *
 * A recording of a real file keeps differences and makes documents of them again; that these
 * are the same documents is shown by the tests of history/. Here the documents that the desk
 * gives to its history are told at once, so that nothing of them is kept. */
#ifndef WEIR_TESTS_SIM_ECHO_H
#define WEIR_TESTS_SIM_ECHO_H

#include "history/history.h"
#include "tests/sim/sim.h"

struct echo;

/* NULL: this day has none. */
struct echo *echo_new(struct sim *s);
void echo_free(struct echo *e);

/* True where this desk is the one that is told again: it records. */
bool echo_is_of(const struct sim *s, int desk);

/* What its history is given; of other desks nothing is taken. */
void echo_begin(struct sim *s, int desk);
void echo_loaded(struct sim *s, int desk, const struct history_answer *a);
void echo_document(
	struct sim *s, int desk, int64_t at_ms, const char *pool, const struct snapshot *document);
void echo_intent(struct sim *s, int desk, const struct decision *d);
/* What was never sent: the writer says so itself, or there is no row of it at all. */
void echo_not_sent(struct sim *s, int desk, const char *id);
void echo_outcome(struct sim *s, int desk, const struct outcome_row *row);
void echo_observed(struct sim *s, int desk, int64_t at_ms, const char *pool,
	const struct snapshot *node, const struct audit_entry *entries, size_t count);

/* The desk's time has come so far. */
void echo_tick(struct sim *s, int desk);

#endif
