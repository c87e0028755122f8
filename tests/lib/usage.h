/* Usage: what a process has taken so far, all its threads together, by what the kernel counts
 * anyway: nothing is traced, and the process does not know. */
#ifndef WEIR_TESTS_LIB_USAGE_H
#define WEIR_TESTS_LIB_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct usage {
	int64_t cpu_ns;
	int64_t waits;         /* it gave the processor away by itself: as often it was woken */
	int64_t reads, writes; /* calls of read, write and their like */
	int64_t resident_bytes;
};

/* Of a process that runs; false where it is gone. */
bool usage_of(pid_t pid, struct usage *out);

/* What was taken between two looks; what is resident is the later look's. */
struct usage usage_between(const struct usage *before, const struct usage *after);

#endif
