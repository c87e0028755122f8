/* Driver of `local:`: the embedded engine in this process, by function calls. Not a copy of the
 * wire: it fills the same structs directly.
 *
 * Invariants:
 * 1. What was asked is done when it is asked; what came of it is told in `turn`, in that order.
 * 2. An event's data lives only during the event. */
#include "client/drivers.h"

#include "client/engine/engine.h"
#include "client/engine/hash.h"
#include "model/mem.h"
#include "model/scenario.h"
#include "model/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "local:"
#define AUDIT_PAGE 1000

/* What `turn` has to tell. */
struct news {
	enum driver_event_kind kind;
	char intent[DECISION_ID_MAX];
	enum verb verb;
	struct answer answer;
	int64_t since; /* AUDIT */
};

struct driver {
	uint64_t node;
	struct driver_sink sink;
	struct engine *engine;
	struct news *news;
	size_t count, cap;
	bool is_polling;
};

static int open_local(struct driver **out, const struct driver_open *how, struct err *err)
{
	if (strncmp(how->target, PREFIX, strlen(PREFIX)) != 0)
		return err_set(err, ERR_CONFIG, "\"%s\" does not begin with local:", how->target);
	const char *name = how->target + strlen(PREFIX);
	const struct scenario *s = how->scenario;
	if (!s && name[0] && !(s = scenario_find(name)))
		return err_set(err, ERR_CONFIG,
			"no scenario is called \"%s\"; use local:demo or local:quiet", name);

	struct engine_options o = {.scenario = s, .strategy = STRATEGY_CANARY};
	struct engine *engine;
	if (engine_start(&engine, &o, err))
		return err_prefix(err, "\"%s\"", how->target);
	struct driver *d = mem_new(1, sizeof *d);
	d->node = how->node;
	d->sink = how->sink;
	d->engine = engine;
	*out = d;
	return 0;
}

static struct news *add_news(struct driver *d, enum driver_event_kind kind)
{
	mem_grow(&d->news, &d->cap, d->count + 1, sizeof *d->news);
	struct news *n = &d->news[d->count++];
	*n = (struct news){.kind = kind};
	return n;
}

static void poll_local(struct driver *d, struct instant now)
{
	(void)now;
	if (!d->is_polling)
		add_news(d, DRIVER_SNAPSHOT);
	d->is_polling = true;
}

static uint64_t hash_command(const struct command *c)
{
	struct text t = {0};
	text_addf(&t, "%d %d %d %d\n%s\n%s\n%s", c->verb, c->from_bp, c->to_bp, c->strategy,
		c->actor, c->reason, c->plan_hash);
	uint64_t hash = hash_bytes(t.data, t.len, 0);
	text_free(&t);
	return hash;
}

/* The console's code of a pool's refusal. */
static enum err_code code_of(const struct command *c, const struct control_answer *a)
{
	switch (a->status) {
	case 409:
		return ERR_HELD;
	case 410:
		return ERR_FINALIZED;
	case 412:
		return c->epoch < a->epoch ? ERR_EPOCH : ERR_CHANGED;
	case 507:
		return ERR_DISK;
	default:
		return strcmp(a->error, "void") == 0 ? ERR_VOID : ERR_LIMIT;
	}
}

static void fill_answer(struct answer *out, const struct control_answer *a)
{
	out->epoch = a->epoch;
	out->rev = a->rev;
	out->share_bp = a->share_bp;
	out->replayed = a->replayed;
	out->durable = a->durable;
	out->latency_ms = 0;
	text_copy(out->changed_by, sizeof out->changed_by, a->changed_by);
	out->changed_age_ms = a->changed_age_ms;
}

static void apply_local(struct driver *d, const struct command *c, struct instant now)
{
	(void)now;
	struct control_request r = {
		.verb = c->verb,
		.body_hash = hash_command(c),
		.has_match = c->verb == VERB_STEP,
		.match_epoch = c->epoch,
		.match_rev = c->rev,
		.to_bp = c->to_bp,
		.from_bp = c->from_bp,
		.strategy = c->strategy,
	};
	text_copy(r.key, sizeof r.key, c->id);
	text_copy(r.actor, sizeof r.actor, c->actor);
	text_copy(r.reason, sizeof r.reason, c->reason);
	text_copy(r.plan_hash, sizeof r.plan_hash, c->plan_hash);
	struct control_answer a;
	engine_change(d->engine, &r, &a);

	struct news *n = add_news(d, DRIVER_ANSWER);
	text_copy(n->intent, sizeof n->intent, c->id);
	n->verb = c->verb;
	fill_answer(&n->answer, &a);
	n->answer.kind = a.status == 200 ? ANSWER_APPLIED : ANSWER_REFUSED;
	if (a.status != 200)
		err_set(&n->answer.err, code_of(c, &a), "%s", a.message);
}

static void resolve_local(struct driver *d, const char *intent, struct instant now)
{
	static const enum answer_kind kinds[] = {
		[INTENT_UNKNOWN] = ANSWER_LOST,
		[INTENT_APPLIED] = ANSWER_APPLIED,
		[INTENT_SUPERSEDED] = ANSWER_SUPERSEDED,
		[INTENT_VOID] = ANSWER_VOID,
	};
	(void)now;
	struct control_answer a;
	enum intent_fate fate = engine_intent(d->engine, intent, true, &a);
	struct news *n = add_news(d, DRIVER_RESOLVED);
	text_copy(n->intent, sizeof n->intent, intent);
	fill_answer(&n->answer, &a);
	n->answer.kind = kinds[fate];
	if (fate == INTENT_UNKNOWN)
		err_set(&n->answer.err, ERR_UNRESOLVED, "%s", a.message);
}

static void audit_local(struct driver *d, int64_t since, struct instant now)
{
	(void)now;
	add_news(d, DRIVER_AUDIT)->since = since;
}

static void tell(struct driver *d, const struct news *n, struct instant now)
{
	struct driver_event e = {.kind = n->kind, .node = d->node, .at = now};
	void *data = NULL;
	if (n->kind == DRIVER_SNAPSHOT) {
		struct snapshot *s = data = mem_new(1, sizeof *s);
		engine_snapshot(d->engine, s);
		e.snapshot = s;
		d->is_polling = false;
	} else if (n->kind == DRIVER_AUDIT) {
		struct audit_entry *entries = data = mem_new(AUDIT_PAGE, sizeof *entries);
		e.audit_count = engine_audit(d->engine, n->since, entries, AUDIT_PAGE);
		e.audit = entries;
	} else {
		e.intent = n->intent;
		e.verb = n->verb;
		e.answer = &n->answer;
	}
	d->sink.event(d->sink.ctx, &e);
	free(data);
}

static void turn_local(struct driver *d, struct instant now)
{
	/* The sink may ask for more; that is told in the next turn. */
	struct news *news = d->news;
	size_t count = d->count;
	d->news = NULL;
	d->count = d->cap = 0;
	for (size_t i = 0; i < count; i++)
		tell(d, &news[i], now);
	free(news);
}

static void close_local(struct driver *d)
{
	engine_stop(d->engine);
	free(d->news);
	free(d);
}

const struct driver_ops driver_local = {
	.scheme = "local",
	.capabilities = CAPABILITY_COMPARE_AND_SET | CAPABILITY_KEYS | CAPABILITY_BASELINE |
		CAPABILITY_SESSIONS | CAPABILITY_QUANTILES | CAPABILITY_AUDIT | CAPABILITY_COMMANDS,
	.help = "local:[SCENARIO]  the embedded engine in this process",
	.open = open_local,
	.poll = poll_local,
	.apply = apply_local,
	.resolve = resolve_local,
	.audit = audit_local,
	.turn = turn_local,
	.close = close_local,
};
