/* Ledger writer: what history/writer.c does with threads and SQLite, on the virtual clock.
 *
 * 1. An intent is answered once; rows keep the order in which they came, intents go before.
 * 2. A row is in the file and on its disk from its commit on, whatever dies then. What was being
 *    written at a kill is in the file or not, and on the disk or not, by chance.
 * 3. What fails for a while is tried again each second; what fails for good ends the history,
 *    until its desk starts anew. */
#include "tests/sim/ledger_writer.h"

#include "model/mem.h"
#include "model/text.h"
#include "tests/sim/ledger.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000
#define QUEUE_MAX 2000

/* Of the desks that live. */
static struct history *histories[SIM_DESKS_MAX];

/* ---- lists ---- */

static void free_op(struct op *o)
{
	if (o)
		free(o->entries);
	free(o);
}

static void append(struct ops *l, struct op *o)
{
	struct op **at = &l->first;
	while (*at)
		at = &(*at)->next;
	o->next = NULL;
	*at = o;
	l->count++;
}

static void put_back(struct ops *l, struct op *o)
{
	o->next = l->first;
	l->first = o;
	l->count++;
}

static struct op *take_at(struct ops *l, struct op **at)
{
	struct op *o = *at;
	*at = o->next;
	o->next = NULL;
	l->count--;
	return o;
}

static void drop_all(struct ops *l)
{
	while (l->first)
		free_op(take_at(l, &l->first));
}

static struct history_answer *answer(struct history *h, enum history_answer_kind kind)
{
	struct answer_node **at = &h->answers;
	while (*at)
		at = &(*at)->next;
	*at = mem_new(1, sizeof **at);
	(*at)->answer.kind = kind;
	return &(*at)->answer;
}

/* ---- the writer ---- */

static bool is_full(const struct history *h)
{
	return sim_world()->now.boot_ms < h->file->full_until_ms;
}

static void refuse(struct history *h, const char *id, const char *why)
{
	struct history_answer *a = answer(h, HISTORY_REFUSED);
	text_copy(a->id, sizeof a->id, id);
	err_set(&a->err, ERR_HISTORY, "%s", why);
}

static void failed_for_now(struct history *h)
{
	h->retry_ms = sim_world()->now.boot_ms + RETRY_MS;
	if (h->trouble)
		return;
	h->trouble = true;
	err_set(&answer(h, HISTORY_TROUBLE)->err, ERR_HISTORY, "the disk is full");
}

static void worked(struct history *h)
{
	h->retry_ms = 0;
	if (h->trouble)
		answer(h, HISTORY_TROUBLE);
	h->trouble = false;
}

void writer_sync_journal(struct history *h)
{
	if (h->breaks || sim_world()->now.boot_ms < h->file->stalled_until_ms)
		return;
	for (size_t i = 0; i < h->journal.count; i++)
		h->journal.slots[i].synced = true;
}

static void failed_for_good(struct history *h)
{
	h->broken = true;
	err_set(&answer(h, HISTORY_FAILED)->err, ERR_HISTORY, "the disk failed");
	for (struct op *o; h->ops.first; free_op(o)) {
		o = take_at(&h->ops, &h->ops.first);
		if (o->kind == OP_INTENT)
			refuse(h, o->decision.id, "the disk failed");
		if (o->kind == OP_LOAD)
			refuse(h, o->decision.pool, "the disk failed");
	}
	drop_all(&h->late);
}

static void not_sent(const struct op *o, struct outcome_row *row)
{
	*row = (struct outcome_row){.row = OUTCOME_ROW_FINAL,
		.kind = OUTCOME_NOT_SENT,
		.at_ms = o->cancelled_ms,
		.latency_ms = UNKNOWN};
	text_copy(row->decision, sizeof row->decision, o->decision.id);
	text_copy(row->answer, sizeof row->answer, o->why);
}

/* The rows of an intent, without an answer. */
static void commit_intent(struct ledger_file *f, const struct op *o)
{
	struct outcome_row row;
	ledger_add(f, &o->decision);
	not_sent(o, &row);
	if (o->cancelled)
		ledger_outcome(f, &row);
}

static void committed(struct history *h, const struct op *o)
{
	commit_intent(h->file, o);
	slots_drop(&h->journal, o->decision.id);
	if (o->kind == OP_LATE)
		return;
	if (o->cancelled) {
		refuse(h, o->decision.id, o->why);
		return;
	}
	struct history_answer *a = answer(h, HISTORY_COMMITTED);
	text_copy(a->id, sizeof a->id, o->decision.id);
	a->seq = (int64_t)h->file->count;
	ledger_head(h->file, a->hash);
}

static void load(struct history *h, const struct op *o)
{
	const struct ledger_file *f = h->file;
	struct history_answer *a = answer(h, HISTORY_LOADED);
	text_copy(a->id, sizeof a->id, o->decision.pool);
	text_copy(a->pool_id, sizeof a->pool_id, ledger_pinned(f, o->decision.pool));
	a->decisions = mem_new(f->count + 1, sizeof *a->decisions);
	size_t after = 0;
	for (size_t i = 0; i < f->count; i++)
		after += strcmp(f->rows[i]->pool, o->decision.pool) == 0;
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->rows[i]->pool, o->decision.pool) != 0)
			continue;
		if (after-- <= 128 || decision_is_open(f->rows[i]))
			a->decisions[a->decision_count++] = *f->rows[i];
	}
	for (size_t i = 0; i < f->cursor_count; i++) {
		text_copy(a->nodes[i].node_id, sizeof a->nodes[i].node_id, f->cursors[i].node_id);
		text_copy(a->nodes[i].target, sizeof a->nodes[i].target, f->cursors[i].target);
		a->nodes[i].audit_seq = f->cursors[i].seq;
	}
	a->node_count = f->cursor_count;
}

static void open_file(struct history *h)
{
	h->open = true;
	ledger_salvage(h->file);
	ledger_head(h->file, answer(h, HISTORY_OPENED)->hash);
}

/* What a row does to the file. */
static void commit_row(struct ledger_file *f, const struct op *o)
{
	switch (o->kind) {
	case OP_INTENT:
	case OP_LATE:
		commit_intent(f, o);
		break;
	case OP_OUTCOME:
		ledger_outcome(f, &o->outcome);
		break;
	case OP_NODE:
		ledger_pin(f, &o->pool);
		(void)ledger_cursor(f, &o->node);
		break;
	case OP_OBSERVED:
		ledger_import(f, &o->node, &o->pool, o->at_ms, o->entries, o->entry_count);
		break;
	default:
		break;
	}
}

/* A passing failure: an intent is refused, a row waits. */
static void later(struct history *h, struct op *o)
{
	failed_for_now(h);
	bool brakes =
		(o->kind == OP_INTENT || o->kind == OP_LATE) && verb_is_brake(o->decision.verb);
	if (o->kind == OP_INTENT)
		refuse(h, o->decision.id, "the disk is full");
	if (brakes) {
		/* The writer's alarm: the journal is all that keeps it. */
		writer_sync_journal(h);
		o->kind = OP_LATE;
		o->decision.late = true;
		append(&h->late, o);
	} else if (o->kind != OP_INTENT && o->kind != OP_PROBE) {
		put_back(&h->ops, o);
	} else {
		free_op(o);
	}
}

static void done(struct history *h, struct op *o)
{
	if (o->kind != OP_LOAD && h->breaks) {
		put_back(&h->ops, o);
		failed_for_good(h);
		return;
	}
	if (o->kind != OP_LOAD && is_full(h)) {
		later(h, o);
		return;
	}
	if (o->kind != OP_LOAD)
		worked(h);
	if (o->kind == OP_INTENT || o->kind == OP_LATE || o->kind == OP_OUTCOME ||
		o->kind == OP_OBSERVED)
		ledger_synced(h->file);
	if (o->kind == OP_OPEN)
		open_file(h);
	else if (o->kind == OP_LOAD)
		load(h, o);
	else if (o->kind == OP_INTENT || o->kind == OP_LATE)
		committed(h, o);
	else
		commit_row(h->file, o);
	free_op(o);
}

static struct op *next_op(struct history *h)
{
	if (!h->open)
		return h->ops.first && h->ops.first->kind == OP_OPEN ? take_at(&h->ops, &h->ops.first)
															 : NULL;
	for (struct op **at = &h->ops.first; *at; at = &(*at)->next)
		if ((*at)->kind == OP_INTENT || (*at)->kind == OP_LOAD)
			return take_at(&h->ops, at);
	if (sim_world()->now.boot_ms < h->retry_ms)
		return NULL;
	if (h->late.first)
		return take_at(&h->late, &h->late.first);
	if (h->ops.first)
		return take_at(&h->ops, &h->ops.first);
	if (!h->trouble)
		return NULL;
	struct op *probe = mem_new(1, sizeof *probe);
	probe->kind = OP_PROBE;
	return probe;
}

static void wake(struct history *h, int64_t at_ms)
{
	h->waits = true;
	sim_at(sim_world(), at_ms, SIM_DISK, h->desk, 0, NULL, h->serial);
}

static void work(struct history *h)
{
	struct sim *s = sim_world();
	int64_t now_ms = s->now.boot_ms;
	if (h->writing || h->broken || h->waits)
		return;
	h->writing = next_op(h);
	if (!h->writing) {
		if (h->retry_ms > now_ms)
			wake(h, h->retry_ms);
		return;
	}
	int64_t at_ms =
		now_ms + 1 + (int64_t)sim_draw(&s->random_disk, (uint64_t)s->weather.disk_ms);
	wake(h, at_ms > h->file->stalled_until_ms ? at_ms : h->file->stalled_until_ms);
}

void ledger_disk(struct sim *s, uint64_t serial)
{
	(void)s;
	for (int k = 0; k < SIM_DESKS_MAX; k++) {
		struct history *h = histories[k];
		if (!h || h->serial != serial)
			continue;
		struct op *o = h->writing;
		h->waits = false;
		h->writing = NULL;
		if (o)
			done(h, o);
		work(h);
	}
}

void writer_post(struct history *h, struct op *o)
{
	struct sim *s = sim_world();
	if (h->broken) {
		if (o->kind == OP_INTENT)
			refuse(h, o->decision.id, "the disk failed");
		if (o->kind == OP_LOAD)
			refuse(h, o->decision.pool, "the disk failed");
		free_op(o);
		return;
	}
	append(&h->ops, o);
	if (h->ops.count > QUEUE_MAX)
		sim_fail(s, "I11 %zu requests wait for the disk of desk %d", h->ops.count, h->desk);
	work(h);
}

struct op *writer_op(enum op_kind kind)
{
	struct op *o = mem_new(1, sizeof *o);
	o->kind = kind;
	return o;
}

struct history *writer_start(int desk, struct ledger_file *file)
{
	struct history *h = mem_new(1, sizeof *h);
	h->desk = desk;
	h->serial = ++sim_world()->serial;
	h->file = file;
	histories[desk] = h;
	writer_post(h, writer_op(OP_OPEN));
	return h;
}

void writer_kill(struct history *h)
{
	struct op *o = h->writing;
	bool may = o && h->open && !h->breaks && !is_full(h) && o->kind != OP_LOAD;
	uint64_t how = may ? sim_draw(&sim_world()->random_disk, 4) : 0;
	if (how > 0) { /* in the file; on its disk; and so the slot is free */
		if (how == 1)
			ledger_unsynced(h->file);
		else
			ledger_synced(h->file);
		commit_row(h->file, o);
		if (how == 3 && (o->kind == OP_INTENT || o->kind == OP_LATE))
			slots_drop(&h->journal, o->decision.id);
	}
	free_op(o);
	drop_all(&h->ops);
	drop_all(&h->late);
	for (size_t i = 0; i < h->journal.count; i++)
		slots_add(&h->file->dead, &h->journal.slots[i]);
	free(h->journal.slots);
	for (struct answer_node *n; (n = h->answers);) {
		h->answers = n->next;
		history_answer_release(&n->answer);
		free(n);
	}
	histories[h->desk] = NULL;
	free(h);
}

/* ---- faults ---- */

void ledger_stall(struct ledger_file *f, int64_t until_ms)
{
	f->stalled_until_ms = until_ms;
}

void ledger_fill(struct ledger_file *f, int64_t until_ms)
{
	f->full_until_ms = until_ms;
}

void ledger_break(struct sim *s, int desk)
{
	(void)s;
	if (histories[desk])
		histories[desk]->breaks = true;
}

bool ledger_answers(const struct history *h)
{
	return h && h->answers;
}

bool ledger_is_broken(const struct history *h)
{
	return h->broken || h->breaks;
}

size_t ledger_queue(const struct history *h)
{
	return h ? h->ops.count + h->late.count + (h->writing != NULL) : 0;
}

bool ledger_knows(const struct ledger_file *f, const char *id)
{
	struct slots dead = f->dead;
	return ledger_find(f, id) || slots_find(&dead, id);
}

size_t ledger_owed(const struct ledger_file *f, const struct sim *s)
{
	size_t owed = f->dead.count;
	for (int k = 0; k < s->desk_count; k++)
		if (histories[k] && histories[k]->file == f)
			owed += histories[k]->journal.count + histories[k]->ops.count +
				(histories[k]->writing != NULL);
	return owed;
}
