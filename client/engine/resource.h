/* Resource: what a process uses, as the system says it in /proc. */
#ifndef WEIR_CLIENT_ENGINE_RESOURCE_H
#define WEIR_CLIENT_ENGINE_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct resource {         /* each UNKNOWN where it cannot be read */
	int64_t memory_bytes; /* resident and swapped out */
	int64_t cpu_us;       /* user and system, of its life so far */
	int64_t fds, threads;
};

/* Of a process; 0 is this one. */
void resource_read(struct resource *out, pid_t pid);

/* Who a process is: a pid alone may have gone to another one. */
struct resource_stat {
	char state; /* R, S, D, Z, … */
	int64_t group, threads;
	int64_t cpu_ticks, start_ticks; /* of the system's clock; start since it booted */
};

/* False when there is no such process; 0 is this one. */
bool resource_stat(struct resource_stat *out, pid_t pid);

/* Reads the text of /proc/PID/stat. A name with blanks and brackets in it is no trouble. */
bool resource_parse_stat(struct resource_stat *out, const char *text);

/* Bytes from the text of /proc/PID/status: resident, and swapped out where the system counts
 * that; UNKNOWN for what has no memory (a zombie) or does not fit. */
int64_t resource_parse_memory(const char *text);

/* Reads /proc/PID/NAME, at most size - 1 bytes with a NUL behind them: how many, -1 when it
 * cannot be read. */
ssize_t resource_file(pid_t pid, const char *name, char *out, size_t size);

#endif
