/* The fake's driver: one desk's line to a fake, and what becomes of what travels on it. */
#include "client/engine/control.h"
#include "client/wire.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/fake.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "fake:"
#define AUDIT_PAGE 100

struct news {
	enum driver_event_kind kind;
	int64_t due_ms;
	char intent[DECISION_ID_MAX];
	enum verb verb;
	struct answer answer;
	int64_t since;  /* AUDIT */
	int64_t ttl_ms; /* LEASE */
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
	struct fake *f = fake_find(how->target + strlen(PREFIX));
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

static void refuse(struct answer *out, enum err_code why, const struct fake *f)
{
	out->kind = ANSWER_REFUSED;
	out->epoch = fake_epoch(f);
	out->rev = fake_rev(f);
	out->share_bp = fake_share_bp(f);
	err_set(&out->err, why, "the fake refuses");
}

/* When what goes before an act is answered. */
static int64_t prelude_due_ms(const struct fake *f, struct instant now)
{
	return f->prelude_mute ? INT64_MAX : now.boot_ms + f->prelude_delay_ms;
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
		refuse(out, f->refuse, f);
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
	struct command done = *c;
	if (f->clamp_bp >= 0 && c->verb == VERB_STEP && c->to_bp > f->clamp_bp)
		done.to_bp = f->clamp_bp;
	fake_change(f, &done, &a);
	wire_take_answer(out, &a, c);
	if (counts_down(&f->lose_after))
		lose(out, ANSWER_LOST, f);
}

/* What goes before an act (arm, keep) is no act: what tests lose and count is the act. */
static bool is_prelude(const struct command *c)
{
	return strchr(c->id, '.') != NULL;
}

static void answer_prelude(struct fake *f, const struct command *c, struct answer *out)
{
	struct control_answer a;
	if (f->silent) {
		lose(out, ANSWER_LOST, f);
		return;
	}
	if (f->refuse_prelude != ERR_NONE) {
		refuse(out, f->refuse_prelude, f);
		return;
	}
	fake_change(f, c, &a);
	wire_take_answer(out, &a, c);
}

static void apply_fake(struct driver *d, const struct command *c, struct instant now)
{
	struct fake *f = d->fake;
	fake_advance(f, now);
	struct news *n = add_news(d, DRIVER_ANSWER, now);
	text_copy(n->intent, sizeof n->intent, c->id);
	n->verb = c->verb;
	if (is_prelude(c)) {
		n->due_ms = prelude_due_ms(f, now);
		answer_prelude(f, c, &n->answer);
		return;
	}
	f->commands++;
	if (f->got_count < FAKE_COMMANDS_MAX)
		f->got[f->got_count++] = *c;
	answer_command(f, c, &n->answer);
	n->answer.latency_ms = f->delay_ms;
}

static void resolve_fake(struct driver *d, const char *intent, struct instant now)
{
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
	wire_take_fate(&n->answer, fate, &a);
	n->answer.latency_ms = f->delay_ms;
}

static void lease_fake(struct driver *d, const struct lease_request *r, struct instant now)
{
	struct fake *f = d->fake;
	struct control_answer a = {.status = 404,
		.error = "path",
		.message = "there is nothing at this path",
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.changed_age_ms = UNKNOWN};
	f->leases++;
	fake_advance(f, now);
	struct news *n = add_news(d, DRIVER_LEASE, now);
	n->due_ms = prelude_due_ms(f, now);
	n->ttl_ms = r->ttl_ms;
	if (f->silent) {
		lose(&n->answer, ANSWER_LOST, f);
		return;
	}
	if (!f->no_lease)
		control_lease(f->control, r, now, &a);
	wire_take_answer(&n->answer, &a, NULL);
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
		struct snapshot *s = data = mem_new(1, sizeof *s);
		fake_document(f, s);
		e.snapshot = s;
	} else if (n->kind == DRIVER_AUDIT) {
		struct audit_entry *entries = data = mem_new(AUDIT_PAGE, sizeof *entries);
		e.audit_count = control_audit(f->control, n->since, entries, AUDIT_PAGE, now);
		e.audit = entries;
	} else {
		e.intent = n->intent;
		e.verb = n->verb;
		e.answer = &n->answer;
		e.ttl_ms = n->ttl_ms;
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
	.lease = lease_fake,
	.audit = audit_fake,
	.turn = turn_fake,
	.close = close_fake,
};
