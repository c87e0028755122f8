/* The second half of a change: what was written is read back, and answered by what is there. What
 * did not happen, or may not stay, is cleaned away. The first half is haproxy_change.c's. */
#include "client/haproxy_call.h"

#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <stdlib.h>
#include <string.h>

#define PERMILLE_BP (SHARE_FULL / HAPROXY_PERMILLE)

bool haproxy_call_is_share(const struct haproxy_call *c)
{
	return c->kind == DRIVER_ANSWER && verb_is(c->cmd.verb, VERB_SPLITS);
}

bool haproxy_call_is_rollback(const struct haproxy_call *c)
{
	return c->kind == DRIVER_ANSWER && c->cmd.verb == VERB_ROLLBACK;
}

bool haproxy_call_is_step(const struct haproxy_call *c)
{
	return haproxy_call_is_share(c) && !haproxy_call_is_rollback(c);
}

void haproxy_call_say(
	struct haproxy_call *c, enum answer_kind kind, const struct err *why, struct instant now)
{
	c->phase = PHASE_TELL;
	c->answer = (struct answer){.kind = kind,
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.durable = true,
		.latency_ms = now.boot_ms - c->begun.boot_ms,
		.changed_age_ms = UNKNOWN};
	if (why != NULL)
		c->answer.err = *why;
	haproxy_session_free(c->session);
	c->session = NULL;
	hostlock_free(c->lock);
	c->lock = NULL;
}

static int64_t rev_of(const struct driver *d, const struct haproxy_view *v)
{
	return haproxy_boot_rev(&d->boot, &d->where, v);
}

void haproxy_call_place(struct answer *a, const struct driver *d, const struct haproxy_view *v)
{
	a->epoch = v->info.start_s;
	a->rev = rev_of(d, v);
	a->share_bp = v->share_bp;
}

bool haproxy_v1_serves(const struct haproxy_view *v)
{
	const struct haproxy_arm *v1 = &v->arms[ARM_V1];
	return v->share_bp == SHARE_FULL || v1->total == 0 || v1->ready > 0;
}

/* Without a map this process is all that knows. */
static void remember(struct driver *d, const struct haproxy_call *c, struct instant now)
{
	struct haproxy_boot *b = &d->boot;
	if (d->where.map[0] != '\0')
		return;
	if (c->cmd.verb == VERB_HOLD || c->cmd.verb == VERB_ADOPT) {
		b->held = true;
		b->held_ms = now.boot_ms;
		text_copy(b->holder, sizeof(b->holder), c->cmd.actor);
	} else if (c->cmd.verb == VERB_RESUME) {
		b->held = false;
	} else if (haproxy_call_is_rollback(c)) {
		b->rev++; /* a step that was decided before it finds another revision */
		b->held = false;
	}
}

/* Steps that were asked before this rollback, and are on their way, are told of it. */
static void tell_steps(struct driver *d, const struct haproxy_call *back)
{
	for (struct haproxy_call *c = d->calls; c != back; c = c->next)
		if (haproxy_call_is_step(c) && c->phase == PHASE_WRITE)
			c->back_bp = back->to_bp;
}

/* The first line of the change that HAProxy did not take. */
static int find_refusal(const struct haproxy_call *c, struct err *err)
{
	for (size_t i = 0; i < c->written; i++)
		if (haproxy_read_done(haproxy_session_answer(c->session, i), err) != 0)
			return -1;
	return 0;
}

/* A note of what did not happen is taken away. */
static void clean(
	const struct driver *d, struct haproxy_call *c, const struct err *why, int share_bp)
{
	struct text key = {0};
	c->phase = PHASE_CLEAN;
	c->answer.err = *why;
	c->cleaned_bp = share_bp;
	haproxy_session_next(c->session);
	if (!c->has_note)
		return;
	haproxy_note_key(&key, d->where.key, &c->note);
	haproxy_session_ask(c->session, "del map %s %s", d->where.map, text_str(&key));
	text_free(&key);
}

/* Where a rollback put the share while this step was on its way; -1: none did. */
static int overruled_bp(const struct haproxy_call *c, const struct haproxy_view *after)
{
	const struct haproxy_note *last = haproxy_map_last(&after->map);
	if (!haproxy_call_is_step(c) || c->back_bp >= 0)
		return c->back_bp;
	bool back =
		c->has_note && last != NULL && last->verb == VERB_ROLLBACK && last->rev > c->note.rev;
	return back ? last->permille * PERMILLE_BP : -1;
}

static void take_back(
	const struct driver *d, struct haproxy_call *c, const struct haproxy_view *after, int to_bp)
{
	struct err err = {0}, why = {0};
	err_set(
		&why, ERR_CHANGED, "a rollback was pressed meanwhile, and stays: the step is undone");
	clean(d, c, &why, to_bp);
	const struct haproxy_share share = {.to_bp = to_bp, .version = -1, .brakes = true};
	if (after->share_bp != to_bp &&
		haproxy_write_share(c->session, &d->where, after, &share, &err) != 0)
		c->answer.err = err;
}

static void judge(struct driver *d, struct haproxy_call *c, const struct haproxy_view *after,
	struct instant now)
{
	struct err err = {0};
	bool taken = find_refusal(c, &err) == 0;
	bool there = !haproxy_call_is_share(c) ? taken : after->share_bp == c->to_bp;
	bool moved =
		haproxy_call_is_share(c) && c->has_before && after->share_bp != c->before.share_bp;
	bool as_asked = !haproxy_call_is_share(c) || after->share_bp == c->asked_bp;
	int back_bp = overruled_bp(c, after);
	if (back_bp >= 0) {
		take_back(d, c, after, back_bp);
		return;
	}
	if (there && haproxy_call_is_rollback(c) && !haproxy_v1_serves(after)) {
		err_set(&err, ERR_NOT_SEEN,
			"the share went back, and \"%s\" has no server of v1 that takes work: look after them",
			d->where.backends[ARM_V1].name[0]);
		haproxy_call_say(c, ANSWER_LOST, &err, now);
	} else if (there || moved) {
		if (!as_asked)
			err_set(&err, ERR_APPLIED_AS, "applied as %.4g %%, asked %.4g %%",
				after->share_bp / 100.0, c->asked_bp / 100.0);
		haproxy_call_say(c, ANSWER_APPLIED, as_asked ? NULL : &err, now);
	} else {
		if (taken)
			err_set(&err, ERR_NOT_SEEN,
				"HAProxy took the change and the share still is %.4g %%: it was read back",
				after->share_bp / 100.0);
		if (c->has_note) {
			clean(d, c, &err, after->share_bp);
			return;
		}
		haproxy_call_say(c, ANSWER_REFUSED, &err, now);
	}
	if (there) {
		remember(d, c, now);
		if (haproxy_call_is_rollback(c))
			tell_steps(d, c);
	}
	haproxy_call_place(&c->answer, d, after);
	if (!c->has_before && d->where.map[0] != '\0')
		c->answer.rev = UNKNOWN; /* no note was read */
}

void haproxy_read_back(struct driver *d, struct haproxy_call *c, struct instant now)
{
	struct err err = {0};
	enum haproxy_progress progress = haproxy_session_turn(c->session, now);
	if (progress == HAPROXY_WAITS)
		return;
	if (progress == HAPROXY_FAILED) {
		bool sent = haproxy_session_sent(c->session);
		struct haproxy_sent *kept = haproxy_fate_find(d, c->cmd.id);
		if (kept != NULL && !sent && !c->blind)
			kept->left = false;
		haproxy_call_say(
			c, sent ? ANSWER_LOST : ANSWER_NOT_SENT, haproxy_session_err(c->session), now);
		return;
	}
	struct haproxy_view *after = mem_new(1, sizeof(*after));
	int rc = c->has_before
		? haproxy_view_read(after, c->session, c->written, &d->where, &err)
		: haproxy_view_read_share(after, c->session, c->written, &d->where, &err);
	if (rc == 0 && after->info.stopping)
		rc = err_set(&err, ERR_UNREACHABLE, "HAProxy was reloaded in the middle of the change");
	if (rc != 0) {
		haproxy_call_say(c, ANSWER_LOST, &err, now);
	} else {
		/* Another share is another revision, also where only this process counts them. */
		if (c->has_before && d->boot.id[0] != '\0' && d->where.map[0] == '\0' &&
			after->info.start_s == c->before.info.start_s)
			haproxy_boot_see(&d->boot, after, now);
		judge(d, c, after, now);
	}
	free(after);
}

void haproxy_end_cleaning(const struct driver *d, struct haproxy_call *c, struct instant now)
{
	enum haproxy_progress progress = haproxy_session_turn(c->session, now);
	if (progress == HAPROXY_WAITS)
		return;
	struct err err = c->answer.err;
	bool unsure =
		progress == HAPROXY_FAILED && haproxy_call_is_step(c) && err.code == ERR_CHANGED;
	haproxy_call_say(c, unsure ? ANSWER_LOST : ANSWER_REFUSED, &err, now);
	haproxy_call_place(&c->answer, d, &c->before);
	c->answer.share_bp = c->cleaned_bp;
}
