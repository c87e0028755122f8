/* The page for Prometheus: what stands on it, what does not, in both formats. promtool reads it
 * where it is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/serve_metrics.h"
#include "client/serve_route.h"
#include "model/mem.h"
#include "model/version.h"
#include "tests/lib/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct snapshot *s;
static struct text page;

/* Counters and gauges of one arm, all different. */
static void fill_arm(struct arm_counts *a, int64_t n)
{
	a->requests = 1000 * n;
	a->ok = 900 * n;
	for (int f = 0; f < FAILURE_COUNT; f++)
		a->failed[f] = f * n;
	a->timeouts = 3 * n;
	a->sessions = a->sessions_bad = a->memory_bytes = a->fds = a->queue_max = UNKNOWN;
	a->cpu_us = 1500000 * n;
	a->queue_depth = 4 * n;
	a->workers = (struct worker_counts){.total = 8, .ready = 7, .busy = 2, .degraded = 1};
	a->has_latency = true;
	histogram_add(&a->latency, 0, n);
	histogram_add(&a->latency, 127, n);
	histogram_add(&a->latency, 128, n);
	histogram_add(&a->latency, 20000, 10 * n);
	histogram_add(&a->latency, INT64_C(90000000), 2 * n);
}

static int setup(void **state)
{
	(void)state;
	s = mem_new(1, sizeof *s);
	text_copy(s->pool, sizeof s->pool, "check\"out\\");
	text_copy(s->pool_id, sizeof s->pool_id, "shop-1");
	text_copy(s->node, sizeof s->node, "node-a");
	text_copy(s->build, sizeof s->build, "b1");
	s->uptime_ms = 12500;
	s->epoch = 7;
	s->rev = 3;
	s->strategy = STRATEGY_CANARY;
	s->share_bp = 1000;
	s->baseline_bp = 0;
	s->kept_bp = -1;
	fill_arm(&s->arms[ARM_V1], 9);
	fill_arm(&s->arms[ARM_V2], 1);
	page = (struct text){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(s);
	text_free(&page);
	return 0;
}

static const char *write_page(bool open)
{
	text_clear(&page);
	serve_metrics_write(&page, s, open);
	return text_str(&page);
}

/* The number of a line of the page, as it stands there; NULL when there is none. */
static const char *value_of(const char *name)
{
	static char value[64];
	size_t len = strlen(name);
	for (const char *line = text_str(&page); line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) != 0 || line[len] != ' ')
			continue;
		snprintf(
			value, sizeof value, "%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1);
		return value;
	}
	return NULL;
}

static void expect(const char *name, const char *value)
{
	const char *is = value_of(name);
	if (!is || strcmp(is, value) != 0)
		fail_msg("%s is %s, not %s", name, is ? is : "not there", value);
}

static void numbers_have_their_names_and_units(void **state)
{
	(void)state;
	write_page(false);
	expect("weir_build_info{version=\"" WEIR_VERSION
		   "\",build=\"b1\",pool=\"check\\\"out\\\\\","
		   "pool_id=\"shop-1\",node=\"node-a\",node_id=\"\"}",
		"1");
	expect("weir_uptime_seconds", "12.5");
	expect("weir_epoch", "7");
	expect("weir_revision", "3");
	expect("weir_share_ratio", "0.1");
	expect("weir_share_seen_ratio", "0.1");
	expect("weir_share_baseline_ratio", "0");
	expect("weir_strategy{strategy=\"canary\"}", "1");
	expect("weir_strategy{strategy=\"shadow\"}", "0");
	expect("weir_held", "0");
	expect("weir_requests_total{arm=\"v1\"}", "9000");
	expect("weir_requests_ok_total{arm=\"v2\"}", "900");
	expect("weir_requests_failed_total{arm=\"v2\"}", "45");
	expect("weir_errors_total{arm=\"v2\",category=\"timeout\"}", "1");
	expect("weir_errors_total{arm=\"v1\",category=\"refused\"}", "81");
	expect("weir_cpu_seconds_total{arm=\"v1\"}", "13.5");
	expect("weir_queue_depth{arm=\"v2\"}", "4");
	expect("weir_workers{arm=\"v1\",state=\"idle\"}", "5");
	expect("weir_workers{arm=\"v1\",state=\"busy\"}", "2");
	expect("weir_workers{arm=\"v1\",state=\"degraded\"}", "1");
}

static void what_is_not_known_is_left_out(void **state)
{
	(void)state;
	static const char *const names[] = {"weir_sessions", "weir_memory_bytes", "weir_open_fds",
		"weir_queue_limit", "weir_share_kept_ratio", "weir_lease_held", "weir_guard_",
		"weir_breaker_", "weir_keep_left_seconds", "weir_operation_", "null", "nan"};
	write_page(false);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strstr(text_str(&page), names[i]))
			fail_msg("%s is there", names[i]);
	s->arms[ARM_V1].memory_bytes = 4096;
	s->lease.known = s->guard.known = s->arms[ARM_V2].breaker.known = true;
	s->guard.state = GUARD_RED;
	s->keep.on = true;
	s->keep.left_ms = 1500;
	s->arms[ARM_V2].operation_count = 1;
	text_copy(s->arms[ARM_V2].operations[0].name, OPERATION_NAME_MAX, "a\nb");
	write_page(false);
	expect("weir_memory_bytes{arm=\"v1\"}", "4096");
	assert_null(value_of("weir_memory_bytes{arm=\"v2\"}"));
	expect("weir_lease_held", "0");
	expect("weir_guard_state{state=\"RED\"}", "1");
	expect("weir_guard_state{state=\"GREEN\"}", "0");
	expect("weir_breaker_state{arm=\"v2\",state=\"closed\"}", "1");
	expect("weir_keep_left_seconds", "1.5");
	expect("weir_operation_requests_total{arm=\"v2\",operation=\"a b\"}", "0");
}

static void the_share_that_is_seen_is_of_this_change(void **state)
{
	(void)state;
	s->change.known = true;
	s->change.arms[ARM_V1].requests = 8700;
	s->change.arms[ARM_V2].requests = 900;
	write_page(false);
	expect("weir_share_seen_ratio", "0.25");
	s->change.arms[ARM_V1].requests = 9000;
	s->change.arms[ARM_V2].requests = 1000;
	write_page(false);
	assert_null(value_of("weir_share_seen_ratio"));
}

/* Each bucket has what the one before it has, and the last one all. */
static void check_buckets(const char *arm, const char *count)
{
	char begin[64], name[96];
	long long before = 0, n = 0;
	double bound = 0, le;
	int buckets = 0;
	snprintf(
		begin, sizeof begin, "\nweir_request_duration_seconds_bucket{arm=\"%s\",le=\"", arm);
	for (const char *at = text_str(&page); (at = strstr(at, begin)) != NULL; buckets++) {
		at += strlen(begin);
		assert_true(strncmp(at, "+Inf", 4) == 0 || (le = strtod(at, NULL)) > bound);
		bound = strtod(at, NULL);
		n = strtoll(strchr(at, ' '), NULL, 10);
		assert_true(n >= before);
		before = n;
	}
	assert_in_range(buckets, 60, 90);
	snprintf(
		name, sizeof name, "weir_request_duration_seconds_bucket{arm=\"%s\",le=\"+Inf\"}", arm);
	expect(name, count);
	snprintf(name, sizeof name, "weir_request_duration_seconds_count{arm=\"%s\"}", arm);
	expect(name, count);
}

static void the_last_bucket_has_all(void **state)
{
	(void)state;
	write_page(false);
	check_buckets("v1", "135");
	check_buckets("v2", "15");
	/* edges are exact: 0 and 127 us are within, 128 us is not */
	expect("weir_request_duration_seconds_bucket{arm=\"v2\",le=\"0.000127\"}", "2");
	expect("weir_request_duration_seconds_bucket{arm=\"v2\",le=\"0.000159\"}", "3");
	double sum = strtod(value_of("weir_request_duration_seconds_sum{arm=\"v2\"}"), NULL);
	assert_true(sum > 2 * 59 && sum < 2 * 60 + 0.3);
	s->arms[ARM_V1].has_latency = false;
	write_page(false);
	assert_null(value_of("weir_request_duration_seconds_count{arm=\"v1\"}"));
	check_buckets("v2", "15");
}

static void every_family_has_one_head(void **state)
{
	(void)state;
	write_page(false);
	char name[96], before[96] = "";
	for (const char *line = text_str(&page); *line; line = strchr(line, '\n') + 1) {
		if (sscanf(line, "# TYPE %90s", name) == 1) {
			char head[112];
			snprintf(head, sizeof head, "# TYPE %s ", name);
			assert_ptr_equal(strstr(text_str(&page), head), line);
			text_copy(before, sizeof before, name);
		} else if (*line != '#' && strncmp(line, before, strlen(before)) != 0) {
			fail_msg("%.60s stands under %s", line, before);
		}
	}
}

static void open_metrics(void **state)
{
	(void)state;
	static const char end[] = "# EOF\n";
	write_page(true);
	assert_string_equal(text_str(&page) + page.len - strlen(end), end);
	assert_non_null(strstr(text_str(&page), "# TYPE weir_requests counter\n"));
	expect("weir_requests_total{arm=\"v1\"}", "9000");
	check_buckets("v1", "135");
	write_page(false);
	assert_null(strstr(text_str(&page), "EOF"));
	assert_non_null(strstr(text_str(&page), "# TYPE weir_requests_total counter\n"));
}

static void what_accept_asks_for(void **state)
{
	(void)state;
	static const struct {
		const char *accept;
		bool open;
	} rows[] = {
		{NULL, false},
		{"", false},
		{"*/*", false},
		{"text/plain", false},
		{"application/openmetrics-text", true},
		{"application/openmetrics-textual", false},
		{"application/openmetrics-text;q=0", false},
		{"application/openmetrics-text; version=1.0.0; q=0.3, text/plain;q=0.5", false},
		{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
		 "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
			true},
		{"text/plain;q=0.5 , application/openmetrics-text;q=0.5", true},
		{",,;;q=", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (serve_metrics_is_open(rows[i].accept) != rows[i].open)
			fail_msg("%s", rows[i].accept);
	assert_non_null(strstr(serve_metrics_type(true), "openmetrics-text; version=1.0.0"));
	assert_non_null(strstr(serve_metrics_type(false), "text/plain; version=0.0.4"));
}

static void a_pool_serves_it(void **state)
{
	(void)state;
	struct engine *engine;
	const struct engine_options how = {.strategy = STRATEGY_CANARY};
	assert_int_equal(engine_start(&engine, &how, NULL), 0);
	struct serve_request request = {.method = "GET", .path = "/metrics", .host = "localhost"};
	struct serve_reply reply = {0};
	struct engine_request execute;
	assert_true(serve_route(engine, false, &request, &reply, &execute));
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.content_type, serve_metrics_type(false));
	assert_non_null(strstr(text_str(&reply.body), "\nweir_share_ratio 0\n"));
	text_clear(&reply.body);
	request.accept = "application/openmetrics-text";
	assert_true(serve_route(engine, false, &request, &reply, &execute));
	assert_string_equal(reply.content_type, serve_metrics_type(true));
	text_free(&reply.body);
	reply = (struct serve_reply){0};
	request.method = "POST";
	assert_true(serve_route(engine, false, &request, &reply, &execute));
	assert_int_equal(reply.status, 405);
	text_free(&reply.body);
	reply = (struct serve_reply){0};
	request.method = "GET";
	request.host = "evil.example";
	assert_true(serve_route(engine, false, &request, &reply, &execute));
	assert_int_equal(reply.status, 403);
	text_free(&reply.body);
	engine_stop(engine);
}

static void promtool_finds_nothing_to_say(void **state)
{
	(void)state;
	if (access("/usr/bin/promtool", X_OK) != 0) {
		print_message("promtool is not here: the page is not checked by it\n");
		skip();
	}
	char path[200];
	const char *tmp = getenv("TMPDIR");
	snprintf(path, sizeof path, "%.100s/metrics-%ld", tmp ? tmp : "/tmp", (long)getpid());
	s->lease.known = s->guard.known = s->arms[ARM_V2].breaker.known = s->keep.on = true;
	s->arms[ARM_V2].operation_count = 1;
	for (int i = 0; i < 2; i++) {
		struct arm_counts *a = &s->arms[i];
		a->sessions = a->sessions_bad = a->memory_bytes = a->fds = a->queue_max = 5;
	}
	s->kept_bp = 100;
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(write_page(false), file);
	assert_int_equal(fclose(file), 0);
	struct process p;
	const char *args[] = {
		"/bin/sh", "-c", "exec /usr/bin/promtool check metrics < \"$0\"", path, NULL};
	int status = process_run(&p, args, NULL, 20000);
	unlink(path);
	if (status != 0)
		fail_msg("promtool: %d %s%s", status, p.out.text, p.err.text);
	process_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(numbers_have_their_names_and_units),
		CASE(what_is_not_known_is_left_out),
		CASE(the_share_that_is_seen_is_of_this_change),
		CASE(the_last_bucket_has_all),
		CASE(every_family_has_one_head),
		CASE(open_metrics),
		CASE(what_accept_asks_for),
		CASE(a_pool_serves_it),
		CASE(promtool_finds_nothing_to_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
