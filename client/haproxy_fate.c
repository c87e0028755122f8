/* The fate of a command whose answer was lost. HAProxy knows no command by its id: a note tells
 * of a change of the share, of all else what is there. Nothing is asked or sent here.
 *
 * 1. APPLIED is what is there as it was asked, by a command that left; VOID what never left, or
 *    of which nothing is there in the process that it was sent to. All between is LOST. */
#include "client/haproxy_parts.h"

#include "model/text.h"
#include "model/unit.h"

#include <string.h>

#define PERMILLE_BP (SHARE_FULL / HAPROXY_PERMILLE)

struct haproxy_sent *haproxy_fate_find(struct driver *d, const char *id)
{
	for (int i = 0; i < HAPROXY_SENT_MAX; i++)
		if (d->sent[i].id[0] != '\0' && strcmp(d->sent[i].id, id) == 0)
			return &d->sent[i];
	return NULL;
}

void haproxy_fate_keep(struct driver *d, const struct command *c)
{
	if (haproxy_fate_find(d, c->id) != NULL)
		return;
	struct haproxy_sent *s = &d->sent[d->sent_next];
	d->sent_next = (d->sent_next + 1) % HAPROXY_SENT_MAX;
	*s = (struct haproxy_sent){.verb = c->verb,
		.from_bp = -1,
		.to_bp = c->to_bp,
		.epoch = UNKNOWN,
		.drain = c->drain,
		.drains = c->drains};
	text_copy(s->id, sizeof(s->id), c->id);
	text_copy(s->actor, sizeof(s->actor), c->actor);
	text_copy(s->plan_hash, sizeof(s->plan_hash), c->plan_hash);
}

/* What is there of a command. */
enum trace { TRACE_NONE, TRACE_PART, TRACE_WHOLE };

static enum trace trace_if(bool there)
{
	return there ? TRACE_WHOLE : TRACE_NONE;
}

static enum trace trace_share(
	const struct driver *d, const struct haproxy_sent *s, const struct haproxy_view *v)
{
	/* Its note goes before it; notes that were many may have pushed it out. */
	if (s->noted && s->epoch == v->info.start_s)
		return v->map.count < HAPROXY_NOTES_KEPT ? TRACE_NONE : TRACE_PART;
	if (s->to_bp == v->share_bp)
		return TRACE_WHOLE;
	return d->where.map[0] == '\0' && s->from_bp == v->share_bp ? TRACE_NONE : TRACE_PART;
}

static enum trace trace_drain(const struct haproxy_sent *s, const struct haproxy_view *v)
{
	const struct haproxy_arm *a = &v->arms[s->drain.arm];
	int meant = 0, done = 0;
	for (int i = 0; i < a->count; i++) {
		const struct worker_row row = {.arm = s->drain.arm, .index = i};
		bool is = drain_means(&s->drain, &row);
		meant += is;
		done += is && a->server[i].locked == s->drains;
	}
	return done == 0 ? TRACE_NONE : done == meant ? TRACE_WHOLE : TRACE_PART;
}

static enum trace trace_of(
	const struct driver *d, const struct haproxy_sent *s, const struct haproxy_view *v)
{
	bool notes = d->where.map[0] != '\0';
	switch (s->verb) {
	case VERB_HOLD:
	case VERB_ADOPT:
		return trace_if(notes ? v->map.held : d->boot.held);
	case VERB_RESUME:
		return trace_if(notes ? !v->map.held : !d->boot.held);
	case VERB_ARM:
		return trace_if(v->map.armed && strcmp(v->map.plan_hash, s->plan_hash) == 0);
	case VERB_DISARM:
		return trace_if(!v->map.armed);
	case VERB_DRAIN:
		return trace_drain(s, v);
	default:
		return trace_share(d, s, v);
	}
}

static enum answer_kind by_note(const struct driver *d, const struct haproxy_note *n,
	const struct haproxy_view *v, struct err *err)
{
	char is[24];
	if (n != haproxy_map_last(&v->map))
		return ANSWER_SUPERSEDED;
	if (n->permille * PERMILLE_BP == v->share_bp)
		return ANSWER_APPLIED;
	unit_share(is, sizeof(is), v->share_bp);
	err_set(err, ERR_NOT_SEEN,
		"\"%.120s\" noted the change and its share is %s: it was never set, or by hand since",
		d->where.key, is);
	return ANSWER_LOST;
}

enum answer_kind haproxy_fate_of(
	struct driver *d, const char *id, const struct haproxy_view *v, struct err *err)
{
	const struct haproxy_note *n = haproxy_map_find(&v->map, id);
	const struct haproxy_sent *s = haproxy_fate_find(d, id);
	if (n != NULL)
		return by_note(d, n, v, err);
	if (s != NULL && !s->left)
		return ANSWER_VOID;
	enum trace trace = s != NULL ? trace_of(d, s, v) : TRACE_PART;
	if (trace == TRACE_WHOLE)
		return ANSWER_APPLIED;
	if (trace == TRACE_NONE && s->epoch == v->info.start_s)
		return ANSWER_VOID;
	err_set(err, ERR_NOT_SEEN,
		"HAProxy keeps nothing that tells what became of the command on \"%.120s\"",
		d->where.key);
	return ANSWER_LOST;
}
