/* The Workers screen: what people see of a crew, at the sizes that screens have, against
 * tests/golden; where the selection goes; and what D asks for. After a change on purpose
 * GOLDEN=write rewrites the files; look at the difference. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/golden.h"
#include "tests/lib/site.h"
#include "tui/console.h"
#include "tui/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct site s;
static struct desk *d;
static struct console *c;

/* ---- a crew ---- */

static struct crew *crew(int node)
{
	return &s.node[node]->counts->crew;
}

static struct worker_row *worker(int node, enum arm arm, int index)
{
	for (int i = 0; i < crew(node)->worker_count; i++)
		if (crew(node)->worker[i].arm == arm && crew(node)->worker[i].index == index)
			return &crew(node)->worker[i];
	fail_msg("no worker %d", index);
	return NULL;
}

static void hire(int node, enum arm arm, int segment, int count)
{
	struct crew *w = crew(node);
	w->segment[w->segment_count++] = (struct segment_row){
		.arm = arm, .index = segment, .workers = count, .ready = count, .health = 1};
	for (int i = 0; i < count; i++)
		w->worker[w->worker_count++] = (struct worker_row){.arm = arm,
			.index = segment * 4 + i,
			.segment = segment,
			.state = i % 3 == 1 ? WORKER_BUSY : WORKER_READY,
			.pid = 4000 + segment * 4 + i,
			.served = 12000 + i * 987,
			.failed = i,
			.memory_bytes = 52 << 20,
			.memory_hour = 1 << 20,
			.cpu_us = 1000000,
			.fds = 12};
}

/* One of v1, two segments of v2: one worker leaks and crashed, one is drained and still works,
 * the second segment rests. */
static void staff(int node)
{
	memset(crew(node), 0, sizeof *crew(node));
	hire(node, ARM_V1, 0, 1);
	hire(node, ARM_V2, 0, 4);
	hire(node, ARM_V2, 1, 4);
	struct worker_row *leaks = worker(node, ARM_V2, 2), *drained = worker(node, ARM_V2, 1);
	leaks->memory_bytes = 410 << 20;
	leaks->memory_hour = 61 << 20;
	leaks->restarts = 3;
	leaks->crashes = 2;
	snprintf(leaks->trouble, sizeof leaks->trouble, "killed by signal 9");
	drained->locked = true;
	worker(node, ARM_V2, 7)->locked = true;
	worker(node, ARM_V2, 6)->state = WORKER_TERMINATED;
	worker(node, ARM_V2, 6)->memory_bytes = UNKNOWN;
	worker(node, ARM_V2, 6)->fds = UNKNOWN;
	crew(node)->segment[2].ready = 2;
	crew(node)->segment[2].restarts = 9;
	crew(node)->segment[2].rests = true;
	crew(node)->segment[2].health = 0.42;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *a = &s.node[node]->counts->arms[arm];
		a->breaker = (struct breaker_word){.known = true};
		a->queue_max = 1024;
		a->queue_depth = arm ? 930 : 3;
		a->workers.crashed = arm ? 2 : 0;
		a->workers.restarted = arm ? 12 : 0;
	}
}

/* Two nodes of registered workers, one of whose segments rests with its worst by name, and keyed
 * work: v1 in one table, v2 in four of which one is saturated. */
static void keep(int node)
{
	struct resident_crew *r = &crew(node)->residents;
	*r = (struct resident_crew){.known = true,
		.workers = 12480,
		.queued = 1310,
		.running = 2,
		.persisted = 4031,
		.node_count = 2,
		.segment_count = 3,
		.worst_count = 2};
	const struct resident_place good = {.segments = UNKNOWN,
		.workers = 2496,
		.ready = 2100,
		.starting = 16,
		.asleep = 380,
		.done = 1234567,
		.failed = 12,
		.low = 500,
		.target = 2500,
		.high = 5000,
		.health = 1};
	for (int i = 0; i < 3; i++) {
		r->segment[i] = good;
		r->segment[i].node = i / 2;
		r->segment[i].segment = i % 2;
	}
	struct resident_place *rests = &r->segment[1];
	rests->rests = true;
	rests->ready = 2493;
	rests->starting = rests->asleep = 0;
	rests->down = 3;
	rests->crashes = 14;
	rests->restarts = 11;
	rests->health = 0.46;
	for (int i = 0; i < 2; i++) {
		r->node[i] = good;
		r->node[i].node = i;
		r->node[i].segment = -1;
		r->node[i].segments = 2 - i;
		r->node[i].workers = i ? 2496 : 9984;
		r->node[i].ready = i ? 2100 : 9585;
		r->node[i].low = 10000;
		r->node[i].target = 50000;
		r->node[i].high = 100000;
	}
	r->node[0].down = 3;
	r->node[0].crashes = 14;
	r->node[0].restarts = 11;
	r->node[0].health = 0.81;
	r->node[1].locked = true;
	for (int i = 0; i < 2; i++)
		r->worst[i] = (struct resident_row){.segment = 1,
			.state = i ? WORKER_READY : WORKER_TERMINATED,
			.waiting = i ? 0 : 1024,
			.done = 812,
			.failed = 9,
			.troubles = i ? 2 : 12,
			.trouble_ms = i ? 75000 : 4200};
	snprintf(r->worst[0].name, sizeof r->worst[0].name, "counter/basket-20261122-000017");
	snprintf(r->worst[1].name, sizeof r->worst[1].name, "counter/17");
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct tally_crew *t = &crew(node)->tally[arm];
		*t = (struct tally_crew){.known = true,
			.records = 1200000,
			.keys = 48123,
			.pauses = arm ? 310 : 0,
			.paused_us = arm ? 3100000 : 0,
			.partition_count = arm ? 4 : 1};
		snprintf(t->processor, sizeof t->processor, "%s", arm ? "v2:4:affinity" : "v1:simple");
		snprintf(t->strategy, sizeof t->strategy, "always_hash");
		for (int i = 0; i < t->partition_count; i++)
			t->partition[i] = (struct partition_row){.index = i,
				.room = 4096,
				.waiting = arm ? i * 1000 : 0,
				.records = t->records / t->partition_count,
				.keys = t->keys / t->partition_count,
				.per_second = 812};
	}
	struct partition_row *p = crew(node)->tally[ARM_V2].partition;
	p[1].waiting = 3000;
	p[1].pressure = FULLNESS_WARNING;
	p[1].pause_us = 100;
	p[2].waiting = 4000;
	p[2].pressure = FULLNESS_SATURATED;
	p[2].pause_us = 10000;
	p[3].waiting = 3500;
	p[3].pressure = FULLNESS_CRITICAL;
	p[3].pause_us = 200;
}

static void pass(int64_t ms)
{
	for (; ms > 0; ms -= SITE_STEP_MS) {
		site_run(&s, SITE_STEP_MS);
		console_refresh(c, s.now);
	}
}

static void type(const char *keys)
{
	for (; *keys; keys++) {
		console_key(c, *keys == '\n' ? KEYS_ENTER : (unsigned char)*keys, s.now);
		pass(100);
	}
}

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static void begin(int nodes, bool tells, bool ascii)
{
	site_init(&s, nodes, 3);
	s.has_plan = false;
	for (int k = 0; tells && k < nodes; k++)
		staff(k);
	d = site_open(&s, &kim);
	c = console_new(
		&(struct console_options){.desk = d, .w = 80, .h = 24, .ascii = ascii}, s.now);
}

/* With traffic and failures on v2. */
static void work(void)
{
	site_step(&s, d, 2500);
	s.node[0]->error_rate[ARM_V2] = 0.2;
	pass(5000);
	/* what a processor did since the document before */
	for (int k = 0; k < s.node_count; k++)
		if (crew(k)->worker_count > 0)
			worker(k, ARM_V2, 2)->cpu_us += 900000;
	pass(1000);
}

/* ---- scenes ---- */

static void crew_at_work(void)
{
	begin(1, true, false);
	work();
	type("3jjjjjjjj");
}

static void crew_in_ascii(void)
{
	begin(1, true, true);
	work();
	type("3jj");
}

static void breaker_is_open(void)
{
	begin(1, true, false);
	work();
	s.node[0]->counts->arms[ARM_V2].breaker = (struct breaker_word){
		.known = true, .state = BREAKER_OPEN, .opened = 3, .retry_ms = 42000};
	pass(1000);
	type("3jjjj");
}

static void two_nodes(void)
{
	begin(2, true, false);
	work();
	s.node[1]->silent = true;
	pass(4000);
	type("3G");
}

/* A pool that says only how many. */
static void counts_only(void)
{
	begin(1, false, false);
	work();
	type("3jj");
}

/* Registered workers and keyed work below both arms, small here so that all is in sight. */
static void begin_keeping(void)
{
	begin(1, false, false);
	hire(0, ARM_V1, 0, 1);
	hire(0, ARM_V2, 0, 3);
	keep(0);
	work();
}

static void residents(void)
{
	begin_keeping();
	type("3jjjjjjjjjjjjj"); /* the worst of all */
}

static void residents_in_all(void)
{
	begin_keeping();
	type("3jjjjjjjjj");
}

static void a_segment_that_rests(void)
{
	begin_keeping();
	type("3jjjjjjjjjjjj");
}

static void partitions(void)
{
	begin_keeping();
	type("3Gk");
}

static void keyed_work(void)
{
	begin_keeping();
	type("3Gkkkk");
}

static void draining(void)
{
	begin(1, true, false);
	work();
	type("3jjjjjjjjj"); /* v2.0.3 */
	type("D");
	pass(1200);
}

static void giving_back(void)
{
	begin(1, true, false);
	work();
	type("3jjjjjjjD"); /* v2.0.1 */
	pass(1200);
}

static const struct scene {
	const char *name;
	void (*play)(void);
} scenes[] = {
	{"workers", crew_at_work},
	{"workers-ascii", crew_in_ascii},
	{"workers-open", breaker_is_open},
	{"workers-two", two_nodes},
	{"workers-counts", counts_only},
	{"workers-residents", residents},
	{"workers-residents-all", residents_in_all},
	{"workers-residents-rest", a_segment_that_rests},
	{"workers-partitions", partitions},
	{"workers-tally", keyed_work},
	{"workers-drain", draining},
	{"workers-back", giving_back},
};

static void screen_is_as_it_was(void **state)
{
	const struct scene *scene = *state;
	scene->play();
	assert_true(golden_console(c, s.now, scene->name));
}

/* ---- what keys do ---- */

/* The screen as text. */
static bool shows(const char *words)
{
	struct text t = {0};
	surface_dump(console_draw(c, s.now), &t, NULL);
	bool found = strstr(text_str(&t), words);
	text_free(&t);
	return found;
}

static void selection_stays_with_its_worker(void **state)
{
	(void)state;
	begin(1, true, false);
	type("3jjjjjjjjj");
	assert_true(shows(">   v2.0.3"));
	/* one before it is gone, and a line with it */
	struct crew *w = crew(0);
	memmove(&w->worker[1], &w->worker[2], (size_t)(w->worker_count - 2) * sizeof *w->worker);
	w->worker_count--;
	pass(2000);
	assert_false(shows("v2.0.0"));
	assert_true(shows(">   v2.0.3"));
	/* itself is gone: its segment has it */
	memset(w, 0, sizeof *w);
	hire(0, ARM_V2, 0, 2);
	pass(2000);
	assert_true(shows(">  v2.0 "));
	memset(w, 0, sizeof *w);
	pass(2000);
	assert_true(shows("> v2 "));
	type("gkk");
	assert_false(shows("> v2 "));
	type("G");
	assert_true(shows("> v2 "));
}

/* The same of those that are told by name and by number. */
static void selection_stays_with_its_resident(void **state)
{
	(void)state;
	begin_keeping();
	struct resident_crew *r = &crew(0)->residents;
	type("3jjjjjjjjjjjjjj");
	assert_true(shows(">    counter/17"));
	const struct resident_row first = r->worst[0];
	r->worst[0] = r->worst[1];
	r->worst[1] = first;
	pass(2000);
	assert_true(shows(">    counter/17"));
	r->worst[0] = first;
	r->worst_count = 1;
	pass(2000);
	assert_true(shows(">   r0.1 "));
	r->segment_count = 1;
	pass(2000);
	assert_true(shows(">  r0 "));
	r->node_count = r->segment_count = r->worst_count = 0;
	pass(2000);
	assert_true(shows("> residents"));
	r->known = false;
	pass(2000);
	assert_true(shows(">node-a"));
	type("G");
	assert_true(shows(">  p3 "));
	crew(0)->tally[ARM_V2].partition_count = 2;
	pass(2000);
	assert_true(shows("> v2 tally"));
	crew(0)->tally[ARM_V2].known = false;
	pass(2000);
	assert_true(shows(">node-a"));
}

static void keys_lead_there_and_back(void **state)
{
	(void)state;
	begin(1, true, false);
	assert_false(shows("WORKERS"));
	type("3");
	assert_true(shows("WORKERS"));
	type("1");
	assert_false(shows("WORKERS"));
	type("3");
	console_key(c, KEYS_ESC, s.now);
	assert_false(shows("WORKERS"));
	type("3q");
	assert_false(shows("WORKERS"));
	assert_false(console_left(c));
	type(":screen workers\n");
	assert_true(shows("WORKERS"));
	type(":screen nowhere\n");
	assert_true(shows("write flow, fleet, workers"));
	type(":select middle\n");
	assert_true(shows("is no line"));
}

static int drains(void)
{
	int n = 0;
	for (int i = 0; i < s.node[0]->got_count; i++)
		n += s.node[0]->got[i].verb == VERB_DRAIN;
	return n;
}

static void d_drains_after_a_look(void **state)
{
	(void)state;
	begin(1, true, false);
	type("D");
	assert_true(shows("3 shows the workers"));
	pass(400);
	type("3D");
	assert_true(shows("a node is not drained"));
	type("jjjjjjjjj");
	pass(400);
	type("D");
	assert_true(shows("DRAIN checkout"));
	type("y"); /* it has not stood yet */
	assert_int_equal(drains(), 0);
	pass(1500);
	type("y");
	pass(1000);
	assert_int_equal(drains(), 1);
	const struct command *got = &s.node[0]->got[s.node[0]->got_count - 1];
	assert_int_equal(got->verb, VERB_DRAIN);
	assert_true(got->drains);
	assert_int_equal(got->drain.arm, ARM_V2);
	assert_int_equal(got->drain.segment, 0);
	assert_int_equal(got->drain.worker, 3);
	/* acknowledged is not seen: the rows say what is */
	assert_int_equal(site_last(d, VERB_DRAIN)->outcome, OUTCOME_APPLIED);
	assert_true(site_last(d, VERB_DRAIN)->verified_ms == UNKNOWN);
	worker(0, ARM_V2, 3)->locked = true;
	pass(2000);
	assert_true(site_last(d, VERB_DRAIN)->verified_ms != UNKNOWN);
	assert_non_null(strstr(site_last(d, VERB_DRAIN)->evidence, "\"target\":\"v2.0.3\""));
	/* drained already: the key gives back */
	type("D");
	assert_true(shows("GIVE WORK BACK"));
	pass(1500);
	type("y");
	pass(1000);
	assert_int_equal(drains(), 2);
	assert_false(s.node[0]->got[s.node[0]->got_count - 1].drains);
}

static void press_d(void)
{
	pass(400);
	type("D");
	pass(1500);
	type("y");
	pass(1000);
}

/* A place of registered workers is locked by the same key, and seen where its row says so. */
static void d_locks_a_place(void **state)
{
	(void)state;
	begin_keeping();
	struct resident_crew *r = &crew(0)->residents;
	type("3jjjjjjjjjjjj");
	assert_true(shows(">   r0.1 "));
	type("D");
	assert_true(shows("DRAIN checkout"));
	assert_true(shows("r0.1: 2,496 registered workers"));
	assert_true(shows("1 of 2 nodes take new workers then"));
	console_key(c, KEYS_ESC, s.now);
	press_d();
	assert_int_equal(drains(), 1);
	const struct command *got = &s.node[0]->got[s.node[0]->got_count - 1];
	assert_true(got->drains && got->drain.residents);
	assert_int_equal(got->drain.node, 0);
	assert_int_equal(got->drain.segment, 1);
	assert_non_null(strstr(site_last(d, VERB_DRAIN)->evidence, "\"target\":\"r0.1\""));
	assert_true(site_last(d, VERB_DRAIN)->verified_ms == UNKNOWN);
	r->segment[1].locked = true;
	pass(2000);
	assert_true(site_last(d, VERB_DRAIN)->verified_ms != UNKNOWN);
	type(":drain r0.1\n");
	assert_true(shows("it is so already"));
	/* locked already: the key gives back; the node is another place */
	press_d();
	assert_int_equal(drains(), 2);
	got = &s.node[0]->got[s.node[0]->got_count - 1];
	assert_true(!got->drains && got->drain.segment == 1);
	type("kk");
	assert_true(shows(">  r0 "));
	type("D");
	assert_true(shows("0 of 2 nodes take new workers then: nobody new can register"));
	console_key(c, KEYS_ESC, s.now);
	pass(400);
	type(":drain r1 off\n");
	assert_true(shows("GIVE WORK BACK"));
	assert_true(shows("2 of 2 nodes take new workers then"));
}

/* The pool would refuse it: the key says so before there is a sheet. */
static void the_last_of_an_arm_is_not_drained(void **state)
{
	(void)state;
	begin(1, true, false);
	type("3j");
	pass(400);
	type("D");
	assert_true(shows("D: no worker of v1 would be left, where a rollback goes"));
	for (int i = 0; i < crew(0)->worker_count; i++)
		if (crew(0)->worker[i].arm == ARM_V2 && crew(0)->worker[i].segment == 0)
			crew(0)->worker[i].locked = true;
	pass(1000);
	for (int i = 0; i < 20 && !shows("no worker of v2 would be left, and it has traffic"); i++) {
		type("j");
		pass(400);
		type("D\033");
	}
	assert_int_equal(drains(), 0);
}

/* What is not drained by itself: all registered workers, one of them, keyed work. */
static void d_says_what_to_select(void **state)
{
	(void)state;
	begin_keeping();
	type("3jjjjjjjjj");
	assert_true(shows("> residents"));
	press_d();
	assert_true(shows("select r0 or r0.1"));
	type("jjjjj");
	assert_true(shows(">    counter/17"));
	press_d();
	assert_true(shows("select r0 or r0.1"));
	type("G");
	press_d();
	assert_true(shows("keyed work is not drained"));
	assert_int_equal(drains(), 0);
	/* a place that the document does not tell of is asked for all the same */
	type(":drain r7.0\n");
	assert_true(shows("r7.0: 0 registered workers"));
}

/* In a pool of several nodes only that one is asked. */
static void d_drains_at_one_node(void **state)
{
	(void)state;
	begin(2, true, false);
	type("3G");
	pass(400);
	type("D");
	pass(1500);
	type("y");
	pass(2000);
	assert_int_equal(s.node[0]->got_count, 0);
	assert_int_equal(s.node[1]->got_count, 1);
	assert_int_equal(site_last(d, VERB_DRAIN)->outcome, OUTCOME_APPLIED);
}

static void typed_words(void **state)
{
	(void)state;
	begin(1, true, false);
	type(":drain v3\n");
	assert_true(shows("are no workers"));
	type(":drain elsewhere/v2.0\n");
	assert_true(shows("no node 'elsewhere'"));
	type(":drain v2.0.1\n");
	assert_true(shows("it is so already"));
	type(":drain v2.0.1 off\n");
	assert_true(shows("GIVE WORK BACK"));
	console_key(c, KEYS_ESC, s.now);
	pass(400);
	assert_int_equal(s.node[0]->got_count, 0);
}

static void who_only_looks_drains_nothing(void **state)
{
	(void)state;
	begin(1, true, false);
	console_free(c);
	c = console_new(
		&(struct console_options){.desk = d, .w = 80, .h = 24, .read_only = true}, s.now);
	type("3GD");
	assert_true(shows("this console only looks"));
	type(":drain v2.0.3\n");
	pass(1500);
	type("y");
	assert_int_equal(s.node[0]->got_count, 0);
}

/* However small, and with every selection. */
static void no_size_breaks_it(void **state)
{
	(void)state;
	begin(2, true, false);
	keep(0);
	work();
	type("3");
	for (int h = 1; h <= 52; h += h < 20 ? 1 : 8) {
		for (int w = 1; w <= 210; w += w < 20 ? 3 : 19) {
			console_resize(c, w, h);
			console_key(c, 'j', s.now);
			assert_non_null(console_draw(c, s.now));
		}
	}
}

/* The document says what it wants of its workers. */
static void hostile_residents(void **state)
{
	(void)state;
	begin_keeping();
	struct resident_crew *r = &crew(0)->residents;
	struct tally_crew *t = &crew(0)->tally[ARM_V2];
	const int64_t most = (INT64_C(1) << 53) - 1;
	r->workers = r->queued = r->running = r->persisted = UNKNOWN;
	r->node[0] = r->segment[0] = (struct resident_place){.segment = -1, .health = NAN};
	r->segment[0].segment = 0;
	struct resident_place *none = &r->segment[2];
	none->workers = none->ready = none->starting = none->asleep = none->down = UNKNOWN;
	none->low = none->target = none->high = none->done = none->failed = UNKNOWN;
	r->segment[1].workers = r->segment[1].done = r->segment[1].failed = most;
	r->worst[0].state = WORKER_STATE_COUNT;
	r->worst[0].troubles = r->worst[0].trouble_ms = UNKNOWN;
	memset(r->worst[1].name, 'x', sizeof r->worst[1].name - 1);
	r->nodes_dropped = 3;
	r->segments_dropped = 71;
	t->records = t->pauses = most;
	t->paused_us = UNKNOWN;
	t->partitions_dropped = 68;
	t->partition[0].pressure = FULLNESS_COUNT;
	t->partition[0].waiting = most;
	t->partition[0].room = 0;
	t->partition[1].waiting = t->partition[1].room = UNKNOWN;
	t->partition[1].per_second = NAN;
	t->partition[2].pause_us = UNKNOWN;
	memset(t->processor, 'p', sizeof t->processor - 1);
	crew(0)->tally[ARM_V1].partition_count = 0;
	pass(2000);
	console_resize(c, 200, 50);
	type("3");
	assert_true(shows("71 segments of registered workers that are not listed"));
	for (int i = 0; i < 26; i++) {
		type("j");
		assert_non_null(console_draw(c, s.now));
	}
	assert_false(shows("nan"));
	console_resize(c, 80, 24);
	assert_non_null(console_draw(c, s.now));
}

static void a_sample_is_told(void **state)
{
	(void)state;
	begin(1, true, false);
	type("3j");
	assert_false(shows("counts 1 session"));
	s.node[0]->counts->unit_sample = 4;
	pass(2000);
	assert_true(shows("counts 1 session in 4"));
}

static void hostile_words(void **state)
{
	(void)state;
	begin(1, true, false);
	struct worker_row *w = worker(0, ARM_V2, 0);
	w->state = WORKER_STATE_COUNT;
	w->served = w->failed = w->restarts = w->crashes = w->memory_hour = UNKNOWN;
	worker(0, ARM_V2, 3)->served = (INT64_C(1) << 53) - 1;
	worker(0, ARM_V2, 3)->memory_hour = -(INT64_C(1) << 50);
	worker(0, ARM_V2, 3)->cpu_us = 1;
	s.node[0]->counts->arms[ARM_V2].queue_depth = INT64_C(1) << 52;
	crew(0)->segment[1].health = NAN;
	crew(0)->segment[1].workers = crew(0)->segment[1].ready = UNKNOWN;
	crew(0)->workers_dropped = 12;
	pass(3000);
	type("3");
	console_resize(c, 200, 50);
	assert_true(shows("12 workers that are not listed"));
	for (int i = 0; i < 14; i++) {
		type("j");
		assert_non_null(console_draw(c, s.now));
	}
}

static int leave(void **state)
{
	(void)state;
	console_free(c);
	c = NULL;
	site_release(&s);
	return 0;
}

#define SCENES (sizeof scenes / sizeof *scenes)

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test_teardown(the_last_of_an_arm_is_not_drained, leave),
		cmocka_unit_test_teardown(selection_stays_with_its_worker, leave),
		cmocka_unit_test_teardown(keys_lead_there_and_back, leave),
		cmocka_unit_test_teardown(d_drains_after_a_look, leave),
		cmocka_unit_test_teardown(d_drains_at_one_node, leave),
		cmocka_unit_test_teardown(d_locks_a_place, leave),
		cmocka_unit_test_teardown(d_says_what_to_select, leave),
		cmocka_unit_test_teardown(typed_words, leave),
		cmocka_unit_test_teardown(who_only_looks_drains_nothing, leave),
		cmocka_unit_test_teardown(no_size_breaks_it, leave),
		cmocka_unit_test_teardown(hostile_words, leave),
		cmocka_unit_test_teardown(hostile_residents, leave),
		cmocka_unit_test_teardown(a_sample_is_told, leave),
		cmocka_unit_test_teardown(selection_stays_with_its_resident, leave),
	};
	struct CMUnitTest tests[SCENES + sizeof plain / sizeof *plain];
	for (size_t i = 0; i < SCENES; i++)
		tests[i] = (struct CMUnitTest){.name = scenes[i].name,
			.test_func = screen_is_as_it_was,
			.teardown_func = leave,
			.initial_state = (void *)&scenes[i]};
	memcpy(tests + SCENES, plain, sizeof plain);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
