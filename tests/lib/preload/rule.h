/* Rule: what is to happen at which call. A rule is counted before the call is made: what is
 * killed or fails has not happened. */
#ifndef WEIR_TESTS_LIB_PRELOAD_RULE_H
#define WEIR_TESTS_LIB_PRELOAD_RULE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RULE_DISK = 1, RULE_NET = 2 };

/* X(name, group); open counts only for writing: that is what a read-only file system refuses;
 * opendir, of no group, is any that opens a directory for reading */
#define CALL_INFO(X) \
	X(open, RULE_DISK) \
	X(write, RULE_DISK) \
	X(pwrite, RULE_DISK) \
	X(fsync, RULE_DISK) \
	X(fdatasync, RULE_DISK) \
	X(ftruncate, RULE_DISK) \
	X(fallocate, RULE_DISK) \
	X(msync, RULE_DISK) \
	X(rename, RULE_DISK) \
	X(unlink, RULE_DISK) \
	X(send, RULE_NET) \
	X(recv, RULE_NET) \
	X(opendir, 0)

enum call {
#define X(name, group) CALL_##name,
	CALL_INFO(X)
#undef X
		CALL_COUNT
};

enum action { ACTION_NONE, ACTION_KILL, ACTION_POWER, ACTION_HOLD, ACTION_FAIL };

struct rule {
	unsigned calls; /* a bit each */
	const char *path, *data, *after, *gate, *note, *count;
	long at;
	bool every;
	unsigned seed;
	int64_t clock_ms, haste;
	enum action action;
	int error;
	atomic_bool armed; /* what `after` waits for has been sent */
	atomic_long seen;
};

#define RULES_MAX 8
extern struct rule rules[RULES_MAX];
extern size_t rule_count;

/* Reads $PRELOAD_FAULT; a list that cannot be read ends the program with status 125. */
void rule_read(void);

/* Writes the counts that are asked for. */
void rule_finish(void);

/* Comes before each call; true when it is to fail, errno set. `path` may be NULL: that of `fd`.
 * `bytes` (may be NULL) are to be sent or written. */
bool rule_meets(enum call call, int fd, const char *path, const void *bytes, size_t len);

/* True when the rule is about this file. */
bool rule_has_path(const struct rule *r, int fd, const char *path);

/* By how much the wall clock is ahead. */
int64_t rule_clock_ms(void);

/* How many times as fast the time since boot runs; 1 or less: as it does. */
int64_t rule_haste(void);

#endif
