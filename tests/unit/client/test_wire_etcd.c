/* Documents of etcd's JSON gateway as etcd 3.4 writes them, and as nobody should. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/drivers.h"
#include "client/etcd.h"
#include "client/wire_etcd.h"
#include "model/mem.h"

#include <stdlib.h>
#include <string.h>

static void test_a_transaction_is_written_as_the_gateway_wants_it(void **state)
{
	(void)state;
	static const struct etcd_compare compare[] = {{.key = "a", .what = ETCD_MOD, .revision = 3},
		{.key = "ab", .what = ETCD_CREATE}, {.key = "abc", .what = ETCD_VALUE, .value = "x"}};
	static const struct etcd_op then[] = {
		{.what = ETCD_PUT, .key = "a", .value = "", .lease = "7"},
		{.what = ETCD_DELETE, .key = "a", .end = "b"}};
	static const struct etcd_op otherwise[] = {
		{.what = ETCD_GET, .key = "weir/", .end = "", .count_only = true, .limit = 5}};
	const struct etcd_txn t = {compare, 3, then, otherwise, 2, 1};
	struct text out = {0};
	wire_etcd_txn(&out, &t);
	assert_string_equal(text_str(&out),
		"{\"compare\":["
		"{\"target\":\"MOD\",\"result\":\"EQUAL\",\"key\":\"YQ==\",\"mod_revision\":\"3\"},"
		"{\"target\":\"CREATE\",\"result\":\"EQUAL\",\"key\":\"YWI=\",\"create_revision\":\"0\"},"
		"{\"target\":\"VALUE\",\"result\":\"EQUAL\",\"key\":\"YWJj\",\"value\":\"eA==\"}],"
		"\"success\":[{\"request_put\":{\"key\":\"YQ==\",\"value\":\"\",\"lease\":\"7\"}},"
		"{\"request_delete_range\":{\"key\":\"YQ==\",\"range_end\":\"Yg==\"}}],"
		"\"failure\":[{\"request_range\":{\"key\":\"d2Vpci8=\",\"range_end\":\"d2VpcjA=\","
		"\"count_only\":true,\"limit\":\"5\"}}]}");
	text_free(&out);
}

static void test_leases_and_watches_are_written(void **state)
{
	(void)state;
	struct text out = {0};
	wire_etcd_grant(&out, 9001);
	wire_etcd_lease(&out, "2324035528522747150");
	wire_etcd_watch(&out, "weir/", 12);
	assert_string_equal(text_str(&out),
		"{\"TTL\":\"10\"}{\"ID\":\"2324035528522747150\"}"
		"{\"create_request\":{\"key\":\"d2Vpci8=\",\"range_end\":\"d2VpcjA=\","
		"\"start_revision\":\"12\"}}");
	text_free(&out);
}

static int read(struct etcd_answer *a, const char *body, struct err *err)
{
	return wire_etcd_read(a, body, strlen(body), err);
}

static void test_what_is_left_out_is_nothing(void **state)
{
	(void)state;
	struct etcd_answer a;
	/* no succeeded: false; a range without kvs and count: none; a kv without a value: "" */
	assert_int_equal(
		read(&a,
			"{\"header\":{\"cluster_id\":\"14841639068965178418\",\"revision\":\"9\"},"
			"\"responses\":[{\"response_range\":{\"header\":{\"revision\":\"9\"}}},"
			"{\"response_put\":{\"header\":{}}},{\"response_range\":{\"kvs\":["
			"{\"key\":\"YWI=\",\"mod_revision\":\"7\",\"lease\":\"2324035528522747150\"}],"
			"\"count\":\"3\",\"more\":true}}]}",
			NULL),
		0);
	assert_int_equal(a.revision, 9);
	assert_false(a.succeeded);
	assert_int_equal(a.range_count, 2);
	assert_int_equal(a.ranges[0].count, 0);
	assert_int_equal(a.ranges[0].total, 0);
	assert_int_equal(a.ranges[1].count, 1);
	assert_int_equal(a.ranges[1].total, 3);
	const struct etcd_kv *kv = wire_etcd_find(&a.ranges[1], "ab");
	assert_non_null(kv);
	assert_string_equal(kv->value, "");
	assert_string_equal(kv->lease, "2324035528522747150"); /* beyond 2^53, not one digit lost */
	assert_int_equal(kv->mod, 7);
	assert_int_equal(kv->create, 0);
	assert_null(wire_etcd_find(&a.ranges[1], "a"));
	wire_etcd_release(&a);
}

static void test_what_no_etcd_says_is_refused(void **state)
{
	(void)state;
#define KV(kv) \
	"{\"header\":{\"revision\":\"9\"},\"responses\":[{\"response_range\":{\"kvs\":[" kv "]}}]}"
	static const struct {
		const char *body;
		enum err_code code;
	} rows[] = {
		{"", ERR_DOCUMENT},
		{"[]", ERR_DOCUMENT},
		{"{}", ERR_FIELD}, /* no revision: nobody's answer */
		{"{\"header\":{\"revision\":\"9\"}} x", ERR_DOCUMENT},
		{"{\"header\":{\"revision\":9}}", ERR_FIELD},
		{"{\"header\":{\"revision\":\"-9\"}}", ERR_FIELD},
		{"{\"header\":{\"revision\":\"99999999999999999999\"}}", ERR_FIELD},
		{"{\"header\":{\"revision\":\"9\"},\"header\":{\"revision\":\"8\"}}", ERR_DUPLICATE},
		{"{\"header\":{\"revision\":\"9\"},\"succeeded\":\"true\"}", ERR_FIELD},
		{"{\"header\":{\"revision\":\"9\"},\"responses\":[7]}", ERR_FIELD},
		{KV("7"), ERR_FIELD},
		{KV("{\"key\":\"YW\"}"), ERR_FIELD},   /* cut */
		{KV("{\"key\":\"YW=I\"}"), ERR_FIELD}, /* padding inside */
		{KV("{\"key\":\"Y===\"}"), ERR_FIELD}, /* too much of it */
		{KV("{\"key\":\"YW*=\"}"), ERR_FIELD}, /* no digit */
		{KV("{\"key\":\"YQBi\"}"), ERR_FIELD}, /* a NUL inside */
		{KV("{\"key\":\"GzJK\"}"), ERR_FIELD}, /* ESC 2 J */
		{KV("{\"key\":7}"), ERR_FIELD},
		{KV("{\"key\":\"YQ==\",\"lease\":\"0x1\"}"), ERR_FIELD},
		{KV("{\"key\":\"YQ==\",\"lease\":\"123456789012345678901234567890\"}"), ERR_FIELD},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct etcd_answer a;
		struct err err = {0};
		if (read(&a, rows[i].body, &err) != -1 || err.code != rows[i].code)
			fail_msg("%s: %s %s", rows[i].body, err_name(err.code), err.text);
		assert_int_equal(a.range_count, 0);
	}
}

static void test_too_many_keys_are_refused(void **state)
{
	(void)state;
	struct text body = {0};
	struct etcd_answer a;
	struct err err = {0};
	text_add(&body,
		"{\"header\":{\"revision\":\"9\"},\"responses\":[{\"response_range\":{\"kvs\":[");
	for (int i = 0; i <= ETCD_KEYS_MAX; i++)
		text_add(&body, i ? ",{}" : "{}");
	text_add(&body, "]}}]}");
	assert_int_equal(read(&a, text_str(&body), &err), -1);
	assert_int_equal(err.code, ERR_TOO_MANY);
	text_free(&body);
}

static void test_news_tell_what_happened(void **state)
{
	(void)state;
	struct etcd_news n;
	static const char put[] =
		"{\"result\":{\"header\":{\"revision\":\"5\"},\"events\":["
		"{\"kv\":{\"key\":\"YQ==\",\"value\":\"eA==\",\"mod_revision\":\"4\"}},"
		"{\"type\":\"DELETE\",\"kv\":{\"key\":\"Yg==\",\"mod_revision\":\"5\"}}]}}";
	assert_int_equal(wire_etcd_read_news(&n, put, sizeof put - 1, NULL), 0);
	assert_int_equal(n.events.count, 2);
	assert_string_equal(n.events.kvs[0].key, "a");
	assert_string_equal(n.events.kvs[0].value, "x");
	assert_false(n.events.kvs[0].deleted);
	assert_true(n.events.kvs[1].deleted);
	assert_int_equal(n.revision, 5);
	wire_etcd_release_news(&n);

	static const char old[] = "{\"result\":{\"header\":{\"revision\":\"9\"},\"canceled\":true,"
							  "\"compact_revision\":\"6\"}}";
	assert_int_equal(wire_etcd_read_news(&n, old, sizeof old - 1, NULL), 0);
	assert_true(n.canceled);
	assert_int_equal(n.compacted, 6);
	wire_etcd_release_news(&n);

	static const char why[] =
		"{\"result\":{\"header\":{\"revision\":\"9\"},\"created\":true,"
		"\"canceled\":true,\"cancel_reason\":\"permission\\u001b denied\"}}";
	assert_int_equal(wire_etcd_read_news(&n, why, sizeof why - 1, NULL), 0);
	assert_true(n.created);
	assert_string_equal(n.why, "permission^[ denied");
	wire_etcd_release_news(&n);

	struct err err = {0};
	static const char error[] = "{\"error\":{\"grpc_code\":14,\"message\":\"gone\"}}";
	assert_int_equal(wire_etcd_read_news(&n, error, sizeof error - 1, &err), -1);
	assert_int_equal(err.code, ERR_FIELD);
}

static void test_a_lease_without_time_is_gone(void **state)
{
	(void)state;
	char id[ETCD_LEASE_MAX];
	int64_t ttl_ms;
	static const char granted[] =
		"{\"header\":{},\"ID\":\"2324035528522747150\",\"TTL\":\"3\"}";
	static const char alive[] = "{\"result\":{\"ID\":\"2324035528522747150\",\"TTL\":\"3\"}}\n";
	static const char gone[] = "{\"result\":{\"ID\":\"2324035528522747150\"}}\n";
	assert_int_equal(wire_etcd_read_lease(id, &ttl_ms, granted, sizeof granted - 1, NULL), 0);
	assert_string_equal(id, "2324035528522747150");
	assert_int_equal(ttl_ms, 3000);
	assert_int_equal(wire_etcd_read_lease(id, &ttl_ms, alive, sizeof alive - 1, NULL), 0);
	assert_string_equal(id, "2324035528522747150");
	assert_int_equal(wire_etcd_read_lease(id, &ttl_ms, gone, sizeof gone - 1, NULL), 0);
	assert_string_equal(id, "");
	assert_int_equal(ttl_ms, 0);
}

static void test_errors_versions_and_members_are_read(void **state)
{
	(void)state;
	char text[40];
	int64_t code;
	int members;
	static const char error[] =
		"{\"error\":\"x\",\"message\":\"lease \\u001bnot found\",\"code\":5}";
	assert_true(wire_etcd_read_error(text, sizeof text, &code, error, sizeof error - 1));
	assert_string_equal(text, "lease ^[not found");
	assert_int_equal(code, 5);
	assert_false(wire_etcd_read_error(text, sizeof text, &code, "Not Found", 9));
	static const char version[] = "{\"etcdserver\":\"3.4.23\",\"etcdcluster\":\"3.4.0\"}";
	assert_int_equal(
		wire_etcd_read_version(text, sizeof text, version, sizeof version - 1, NULL), 0);
	assert_string_equal(text, "3.4.23");
	assert_int_equal(wire_etcd_read_version(text, sizeof text, "{}", 2, NULL), -1);
	static const char list[] = "{\"header\":{},\"members\":[{\"ID\":\"1\"},{\"ID\":\"2\"}]}";
	assert_int_equal(wire_etcd_read_members(&members, list, sizeof list - 1, NULL), 0);
	assert_int_equal(members, 2);
}

static void test_targets_are_read(void **state)
{
	(void)state;
	struct etcd_target t;
	assert_int_equal(
		etcd_target_read(&t, "etcd://a:1,[::1]:2379/shop?tls=yes&auth=/etc/t#n1", NULL), 0);
	assert_int_equal(t.endpoint_count, 2);
	assert_string_equal(t.endpoint[0], "https://a:1");
	assert_string_equal(t.endpoint[1], "https://[::1]:2379");
	assert_string_equal(t.pool, "shop");
	assert_string_equal(t.auth, "/etc/t");
	assert_string_equal(t.node, "n1");
	assert_int_equal(etcd_target_read(&t, "etcd://127.0.0.1:2379/shop", NULL), 0);
	assert_string_equal(t.endpoint[0], "http://127.0.0.1:2379");
	assert_string_equal(t.node, "");
	static const char *const bad[] = {"etcd:a:1/shop", "etcd://a:1", "etcd://a:1/",
		"etcd:///shop", "etcd://a/shop", "etcd://a:/shop", "etcd://:1/shop",
		"etcd://a:1,/shop/x", "etcd://a:1/sh op", "etcd://a:1/../x", "etcd://a:1/shop?tls=no",
		"etcd://a:1/shop?auth=t", "etcd://a:1/shop#", "etcd://a:1/shop#a/b",
		"etcd://u:p@a:1/shop", "etcd://a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9/shop"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		if (etcd_target_read(&t, bad[i], &err) != -1)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(err.code, ERR_CONFIG);
	}
}

static void test_a_node_says_where_it_is(void **state)
{
	(void)state;
	struct etcd_node n = {.node = "n1",
						 .url = "unix:/run/n1",
						 .boot_id = "b",
						 .head = "00",
						 .epoch = 7,
						 .rev = 3,
						 .seq = 9,
						 .share_bp = 1000},
					 back;
	struct text out = {0};
	etcd_node_write(&out, &n);
	assert_int_equal(etcd_node_read(&back, text_str(&out), NULL), 0);
	assert_memory_equal(&n, &back, sizeof n);
	text_free(&out);
	static const char *const bad[] = {"", "{}", "null",
		"{\"node\":\"n\",\"url\":\"\",\"boot_id\":\"b\",\"epoch\":1,\"rev\":1,\"seq\":1,"
		"\"share_bp\":1,\"head\":\"0\"}",
		"{\"node\":\"n\",\"url\":\"unix:/x\",\"boot_id\":\"b\",\"epoch\":1,\"rev\":1,\"seq\":1,"
		"\"share_bp\":10001,\"head\":\"0\"}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(etcd_node_read(&back, bad[i], NULL), -1);
}

static void test_what_is_near_is_this_machine(void **state)
{
	(void)state;
	static const char *const near[] = {"http://127.0.0.1:2379", "https://localhost/",
		"http://[::1]:1", "http://localhost", "https://127.0.0.1"};
	static const char *const far[] = {"http://127.0.0.1.example:2379", "http://localhosts",
		"http://10.0.0.1:1", "http://x@127.0.0.1", "http://[::1", "unix:/127.0.0.1", "127.0.0.1",
		""};
	for (size_t i = 0; i < sizeof near / sizeof *near; i++)
		assert_true(etcd_is_near(near[i]));
	for (size_t i = 0; i < sizeof far / sizeof *far; i++)
		assert_false(etcd_is_near(far[i]));
}

static void nothing(void *ctx, const struct driver_event *event)
{
	(void)ctx, (void)event;
}

/* Whoever may write into etcd does not choose a socket of the console's machine. */
static void test_a_node_names_no_socket_from_afar(void **state)
{
	(void)state;
	static const struct {
		const char *target;
		bool opens;
	} rows[] = {
		{"etcd://10.0.0.1:2379/shop?nodes=1#n1=unix:/run/docker.sock", false},
		{"etcd://127.0.0.1:2379/shop?nodes=1#n1=unix:/run/weir.sock", true},
		{"etcd://10.0.0.1:2379/shop?nodes=1#n1=http://10.0.0.9:7070", true},
		{"etcd://10.0.0.1:2379/shop?nodes=1#n1=http://10.0.0.9:7070/a?b", false},
		{"etcd://10.0.0.1:2379/shop?nodes=1#n1=file:///etc/passwd", false},
		{"etcd://10.0.0.1:2379/shop?nodes=1#n1=local:", false},
		{"etcd://10.0.0.1:2379/shop?nodes=1#n1=etcd://10.0.0.1:2379/shop#n1=http://a:1", false},
	};
	struct transport *t = transport_new();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct driver *d;
		struct err err = {0};
		const struct driver_open how = {
			.target = rows[i].target, .token = "secret", .transport = t, .sink = {nothing, NULL}};
		bool opens = driver_etcd.open(&d, &how, &err) == 0;
		if (opens != rows[i].opens)
			fail_msg("%s: %s", rows[i].target, err.text);
		if (opens)
			driver_etcd.close(d);
		else
			assert_int_equal(err.code, ERR_CONFIG);
	}
	transport_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_transaction_is_written_as_the_gateway_wants_it),
		cmocka_unit_test(test_leases_and_watches_are_written),
		cmocka_unit_test(test_what_is_left_out_is_nothing),
		cmocka_unit_test(test_what_no_etcd_says_is_refused),
		cmocka_unit_test(test_too_many_keys_are_refused),
		cmocka_unit_test(test_news_tell_what_happened),
		cmocka_unit_test(test_a_lease_without_time_is_gone),
		cmocka_unit_test(test_errors_versions_and_members_are_read),
		cmocka_unit_test(test_targets_are_read),
		cmocka_unit_test(test_a_node_says_where_it_is),
		cmocka_unit_test(test_what_is_near_is_this_machine),
		cmocka_unit_test(test_a_node_names_no_socket_from_afar),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
