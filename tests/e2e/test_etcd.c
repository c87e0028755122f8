/* A fleet of three real nodes whose plan lies in a real etcd: what moves it, who wins, and what
 * happens when etcd or a node is gone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/drivers.h"
#include "client/engine/control.h"
#include "client/etcd.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/etcd.h"
#include "tests/lib/world.h"
#include "tui/desk.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NODES 3
#define WAIT_MS 15000
#define INCREMENTS 25

struct fixture {
	struct world w;
	struct etcd_peer etcd;
	struct process node[NODES];
	char socket[NODES][WORLD_PATH];
	char target[80];
};

/* ---- the fleet ---- */

static void start_node(struct fixture *f, int i)
{
	char name[16], listen[WORLD_PATH + 8], state[WORLD_PATH];
	snprintf(name, sizeof name, "n%d", i + 1);
	snprintf(listen, sizeof listen, "unix:%s", f->socket[i]);
	world_path(&f->w, state, name);
	/* the clock of one of them is a day ahead: nothing may come of it */
	const struct world_env skewed = world_fault(&f->w, "clock=86400000", NULL);
	world_start(&f->w, &f->node[i], i == 1 ? &skewed : NULL,
		ARGS("serve", "--pool", "shop", "--node", name, "--listen", listen, "--etcd",
			f->etcd.address, "--etcd-ttl", "2s", "--state", state));
}

/* The document of a node; NULL where it does not answer. Delete it. */
static cJSON *document(struct fixture *f, int i)
{
	char address[WORLD_PATH + 8];
	struct http http = {.fd = -1};
	snprintf(address, sizeof address, "unix:%s", f->socket[i]);
	cJSON *doc = NULL;
	if (http_open(&http, address) &&
		http_call(&http, "GET", "/v1/state", NULL, NULL, 2000) == 200)
		doc = cJSON_Parse(http.body);
	http_close(&http);
	return doc;
}

/* How many changes a node tells of behind `since`. */
static int audit_count(struct fixture *f, int i, int64_t since)
{
	char address[WORLD_PATH + 8], path[64];
	struct http http = {.fd = -1};
	snprintf(address, sizeof address, "unix:%s", f->socket[i]);
	snprintf(path, sizeof path, "/v1/audit?since=%lld", (long long)since);
	int count = -1;
	if (http_open(&http, address) && http_call(&http, "GET", path, NULL, NULL, 2000) == 200) {
		cJSON *doc = cJSON_Parse(http.body);
		const cJSON *entries = cJSON_GetObjectItemCaseSensitive(doc, "entries");
		count = cJSON_GetArraySize(entries ? entries : doc);
		cJSON_Delete(doc);
	}
	http_close(&http);
	return count;
}

/* A number of a node's document; -1 where there is none. */
static int64_t fact(struct fixture *f, int i, const char *name)
{
	cJSON *doc = document(f, i);
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, name);
	int64_t n = cJSON_IsNumber(item) ? (int64_t)item->valuedouble : -1;
	cJSON_Delete(doc);
	return n;
}

/* True when a word of a node's document has these words in it. */
static bool says(struct fixture *f, int i, const char *path, const char *words)
{
	cJSON *doc = document(f, i);
	bool there = strstr(world_word(doc, path), words) != NULL;
	cJSON_Delete(doc);
	return there;
}

static bool is_held(struct fixture *f, int i, const char *words)
{
	return says(f, i, "hold.reason", words);
}

static bool all_have(struct fixture *f, const char *name, int64_t value)
{
	for (int i = 0; i < NODES; i++)
		if (fact(f, i, name) != value)
			return false;
	return true;
}

/* All have the same last change, not only the same place, and nobody misses etcd. */
static bool all_agree(struct fixture *f)
{
	cJSON *first = document(f, 0);
	const char *head = world_word(first, "audit_head");
	bool same = head[0] && says(f, 1, "audit_head", head) && says(f, 2, "audit_head", head);
	cJSON_Delete(first);
	if (!same)
		return false;
	for (int i = 0; i < NODES; i++)
		if (fact(f, i, "epoch") != fact(f, 0, "epoch") ||
			fact(f, i, "rev") != fact(f, 0, "rev") ||
			fact(f, i, "audit_seq") != fact(f, 0, "audit_seq") ||
			is_held(f, i, "etcd not seen"))
			return false;
	return true;
}

/* Where all stand, for whoever reads why a test failed. */
static void tell(struct fixture *f)
{
	for (int i = 0; i < NODES; i++) {
		cJSON *doc = document(f, i);
		fprintf(stderr, "n%d: epoch %lld rev %lld seq %lld share %lld hold '%s'; %s", i + 1,
			(long long)fact(f, i, "epoch"), (long long)fact(f, i, "rev"),
			(long long)fact(f, i, "audit_seq"), (long long)fact(f, i, "share_bp"),
			doc ? world_word(doc, "hold.reason") : "no answer", f->node[i].err.text);
		cJSON_Delete(doc);
	}
}

#define UNTIL(f, truth) \
	do { \
		int64_t end_ms_ = process_clock_ms() + WAIT_MS; \
		while (!(truth)) { \
			if (process_clock_ms() > end_ms_) { \
				tell(f); \
				fail_msg("not within %d ms: %s", WAIT_MS, #truth); \
			} \
			process_wait(&(f)->node[0], 20); \
		} \
	} while (0)

static bool is_listed(struct fixture *f, const char *node)
{
	char *list =
		etcd_peer_ctl(&f->etcd, ARGS("get", "weir/shop/nodes/", "--prefix", "--keys-only"));
	bool there = strstr(list, node) != NULL;
	free(list);
	return there;
}

/* Who waits for a fleet looks at it often here. */
static void configure(struct fixture *f)
{
	char text[256];
	snprintf(
		text, sizeof text, "pools:\n  shop:\n    target: %s\n    interval: 100ms\n", f->target);
	world_write(f->w.config, text);
}

static int set_up_all(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	*state = &f;
	if (!etcd_peer_is_here())
		return 0;
	world_open(&f.w);
	etcd_peer_start(&f.etcd, f.w.dir);
	snprintf(f.target, sizeof f.target, "etcd://%s/shop", f.etcd.address);
	configure(&f);
	for (int i = 0; i < NODES; i++) {
		char name[16];
		snprintf(name, sizeof name, "s%d", i);
		world_path(&f.w, f.socket[i], name);
		start_node(&f, i);
	}
	for (int i = 0; i < NODES; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i + 1);
		UNTIL(&f, is_listed(&f, name));
	}
	UNTIL(&f, all_agree(&f));
	return 0;
}

static int tear_down_all(void **state)
{
	struct fixture *f = *state;
	if (!f->w.dir[0])
		return 0;
	for (int i = 0; i < NODES; i++)
		process_release(&f->node[i]);
	etcd_peer_stop(&f->etcd);
	world_close(&f->w);
	return 0;
}

static struct fixture *begin(void **state)
{
	struct fixture *f = *state;
	if (!f->w.dir[0])
		skip();
	return f;
}

/* Runs weir with a history of its own; its status. What it said is in `p`. */
static int run(struct fixture *f, struct process *p, const char *const *args)
{
	const char *all[24];
	size_t n = 0;
	for (; args[n]; n++)
		all[n] = args[n];
	const char *const more[] = {"--history", f->w.history, "--config", f->w.config, NULL};
	memcpy(all + n, more, sizeof more);
	return world_run(&f->w, p, NULL, all);
}

static void step_to(struct fixture *f, const char *share, int status, const char *says)
{
	struct process p;
	int got = run(f, &p, ARGS("step", "shop", share, "--confirm", "shop", "--wait"));
	if (got != status || !(strstr(p.out.text, says) || strstr(p.err.text, says)))
		fail_msg("step to %s: status %d: %s%s", share, got, p.out.text, p.err.text);
	process_release(&p);
}

static void roll_back(struct fixture *f, const char *says)
{
	struct process p;
	int got = run(f, &p, ARGS("rollback", "shop", "--wait"));
	if (got != 0 || !strstr(p.out.text, says))
		fail_msg("rollback: status %d: %s%s", got, p.out.text, p.err.text);
	process_release(&p);
}

/* ---- cases ---- */

static void a_fleet_steps_and_rolls_back_as_one(void **state)
{
	struct fixture *f = begin(state);
	struct process p;
	step_to(f, "1%", 0, "VERIFIED");
	assert_true(all_have(f, "share_bp", 100));
	step_to(f, "10%", 0, "VERIFIED");
	assert_true(all_have(f, "share_bp", 1000));
	assert_true(all_agree(f));
	assert_int_equal(run(f, &p, ARGS("status", "shop")), 0);
	assert_non_null(strstr(p.out.text, "n3"));
	assert_non_null(strstr(p.out.text, "10 %"));
	process_release(&p);
	int64_t epoch = fact(f, 0, "epoch");
	roll_back(f, "VERIFIED");
	assert_true(all_have(f, "share_bp", 0));
	assert_true(all_have(f, "epoch", epoch + 1));
	assert_true(world_verified(&f->w, f->w.history));
}

static void an_etcd_without_tls_is_told_from_a_bad_one(void **state)
{
	struct fixture *f = begin(state);
	char target[120];
	struct process p;
	snprintf(target, sizeof target, "etcd://%s/other?tls=yes", f->etcd.address);
	assert_int_not_equal(run(f, &p, ARGS("status", target)), 0);
	if (!strstr(p.err.text, "if it speaks none, leave ?tls=yes out"))
		fail_msg("%s", p.err.text);
	process_release(&p);
}

static void a_node_alone_moves_nothing_forward(void **state)
{
	struct fixture *f = begin(state);
	char unix_target[WORLD_PATH + 8];
	struct process p;
	snprintf(unix_target, sizeof unix_target, "unix:%s", f->socket[1]);
	int64_t rev = fact(f, 1, "rev");
	assert_int_equal(
		run(f, &p, ARGS("step", unix_target, "1%", "--confirm", "s1", "--wait")), 6);
	if (!strstr(p.out.text, "etcd") && !strstr(p.err.text, "etcd"))
		fail_msg("%s%s", p.out.text, p.err.text);
	process_release(&p);
	assert_int_equal(fact(f, 1, "rev"), rev);
}

/* ---- a driver of its own ---- */

struct hand {
	struct client *client;
	int64_t epoch, rev; /* of the last document */
	bool has_answer;
	struct answer answer;
	struct err trouble;
};

static struct instant now(void)
{
	struct timespec boot, wall;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct instant){boot.tv_sec * 1000 + boot.tv_nsec / 1000000,
		wall.tv_sec * 1000 + wall.tv_nsec / 1000000};
}

static void hear(void *ctx, const struct driver_event *e)
{
	struct hand *h = ctx;
	if (e->kind == DRIVER_SNAPSHOT) {
		h->epoch = e->snapshot->epoch;
		h->rev = e->snapshot->rev;
	} else if (e->answer) {
		h->has_answer = true;
		h->answer = *e->answer;
	} else if (e->kind == DRIVER_TROUBLE) {
		h->trouble = *e->err;
	}
}

static void hand_open(struct hand *h, struct fixture *f, int node, int nodes)
{
	static const struct driver_ops *const schemes[] = {&driver_etcd, NULL};
	char target[WORLD_PATH + 120];
	struct err err = {0};
	memset(h, 0, sizeof *h);
	h->epoch = h->rev = UNKNOWN;
	snprintf(target, sizeof target, "%s?nodes=%d#n%d=unix:%s", f->target, nodes, node + 1,
		f->socket[node]);
	h->client = client_new(schemes, (struct driver_sink){hear, h}, 1);
	const struct driver_open how = {.node = 1, .target = target, .now = now()};
	if (client_open(h->client, &how, 30, &err) < 0)
		fail_msg("%s", err.text);
}

static void hand_turn(struct hand *h)
{
	client_wait(h->client, NULL, 0, 20, now());
	client_turn(h->client, now());
}

#define HAND_UNTIL(h, truth) \
	do { \
		int64_t end_ms_ = process_clock_ms() + WAIT_MS; \
		while (!(truth)) { \
			if (process_clock_ms() > end_ms_) \
				fail_msg("not within %d ms: %s (%s)", WAIT_MS, #truth, (h)->trouble.text); \
			hand_turn(h); \
		} \
	} while (0)

static struct command command_of(struct hand *h, enum verb verb, const char *id, int to_bp)
{
	struct command c = {.verb = verb,
		.from_bp = -1,
		.to_bp = to_bp,
		.strategy = STRATEGY_COUNT,
		.epoch = h->epoch,
		.rev = h->rev,
		.baseline_bp = -1,
		.on_orphan = ORPHAN_COUNT};
	text_copy(c.id, sizeof c.id, id);
	text_copy(c.actor, sizeof c.actor, "hand@test");
	return c;
}

static void hand_apply(struct hand *h, const struct command *c)
{
	h->has_answer = false;
	assert_true(client_apply(h->client, 1, c, now()));
	HAND_UNTIL(h, h->has_answer);
}

/* Both press at the same time, from what they have just seen. */
static void of_two_that_race_one_wins(void **state)
{
	struct fixture *f = begin(state);
	struct hand h[2];
	int won = 0, conflicts = 0;
	hand_open(&h[0], f, 0, NODES);
	hand_open(&h[1], f, 1, NODES);
	int64_t rev = fact(f, 0, "rev");
	for (int i = 0; won < INCREMENTS; i++) {
		char id[32];
		struct command c;
		for (int k = 0; k < 2; k++) {
			HAND_UNTIL(&h[k], h[k].rev == rev + won);
			snprintf(id, sizeof id, "race-%d-%d", i, k);
			c = command_of(&h[k], VERB_STEP, id, 10 + won);
			h[k].has_answer = false;
			assert_true(client_apply(h[k].client, 1, &c, now()));
		}
		int64_t end_ms = process_clock_ms() + WAIT_MS;
		while (!h[0].has_answer || !h[1].has_answer) {
			assert_true(process_clock_ms() < end_ms);
			hand_turn(&h[0]);
			hand_turn(&h[1]);
		}
		bool first = h[0].answer.kind == ANSWER_APPLIED;
		const struct answer *lost = &h[first].answer;
		assert_int_equal(h[!first].answer.kind, ANSWER_APPLIED);
		if (lost->kind != ANSWER_REFUSED || lost->err.code != ERR_CHANGED)
			fail_msg(
				"both won, or one was lost: %s %s", err_name(lost->err.code), lost->err.text);
		assert_string_equal(lost->changed_by, "hand@test");
		won++;
		conflicts++;
	}
	UNTIL(f, all_have(f, "rev", rev + INCREMENTS));
	assert_int_equal(conflicts, INCREMENTS);
	client_free(h[0].client);
	client_free(h[1].client);
}

static void a_key_is_done_once_and_a_void_one_never(void **state)
{
	struct fixture *f = begin(state);
	struct hand h;
	hand_open(&h, f, 0, NODES);
	HAND_UNTIL(&h, h.rev != UNKNOWN);
	struct command c = command_of(&h, VERB_STEP, "once", 50);
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	assert_false(h.answer.replayed);
	int64_t rev = h.answer.rev;
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	assert_true(h.answer.replayed);
	assert_int_equal(h.answer.rev, rev);
	c.to_bp = 60; /* another body */
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_REFUSED);
	assert_int_equal(h.answer.err.code, ERR_KEY_REUSED);
	h.has_answer = false;
	assert_true(client_resolve(h.client, 1, "once", now()));
	HAND_UNTIL(&h, h.has_answer);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	h.has_answer = false;
	assert_true(client_resolve(h.client, 1, "never", now()));
	HAND_UNTIL(&h, h.has_answer);
	assert_int_equal(h.answer.kind, ANSWER_VOID);
	HAND_UNTIL(&h, h.rev == rev);
	c = command_of(&h, VERB_STEP, "never", 70);
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_REFUSED);
	assert_int_equal(h.answer.err.code, ERR_VOID);
	/* the rollback that came later makes it history */
	c = command_of(&h, VERB_ROLLBACK, "back", -1);
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	h.has_answer = false;
	assert_true(client_resolve(h.client, 1, "once", now()));
	HAND_UNTIL(&h, h.has_answer);
	assert_int_equal(h.answer.kind, ANSWER_SUPERSEDED);
	UNTIL(f, all_have(f, "share_bp", 0));
	client_free(h.client);
}

static void ask_lease(struct hand *h, const char *actor, int64_t ttl_ms)
{
	struct lease_request r = {.ttl_ms = ttl_ms};
	text_copy(r.actor, sizeof r.actor, actor);
	h->has_answer = false;
	assert_true(client_lease(h->client, 1, &r, now()));
	HAND_UNTIL(h, h->has_answer);
}

static void one_actor_raises_at_a_time(void **state)
{
	struct fixture *f = begin(state);
	struct hand h;
	hand_open(&h, f, 0, NODES);
	HAND_UNTIL(&h, h.rev != UNKNOWN);
	ask_lease(&h, "ann@ops", 30000);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	ask_lease(&h, "ann@ops", 30000);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	ask_lease(&h, "bob@ops", 30000);
	assert_int_equal(h.answer.kind, ANSWER_REFUSED);
	assert_int_equal(h.answer.err.code, ERR_LEASE);
	assert_non_null(strstr(h.answer.err.text, "ann@ops"));
	UNTIL(f, says(f, 2, "lease.holder", "ann@ops"));
	struct command c = command_of(&h, VERB_STEP, "not-mine", 100);
	hand_apply(&h, &c);
	assert_int_equal(h.answer.err.code, ERR_LEASE);
	/* taken over: the epoch rises, and it is bob's */
	c = command_of(&h, VERB_TAKE, "take", -1);
	c.ttl_ms = 30000;
	text_copy(c.actor, sizeof c.actor, "bob@ops");
	int64_t epoch = h.epoch;
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	HAND_UNTIL(&h, h.epoch == epoch + 1);
	ask_lease(&h, "ann@ops", 30000);
	assert_int_equal(h.answer.err.code, ERR_LEASE);
	assert_non_null(strstr(h.answer.err.text, "bob@ops"));
	ask_lease(&h, "bob@ops", 0);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	ask_lease(&h, "ann@ops", 30000);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	ask_lease(&h, "ann@ops", 0);
	client_free(h.client);
}

/* Every node takes it back when its time is over; it is one change. */
static void a_raise_that_nobody_keeps_goes_back_everywhere(void **state)
{
	struct fixture *f = begin(state);
	struct hand h;
	hand_open(&h, f, 0, NODES);
	HAND_UNTIL(&h, h.rev != UNKNOWN);
	int64_t seq = fact(f, 0, "audit_seq"), epoch = h.epoch;
	struct command c = command_of(&h, VERB_STEP, "unkept", 300);
	c.keep_within_ms = 700;
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	UNTIL(f, all_have(f, "share_bp", 300));
	UNTIL(f, all_have(f, "share_bp", 0) && all_agree(f));
	assert_true(all_have(f, "audit_seq", seq + 2));
	assert_true(all_have(f, "epoch", epoch + 1));
	assert_true(is_held(f, 2, "not kept"));
	HAND_UNTIL(&h, h.epoch == epoch + 1);
	c = command_of(&h, VERB_RESUME, "looked", -1);
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	UNTIL(f, !is_held(f, 0, "not kept") && all_agree(f));
	client_free(h.client);
}

static void a_node_that_nobody_watches_locks_raises(void **state)
{
	struct fixture *f = begin(state);
	struct hand h;
	hand_open(&h, f, 0, NODES - 1);
	HAND_UNTIL(&h, h.rev != UNKNOWN);
	struct command c = command_of(&h, VERB_STEP, "stranger", 100);
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_REFUSED);
	assert_int_equal(h.answer.err.code, ERR_NODES);
	client_free(h.client);
}

static void what_a_hand_without_weir_asks_is_done(void **state)
{
	struct fixture *f = begin(state);
	step_to(f, "1%", 0, "VERIFIED");
	struct process p;
	/* the line that doctor prints, as a shell takes it */
	assert_int_equal(run(f, &p, ARGS("doctor", "shop")), 0);
	assert_non_null(strstr(p.out.text, "etcd 3."));
	assert_non_null(strstr(p.out.text, "the plan may be written"));
	assert_non_null(strstr(p.out.text, "n3 at unix:"));
	char *line = strstr(p.out.text, "ETCDCTL_API=3 etcdctl");
	assert_non_null(line);
	line[strcspn(line, "\n")] = '\0';
	struct process by_hand;
	assert_int_equal(process_run(&by_hand, ARGS("/bin/sh", "-c", line), NULL, WAIT_MS), 0);
	process_release(&by_hand);
	process_release(&p);
	UNTIL(f, all_have(f, "share_bp", 0) && all_agree(f));
	char *left = etcd_peer_ctl(&f->etcd, ARGS("get", "weir/shop/now/rollback"));
	assert_string_equal(left, "");
	free(left);
}

static void a_rollback_at_one_node_is_one_of_all(void **state)
{
	struct fixture *f = begin(state);
	char target[WORLD_PATH + 8];
	struct process p;
	step_to(f, "1%", 0, "VERIFIED");
	snprintf(target, sizeof target, "unix:%s", f->socket[2]);
	assert_int_equal(run(f, &p, ARGS("rollback", target, "--wait")), 0);
	process_release(&p);
	UNTIL(f, all_have(f, "share_bp", 0) && all_agree(f));
}

static void a_node_that_hangs_locks_steps_and_catches_up(void **state)
{
	struct fixture *f = begin(state);
	step_to(f, "1%", 0, "VERIFIED");
	/* opened while all were there: it goes on watching three */
	struct hand h;
	hand_open(&h, f, 2, NODES);
	HAND_UNTIL(&h, h.rev != UNKNOWN);
	process_signal(&f->node[2], SIGSTOP);
	UNTIL(f, !is_listed(f, "n3"));
	struct command c = command_of(&h, VERB_STEP, "without-n3", 200);
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_REFUSED);
	assert_int_equal(h.answer.err.code, ERR_NODES);
	/* a rollback asks nobody; what was missed is compacted away meanwhile */
	c = command_of(&h, VERB_ROLLBACK, "without-n3-back", -1);
	hand_apply(&h, &c);
	assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	UNTIL(f, fact(f, 0, "share_bp") == 0 && fact(f, 1, "share_bp") == 0);
	/* and more than are read at once */
	int64_t seq = fact(f, 0, "audit_seq") + CONTROL_PAST + 6;
	for (int i = 0; i < CONTROL_PAST + 6; i++) {
		char id[32];
		snprintf(id, sizeof id, "without-n3-%d", i);
		c = command_of(&h, i % 2 ? VERB_RESUME : VERB_HOLD, id, -1);
		hand_apply(&h, &c);
		assert_int_equal(h.answer.kind, ANSWER_APPLIED);
	}
	char *json = etcd_peer_ctl(&f->etcd, ARGS("get", "x", "-w", "json"));
	char revision[24];
	snprintf(revision, sizeof revision, "%lld",
		strtoll(strstr(json, "\"revision\":") + 11, NULL, 10));
	free(json);
	free(etcd_peer_ctl(&f->etcd, ARGS("compact", revision)));
	process_signal(&f->node[2], SIGCONT);
	UNTIL(f, all_have(f, "share_bp", 0) && all_agree(f) && is_listed(f, "n3"));
	UNTIL(f, all_have(f, "audit_seq", seq));
	assert_int_equal(audit_count(f, 2, seq - CONTROL_PAST - 6), CONTROL_PAST + 6);
	client_free(h.client);
}

/* ---- the watch itself ---- */

struct watch {
	struct text heard;
	bool over;
};

static void watch_piece(void *ctx, const char *data, size_t len)
{
	struct watch *w = ctx;
	text_add_n(&w->heard, data, len);
}

static void watch_over(void *ctx, const struct transport_reply *reply, struct instant at)
{
	struct watch *w = ctx;
	(void)reply, (void)at;
	w->over = true;
}

/* Watches weir/shop/now/ from `revision` on until there are so many lines; the last one. */
static struct etcd_news watch_from(struct fixture *f, int64_t revision, int lines)
{
	struct transport *t = transport_new();
	struct watch w = {0};
	struct etcd e;
	struct text body = {0};
	struct err err = {0};
	struct etcd_news news;
	assert_int_equal(etcd_open(&e, f->target, t, &err), 0);
	wire_etcd_watch(&body, "weir/shop/now/", revision);
	const struct etcd_request r = {.path = "/v3/watch",
		.body = text_str(&body),
		.timeout_ms = WAIT_MS,
		.piece = watch_piece,
		.done = watch_over,
		.ctx = &w};
	uint64_t id = etcd_send(&e, &r, now());
	int seen = 0;
	int64_t end_ms = process_clock_ms() + WAIT_MS;
	while (seen < lines && !w.over) {
		assert_true(process_clock_ms() < end_ms);
		transport_wait(t, NULL, 0, 50);
		transport_turn(t, now());
		seen = 0;
		for (const char *c = text_str(&w.heard); *c; c++)
			seen += *c == '\n';
	}
	const char *last = text_str(&w.heard);
	for (int i = 1; i < lines; i++)
		last = strchr(last, '\n') + 1;
	if (wire_etcd_read_news(&news, last, strcspn(last, "\n"), &err) < 0)
		fail_msg("%s", err.text);
	etcd_cancel(&e, id);
	text_free(&w.heard);
	text_free(&body);
	etcd_close(&e);
	transport_free(t);
	return news;
}

/* What cannot be told any more is said to be gone, with the least that can be asked for. */
static void a_compacted_watch_says_so(void **state)
{
	struct fixture *f = begin(state);
	for (int i = 0; i < 5; i++) /* a key that nobody knows */
		free(etcd_peer_ctl(&f->etcd, ARGS("put", "weir/shop/now/other", "x")));
	char *json = etcd_peer_ctl(&f->etcd, ARGS("get", "x", "-w", "json"));
	long long revision = strtoll(strstr(json, "\"revision\":") + 11, NULL, 10);
	char number[24];
	free(json);
	/* before: the past comes as events */
	struct etcd_news n = watch_from(f, revision - 5, 2);
	assert_false(n.canceled);
	assert_true(n.events.count > 0);
	wire_etcd_release_news(&n);
	snprintf(number, sizeof number, "%lld", revision);
	free(etcd_peer_ctl(&f->etcd, ARGS("compact", number)));
	n = watch_from(f, revision - 5, 2);
	assert_true(n.canceled);
	assert_int_equal(n.compacted, revision);
	wire_etcd_release_news(&n);
	n = watch_from(f, revision + 1, 1);
	assert_true(n.created);
	assert_false(n.canceled);
	wire_etcd_release_news(&n);
}

static void without_etcd_the_last_word_stands(void **state)
{
	struct fixture *f = begin(state);
	struct process p;
	step_to(f, "1%", 0, "VERIFIED");
	process_signal(
		&f->etcd.process, SIGSTOP); /* it takes whatever is asked, and answers nothing */
	UNTIL(f,
		is_held(f, 0, "etcd not seen for") && is_held(f, 1, "etcd not seen for") &&
			is_held(f, 2, "etcd not seen for"));
	assert_true(all_have(f, "share_bp", 100));
	step_to(f, "10%", 6, "etcd not seen for");
	assert_true(all_have(f, "share_bp", 100));
	/* the nodes take a rollback themselves, found by the list as it was kept, and soon */
	int64_t begun_ms = process_clock_ms();
	assert_int_equal(run(f, &p, ARGS("rollback", "shop", "--wait")), 0);
	assert_non_null(strstr(p.out.text, "VERIFIED"));
	process_release(&p);
	assert_true(all_have(f, "share_bp", 0));
	assert_true(process_clock_ms() - begun_ms < ETCD_TIMEOUT_MS);
	process_signal(&f->etcd.process, SIGCONT);
	UNTIL(f, all_agree(f));
	assert_true(all_have(f, "share_bp", 0));
	assert_true(world_verified(&f->w, f->w.history));
}

/* Rolled back where there was no etcd, and started anew before it is back: what etcd still has
 * is the raise. */
static void a_rollback_without_etcd_outlives_its_nodes(void **state)
{
	struct fixture *f = begin(state);
	struct process p;
	step_to(f, "1%", 0, "VERIFIED");
	etcd_peer_kill(&f->etcd);
	assert_int_equal(run(f, &p, ARGS("rollback", "shop", "--wait")), 0);
	process_release(&p);
	assert_true(all_have(f, "share_bp", 0));
	for (int i = 0; i < NODES; i++) {
		process_signal(&f->node[i], SIGKILL);
		process_release(&f->node[i]);
		start_node(f, i);
	}
	UNTIL(f, all_have(f, "share_bp", 0));
	etcd_peer_run(&f->etcd);
	UNTIL(f, is_listed(f, "n1") && is_listed(f, "n2") && is_listed(f, "n3") && all_agree(f));
	assert_true(all_have(f, "share_bp", 0));
}

/* One alone rolled back and was started again, and the others stepped on without it: nobody
 * took its rollback back, so it is everybody's. */
static void a_rollback_of_one_alone_outlives_it(void **state)
{
	struct fixture *f = begin(state);
	char target[WORLD_PATH + 8];
	struct process p;
	step_to(f, "1%", 0, "VERIFIED");
	etcd_peer_kill(&f->etcd);
	snprintf(target, sizeof target, "unix:%s", f->socket[2]);
	assert_int_equal(run(f, &p, ARGS("rollback", target, "-m", "n3 burns")), 0);
	process_release(&p);
	process_signal(&f->node[2], SIGKILL);
	process_release(&f->node[2]);
	etcd_peer_run(&f->etcd);
	/* its lease would end in a while */
	free(etcd_peer_ctl(&f->etcd, ARGS("del", "weir/shop/nodes/n3")));
	UNTIL(f, is_listed(f, "n1") && is_listed(f, "n2"));
	step_to(f, "2%", 0, "VERIFIED");
	start_node(f, 2);
	UNTIL(f, is_listed(f, "n3") && all_have(f, "share_bp", 0) && all_agree(f));
	char *line = etcd_peer_ctl(&f->etcd, ARGS("get", "weir/shop/now/split"));
	assert_non_null(strstr(line, "n3 burns"));
	free(line);
}

/* What a person asks of the node itself, with a key. */
static void roll_back_at(struct fixture *f, int i, const char *headers)
{
	char address[WORLD_PATH + 8];
	struct http http = {.fd = -1};
	snprintf(address, sizeof address, "unix:%s", f->socket[i]);
	assert_true(http_open(&http, address));
	assert_int_equal(
		http_call(&http, "POST", "/v1/rollback", headers, "{\"actor\":\"eve@e2e\"}", WAIT_MS),
		200);
	http_close(&http);
}

static void an_etcd_that_lost_its_data_is_told_by_its_nodes(void **state)
{
	struct fixture *f = begin(state);
	char data[WORLD_PATH];
	struct process p;
	roll_back_at(f, 0, "Idempotency-Key: before\r\n"); /* its key dies with a lease */
	UNTIL(f, all_agree(f));
	step_to(f, "1%", 0, "VERIFIED");
	etcd_peer_kill(&f->etcd);
	world_path(&f->w, data, "etcd");
	assert_int_equal(process_run(&p, ARGS("/bin/rm", "-r", data), NULL, WAIT_MS), 0);
	process_release(&p);
	etcd_peer_run(&f->etcd);
	UNTIL(f, is_listed(f, "n1") && is_listed(f, "n2") && is_listed(f, "n3") && all_agree(f));
	assert_true(all_have(f, "share_bp", 100));
	/* no lease of before is there now */
	roll_back_at(f, 0, "Idempotency-Key: after\r\n");
	UNTIL(f, all_have(f, "share_bp", 0) && all_agree(f));
}

static void who_leaves_is_taken_off_the_list(void **state)
{
	struct fixture *f = begin(state);
	process_signal(&f->node[1], SIGTERM);
	assert_int_equal(process_wait(&f->node[1], WAIT_MS), 0);
	process_release(&f->node[1]);
	assert_false(is_listed(f, "n2"));
	step_to(f, "1%", 0, "VERIFIED"); /* of the two that there are */
	start_node(f, 1);
	UNTIL(f, is_listed(f, "n2") && all_have(f, "share_bp", 100) && all_agree(f));
	/* killed, and there again at once: its name is its own */
	process_signal(&f->node[1], SIGKILL);
	process_release(&f->node[1]);
	start_node(f, 1);
	UNTIL(f, all_have(f, "share_bp", 100) && all_agree(f));
	assert_false(is_held(f, 1, "another node"));
	roll_back(f, "VERIFIED");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fleet_steps_and_rolls_back_as_one),
		cmocka_unit_test(an_etcd_without_tls_is_told_from_a_bad_one),
		cmocka_unit_test(a_node_alone_moves_nothing_forward),
		cmocka_unit_test(of_two_that_race_one_wins),
		cmocka_unit_test(a_key_is_done_once_and_a_void_one_never),
		cmocka_unit_test(one_actor_raises_at_a_time),
		cmocka_unit_test(a_raise_that_nobody_keeps_goes_back_everywhere),
		cmocka_unit_test(a_node_that_nobody_watches_locks_raises),
		cmocka_unit_test(what_a_hand_without_weir_asks_is_done),
		cmocka_unit_test(a_rollback_at_one_node_is_one_of_all),
		cmocka_unit_test(a_node_that_hangs_locks_steps_and_catches_up),
		cmocka_unit_test(a_compacted_watch_says_so),
		cmocka_unit_test(without_etcd_the_last_word_stands),
		cmocka_unit_test(a_rollback_without_etcd_outlives_its_nodes),
		cmocka_unit_test(a_rollback_of_one_alone_outlives_it),
		cmocka_unit_test(an_etcd_that_lost_its_data_is_told_by_its_nodes),
		cmocka_unit_test(who_leaves_is_taken_off_the_list),
	};
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
