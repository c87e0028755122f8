/* Emergency: the slots, in this process's file and in the bytes of another's. Not when a slot is
 * used or freed, history.c and writer.c say so; not what follows from a dead one's, salvage.c
 * does that.
 *
 * Invariants:
 * 1. The hash of a slot (of its outcome) is written behind everything it covers: what was cut
 *    short has the hash 0, or a wrong one.
 * 2. A slot is freed only when the history has all of it.
 * 3. What is read from bytes is believed only where it is whole, in range and cleaned. */
#include "history/emergency.h"

#include "history/place.h"
#include "history/linux.h"
#include "model/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "weirbrk1"
#define NAMES_MAX \
	100 /* journals of one process id: of the dead, and of other histories' users */
#define AT_MAX_MS 253402300799999 /* the year 9999 */

/* As it lies in the file; numbers in the order of the machine. weir-history(5) has it too. */
struct emergency_slot {
	_Atomic uint64_t hash; /* of the rest down to outcome_hash; 0: free */
	char magic[8];
	int64_t at_ms, epoch, rev;
	int32_t from_bp, to_bp;
	char texts[336]; /* id, pool, pool_id, actor, role, verb, reason: each with its NUL */
	_Atomic uint64_t outcome_hash; /* of the rest, begun with `hash`; 0: no outcome */
	int64_t outcome_ms, latency_ms;
	char outcome[104]; /* kind, answer: each with its NUL */
};

_Static_assert(
	sizeof(struct emergency_slot) * EMERGENCY_SLOTS == EMERGENCY_BYTES, "the file's format");
_Static_assert(DECISION_ID_MAX + POOL_NAME_MAX + POOL_ID_MAX + POOL_ACTOR_MAX + 24 + 10 <
		sizeof((struct emergency_slot *)0)->texts,
	"only the reason is ever cut");

/* ---- a slot ---- */

/* FNV-1a, 64 bits; never 0. */
static uint64_t hash_of(uint64_t hash, const void *from, const void *end)
{
	for (const unsigned char *p = from; p != (const unsigned char *)end; p++)
		hash = (hash ^ *p) * 0x100000001b3;
	return hash != 0 ? hash : 1;
}

static uint64_t decision_hash(const struct emergency_slot *s)
{
	return hash_of(0xcbf29ce484222325, s->magic, &s->outcome_hash);
}

static uint64_t outcome_hash(const struct emergency_slot *s, uint64_t hash)
{
	return hash_of(hash, &s->outcome_ms, s + 1);
}

/* Texts one behind the other. */
struct strip {
	char *at;
	size_t left;
};

/* Appends a text, cut to what is left. */
static void pack(struct strip *to, const char *text)
{
	size_t len;

	text_copy(to->at, to->left, text);
	len = strlen(to->at) + 1;
	to->at += len;
	to->left -= len;
}

static void write_decision(struct emergency_slot *s, const struct decision *d)
{
	struct strip to = {s->texts, sizeof s->texts};

	memset(s->texts, 0, sizeof s->texts);
	s->at_ms = d->at_ms;
	s->epoch = d->epoch;
	s->rev = d->rev;
	s->from_bp = d->from_bp;
	s->to_bp = d->to_bp;
	pack(&to, d->id);
	pack(&to, d->pool);
	pack(&to, d->pool_id);
	pack(&to, d->actor);
	pack(&to, d->role);
	pack(&to, verb_row(d->verb)->word);
	pack(&to, d->reason);
	atomic_store_explicit(&s->hash, decision_hash(s), memory_order_release);
}

static void write_outcome(struct emergency_slot *s, const struct outcome_row *row)
{
	struct strip to = {s->outcome, sizeof s->outcome};

	memset(s->outcome, 0, sizeof s->outcome);
	s->outcome_ms = row->at_ms;
	s->latency_ms = row->latency_ms;
	pack(&to, outcome_name(row->kind));
	pack(&to, row->answer);
	atomic_store_explicit(&s->outcome_hash, outcome_hash(s, s->hash), memory_order_release);
}

/* Both hashes go first, so that nothing half-written follows from the next use. */
static void clear(struct emergency_slot *s)
{
	atomic_store_explicit(&s->hash, 0, memory_order_release);
	atomic_store_explicit(&s->outcome_hash, 0, memory_order_release);
}

/* ---- the slots of this process ---- */

/* The slot of an id ("": a free one), EMERGENCY_SLOTS when there is none. */
static size_t find(const struct emergency *e, const char *id)
{
	size_t i = 0;

	while (i < EMERGENCY_SLOTS && strcmp(e->used[i].id, id) != 0)
		i++;
	return i;
}

static void free_slot(struct emergency *e, size_t i)
{
	clear(&e->slots[i]);
	e->used[i] = (struct emergency_use){0};
	e->count--;
	e->full = false;
}

static void free_if_done(struct emergency *e, size_t i)
{
	const struct emergency_use *u = &e->used[i];

	if (u->recorded && (!u->has_outcome || u->settled))
		free_slot(e, i);
}

bool emergency_put(struct emergency *e, const struct decision *d)
{
	size_t i;

	if (e->slots == NULL)
		return false;
	if (emergency_holds(e, d->id))
		return true;
	i = find(e, "");
	e->full = i == EMERGENCY_SLOTS;
	if (e->full) {
		e->refused++;
		return false;
	}
	write_decision(&e->slots[i], d);
	text_copy(e->used[i].id, sizeof e->used[i].id, d->id);
	e->count++;
	return true;
}

bool emergency_holds(const struct emergency *e, const char *id)
{
	return e->count > 0 && id[0] != '\0' && find(e, id) < EMERGENCY_SLOTS;
}

void emergency_outcome(struct emergency *e, const struct outcome_row *row)
{
	size_t i;

	if (row->row != OUTCOME_ROW_FINAL || !emergency_holds(e, row->decision))
		return;
	i = find(e, row->decision);
	if (e->used[i].has_outcome)
		return;
	write_outcome(&e->slots[i], row);
	e->used[i].has_outcome = true;
}

void emergency_recorded(struct emergency *e, const char *id)
{
	if (!emergency_holds(e, id))
		return;
	e->used[find(e, id)].recorded = true;
	free_if_done(e, find(e, id));
}

void emergency_settled(struct emergency *e, const char *id)
{
	if (!emergency_holds(e, id))
		return;
	e->used[find(e, id)].settled = true;
	free_if_done(e, find(e, id));
}

void emergency_drop(struct emergency *e, const char *id)
{
	if (emergency_holds(e, id))
		free_slot(e, find(e, id));
}

void emergency_sync(const struct emergency *e)
{
	if (e->slots != NULL)
		msync(e->slots, EMERGENCY_BYTES, MS_SYNC);
}

/* ---- the file of this process ---- */

/* Makes a file with a name of its own and locks it. -1 when that cannot be. */
static int create(const char *history, struct text *path)
{
	for (int i = 0; i < NAMES_MAX; i++) {
		struct stat st;
		int fd;

		text_clear(path);
		text_addf(path, "%s" EMERGENCY_TAIL "%ld", history, (long)getpid());
		if (i > 0)
			text_addf(path, ".%d", i);
		fd = open(text_str(path), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno != EEXIST)
			return -1;
		if (fd < 0)
			continue;
		/* an importer may have taken it for a dead one's before it was locked */
		if (linux_lock(fd, 0, LINUX_EXCLUSIVE) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1)
			return fd;
		close(fd);
	}
	return -1;
}

/* Whoever may write the history may import the journal. */
static void share(int fd, const char *history)
{
	struct stat whole, own;

	if (stat(history, &whole) < 0 || (whole.st_mode & S_IWGRP) == 0 || fstat(fd, &own) < 0)
		return;
	if (own.st_gid == whole.st_gid || fchown(fd, (uid_t)-1, whole.st_gid) == 0)
		fchmod(fd, 0660);
}

static struct emergency_slot *map(int fd)
{
	struct emergency_slot *slots;

	if (posix_fallocate(fd, 0, EMERGENCY_BYTES) != 0)
		return NULL;
	slots = mmap(NULL, EMERGENCY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (slots == MAP_FAILED)
		return NULL;
	/* also touches every page, while waiting for one is no harm */
	for (size_t i = 0; i < EMERGENCY_SLOTS; i++)
		memcpy(slots[i].magic, MAGIC, sizeof slots[i].magic);
	return slots;
}

void emergency_open(struct emergency *e, const char *history)
{
	struct text path = {0};

	*e = (struct emergency){.fd = -1};
	if (place_make(history, NULL) == 0)
		e->fd = create(history, &path);
	if (e->fd >= 0) {
		share(e->fd, history);
		e->slots = map(e->fd);
		if (e->slots == NULL) {
			unlink(text_str(&path));
			close(e->fd);
		}
	}
	if (e->slots != NULL)
		e->path = text_take(&path);
	text_free(&path);
}

void emergency_close(struct emergency *e)
{
	if (e->slots == NULL)
		return;
	munmap(e->slots, EMERGENCY_BYTES);
	if (e->count == 0)
		unlink(e->path);
	close(e->fd);
	free(e->path);
	*e = (struct emergency){.fd = -1};
}

/* ---- what is said ---- */

static void add_share(struct text *t, int bp)
{
	if (bp < 0)
		text_add(t, "?");
	else
		text_addf(t, "%d", bp);
}

void emergency_line(char out[EMERGENCY_LINE_MAX], const struct decision *d)
{
	struct text line = {0};

	text_addf(
		&line, "not in the history yet: %s %s %s ", d->actor, verb_row(d->verb)->word, d->pool);
	add_share(&line, d->from_bp);
	text_add(&line, " > ");
	add_share(&line, d->to_bp);
	text_addf(&line, " bp, id %s", d->id);
	text_clean(out, EMERGENCY_LINE_MAX, text_str(&line), line.len);
	text_free(&line);
}

/* ---- reading ---- */

/* Texts to be taken, one behind the other. */
struct source {
	const char *at;
	size_t left;
};

/* Takes the next text, cleaned; false when it has no end or is longer than its field. */
static bool unpack(struct source *from, char *out, size_t size)
{
	const char *end = memchr(from->at, '\0', from->left);
	const size_t len = end != NULL ? (size_t)(end - from->at) : size;

	if (len >= size)
		return false;
	text_clean(out, size, from->at, len);
	from->at += len + 1;
	from->left -= len + 1;
	return true;
}

#define UNPACK(from, field) unpack(from, field, sizeof(field))

static bool is_share(int32_t bp)
{
	return bp >= -1 && bp <= SHARE_FULL;
}

static bool is_time(int64_t ms)
{
	return ms >= 0 && ms <= AT_MAX_MS;
}

static bool is_count(int64_t n)
{
	return n == UNKNOWN || n >= 0;
}

static bool read_decision(const struct emergency_slot *s, struct decision *d)
{
	struct source from = {s->texts, sizeof s->texts};
	char verb[24];

	if (memcmp(s->magic, MAGIC, sizeof s->magic) != 0 || s->hash != decision_hash(s))
		return false;
	*d = (struct decision){.at_ms = s->at_ms,
		.from_bp = s->from_bp,
		.to_bp = s->to_bp,
		.epoch = s->epoch,
		.rev = s->rev,
		.late = true,
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.closed_ms = UNKNOWN,
		.latency_ms = UNKNOWN};
	if (!UNPACK(&from, d->id) || !UNPACK(&from, d->pool) || !UNPACK(&from, d->pool_id) ||
		!UNPACK(&from, d->actor) || !UNPACK(&from, d->role) || !UNPACK(&from, verb) ||
		!UNPACK(&from, d->reason))
		return false;
	d->verb = verb_of(verb);
	return text_is_name(d->id, sizeof d->id - 1) && d->pool[0] != '\0' &&
		d->verb < VERB_COUNT && verb_is_brake(d->verb) && is_time(d->at_ms) &&
		is_share(d->from_bp) && is_share(d->to_bp) && is_count(d->epoch) && is_count(d->rev);
}

/* An outcome that was cut short is none: the pool is asked what became of the decision. */
static bool read_outcome(
	const struct emergency_slot *s, const char *id, struct outcome_row *row)
{
	struct source from = {s->outcome, sizeof s->outcome};
	char kind[24];

	if (s->outcome_hash != outcome_hash(s, s->hash))
		return false;
	*row = (struct outcome_row){
		.row = OUTCOME_ROW_FINAL, .at_ms = s->outcome_ms, .latency_ms = s->latency_ms};
	text_copy(row->decision, sizeof row->decision, id);
	if (!UNPACK(&from, kind) || !UNPACK(&from, row->answer))
		return false;
	row->kind = outcome_of(kind);
	return row->kind < OUTCOME_COUNT && outcome_is_final(row->kind) && is_time(row->at_ms) &&
		is_count(row->latency_ms);
}

bool emergency_is_journal(const void *file)
{
	const struct emergency_slot *slots = file;
	const unsigned char *bytes = file;

	for (size_t i = 0; i < EMERGENCY_SLOTS; i++)
		if (memcmp(slots[i].magic, MAGIC, sizeof slots[i].magic) == 0)
			return true;
	for (size_t i = 0; i < EMERGENCY_BYTES; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

void emergency_read(struct emergency_found *out, const void *file, size_t slot)
{
	const struct emergency_slot *s = (const struct emergency_slot *)file + slot;

	*out = (struct emergency_found){0};
	if (s->hash == 0)
		return;
	out->has_decision = read_decision(s, &out->decision);
	out->is_damaged = !out->has_decision;
	out->has_outcome = out->has_decision && read_outcome(s, out->decision.id, &out->outcome);
}
