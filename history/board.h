/* Board: what the loop and the two threads of a history share: requests one way, answers the
 * other, under one mutex. Internal to history/. */
#ifndef WEIR_HISTORY_BOARD_H
#define WEIR_HISTORY_BOARD_H

#include "history/emergency.h"
#include "history/history.h"
#include "history/journal.h"
#include "history/page.h"
#include "history/range.h"
#include "history/samples.h"
#include "history/thin.h"

#include <pthread.h>

enum request_kind {
	REQUEST_INTENT,
	REQUEST_OUTCOME,
	REQUEST_EVENT,
	REQUEST_STATE, /* an event that belongs to the recording */
	REQUEST_NODE,
	REQUEST_RECORDING,
	REQUEST_OBSERVED,
	REQUEST_SAMPLE,
	REQUEST_LOAD,
	REQUEST_FIND,
	REQUEST_PAGE,
	REQUEST_DETAIL,
	REQUEST_SERIES,
	REQUEST_RAISING,
};

struct request {
	struct request *next;
	enum request_kind kind;
	size_t bytes; /* what it weighs in the backlog */
	/* of an intent; under the mutex */
	bool cancelled;
	bool left; /* it was sent before it was recorded */
	int64_t cancelled_ms;
	char why[POOL_REASON_MAX];
	union {
		struct decision intent;
		struct outcome_row outcome;
		struct journal_event event;
		struct journal_node node;
		struct journal_recording recording;
		struct {
			struct journal_node node;
			struct audit_entry *entries;
			size_t count;
		} observed;
		struct samples_row sample;
		struct {
			char pool[POOL_NAME_MAX];
			size_t limit;
		} load;
		char hash[POOL_HASH_MAX]; /* to find */
		struct page_request page;
		struct {
			uint64_t number;
			char id[DECISION_ID_MAX];
		} detail;
		struct range_request range;
		int64_t raising_ms; /* wall clock of whoever asks which pools rise */
	};
};

/* A request with nothing but its kind; only the memory of that kind is allocated. */
struct request *request_new(enum request_kind kind);
void request_free(struct request *r);

struct request_list {
	struct request *first, *last;
	size_t count, bytes;
};

void request_append(struct request_list *list, struct request *r);
struct request *request_take_first(struct request_list *list);
/* Puts all of `front` before all of `list` and empties it. */
void request_put_back(struct request_list *list, struct request_list *front);
/* Frees all; returns how many there were. */
int64_t request_drop_all(struct request_list *list);

struct answer_node {
	struct answer_node *next;
	struct history_answer answer;
};

enum board_condition {
	BOARD_OPENING,
	BOARD_MIGRATING, /* for some time already: the older file can be read meanwhile */
	BOARD_OPEN,
	BOARD_BROKEN
};

#define BOARD_BACKLOG_MS (10 * 60 * 1000)
#define BOARD_BACKLOG_BYTES (16 * 1024 * 1024)

struct board {
	/* fixed before the threads start */
	char *path, *actor, *key_dir;
	bool must_be_new, quiet;
	int64_t lock_ms, max_raising;
	struct thin_how thinning;
	int event_fd;

	pthread_mutex_t mutex;  /* guards all that follows */
	pthread_cond_t work;    /* the writer has something to do */
	pthread_cond_t reading; /* the reader has */
	pthread_cond_t ended;   /* a thread has ended, or the writer has nothing to do */
	struct request_list journal, samples, loads;
	int64_t unread;           /* requests to the reader without their answer */
	struct request_list late; /* brakes that were refused for now; at most EMERGENCY_SLOTS */
	struct emergency emergency;
	struct request *writing; /* the intent in the writer's hands */
	struct answer_node *first_answer, *last_answer;
	enum board_condition condition;
	struct err why; /* why it is broken */
	bool trouble;   /* the last write failed, the file is still open */
	bool has_recording;
	int64_t dropped, dropped_untold; /* samples; those no gap event tells of yet */
	int64_t lost;                    /* other requests that nobody will do */
	int64_t last_ms;                 /* the newest wall time that any request carried */
	struct history_chain chain;
	int64_t in_hand; /* rows that the writer has taken, and that would be lost */
	bool at_work;   /* the writer may have the lock */
	bool resting;   /* and is not to take it */
	bool stopping, abandoned;
	int threads; /* still running */
};

/* NULL with err when the system refuses a descriptor or a lock. */
struct board *board_new(const struct history_options *how, struct err *err);
void board_free(struct board *b);

/* The newest wall time that any request carried. */
int64_t board_last_ms(struct board *b);

/* To be called under the mutex. */

/* How many of a list nobody will find again: the emergency journal keeps the others. */
int64_t board_lost(const struct board *b, const struct request_list *list);
/* Whether what failed for this reason is tried again: at the end only where a lock is in the way,
 * and while somebody waits for it. */
bool board_tries_again(const struct board *b, const struct err *why);
void board_answer(struct board *b, struct history_answer *a); /* moves what `a` owns */
void board_refuse(struct board *b, const char *id, const struct err *why);
/* Takes in where the chain stands; opening is no writing. */
void board_chain(struct board *b, const struct journal *j);
void board_drop_oldest_samples(struct board *b);

/* A thread's last act: wakes history_stop, or frees the board when nobody waits any more. */
void board_thread_ends(struct board *b);

#endif
