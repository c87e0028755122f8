/* Counts in: anybody's counts of two arms as text, an interval a line: `n1,x1,n2,x2` (units and
 * bad units of v1, of v2) or {"n1":..,"x1":..,"n2":..,"x2":..}. */
#ifndef WEIR_TUI_COUNTS_IN_H
#define WEIR_TUI_COUNTS_IN_H

#include "model/counts.h"
#include "model/err.h"
#include "model/odds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTS_LINE_MAX 1024 /* bytes of a line */

struct counts_in {
	int fd;           /* borrowed */
	const char *name; /* of the input, for errors; borrowed */
	int64_t line;     /* of the interval read last, from 1 */
	int64_t total;    /* units so far */
	bool begun;       /* something stood in a line */
	bool ended;
	size_t from, len; /* the bytes that are read and not yet taken */
	char bytes[4 * COUNTS_LINE_MAX];
};

/* Begins at whatever comes next from `fd`. */
void counts_in_init(struct counts_in *in, int fd, const char *name);

/* Waits for the next interval. 1 with `out`; 0 at the end of the input or when a signal ends the
 * program; -1 with err: W004 where it cannot be read, else W175 "name:line:column: ...". Empty
 * lines and a first line `n1,x1,n2,x2` are passed over. What it gives is sound, and all units
 * together are at most 2^53. */
int counts_in_next(struct counts_in *in, struct units out[ARM_COUNT], struct err *err);

#endif
