/* Ledger: the facade of history.h in memory, on a virtual disk: commits take a drawn time,
 * stall, fail for a while or for good; what was not committed is gone when a desk is killed;
 * the emergency journal is not. Desks of one file share it. */
#ifndef WEIR_TESTS_SIM_LEDGER_H
#define WEIR_TESTS_SIM_LEDGER_H

#include "history/history.h"
#include "tests/sim/ledger_file.h"

/* The disk of a history has done its work. */
void ledger_disk(struct sim *s, uint64_t serial);

/* True when an answer waits. NULL is allowed. */
bool ledger_answers(const struct history *h);
/* True when it has failed, or will with the next write. */
bool ledger_is_broken(const struct history *h);
/* Requests that wait. */
size_t ledger_queue(const struct history *h);

/* Faults. */
void ledger_stall(struct ledger_file *f, int64_t until_ms);
void ledger_fill(struct ledger_file *f, int64_t until_ms);
void ledger_break(struct sim *s, int desk); /* this desk's, until it starts anew */

/* True when the file has a row of it, or a dead desk's journal has. */
bool ledger_knows(const struct ledger_file *f, const char *id);

/* Brakes that only the journals of the living or the dead have so far. */
size_t ledger_owed(const struct ledger_file *f, const struct sim *s);

#endif
