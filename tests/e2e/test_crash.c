/* Crashes: a one-shot command, a recorder and a console are killed (SIGKILL) at their n-th call
 * that writes, syncs, sends or receives. Whatever the call was: the next process that opens the
 * history brings it in order, nothing that was acknowledged is lost, nothing is there twice.
 * Then the five points of write-ahead, one by one. CRASH_INDICES: how many kills, 500 at first.
 *
 * The process behind the kill has its wall clock put ahead, so that what it finds open is old
 * enough to have no living sender. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "history/chain.h"
#include "model/text.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INDICES 500
#define POOL_KILLS 50 /* a pool's log is taken whole into each new history: it stays short */
#define LATER_MS "61000"

struct fixture {
	struct world w;
	struct process p;
	struct pty pty;
	const char *rest; /* of the pool's configuration */
	char history[WORLD_PATH];
	int64_t since; /* of the pool's log, as this index began */
	int run, killed, histories, late;
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	*state = &f;
	return 0;
}

static void release(struct fixture *f)
{
	process_release(&f->p);
	if (f->pty.screen.cells)
		pty_release(&f->pty);
	memset(&f->pty, 0, sizeof f->pty);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	release(f);
	world_close(&f->w);
	return 0;
}

/* ---- how many, and where ---- */

/* Most of the time is waiting, for a disk or a poll: so many go side by side, each a process
 * of this program with a pool of its own, every n-th index of its subject. */
#define LANES_MAX 8
#define ONE_SHOT_PERCENT 75
#define RECORDER_PERCENT 15
#define CONSOLE_PERCENT 10
#define LANE_MS 3600000 /* of the long form; the runner has its own limit */
#define LANE_NICE 10    /* what else is tested meanwhile comes first */
#define TALLY "tally "
static int lane, lanes;

static int indices(int percent)
{
	const char *text = getenv("CRASH_INDICES");
	int all = text && *text ? (int)strtol(text, NULL, 10) : INDICES;
	return all * percent / 100;
}

/* The i-th of `count` places among `calls` calls, the first and the last with it; with more
 * places than calls all of them, again and again. */
static int place(int i, int count, int calls)
{
	if (count < 2)
		return 1 + calls / 2;
	return count >= 2 * calls ? 1 + i % calls
							  : 1 + (int)((int64_t)i * (calls - 1) / (count - 1));
}

/* The number of calls differs from run to run: where a place was beyond the end, the next try is
 * before it, so that each index is a kill. */
static int earlier(int at)
{
	return at - 1 - at / 8;
}

/* What a run writes as its count of calls. */
static int counted(const char *path)
{
	char number[24] = "";
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(number, sizeof number, file));
	fclose(file);
	int n = (int)strtol(number, NULL, 10);
	assert_true(n > 0);
	return n;
}

/* ---- a pool and a history for each index ---- */

static void new_pool(struct fixture *f)
{
	world_close(&f->w);
	world_open(&f->w);
	world_config(&f->w, f->w.target, f->rest);
	world_pool(&f->w, false, ARGS("--share", "0%"));
}

static void begin(struct fixture *f)
{
	char name[32];
	release(f);
	if (!f->w.dir[0] || f->run % POOL_KILLS == POOL_KILLS - 1)
		new_pool(f);
	snprintf(name, sizeof name, "index-%d.db", f->histories++);
	world_path(&f->w, f->history, name);
	f->since = world_fact(&f->w, "audit_seq");
	f->run++;
}

/* Runs `weir ARGS` on this index's history; `rules` may be NULL. */
static int run(struct fixture *f, const char *rules, const char *const *args)
{
	const char *all[24];
	size_t n = 0;
	for (; args[n] && n < 18; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n++] = "--history";
	all[n++] = f->history;
	all[n] = NULL;
	struct world_env env = rules ? world_fault(&f->w, rules, NULL) : world_env(&f->w, NULL);
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

#define STEP "step", "checkout", "10%", "--confirm", "checkout"

/* A step finds nothing on v2, everything else 10 %; in no history that is looked at. */
static void prepare(struct fixture *f, const char *verb)
{
	const bool empty = strcmp(verb, "step") == 0;
	cJSON *state = world_state(&f->w);
	const int64_t share_bp = world_number(state, "share_bp"),
				  epoch = world_number(state, "epoch"), rev = world_number(state, "rev");
	cJSON_Delete(state);
	if (empty != (share_bp == 0)) {
		char headers[160];
		snprintf(headers, sizeof headers,
			"Idempotency-Key: prepare-%lld\r\nIf-Match: \"%lld.%lld\"\r\n",
			(long long)world_fact(&f->w, "audit_seq"), (long long)epoch, (long long)rev);
		int status = http_call(&f->w.http, empty ? "POST" : "PUT",
			empty ? "/v1/rollback" : "/v1/split", headers,
			empty ? "{\"actor\":\"kim@e2e\"}" : "{\"to_bp\":1000,\"actor\":\"kim@e2e\"}", 5000);
		if (status != 200)
			fail_msg("before %s: status %d: %s", verb, status, f->w.http.body);
	}
	f->since = world_fact(&f->w, "audit_seq");
}

/* ---- what must hold behind every kill ---- */

static bool is_changing(const char *verb)
{
	static const char *const verbs[] = {"step", "hold", "resume", "rollback"};
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i], verb) == 0)
			return true;
	return false;
}

static const cJSON *find(const cJSON *list, const char *member, const char *value, int *count)
{
	const cJSON *item, *found = NULL;
	*count = 0;
	cJSON_ArrayForEach(item, list)
	{
		if (strcmp(world_word(item, member), value) != 0)
			continue;
		found = item;
		++*count;
	}
	return found;
}

static bool took_effect(const cJSON *decision)
{
	const char *outcome = world_word(decision, "outcome");
	return strcmp(outcome, "APPLIED") == 0 || strcmp(outcome, "SUPERSEDED") == 0;
}

static bool is_final(const cJSON *decision)
{
	static const char *const finals[] = {
		"APPLIED", "REFUSED", "NOT_SENT", "VOID", "SUPERSEDED"};
	for (size_t i = 0; i < sizeof finals / sizeof *finals; i++)
		if (strcmp(finals[i], world_word(decision, "outcome")) == 0)
			return true;
	return false;
}

/* What the pool acknowledged is in the history once, with that outcome, and at the pool once. */
static void check_acknowledged(
	struct fixture *f, const cJSON *audit, const cJSON *log, const char *what)
{
	const cJSON *entry, *last = NULL;
	int count;
	cJSON_ArrayForEach(entry, audit)
	{
		const char *key = world_word(entry, "key"), *verb = world_word(entry, "what");
		if (!is_changing(verb))
			continue;
		if (strcmp(verb, "step") == 0 || strcmp(verb, "rollback") == 0)
			last = entry;
		find(audit, "key", key, &count);
		if (count != 1)
			fail_msg("%s: the pool did %s %s %d times", what, verb, key, count);
		const cJSON *d = find(log, "id", key, &count);
		if (count != 1)
			fail_msg("%s: %s %s is %d times in the history", what, verb, key, count);
		if (!took_effect(d) || strcmp(world_word(d, "verb"), verb) != 0)
			fail_msg("%s: the pool did %s %s, the history says %s %s", what, verb, key,
				world_word(d, "verb"), world_word(d, "outcome"));
	}
	if (last) {
		const cJSON *d = find(log, "id", world_word(last, "key"), &count);
		assert_int_equal(world_fact(&f->w, "share_bp"), world_number(d, "to_bp"));
	}
}

/* Every decision of the killed process is there once and settled, and what is said to have been
 * done was done. */
static void check_settled(const cJSON *audit, const cJSON *log, const char *what)
{
	const cJSON *d;
	int count;
	cJSON_ArrayForEach(d, log)
	{
		const char *id = world_word(d, "id"), *verb = world_word(d, "verb");
		find(log, "id", id, &count);
		if (count != 1)
			fail_msg("%s: %s %s is %d times in the history", what, verb, id, count);
		if (cJSON_IsTrue(cJSON_GetObjectItem(d, "observed")))
			continue;
		if (!is_final(d))
			fail_msg("%s: %s %s is %s", what, verb, id, world_word(d, "outcome"));
		find(audit, "key", id, &count);
		if (is_changing(verb) && took_effect(d) != (count == 1))
			fail_msg("%s: %s %s is %s, the pool did it %d times", what, verb, id,
				world_word(d, "outcome"), count);
		if (strcmp(verb, "rollback") == 0 && !took_effect(d))
			fail_msg("%s: the rollback %s was lost: %s", what, id, world_word(d, "outcome"));
	}
}

/* On a machine with too much to do a change finds its facts too old, or is not recorded in time,
 * and is not sent. Where that is no exception, it is no excuse. */
static bool is_late(struct fixture *f, int status)
{
	bool late = status == 6 &&
		(strstr(f->p.err.text, "W102 no news for") ||
			strstr(f->p.err.text, "not recorded within"));
	f->late += late;
	if (f->late > 20 + f->run / 4)
		fail_msg("late %d times: %s", f->late, f->p.err.text);
	return late;
}

/* Whoever comes next asks for what it finds open, and ends a hold. */
static void resolve(struct fixture *f, const char *what)
{
	int status;
	do
		status = run(f, "clock=" LATER_MS, ARGS("resume", "checkout", "--confirm", "checkout"));
	while (is_late(f, status));
	if (status != 0)
		fail_msg("%s: the process behind it: status %d: %s%s", what, status, f->p.out.text,
			f->p.err.text);
}

static int count_of(const cJSON *list, const char *member, const char *value)
{
	int count;
	find(list, member, value, &count);
	return count;
}

static int own_rollbacks(const cJSON *log)
{
	const cJSON *d;
	int n = 0;
	cJSON_ArrayForEach(d, log) n += strcmp(world_word(d, "verb"), "rollback") == 0 &&
		!cJSON_IsTrue(cJSON_GetObjectItem(d, "observed"));
	return n;
}

/* As `weir verify` does it, without a process for it. */
static void check_whole(const struct fixture *f, const char *what)
{
	struct chain_report report;
	struct err err = {0};
	if (chain_verify(&report, f->history, NULL, NULL, NULL, &err) < 0)
		fail_msg("%s: %s", what, err.text);
	if (report.broken_seq != 0)
		fail_msg("%s: row %lld is broken: %s", what, (long long)report.broken_seq, report.why);
}

/* `said`: a verb that was said to be done, or NULL; `rolled_back`: a rollback was pressed and
 * shown as pressed. */
static void check_nothing_lost(
	struct fixture *f, const char *what, const char *said, bool rolled_back)
{
	cJSON *before = world_audit(&f->w, f->since);
	if (said && count_of(before, "what", said) == 0)
		fail_msg("%s: %s was said to be done, and was not", what, said);
	cJSON_Delete(before);
	resolve(f, what);
	cJSON *audit = world_audit(&f->w, f->since), *log = world_log(&f->w, f->history);
	check_acknowledged(f, audit, log, what);
	check_settled(audit, log, what);
	if (rolled_back && own_rollbacks(log) != 1)
		fail_msg("%s: the rollback that was pressed is %d times in the history", what,
			own_rollbacks(log));
	cJSON_Delete(audit);
	cJSON_Delete(log);
	check_whole(f, what);
}

/* For the program that started this lane. */
static void print_tally(const struct fixture *f)
{
	printf(TALLY "%d %d\n", f->run, f->killed);
}

/* ---- a one-shot command ---- */

static const struct one_shot {
	const char *verb;
	bool wait;
} one_shots[] = {
	{"step", false}, {"rollback", false}, {"step", true}, {"hold", false}, {"rollback", true}};
#define ONE_SHOTS ((int)(sizeof one_shots / sizeof *one_shots))

static int run_one_shot(struct fixture *f, const struct one_shot *o, const char *rules)
{
	const char *wait = o->wait ? "--wait" : NULL;
	if (strcmp(o->verb, "step") == 0)
		return run(f, rules, ARGS(STEP, wait));
	return run(f, rules, ARGS(o->verb, "checkout", wait));
}

static void kill_one_shots(void **state)
{
	struct fixture *f = *state;
	char rules[WORLD_PATH + 64], count[WORLD_PATH], what[64];
	int calls[ONE_SHOTS], all = indices(ONE_SHOT_PERCENT);
	f->rest = "    interval: 100ms\n";
	new_pool(f);
	world_path(&f->w, count, "count");
	snprintf(rules, sizeof rules, "call=any count=%s", count);
	for (int k = 0; k < ONE_SHOTS; k++) {
		int status;
		do {
			begin(f);
			prepare(f, one_shots[k].verb);
			status = run_one_shot(f, &one_shots[k], rules);
		} while (is_late(f, status));
		if (status != 0)
			fail_msg("%s: status %d: %s", one_shots[k].verb, status, f->p.err.text);
		calls[k] = counted(count);
		resolve(f, "the run that counts");
	}
	f->run = 0;

	for (int i = lane; i < all; i += lanes) {
		const struct one_shot *o = &one_shots[i % ONE_SHOTS];
		int before = f->killed;
		int at = place(i / ONE_SHOTS, all / ONE_SHOTS, calls[i % ONE_SHOTS]);
		for (; f->killed == before && at > 0; at = earlier(at)) {
			begin(f);
			prepare(f, o->verb);
			snprintf(what, sizeof what, "%s%s killed at call %d of %d", o->verb,
				o->wait ? " --wait" : "", at, calls[i % ONE_SHOTS]);
			snprintf(rules, sizeof rules, "call=any at=%d do=kill", at);
			int status = run_one_shot(f, o, rules);
			if (status != 128 + SIGKILL && status != 0 && !is_late(f, status))
				fail_msg("%s: status %d: %s", what, status, f->p.err.text);
			f->killed += status == 128 + SIGKILL;
			bool said = strstr(f->p.out.text, "APPLIED") || strstr(f->p.out.text, "VERIFIED");
			check_nothing_lost(f, what, said ? o->verb : NULL, said && o->verb[0] == 'r');
		}
	}
	print_tally(f);
}

/* ---- a recorder, with people beside it ---- */

static const char *const kinds[] = {"call=disk path=index-", "call=net"};

/* Where a run writes how many calls it made of each kind, and the rules that make it do so. */
struct count {
	char path[2][WORLD_PATH], rules[3 * WORLD_PATH];
};

static void begin_count(struct fixture *f, struct count *c)
{
	begin(f);
	world_path(&f->w, c->path[0], "count-disk");
	world_path(&f->w, c->path[1], "count-net");
	snprintf(c->rules, sizeof c->rules, "%s count=%s;%s count=%s", kinds[0], c->path[0],
		kinds[1], c->path[1]);
}

/* True when the step was done. */
static bool record_beside(struct fixture *f, const char *rules)
{
	struct process record;
	prepare(f, "step");
	struct world_env env = world_fault(&f->w, rules, NULL);
	world_start(&f->w, &record, &env,
		ARGS("record", "checkout", "--out", f->history, "--for", "300ms", "--config",
			f->w.config));
	int status = run(f, NULL, ARGS(STEP));
	int ended = process_wait(&record, 20000);
	bool good = ended == 0 || ended == 3 || ended == 128 + SIGKILL;
	f->killed += ended == 128 + SIGKILL;
	if (!good)
		fprintf(stderr, "the recorder: status %d: %s\n", ended, record.err.text);
	process_release(&record);
	assert_true(good);
	if (status != 0 && !is_late(f, status))
		fail_msg("the step beside the recorder: status %d: %s", status, f->p.err.text);
	return status == 0;
}

static void kill_recorders(void **state)
{
	struct fixture *f = *state;
	struct count count;
	char rules[64], what[64];
	int calls[2], all = indices(RECORDER_PERCENT);
	f->rest = "    interval: 100ms\n";
	do
		begin_count(f, &count);
	while (!record_beside(f, count.rules));
	for (int k = 0; k < 2; k++)
		calls[k] = counted(count.path[k]);
	f->run = 0;

	for (int i = lane; i < all; i += lanes) {
		int before = f->killed, at = place(i / 2, all / 2, calls[i % 2]);
		for (; f->killed == before && at > 0; at = earlier(at)) {
			begin(f);
			snprintf(what, sizeof what, "record killed at %s %d", i % 2 ? "net" : "disk", at);
			snprintf(rules, sizeof rules, "%s at=%d do=kill", kinds[i % 2], at);
			bool done = record_beside(f, rules);
			check_nothing_lost(f, what, done ? "step" : NULL, false);
		}
	}
	print_tally(f);
}

/* ---- a console ---- */

static bool over(const struct simulator *screen, const void *text)
{
	return simulator_shows(screen, text);
}

/* True when the screen shows it; false when the program has died before. */
static bool sees(struct fixture *f, const char *text)
{
	return pty_wait(&f->pty, over, text, 10000);
}

/* A key that works is drawn bold; a sheet's `y` does not work before it can have been read. */
static bool works(const struct simulator *screen, const void *hint)
{
	const char *text = hint;
	for (int y = 0; y < screen->h; y++)
		for (int x = 0; x < screen->w; x++) {
			int n = 0;
			while (text[n] && x + n < screen->w &&
				simulator_cell(screen, x + n, y)->point == (unsigned char)text[n])
				n++;
			if (!text[n])
				return (simulator_cell(screen, x, y)->pen.attrs & SIM_BOLD) != 0;
		}
	return false;
}

static bool accept(struct fixture *f, const char *hint, const char *done)
{
	if (!pty_wait(&f->pty, works, hint, 10000))
		return false;
	pty_send(&f->pty, "y");
	return sees(f, done);
}

/* What the screen has said when the program was gone. */
struct said {
	const char *verb; /* the last that was said to be done */
	bool rolled_back; /* a rollback was pressed, and the screen showed that */
};

static void play(struct fixture *f, const char *rules, struct said *said)
{
	struct world_env env = world_fault(&f->w, rules, NULL);
	*said = (struct said){0};
	world_console(&f->w, &f->pty, 80, 24, &env,
		ARGS("checkout", "--config", f->w.config, "--history", f->history));
	if (!sees(f, "LIVE"))
		return;
	pty_send(&f->pty, "S");
	if (!accept(f, "y step to", "step: VERIFIED"))
		return;

	said->verb = "step";
	pty_send(&f->pty, "H");
	if (!sees(f, "hold: VERIFIED"))
		return;
	said->verb = "hold";
	pty_send(&f->pty, "U");
	if (!accept(f, "y resume", "resume: VERIFIED"))
		return;

	said->verb = "resume";
	pty_send(&f->pty, "R");
	bool done = accept(f, "y roll back now", "rollback: VERIFIED");
	said->rolled_back = done || simulator_shows(&f->pty.screen, "ROLLING BACK") ||
		simulator_shows(&f->pty.screen, "ROLLED BACK");
	if (!done)
		return;
	said->verb = "rollback";

	pty_send(&f->pty, "q");
}

static void kill_consoles(void **state)
{
	struct fixture *f = *state;
	struct count count;
	char rules[64], what[64];
	int calls[2], all = indices(CONSOLE_PERCENT);
	struct said said;
	f->rest =
		"    interval: 100ms\n    plan: {steps: [10%, 20%], bake: 100ms, min_samples: 0}\n";
	begin_count(f, &count);
	play(f, count.rules, &said);

	assert_int_equal(pty_wait_exit(&f->pty, 10000), 0);
	assert_string_equal(said.verb, "rollback");
	for (int k = 0; k < 2; k++)
		calls[k] = counted(count.path[k]);
	f->run = 0;

	for (int i = lane; i < all; i += lanes) {
		int before = f->killed, at = place(i / 2, all / 2, calls[i % 2]);
		for (; f->killed == before && at > 0; at = earlier(at)) {
			begin(f);
			prepare(f, "step");
			snprintf(what, sizeof what, "console killed at %s %d", i % 2 ? "net" : "disk", at);
			snprintf(rules, sizeof rules, "%s at=%d do=kill", kinds[i % 2], at);
			play(f, rules, &said);
			int status = pty_wait_exit(&f->pty, 10000);
			if (status != 128 + SIGKILL && status != 0)
				fail_msg("%s: status %d", what, status);
			f->killed += status != 0;
			check_nothing_lost(f, what, said.verb, said.rolled_back);
		}
	}
	print_tally(f);
}

/* ---- the five points of write-ahead ---- */

#define REASON "between two points"

static const struct point {
	const char *where, *verb, *rules;
	const char *found; /* its outcome in the file after the kill, "": it is not there */
	const char
		*outcomes; /* one of these once the next process was there, "": nothing happened */
	bool done;     /* the pool had done it when the process was killed */
} points[] = {
	{"before the intent is written", "step", "call=pwrite path=-wal data=between", "", "",
		false},
	{"recorded, not sent", "step", "call=write after=between", "PENDING", "NOT_SENT VOID",
		false},
	{"as it leaves", "step", "call=send data=PUT", "PENDING", "NOT_SENT VOID", false},
	{"sent, no answer", "step", "call=recv after=PUT", "PENDING", "APPLIED", true},
	{"answered, no outcome", "step", "call=pwrite path=-wal after=PUT", "PENDING", "APPLIED",
		true},
	{"outcome, not verified", "step", "call=unlink path=-wal after=PUT", "APPLIED", "APPLIED",
		true},
	/* The press is in the emergency journal, which the next process takes in. */
	{"before the intent is written", "rollback", "call=pwrite path=-wal data=between", "",
		"APPLIED", false},
	{"recorded, not sent", "rollback", "call=write after=between", "PENDING", "APPLIED", false},
	{"as it leaves", "rollback", "call=send data=/v1/rollback", "PENDING", "APPLIED", false},
	{"sent, no answer", "rollback", "call=recv after=/v1/rollback", "PENDING", "APPLIED", true},
	{"answered, no outcome", "rollback", "call=pwrite path=-wal after=/v1/rollback", "PENDING",
		"APPLIED", true},
	{"outcome, not verified", "rollback", "call=unlink path=-wal after=/v1/rollback", "APPLIED",
		"APPLIED", true},
};

static void wait_done(struct fixture *f, const char *verb)
{
	int64_t end_ms = process_clock_ms() + 5000;
	for (int done = 0; done == 0;) {
		assert_true(process_clock_ms() < end_ms);
		cJSON *audit = world_audit(&f->w, f->since);
		done = count_of(audit, "what", verb);
		cJSON_Delete(audit);
	}
}

/* A console watches a rollback that was acknowledged and not yet seen. */
static void watch_again(struct fixture *f, const char *id, const char *what)
{
	int64_t end_ms = process_clock_ms() + 10000;
	world_console(&f->w, &f->pty, 80, 24, NULL,
		ARGS("checkout", "--config", f->w.config, "--history", f->history));
	for (bool seen = false; !seen;) {
		int count;
		if (process_clock_ms() >= end_ms)
			fail_msg("%s: never verified", what);
		pty_wait(&f->pty, over, "never shown", 50);
		cJSON *log = world_log(&f->w, f->history);
		seen = world_word(find(log, "id", id, &count), "verified_at")[0] != 0;
		cJSON_Delete(log);
	}
	release(f);
}

/* What the history says of the act, "" when it does not know of it; its id too. */
static void look(struct fixture *f, const char *what, char outcome[24], char id[64])
{
	int count;
	cJSON *log = world_log(&f->w, f->history);
	const cJSON *d = find(log, "reason", REASON, &count);
	if (count > 1)
		fail_msg("%s: the intent is %d times in the history", what, count);
	text_copy(outcome, 24, d ? world_word(d, "outcome") : "");
	text_copy(id, 64, d ? world_word(d, "id") : "");
	cJSON_Delete(log);
}

static void check_point(struct fixture *f, const struct point *p)
{
	char rules[128], what[96], outcome[24], id[64];
	bool step = strcmp(p->verb, "step") == 0;
	int status;
	snprintf(what, sizeof what, "%s, killed %s", p->verb, p->where);
	snprintf(rules, sizeof rules, "%s do=kill", p->rules);
	do {
		new_pool(f); /* it has not heard of the reason yet */
		begin(f);
		prepare(f, p->verb);
		status = step ? run(f, rules, ARGS(STEP, "--reason", REASON))
					  : run(f, rules, ARGS("rollback", "checkout", "--reason", REASON));
	} while (is_late(f, status));
	if (status != 128 + SIGKILL)
		fail_msg("%s: status %d: %s", what, status, f->p.err.text);
	if (p->done)
		wait_done(f, p->verb);
	look(f, what, outcome, id);
	if (strcmp(outcome, p->found) != 0)
		fail_msg("%s: found '%s'", what, outcome);
	check_nothing_lost(f, what, NULL, !step);
	look(f, what, outcome, id);
	if (!strstr(p->outcomes, outcome) || (p->outcomes[0] && !outcome[0]))
		fail_msg("%s: became '%s'", what, outcome);
	if (!step)
		watch_again(f, id, what);
	cJSON *audit = world_audit(&f->w, f->since);
	assert_int_equal(count_of(audit, "what", p->verb), strcmp(outcome, "APPLIED") == 0);
	cJSON_Delete(audit);
}

static void test_the_five_points_of_write_ahead(void **state)
{
	struct fixture *f = *state;
	f->rest = "    interval: 100ms\n";
	for (size_t i = 0; i < sizeof points / sizeof *points; i++)
		check_point(f, &points[i]);
}

/* ---- lanes ---- */

static const struct subject {
	const char *name;
	CMUnitTestFunction run;
	int lanes;
	int percent; /* of all kills */
} subjects[] = {
	{"one-shot", kill_one_shots, 6, ONE_SHOT_PERCENT},
	{"recorder", kill_recorders, 2, RECORDER_PERCENT},
	{"console", kill_consoles, 4, CONSOLE_PERCENT},
};
#define SUBJECTS (sizeof subjects / sizeof *subjects)

/* One lane of one subject, as its own program. */
static int run_lane(const char *name, const char *number)
{
	lane = (int)strtol(number, NULL, 10);
	if (nice(LANE_NICE) < 0)
		return 2;
	for (size_t i = 0; i < SUBJECTS; i++) {
		const struct CMUnitTest test[] = {
			{subjects[i].name, subjects[i].run, set_up, tear_down, NULL}};
		lanes = subjects[i].lanes;
		if (strcmp(subjects[i].name, name) == 0)
			return cmocka_run_group_tests_name(name, test, NULL, NULL);
	}
	return 2;
}

/* All lanes of all subjects, from the beginning to the end of the group. */
static struct process running[SUBJECTS][LANES_MAX];
static int64_t began_ms;

static int start_all(void **state)
{
	(void)state;
	began_ms = process_clock_ms();
	for (size_t i = 0; i < SUBJECTS; i++)
		for (int k = 0; k < subjects[i].lanes; k++) {
			char number[12];
			snprintf(number, sizeof number, "%d", k);
			if (!process_start(
					&running[i][k], ARGS("/proc/self/exe", subjects[i].name, number), NULL))
				return -1;
		}
	return 0;
}

static int end_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < SUBJECTS; i++)
		for (int k = 0; k < subjects[i].lanes; k++)
			process_release(&running[i][k]);
	return 0;
}

static void check_lanes(size_t subject)
{
	const struct subject *s = &subjects[subject];
	int run = 0, killed = 0;
	bool good = true;
	for (int k = 0; k < s->lanes; k++) {
		struct process *p = &running[subject][k];
		int runs, kills;
		int status = process_wait(p, LANE_MS);
		const char *tally = strstr(p->out.text, TALLY);
		if (status == 0 && tally && sscanf(tally, TALLY "%d %d", &runs, &kills) == 2) {
			run += runs;
			killed += kills;
		} else {
			good = false;
			fprintf(stderr, "%s, lane %d: status %d\n%s%s", s->name, k, status, p->out.text,
				p->err.text);
		}
	}
	printf("%s: %d runs, %d killed, after %lld ms\n", s->name, run, killed,
		(long long)(process_clock_ms() - began_ms));
	assert_true(good);
	assert_true(killed >= indices(s->percent));
}

static void test_a_one_shot_killed_at_any_call(void **state)
{
	(void)state;
	check_lanes(0);
}

static void test_a_recorder_killed_at_any_call(void **state)
{
	(void)state;
	check_lanes(1);
}

static void test_a_console_killed_at_any_call(void **state)
{
	(void)state;
	check_lanes(2);
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return run_lane(argv[1], argv[2]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_five_points_of_write_ahead, set_up, tear_down),
		cmocka_unit_test(test_a_one_shot_killed_at_any_call),
		cmocka_unit_test(test_a_recorder_killed_at_any_call),
		cmocka_unit_test(test_a_console_killed_at_any_call),
	};
	return cmocka_run_group_tests(tests, start_all, end_all);
}
