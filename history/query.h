/* Query: reading a history file. Read-only, also beside a running recorder, also of another
 * user's file in a directory that cannot be written. Synchronous: for commands, the reader
 * thread and replay. */
#ifndef WEIR_HISTORY_QUERY_H
#define WEIR_HISTORY_QUERY_H

#include "history/history.h"

struct query; /* opaque */

/* Opens a history read-only. Refuses what is no weir history (W203), a newer one (W205). */
int query_open(struct query **out, const char *path, struct err *err);
void query_close(struct query *q); /* NULL: nothing */

struct sqlite3;
/* The same over a connection that belongs to somebody else and outlives it. */
struct query *query_over(struct sqlite3 *db, const char *path);

struct query_filter { /* zero or NULL: any */
	const char *pool, *actor, *outcome;
	int verb;          /* enum verb + 1 */
	int64_t since_ms;  /* wall clock, inclusive; 0 any */
	int64_t until_ms;  /* exclusive, of decisions and of what is known of them; 0 any */
	int64_t before_ms; /* exclusive, of decisions only; 0 any */
	int64_t after_seq; /* only rows behind it; 0 any */
	int64_t news_seq;  /* the same of the row, its final outcome or its verification; 0 any */
	size_t last;       /* only the last so many; 0 all */
};

/* Calls `each` for every matching decision, oldest first, with its outcome rows applied (when
 * until_ms is set: only those before it). `each` returns false to stop. 0, or -1 with err. */
int query_decisions(struct query *q, const struct query_filter *f,
	bool (*each)(void *ctx, const struct decision *d), void *ctx, struct err *err);

/* The same, of one moment of the file; `*seq` becomes its chain's head: given as the filter's
 * news_seq it brings what is recorded from then on. */
int query_news(struct query *q, const struct query_filter *f, int64_t *seq,
	bool (*each)(void *ctx, const struct decision *d), void *ctx, struct err *err);

/* What stands in the history. */
enum query_word { QUERY_POOL, QUERY_ACTOR };
/* Calls `each` for every name of a kind, in its order; `each` returns false to stop. */
int query_words(struct query *q, enum query_word what,
	bool (*each)(void *ctx, const char *word), void *ctx, struct err *err);

/* One decision by its id, as it stands now. 1 found, 0 there is none with a verb of ours, -1
 * with err. */
int query_decision(struct query *q, const char *id, struct decision *out, struct err *err);

/* Calls `each` for every row about decisions of `pool` before `until_ms` (0: all), in the order
 * in which they were recorded. */
int query_outcomes(struct query *q, const char *pool, int64_t until_ms,
	bool (*each)(void *ctx, const struct outcome_row *row), void *ctx, struct err *err);

/* Fills pool_id, nodes and node_count of an answer with what is pinned for a pool by name. */
int query_pins(struct query *q, const char *pool, struct history_answer *out, struct err *err);

struct query_event {
	int64_t seq, at_ms;
	char pool[POOL_NAME_MAX];
	char kind[24];
	char text[POOL_REASON_MAX];
	const char *detail; /* JSON; borrowed for the call */
};
int query_events(struct query *q, const char *pool, const char *kind, int64_t since_ms,
	int64_t until_ms, bool (*each)(void *ctx, const struct query_event *e), void *ctx,
	struct err *err);

struct query_recording {
	int64_t id, started_ms, ended_ms; /* ended: UNKNOWN while it runs or after a kill */
	int64_t interval_ms, first_tick, last_tick;
	char operator_name[POOL_ACTOR_MAX], host[POOL_NAME_MAX], version[24];
};
int query_recordings(struct query *q, bool (*each)(void *ctx, const struct query_recording *r),
	void *ctx, struct err *err);

/* What a recording was made under, as JSON: the terms of its pools, and the whole configuration;
 * empty where there is no such recording. 0, or -1 with err. */
struct text;
int query_terms(struct query *q, int64_t recording, struct text *terms, struct text *config,
	struct err *err);

struct query_pool {
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX];
	int64_t first_seen_ms, last_seen_ms;
};
int query_pools(struct query *q, bool (*each)(void *ctx, const struct query_pool *p), void *ctx,
	struct err *err);

/* Calls `each` for the samples of one node in one recording with since <= t < until (wall clock
 * ms), oldest first; histograms are those stored, borrowed for the call. */
int query_samples(struct query *q, int64_t recording, const char *node_id, int64_t since_ms,
	int64_t until_ms, bool (*each)(void *ctx, const struct history_sample *s), void *ctx,
	struct err *err);

/* The node ids that have samples in a recording, those of a pool or of all (NULL), at most
 * `max`. */
int query_nodes(struct query *q, int64_t recording, const char *pool_id,
	char (*ids)[POOL_ID_MAX], size_t max, size_t *count, struct err *err);

#endif
