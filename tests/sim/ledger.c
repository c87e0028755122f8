/* Ledger: what history/ promises, without threads and without a disk. Not its code: that the
 * real one keeps these promises is shown by its own tests.
 *
 * 1. A brake is in the journal before history_intent returns, until its row is committed.
 * 2. Nothing is asked for any more by a desk that has died in the middle of its turn. */
#include "tests/sim/ledger.h"

#include "model/mem.h"
#include "model/text.h"
#include "tests/sim/echo.h"
#include "tests/sim/ledger_writer.h"
#include "tests/sim/oracle.h"

#include <stdlib.h>
#include <string.h>

/* ---- history.h ---- */

int history_start(struct history **out, const struct history_options *how, struct err *err)
{
	(void)err;
	struct sim *s = sim_world();
	*out = writer_start(s->opening, s->file[how->path[0] - '0']);
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
	writer_kill(h);
	return 0;
}

void history_intent(struct history *h, const struct decision *d)
{
	struct sim *s = sim_world();
	if (!sim_lives(s, h->desk))
		return;
	oracle_intent(s, h->desk, d);
	echo_intent(s, h->desk, d);
	struct slot slot = {.decision = *d};
	if (verb_is_brake(d->verb) && h->journal.count < SLOTS)
		slots_add(&h->journal, &slot);
	struct op *o = writer_op(OP_INTENT);
	o->decision = *d;
	writer_post(h, o);
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

/* Here no intent is joined with another's. */
bool history_leave(struct history *h, const char *id)
{
	(void)h, (void)id;
	return true;
}

void history_cancel(struct history *h, const char *id, int64_t at_ms, const char *why)
{
	if (!sim_lives(sim_world(), h->desk))
		return;
	echo_not_sent(sim_world(), h->desk, id);
	cancel(h->writing, id, at_ms, why);
	for (struct op *o = h->ops.first; o; o = o->next)
		cancel(o, id, at_ms, why);
	for (struct answer_node *n = h->answers; n; n = n->next)
		if (n->answer.kind == HISTORY_COMMITTED && strcmp(n->answer.id, id) == 0) {
			struct op *o = writer_op(OP_OUTCOME);
			o->outcome = (struct outcome_row){.row = OUTCOME_ROW_FINAL,
				.kind = OUTCOME_NOT_SENT,
				.at_ms = at_ms,
				.latency_ms = UNKNOWN};
			text_copy(o->outcome.decision, sizeof o->outcome.decision, id);
			text_copy(o->outcome.answer, sizeof o->outcome.answer, why);
			n->answer.kind = HISTORY_REFUSED;
			err_set(&n->answer.err, ERR_HISTORY, "%s", why);
			writer_post(h, o);
		}
}

void history_outcome(struct history *h, const struct outcome_row *row)
{
	struct sim *s = sim_world();
	if (!sim_lives(s, h->desk))
		return;
	oracle_outcome(s, h->desk, row);
	echo_outcome(s, h->desk, row);
	struct slot *slot = slots_find(&h->journal, row->decision);
	if (slot && row->row == OUTCOME_ROW_FINAL && !slot->has_outcome) {
		slot->outcome = *row;
		slot->has_outcome = true;
	}
	struct op *o = writer_op(OP_OUTCOME);
	o->outcome = *row;
	writer_post(h, o);
}

static struct pin pin_of(const char *pool, const struct snapshot *s)
{
	struct pin p;
	text_copy(p.pool, sizeof p.pool, pool);
	text_copy(p.id, sizeof p.id, s->pool_id);
	return p;
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
	(void)at_ms, (void)driver;
	if (!sim_lives(sim_world(), h->desk))
		return;
	struct op *o = writer_op(OP_NODE);
	o->node = node_of(s, target);
	o->pool = pin_of(pool, s);
	writer_post(h, o);
}

void history_observed(struct history *h, int64_t at_ms, const char *pool,
	const struct snapshot *node, const struct audit_entry *entries, size_t count)
{
	if (!sim_lives(sim_world(), h->desk))
		return;
	oracle_observed(sim_world(), h->desk, entries, count);
	echo_observed(sim_world(), h->desk, at_ms, pool, node, entries, count);
	struct op *o = writer_op(OP_OBSERVED);
	o->node = node_of(node, "");
	o->at_ms = at_ms;
	o->pool = pin_of(pool, node);
	o->entries = mem_new(count, sizeof *o->entries);
	memcpy(o->entries, entries, count * sizeof *entries);
	o->entry_count = count;
	writer_post(h, o);
}

void history_load(struct history *h, const char *pool, size_t limit)
{
	(void)limit;
	struct op *o = writer_op(OP_LOAD);
	text_copy(o->decision.pool, sizeof o->decision.pool, pool);
	writer_post(h, o);
}

/* Nobody cuts a file here. */
void history_find(struct history *h, const char *hash)
{
	(void)h, (void)hash;
}

/* Any number of pools may rise here. */
void history_raising(struct history *h, int64_t at_ms)
{
	(void)h, (void)at_ms;
}

/* A brake that was refused is written later. */
static bool is_kept(struct history *h, const char *id)
{
	return slots_find(&h->journal, id) != NULL;
}

bool history_next(struct history *h, struct history_answer *out)
{
	struct answer_node *n = h->answers;
	if (!n)
		return false;
	*out = n->answer;
	h->answers = n->next;
	free(n);
	if (out->kind == HISTORY_REFUSED && !is_kept(h, out->id))
		echo_not_sent(sim_world(), h->desk, out->id);
	if (out->kind == HISTORY_LOADED)
		echo_loaded(sim_world(), h->desk, out);
	return true;
}

void history_answer_release(struct history_answer *a)
{
	free(a->decisions);
}

void history_head(const struct history *h, char out[POOL_HASH_MAX])
{
	ledger_head(h->file, out);
}

/* No samples are kept here that a verdict could be recomputed from. */
void history_chain(const struct history *h, struct history_chain *out)
{
	*out = (struct history_chain){.recording = UNKNOWN};
	ledger_head(h->file, out->head);
}

bool history_writable(const struct history *h)
{
	return h->open && !h->broken && !h->trouble;
}

/* Events are for people. */
void history_event(struct history *h, int64_t at_ms, const char *pool, const char *kind,
	const char *text, const char *detail)
{
	(void)at_ms, (void)pool, (void)detail;
	oracle_shown(sim_world(), h->desk, kind, text);
}

void history_recording(struct history *h, int64_t at_ms, int64_t interval_ms,
	const char *version, const char *host, const char *config_json, const char *policy_json)
{
	(void)h, (void)at_ms, (void)interval_ms, (void)version, (void)host;
	(void)config_json, (void)policy_json;
}

/* The documents themselves are taken: see echo.h. */
void history_sample(struct history *h, const struct history_sample *s)
{
	(void)h, (void)s;
}

void history_state(struct history *h, int64_t at_ms, const char *pool, const struct snapshot *s)
{
	echo_document(sim_world(), h->desk, at_ms, pool, s);
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
