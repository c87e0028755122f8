/* A fleet of three real nodes whose plan lies in a real etcd: what moves it, who wins, and what
 * happens when a node is gone. */
#include "tests/e2e/etcd_bed.h"

/* ---- the fleet ---- */

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
	};
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
