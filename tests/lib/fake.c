/* Fake: the pool of the desk's tests. Not an engine: no thread, no clock, no work; requests are
 * counted as if they had been done. */
#include "tests/lib/fake.h"

#include "client/engine/control.h"
#include "client/engine/hash.h"
#include "client/wire.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "fake:"
#define AUDIT_PAGE 100

/* A driver table has no context, so a target finds its fake by name. */
static struct fake *fakes;

static struct fake *find(const char *name)
{
	struct fake *f = fakes;
	while (f && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

/* ---- traffic ---- */

/* SplitMix64. Source: Steele, Lea, Flood 2014. */
static uint64_t draw(struct fake *f)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static bool happens(struct fake *f, double part)
{
	return (double)(draw(f) >> 11) / 9007199254740992.0 < part;
}

/* From half the median up to some five times it. */
static int64_t draw_latency(struct fake *f, int64_t median_us)
{
	int64_t u = (int64_t)(draw(f) % 1024);
	return median_us * (512 + u + u * u * u / 268435 * (u > 900)) / 1024;
}

static void work(struct fake *f, enum arm arm)
{
	static const char *const names[] = {"predict", "train", "encode"};
	struct arm_counts *c = &f->counts->arms[arm];
	bool fails = happens(f, f->error_rate[arm]);
	/* What fails is mostly one operation, as it is in life. */
	int which = fails && draw(f) % 8 != 0 ? 0 : (int)(draw(f) % 3);
	struct operation_counts *o = &c->operations[which];
	text_copy(o->name, sizeof o->name, names[which]);
	c->operation_count = 3;
	c->requests++;
	o->requests++;
	if (fails) {
		c->failed[which == 0 ? FAILURE_TIMEOUT : FAILURE_OPERATION]++;
		o->failed++;
	} else {
		c->ok++;
		o->ok++;
	}
	histogram_add(&c->latency, draw_latency(f, f->latency_us[arm]), 1);
}

void fake_advance(struct fake *f, struct instant now)
{
	enum strategy strategy;
	int share_bp;
	control_split(f->control, &strategy, &share_bp);
	if (f->leak_bp >= 0)
		share_bp = f->leak_bp;
	f->carry += f->rate * (double)(now.boot_ms - f->now.boot_ms) / 1000;
	f->now = now;
	for (; f->carry >= 1; f->carry--)
		work(f, (int)(draw(f) % SHARE_FULL) < share_bp ? ARM_V2 : ARM_V1);
}

/* ---- lifecycle ---- */

static struct control *make_control(struct instant now, int64_t epoch, int share_bp)
{
	struct control_options how = {
		.strategy = STRATEGY_CANARY, .share_bp = share_bp, .has_v2 = true, .epoch = epoch};
	struct err err;
	struct control *c = control_new(&how, NULL, now, &err);
	assert(c);
	return c;
}

static void boot(struct fake *f, int64_t epoch, int share_bp)
{
	struct snapshot *s = f->counts;
	f->booted = f->now;
	f->control = make_control(f->now, epoch, share_bp);
	memset(s->arms, 0, sizeof s->arms);
	snprintf(s->boot_id, sizeof s->boot_id, "boot-%d", ++f->boots);
	s->seq = 0;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *c = &s->arms[arm];
		c->sessions = c->sessions_bad = UNKNOWN;
		c->has_latency = true;
		c->workers = (struct worker_counts){.total = 8, .ready = 8, .busy = 1, .created = 8};
		c->cpu_us = c->fds = UNKNOWN;
	}
}

struct fake *fake_new(const char *name, uint64_t seed, struct instant now)
{
	assert(!find(name));
	struct fake *f = mem_new(1, sizeof *f);
	text_copy(f->name, sizeof f->name, name);
	f->rate = 200;
	f->error_rate[ARM_V1] = f->error_rate[ARM_V2] = 0.002;
	f->latency_us[ARM_V1] = f->latency_us[ARM_V2] = 20000;
	f->memory_bytes[ARM_V1] = f->memory_bytes[ARM_V2] = 400 << 20;
	f->leak_bp = f->lie_bp = -1;
	f->random = seed;
	f->now = now;
	f->counts = mem_new(1, sizeof *f->counts);
	struct snapshot *s = f->counts;
	text_copy(s->pool_id, sizeof s->pool_id, "shop-1");
	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->node, sizeof s->node, name);
	snprintf(s->node_id, sizeof s->node_id, "id-%.32s", name);
	text_copy(s->build, sizeof s->build, "1.0");
	s->unit_ms = 30000;
	boot(f, 1, 0);
	f->next = fakes;
	fakes = f;
	return f;
}

void fake_free(struct fake *f)
{
	if (!f)
		return;
	struct fake **at = &fakes;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	control_free(f->control);
	free(f->counts);
	free(f);
}

void fake_restart(struct fake *f, bool keeps_share)
{
	int share_bp = keeps_share ? fake_share_bp(f) : 0;
	int64_t epoch = fake_epoch(f) + 1000;
	control_free(f->control);
	boot(f, epoch, share_bp);
}

void fake_become(struct fake *f, const char *pool_id)
{
	text_copy(f->counts->pool_id, sizeof f->counts->pool_id, pool_id);
}

void fake_rename(struct fake *f, const char *pool)
{
	text_copy(f->counts->pool, sizeof f->counts->pool, pool);
}

/* ---- what it says ---- */

/* The document of this moment, without a lie. */
static void fill(struct fake *f, struct snapshot *s)
{
	struct snapshot *c = f->counts;
	c->seq++;
	c->uptime_ms = f->now.boot_ms - f->booted.boot_ms;
	c->now_ms = f->now.wall_ms;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		c->arms[arm].memory_bytes = f->memory_bytes[arm];
	*s = *c;
	control_fill(f->control, s, f->now);
}

static struct snapshot *document(struct fake *f)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	fill(f, s);
	if (f->lie_bp >= 0)
		s->share_bp = f->lie_bp;
	return s;
}

int fake_share_bp(const struct fake *f)
{
	enum strategy strategy;
	int share_bp;
	control_split(f->control, &strategy, &share_bp);
	return share_bp;
}

/* One number of what the control says. */
#define SAYS(f, field, out) \
	do { \
		struct snapshot *says = mem_new(1, sizeof *says); \
		control_fill((f)->control, says, (f)->now); \
		(out) = says->field; \
		free(says); \
	} while (0)

int64_t fake_rev(const struct fake *f)
{
	int64_t rev;
	SAYS(f, rev, rev);
	return rev;
}

int64_t fake_epoch(const struct fake *f)
{
	int64_t epoch;
	SAYS(f, epoch, epoch);
	return epoch;
}

int64_t fake_audit_seq(const struct fake *f)
{
	int64_t seq;
	SAYS(f, audit_seq, seq);
	return seq;
}

bool fake_is_held(const struct fake *f)
{
	bool on;
	SAYS(f, hold.on, on);
	return on;
}

/* ---- changes ---- */

static void change(struct fake *f, const struct control_request *r, struct control_answer *out)
{
	struct control_counts counts;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_counts *c = &f->counts->arms[arm];
		counts.arms[arm] = (struct change_counts){.requests = c->requests,
			.ok = c->ok,
			.failed = counts_failed(c),
			.sessions = UNKNOWN,
			.sessions_bad = UNKNOWN};
	}
	control_change(f->control, r, &counts, f->now, out);
}

static void deliver(struct fake *f, const struct command *c, struct control_answer *out)
{
	struct text body = {0};
	/* As it would travel: what a real pool takes for another body is one here. */
	wire_write_command(&body, c);
	struct control_request r = {.verb = c->verb,
		.body_hash = hash_bytes(body.data, body.len, 0),
		.has_match = c->verb == VERB_STEP,
		.match_epoch = c->epoch,
		.match_rev = c->rev,
		.to_bp = c->to_bp,
		.from_bp = c->from_bp,
		.strategy = c->strategy};
	text_free(&body);
	text_copy(r.key, sizeof r.key, c->id);
	text_copy(r.actor, sizeof r.actor, c->actor);
	text_copy(r.reason, sizeof r.reason, c->reason);
	text_copy(r.plan_hash, sizeof r.plan_hash, c->plan_hash);
	change(f, &r, out);
}

int fake_deliver(struct fake *f, const struct command *c, bool *replayed)
{
	struct control_answer a;
	deliver(f, c, &a);
	if (replayed)
		*replayed = a.replayed;
	return a.status;
}

int fake_act(struct fake *f, const char *actor, const char *key, enum verb verb, int to_bp,
	const char *reason)
{
	struct command c = {.verb = verb,
		.from_bp = -1,
		.to_bp = to_bp,
		.strategy = STRATEGY_COUNT,
		.epoch = fake_epoch(f),
		.rev = fake_rev(f)};
	text_copy(c.id, sizeof c.id, key);
	text_copy(c.actor, sizeof c.actor, actor);
	text_copy(c.reason, sizeof c.reason, reason);
	return fake_deliver(f, &c, NULL);
}

/* ---- the driver: one desk's line to a fake ---- */

struct news {
	enum driver_event_kind kind;
	int64_t due_ms;
	char intent[DECISION_ID_MAX];
	enum verb verb;
	struct answer answer;
	int64_t since; /* AUDIT */
};

struct driver {
	struct fake *fake;
	uint64_t node;
	struct driver_sink sink;
	struct news *news;
	size_t count, cap;
};

static int open_fake(struct driver **out, const struct driver_open *how, struct err *err)
{
	struct fake *f = find(how->target + strlen(PREFIX));
	if (!f)
		return err_set(err, ERR_CONFIG, "no fake is called '%s'", how->target);
	struct driver *d = mem_new(1, sizeof *d);
	*d = (struct driver){.fake = f, .node = how->node, .sink = how->sink};
	*out = d;
	return 0;
}

static struct news *add_news(struct driver *d, enum driver_event_kind kind, struct instant now)
{
	mem_grow(&d->news, &d->cap, d->count + 1, sizeof *d->news);
	struct news *n = &d->news[d->count++];
	*n = (struct news){.kind = kind, .due_ms = now.boot_ms + d->fake->delay_ms};
	return n;
}

static void poll_fake(struct driver *d, struct instant now)
{
	d->fake->polls++;
	add_news(d, d->fake->silent ? DRIVER_TROUBLE : DRIVER_SNAPSHOT, now);
}

/* As the drivers of real pools name a refusal. */
static enum err_code code_of(const struct command *c, const struct control_answer *a)
{
	switch (a->status) {
	case 409:
		return ERR_HELD;
	case 410:
		return ERR_FINALIZED;
	case 412:
		return c->epoch < a->epoch ? ERR_EPOCH : ERR_CHANGED;
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
	text_copy(out->changed_by, sizeof out->changed_by, a->changed_by);
	out->changed_age_ms = a->changed_age_ms;
}

static bool counts_down(int *n)
{
	if (*n <= 0)
		return false;
	--*n;
	return true;
}

static void lose(struct answer *a, enum answer_kind kind, const struct fake *f)
{
	a->kind = kind;
	a->epoch = a->rev = UNKNOWN;
	a->share_bp = -1;
	err_set(&a->err, kind == ANSWER_LOST ? ERR_SLOW : ERR_UNREACHABLE,
		"'fake:%s' gave no answer", f->name);
}

static void answer_command(struct fake *f, const struct command *c, struct answer *out)
{
	struct control_answer a;
	if (counts_down(&f->not_sent)) {
		lose(out, ANSWER_NOT_SENT, f);
		return;
	}
	if (f->silent || counts_down(&f->lose_before)) {
		lose(out, ANSWER_LOST, f);
		return;
	}
	if (f->refuse != ERR_NONE) {
		out->kind = ANSWER_REFUSED;
		out->epoch = fake_epoch(f);
		out->rev = fake_rev(f);
		out->share_bp = fake_share_bp(f);
		err_set(&out->err, f->refuse, "the fake refuses");
		return;
	}
	if (f->pretend) {
		*out = (struct answer){.kind = ANSWER_APPLIED,
			.epoch = fake_epoch(f),
			.rev = fake_rev(f),
			.share_bp = c->to_bp,
			.durable = true};
		return;
	}
	deliver(f, c, &a);
	fill_answer(out, &a);
	out->kind = a.status == 200 ? ANSWER_APPLIED : ANSWER_REFUSED;
	if (a.status != 200)
		err_set(&out->err, code_of(c, &a), "%s%s%s", a.message,
			a.changed_by[0] ? ", changed by " : "", a.changed_by);
	if (counts_down(&f->lose_after))
		lose(out, ANSWER_LOST, f);
}

static void apply_fake(struct driver *d, const struct command *c, struct instant now)
{
	struct fake *f = d->fake;
	f->commands++;
	if (f->got_count < FAKE_COMMANDS_MAX)
		f->got[f->got_count++] = *c;
	fake_advance(f, now);
	struct news *n = add_news(d, DRIVER_ANSWER, now);
	text_copy(n->intent, sizeof n->intent, c->id);
	n->verb = c->verb;
	answer_command(f, c, &n->answer);
	n->answer.latency_ms = f->delay_ms;
}

static void resolve_fake(struct driver *d, const char *intent, struct instant now)
{
	static const enum answer_kind kinds[] = {
		[INTENT_UNKNOWN] = ANSWER_LOST,
		[INTENT_APPLIED] = ANSWER_APPLIED,
		[INTENT_SUPERSEDED] = ANSWER_SUPERSEDED,
		[INTENT_VOID] = ANSWER_VOID,
	};
	struct fake *f = d->fake;
	f->resolves++;
	struct news *n = add_news(d, DRIVER_RESOLVED, now);
	text_copy(n->intent, sizeof n->intent, intent);
	if (f->silent || counts_down(&f->lose_resolves)) {
		lose(&n->answer, ANSWER_LOST, f);
		return;
	}
	struct control_answer a;
	enum intent_fate fate = control_intent(f->control, intent, true, now, &a);
	fill_answer(&n->answer, &a);
	n->answer.kind = kinds[fate];
}

static void audit_fake(struct driver *d, int64_t since, struct instant now)
{
	d->fake->audits++;
	add_news(d, DRIVER_AUDIT, now)->since = since;
}

static void tell(struct driver *d, const struct news *n, struct instant now)
{
	struct fake *f = d->fake;
	struct driver_event e = {.kind = n->kind, .node = d->node, .at = now};
	struct err err;
	void *data = NULL;
	if (n->kind == DRIVER_SNAPSHOT) {
		e.snapshot = data = document(f);
	} else if (n->kind == DRIVER_AUDIT) {
		struct audit_entry *entries = data = mem_new(AUDIT_PAGE, sizeof *entries);
		e.audit_count = control_audit(f->control, n->since, entries, AUDIT_PAGE, now);
		e.audit = entries;
	} else {
		e.intent = n->intent;
		e.verb = n->verb;
		e.answer = &n->answer;
	}
	if (n->kind == DRIVER_TROUBLE || (n->kind == DRIVER_AUDIT && (f->silent || f->no_audit))) {
		err_set(&err, ERR_UNREACHABLE, "'fake:%s' does not answer", f->name);
		e.err = &err;
	}
	d->sink.event(d->sink.ctx, &e);
	free(data);
}

static void turn_fake(struct driver *d, struct instant now)
{
	fake_advance(d->fake, now);
	/* The sink may ask for more; that is told in the next turn. */
	struct news *news = d->news;
	size_t count = d->count;
	d->news = NULL;
	d->count = d->cap = 0;
	for (size_t i = 0; i < count; i++) {
		if (news[i].due_ms > now.boot_ms) {
			mem_grow(&d->news, &d->cap, d->count + 1, sizeof *d->news);
			d->news[d->count++] = news[i];
		} else {
			tell(d, &news[i], now);
		}
	}
	free(news);
}

static void close_fake(struct driver *d)
{
	free(d->news);
	free(d);
}

const struct driver_ops fake_driver = {
	.scheme = "fake",
	.capabilities = CAPABILITY_COMPARE_AND_SET | CAPABILITY_KEYS | CAPABILITY_BASELINE |
		CAPABILITY_QUANTILES | CAPABILITY_AUDIT | CAPABILITY_COMMANDS,
	.help = "fake:NAME  a pool of the tests",
	.open = open_fake,
	.poll = poll_fake,
	.apply = apply_fake,
	.resolve = resolve_fake,
	.audit = audit_fake,
	.turn = turn_fake,
	.close = close_fake,
};
