/* Ledger: what history/ promises, without threads and without a disk. Not its code: that the
 * real one keeps these promises is shown by its own tests.
 *
 * 1. An intent is answered once; rows keep the order in which they came, intents go before.
 * 2. A row is in the file from its commit on, whatever dies then. What was being written at a
 *    kill is committed or not, by chance.
 * 3. A brake is in the journal before history_intent returns, until its row is committed. */
#include "tests/sim/ledger.h"

#include "history/chain.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/sim/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000
#define SLOTS 128
#define QUEUE_MAX 2000

/* A brake in a journal. */
struct slot {
	struct decision decision;
	struct outcome_row outcome;
	bool has_outcome;
};

struct slots {
	struct slot *slots;
	size_t count, cap;
};

struct cursor {
	char target[64], node_id[POOL_ID_MAX];
	int64_t seq;
};

struct ledger_file {
	struct decision **rows;
	size_t count, cap;
	struct cursor cursors[SIM_NODES_MAX];
	size_t cursor_count;
	char pool_id[POOL_ID_MAX];
	struct slots dead; /* journals of those who died */
	int64_t stalled_until_ms, full_until_ms;
};

enum op_kind { OP_OPEN, OP_LOAD, OP_INTENT, OP_OUTCOME, OP_NODE, OP_OBSERVED, OP_LATE, OP_PROBE };

struct op {
	enum op_kind kind;
	struct op *next;
	struct decision decision; /* INTENT, LATE; LOAD: its pool */
	bool cancelled;
	int64_t cancelled_ms;
	char why[POOL_REASON_MAX];
	struct outcome_row outcome;
	struct cursor node; /* NODE, OBSERVED */
	char pool_id[POOL_ID_MAX], node_name[POOL_NAME_MAX];
	struct audit_entry *entries;
	size_t entry_count;
	int64_t at_ms;
};

struct ops {
	struct op *first;
	size_t count;
};

struct answer_node {
	struct history_answer answer;
	struct answer_node *next;
};

struct history {
	int desk;
	uint64_t serial;
	struct ledger_file *file;
	bool open, broken, trouble, breaks;
	struct ops ops, late;
	struct op *writing;
	bool waits; /* a wake-up is set */
	int64_t retry_ms;
	struct slots journal;
	struct answer_node *answers;
};

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

/* ---- journals ---- */

static struct slot *find_slot(struct slots *l, const char *id)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->slots[i].decision.id, id) == 0)
			return &l->slots[i];
	return NULL;
}

static void add_slot(struct slots *l, const struct slot *slot)
{
	mem_grow(&l->slots, &l->cap, l->count + 1, sizeof *l->slots);
	l->slots[l->count++] = *slot;
}

static void free_slot(struct slots *l, const char *id)
{
	struct slot *slot = find_slot(l, id);
	if (slot)
		*slot = l->slots[--l->count];
}

/* ---- the file ---- */

struct ledger_file *ledger_new(void)
{
	return mem_new(1, sizeof(struct ledger_file));
}

void ledger_free(struct ledger_file *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->rows[i]);
	free(f->rows);
	free(f->dead.slots);
	free(f);
}

size_t ledger_count(const struct ledger_file *f)
{
	return f->count;
}

const struct decision *ledger_row(const struct ledger_file *f, size_t i)
{
	return f->rows[i];
}

static struct decision *find(const struct ledger_file *f, const char *id)
{
	for (size_t i = f->count; i-- > 0;)
		if (strcmp(f->rows[i]->id, id) == 0)
			return f->rows[i];
	return NULL;
}

const struct decision *ledger_find(const struct ledger_file *f, const char *id)
{
	return find(f, id);
}

static void write_head(const struct ledger_file *f, char out[POOL_HASH_MAX])
{
	out[0] = '\0';
	if (f->count > 0)
		snprintf(out, POOL_HASH_MAX, "%064zx", f->count);
}

static struct decision *add_row(struct ledger_file *f, const struct decision *d)
{
	mem_grow(&f->rows, &f->cap, f->count + 1, sizeof *f->rows);
	struct decision *row = f->rows[f->count++] = mem_new(1, sizeof *row);
	*row = *d;
	row->seq = (int64_t)f->count;
	row->outcome = OUTCOME_PENDING;
	row->outcome_ms = row->verified_ms = row->latency_ms = UNKNOWN;
	write_head(f, row->hash);
	return row;
}

static void add_outcome(struct ledger_file *f, const struct outcome_row *row)
{
	struct decision *d = find(f, row->decision);
	if (d)
		decision_add_outcome(d, row);
}

static struct cursor *find_cursor(struct ledger_file *f, const struct cursor *node)
{
	for (size_t i = 0; i < f->cursor_count; i++)
		if (strcmp(f->cursors[i].node_id, node->node_id) == 0)
			return &f->cursors[i];
	f->cursors[f->cursor_count] = *node;
	return &f->cursors[f->cursor_count++];
}

static void import(struct ledger_file *f, const struct op *o)
{
	for (size_t i = 0; i < o->entry_count; i++) {
		const struct audit_entry *e = &o->entries[i];
		struct decision d;
		char id[DECISION_ID_MAX];
		if (e->key[0])
			text_copy(id, sizeof id, e->key);
		else
			chain_observed_id(id, o->pool_id, o->node.node_id, e->seq);
		if (!decision_observe(&d, "checkout", o->pool_id, e, id, o->at_ms))
			continue;
		struct decision *known = find(f, id);
		struct outcome_row row = {.row = OUTCOME_ROW_FINAL,
			.kind = OUTCOME_APPLIED,
			.at_ms = d.at_ms,
			.latency_ms = UNKNOWN};
		text_copy(row.decision, sizeof row.decision, id);
		if (!known)
			known = add_row(f, &d);
		if (known->observed)
			decision_add_outcome(known, &row);
	}
	if (o->entry_count > 0)
		find_cursor(f, &o->node)->seq = o->entries[o->entry_count - 1].seq;
}

/* What the dead could not write any more. */
static void salvage(struct ledger_file *f)
{
	for (size_t i = 0; i < f->dead.count; i++) {
		struct slot *slot = &f->dead.slots[i];
		slot->decision.late = true;
		if (!find(f, slot->decision.id))
			add_row(f, &slot->decision);
		if (slot->has_outcome)
			add_outcome(f, &slot->outcome);
	}
	f->dead.count = 0;
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
	if (!find(f, o->decision.id))
		add_row(f, &o->decision);
	not_sent(o, &row);
	if (o->cancelled)
		add_outcome(f, &row);
}

static void committed(struct history *h, const struct op *o)
{
	commit_intent(h->file, o);
	free_slot(&h->journal, o->decision.id);
	if (o->kind == OP_LATE)
		return;
	if (o->cancelled) {
		refuse(h, o->decision.id, o->why);
		return;
	}
	struct history_answer *a = answer(h, HISTORY_COMMITTED);
	text_copy(a->id, sizeof a->id, o->decision.id);
	a->seq = (int64_t)h->file->count;
	write_head(h->file, a->hash);
}

static void load(struct history *h, const struct op *o)
{
	const struct ledger_file *f = h->file;
	struct history_answer *a = answer(h, HISTORY_LOADED);
	text_copy(a->id, sizeof a->id, o->decision.pool);
	text_copy(a->pool_id, sizeof a->pool_id, f->pool_id);
	a->decisions = mem_new(f->count + 1, sizeof *a->decisions);
	for (size_t i = 0; i < f->count; i++)
		if (i + 128 >= f->count || decision_is_open(f->rows[i]))
			a->decisions[a->decision_count++] = *f->rows[i];
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
	salvage(h->file);
	write_head(h->file, answer(h, HISTORY_OPENED)->hash);
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
		add_outcome(f, &o->outcome);
		break;
	case OP_NODE:
		if (!f->pool_id[0])
			text_copy(f->pool_id, sizeof f->pool_id, o->pool_id);
		(void)find_cursor(f, &o->node);
		break;
	case OP_OBSERVED:
		import(f, o);
		break;
	default:
		break;
	}
}

/* A passing failure: an intent is refused, a row waits. */
static void later(struct history *h, struct op *o)
{
	failed_for_now(h);
	bool brakes = (o->kind == OP_INTENT || o->kind == OP_LATE) && verb_is_brake(o->decision.verb);
	if (o->kind == OP_INTENT)
		refuse(h, o->decision.id, "the disk is full");
	if (brakes) {
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
	int64_t at_ms = now_ms + 1 + (int64_t)sim_draw(&s->random_disk, (uint64_t)s->weather.disk_ms);
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

static void post(struct history *h, struct op *o)
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

static struct op *new_op(enum op_kind kind)
{
	struct op *o = mem_new(1, sizeof *o);
	o->kind = kind;
	return o;
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

size_t ledger_owed(const struct ledger_file *f, const struct sim *s)
{
	size_t owed = f->dead.count;
	for (int k = 0; k < s->desk_count; k++)
		if (histories[k] && histories[k]->file == f)
			owed += histories[k]->journal.count + histories[k]->ops.count +
				(histories[k]->writing != NULL);
	return owed;
}

/* ---- history.h ---- */

int history_start(struct history **out, const struct history_options *how, struct err *err)
{
	(void)err;
	struct sim *s = sim_world();
	struct history *h = mem_new(1, sizeof *h);
	h->desk = s->opening;
	h->serial = ++s->serial;
	h->file = s->file[how->path[0] - '0'];
	histories[h->desk] = h;
	*out = h;
	post(h, new_op(OP_OPEN));
	return 0;
}

int history_fd(const struct history *h)
{
	(void)h;
	return -1;
}

/* A desk of the simulation never ends well: it is killed. */
int64_t history_stop(struct history *h, int64_t wait_ms)
{
	(void)wait_ms;
	struct sim *s = sim_world();
	struct op *o = h->writing;
	if (o && h->open && !h->breaks && !is_full(h) && sim_draw(&s->random_disk, 2)) {
		commit_row(h->file, o);
		if (o->kind == OP_INTENT || o->kind == OP_LATE)
			free_slot(&h->journal, o->decision.id);
	}
	free_op(o);
	drop_all(&h->ops);
	drop_all(&h->late);
	for (size_t i = 0; i < h->journal.count; i++)
		add_slot(&h->file->dead, &h->journal.slots[i]);
	free(h->journal.slots);
	for (struct answer_node *n; (n = h->answers);) {
		h->answers = n->next;
		history_answer_release(&n->answer);
		free(n);
	}
	histories[h->desk] = NULL;
	free(h);
	return 0;
}

void history_intent(struct history *h, const struct decision *d)
{
	struct sim *s = sim_world();
	if (!sim_lives(s, h->desk))
		return;
	oracle_intent(s, h->desk, d);
	struct slot slot = {.decision = *d};
	if (verb_is_brake(d->verb) && h->journal.count < SLOTS)
		add_slot(&h->journal, &slot);
	struct op *o = new_op(OP_INTENT);
	o->decision = *d;
	post(h, o);
}

static bool cancel(struct op *o, const char *id, int64_t at_ms, const char *why)
{
	if (!o || (o->kind != OP_INTENT && o->kind != OP_LATE) || strcmp(o->decision.id, id) != 0)
		return false;
	o->cancelled = true;
	o->cancelled_ms = at_ms;
	text_copy(o->why, sizeof o->why, why);
	return true;
}

void history_cancel(struct history *h, const char *id, int64_t at_ms, const char *why)
{
	if (!sim_lives(sim_world(), h->desk))
		return;
	cancel(h->writing, id, at_ms, why);
	for (struct op *o = h->ops.first; o; o = o->next)
		cancel(o, id, at_ms, why);
	for (struct answer_node *n = h->answers; n; n = n->next)
		if (n->answer.kind == HISTORY_COMMITTED && strcmp(n->answer.id, id) == 0) {
			struct op *o = new_op(OP_OUTCOME);
			o->outcome = (struct outcome_row){.row = OUTCOME_ROW_FINAL,
				.kind = OUTCOME_NOT_SENT,
				.at_ms = at_ms,
				.latency_ms = UNKNOWN};
			text_copy(o->outcome.decision, sizeof o->outcome.decision, id);
			text_copy(o->outcome.answer, sizeof o->outcome.answer, why);
			n->answer.kind = HISTORY_REFUSED;
			err_set(&n->answer.err, ERR_HISTORY, "%s", why);
			post(h, o);
		}
}

void history_outcome(struct history *h, const struct outcome_row *row)
{
	struct sim *s = sim_world();
	if (!sim_lives(s, h->desk))
		return;
	oracle_outcome(s, h->desk, row);
	struct slot *slot = find_slot(&h->journal, row->decision);
	if (slot && row->row == OUTCOME_ROW_FINAL && !slot->has_outcome) {
		slot->outcome = *row;
		slot->has_outcome = true;
	}
	struct op *o = new_op(OP_OUTCOME);
	o->outcome = *row;
	post(h, o);
}

static struct cursor node_of(const struct snapshot *s, const char *target)
{
	struct cursor c = {.seq = 0};
	text_copy(c.target, sizeof c.target, target);
	text_copy(c.node_id, sizeof c.node_id, s->node_id);
	return c;
}

void history_node(struct history *h, int64_t at_ms, const char *pool, const struct snapshot *s,
	const char *target, const char *driver)
{
	(void)at_ms, (void)pool, (void)driver;
	if (!sim_lives(sim_world(), h->desk))
		return;
	struct op *o = new_op(OP_NODE);
	o->node = node_of(s, target);
	text_copy(o->pool_id, sizeof o->pool_id, s->pool_id);
	post(h, o);
}

void history_observed(struct history *h, int64_t at_ms, const char *pool,
	const struct snapshot *node, const struct audit_entry *entries, size_t count)
{
	(void)pool;
	if (!sim_lives(sim_world(), h->desk))
		return;
	struct op *o = new_op(OP_OBSERVED);
	o->node = node_of(node, "");
	o->at_ms = at_ms;
	text_copy(o->pool_id, sizeof o->pool_id, node->pool_id);
	o->entries = mem_new(count, sizeof *o->entries);
	memcpy(o->entries, entries, count * sizeof *entries);
	o->entry_count = count;
	post(h, o);
}

void history_load(struct history *h, const char *pool, size_t limit)
{
	(void)limit;
	struct op *o = new_op(OP_LOAD);
	text_copy(o->decision.pool, sizeof o->decision.pool, pool);
	post(h, o);
}

bool history_next(struct history *h, struct history_answer *out)
{
	struct answer_node *n = h->answers;
	if (!n)
		return false;
	*out = n->answer;
	h->answers = n->next;
	free(n);
	return true;
}

void history_answer_release(struct history_answer *a)
{
	free(a->decisions);
}

void history_head(const struct history *h, char out[POOL_HASH_MAX])
{
	write_head(h->file, out);
}

bool history_writable(const struct history *h)
{
	return h->open && !h->broken && !h->trouble;
}

/* Events, documents and samples are recorded elsewhere. */
void history_event(struct history *h, int64_t at_ms, const char *pool, const char *kind,
	const char *text, const char *detail)
{
	(void)h, (void)at_ms, (void)pool, (void)kind, (void)text, (void)detail;
}

void history_recording(struct history *h, int64_t at_ms, int64_t interval_ms,
	const char *version, const char *host, const char *config_json, const char *policy_json)
{
	(void)h, (void)at_ms, (void)interval_ms, (void)version, (void)host;
	(void)config_json, (void)policy_json;
}

void history_sample(struct history *h, const struct history_sample *s)
{
	(void)h, (void)s;
}

void history_state(struct history *h, int64_t at_ms, const char *pool, const struct snapshot *s)
{
	(void)h, (void)at_ms, (void)pool, (void)s;
}

bool history_emergency(const struct history *h)
{
	return h->journal.count < SLOTS;
}

int64_t history_dropped(const struct history *h)
{
	(void)h;
	return 0;
}
