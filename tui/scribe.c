/* Scribe: what the desk writes down, and what the history answers. Samples and events as they
 * come, flips of state and guard, what others did by the pool's own log. */
#include "tui/desk_parts.h"

#include "history/chain.h"
#include "history/recheck.h"
#include "model/text.h"
#include "model/version.h"
#include "tui/terms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_FIRST 1000 /* entries taken at first sight of a pool */

/* One grid of ticks for all pools: the shortest interval's. */
void scribe_begin(struct desk *d)
{
	const struct desk_options *how = &d->how;
	d->recording_interval_ms = d->model.pools[0].interval_ms;
	for (int i = 1; i < d->model.pool_count; i++)
		if (d->model.pools[i].interval_ms < d->recording_interval_ms)
			d->recording_interval_ms = d->model.pools[i].interval_ms;
	d->recording_from = d->now;
	struct text terms = {0};
	terms_json(&terms, d->model.pools, d->model.pool_count);
	history_recording(d->history, d->now.wall_ms, d->recording_interval_ms, WEIR_VERSION,
		how->host ? how->host : "-", how->config_json ? how->config_json : "{}",
		text_str(&terms));
	text_free(&terms);
}

/* ---- what comes from a pool ---- */

static void record_sample(struct desk *d, const struct pool *p, const struct snapshot *s)
{
	const struct model_sample *m = d->sample;
	struct history_sample row = {.sample = m->sample};
	text_copy(row.pool_id, sizeof row.pool_id, s->pool_id);
	text_copy(row.node_id, sizeof row.node_id, s->node_id);
	int64_t lead = p->first_tick_ms - d->recording_from.boot_ms;
	row.tick = (lead + m->tick * p->interval_ms) / d->recording_interval_ms;
	row.flags = (m->gap ? HISTORY_GAP : 0) | recheck_flags(&m->mark);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		row.latency[arm] = m->has_latency[arm] ? &m->latency[arm] : NULL;
		row.session_latency[arm] =
			m->has_session_latency[arm] ? &m->session_latency[arm] : NULL;
	}
	history_sample(d->history, &row);
	judged_rows_note(d, (int)(p - d->model.pools), row.tick);
}

static void ask_audit(struct desk *d, uint64_t node, const struct snapshot *s)
{
	struct desk_pool *p = &d->pools[(node >> 16) - 1];
	size_t k = node & 0xffff;
	if (!p->loaded || p->audit_asked[k] || s->audit_seq == UNKNOWN)
		return;
	int64_t since = p->audit_since[k];
	/* A log that is shorter than the cursor began anew: the pool forgot, and so must the
	 * cursor. */
	bool anew = d->sample->change == COUNTS_RESTART ||
		model_node(&d->model, node)->audit_seen == UNKNOWN;
	if (since != UNKNOWN && since > s->audit_seq && anew)
		since = 0;
	if (since == UNKNOWN)
		since = s->audit_seq > AUDIT_FIRST ? s->audit_seq - AUDIT_FIRST : 0;
	if (since >= s->audit_seq) {
		p->audit_since[k] = s->audit_seq;
		if (model_node(&d->model, node)->audit_seen != s->audit_seq)
			desk_apply(d,
				&(struct model_event){.kind = MODEL_AUDIT, .node = node, .seq = s->audit_seq});
		return;
	}
	p->audit_asked[k] = client_audit(d->client, node, since, d->now);
}

static const char *scheme_of(const struct desk *d, const char *target)
{
	const struct driver_ops *ops = client_scheme(d->client, target);
	return ops ? ops->scheme : "";
}

/* A log that lost what it once said is worth a row of its own. */
static void watch_log(
	struct desk *d, struct trail *before, const char *name, const struct snapshot *s)
{
	struct trail now;
	char words[120];
	trail_of(&now, s);
	trail_words(words, sizeof words, before, &now);
	*before = now;
	if (words[0])
		history_event(d->history, d->now.wall_ms, name, "log", words, NULL);
}

/* What a pool was told of this person's history must be in it still. Others have files of their
 * own: what they told is theirs to look for. */
static void watch_head(struct desk *d, uint64_t node, const struct snapshot *s)
{
	char *asked = d->pools[(node >> 16) - 1].head[node & 0xffff];
	bool ours = strcmp(s->history_by, d->actor) == 0;
	if (strcmp(asked, ours ? s->history_head : "") == 0)
		return;
	text_copy(asked, POOL_HASH_MAX, ours ? s->history_head : "");
	if (asked[0])
		history_find(d->history, asked);
	else
		desk_apply(d, &(struct model_event){.kind = MODEL_LOST, .node = node, .text = ""});
}

/* Whether a pool's past was asked for in vain: no order is heard before it is known. */
static bool is_unread(const struct desk_pool *p)
{
	return p->hear_due_ms == INT64_MAX;
}

/* Asked again with every document: who was in the way may be gone. */
static void ask_past(struct desk *d, int pool)
{
	struct desk_pool *p = &d->pools[pool];
	if (!is_unread(p) || p->hearing)
		return;
	p->hearing = true;
	history_load(d->history, d->model.pools[pool].name, POOL_DECISIONS / 2);
}

void scribe_snapshot(struct desk *d, uint64_t node, const struct snapshot *s)
{
	/* Each event that is applied below says anew that it is no sample. */
	const bool measured = d->sample->valid;
	ask_audit(d, node, s);
	struct desk_pool *p = &d->pools[(node >> 16) - 1];
	if (d->history)
		ask_past(d, (int)(node >> 16) - 1);
	/* Before the past is known it is not known whether this is the pool of that past. */
	if (!d->history || d->how.read_only || !p->loaded)
		return;
	const struct node *n = model_node(&d->model, node);
	const char *name = model_pool_of(&d->model, node)->name;
	if (!p->pinned[node & 0xffff]) {
		p->pinned[node & 0xffff] = true;
		history_node(d->history, d->now.wall_ms, name, s, n->target, scheme_of(d, n->target));
	}
	watch_head(d, node, s);
	if (!d->how.record)
		return;
	history_state(d->history, d->now.wall_ms, name, s);
	watch_log(d, &p->trail[node & 0xffff], name, s);
	if (d->sample->change == COUNTS_RESTART)
		history_event(d->history, d->now.wall_ms, name, "restart",
			"the pool restarted: counters start anew", NULL);
	if (measured)
		record_sample(d, model_pool_of(&d->model, node), s);
}

/* Notes each flip once. */
void scribe_flips(struct desk *d, int pool)
{
	struct desk_pool *last = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	const struct standing *s = &p->standing;
	bool write = d->history && d->how.record;
	if (last->last_state != s->state) {
		if (write && last->last_state != STATE_COUNT)
			history_event(d->history, d->now.wall_ms, p->name, "standing", s->state_text, NULL);
		last->last_state = s->state;
	}
	if (last->last_red != p->latch.red) {
		last->last_red = p->latch.red;
		if (write)
			history_event(d->history, d->now.wall_ms, p->name, "guard",
				p->latch.red ? s->headline.text : GUARD_CALM, NULL);
	}
	if (last->last_word != s->judge_word) {
		last->last_word = s->judge_word;
		if (write && p->standing.reported_bp > 0)
			history_event(d->history, d->now.wall_ms, p->name, "verdict",
				s->judge_text[0] ? s->judge_text : verdict_name(s->judge_word), NULL);
	}
	if (last->last_owner != s->owner) {
		if (write && last->last_owner != OWNER_COUNT)
			history_event(d->history, d->now.wall_ms, p->name, "owner", s->guard_text, NULL);
		last->last_owner = s->owner;
	}
	if (s->lease.known && strcmp(last->last_holder, s->lease.holder) != 0) {
		text_copy(last->last_holder, sizeof last->last_holder, s->lease.holder);
		if (write)
			history_event(d->history, d->now.wall_ms, p->name, "lease",
				s->lease.holder[0] ? s->lease.holder : "given back", NULL);
	}
	bool gone = s->freshness >= FRESHNESS_STALE;
	if (gone != (last->last_freshness >= FRESHNESS_STALE) && write)
		history_event(d->history, d->now.wall_ms, p->name, "silence",
			gone ? "no news from every node" : "news from every node again", NULL);
	last->last_freshness = s->freshness;
}

/* ---- what others did ---- */

static void observe(
	struct desk *d, int pool, const struct snapshot *node, const struct audit_entry *e)
{
	struct decision seen;
	char id[POOL_ID_MAX];
	const struct pool *p = &d->model.pools[pool];
	/* A log that began anew counts from 1 again: an entry is known by its epoch too. Rows of
	 * older files have the shorter id. */
	chain_observed_id(id, node->pool_id, node->node_id, e->seq);
	const struct decision *old = pool_decision(p, id);
	if (!old || old->epoch != e->epoch)
		chain_entry_id(id, node->pool_id, node->node_id, e->epoch, e->seq);
	if (!decision_observe(
			&seen, p->name, node->pool_id, e, e->key[0] ? e->key : id, d->now.wall_ms))
		return;
	const struct decision *known = pool_decision(p, seen.id);
	/* What becomes of an own intent is said by whoever sent it. */
	if (known && !known->observed)
		return;
	seen.outcome = OUTCOME_APPLIED;
	seen.outcome_ms = seen.at_ms;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = pool, .decision = &seen});
}

void scribe_audit(struct desk *d, const struct driver_event *e)
{
	int pool = (int)(e->node >> 16) - 1;
	size_t k = e->node & 0xffff;
	struct desk_pool *p = &d->pools[pool];
	const struct node *n = model_node(&d->model, e->node);
	p->audit_asked[k] = false;
	if (e->err || !n->last || n->foreign)
		return; /* asked again with the next document */
	for (size_t i = 0; i < e->audit_count; i++)
		observe(d, pool, n->last, &e->audit[i]);
	if (e->audit_count == 0)
		return;
	int64_t last = e->audit[e->audit_count - 1].seq, since = p->audit_since[k];
	p->audit_since[k] = last;
	if (d->history && !d->how.read_only)
		history_observed(d->history, d->now.wall_ms, d->model.pools[pool].name, n->last,
			e->audit, e->audit_count);
	desk_apply(d, &(struct model_event){.kind = MODEL_AUDIT, .node = e->node, .seq = last});
	/* A log that is ahead of the document is no restart: the next document is on its way. */
	if (last < n->last->audit_seq && last > since)
		ask_audit(d, e->node, n->last);
}

/* ---- what the history answers ---- */

/* Whether changes can be recorded, in the model's eyes. Who cannot read what was decided must
 * not decide, however well the file takes rows: brakes remain. */
/* Every pool's standing follows from it: it is said when it is news. */
static void tell_history(struct desk *d, const struct err *err, const char *head)
{
	const struct model *m = &d->model;
	if (!err || err->code == ERR_NONE)
		err = &d->unread;
	bool writable = err->code == ERR_NONE;
	if (!head && m->history_known && m->history_writable == writable &&
		strcmp(m->history_why, writable ? "" : err->text) == 0)
		return;
	desk_apply(d, &(struct model_event){.kind = MODEL_HISTORY, .err = err, .text = head});
}

/* A recorder that could not write a row yet goes on as long as nothing has failed: it has no step
 * to refuse. */
static void on_migrating(struct desk *d, const struct history_answer *a)
{
	if (d->how.console || !d->how.record)
		tell_history(d, &a->err, NULL);
}

static void on_opened(struct desk *d, const struct history_answer *a)
{
	tell_history(d, NULL, a->hash);
	if (a->migrated_from > 0)
		snprintf(
			d->notice, sizeof d->notice, "History migrated, the old file is %.80s. ", a->kept);
	if (a->quarantined > 0)
		snprintf(d->notice + strlen(d->notice), sizeof d->notice - strlen(d->notice),
			"%lld of its rows are in quarantine: weir verify", (long long)a->quarantined);
}

static void on_failed(struct desk *d, const struct history_answer *a)
{
	tell_history(d, &a->err, NULL);
	for (int i = 0; i < d->model.pool_count; i++)
		d->pools[i].loaded = true;
}

/* Where the row of an own decision stands in the chain. */
static void place(struct desk *d, const struct history_answer *a)
{
	const struct flight *f = flight_find(d, a->id);
	const struct decision *known = f ? flight_decision(d, f) : NULL;
	if (!known)
		return;
	struct decision copy = *known;
	copy.seq = a->seq;
	text_copy(copy.hash, sizeof copy.hash, a->hash);
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = f->pool, .decision = &copy});
}

static void on_committed(struct desk *d, const struct history_answer *a)
{
	tell_history(d, NULL, a->hash);
	place(d, a);
	flight_committed(d, a->id);
}

static void on_joined(struct desk *d, const struct history_answer *a)
{
	found_join(d, a->id, &a->decisions[0]);
}

static void on_refused(struct desk *d, const struct history_answer *a)
{
	int pool = model_find(&d->model, a->id);
	if (pool < 0) {
		flight_unrecorded(d, a->id, &a->err);
		return;
	}
	struct desk_pool *p = &d->pools[pool];
	if (p->loaded && !is_unread(p)) {
		order_unheard(d, pool);
		return;
	}
	p->loaded = true;
	p->hearing = false;
	p->hear_due_ms = INT64_MAX;
	d->unread = a->err;
	tell_history(d, &d->unread, NULL);
}

static void on_observed(struct desk *d, const struct history_answer *a)
{
	(void)d, (void)a; /* the model took them from the pool's own log */
}

static void take_cursors(struct desk *d, int pool, const struct history_answer *a)
{
	const struct pool *p = &d->model.pools[pool];
	for (size_t i = 0; i < a->node_count; i++)
		for (int k = 0; k < p->node_count; k++)
			if (strcmp(a->nodes[i].target, p->nodes[k].target) == 0)
				d->pools[pool].audit_since[k] = a->nodes[i].audit_seq;
}

/* What was asked for in vain is there. Others may be unread still, or something else be wrong. */
static void past_is_read(struct desk *d, int pool)
{
	order_unheard(d, pool);
	for (int i = 0; i < d->model.pool_count; i++)
		if (is_unread(&d->pools[i]))
			return;
	const char *why = d->model.history_why;
	bool told = why[0] && strncmp(why, d->unread.text, strlen(why)) == 0;
	d->unread = (struct err){0};
	if (told)
		tell_history(d, NULL, NULL);
}

static void on_loaded(struct desk *d, const struct history_answer *a)
{
	int pool = model_find(&d->model, a->id);
	if (pool < 0)
		return;
	bool unread = is_unread(&d->pools[pool]);
	if (d->pools[pool].loaded && !unread) {
		order_heard(d, pool, a);
		return;
	}
	if (a->pool_id[0])
		desk_apply(
			d, &(struct model_event){.kind = MODEL_PINNED, .pool = pool, .text = a->pool_id});
	for (size_t i = 0; i < a->decision_count; i++)
		desk_apply(d,
			&(struct model_event){
				.kind = MODEL_DECISION, .pool = pool, .decision = &a->decisions[i]});
	/* Cursors count only with the decisions they stand for. */
	take_cursors(d, pool, a);
	d->pools[pool].loaded = true;
	if (d->how.record)
		desk_apply(d, &(struct model_event){.kind = MODEL_RECORDED, .pool = pool});
	for (size_t i = 0; i < a->decision_count; i++)
		found_adopt(d, pool, &a->decisions[i]);
	if (unread)
		past_is_read(d, pool);
}

#define RAISING_MS 1000       /* while another pool rises */
#define RAISING_QUIET_MS 5000 /* else */

void scribe_raising(struct desk *d)
{
	if (d->how.max_raising == 0 || d->how.passive || d->raising_asked ||
		d->now.boot_ms < d->raising_due_ms)
		return;
	d->raising_asked = true;
	history_raising(d->history, d->now.wall_ms);
}

static void on_raising(struct desk *d, const struct history_answer *a)
{
	d->raising_asked = false;
	d->raising_due_ms = d->now.boot_ms + RAISING_QUIET_MS;
	if (!a->raisings)
		return; /* the writer asks once more */
	if (a->raisings->count > 0)
		d->raising_due_ms = d->now.boot_ms + RAISING_MS;
	desk_apply(d, &(struct model_event){.kind = MODEL_RAISING, .raisings = a->raisings});
}

/* Every node that told this head is told of; what could not be looked up is asked for again. */
static void on_found(struct desk *d, const struct history_answer *a)
{
	for (int i = 0; i < d->model.pool_count; i++) {
		const struct pool *p = &d->model.pools[i];
		for (int k = 0; k < p->node_count; k++) {
			char *asked = d->pools[i].head[k];
			const char *lost = a->seq == UNKNOWN ? a->id : "";
			if (strcmp(asked, a->id) != 0)
				continue;
			if (a->err.code != ERR_NONE) {
				asked[0] = 0;
				continue;
			}
			if (lost[0] && d->how.record)
				history_event(d->history, d->now.wall_ms, p->name, "cut",
					"the pool knows a head of this history that is not in it", NULL);
			desk_apply(d,
				&(struct model_event){
					.kind = MODEL_LOST, .node = p->nodes[k].id, .text = lost});
		}
	}
}

static void on_writes(struct desk *d, const struct history_answer *a)
{
	tell_history(d, &a->err, NULL);
}

static void on_page(struct desk *d, struct history_answer *a)
{
	if (d->on_page)
		d->on_page(d->on_page_ctx, a);
}

void scribe_answers(struct desk *d)
{
	static void (*const handlers[])(struct desk *, const struct history_answer *) = {
		[HISTORY_MIGRATING] = on_migrating,
		[HISTORY_OPENED] = on_opened,
		[HISTORY_FAILED] = on_failed,
		[HISTORY_COMMITTED] = on_committed,
		[HISTORY_JOINED] = on_joined,
		[HISTORY_REFUSED] = on_refused,
		[HISTORY_OBSERVED] = on_observed,
		[HISTORY_LOADED] = on_loaded,
		[HISTORY_FOUND] = on_found,
		[HISTORY_RAISING] = on_raising,
		[HISTORY_TROUBLE] = on_writes,
	};
	struct history_answer *a = malloc(sizeof *a);
	if (!a)
		return; /* the answers wait for the next turn */
	while (history_next(d->history, a)) {
		if (a->kind == HISTORY_PAGE || a->kind == HISTORY_DETAIL || a->kind == HISTORY_SERIES)
			on_page(d, a);
		else
			handlers[a->kind](d, a);
		history_answer_release(a);
	}
	free(a);
	char head[POOL_HASH_MAX];
	history_head(d->history, head);
	if (strcmp(head, d->model.history_head) != 0)
		desk_apply(d, &(struct model_event){.kind = MODEL_HEAD, .text = head});
}
