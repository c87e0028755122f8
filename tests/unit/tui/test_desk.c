#define _GNU_SOURCE
/* The desk on a virtual clock, with real histories and fake pools: what leaves it, when, and
 * what becomes of it when answers, histories, pools and other people do not behave. */
#include "model/text.h"
#include "tests/lib/seat.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOUND_AGE_MS 5000 /* an open intent this old has no living sender */

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
static const struct site_desk bare = {.actor = "kim@ops1"};

static const struct decision *last_decision(void)
{
	const struct pool *p = site_pool(d);
	assert_true(p->decision_count > 0);
	return &p->decisions[p->decision_count - 1];
}

/* A desk with a history, and the pool at 1 % with its bake passed. */
static void at_one_percent(void)
{
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	assert_true(site_until(&s, d, STATE_READY, 40000));
}

/* ---- looking ---- */

static void opening_writes_nothing_to_the_pool(void **state)
{
	(void)state;
	const struct site_desk all[] = {
		{.actor = "a@x", .file = "a.db", .record = true},
		{.actor = "b@x", .read_only = true},
		{.actor = "c@x", .file = "c.db", .passive = true, .record = true},
	};
	int64_t rev = fake_rev(s.node[0]), epoch = fake_epoch(s.node[0]);
	for (int i = 0; i < 3; i++)
		site_open(&s, &all[i]);
	site_run(&s, 5000);
	assert_true(s.node[0]->polls >= 15);
	assert_int_equal(s.node[0]->commands, 0);
	assert_int_equal(s.node[0]->resolves, 0);
	assert_int_equal(fake_rev(s.node[0]), rev);
	assert_int_equal(fake_epoch(s.node[0]), epoch);
	assert_int_equal(fake_audit_seq(s.node[0]), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(site_pool(s.desk[i])->decision_count, 0);
}

static void who_only_looks_never_commands(void **state)
{
	(void)state;
	/* Each kind of desk that must not act, before and after something was left open. */
	d = site_open(&s, &kim);
	s.node[0]->lose_before = 1;
	s.node[0]->lose_resolves = 1000;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	site_run(&s, 1000);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_ASKING);
	site_close(&s, d);
	s.node[0]->lose_resolves = 0;
	site_run(&s, 2 * FOUND_AGE_MS);
	int commands = s.node[0]->commands, resolves = s.node[0]->resolves;
	const struct site_desk lookers[] = {
		{.actor = "kim@ops1", .file = "h.db", .read_only = true},
		{.actor = "kim@ops1", .file = "h.db", .passive = true},
	};
	for (int i = 0; i < 2; i++) {
		d = site_open(&s, &lookers[i]);
		site_run(&s, 2 * FOUND_AGE_MS);
		for (int v = 0; v < VERB_COUNT; v++) {
			if (!verb_is_sent((enum verb)v) && lookers[i].passive)
				continue; /* who writes down may write down */
			r = site_act(&s, d, (enum verb)v, 100, "x");
			assert_int_equal(r.status, ACT_REFUSED);
			assert_int_equal(r.err.code, ERR_READ_ONLY);
		}
		site_run(&s, 2000);
		assert_int_equal(s.node[0]->commands, commands);
		assert_int_equal(s.node[0]->resolves, resolves);
		site_close(&s, d);
	}
}

/* ---- a step ---- */

static void a_step_is_recorded_then_sent_then_seen(void **state)
{
	(void)state;
	struct decision row;
	d = site_open(&s, &kim);
	assert_int_equal(now_is(), STATE_ARMED);
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "first");
	assert_int_equal(r.status, ACT_BEGUN);
	assert_true(r.interlock.allowed);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_RECORDING);
	assert_int_equal(now_is(), STATE_STEPPING);
	assert_int_equal(s.node[0]->commands, 0);
	/* The turn that learns of the commit sends; until then nothing leaves. */
	while (s.node[0]->commands == 0) {
		desk_wait(d, NULL, 0, 20, s.now);
		desk_turn(d, s.now);
	}
	assert_true(site_view(d, r.id).recorded);
	assert_true(site_record(&s, "h.db", r.id, &row));
	assert_string_equal(row.reason, "first");
	assert_int_equal(row.verb, VERB_STEP);
	assert_int_equal(row.from_bp, 0);
	assert_int_equal(row.to_bp, 100);
	assert_non_null(strstr(row.evidence, "\"checks\""));
	const struct command *c = &s.node[0]->got[0];
	assert_string_equal(c->id, r.id);
	assert_string_equal(c->actor, "kim@ops1");
	assert_int_equal(c->epoch, 1);
	assert_int_equal(c->rev, 0);
	assert_string_equal(c->history_head, row.hash);
	assert_true(site_done(&s, d, r.id, 2000));
	struct act_view v = site_view(d, r.id);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_true(v.decision.verified_ms != UNKNOWN);
	assert_int_equal(s.node[0]->commands, 1);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	site_run(&s, 1000);
	assert_int_equal(now_is(), STATE_BAKING);
	site_close(&s, d);
	assert_true(site_record(&s, "h.db", r.id, &row));
	assert_int_equal(row.outcome, OUTCOME_APPLIED);
	assert_true(row.verified_ms != UNKNOWN);
}

/* Facts that change between the commit and the sending. */
static void the_interlock_is_asked_twice(void **state)
{
	(void)state;
	at_one_percent();
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_BEGUN);
	/* Before the desk turns again, kim's colleague holds, and a poll tells. */
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_HOLD, -1, "wait"), 200);
	int commands = s.node[0]->commands;
	client_poll_now(desk_client(d), NODE_HANDLE(0, 0), s.now);
	client_turn(desk_client(d), s.now);
	site_settle(&s);
	struct act_view v = site_view(d, r.id);
	assert_int_equal(v.progress, PROGRESS_DONE);
	assert_int_equal(v.decision.outcome, OUTCOME_NOT_SENT);
	assert_true(v.interlock.failing & 1u << PREDICATE_FROZEN);
	assert_non_null(strstr(v.decision.answer, "W144"));
	assert_non_null(strstr(v.decision.answer, "ana@ops2"));
	assert_int_equal(s.node[0]->commands, commands);
	site_run(&s, 2000);
	assert_int_equal(now_is(), STATE_HELD);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
}

static void what_the_asker_saw_must_still_be_so(void **state)
{
	(void)state;
	at_one_percent();
	struct act_request old = {.verb = VERB_STEP,
		.to_bp = 1000,
		.shown_epoch = site_standing(d)->epoch,
		.shown_rev = site_standing(d)->rev - 1};
	struct act_result r;
	desk_act(d, &old, s.now, &r);
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.failing, 1u << PREDICATE_REVISION);
	assert_int_equal(s.node[0]->commands, 1);
}

static void a_refusal_by_the_pool_is_final(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->refuse = ERR_LIMIT;
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_true(site_done(&s, d, r.id, 2000));
	struct act_view v = site_view(d, r.id);
	assert_int_equal(v.decision.outcome, OUTCOME_REFUSED);
	assert_int_equal(v.err.code, ERR_LIMIT);
	assert_non_null(strstr(v.decision.answer, "W148"));
	site_run(&s, 3000);
	assert_int_equal(s.node[0]->commands, 2);
	assert_int_equal(desk_open_acts(d), 0);
	assert_int_equal(now_is(), STATE_READY);
}

static void a_connection_that_was_refused_sent_nothing(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->not_sent = 1;
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_true(site_done(&s, d, r.id, 2000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_NOT_SENT);
	assert_int_equal(s.node[0]->resolves, 0);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
}

/* ---- lost answers ---- */

static void a_step_lost_before_it_applied_is_voided(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->lose_before = 1;
	s.node[0]->lose_resolves = 3;
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	site_run(&s, 200);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_ASKING);
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_UNRESOLVED);
	assert_int_equal(now_is(), STATE_UNRESOLVED);
	struct command copy = s.node[0]->got[1];
	assert_true(site_done(&s, d, r.id, 10000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_VOID);
	assert_int_equal(s.node[0]->resolves, 4);
	assert_int_equal(s.node[0]->commands, 2);
	/* The copy that was still on its way. */
	assert_int_equal(fake_deliver(s.node[0], &copy, NULL), 422);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	site_run(&s, 1000);
	assert_int_equal(now_is(), STATE_READY);
	assert_int_equal(site_standing(d)->intended_bp, 100);
}

static void a_step_lost_after_it_applied_is_found_applied(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->lose_after = 1;
	s.node[0]->lose_resolves = 1;
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	site_run(&s, 100);
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_UNRESOLVED);
	assert_true(site_done(&s, d, r.id, 10000));
	struct act_view v = site_view(d, r.id);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_true(v.decision.verified_ms != UNKNOWN);
	assert_int_equal(s.node[0]->commands, 2);
	assert_int_equal(fake_share_bp(s.node[0]), 1000);
	/* A late copy of a command that applied changes nothing. */
	bool replayed;
	int64_t rev = fake_rev(s.node[0]);
	assert_int_equal(fake_deliver(s.node[0], &s.node[0]->got[1], &replayed), 200);
	assert_true(replayed);
	assert_int_equal(fake_rev(s.node[0]), rev);
}

/* The program ends where the answer would have come. */
static void a_crash_before_the_answer_is_made_up_for(void **state)
{
	static const struct {
		bool applied;
		enum outcome_kind outcome;
	} rows[] = {{false, OUTCOME_VOID}, {true, OUTCOME_APPLIED}};
	(void)state;
	at_one_percent();
	for (int i = 0; i < 2; i++) {
		struct decision row;
		s.node[0]->lose_before = !rows[i].applied;
		s.node[0]->delay_ms = 60000; /* the answer never comes to this process */
		struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
		site_settle(&s);
		assert_int_equal(s.node[0]->commands, 2 + i);
		assert_int_equal(site_view(d, r.id).progress, PROGRESS_SENT);
		site_close(&s, d);
		s.node[0]->delay_ms = 0;
		assert_true(site_record(&s, "h.db", r.id, &row));
		assert_true(decision_is_open(&row));
		int resolves = s.node[0]->resolves;
		d = site_open(&s, &kim);
		assert_int_equal(now_is(), STATE_UNRESOLVED);
		assert_int_equal(desk_open_acts(d), 1);
		/* While it may be another process' own it is let alone, but locks steps. */
		site_run(&s, FOUND_AGE_MS - 500);
		assert_int_equal(s.node[0]->resolves, resolves);
		assert_int_equal(site_act(&s, d, VERB_STEP, 1000, "").status, ACT_REFUSED);
		assert_true(site_done(&s, d, r.id, 3000));
		assert_int_equal(s.node[0]->commands, 2 + i);
		assert_int_equal(site_view(d, r.id).decision.outcome, rows[i].outcome);
		assert_int_equal(fake_share_bp(s.node[0]), rows[i].applied ? 1000 : 100);
		site_close(&s, d);
		assert_true(site_record(&s, "h.db", r.id, &row));
		assert_int_equal(row.outcome, rows[i].outcome);
		d = site_open(&s, &kim);
		site_run(&s, 2000);
		assert_int_equal(now_is(), rows[i].applied ? STATE_BAKING : STATE_READY);
	}
}

static void a_step_that_is_never_seen_ends_unverified(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->pretend = true;
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	site_run(&s, 9000);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_WATCHING);
	assert_true(site_done(&s, d, r.id, 2000));
	assert_int_equal(site_view(d, r.id).err.code, ERR_NOT_SEEN);
	assert_int_equal(site_view(d, r.id).decision.verified_ms, UNKNOWN);
	/* The pool is asked no more often than before. */
	int polls = s.node[0]->polls;
	site_run(&s, 5000);
	assert_true(s.node[0]->polls <= polls + 6);
}

/* ---- others ---- */

static void what_others_did_is_known_once(void **state)
{
	(void)state;
	const struct site_desk ana = {.actor = "ana@ops2", .file = "a.db"};
	d = site_open(&s, &kim);
	struct desk *other = site_open(&s, &ana);
	site_step(&s, other, 100);
	site_run(&s, 3000);
	/* What went before it, and the step. */
	assert_int_equal(site_pool(d)->decision_count, 2);
	assert_int_equal(site_pool(d)->decisions[0].verb, VERB_ARM);
	const struct decision *seen = last_decision();
	assert_true(seen->observed);
	assert_string_equal(seen->actor, "ana@ops2");
	assert_int_equal(seen->verb, VERB_STEP);
	assert_int_equal(seen->to_bp, 100);
	assert_int_equal(now_is(), STATE_BAKING);
	assert_int_equal(site_standing(d)->intended_bp, 100);
	/* The one who did it does not see it twice, and a restart neither. */
	assert_int_equal(site_pool(other)->decision_count, 2);
	assert_false(pool_decision(site_pool(other), seen->id)->observed);
	char id[DECISION_ID_MAX];
	text_copy(id, sizeof id, seen->id);
	for (int i = 0; i < 2; i++) {
		site_close(&s, d);
		struct decision row;
		assert_true(site_record(&s, "h.db", id, &row));
		assert_true(row.observed);
		d = site_open(&s, &kim);
		site_run(&s, 2000);
		assert_int_equal(site_pool(d)->decision_count, 2);
		assert_int_equal(now_is(), STATE_BAKING);
	}
	/* A desk without history learns it from the pool's log too. */
	d = site_open(&s, &bare);
	site_run(&s, 1000);
	assert_int_equal(site_pool(d)->decision_count, 2);
	assert_int_equal(now_is(), STATE_BAKING);
}

static void a_change_that_nothing_explains_diverges(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->lie_bp = 3500;
	site_run(&s, 1500);
	assert_int_equal(now_is(), STATE_DIVERGED);
	assert_int_equal(site_standing(d)->reported_bp, 3500);
	assert_int_equal(site_standing(d)->intended_bp, 100);
	struct act_result r = site_act(&s, d, VERB_STEP, 5000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_true(r.interlock.failing & 1u << PREDICATE_DRIFT);
	s.node[0]->lie_bp = -1;
	site_run(&s, 1500);
	assert_int_equal(now_is(), STATE_READY);
}

static void another_pool_behind_the_same_address_locks(void **state)
{
	(void)state;
	at_one_percent();
	fake_become(s.node[0], "shop-2");
	site_run(&s, 1500);
	assert_int_equal(site_pool(d)->nodes[0].trouble.code, ERR_IDENTITY);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_IDENTITY].state, CHECK_FAILS);
	assert_int_equal(r.interlock.check[PREDICATE_IDENTITY].code, ERR_IDENTITY);
	/* The pin outlives the process. */
	site_close(&s, d);
	d = site_open(&s, &kim);
	site_run(&s, 1500);
	assert_int_equal(site_pool(d)->nodes[0].trouble.code, ERR_IDENTITY);
	assert_int_equal(site_act(&s, d, VERB_STEP, 1000, "").status, ACT_REFUSED);
	assert_int_equal(s.node[0]->commands, 1);
	fake_become(s.node[0], "shop-1");
	site_run(&s, 1500);
	assert_int_equal(now_is(), STATE_READY);
}

static void a_share_lost_in_a_restart_is_put_back(void **state)
{
	(void)state;
	at_one_percent();
	site_step(&s, d, 1000);
	site_run(&s, 500);
	fake_restart(s.node[0], false);
	site_run(&s, 1500);
	assert_int_equal(now_is(), STATE_DIVERGED);
	assert_true(site_standing(d)->restarted);
	assert_int_equal(site_standing(d)->next_bp, 1000);
	assert_int_equal(site_standing(d)->act, ACT_PUT_BACK);
	assert_non_null(strstr(site_standing(d)->headline.text, "restarted"));
	site_step(&s, d, 1000);
	site_run(&s, 1000);
	assert_int_equal(fake_share_bp(s.node[0]), 1000);
	assert_int_equal(now_is(), STATE_BAKING);
}

static void silence_locks_steps_and_is_told(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->silent = true;
	site_run(&s, 14000);
	assert_int_equal(site_standing(d)->freshness, FRESHNESS_STALE);
	assert_int_equal(site_pool(d)->nodes[0].trouble.code, ERR_UNREACHABLE);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_LIVE].code, ERR_STALE);
	/* A rollback is pressed into the silence and arrives when it ends. */
	struct act_result back = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(back.status, ACT_BEGUN);
	site_run(&s, 20000);
	assert_int_equal(now_is(), STATE_ROLLING_BACK);
	assert_int_equal(site_standing(d)->headline.level, LEVEL_ACT);
	s.node[0]->silent = false;
	assert_true(site_done(&s, d, back.id, 60000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

static void slow_answers_change_nothing_but_time(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->delay_ms = 700;
	site_step(&s, d, 1000);
	const struct decision *step = last_decision();
	assert_int_equal(step->latency_ms, 700);
	assert_true(step->verified_ms - step->at_ms >= 700);
	assert_int_equal(s.node[0]->commands, 2);
}

/* A console that runs for weeks. */
static void done_acts_do_not_pile_up(void **state)
{
	(void)state;
	d = site_open(&s, &bare);
	char first[DECISION_ID_MAX] = "";
	for (int i = 0; i < 200; i++) {
		struct act_result r = site_act(&s, d, VERB_HOLD, -1, "");
		assert_int_equal(r.status, ACT_BEGUN);
		if (i == 0)
			text_copy(first, sizeof first, r.id);
		assert_true(site_done(&s, d, r.id, 2000));
	}
	struct act_view v;
	assert_false(desk_progress(d, first, &v));
	assert_int_equal(desk_unrecorded(d), 200);
	assert_int_equal(desk_open_acts(d), 0);
}

/* Whom the screen sends to approve must find what is asked. */
static void an_ask_is_named_once_it_is_recorded(void **state)
{
	(void)state;
	s.plan.policy.approval_bp = 500;
	s.plan.approver_count = 1;
	memset(s.plan.approvers[0], 'a', 64);
	at_one_percent();
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	const struct interlock_check *check = &r.interlock.check[PREDICATE_APPROVAL];
	assert_int_equal(r.status, ACT_REFUSED);
	assert_string_not_equal(r.asked, "");
	assert_string_equal(check->text, "approval is missing; the step asks for it");
	site_run(&s, 2000);
	struct act_request again = {.verb = VERB_STEP,
		.to_bp = 1000,
		.shown_epoch = site_standing(d)->epoch,
		.shown_rev = site_standing(d)->rev};
	char id[DECISION_ID_MAX];
	text_copy(id, sizeof id, r.asked);
	desk_judge(d, &again, &r);
	assert_int_equal(r.status, ACT_REFUSED);
	assert_non_null(strstr(check->text, id));
}

/* An ask that the history refused was none: the next press asks anew. */
static void an_ask_that_is_not_recorded_is_asked_anew(void **state)
{
	(void)state;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	char file[256], path[280], id[DECISION_ID_MAX];
	s.plan.policy.approval_bp = 500;
	s.plan.approver_count = 1;
	memset(s.plan.approvers[0], 'a', 64);
	at_one_percent();
	site_path(&s, kim.file, file, sizeof file);
	snprintf(path, sizeof path, "%s-lock", file);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	assert_true(fd >= 0 && fcntl(fd, F_OFD_SETLKW, &lock) == 0);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	site_run(&s, 100);
	text_copy(id, sizeof id, r.asked);
	assert_int_equal(site_view(d, id).decision.outcome, OUTCOME_NOT_SENT);
	close(fd);
	/* That the lock is gone is seen by the history's own clock. */
	for (int i = 0; i < 1000; i++) {
		r = site_act(&s, d, VERB_STEP, 1000, "");
		if (r.asked[0])
			break;
		desk_wait(d, NULL, 0, 10, s.now);
		desk_turn(d, s.now);
	}
	assert_string_not_equal(r.asked, "");
	assert_string_not_equal(r.asked, id);
	site_run(&s, 100);
	assert_int_equal(site_view(d, r.asked).decision.outcome, OUTCOME_APPLIED);
}

#define AT_ONE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_ONE(opening_writes_nothing_to_the_pool),
		AT_ONE(who_only_looks_never_commands),
		AT_ONE(a_step_is_recorded_then_sent_then_seen),
		AT_ONE(the_interlock_is_asked_twice),
		AT_ONE(what_the_asker_saw_must_still_be_so),
		AT_ONE(a_refusal_by_the_pool_is_final),
		AT_ONE(a_connection_that_was_refused_sent_nothing),
		AT_ONE(a_step_lost_before_it_applied_is_voided),
		AT_ONE(a_step_lost_after_it_applied_is_found_applied),
		AT_ONE(a_crash_before_the_answer_is_made_up_for),
		AT_ONE(a_step_that_is_never_seen_ends_unverified),
		AT_ONE(what_others_did_is_known_once),
		AT_ONE(a_change_that_nothing_explains_diverges),
		AT_ONE(another_pool_behind_the_same_address_locks),
		AT_ONE(a_share_lost_in_a_restart_is_put_back),
		AT_ONE(silence_locks_steps_and_is_told),
		AT_ONE(slow_answers_change_nothing_but_time),
		AT_ONE(done_acts_do_not_pile_up),
		AT_ONE(an_ask_is_named_once_it_is_recorded),
		AT_ONE(an_ask_that_is_not_recorded_is_asked_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
