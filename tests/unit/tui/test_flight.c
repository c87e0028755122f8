/* Acts under way where something stands between the press and the effect: another act, another
 * pool at the address, a past that is not known, a log that says nothing or begins anew. What
 * every act does on its way is in test_desk.c. */
#include "history/query.h"
#include "model/text.h"
#include "tests/lib/seat.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define EXPLAIN_MS 5000 /* how long a share may wait for its explanation */

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};

static void at_one_percent(void)
{
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	assert_true(site_until(&s, d, STATE_READY, 40000));
}

static void reopen(void)
{
	site_close(&s, d);
	d = site_open(&s, &kim);
}

/* One of others, with a key that is theirs. */
static void others(enum verb verb, int to_bp)
{
	static int n;
	char key[32];
	snprintf(key, sizeof key, "k-%d", n++);
	assert_int_equal(fake_act(node, "ana@ops2", key, verb, to_bp, ""), 200);
}

static bool count_one(void *ctx, const struct decision *what)
{
	(void)what;
	++*(int *)ctx;
	return true;
}

/* How many decisions of a pool the file has, by an actor (NULL: anyone). What nobody waits for
 * is there for sure when the desk is closed. */
static int in_file(const char *pool, const char *actor)
{
	char path[256];
	struct query *q;
	struct err err;
	int n = 0;
	site_path(&s, "h.db", path, sizeof path);
	if (query_open(&q, path, &err) < 0)
		fail_msg("%s", err.text);
	const struct query_filter f = {.pool = pool, .actor = actor};
	assert_int_equal(query_decisions(q, &f, count_one, &n, &err), 0);
	query_close(q);
	return n;
}

/* All that travels with a rollback. */
static void assert_same_command(const struct command *a, const struct command *b)
{
	assert_string_equal(a->id, b->id);
	assert_int_equal(a->verb, b->verb);
	assert_int_equal(a->from_bp, b->from_bp);
	assert_int_equal(a->to_bp, b->to_bp);
	assert_int_equal(a->strategy, b->strategy);
	assert_string_equal(a->actor, b->actor);
	assert_string_equal(a->reason, b->reason);
	assert_string_equal(a->plan_hash, b->plan_hash);
	assert_string_equal(a->history_head, b->history_head);
}

/* ---- one command, however often ---- */

/* The first copy arrived and its answer did not: a pool that is given the key with another body
 * takes it for another change. */
static void a_retry_is_the_same_command(void **state)
{
	(void)state;
	char head[POOL_HASH_MAX];
	at_one_percent();
	node->lose_after = 3;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "broken");
	site_settle(&s);
	assert_int_equal(node->got_count, 2);
	struct act_result note = site_act(&s, d, VERB_ANNOTATE, -1, "meanwhile");
	assert_true(site_done(&s, d, note.id, 1000));
	history_head(desk_history(d), head);
	assert_string_not_equal(head, node->got[1].history_head);
	assert_true(site_done(&s, d, r.id, 10000));
	assert_int_equal(node->got_count, 5);
	for (int i = 2; i < 5; i++)
		assert_same_command(&node->got[i], &node->got[1]);
	assert_int_equal(fake_epoch(node), 2);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

/* The press after a crash comes from another process, with another head of the history. */
static void a_rollback_to_where_it_is_survives_a_crash(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	node->lose_after = 1000;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 300);
	reopen();
	node->lose_after = 0;
	assert_true(site_done(&s, d, r.id, 70000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_APPLIED);
}

static void two_holds_of_a_silent_pool_are_one(void **state)
{
	(void)state;
	at_one_percent();
	node->silent = true;
	struct act_result first = site_act(&s, d, VERB_HOLD, -1, "");
	assert_int_equal(first.status, ACT_BEGUN);
	site_run(&s, 6000);
	size_t decisions = site_pool(d)->decision_count;
	int commands = node->commands;
	struct act_result second = site_act(&s, d, VERB_HOLD, -1, "");
	assert_int_equal(second.status, ACT_REPLAYED);
	assert_string_equal(second.id, first.id);
	assert_int_equal(site_pool(d)->decision_count, decisions);
	/* The press is a try of its own, at once. */
	site_settle(&s);
	assert_int_equal(node->commands, commands + 1);
	for (int i = 1; i < node->got_count; i++)
		assert_string_equal(node->got[i].id, first.id);
	/* A rollback is another act. */
	assert_int_equal(site_act(&s, d, VERB_ROLLBACK, -1, "").status, ACT_BEGUN);
	node->silent = false;
	assert_true(site_done(&s, d, first.id, 60000));
	assert_true(fake_is_held(node));
}

/* ---- a rollback and what is under way ---- */

static void a_rollback_stops_a_step_that_is_being_recorded(void **state)
{
	(void)state;
	at_one_percent();
	int commands = node->commands;
	struct act_result step = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(step.status, ACT_BEGUN);
	assert_int_equal(site_view(d, step.id).progress, PROGRESS_RECORDING);
	struct act_result back = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(back.status, ACT_BEGUN);
	site_settle(&s);
	assert_int_equal(site_view(d, step.id).progress, PROGRESS_DONE);
	assert_int_equal(site_view(d, step.id).decision.outcome, OUTCOME_NOT_SENT);
	assert_true(site_done(&s, d, back.id, 5000));
	assert_int_equal(node->commands, commands + 1);
	assert_string_equal(node->got[commands].id, back.id);
	assert_int_equal(fake_share_bp(node), 0);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

/* What the history says was acknowledged once says nothing about a pool that is silent now. */
static void an_acknowledgement_of_the_past_stops_no_rollback(void **state)
{
	(void)state;
	at_one_percent();
	node->leak_bp = 5000; /* never seen at rest */
	struct act_result first = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 1000);
	assert_int_equal(site_view(d, first.id).progress, PROGRESS_WATCHING);
	site_close(&s, d);
	node->silent = true;
	int commands = node->commands;
	d = site_open(&s, &kim);
	assert_int_equal(site_view(d, first.id).progress, PROGRESS_WATCHING);
	struct act_result second = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(second.status, ACT_BEGUN);
	assert_string_not_equal(second.id, first.id);
	site_run(&s, 250);
	assert_true(node->commands > commands);
	assert_string_equal(node->got[commands].id, second.id);
	node->silent = false;
	node->leak_bp = -1;
	assert_true(site_done(&s, d, second.id, 60000));
	assert_true(site_done(&s, d, first.id, 2000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

static void what_others_do_evicts_no_open_rollback(void **state)
{
	(void)state;
	at_one_percent();
	node->lose_before = 1000;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_settle(&s);
	for (int i = 0; i < 300; i++) {
		others(i % 2 == 0 ? VERB_HOLD : VERB_RESUME, -1);
		if (i % 50 == 49)
			site_run(&s, 2000);
	}
	assert_int_equal(site_pool(d)->decision_count, POOL_DECISIONS);
	assert_non_null(pool_decision(site_pool(d), r.id));
	int commands = node->commands;
	site_run(&s, 40000);
	assert_true(node->commands > commands);
	node->lose_before = 0;
	assert_true(site_done(&s, d, r.id, 40000));
	assert_true(site_view(d, r.id).decision.verified_ms != UNKNOWN);
	assert_int_equal(fake_share_bp(node), 0);
	site_close(&s, d);
	assert_int_equal(in_file("checkout", "ana@ops2"), 300);
}

static void a_silent_pool_holds_up_no_other(void **state)
{
	(void)state;
	struct act_result r[2];
	for (int k = 0; k < 2; k++)
		assert_int_equal(fake_act(s.node[k], "ana@ops2", "k-1", VERB_STEP, 100, ""), 200);
	node->silent = true;
	d = site_open(&s, &kim);
	const struct pool *both = desk_model(d)->pools;
	assert_int_equal(both[0].standing.freshness, FRESHNESS_NEVER);
	assert_int_equal(both[1].standing.reported_bp, 100);
	for (int k = 0; k < 2; k++) {
		struct act_request back = {.verb = VERB_ROLLBACK,
			.pool = k,
			.shown_epoch = both[k].standing.epoch,
			.shown_rev = both[k].standing.rev};
		desk_act(d, &back, s.now, &r[k]);
		assert_int_equal(r[k].status, ACT_BEGUN);
	}
	site_settle(&s); /* no time passes */
	assert_int_equal(s.node[1]->commands, 1);
	assert_int_equal(fake_share_bp(s.node[1]), 0);
	assert_true(site_done(&s, d, r[1].id, 5000));
	assert_int_equal(both[1].standing.state, STATE_ROLLED_BACK);
	assert_int_equal(site_view(d, r[0].id).progress, PROGRESS_SENT);
	assert_int_equal(fake_share_bp(node), 100);
	node->silent = false;
	assert_true(site_done(&s, d, r[0].id, 60000));
	assert_int_equal(fake_share_bp(node), 0);
	for (int i = 0; i < node->got_count; i++)
		assert_string_equal(node->got[i].id, r[0].id);
}

/* ---- looking ---- */

/* As a dry run does, at a desk of its own that is told what the history knows. */
static void judging_sends_nothing(void **state)
{
	(void)state;
	static const struct site_desk lookers[] = {
		{.actor = "kim@ops1", .read_only = true},
		{.actor = "kim@ops1", .read_only = true, .file = "h.db"},
		{.actor = "kim@ops1", .passive = true, .file = "h.db"},
	};
	at_one_percent();
	node->lose_before = 1;
	node->lose_resolves = 1000;
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	site_run(&s, 500);
	struct decision open = site_view(d, r.id).decision;
	assert_true(decision_is_open(&open));
	site_close(&s, d);
	node->lose_resolves = 0;
	int commands = node->commands, resolves = node->resolves;
	for (int i = 0; i < 3; i++) {
		d = site_open(&s, &lookers[i]);
		if (!lookers[i].file) {
			desk_presume(d, &(struct err){0}, s.now);
			desk_pin(d, 0, "shop-1", s.now);
			desk_remember(d, 0, &open, s.now);
		}
		for (int verb = 0; verb < VERB_COUNT; verb++) {
			struct act_request asked = {.verb = (enum verb)verb, .to_bp = 1000};
			desk_judge(d, &asked, &r);
			if (verb == VERB_STEP)
				assert_int_equal(r.interlock.check[PREDICATE_OPEN].state, CHECK_FAILS);
		}
		site_run(&s, 70000);
		assert_int_equal(node->commands, commands);
		assert_int_equal(node->resolves, resolves);
		assert_true(decision_is_open(pool_decision(site_pool(d), open.id)));
		site_close(&s, d);
	}
	/* One who may act asks for it. */
	d = site_open(&s, &kim);
	assert_true(site_done(&s, d, open.id, 10000));
	assert_true(node->resolves > resolves);
}

/* ---- who answers there ---- */

static void a_rollback_is_for_the_pool_it_was_meant_for(void **state)
{
	(void)state;
	at_one_percent();
	fake_become(node, "shop-2");
	site_run(&s, 1500);
	int commands = node->commands;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(r.status, ACT_BEGUN);
	site_run(&s, 10000);
	assert_int_equal(node->commands, commands);
	assert_int_equal(fake_share_bp(node), 100);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_SENT);
	assert_int_equal(site_view(d, r.id).err.code, ERR_IDENTITY);
	fake_become(node, "shop-1");
	assert_true(site_done(&s, d, r.id, 3000));
	assert_int_equal(node->commands, commands + 1);
	assert_string_equal(node->got[commands].id, r.id);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

static void a_rollback_found_open_is_for_that_pool_too(void **state)
{
	(void)state;
	at_one_percent();
	node->lose_before = 1000;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 1000);
	site_close(&s, d);
	node->lose_before = 0;
	int commands = node->commands;
	fake_become(node, "shop-2");
	d = site_open(&s, &kim);
	site_run(&s, 70000);
	assert_int_equal(node->commands, commands);
	assert_int_equal(node->resolves, 0);
	fake_become(node, "shop-1");
	assert_true(site_done(&s, d, r.id, 3000));
	assert_int_equal(node->commands, commands + 1);
	assert_string_equal(node->got[commands].id, r.id);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

static void a_rollback_leaves_when_the_right_pool_is_back(void **state)
{
	(void)state;
	at_one_percent();
	fake_become(node, "shop-2");
	site_run(&s, 1500);
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 60000); /* the distance of the tries is 30 s by then */
	assert_int_equal(node->commands, 1);
	fake_become(node, "shop-1");
	site_run(&s, 300);
	assert_int_equal(node->commands, 2);
	assert_true(site_done(&s, d, r.id, 3000));
}

/* The configuration names it, whatever it calls itself. */
static void a_pool_is_known_by_its_configured_name(void **state)
{
	(void)state;
	fake_rename(node, "shop");
	at_one_percent();
	others(VERB_HOLD, -1);
	others(VERB_RESUME, -1);
	site_run(&s, 2000);
	assert_string_equal(site_pool(d)->name, "checkout");
	assert_int_equal(site_pool(d)->decision_count, 4); /* arm, step, hold, resume */
	int audits = node->audits;
	reopen();
	site_run(&s, 3000);
	/* The cursor is kept: nothing is asked for, nothing is there twice. */
	assert_int_equal(node->audits, audits);
	assert_int_equal(site_pool(d)->decision_count, 4);
	assert_int_equal(now_is(), STATE_READY);
	site_close(&s, d);
	assert_int_equal(in_file("checkout", "ana@ops2"), 2);
	assert_int_equal(in_file("checkout", NULL), 4);
	assert_int_equal(in_file("shop", NULL), 0);
	fake_become(node, "shop-2");
	d = site_open(&s, &kim);
	site_run(&s, 1500);
	assert_string_equal(site_pool(d)->pool_id, "shop-1");
	assert_true(site_pool(d)->nodes[0].foreign);
	assert_int_equal(site_pool(d)->nodes[0].trouble.code, ERR_IDENTITY);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_IDENTITY].code, ERR_IDENTITY);
}

/* ---- the pool's log ---- */

static void a_log_that_stays_silent_explains_nothing(void **state)
{
	(void)state;
	at_one_percent();
	node->no_audit = true;
	others(VERB_STEP, 1000);
	while (site_standing(d)->reported_bp != 1000)
		site_run(&s, SITE_STEP_MS);
	for (int64_t ms = SITE_STEP_MS; ms < EXPLAIN_MS; ms += SITE_STEP_MS) {
		assert_int_not_equal(now_is(), STATE_DIVERGED);
		site_run(&s, SITE_STEP_MS);
	}
	assert_true(site_until(&s, d, STATE_DIVERGED, 500));
	assert_int_equal(site_standing(d)->intended_bp, 100);
	struct act_result r = site_act(&s, d, VERB_STEP, 5000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_DRIFT].state, CHECK_FAILS);
	assert_int_equal(r.interlock.check[PREDICATE_DRIFT].code, ERR_DRIFT);
	/* An explanation that comes late is one still. */
	node->no_audit = false;
	site_run(&s, 1500);
	assert_int_equal(now_is(), STATE_BAKING);
	assert_int_equal(site_standing(d)->intended_bp, 1000);
}

static void a_log_that_began_anew_is_read_from_its_beginning(void **state)
{
	(void)state;
	at_one_percent();
	for (int i = 0; i < 6; i++)
		others(i % 2 == 0 ? VERB_HOLD : VERB_RESUME, -1);
	site_run(&s, 2000);
	assert_int_equal(fake_audit_seq(node), 8);
	assert_int_equal(site_pool(d)->decision_count, 8);
	/* Under the eyes of a desk. */
	fake_restart(node, true);
	others(VERB_HOLD, -1);
	others(VERB_RESUME, -1);
	assert_true(fake_audit_seq(node) < 7);
	site_run(&s, 2000);
	assert_int_equal(site_pool(d)->decision_count, 10);
	site_close(&s, d);
	assert_int_equal(in_file("checkout", "ana@ops2"), 8);
	/* While nobody looks: then only the cursor of the history tells. */
	fake_restart(node, true);
	others(VERB_HOLD, -1);
	int64_t seq = fake_audit_seq(node);
	d = site_open(&s, &kim);
	site_run(&s, 2000);
	assert_int_equal(now_is(), STATE_HELD);
	assert_int_equal(site_pool(d)->decision_count, 11);
	assert_int_equal(site_pool(d)->nodes[0].audit_seen, seq);
	site_close(&s, d);
	assert_int_equal(in_file("checkout", "ana@ops2"), 9);
}

/* ---- the past ---- */

static void without_its_past_no_step_leaves(void **state)
{
	(void)state;
	static const struct site_desk blind = {
		.actor = "kim@ops1", .file = "h.db", .no_past = true};
	at_one_percent();
	site_close(&s, d);
	d = site_open(&s, &blind);
	int commands = node->commands;
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_HISTORY].state, CHECK_FAILS);
	assert_int_equal(r.interlock.check[PREDICATE_HISTORY].code, ERR_HISTORY);
	assert_int_equal(node->commands, commands);
	struct act_result back = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_true(site_done(&s, d, back.id, 5000));
	assert_int_equal(site_view(d, back.id).decision.outcome, OUTCOME_APPLIED);
	/* It is asked for again with the pool's news; with its past it goes on. */
	site_run(&s, 3000);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	site_step(&s, d, 100);
}

/* ---- the veto hook ---- */

static void say_hook(const char *body)
{
	char path[256];
	site_path(&s, "hook", path, sizeof path);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	assert_int_equal(fchmod(fileno(f), 0700), 0);
	fclose(f);
	desk_set_veto(d, 0, path);
}

static void a_hook_that_hangs_vetoes_after_ten_seconds(void **state)
{
	(void)state;
	int commands = node->commands;
	d = site_open(&s, &kim);
	say_hook("exec sleep 1000");
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	assert_int_equal(r.status, ACT_BEGUN);
	site_run(&s, VETO_MOST_MS - 1000);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_VETO);
	site_run(&s, 1000);
	/* Killed by then; that it ended is news of the kernel's own time. */
	for (int i = 0; i < 100000 && site_view(d, r.id).progress != PROGRESS_DONE; i++)
		site_settle(&s);
	const struct act_view v = site_view(d, r.id);
	assert_int_equal(v.decision.outcome, OUTCOME_NOT_SENT);
	assert_int_equal(v.err.code, ERR_VETO);
	assert_non_null(strstr(v.err.text, "/hook' did not end within 10 s and was killed"));
	assert_int_equal(node->commands, commands);
}

#define AT_ONE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)
#define AT_TWO(test) cmocka_unit_test_setup_teardown(test, sit_down_at_two_pools, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_ONE(a_retry_is_the_same_command),
		AT_ONE(a_rollback_to_where_it_is_survives_a_crash),
		AT_ONE(two_holds_of_a_silent_pool_are_one),
		AT_ONE(a_rollback_stops_a_step_that_is_being_recorded),
		AT_ONE(an_acknowledgement_of_the_past_stops_no_rollback),
		AT_ONE(what_others_do_evicts_no_open_rollback),
		AT_TWO(a_silent_pool_holds_up_no_other),
		AT_ONE(judging_sends_nothing),
		AT_ONE(a_rollback_is_for_the_pool_it_was_meant_for),
		AT_ONE(a_rollback_found_open_is_for_that_pool_too),
		AT_ONE(a_rollback_leaves_when_the_right_pool_is_back),
		AT_ONE(a_pool_is_known_by_its_configured_name),
		AT_ONE(a_log_that_stays_silent_explains_nothing),
		AT_ONE(a_log_that_began_anew_is_read_from_its_beginning),
		AT_ONE(without_its_past_no_step_leaves),
		AT_ONE(a_hook_that_hangs_vetoes_after_ten_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
