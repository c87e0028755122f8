/* Site: what the tests of desks, consoles and races stand on. No cmocka: it ends the program
 * where it cannot go on, with words. */
#include "tests/lib/site.h"

#include "history/query.h"
#include "model/text.h"
#include "tests/lib/folder.h"
#include "tui/desk_parts.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 10000 /* of real time, for a history */

static _Noreturn void give_up(const char *what, const char *why)
{
	fprintf(stderr, "site: %s%s%s\n", what, *why ? ": " : "", why);
	abort();
}

void site_init(struct site *s, int nodes, uint64_t seed)
{
	static const char *const names[SITE_NODES_MAX] = {"node-a", "node-b", "node-c", "node-d"};
	static const int shares[] = {100, 1000, 5000, 10000};
	memset(s, 0, sizeof *s);
	s->now = (struct instant){SITE_BOOT_MS, SITE_WALL_MS};
	for (int k = 0; k < nodes; k++)
		s->node[k] = fake_new(names[k], seed + (uint64_t)k, s->now);
	s->node_count = nodes;
	s->has_plan = true;
	s->env = "PROD";
	plan_init(&s->plan);
	for (int i = 0; i < 4; i++)
		s->plan.steps[s->plan.step_count++].share_bp = shares[i];
	s->plan.bake_ms = 10000;
	s->plan.min_samples = 50;
	guard_limits_init(&s->limits);
	s->limits.error_rate = 0.05;
	s->limits.latency_ms = 1000;
	s->limits.memory_bytes = (int64_t)2 << 30;
	const char *tmp = getenv("TMPDIR");
	snprintf(s->dir, sizeof s->dir, "%.64s/weir-site-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(s->dir))
		give_up("no directory", s->dir);
}

void site_release(struct site *s)
{
	while (s->desk_count > 0)
		site_close(s, s->desk[0]);
	for (int k = 0; k < s->node_count; k++)
		fake_free(s->node[k]);
	folder_remove(s->dir);
}

void site_path(const struct site *s, const char *file, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", s->dir, file);
}

const struct pool *site_pool(const struct desk *d)
{
	return &desk_model(d)->pools[0];
}

const struct standing *site_standing(const struct desk *d)
{
	return &site_pool(d)->standing;
}

/* ---- histories ---- */

/* An answer is still to come: of the opening, of the past or what others ordered, of an intent. */
static bool owes(struct desk *d)
{
	if (!desk_history(d))
		return false;
	if (!desk_model(d)->history_known || history_reads(desk_history(d)))
		return true;
	for (int i = 0; i < desk_model(d)->pool_count; i++)
		if (!desk_loaded(d, i) || d->pools[i].hearing)
			return true;
	for (size_t i = 0; i < d->flight_count; i++) {
		const struct flight *f = &d->flights[i];
		if (!f->recorded && !f->unrecorded && f->phase != FLIGHT_FOUND)
			return true;
	}
	return false;
}

/* However many turns the waiting took, all that can happen at this moment happens in it: a
 * commit is sent and answered, the effect polled, the log read. */
#define TURNS 4

static void listen(struct site *s, struct desk *d)
{
	for (int tries = 0; owes(d); tries++) {
		struct pollfd p = {.fd = history_fd(desk_history(d)), .events = POLLIN};
		if (tries > 100 || poll(&p, 1, PATIENCE_MS) <= 0)
			give_up("the history does not answer", "");
		/* Its answers alone: how often it was asked must not show in what else happened. */
		d->now = s->now;
		scribe_answers(d);
	}
}

static void settle(struct site *s, struct desk *d)
{
	for (int i = 0; i < TURNS; i++) {
		listen(s, d);
		desk_turn(d, s->now);
	}
}

void site_settle(struct site *s)
{
	for (int i = 0; i < s->desk_count; i++)
		if (!s->asleep[i])
			settle(s, s->desk[i]);
}

/* ---- desks ---- */

static void add_pool(struct site *s, struct desk *d, int first, int count)
{
	char targets[SITE_NODES_MAX][80];
	const char *target[SITE_NODES_MAX];
	struct err err;
	for (int k = 0; k < count; k++) {
		snprintf(targets[k], sizeof targets[k], "fake:%s", s->node[first + k]->name);
		target[k] = targets[k];
	}
	struct pool_setup pool = {.name = first == 0 ? "checkout" : s->node[first]->name,
		.env = s->env,
		.targets = target,
		.target_count = count,
		.interval_ms = 1000,
		.plan = s->has_plan ? &s->plan : NULL,
		.plan_hash = s->has_plan ? "0123abcd" : "",
		.limits = &s->limits};
	if (desk_add(d, &pool, NULL, NULL, s->now, &err) < 0)
		give_up("no pool", err.text);
}

static void add_pools(struct site *s, struct desk *d)
{
	int each = s->apart ? 1 : s->node_count;
	for (int k = 0; k < s->node_count; k += each)
		add_pool(s, d, k, each);
}

/* The writer has the file by then, and the reader, which opens it by name, does not find it. */
static void move(const char *from, const char *to)
{
	if (rename(from, to) < 0)
		give_up("no file to move", from);
}

static void add_without_past(struct site *s, struct desk *d, const char *path)
{
	char away[300];
	snprintf(away, sizeof away, "%s.away", path);
	listen(s, d);
	move(path, away);
	add_pools(s, d);
	listen(s, d);
	move(away, path);
}

struct desk *site_open(struct site *s, const struct site_desk *how)
{
	static const struct driver_ops *const schemes[] = {&fake_driver, NULL};
	char path[256], keys[256];
	struct err err;
	if (s->desk_count == SITE_DESKS_MAX)
		give_up("too many desks", "");
	site_path(s, how->file ? how->file : "", path, sizeof path);
	site_path(s, "keys", keys, sizeof keys);
	struct desk_options o = {.actor = how->actor,
		.history_path = how->file ? path : NULL,
		.key_dir = keys,
		.schemes = schemes,
		.seed = 42 + (uint64_t)s->now.boot_ms,
		.read_only = how->read_only,
		.passive = how->passive,
		.record = how->record,
		.console = how->console,
		.guard = how->guard,
		.lock_dir = s->dir,
		.host = "ops1"};
	for (const char *c = how->actor; *c; c++)
		o.seed = o.seed * 31 + (unsigned char)*c;
	struct desk *d = desk_new(&o, s->now, &err);
	if (!d)
		give_up("no desk", err.text);
	if (how->no_past)
		add_without_past(s, d, path);
	else
		add_pools(s, d);
	s->desk[s->desk_count++] = d;
	if (!how->no_past) /* with the pool's news it is asked for again */
		settle(s, d);
	return d;
}

void site_close(struct site *s, struct desk *d)
{
	int at = 0;
	while (s->desk[at] != d)
		at++;
	s->desk_count--;
	memmove(s->desk + at, s->desk + at + 1, (size_t)(s->desk_count - at) * sizeof *s->desk);
	memmove(s->asleep + at, s->asleep + at + 1, (size_t)(s->desk_count - at));
	s->asleep[s->desk_count] = false;
	bool works = desk_history(d) && history_writable(desk_history(d));
	if (desk_free(d, PATIENCE_MS) > 0 && works)
		give_up("a history lost something", "");
}

/* ---- time ---- */

static void step(struct site *s)
{
	/* What was asked for is committed at the moment it was asked, however quick the disk is. */
	site_settle(s);
	s->now.boot_ms += SITE_STEP_MS;
	s->now.wall_ms += SITE_STEP_MS;
	site_settle(s);
}

void site_run(struct site *s, int64_t ms)
{
	for (; ms > 0; ms -= SITE_STEP_MS)
		step(s);
}

bool site_until(struct site *s, const struct desk *d, enum state state, int64_t most_ms)
{
	for (; site_standing(d)->state != state; most_ms -= SITE_STEP_MS) {
		if (most_ms <= 0)
			return false;
		step(s);
	}
	return true;
}

struct act_view site_view(const struct desk *d, const char *id)
{
	struct act_view v;
	if (!desk_progress(d, id, &v))
		give_up("no such act", id);
	return v;
}

bool site_done(struct site *s, const struct desk *d, const char *id, int64_t most_ms)
{
	site_settle(s);
	for (; site_view(d, id).progress != PROGRESS_DONE; most_ms -= SITE_STEP_MS) {
		if (most_ms <= 0)
			return false;
		step(s);
	}
	return true;
}

/* ---- acts ---- */

struct act_result site_ask(struct site *s, struct desk *d, const struct act_request *r)
{
	const struct standing *st = site_standing(d);
	struct act_request asked = *r;
	struct act_result out;
	asked.shown_epoch = st->epoch;
	asked.shown_rev = st->rev;
	desk_act(d, &asked, s->now, &out);
	return out;
}

struct act_result site_act(
	struct site *s, struct desk *d, enum verb verb, int to_bp, const char *reason)
{
	struct act_request r = {.verb = verb, .to_bp = to_bp};
	text_copy(r.reason, sizeof r.reason, reason);
	return site_ask(s, d, &r);
}

void site_step(struct site *s, struct desk *d, int to_bp)
{
	struct act_result r = site_act(s, d, VERB_STEP, to_bp, "");
	if (r.status != ACT_BEGUN) {
		char why[400];
		interlock_summary(why, sizeof why, &r.interlock);
		give_up("step refused", why[0] ? why : r.err.text);
	}
	if (!site_done(s, d, r.id, 10000) || site_view(d, r.id).decision.verified_ms == UNKNOWN)
		give_up("step not verified", site_view(d, r.id).decision.answer);
}

void site_ready(struct site *s, struct desk *d, int to_bp)
{
	site_step(s, d, to_bp);
	if (!site_until(s, d, STATE_READY, 60000))
		give_up("not ready", site_standing(d)->state_text);
	for (int64_t ms = 0; ms < 3000 && site_standing(d)->keep.on; ms += SITE_STEP_MS)
		step(s);
	if (!site_until(s, d, STATE_READY, 60000))
		give_up("no longer ready", site_standing(d)->state_text);
}

const struct decision *site_last(const struct desk *d, enum verb verb)
{
	const struct pool *p = site_pool(d);
	for (size_t i = p->decision_count; i-- > 0;)
		if (p->decisions[i].verb == verb)
			return &p->decisions[i];
	return NULL;
}

bool site_record(const struct site *s, const char *file, const char *id, struct decision *out)
{
	char path[256];
	struct query *q;
	struct err err;
	site_path(s, file, path, sizeof path);
	if (query_open(&q, path, &err) < 0)
		give_up("no reader", err.text);
	int rc = query_decision(q, id, out, &err);
	query_close(q);
	if (rc < 0)
		give_up("the record cannot be read", err.text);
	return rc == 1;
}
