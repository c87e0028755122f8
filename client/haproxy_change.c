/* Changes of HAProxy: read, compare, write, read back, on one connection each.
 *
 * 1. HAProxy compares nothing by itself. Between the reading and the writing of one weir no other
 *    one of this host writes, since both take a lock; others can, and the read-back tells.
 * 2. Success is what was read back, never what was answered: HAProxy takes a value that is none,
 *    says so to nobody, and changes nothing.
 * 3. Once a line of the writing may have left, a lost connection is a LOST answer.
 * 4. A rollback compares nothing, waits for a lock as long as a change takes and no longer, and
 *    goes out also where nothing can be read.
 * 5. A step that was decided before a rollback does not outlive it: where it still waits here it is
 *    refused, where it was on its way it finds the rollback when it reads back, and takes itself
 *    back. For that a rollback counts two revisions on, past the step that may be under way.
 * 6. A rollback is done when v1 has a server that takes work. */
#include "client/haproxy_call.h"

#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <stdlib.h>
#include <string.h>

#define LOCK_MS 1000      /* how long a lock is waited for */
#define BRAKE_LOCK_MS 200 /* by a rollback */
#define LOCK_RETRY_MS 5
#define PERMILLE_BP (SHARE_FULL / HAPROXY_PERMILLE)

/* ---- reading and comparing ---- */

static void begin_reading(struct haproxy_call *c, const struct driver *d, struct instant now)
{
	c->phase = PHASE_READ;
	c->session = haproxy_session_new(d->epoll_fd, &d->where, false, HAPROXY_TIMEOUT_MS, now);
	haproxy_view_ask(c->session, &d->where);
	/* Made together with what it is made of: one that is not committed is forgotten by itself. */
	if (haproxy_call_is_share(c) && haproxy_write_commits(&d->where))
		haproxy_session_ask(c->session, "prepare map %s", d->where.map);
}

static void read_version(struct haproxy_call *c, const struct driver *d)
{
	size_t last = haproxy_session_asked(c->session) - 1;
	c->version = -1;
	if (haproxy_call_is_share(c) && haproxy_write_commits(&d->where))
		c->version = haproxy_version_read(haproxy_session_answer(c->session, last));
}

/* What the command stands on is what is there. */
static int compare(const struct driver *d, const struct haproxy_call *c, struct err *err)
{
	const struct haproxy_view *v = &c->before;
	const struct command *m = &c->cmd;
	const struct haproxy_note *last = haproxy_map_last(&v->map);
	char is[24], was[24];
	unit_share(is, sizeof(is), v->share_bp);
	unit_share(was, sizeof(was), m->from_bp);
	if (m->epoch != UNKNOWN && m->epoch != v->info.start_s)
		return err_set(err, ERR_EPOCH, "HAProxy was reloaded since: share is %s now", is);
	if (m->rev != UNKNOWN && m->rev != haproxy_boot_rev(&d->boot, &d->where, v))
		return err_set(err, ERR_CHANGED, "%.96s changed it to %s meanwhile",
			last != NULL ? last->actor : "somebody", is);
	if (m->verb == VERB_STEP && m->from_bp >= 0 && m->from_bp != v->share_bp)
		return err_set(
			err, ERR_CHANGED, "somebody changed it by hand from %s to %s meanwhile", was, is);
	bool held = d->where.map[0] != '\0' ? v->map.held : d->boot.held;
	if (held && m->verb == VERB_STEP && m->to_bp > v->share_bp)
		return err_set(err, ERR_HELD, "%.96s holds it",
			d->where.map[0] != '\0' ? v->map.holder : d->boot.holder);
	return 0;
}

static int baseline_of(const struct driver *d, const struct haproxy_call *c)
{
	bool armed = d->where.map[0] != '\0' && c->has_before && c->before.map.armed;
	return armed ? c->before.map.baseline_permille * PERMILLE_BP : 0;
}

/* ---- writing ---- */

static void begin_note(const struct driver *d, struct haproxy_call *c, struct instant now)
{
	const struct haproxy_view *v = &c->before;
	const struct haproxy_note *last = c->has_before ? haproxy_map_last(&v->map) : NULL;
	bool pressed_again = last != NULL && strcmp(last->id, c->cmd.id) == 0 &&
		last->permille * PERMILLE_BP == c->to_bp;
	c->has_note = d->where.map[0] != '\0' && c->has_before && !pressed_again &&
		c->to_bp % PERMILLE_BP == 0;
	if (!c->has_note)
		return;
	c->note = (struct haproxy_note){
		.rev = haproxy_boot_rev(&d->boot, &d->where, v) + (haproxy_call_is_rollback(c) ? 2 : 1),
		.permille = c->to_bp / PERMILLE_BP,
		.verb = c->cmd.verb,
		.at_ms = now.wall_ms,
		.uptime_s = v->info.uptime_s,
		.requests = {v->arms[ARM_V1].requests, v->arms[ARM_V2].requests}};
	text_copy(c->note.actor, sizeof(c->note.actor), c->cmd.actor);
	text_copy(c->note.id, sizeof(c->note.id), c->cmd.id);
}

static int ask_change(
	const struct driver *d, struct haproxy_call *c, struct instant now, struct err *err)
{
	const struct haproxy_view *v = c->has_before ? &c->before : NULL;
	if (!haproxy_call_is_share(c))
		return haproxy_write_other(c->session, &d->where, v, &c->cmd, now, err);
	if (c->cmd.verb == VERB_OPERATIONS)
		return err_set(err, ERR_LIMIT, "HAProxy knows no operations");
	if (c->cmd.strategy != STRATEGY_COUNT && c->cmd.strategy != STRATEGY_CANARY)
		return err_set(err, ERR_LIMIT, "HAProxy routes by share: \"%s\" is not for it",
			strategy_name(c->cmd.strategy));
	c->to_bp = c->cmd.to_bp >= 0      ? c->cmd.to_bp
		: haproxy_call_is_rollback(c) ? baseline_of(d, c)
									  : -1;
	if (c->to_bp < 0)
		return err_set(err, ERR_LIMIT, "no share was asked for");
	c->asked_bp = c->to_bp;
	if (haproxy_call_is_rollback(c))
		c->to_bp = haproxy_write_floor(&d->where, v, c->to_bp);
	begin_note(d, c, now);
	const struct haproxy_share share = {.to_bp = c->to_bp,
		.note = c->has_note ? &c->note : NULL,
		.version = c->version,
		.brakes = haproxy_call_is_rollback(c),
		.releases = haproxy_call_is_rollback(c)};
	return haproxy_write_share(c->session, &d->where, v, &share, err);
}

/* A repeated command is done once. */
static bool is_done_already(const struct driver *d, struct haproxy_call *c, struct instant now)
{
	const struct haproxy_note *n =
		c->has_before ? haproxy_map_find(&c->before.map, c->cmd.id) : NULL;
	if (n == NULL || !haproxy_call_is_share(c))
		return false;
	bool last = n == haproxy_map_last(&c->before.map);
	if (last && n->permille * PERMILLE_BP != c->before.share_bp)
		return false;
	if (haproxy_call_is_rollback(c) && !haproxy_v1_serves(&c->before))
		return false;
	haproxy_call_say(c, ANSWER_APPLIED, NULL, now);
	haproxy_call_place(&c->answer, d, &c->before);
	c->answer.rev = n->rev;
	c->answer.replayed = true;
	return true;
}

static void write_it(struct driver *d, struct haproxy_call *c, struct instant now)
{
	struct err err = {0};
	haproxy_session_next(c->session);
	if (ask_change(d, c, now, &err) != 0) {
		haproxy_call_say(c, ANSWER_REFUSED, &err, now);
		if (c->has_before)
			haproxy_call_place(&c->answer, d, &c->before);
		return;
	}
	c->phase = PHASE_WRITE;
	c->written = haproxy_session_asked(c->session);
	if (c->has_before)
		haproxy_view_ask(c->session, &d->where);
	else
		haproxy_view_ask_share(c->session, &d->where);
	struct haproxy_sent *sent = haproxy_fate_find(d, c->cmd.id);
	if (sent == NULL)
		return;
	sent->left = true;
	sent->noted |= c->has_note;
	sent->to_bp = c->to_bp;
	sent->from_bp = c->has_before ? c->before.share_bp : -1;
	sent->epoch = c->has_before ? c->before.info.start_s : UNKNOWN;
}

/* What cannot be read is written all the same, on a connection that asks for nothing else. */
static void write_blindly(struct driver *d, struct haproxy_call *c, struct instant now)
{
	haproxy_session_free(c->session);
	c->session = haproxy_session_new(d->epoll_fd, &d->where, false, HAPROXY_TIMEOUT_MS, now);
	c->blind = true;
	c->version = -1;
	write_it(d, c, now);
}

static void resolve(struct driver *d, struct haproxy_call *c, struct instant now)
{
	struct err err = {0};
	enum answer_kind kind = haproxy_fate_of(d, c->cmd.id, &c->before, &err);
	haproxy_call_say(c, kind, kind == ANSWER_LOST ? &err : NULL, now);
	haproxy_call_place(&c->answer, d, &c->before);
}

static void read_it(struct driver *d, struct haproxy_call *c, struct instant now)
{
	struct err err = {0};
	enum haproxy_progress progress = haproxy_session_turn(c->session, now);
	const enum answer_kind not_done =
		c->kind == DRIVER_RESOLVED ? ANSWER_LOST : ANSWER_NOT_SENT;
	if (progress == HAPROXY_WAITS)
		return;
	if (progress == HAPROXY_FAILED) {
		if (haproxy_call_is_rollback(c))
			write_blindly(d, c, now);
		else
			haproxy_call_say(c, not_done, haproxy_session_err(c->session), now);
		return;
	}
	read_version(c, d);
	c->has_before = haproxy_view_read(&c->before, c->session, 0, &d->where, &err) == 0;
	if (c->has_before && c->before.info.stopping) {
		err_set(&err, ERR_UNREACHABLE, "\"%s\" is still answered by an old process", d->target);
		haproxy_call_say(c, not_done, &err, now);
		return;
	}
	if (!c->has_before && !haproxy_call_is_rollback(c)) {
		haproxy_call_say(c, not_done, &err, now);
		return;
	}
	if (c->kind == DRIVER_RESOLVED) {
		resolve(d, c, now);
		return;
	}
	if (is_done_already(d, c, now))
		return;
	if (!verb_is(c->cmd.verb, VERB_MATCHES) || compare(d, c, &err) == 0) {
		write_it(d, c, now);
		return;
	}
	const struct haproxy_note *last = haproxy_map_last(&c->before.map);
	haproxy_call_say(c, ANSWER_REFUSED, &err, now);
	haproxy_call_place(&c->answer, d, &c->before);
	if (last == NULL)
		return;
	text_copy(c->answer.changed_by, sizeof(c->answer.changed_by), last->actor);
	c->answer.changed_age_ms = haproxy_note_age_ms(last, c->before.info.uptime_s, now.wall_ms);
}

/* ---- calls ---- */

static void advance(struct driver *d, struct haproxy_call *c, struct instant now)
{
	enum haproxy_phase before;
	do {
		before = c->phase;
		if (c->phase == PHASE_LOCK) {
			bool patient = now.boot_ms - c->begun.boot_ms <
				(haproxy_call_is_rollback(c) ? BRAKE_LOCK_MS : LOCK_MS);
			if (haproxy_lock_take(&c->lock, d) || !patient)
				begin_reading(c, d, now);
		} else if (c->phase == PHASE_READ) {
			read_it(d, c, now);
		} else if (c->phase == PHASE_WRITE) {
			haproxy_read_back(d, c, now);
		} else if (c->phase == PHASE_CLEAN) {
			haproxy_end_cleaning(d, c, now);
		}
	} while (c->phase != before);
}

static struct haproxy_call *add(
	struct driver *d, enum driver_event_kind kind, struct instant now)
{
	struct haproxy_call **end = &d->calls;
	while (*end != NULL)
		end = &(*end)->next;
	*end = mem_new(1, sizeof(**end));
	(*end)->kind = kind;
	(*end)->begun = now;
	(*end)->to_bp = (*end)->asked_bp = (*end)->back_bp = -1;
	return *end;
}

/* What still waits, and was decided before a rollback, is not begun any more. */
static void refuse_steps(struct driver *d, struct instant now)
{
	struct err err = {0};
	err_set(&err, ERR_CHANGED, "a rollback was pressed meanwhile: decide the step again");
	for (struct haproxy_call *c = d->calls; c != NULL; c = c->next)
		if (haproxy_call_is_step(c) && (c->phase == PHASE_LOCK || c->phase == PHASE_READ))
			haproxy_call_say(c, ANSWER_REFUSED, &err, now);
}

void haproxy_apply(struct driver *d, const struct command *cmd, struct instant now)
{
	if (cmd->verb == VERB_ROLLBACK)
		refuse_steps(d, now);
	struct haproxy_call *c = add(d, DRIVER_ANSWER, now);
	c->cmd = *cmd;
	haproxy_fate_keep(d, cmd);
	advance(d, c, now);
}

void haproxy_resolve(struct driver *d, const char *intent, struct instant now)
{
	struct haproxy_call *c = add(d, DRIVER_RESOLVED, now);
	text_copy(c->cmd.id, sizeof(c->cmd.id), intent);
	c->cmd.verb = VERB_COUNT;
	advance(d, c, now);
}

static void call_free(struct haproxy_call *c)
{
	haproxy_session_free(c->session);
	hostlock_free(c->lock);
	free(c);
}

void haproxy_change_turn(struct driver *d, struct instant now)
{
	for (struct haproxy_call *c = d->calls; c != NULL; c = c->next)
		advance(d, c, now);
	for (struct haproxy_call **at = &d->calls; *at != NULL;) {
		struct haproxy_call *c = *at;
		if (c->phase != PHASE_TELL) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		haproxy_tell(d,
			&(struct driver_event){.kind = c->kind,
				.node = d->node,
				.at = now,
				.intent = c->cmd.id,
				.verb = c->cmd.verb,
				.answer = &c->answer});
		call_free(c);
	}
}

int64_t haproxy_change_due_ms(const struct driver *d, struct instant now)
{
	int64_t least = INT64_MAX;
	for (const struct haproxy_call *c = d->calls; c != NULL; c = c->next) {
		int64_t due_ms = c->phase == PHASE_TELL ? 0
			: c->session != NULL                ? haproxy_session_left_ms(c->session, now)
												: LOCK_RETRY_MS;
		least = due_ms < least ? due_ms : least;
	}
	return least;
}

void haproxy_change_forget(struct driver *d)
{
	for (struct haproxy_call *c; (c = d->calls) != NULL;) {
		d->calls = c->next;
		call_free(c);
	}
}
