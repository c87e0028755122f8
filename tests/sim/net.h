/* Net: the line between desks and nodes, as a driver `net:NODE`. Every message of it,
 * poll, command, question, lease and log, is lost, late, doubled or cut off as the weather
 * says; a desk waits 3 s for an answer, then none comes. */
#ifndef WEIR_TESTS_SIM_NET_H
#define WEIR_TESTS_SIM_NET_H

#include "tests/sim/sim.h"

extern const struct driver_ops net_driver;

/* A request arrives at its node; an answer at its desk. */
void net_request(struct sim *s, struct sim_event *e);
void net_answer(struct sim *s, struct sim_event *e);

/* Frees what an event holds that will not happen, beside its data. */
void net_drop(struct sim_event *e);

/* Boot time at which the desk has something to take; SIM_NEVER. */
int64_t net_due_ms(const struct sim *s, int desk);

#endif
