/* Resident: one addressable worker: a counter that messages change, its state on and off the
 * disk, asleep and awake. Whoever has claimed it calls these, one thread at a time, and without
 * the lock of the tree around it. */
#ifndef WEIR_CLIENT_ENGINE_RESIDENT_H
#define WEIR_CLIENT_ENGINE_RESIDENT_H

#include "client/engine/lifecycle.h"
#include "client/engine/mailbox.h"
#include "client/engine/threads.h"

struct counter;
struct segment; /* residents_parts.h */
struct resident;

/* Where residents stand one behind the other; each stands in one line at most. */
struct line {
	struct resident *first, *last;
	int64_t count;
};

struct resident {
	struct ref ref;
	/* With the tree's lock: */
	struct segment *segment;
	struct line *line; /* NULL: in none */
	struct resident *before, *after;
	struct mailbox mailbox;
	struct lifecycle life;
	int64_t idle_us; /* since when it stands in the line of idle ones */
	bool claimed;    /* a thread has it */
	bool lazy;       /* it is not to start before it has a letter */
	bool again;      /* it ran before: its start is a restart */
	bool moving;     /* its state is still where it was */
	bool leaving;    /* idle for too long */
	/* Of whoever has claimed it: */
	bool asleep;  /* hibernated: `packed` */
	bool unsaved; /* its state is not what is on the disk */
	union {
		struct counter *counter; /* NULL: not started */
		int64_t packed;
	} state;
	int64_t done, failed;
	int restarts;
};

void line_put(struct line *line, struct resident *x);
/* Takes it out of the line it stands in, if any. */
void line_leave(struct resident *x);

/* A new one, in no line and not started. The caller frees it, and only when it has no mail. */
struct resident *resident_new(const struct ref *ref);
void resident_free(struct resident *x);

/* Gets its state: from the directory if that has one of it (`dir` -1: there is none), else 0.
 * 0, or -1 with err, not started. */
int resident_start(struct resident *x, int dir, struct err *err);

/* It ended abnormally: whatever it had in memory is gone. */
void resident_lose(struct resident *x);

/* Lives on with its state in memory of its own; the old is given back. */
void resident_carry(struct resident *x);

/* Puts its state on the disk. 0, or -1 with err. */
int resident_save(struct resident *x, int dir, struct err *err);

/* What it cannot know of itself. */
struct surroundings {
	struct address at;
	int64_t queued;
	int dir; /* -1: none */
	struct gate *gate;
};

enum resident_end { RESIDENT_GOES_ON, RESIDENT_KILLED, RESIDENT_CRASHED };

struct outcome {
	enum resident_end end;
	bool ok;
	bool trouble;         /* the failure is the worker's, not the work's */
	enum failure failure; /* when !ok, with the message */
	char message[POOL_REASON_MAX];
	char result[ENVELOPE_RESULT_MAX];
};

/* Does what it is told, waking for it where that must be. */
void resident_do(struct resident *x, const struct order *order,
	const struct surroundings *around, struct outcome *out);

/* Bytes that a worker takes, awake or asleep. */
size_t resident_bytes(bool asleep);

#endif
