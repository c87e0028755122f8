/* Two desks with histories of their own race against each other at one pool, in a seeded order,
 * with answers that are late or lost. SEED=N begins elsewhere; a failure names the race that it
 * needs.
 *
 * 1. Of two steps exactly one applies; the other is told who was first.
 * 2. A rollback always applies, and what was decided before it never does after it.
 * 3. A copy of a command that comes late, or again, changes nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/site.h"

#include <stdlib.h>
#include <string.h>

#define RACES 200 /* of each kind */

struct race {
	struct site site;
	struct fake *f;
	struct desk *desk[2];
	uint64_t random;
	uint64_t seed; /* of this race */
};

static const char *const actors[2] = {"kim@ops1", "ana@ops2"};

static uint64_t draw(struct race *r, uint64_t below)
{
	uint64_t z = r->random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

#define CHECK(r, holds) \
	do { \
		if (!(holds)) \
			fail_msg("SEED=%llu: %s", (unsigned long long)(r)->seed, #holds); \
	} while (0)

/* One desk turns, or time passes for both: in whatever order the seed says. */
static void jostle(struct race *r, int turns)
{
	for (int i = 0; i < turns; i++) {
		if (draw(r, 4) == 0)
			site_run(&r->site, SITE_STEP_MS);
		else
			desk_turn(r->desk[draw(r, 2)], r->site.now);
	}
}

static void set_up(struct race *r, uint64_t seed)
{
	memset(r, 0, sizeof *r);
	r->random = r->seed = seed;
	site_init(&r->site, 1, seed);
	r->f = r->site.node[0];
	const struct site_desk how[2] = {
		{.actor = actors[0], .file = "kim.db"}, {.actor = actors[1], .file = "ana.db"}};
	for (int i = 0; i < 2; i++)
		r->desk[i] = site_open(&r->site, &how[i]);
}

static struct act_view end_of(struct race *r, int who, const struct act_result *act)
{
	CHECK(r, site_done(&r->site, r->desk[who], act->id, 30000));
	return site_view(r->desk[who], act->id);
}

/* Delivers every command that ever left once more, in any order. Nothing may come of it. */
static void deliver_again(struct race *r)
{
	int share_bp = fake_share_bp(r->f);
	int64_t rev = fake_rev(r->f), epoch = fake_epoch(r->f);
	for (int i = 0; i < 2 * r->f->got_count; i++) {
		bool replayed;
		int status =
			fake_deliver(r->f, &r->f->got[draw(r, (uint64_t)r->f->got_count)], &replayed);
		CHECK(r, replayed || status == 412 || status == 422);
	}
	CHECK(r, fake_share_bp(r->f) == share_bp);
	CHECK(r, fake_rev(r->f) == rev);
	CHECK(r, fake_epoch(r->f) == epoch);
}

static void go_back(struct race *r)
{
	int who = (int)draw(r, 2);
	struct act_result back = site_act(&r->site, r->desk[who], VERB_ROLLBACK, -1, "");
	CHECK(r, back.status == ACT_BEGUN);
	CHECK(r, end_of(r, who, &back).decision.outcome == OUTCOME_APPLIED);
	CHECK(r, fake_share_bp(r->f) == 0);
	deliver_again(r);
	r->f->got_count = 0;
	r->f->delay_ms = 0;
	/* Both know it before they start again. */
	site_run(&r->site, 1500);
	for (int i = 0; i < 2; i++)
		CHECK(r, site_standing(r->desk[i])->state == STATE_ROLLED_BACK);
}

/* The loser's decision says who was first, where the pool was asked; else that the picture was
 * old. */
static void check_loser(
	struct race *r, const struct decision *lost, const char *winner, bool may_be_void)
{
	switch (lost->outcome) {
	case OUTCOME_REFUSED:
		CHECK(
			r, strncmp(lost->answer, "W140", 4) == 0 || strncmp(lost->answer, "W141", 4) == 0);
		CHECK(r, strstr(lost->answer, winner));
		break;
	case OUTCOME_NOT_SENT:
		CHECK(r, strstr(lost->answer, "W140"));
		break;
	default:
		CHECK(r, may_be_void && lost->outcome == OUTCOME_VOID);
	}
}

static void steps_race(struct race *r)
{
	struct act_result act[2];
	int first = (int)draw(r, 2);
	r->f->delay_ms = (int64_t)draw(r, 4) * 60;
	bool loses = draw(r, 3) == 0;
	if (loses && draw(r, 2))
		r->f->lose_before = 1;
	else if (loses)
		r->f->lose_after = 1;
	act[first] = site_act(&r->site, r->desk[first], VERB_STEP, 100, "race");
	CHECK(r, act[first].status == ACT_BEGUN);
	jostle(r, (int)draw(r, 6));
	act[!first] = site_act(&r->site, r->desk[!first], VERB_STEP, 100, "race");
	jostle(r, (int)draw(r, 12));
	site_settle(&r->site);
	CHECK(r, end_of(r, first, &act[first]).progress == PROGRESS_DONE);
	if (act[!first].status != ACT_BEGUN) {
		/* It had seen the other's step already. */
		CHECK(r, act[!first].status == ACT_REFUSED || act[!first].status == ACT_ALREADY);
		CHECK(r, end_of(r, first, &act[first]).decision.outcome == OUTCOME_APPLIED);
	} else {
		struct act_view v[2];
		for (int i = 0; i < 2; i++)
			v[i] = end_of(r, i, &act[i]);
		int applied = (v[0].decision.outcome == OUTCOME_APPLIED) +
			(v[1].decision.outcome == OUTCOME_APPLIED);
		CHECK(r, applied == 1);
		int winner = v[0].decision.outcome == OUTCOME_APPLIED ? 0 : 1;
		check_loser(r, &v[!winner].decision, actors[winner], loses);
	}
	CHECK(r, fake_share_bp(r->f) == 100);
	r->f->lose_before = r->f->lose_after = 0;
	deliver_again(r);
	CHECK(r, fake_share_bp(r->f) == 100);
	go_back(r);
}

/* A step and the other's rollback cross on the way. */
static void step_and_rollback_race(struct race *r)
{
	struct act_result step, back;
	int who = (int)draw(r, 2);
	int64_t epoch = fake_epoch(r->f);
	r->f->delay_ms = (int64_t)draw(r, 4) * 60;
	bool loses = draw(r, 3) == 0;
	if (loses && draw(r, 2))
		r->f->lose_before = 1;
	else if (loses)
		r->f->lose_after = 1;
	step = site_act(&r->site, r->desk[who], VERB_STEP, 100, "race");
	CHECK(r, step.status == ACT_BEGUN);
	jostle(r, (int)draw(r, 8));
	back = site_act(&r->site, r->desk[!who], VERB_ROLLBACK, -1, "no");
	CHECK(r, back.status == ACT_BEGUN);
	jostle(r, (int)draw(r, 12));
	site_settle(&r->site);
	struct act_view b = end_of(r, !who, &back);
	struct act_view v = end_of(r, who, &step);
	CHECK(r, b.decision.outcome == OUTCOME_APPLIED);
	CHECK(r, b.decision.verified_ms != UNKNOWN);
	CHECK(r, fake_epoch(r->f) == epoch + 1);
	bool after_all = v.decision.outcome == OUTCOME_APPLIED && fake_share_bp(r->f) == 100;
	/* Only a step decided on the epoch after the rollback may stand; this one was decided
	 * before. */
	CHECK(r, !after_all);
	CHECK(r, fake_share_bp(r->f) == 0);
	r->f->lose_before = r->f->lose_after = 0;
	deliver_again(r);
	go_back(r);
}

static uint64_t first_seed(void)
{
	const char *text = getenv("SEED");
	return text ? strtoull(text, NULL, 10) : 1;
}

static void run(void (*one)(struct race *r), uint64_t salt)
{
	struct race r;
	uint64_t seed = first_seed();
	set_up(&r, seed);
	for (int i = 0; i < RACES; i++) {
		r.seed = seed + (uint64_t)i;
		r.random = r.seed * 2 + salt;
		one(&r);
	}
	for (int i = 0; i < 2; i++)
		CHECK(&r, desk_open_acts(r.desk[i]) == 0 && desk_unrecorded(r.desk[i]) == 0);
	site_release(&r.site);
}

static void of_two_steps_one_applies(void **state)
{
	(void)state;
	run(steps_race, 0);
}

static void nothing_survives_a_rollback(void **state)
{
	(void)state;
	run(step_and_rollback_race, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_steps_one_applies),
		cmocka_unit_test(nothing_survives_a_rollback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
