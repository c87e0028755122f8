/* Vault: the facade of store.h in memory, on a virtual disk, so that the real control keeps its
 * log on it: a line is on the disk some time after it was begun; a node that is killed loses
 * what was not written, one without power what was not synced. */
#ifndef WEIR_TESTS_SIM_VAULT_H
#define WEIR_TESTS_SIM_VAULT_H

#include "client/engine/store.h"
#include "tests/sim/sim.h"

struct store *vault_new(int node);
void vault_free(struct store *v);

/* The node died. Returns how many lines are gone. */
int vault_end(struct store *v, bool power);

/* The node comes up with a disk that nobody has written to. */
void vault_clear(struct store *v);

/* Faults of the disk: lines wait, or are refused. */
void vault_stall(struct store *v, int64_t until_ms);
void vault_fill(struct store *v, int64_t until_ms);

#endif
