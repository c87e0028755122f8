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

/* Who watches an import; what is NULL nobody asks. */
struct import_watch {
	/* The file under way, which is to be taken away with this process; it gets its name at last. */
	void (*making)(void *ctx, const char *path);
	/* Called now and then: bytes of lines, then rows of the chain and samples. False ends it. */
	bool (*progress)(void *ctx, bool checking, int64_t done, int64_t total);
	void *ctx;
};

/* Makes the history `to` of the lines of `from`, whose name is `name`: verbatim, with numbers,
 * hashes and signatures. `to` appears only when all of it is there, the chain is whole and ends
 * where the file says; an existing one is refused (W004). `watch` may be NULL. 0, or -1 with err. */
int import_run(struct import_report *out, FILE *from, const char *name, const char *to,
	const struct import_watch *watch, struct err *err);

#endif
