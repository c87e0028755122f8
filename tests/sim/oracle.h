/* Oracle: what must hold after every event, and what must have happened when all is well again.
 * It sees what no desk sees: what truly happened at the nodes and when. */
#ifndef WEIR_TESTS_SIM_ORACLE_H
#define WEIR_TESTS_SIM_ORACLE_H

#include "client/engine/control.h"
#include "tests/sim/sim.h"

struct oracle;

struct oracle *oracle_new(void);
void oracle_free(struct oracle *o);

/* ---- what it is told ---- */

/* Of a desk: an intent goes to the writer; a row about one; a command leaves; a document has
 * come that was made at `made_ms`; a press was answered; a turn is over; it died; it woke. */
void oracle_intent(struct sim *s, int desk, const struct decision *d);
void oracle_outcome(struct sim *s, int desk, const struct outcome_row *row);
void oracle_sent(struct sim *s, int desk, int node, const struct command *c);
void oracle_told(
	struct sim *s, int desk, int node, const struct snapshot *document, int64_t made_ms);
void oracle_pressed(
	struct sim *s, int desk, int pool, enum verb verb, const struct act_result *result);
void oracle_desk_turned(struct sim *s, int desk, unsigned dirty);
void oracle_desk_died(struct sim *s, int desk);
void oracle_desk_woke(struct sim *s, int desk);
/* Its host lost power, and with it what was on no disk. */
void oracle_desk_lost_power(struct sim *s, int desk);
/* A text goes to where people read it: an event, entries of a pool's log. */
void oracle_shown(struct sim *s, int desk, const char *what, const char *text);
void oracle_observed(struct sim *s, int desk, const struct audit_entry *entries, size_t count);

/* A node says that it did a command, and did not. */
void oracle_lied(struct sim *s, int node, const struct command *c);

/* Of a node: before something may change it; time or a lease has acted; a command was answered;
 * it started anew. */
void oracle_node_before(struct sim *s, int node);
void oracle_node_ticked(struct sim *s, int node);
void oracle_node_did(
	struct sim *s, int node, int desk, const struct command *c, const struct control_answer *a);
void oracle_node_started(struct sim *s, int node, bool forgot);

/* After every event. */
void oracle_event(struct sim *s);

/* When faults have ended: true when all that must follow has followed, and all is checked; it
 * fails the day when that takes too long. */
bool oracle_is_over(struct sim *s);

#endif
