/* Import: an exchange file of JSON lines (export.h) becomes a history. */
#ifndef WEIR_HISTORY_IMPORT_H
#define WEIR_HISTORY_IMPORT_H

#include "model/err.h"
#include "model/pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct import_report {
	int64_t rows, head_seq;
	char head[POOL_HASH_MAX]; /* "" for no row in the chain */
};

/* Makes the history `to` of the lines of `from`, whose name is `name`: verbatim, with numbers,
 * hashes and signatures. `to` appears only when all of it is there, the chain is whole and ends
 * where the file says; an existing one is refused (W004). `interrupted` is asked now and then and
 * ends it. 0, or -1 with err. */
int import_run(struct import_report *out, FILE *from, const char *name, const char *to,
	bool (*interrupted)(void), struct err *err);

#endif
