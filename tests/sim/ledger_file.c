/* Ledger file: rows, cursors and journals. No disk and no chain: what a file of ours promises
 * on those is shown by the tests of history/. */
#include "tests/sim/ledger_file.h"

#include "history/chain.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slot *slots_find(struct slots *l, const char *id)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->slots[i].decision.id, id) == 0)
			return &l->slots[i];
	return NULL;
}

void slots_add(struct slots *l, const struct slot *slot)
{
	mem_grow(&l->slots, &l->cap, l->count + 1, sizeof *l->slots);
	l->slots[l->count++] = *slot;
}

void slots_drop(struct slots *l, const char *id)
{
	struct slot *slot = slots_find(l, id);
	if (slot)
		*slot = l->slots[--l->count];
}

struct ledger_file *ledger_new(void)
{
	return mem_new(1, sizeof(struct ledger_file));
}

static void free_rows(struct ledger_file *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->rows[i]);
	free(f->rows);
}

void ledger_free(struct ledger_file *f)
{
	if (!f)
		return;
	ledger_free(f->synced);
	free_rows(f);
	free(f->dead.slots);
	free(f);
}

/* ---- what the disk has ---- */

void ledger_unsynced(struct ledger_file *f)
{
	if (f->synced)
		return;
	struct ledger_file *copy = f->synced = mem_new(1, sizeof *copy);
	*copy = *f;
	copy->synced = NULL;
	copy->dead = (struct slots){0};
	copy->cap = f->count + 1;
	copy->rows = mem_new(copy->cap, sizeof *copy->rows);
	for (size_t i = 0; i < f->count; i++) {
		copy->rows[i] = mem_new(1, sizeof **copy->rows);
		*copy->rows[i] = *f->rows[i];
	}
}

void ledger_synced(struct ledger_file *f)
{
	ledger_free(f->synced);
	f->synced = NULL;
}

void ledger_power(struct ledger_file *f, uint64_t *random)
{
	struct ledger_file *disk = f->synced;
	if (disk) {
		free_rows(f);
		f->rows = disk->rows;
		f->count = disk->count;
		f->cap = disk->cap;
		memcpy(f->cursors, disk->cursors, sizeof f->cursors);
		f->cursor_count = disk->cursor_count;
		memcpy(f->pins, disk->pins, sizeof f->pins);
		f->pin_count = disk->pin_count;
		f->synced = NULL;
		free(disk);
	}
	/* The kernel may have written a page before anyone asked it to. */
	size_t stays = 0;
	for (size_t i = 0; i < f->dead.count; i++)
		if (f->dead.slots[i].synced || sim_draw(random, 4) == 0)
			f->dead.slots[stays++] = f->dead.slots[i];
	f->dead.count = stays;
	for (size_t i = 0; i < stays; i++)
		f->dead.slots[i].synced = true;
}

/* ---- pools ---- */

const char *ledger_pinned(const struct ledger_file *f, const char *pool)
{
	for (size_t i = 0; i < f->pin_count; i++)
		if (strcmp(f->pins[i].pool, pool) == 0)
			return f->pins[i].id;
	return "";
}

void ledger_pin(struct ledger_file *f, const struct pin *pool)
{
	if (!ledger_pinned(f, pool->pool)[0])
		f->pins[f->pin_count++] = *pool;
}

/* ---- rows ---- */

struct decision *ledger_find(const struct ledger_file *f, const char *id)
{
	for (size_t i = f->count; i-- > 0;)
		if (strcmp(f->rows[i]->id, id) == 0)
			return f->rows[i];
	return NULL;
}

void ledger_head(const struct ledger_file *f, char out[POOL_HASH_MAX])
{
	out[0] = '\0';
	if (f->count > 0)
		snprintf(out, POOL_HASH_MAX, "%064zx", f->count);
}

void ledger_add(struct ledger_file *f, const struct decision *d)
{
	if (ledger_find(f, d->id))
		return;
	mem_grow(&f->rows, &f->cap, f->count + 1, sizeof *f->rows);
	struct decision *row = f->rows[f->count++] = mem_new(1, sizeof *row);
	*row = *d;
	row->seq = (int64_t)f->count;
	row->outcome = OUTCOME_PENDING;
	row->outcome_ms = row->verified_ms = row->latency_ms = UNKNOWN;
	ledger_head(f, row->hash);
}

void ledger_outcome(struct ledger_file *f, const struct outcome_row *row)
{
	struct decision *d = ledger_find(f, row->decision);
	if (d)
		decision_add_outcome(d, row);
}

struct cursor *ledger_cursor(struct ledger_file *f, const struct cursor *node)
{
	for (size_t i = 0; i < f->cursor_count; i++)
		if (strcmp(f->cursors[i].node_id, node->node_id) == 0)
			return &f->cursors[i];
	f->cursors[f->cursor_count] = *node;
	return &f->cursors[f->cursor_count++];
}

/* As history/audit.c does: an entry without a key is known by its epoch too, since a log that
 * began anew counts from 1 again. */
static void observed_id(const struct ledger_file *f, const struct cursor *node,
	const struct pin *pool, const struct audit_entry *e, char id[DECISION_ID_MAX])
{
	if (e->key[0]) {
		text_copy(id, DECISION_ID_MAX, e->key);
		return;
	}
	chain_observed_id(id, pool->id, node->node_id, e->seq);
	const struct decision *known = ledger_find(f, id);
	if (!known || known->epoch != e->epoch)
		chain_entry_id(id, pool->id, node->node_id, e->epoch, e->seq);
}

void ledger_import(struct ledger_file *f, const struct cursor *node, const struct pin *pool,
	int64_t at_ms, const struct audit_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct audit_entry *e = &entries[i];
		struct decision d;
		char id[DECISION_ID_MAX];
		observed_id(f, node, pool, e, id);
		if (!decision_observe(&d, pool->pool, pool->id, e, id, at_ms))
			continue;
		struct outcome_row row = {.row = OUTCOME_ROW_FINAL,
			.kind = OUTCOME_APPLIED,
			.at_ms = d.at_ms,
			.latency_ms = UNKNOWN};
		text_copy(row.decision, sizeof row.decision, id);
		ledger_add(f, &d);
		/* What becomes of an own intent is said by whoever sent it. */
		if (ledger_find(f, id)->observed)
			ledger_outcome(f, &row);
	}
	if (count > 0)
		ledger_cursor(f, node)->seq = entries[count - 1].seq;
}

void ledger_salvage(struct ledger_file *f)
{
	size_t before = f->count;
	for (size_t i = 0; i < f->dead.count; i++) {
		struct slot *slot = &f->dead.slots[i];
		slot->decision.late = true;
		ledger_add(f, &slot->decision);
		if (slot->has_outcome)
			ledger_outcome(f, &slot->outcome);
	}
	f->dead.count = 0;
	if (f->count > before)
		ledger_synced(f);
}
