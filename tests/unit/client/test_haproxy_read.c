/* HAProxy's answers as they were recorded, and as somebody hostile would write them: statistics,
 * maps, notes, log lines. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/haproxy_lines.h"
#include "client/haproxy_note.h"
#include "client/haproxy_read.h"
#include "client/haproxy_ring.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- show info ---- */

static const char info[] = "Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nNbthread: 2\nPid: 30697\n"
						   "Uptime: 0d 0h03m00s\nUptime_sec: 180\nnode: vm\nStopping: 0\n"
						   "Start_time_sec: 1795349151\nTainted: 0\n";

static void info_is_read(void **state)
{
	(void)state;
	struct haproxy_info i;
	assert_int_equal(haproxy_read_info(&i, info, NULL), 0);
	assert_int_equal(i.pid, 30697);
	assert_int_equal(i.start_s, 1795349151);
	assert_int_equal(i.uptime_s, 180);
	assert_false(i.stopping);
	assert_string_equal(i.node, "vm");
	assert_string_equal(i.version, "2.6.12-1+deb12u4");
}

static void info_that_is_none_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err_code code;
	} bad[] = {
		{"", ERR_NOT_POOL},
		{"\n", ERR_NOT_POOL},
		{"Permission denied\n", ERR_READ_ONLY},
		{"HTTP/1.1 400 Bad request\n", ERR_NOT_POOL},
		{"Pid: -4\nUptime_sec: 1\n", ERR_FIELD},
		{"Pid: 99999999999999999999\nUptime_sec: 1\n", ERR_FIELD},
		{"Pid: 4\nUptime_sec: 1\nVersion: 2.0\n", ERR_PROTOCOL},
		{"Unknown command, but maybe one of\n  help\n", ERR_NOT_POOL},
	};
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		struct haproxy_info i;
		struct err err = {0};
		assert_int_equal(haproxy_read_info(&i, bad[k].text, &err), -1);
		if (err.code != bad[k].code)
			fail_msg("%s: %s %s", bad[k].text, err_name(err.code), err.text);
	}
}

static void a_hostile_name_is_cleaned(void **state)
{
	(void)state;
	struct haproxy_info i;
	assert_int_equal(haproxy_read_info(&i,
						 "Pid: 1\nUptime_sec: 1\nStart_time_sec: 1\nStopping: 1\n"
						 "node: \x1b[2Jroot\xff\n",
						 NULL),
		0);
	assert_true(i.stopping);
	assert_null(strpbrk(i.node, "\x1b\xff"));
}

/* ---- show stat ---- */

#define HEADER \
	"# pxname,svname,qcur,scur,stot,econ,eresp,status,weight,type,hrsp_2xx,hrsp_5xx," \
	"last_chk,cookie,mode,algo,uweight,-,h1_open,\n"

struct rows {
	int count, most;
	struct haproxy_row row[8];
};

static bool take(void *ctx, const struct haproxy_row *r)
{
	struct rows *x = ctx;
	if (x->count < 8)
		x->row[x->count] = *r;
	return ++x->count < x->most;
}

static void statistics_are_read_by_the_names_of_columns(void **state)
{
	(void)state;
	struct rows x = {.most = 8};
	assert_int_equal(
		haproxy_read_stat(HEADER
			"v1,a,1,2,300,4,5,UP 1/3,6,2,7,8,\"Layer7, \"\"check\"\" failed\",c1,http,,9,-,0,\n"
			"v1,BACKEND,0,0,310,0,0,UP,6,1,290,9,,,http,roundrobin,9,-,0,\n"
			"\n",
			take, &x, NULL),
		0);
	assert_int_equal(x.count, 2);
	const struct haproxy_row *r = &x.row[0];
	assert_int_equal(r->kind, HAPROXY_SERVER);
	assert_string_equal(r->proxy, "v1");
	assert_string_equal(r->server, "a");
	assert_int_equal(r->qcur, 1);
	assert_int_equal(r->stot, 300);
	assert_int_equal(r->econ, 4);
	assert_int_equal(r->eresp, 5);
	assert_string_equal(r->status, "UP 1/3");
	assert_int_equal(r->uweight, 9);
	assert_int_equal(r->hrsp_2xx, 7);
	assert_int_equal(r->hrsp_4xx, UNKNOWN); /* no such column here */
	assert_string_equal(r->check, "Layer7, \"check\" failed");
	assert_int_equal(x.row[1].kind, HAPROXY_BACKEND);
	assert_string_equal(x.row[1].algo, "roundrobin");
}

static void the_walk_ends_when_told(void **state)
{
	(void)state;
	struct rows x = {.most = 1};
	assert_int_equal(
		haproxy_read_stat(HEADER "a,b,,,,,,,,2,\na,c,,,,,,,,2,\n", take, &x, NULL), 0);
	assert_int_equal(x.count, 1);
}

static void statistics_that_are_none_are_said(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err_code code;
	} bad[] = {
		{"", ERR_NOT_POOL},
		{"No such proxy.\n", ERR_CONFIG},
		{"Permission denied\n", ERR_READ_ONLY},
		{"# a,b,c\n1,2,3\n", ERR_NOT_POOL},
		{"<html>\n", ERR_NOT_POOL},
		{HEADER "v1,a,x,,,,,,,2,\n", ERR_FIELD},
		{HEADER "v1,a,-1,,,,,,,2,\n", ERR_FIELD},
		{HEADER "v1,a,99999999999999999999,,,,,,,2,\n", ERR_FIELD},
		{HEADER "v1,a,1e9,,,,,,,2,\n", ERR_FIELD},
		{HEADER "v1,a,9223372036854775807,,,,,,,2,\n", ERR_FIELD},
		{HEADER "v1,a,,,,,,,,9,\n", ERR_FIELD},
		{HEADER "v1\n", ERR_FIELD},
		{HEADER "v1,\"a\n", ERR_FIELD},
	};
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		struct rows x = {.most = 8};
		struct err err = {0};
		assert_int_equal(haproxy_read_stat(bad[k].text, take, &x, &err), -1);
		if (err.code != bad[k].code)
			fail_msg("%s: %s %s", bad[k].text, err_name(err.code), err.text);
	}
}

static void statistics_without_end_are_bounded(void **state)
{
	(void)state;
	struct text t = {0};
	struct rows x = {.most = 1 << 30};
	struct err err = {0};
	text_add(&t, HEADER);
	for (int i = 0; i <= HAPROXY_ROWS_MAX; i++)
		text_add(&t, "a,b,,,,,,,,2,\n");
	assert_int_equal(haproxy_read_stat(text_str(&t), take, &x, &err), -1);
	assert_int_equal(err.code, ERR_TOO_MANY);
	text_free(&t);
	text_add(&t, HEADER "a,");
	for (int i = 0; i < 20000; i++)
		text_add(&t, "bbbb");
	assert_int_equal(haproxy_read_stat(text_str(&t), take, &x, &err), -1);
	assert_int_equal(err.code, ERR_TOO_MANY);
	text_clear(&t);
	for (int i = 0; i < 5000; i++)
		text_add(&t, i ? "," : "# ");
	text_add(&t, "\na\n");
	assert_int_equal(haproxy_read_stat(text_str(&t), take, &x, &err), -1);
	text_free(&t);
}

/* ---- refusals ---- */

static void refusals_have_codes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err_code code;
	} rows[] = {{"Permission denied\n\n", ERR_READ_ONLY}, {"No such server.\n", ERR_CONFIG},
		{"entry not found.\n", ERR_CONFIG},
		{"Unknown map identifier. Please use #<id> or <file>.\n", ERR_CONFIG},
		{"Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n",
			ERR_LIMIT},
		{"\x1b[31mwhatever\n", ERR_NOT_POOL}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		assert_int_equal(haproxy_read_done(rows[i].text, &err), -1);
		assert_int_equal(err.code, rows[i].code);
		assert_null(strchr(err.text, 0x1b));
	}
	assert_int_equal(haproxy_read_done("", NULL), 0);
	assert_int_equal(haproxy_read_done("\n", NULL), 0);
}

/* ---- maps and notes ---- */

static struct haproxy_note a_note(int64_t rev, int permille, const char *actor)
{
	struct haproxy_note n = {.rev = rev,
		.permille = permille,
		.verb = VERB_STEP,
		.at_ms = 1795349300123,
		.uptime_s = 77,
		.requests = {1000, 20}};
	text_copy(n.actor, sizeof n.actor, actor);
	snprintf(n.id, sizeof n.id, "01a2033c-e531-71dd-8bc5-%012lld", (long long)rev);
	return n;
}

static void add_line(struct text *t, const char *key, const struct haproxy_note *n)
{
	text_add(t, "0x55da689bdb70 ");
	haproxy_note_key(t, key, n);
	text_addf(t, " %d\n", n->permille);
}

static void notes_are_read_as_they_were_written(void **state)
{
	(void)state;
	static const char *const actors[] = {"ana@db1.example.org", "john.doe@db-1", "ci",
		"a b;c@h\n", "5.x@h", "\xc3\xa9ric@h", "a@b@c.d"};
	for (size_t i = 0; i < sizeof actors / sizeof *actors; i++) {
		struct text t = {0};
		struct haproxy_note n = a_note(3, 250, actors[i]);
		struct haproxy_map m;
		char cleaned[POOL_ACTOR_MAX];
		text_add(&t, "0x55da689bdb70 orders 250\n");
		add_line(&t, "orders", &n);
		assert_null(strpbrk(text_str(&t) + 26, ";\\"));
		assert_int_equal(haproxy_map_read(&m, "orders", NULL, text_str(&t), NULL), 0);
		assert_int_equal(m.permille, 250);
		assert_int_equal(m.count, 1);
		const struct haproxy_note *last = haproxy_map_last(&m);
		text_clean(cleaned, sizeof cleaned, actors[i], strlen(actors[i]));
		assert_string_equal(last->actor, cleaned);
		assert_string_equal(last->id, n.id);
		assert_int_equal(last->rev, 3);
		assert_int_equal(last->permille, 250);
		assert_int_equal(last->verb, VERB_STEP);
		assert_int_equal(last->at_ms, 1795349300123);
		assert_int_equal(last->uptime_s, 77);
		assert_int_equal(last->requests[ARM_V1], 1000);
		assert_int_equal(last->requests[ARM_V2], 20);
		assert_ptr_equal(haproxy_map_find(&m, n.id), last);
		assert_null(haproxy_map_find(&m, "other"));
		text_free(&t);
	}
}

/* The sender's clock orders notes; it is not believed against HAProxy's own seconds. */
static void the_age_of_a_note_is_bounded(void **state)
{
	(void)state;
	struct haproxy_note n = {.at_ms = 1000500, .uptime_s = 10};
	assert_int_equal(haproxy_note_age_ms(&n, 12, 1002400), 1900);
	assert_int_equal(haproxy_note_age_ms(&n, 12, 1000000), 1001);
	assert_int_equal(haproxy_note_age_ms(&n, 12, 9999999), 2999);
	assert_int_equal(haproxy_note_age_ms(&n, 10, 1000400), 0);
	assert_int_equal(haproxy_note_age_ms(&n, 9, 1000600), UNKNOWN); /* of an earlier process */
}

/* A key may begin like another one: each reads its own notes alone. */
static void keys_that_begin_alike_are_kept_apart(void **state)
{
	(void)state;
	struct text t = {0};
	struct haproxy_map m;
	struct haproxy_note longer = a_note(5, 10, "x@h"), dotted = a_note(6, 10, "5.x@h");
	text_add(&t, "0x1 a 100\n0x1 a.1 200\n");
	add_line(&t, "a.1", &longer);
	add_line(&t, "ab", &longer);
	assert_int_equal(haproxy_map_read(&m, "a", NULL, text_str(&t), NULL), 0);
	assert_int_equal(m.permille, 100);
	assert_int_equal(m.count, 0);
	add_line(&t, "a", &dotted);
	assert_int_equal(haproxy_map_read(&m, "a", NULL, text_str(&t), NULL), 0);
	assert_int_equal(m.count, 1);
	assert_string_equal(haproxy_map_last(&m)->actor, "5.x@h");
	assert_int_equal(haproxy_map_read(&m, "a.1", NULL, text_str(&t), NULL), 0);
	assert_int_equal(m.permille, 200);
	assert_int_equal(m.count, 1);
	text_free(&t);
}

static void the_newest_notes_are_kept_in_order(void **state)
{
	(void)state;
	struct text t = {0};
	struct haproxy_map m;
	for (int i = 0; i < 40; i++) {
		struct haproxy_note n = a_note(1 + (i * 7) % 40, i, "ana@h");
		add_line(&t, "k", &n);
	}
	assert_int_equal(haproxy_map_read(&m, "k", NULL, text_str(&t), NULL), 0);
	assert_int_equal(m.count, HAPROXY_NOTES_MAX);
	for (int i = 0; i < m.count; i++)
		assert_int_equal(m.note[i].rev, 40 - HAPROXY_NOTES_MAX + 1 + i);
	assert_false(m.has_split);
	text_free(&t);
}

static void hold_and_arm_are_notes_too(void **state)
{
	(void)state;
	struct text t = {0};
	struct haproxy_map m;
	text_add(&t, "0x1 ");
	haproxy_note_hold(&t, "k", "ana@h");
	text_add(&t, " 1795000000000\n0x1 ");
	haproxy_note_arm(&t, "k", "0123abcd");
	text_add(&t, " 50\n");
	assert_int_equal(haproxy_map_read(&m, "k", NULL, text_str(&t), NULL), 0);
	assert_true(m.held);
	assert_string_equal(m.holder, "ana@h");
	assert_int_equal(m.held_ms, 1795000000000);
	assert_true(m.armed);
	assert_int_equal(m.baseline_permille, 50);
	assert_string_equal(m.plan_hash, "0123abcd");
	text_free(&t);
}

static void keys_that_step_together_have_one_number(void **state)
{
	(void)state;
	static const struct haproxy_group keys = {.count = 2, .name = {"k", "l"}};
	static const struct {
		const char *text;
		int permille;
		bool uneven;
	} rows[] = {
		{"0x1 k 5\n0x2 l 5\n0x3 m 9\n", 5, false},
		{"0x2 l 5\n0x1 k 5\n0x3 l 9\n", 5, false},
		{"0x1 k 5\n0x2 l 6\n", 5, true},
		{"0x1 k 5\n", 5, true},
		{"0x1 l 5\n", -1, true},
		{"0x1 k 5\n0x2 l x\n", 5, true},
		{"0x1 k 5\n0x2 l 6\n0x3 l 5\n", 5, true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct haproxy_map m;
		assert_int_equal(haproxy_map_read(&m, "k", &keys, rows[i].text, NULL), 0);
		assert_int_equal(m.permille, rows[i].permille);
		assert_int_equal(m.uneven, rows[i].uneven);
	}
}

static void lines_are_written_again_as_they_are(void **state)
{
	(void)state;
	struct haproxy_lines l;
	struct text t = {0};
	assert_int_equal(
		haproxy_lines_read(&l, "0x1 k 5\n0x2 weir.k.1.a%20b@h/step/i/0/1/2/3 7\n", NULL), 0);
	assert_int_equal(l.count, 2);
	assert_string_equal(l.line[1].key, "weir.k.1.a%20b@h/step/i/0/1/2/3");
	assert_string_equal(l.line[1].value, "7");
	assert_false(l.cut);
	static const char *const odd[] = {"0x1 k;x 5\n", "0x1 k\\ 5\n", "0x1 k <<\n", "0x1 k \n",
		"0x1 k\n", "0x1 k 5 6\n", "0x1 \"k 5\n", "0x1 k\x01 5\n",
		"0x1 k 1234567890123456789012345\n"};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		assert_int_equal(haproxy_lines_read(&l, odd[i], NULL), 0);
		if (!l.cut || l.count)
			fail_msg("taken: %s", odd[i]);
	}
	text_addf(&t, "0x1 k 5\n0x1 %01100d 5\n", 0);
	assert_int_equal(haproxy_lines_read(&l, text_str(&t), NULL), 0);
	assert_true(l.cut);
	text_clear(&t);
	for (int i = 0; i < HAPROXY_LINES_KEPT; i++)
		text_addf(&t, "0x1 k%d 5\n", i);
	assert_int_equal(haproxy_lines_read(&l, text_str(&t), NULL), 0);
	assert_true(l.count == HAPROXY_LINES_KEPT && !l.cut);
	text_add(&t, "0x1 one.more 5\n");
	assert_int_equal(haproxy_lines_read(&l, text_str(&t), NULL), 0);
	assert_true(l.cut);
	text_free(&t);
	assert_int_equal(haproxy_lines_read(&l, "Unknown map identifier.\n", NULL), -1);
	assert_int_equal(haproxy_version_read("New version created: 12\n"), 12);
	assert_int_equal(haproxy_version_read("New version created: 12x\n"), -1);
	assert_int_equal(haproxy_version_read("New version created: -1\n"), -1);
	assert_int_equal(haproxy_version_read("New version created: 4294967296\n"), -1);
	assert_int_equal(haproxy_version_read("Unknown map identifier.\n"), -1);
}

static void hostile_maps_say_nothing(void **state)
{
	(void)state;
	static const char *const lines[] = {"0x1 weir.k.1. 5",
		"0x1 weir.k.x.ana@h/step/i/0/1/2/3 5", "0x1 weir.k.0.ana@h/step/i/0/1/2/3 5",
		"0x1 weir.k.1.ana@h/step/i/0/1/2 5", "0x1 weir.k.1.ana@h/step/i/0/1/2/3/4 5",
		"0x1 weir.k.1.ana@h/jump/i/0/1/2/3 5", "0x1 weir.k.1.ana@h/step//0/1/2/3 5",
		"0x1 weir.k.1.ana/step/i/0/1/2/3 5", "0x1 weir.k.1.a%4@h/step/i/0/1/2/3 5",
		"0x1 weir.k.1.ana@h/step/i/0/-1/2/3 5", "0x1 weir.k.1.ana@h/step/i/0/1/2/3 5000",
		"0x1 weir.k.1.ana@h/step/i/0/1/2/3 x", "0x1 weir.k.1.ana@h/step/i;x/0/1/2/3 5",
		"0x1 weir.k.99999999999999999999.a@h/step/i/0/1/2/3 5", "0x1 weir.k.hold. 1",
		"0x1 weir.k.arm. 1", "0x1 weir.k.", "0x1 weir.", "0x1", "0x1  "};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct haproxy_map m;
		assert_int_equal(haproxy_map_read(&m, "k", NULL, lines[i], NULL), 0);
		if (m.count || m.held || m.armed || m.has_split)
			fail_msg("taken: %s", lines[i]);
	}
	struct haproxy_map m;
	static const char *const values[] = {
		"-1", "1001", "abc", "", "1.5", "99999999999999999999"};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char line[64];
		snprintf(line, sizeof line, "0x1 k %s\n", values[i]);
		assert_int_equal(haproxy_map_read(&m, "k", NULL, line, NULL), 0);
		assert_true(m.has_split);
		assert_int_equal(m.permille, -1);
	}
	struct err err = {0};
	assert_int_equal(haproxy_map_read(&m, "k", NULL, "Unknown map identifier.\n", &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_int_equal(haproxy_map_read(&m, "k", NULL, "", NULL), 0);
	/* Of a key that is there twice HAProxy takes the first. */
	assert_int_equal(haproxy_map_read(&m, "k", NULL, "0x1 k 5\n0x2 k 900\n", NULL), 0);
	assert_int_equal(m.permille, 5);
}

static void the_value_of_one_key_is_read(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "Unknown map identifier.\n", "Permission denied\n",
		"type=str, case=sensitive, found=no\n",
		"type=str, case=sensitive, found=yes, idx=tree, key=\"k\", value=\"1001\"\n",
		"type=str, found=yes, key=\"k\", value=\"00000000000000000000000000005\"\n",
		"type=str, found=yes, key=\"k\", value=\"5"};
	int permille = -1;
	assert_int_equal(haproxy_read_value(&permille,
						 "type=str, case=sensitive, found=yes, idx=tree, key=\"k\", "
						 "value=\"250\", type=\"str\"\n",
						 NULL),
		0);
	assert_int_equal(permille, 250);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (haproxy_read_value(&permille, bad[i], NULL) == 0)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(permille, 250);
}

/* ---- the ring ---- */

static void a_log_line_is_read(void **state)
{
	(void)state;
	struct haproxy_event e;
	assert_true(haproxy_event_read(&e, "W1 1795349453.802 v1/a 200 0 1 2 30 35 ---- 3 0"));
	assert_string_equal(e.backend, "v1");
	assert_string_equal(e.server, "a");
	assert_int_equal(e.status, 200);
	assert_int_equal(e.latency_us, 33000);
	assert_false(e.timed_out);
	assert_true(haproxy_event_read(&e, "W1 1795349453.802 v2/b 504 0 0 1 -1 5001 sH-- 3 0"));
	assert_true(e.timed_out);
	assert_int_equal(e.latency_us, 5001000);
	assert_true(
		haproxy_event_read(&e, "W1 1795349453.802 v2/<NOSRV> 503 0 -1 -1 -1 0 SC-- 3 0"));
}

static void other_lines_are_none(void **state)
{
	(void)state;
	static const char *const lines[] = {"", " ", "W1", "W2 1.2 v1/a 200 0 1 2 30 35 ---- 3 0",
		"W1 1.2 v1 200 0 1 2 30 35 ---- 3 0", "W1 1.2 v1/a x 0 1 2 30 35 ---- 3 0",
		"W1 1.2 v1/a 200 0 1 2 99999999999 35 ---- 3 0", "W1 1.2 v1/a 200 0 1 2 30",
		"W1 1.2 v1/a 200 0 1 2 30 35 -", "W1 1.2 v;1/a 200 0 1 2 30 35 ---- 3 0",
		"<134>Nov 22 haproxy: 127.0.0.1:1 [22/Nov] fe v1/a 0/0/0/1/1 200"};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct haproxy_event e;
		if (haproxy_event_read(&e, lines[i]))
			fail_msg("taken: %s", lines[i]);
	}
}

static void the_only_ring_is_found(void **state)
{
	(void)state;
	char name[HAPROXY_NAME_MAX];
	static const char head[] =
		"Supported events sinks are listed below. Add -w(wait), -n(new). Any key to stop\n"
		"    stdout     : type=fd, 0 dropped, standard output (fd#1)\n"
		"    buf0       : type=buffer, 0 dropped, in-memory ring buffer\n";
	char text[1024];
	snprintf(text, sizeof text, "%s    weirlog    : type=buffer, 0 dropped, weirlog\n", head);
	assert_true(haproxy_ring_find(name, text));
	assert_string_equal(name, "weirlog");
	assert_false(haproxy_ring_find(name, head));
	assert_false(haproxy_ring_find(name, "Permission denied\n"));
	snprintf(text, sizeof text, "%s    a : type=buffer, 0\n    b : type=buffer, 0\n", head);
	assert_false(haproxy_ring_find(name, text));
	snprintf(text, sizeof text, "%s    a;quit : type=buffer, 0\n", head);
	assert_false(haproxy_ring_find(name, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info_is_read),
		cmocka_unit_test(info_that_is_none_is_said),
		cmocka_unit_test(a_hostile_name_is_cleaned),
		cmocka_unit_test(statistics_are_read_by_the_names_of_columns),
		cmocka_unit_test(the_walk_ends_when_told),
		cmocka_unit_test(statistics_that_are_none_are_said),
		cmocka_unit_test(statistics_without_end_are_bounded),
		cmocka_unit_test(refusals_have_codes),
		cmocka_unit_test(notes_are_read_as_they_were_written),
		cmocka_unit_test(the_age_of_a_note_is_bounded),
		cmocka_unit_test(keys_that_begin_alike_are_kept_apart),
		cmocka_unit_test(the_newest_notes_are_kept_in_order),
		cmocka_unit_test(hold_and_arm_are_notes_too),
		cmocka_unit_test(keys_that_step_together_have_one_number),
		cmocka_unit_test(lines_are_written_again_as_they_are),
		cmocka_unit_test(hostile_maps_say_nothing),
		cmocka_unit_test(the_value_of_one_key_is_read),
		cmocka_unit_test(a_log_line_is_read),
		cmocka_unit_test(other_lines_are_none),
		cmocka_unit_test(the_only_ring_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
