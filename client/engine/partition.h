/* Partition: which of n partitions a keyed record goes to. Pure; the owner counts and locks.
 *
 * | strategy         | where a record goes                                                  |
 * |------------------|----------------------------------------------------------------------|
 * | always_hash      | by a hash over the columns it is grouped by                          |
 * | smart_repartition| the partition it came in, where its source is parted by the same     |
 * |                  | columns; else as always_hash                                         |
 * | round_robin      | to each in turn                                                      |
 * | sticky_partition | the partition it came in; by the hash where it has none              |
 * | fan_in           | all to one                                                           |
 *
 * Grouped work needs every record of a key in one partition, so round_robin is refused for it,
 * and sticky_partition too unless the source is parted by the grouping columns: partial
 * aggregates that nobody merges are wrong. (Merged by tally.h they are right under all five.)
 * Where a source numbers only some of its records, the rest are hashed and may land apart from
 * their key: `repartitioned` above 0 beside `natural` says that its parts must be merged.
 * Each column is hashed to its end before the next begins: ("ab","c") and ("a","bc") are
 * different keys. */
#ifndef WEIR_CLIENT_ENGINE_PARTITION_H
#define WEIR_CLIENT_ENGINE_PARTITION_H

#include "model/err.h"
#include "model/unit.h"

#include <stddef.h>

/* X(name, word, other words, needs columns to group by, help) */
#define PARTITION_INFO(X) \
	X(ALWAYS_HASH, "always_hash", "alwayshash hash", true, \
		"by a hash over the grouping columns") \
	X(SMART_REPARTITION, "smart_repartition", "smartrepartition smart", true, \
		"as the source parted it where the columns agree, else by the hash") \
	X(ROUND_ROBIN, "round_robin", "roundrobin round robin", false, \
		"to each in turn; not for grouped work") \
	X(STICKY, "sticky_partition", "stickypartition sticky", false, \
		"as the source parted it, by the hash where it did not") \
	X(FAN_IN, "fan_in", "fanin fan-in", false, "all to one")

enum partition_strategy {
#define X(name, word, others, needs, help) PARTITION_##name,
	PARTITION_INFO(X)
#undef X
		PARTITION_COUNT
};

/* What is used where nobody chose. The only place that says so. */
#define PARTITION_DEFAULT PARTITION_ALWAYS_HASH

#define PARTITIONS_MAX 1024

const char *partition_name(enum partition_strategy s);
const char *partition_help(enum partition_strategy s);

/* Reads a strategy's word or one of its other words, in either case; NULL or "" is
 * PARTITION_DEFAULT. 0, or -1 with err (CONFIG), which lists all. */
int partition_of(const char *word, enum partition_strategy *out, struct err *err);

/* All borrowed while the partition is used. */
struct partition_options {
	enum partition_strategy strategy;
	int count;                  /* 1 to PARTITIONS_MAX */
	int target;                 /* fan_in: which */
	const char *const *columns; /* the work is grouped by; NULL or first NULL: not grouped */
	const char *const *source;  /* columns that its source is parted by; the same way */
};

struct partition {
	struct partition_options how;
	int columns;           /* in how.columns */
	bool aligned;          /* the source is parted by the columns the work is grouped by */
	uint64_t turn;         /* round_robin */
	int64_t natural;       /* records that stayed where they came in */
	int64_t repartitioned; /* smart, sticky: records that were hashed instead */
};

/* Checks everything that can be known before the first record. 0, or -1 with err (CONFIG). */
int partition_init(struct partition *p, const struct partition_options *how, struct err *err);

struct partition_value {
	const char *data; /* NULL: the record lacks this column */
	size_t len;
};

struct partition_record {
	const struct partition_value *values; /* grouped: one for each column, in their order */
	int count;
	int64_t partition; /* it came in; below 0 (UNKNOWN): none */
};

/* The partition of a record, 0 to count-1, or -1 with err (FIELD): a column is missing, or
 * there is nothing to hash. */
int partition_pick(struct partition *p, const struct partition_record *record, struct err *err);

/* The part of records that stayed where they came in, of those that could have; NaN before the
 * first. Reading changes nothing. */
double partition_alignment(const struct partition *p);

#endif
