/* A fleet whose plan lies in etcd where etcd is gone, has lost its data, or was not heard for long. */
#include "tests/e2e/etcd_bed.h"

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
		cmocka_unit_test(a_compacted_watch_says_so),
		cmocka_unit_test(without_etcd_the_last_word_stands),
		cmocka_unit_test(a_rollback_without_etcd_outlives_its_nodes),
		cmocka_unit_test(a_rollback_of_one_alone_outlives_it),
		cmocka_unit_test(an_etcd_that_lost_its_data_is_told_by_its_nodes),
		cmocka_unit_test(who_leaves_is_taken_off_the_list),
	};
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
