/* Vault: what client/engine/store.c does with a thread and a file, on the virtual clock. Not its
 * code: that the real one keeps these promises is shown by its own tests. Its functions stand
 * before those of the archive.
 *
 * 1. Lines come onto the disk in the order they were begun in; a brake waits for the disk, any
 *    other is tried once.
 * 2. A line that was given up while it was written is followed by its void before any other is.
 * 3. Whoever waits for a line that the disk takes in time has waited: the virtual clock stands
 *    still meanwhile, as if the answer had travelled so much faster. */
#include "tests/sim/vault.h"

#include "model/mem.h"
#include "model/text.h"

#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 1000
#define BRAKE_MS 200

enum line_state {
	LINE_QUEUED,
	LINE_WRITTEN, /* a kill does not take it; a loss of power may */
	LINE_SYNCED,
};

struct line {
	struct store_record record;
	char *operations; /* that the record borrows; NULL */
	enum line_state state;
	bool brakes, has_undo;
	struct store_record undo;
	uint64_t ticket;
	int64_t due_ms;
};

struct store {
	int node;
	struct line *lines; /* oldest first */
	size_t count, cap;
	size_t synced; /* so many of them are on the disk */
	uint64_t tickets, failed;
	bool late;
	int64_t stalled_until_ms, full_until_ms;
};

struct store *vault_new(int node)
{
	struct store *v = mem_new(1, sizeof *v);
	v->node = node;
	return v;
}

static void drop(struct store *v, size_t i)
{
	free(v->lines[i].operations);
	v->count--;
	memmove(&v->lines[i], &v->lines[i + 1], (v->count - i) * sizeof *v->lines);
}

void vault_clear(struct store *v)
{
	while (v->count > 0)
		drop(v, v->count - 1);
	v->synced = 0;
	v->late = false;
}

void vault_free(struct store *v)
{
	if (!v)
		return;
	vault_clear(v);
	free(v->lines);
	free(v);
}

/* ---- the disk ---- */

static int64_t now_ms(void)
{
	return sim_world()->now.boot_ms;
}

static void insert(struct store *v, size_t at, const struct line *l)
{
	mem_grow(&v->lines, &v->cap, v->count + 1, sizeof *v->lines);
	memmove(&v->lines[at + 1], &v->lines[at], (v->count - at) * sizeof *v->lines);
	v->lines[at] = *l;
	v->count++;
	if (l->record.operations)
		v->lines[at].record.operations = v->lines[at].operations =
			mem_copy(l->record.operations);
}

/* The first line that is not on the disk gets there. A void directly behind the change of its
 * key takes that change back, for whoever reads it: what is left is the void. */
static void sync_next(struct store *v)
{
	struct line *l = &v->lines[v->synced++];
	l->state = LINE_SYNCED;
	if (!l->has_undo)
		return;
	l->has_undo = false;
	l->record = l->undo;
	free(l->operations);
	l->operations = NULL;
}

/* What has come onto the disk by now. */
static void pass(struct store *v)
{
	while (v->synced < v->count && v->lines[v->synced].due_ms <= now_ms())
		sync_next(v);
	v->late = v->late && v->synced < v->count;
}

int vault_end(struct store *v, bool power)
{
	struct sim *s = sim_world();
	pass(v);
	size_t stays = v->synced;
	/* The one in the thread's hands may be there or not. */
	while (stays < v->count && v->lines[stays].state == LINE_WRITTEN &&
		(!power || sim_draw(&s->random_disk, 2)))
		stays++;
	bool full = now_ms() < v->full_until_ms;
	if (stays < v->count && v->lines[stays].state == LINE_QUEUED && !full &&
		sim_draw(&s->random_disk, 2))
		v->lines[stays++].state = LINE_WRITTEN;
	int lost = (int)(v->count - stays);
	while (v->count > stays)
		drop(v, v->count - 1);
	for (size_t i = 0; i < v->count; i++) {
		v->lines[i].has_undo = false;
		v->lines[i].ticket = 0;
		v->lines[i].due_ms = now_ms(); /* with the next line that is synced, or by itself */
	}
	v->late = false;
	return lost;
}

void vault_stall(struct store *v, int64_t until_ms)
{
	v->stalled_until_ms = until_ms;
}

void vault_fill(struct store *v, int64_t until_ms)
{
	v->full_until_ms = until_ms;
}

/* ---- store.h ---- */

int store_open(
	struct store **out, const char *dir, const struct store_options *how, struct err *err)
{
	(void)how;
	*out = NULL;
	return err_set(err, ERR_FILE, "no store is opened at '%s' in a simulation", dir);
}

void store_close(struct store *v)
{
	(void)v;
}

const char *store_note(const struct store *v)
{
	(void)v;
	return "";
}

const struct store_record *store_record_at(const struct store *v, size_t i)
{
	return i < v->count ? &v->lines[i].record : NULL;
}

void store_forget(struct store *v)
{
	(void)v;
}

static int64_t due(struct store *v)
{
	struct sim *s = sim_world();
	int64_t at_ms = now_ms();
	at_ms = at_ms > v->stalled_until_ms ? at_ms : v->stalled_until_ms;
	at_ms = at_ms > v->full_until_ms ? at_ms : v->full_until_ms;
	at_ms += 1 + (int64_t)sim_draw(&s->random_disk, (uint64_t)s->weather.disk_ms);
	int64_t last_ms = v->count > 0 ? v->lines[v->count - 1].due_ms : 0;
	return at_ms > last_ms ? at_ms : last_ms;
}

uint64_t store_begin(struct store *v, const struct store_record *r, bool brakes)
{
	struct sim_node *n = &sim_world()->node[v->node];
	struct line l = {.record = *r, .brakes = brakes, .ticket = ++v->tickets};
	pass(v);
	n->fuse -= n->fuse > 0;
	if (!brakes && now_ms() < v->full_until_ms) {
		v->failed = l.ticket;
		return l.ticket;
	}
	l.due_ms = due(v);
	insert(v, v->count, &l);
	return l.ticket;
}

static struct line *find(const struct store *v, uint64_t ticket)
{
	for (size_t i = v->count; i-- > 0 && ticket > 0;)
		if (v->lines[i].ticket == ticket)
			return &v->lines[i];
	return NULL;
}

enum store_fate store_fate(struct store *v, uint64_t ticket)
{
	pass(v);
	if (ticket == v->failed)
		return STORE_FAILED;
	const struct line *l = find(v, ticket);
	return !l || l->state == LINE_SYNCED ? STORE_STORED : STORE_WAITING;
}

enum store_fate store_wait(struct store *v, uint64_t ticket, bool brakes)
{
	enum store_fate fate = store_fate(v, ticket);
	const struct line *l = find(v, ticket);
	if (fate != STORE_WAITING || !l)
		return fate;
	if (l->due_ms - now_ms() > (brakes ? BRAKE_MS : PATIENCE_MS)) {
		v->late = true;
		return STORE_WAITING;
	}
	while (l->state != LINE_SYNCED) {
		sync_next(v);
		l = find(v, ticket);
	}
	return STORE_STORED;
}

enum store_fate store_abandon(struct store *v, uint64_t ticket, const struct store_record *undo)
{
	struct line *l = find(v, ticket);
	if (store_fate(v, ticket) != STORE_WAITING || !l)
		return store_fate(v, ticket);
	size_t i = (size_t)(l - v->lines);
	if (i == v->synced) {
		l->undo = *undo;
		l->has_undo = true;
		return STORE_WAITING;
	}
	drop(v, i);
	v->failed = ticket;
	return STORE_FAILED;
}

bool store_is_stalled(struct store *v)
{
	pass(v);
	return v->late;
}

bool store_append(struct store *v, const struct store_record *r)
{
	return store_wait(v, store_begin(v, r, false), false) == STORE_STORED;
}
