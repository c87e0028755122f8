/* Signers: whose keys are in a file, and how much each of them signed. */
#ifndef WEIR_HISTORY_SIGNERS_H
#define WEIR_HISTORY_SIGNERS_H

#include "history/chain.h"

struct sqlite3;

/* Lists every key of the file, also one that signs nothing. 0, or -1 with err. */
int signers_read(
	struct chain_report *out, struct sqlite3 *db, const char *path, struct err *err);

/* Counts a row for the key with this id. */
void signers_count(struct chain_report *out, int64_t id);

/* How many different keys sign rows. 0, or -1 with err. */
int signers_distinct(int *keys, struct sqlite3 *db, const char *path, struct err *err);

#endif
