/* Tallies: the tables of an arm and who may add to them when. Not the payload's form
 * (tallies_read.c), not the aggregate itself (tally.c).
 *
 * Invariants:
 * 1. Different keys are reserved before they are added and what was too much is given back: the
 *    arm never has more than keys_max, and `keys` never less than there are.
 * 2. Where more than one table is locked at once it is in rising order.
 * 3. What can fail or wait is before the first record is added (of v1:simple: before each).
 * 4. No key is in two tables, so the weights of all keys, kept as records come, are those of the
 *    whole however it is parted, and reading the digest walks no key. */
#include "client/engine/tallies.h"

#include "client/engine/hash.h"
#include "client/engine/rate.h"
#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct part {
	_Alignas(64) _Atomic int64_t waiting; /* records; no lock is asked for it */
	pthread_mutex_t lock;                 /* of what follows */
	struct tally *tally;
	uint64_t weight; /* the sum of its keys' */
	struct rate rate;
};

struct tallies {
	struct processor processor;
	struct partition partition;
	int buffer;
	int64_t keys_max;
	struct gate *gate;
	struct part *part; /* partition.how.count */
	_Atomic int64_t keys;
	_Atomic int64_t pauses, paused_us;
};

/* Records of a batch, those of one table together, the tables rising. */
struct sorted {
	struct tally_record record[TALLIES_RECORDS_MAX];
	struct group {
		int part, first, count;
	} group[TALLIES_RECORDS_MAX];
	int count, groups;
};

/* ---- start and end ---- */

int tallies_new(struct tallies **out, const struct tallies_options *how, struct err *err)
{
	static const char *const columns[] = {"key", NULL};
	bool parted = how->processor.kind == PROCESSOR_V2;
	const struct partition_options options = {
		.strategy = how->strategy, .count = parted ? how->partitions : 1, .columns = columns};
	struct partition partition;
	if (partition_init(&partition, &options, err) < 0)
		return -1;
	struct tallies *t = mem_new(1, sizeof *t);
	t->processor = how->processor;
	t->partition = partition;
	t->buffer = how->buffer ? how->buffer : TALLIES_BUFFER;
	t->keys_max = how->keys_max ? how->keys_max : TALLIES_KEYS_MAX;
	t->gate = how->gate;
	t->part = mem_new_aligned((size_t)options.count, sizeof *t->part, 64);
	int64_t now_us = threads_us();
	for (int i = 0; i < options.count; i++) {
		struct part *p = &t->part[i];
		pthread_mutex_init(&p->lock, NULL);
		/* The arm's bound is t->keys_max: a table's own is never the one that is met. */
		p->tally = tally_new((size_t)t->keys_max + TALLIES_RECORDS_MAX, how->seed);
		rate_init(&p->rate, now_us);
	}
	*out = t;
	return 0;
}

void tallies_free(struct tallies *t)
{
	if (!t)
		return;
	for (int i = 0; i < t->partition.how.count; i++) {
		tally_free(t->part[i].tally);
		pthread_mutex_destroy(&t->part[i].lock);
	}
	free(t->part);
	free(t);
}

/* ---- where records go ---- */

static int pick(struct partition *p, const struct tally_record *r)
{
	const struct partition_value value = {r->key, r->len};
	const struct partition_record record = {&value, 1, UNKNOWN};
	int at = partition_pick(p, &record, NULL);
	assert(at >= 0);
	return at;
}

static void sort(const struct tallies *t, const struct tallies_batch *b, struct sorted *s)
{
	/* Picking counts: in a copy, since nobody asks and all callers share the original. */
	struct partition partition = t->partition;
	int begins[PARTITIONS_MAX + 1] = {0};
	int part[TALLIES_RECORDS_MAX];
	for (int i = 0; i < b->count; i++) {
		part[i] = pick(&partition, &b->record[i]);
		begins[part[i] + 1]++;
	}
	s->count = b->count;
	s->groups = 0;
	for (int p = 0; p < t->partition.how.count; p++) {
		int count = begins[p + 1];
		if (count > 0)
			s->group[s->groups++] = (struct group){p, begins[p], count};
		begins[p + 1] += begins[p];
	}
	for (int i = 0; i < b->count; i++)
		s->record[begins[part[i]]++] = b->record[i];
}

/* ---- pressure ---- */

static enum pressure pressure_at(const struct tallies *t, const struct part *p)
{
	return pressure_of((struct pressure_gauge){atomic_load(&p->waiting), t->buffer});
}

/* Pauses before this one joins those that wait for the fullest of its tables. */
static enum tallies_end throttle(struct tallies *t, const struct sorted *s, int64_t deadline_us)
{
	enum pressure worst = PRESSURE_HEALTHY;
	for (int i = 0; i < s->groups; i++) {
		enum pressure p = pressure_at(t, &t->part[s->group[i].part]);
		worst = p > worst ? p : worst;
	}
	int64_t pause_us = pressure_pause_us(true, worst);
	if (pause_us == 0)
		return TALLIES_DONE;
	atomic_fetch_add(&t->pauses, 1);
	atomic_fetch_add(&t->paused_us, pause_us);
	int64_t until_us = threads_us() + pause_us;
	bool late = until_us > deadline_us;
	if (gate_wait(t->gate, late ? deadline_us : until_us))
		return TALLIES_STOPPING;
	return late ? TALLIES_LATE : TALLIES_DONE;
}

/* ---- adding ---- */

static bool reserve(struct tallies *t, int64_t keys)
{
	if (atomic_fetch_add(&t->keys, keys) + keys <= t->keys_max)
		return true;
	atomic_fetch_sub(&t->keys, keys);
	return false;
}

static void lock(struct tallies *t, const struct group *g)
{
	struct part *p = &t->part[g->part];
	atomic_fetch_add(&p->waiting, g->count);
	pthread_mutex_lock(&p->lock);
}

static void unlock(struct tallies *t, const struct group *g)
{
	struct part *p = &t->part[g->part];
	pthread_mutex_unlock(&p->lock);
	atomic_fetch_sub(&p->waiting, g->count);
}

/* What a key with its count and sum adds to the digest; 0 without records. */
static uint64_t weigh(uint64_t key, const struct tally_sum *sum)
{
	if (sum->count == 0)
		return 0;
	uint64_t state = key ^ (uint64_t)sum->count;
	state = hash_next(&state) ^ (uint64_t)sum->sum;
	return hash_next(&state) + !sum->fits;
}

/* True where the sum of one more value is known without asking: it stays within 64 bits. */
static bool adds_up(struct tally_sum *sum, int64_t value)
{
	bool fits = sum->count == 0 ||
		(sum->fits &&
			(value > 0 ? sum->sum <= INT64_MAX - value : sum->sum >= INT64_MIN - value));
	sum->count++;
	if (fits)
		sum->sum += value;
	sum->fits = fits;
	return fits;
}

/* Under the lock. */
static void add_record(struct part *p, const struct tally_record *r)
{
	uint64_t key = hash_bytes(r->key, r->len, r->len);
	struct tally_sum sum;
	(void)tally_get(p->tally, r->key, r->len, &sum);
	p->weight -= weigh(key, &sum);
	int added = tally_add(p->tally, r, 1, NULL);
	assert(added == 0);
	(void)added;
	if (!adds_up(&sum, r->value))
		(void)tally_get(p->tally, r->key, r->len, &sum);
	p->weight += weigh(key, &sum);
}

/* Under the lock. Returns how many keys are new. */
static int64_t add_group(struct tallies *t, const struct sorted *s, const struct group *g)
{
	struct part *p = &t->part[g->part];
	size_t before = tally_keys(p->tally);
	for (int i = 0; i < g->count; i++)
		add_record(p, &s->record[g->first + i]);
	rate_add(&p->rate, g->count, threads_us());
	return (int64_t)(tally_keys(p->tally) - before);
}

/* Under the lock. How many keys would be new. */
static int64_t count_new(struct tallies *t, const struct sorted *s, const struct group *g)
{
	struct tally *own = tally_new(TALLIES_RECORDS_MAX, 0);
	struct tally_sum sum, there;
	int64_t n = 0;
	int added = tally_add(own, s->record + g->first, (size_t)g->count, NULL);
	assert(added == 0);
	(void)added;
	for (size_t i = 0; tally_at(own, i, &sum); i++)
		n += !tally_get(t->part[g->part].tally, sum.key, sum.len, &there);
	tally_free(own);
	return n;
}

/* Near the bound: all tables at once, so that it is known before anything is added. */
static bool add_exactly(struct tallies *t, const struct sorted *s)
{
	int64_t keys = 0;
	for (int i = 0; i < s->groups; i++) {
		lock(t, &s->group[i]);
		keys += count_new(t, s, &s->group[i]);
	}
	bool fits = keys == 0 || reserve(t, keys);
	for (int i = 0; i < s->groups; i++) {
		if (fits)
			add_group(t, s, &s->group[i]);
		unlock(t, &s->group[i]);
	}
	return fits;
}

/* All of it, or nothing: false. */
static bool add(struct tallies *t, const struct sorted *s)
{
	int64_t keys = 0;
	if (!reserve(t, s->count))
		return add_exactly(t, s);
	for (int i = 0; i < s->groups; i++) {
		lock(t, &s->group[i]);
		keys += add_group(t, s, &s->group[i]);
		unlock(t, &s->group[i]);
	}
	atomic_fetch_sub(&t->keys, s->count - keys);
	return true;
}

static enum tallies_end full(const struct tallies *t, int done, int all, struct err *err)
{
	err_set(err, ERR_LIMIT,
		"the tally takes \"%" PRId64 "\" different keys, and has them: %d of %d records were "
		"added",
		t->keys_max, done, all);
	return TALLIES_FULL;
}

static enum tallies_end add_each(
	struct tallies *t, const struct tallies_batch *b, struct err *err)
{
	struct sorted one;
	one.count = one.groups = 1;
	one.group[0] = (struct group){0, 0, 1};
	for (int i = 0; i < b->count; i++) {
		one.record[0] = b->record[i];
		if (!add(t, &one))
			return full(t, i, b->count, err);
	}
	return TALLIES_DONE;
}

enum tallies_end tallies_add(
	struct tallies *t, const struct tallies_batch *b, int64_t deadline_us, struct err *err)
{
	struct sorted s;
	sort(t, b, &s);
	enum tallies_end end = throttle(t, &s, deadline_us);
	if (end != TALLIES_DONE)
		return end;
	if (t->processor.kind == PROCESSOR_V1_SIMPLE)
		return add_each(t, b, err);
	return add(t, &s) ? TALLIES_DONE : full(t, 0, b->count, err);
}

/* ---- looking ---- */

void tallies_fill(struct tallies *t, struct tallies_facts *out)
{
	uint64_t weight = 0;
	memset(out, 0, sizeof *out);
	processor_print(out->processor, &t->processor);
	out->strategy = t->partition.how.strategy;
	out->part_count = t->partition.how.count;
	out->room = t->buffer;
	out->pauses = atomic_load(&t->pauses);
	out->paused_us = atomic_load(&t->paused_us);
	for (int i = 0; i < out->part_count; i++) {
		struct part *p = &t->part[i];
		struct tallies_part *to = &out->part[i];
		pthread_mutex_lock(&p->lock);
		to->records = tally_records(p->tally);
		to->keys = (int64_t)tally_keys(p->tally);
		to->per_second = rate_read(&p->rate, threads_us());
		weight += p->weight;
		pthread_mutex_unlock(&p->lock);
		to->waiting = atomic_load(&p->waiting);
		to->pressure = pressure_at(t, p);
		out->records += to->records;
		out->keys += to->keys;
	}
	out->digest = hash_bytes(&weight, sizeof weight, (uint64_t)out->keys);
}

/* ---- telling ---- */

static bool is_fuller(const struct tallies_part *a, const struct tallies_part *b)
{
	return a->waiting != b->waiting ? a->waiting > b->waiting : a->records > b->records;
}

/* True where fewer than `max` are fuller than this one. */
static bool is_told(const struct tallies_facts *f, int i, int max)
{
	int fuller = 0;
	for (int k = 0; k < f->part_count && fuller < max; k++)
		fuller += is_fuller(&f->part[k], &f->part[i]) ||
			(k < i && !is_fuller(&f->part[i], &f->part[k]));
	return fuller < max;
}

void tallies_tell(const struct tallies_facts *f, struct tally_crew *out)
{
	_Static_assert((int)PRESSURE_COUNT == (int)FULLNESS_COUNT, "the same classes");
	*out = (struct tally_crew){
		.records = f->records, .keys = f->keys, .pauses = f->pauses, .paused_us = f->paused_us};
	(void)text_copy(out->processor, sizeof out->processor, f->processor);
	(void)text_copy(out->strategy, sizeof out->strategy, partition_name(f->strategy));
	out->known = f->records > 0;
	for (int i = 0; i < f->part_count; i++) {
		const struct tallies_part *p = &f->part[i];
		out->known |= p->waiting > 0;
		if (f->part_count > POOL_PARTITIONS_MAX && !is_told(f, i, POOL_PARTITIONS_MAX)) {
			out->partitions_dropped++;
			continue;
		}
		out->partition[out->partition_count++] = (struct partition_row){.index = i,
			.pressure = (enum fullness)p->pressure,
			.waiting = p->waiting,
			.room = f->room,
			.pause_us = pressure_pause_us(true, p->pressure),
			.records = p->records,
			.keys = p->keys,
			.per_second = p->per_second};
	}
}
