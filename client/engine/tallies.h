/* Tallies: what the operation `tally` does: counts and sums by key, kept by one arm.
 *
 * | processor        | tables                   | a batch is                             |
 * |------------------|--------------------------|----------------------------------------|
 * | v1:simple        | one                      | done record by record                  |
 * | v1:transactional | one                      | done as a whole or not at all          |
 * | v2:N             | N, each with its lock    | the same; its records are parted by key |
 *
 * The same records give the same digest in all of them, in whatever order they came. A payload
 * that is no batch is refused before any arm sees it, so it is nobody's failure but its sender's.
 * What is tallied lasts as long as the engine. */
#ifndef WEIR_CLIENT_ENGINE_TALLIES_H
#define WEIR_CLIENT_ENGINE_TALLIES_H

#include "client/engine/partition.h"
#include "client/engine/pressure.h"
#include "client/engine/processor.h"
#include "client/engine/tally.h"
#include "client/engine/threads.h"
#include "model/pool.h"

#define TALLIES_RECORDS_MAX 512 /* more do not fit into a payload */
#define TALLIES_BYTES_MAX 4096  /* of their keys, which do not outgrow the payload */
#define TALLIES_KEYS_MAX 65536  /* different keys of an arm */
#define TALLIES_BUFFER 4096     /* records that may wait for one table */

/* ---- one request ---- */

struct tallies_batch {
	struct tally_record record[TALLIES_RECORDS_MAX]; /* their keys lie in `bytes` */
	int count, keys;                                 /* records; different keys of them */
	char bytes[TALLIES_BYTES_MAX];
};

/* Reads the records of a request: `key` with a payload {"value":n}, or "" with
 * {"records":[["key",n],...]}; n a whole number within 2^53 - 1 on both sides of 0, a key of 1 to
 * TALLY_KEY_MAX bytes. Everything is checked here, whatever the arm. 0, or -1 with err (FIELD),
 * which names the record. */
int tallies_read(
	struct tallies_batch *out, const char *key, const char *payload, struct err *err);

/* ---- the tables of one arm; thread-safe ---- */

struct tallies;

struct tallies_options {
	struct processor processor;
	int partitions; /* of v2; v1 has one */
	enum partition_strategy strategy;
	int keys_max, buffer; /* 0: TALLIES_KEYS_MAX, TALLIES_BUFFER */
	struct gate *gate;    /* ends pauses; borrowed until tallies_free */
	uint64_t seed;
};

/* 0, or -1 with err (CONFIG): a strategy that would tear the records of a key apart. */
int tallies_new(struct tallies **out, const struct tallies_options *how, struct err *err);
/* NULL is allowed. */
void tallies_free(struct tallies *t);

enum tallies_end {
	TALLIES_DONE,
	TALLIES_FULL,     /* too many different keys; err says what was done */
	TALLIES_LATE,     /* the deadline (of threads_us) came during a pause: nothing was done */
	TALLIES_STOPPING, /* the gate closed: nothing was done */
};

/* Adds a batch. Where many records wait for one of its tables it pauses first, as pressure.h
 * says, at most until the deadline. */
enum tallies_end tallies_add(
	struct tallies *t, const struct tallies_batch *batch, int64_t deadline_us, struct err *err);

/* ---- how they are ---- */

struct tallies_part {
	int64_t records, keys;
	int64_t waiting; /* records of calls that are about to add them */
	enum pressure pressure;
	double per_second; /* records, over the last seconds; NaN where none are over */
};

struct tallies_facts {
	char processor[PROCESSOR_TEXT_MAX];
	enum partition_strategy strategy;
	int64_t records, keys;
	uint64_t digest;
	int64_t pauses, paused_us; /* of calls, and how long they were meant to be */
	int64_t room;              /* records that may wait for one table */
	int part_count;
	struct tallies_part part[PARTITIONS_MAX];
};

/* Reading changes nothing and walks no keys. Table after table: with work under way the sums are
 * not of one moment. Large: the caller allocates. */
void tallies_fill(struct tallies *t, struct tallies_facts *out);

/* What the state document says of it: where there are more tables than rows, the fullest. Not
 * known as long as nothing was tallied. */
void tallies_tell(const struct tallies_facts *facts, struct tally_crew *out);

#endif
