/* Bounds: the lists of --recycle and --limit, "age=1h,requests=10000,memory=512MiB". */
#ifndef WEIR_TUI_BOUNDS_H
#define WEIR_TUI_BOUNDS_H

#include "model/err.h"

#include <stdint.h>

/* Each 0 where it is not said. */
struct bounds {
	int64_t age_us, requests, memory_bytes;               /* then it is replaced */
	int64_t limit_memory_bytes, limit_cpu_s, limit_files; /* that the system lets it have */
};

/* Reads when a worker program is replaced: age, requests, memory. 0, or -1 with err (USAGE). NULL
 * sets nothing. */
int bounds_read_recycle(struct bounds *out, const char *list, struct err *err);

/* Reads what the system lets it have at most: memory (of address space), cpu (processor time),
 * files. The same. */
int bounds_read_limit(struct bounds *out, const char *list, struct err *err);

#endif
