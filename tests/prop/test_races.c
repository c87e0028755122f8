/* Two operators race at one pool, in a seeded order, with answers that are late or lost: two desks
 * with histories of their own, and, by the thousand, two bare operators at one control who follow
 * the same order (lease, arming, step, the fate of what was lost). SEED=N begins elsewhere, SEEDS=N
 * runs so many bare races; a failure names the race that it needs.
 *
 * 1. Of two steps exactly one applies, and its actor holds the lease; the other is told who was
 *    first. None applies only where the one that had the lease was lost on its way and voided.
 * 2. A rollback always applies, and what was decided before it never does after it.
 * 3. A copy of a command that comes late, or again, changes nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/control.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RACES 200        /* of desks, of each kind */
#define BARE_RACES 10000 /* of operators without a desk */
#define BARE_POOL 50     /* races at one control */

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
		const struct command *c = &r->f->got[draw(r, (uint64_t)r->f->got_count)];
		bool leased = strcmp(fake_lease(r->f).holder, c->actor) == 0;
		int status = fake_deliver(r->f, c, &replayed);
		CHECK(r, replayed || status == 412 || status == 422 || (status == 423 && !leased));
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
	r->f->delay_ms = r->f->prelude_delay_ms = 0;
	/* Both know it before they start again. */
	site_run(&r->site, 1500);
	for (int i = 0; i < 2; i++)
		CHECK(r, site_standing(r->desk[i])->state == STATE_ROLLED_BACK);
}

static bool says(const struct decision *d, const char *code)
{
	return strncmp(d->answer, code, strlen(code)) == 0;
}

/* The loser's decision says who was first, where the pool was asked or the lease was seen; else
 * that the picture was old. */
static void check_loser(
	struct race *r, const struct decision *lost, const char *winner, bool may_be_void)
{
	switch (lost->outcome) {
	case OUTCOME_REFUSED:
		CHECK(r, says(lost, "W140") || says(lost, "W141") || says(lost, "W143"));
		CHECK(r, strstr(lost->answer, winner));
		break;
	case OUTCOME_NOT_SENT:
		CHECK(r, strstr(lost->answer, "W140") || strstr(lost->answer, "W143"));
		CHECK(r, !strstr(lost->answer, "W143") || strstr(lost->answer, winner));
		break;
	default:
		CHECK(r, may_be_void && lost->outcome == OUTCOME_VOID);
	}
}

/* Whoever had the lease has won, or was lost on the way and voided. */
static void check_two(struct race *r, const struct act_view v[2], bool loses)
{
	bool applied[2];
	for (int i = 0; i < 2; i++)
		applied[i] = v[i].decision.outcome == OUTCOME_APPLIED;
	CHECK(r, !(applied[0] && applied[1]));
	const char *holder = fake_lease(r->f).holder[0] == actors[0][0] ? actors[0] : actors[1];
	CHECK(r, strcmp(fake_lease(r->f).holder, holder) == 0);
	int first = holder == actors[0] ? 0 : 1;
	if (applied[0] || applied[1])
		CHECK(r, applied[first]);
	else
		CHECK(r, loses && v[first].decision.outcome == OUTCOME_VOID);
	CHECK(r, fake_share_bp(r->f) == (applied[first] ? 100 : 0));
	check_loser(r, &v[!first].decision, holder, loses);
}

static void steps_race(struct race *r)
{
	struct act_result act[2];
	int first = (int)draw(r, 2);
	r->f->delay_ms = (int64_t)draw(r, 4) * 60;
	r->f->prelude_delay_ms = (int64_t)draw(r, 3) * 60;
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
	struct act_view v[2];
	v[first] = end_of(r, first, &act[first]);
	if (act[!first].status != ACT_BEGUN) {
		/* It had seen the other's lease or step already. */
		CHECK(r, act[!first].status == ACT_REFUSED || act[!first].status == ACT_ALREADY);
		bool applied = v[first].decision.outcome == OUTCOME_APPLIED;
		CHECK(r, applied || (loses && v[first].decision.outcome == OUTCOME_VOID));
		CHECK(r, fake_share_bp(r->f) == (applied ? 100 : 0));
	} else {
		v[!first] = end_of(r, !first, &act[!first]);
		check_two(r, v, loses);
	}
	int share_bp = fake_share_bp(r->f);
	r->f->lose_before = r->f->lose_after = 0;
	deliver_again(r);
	CHECK(r, fake_share_bp(r->f) == share_bp);
	go_back(r);
}

/* A step and the other's rollback cross on the way. */
static void step_and_rollback_race(struct race *r)
{
	struct act_result step, back;
	int who = (int)draw(r, 2);
	int64_t epoch = fake_epoch(r->f);
	r->f->delay_ms = (int64_t)draw(r, 4) * 60;
	r->f->prelude_delay_ms = (int64_t)draw(r, 3) * 60;
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

/* ---- without desks ---- */

enum stage { LEASING, ARMING, STEPPING, FLYING, ASKING, ENDED };
enum loss { KEPT, LOST_BEFORE, LOST_AFTER };

struct operator
{
	const char *actor;
	enum stage stage;
	enum loss loss;     /* of its step */
	int64_t epoch, rev; /* as it looked */
	bool applied, voided;
	int status; /* of the answer that ended it */
	struct control_request step;
};

struct bare {
	struct control *c;
	struct instant now;
	struct operator who[2];
	struct control_request sent[2 * BARE_POOL]; /* every step that ever left */
	int sent_count;
	bool leases;
	int64_t keys;
};

static const struct control_counts no_counts;

static void look(const struct bare *b, struct snapshot *s)
{
	memset(s, 0, sizeof *s);
	control_fill(b->c, s, b->now);
}

static struct control_request request(struct bare *b, const struct operator* o, enum verb verb)
{
	struct control_request r = {.verb = verb,
		.to_bp = verb == VERB_STEP ? 100 : -1,
		.from_bp = -1,
		.baseline_bp = -1,
		.on_orphan = ORPHAN_DEFAULT,
		.strategy = STRATEGY_COUNT,
		.has_match = true,
		.match_epoch = o->epoch,
		.match_rev = o->rev,
		.keep_within_ms = 130000};
	snprintf(r.key, sizeof r.key, "k-%lld", (long long)++b->keys);
	text_copy(r.actor, sizeof r.actor, o->actor);
	text_copy(r.plan_hash, sizeof r.plan_hash, "0123abcd");
	return r;
}

/* Has the pool moved on since it looked? */
static bool moved(const struct operator* o, const struct control_answer *a)
{
	return a->epoch != o->epoch || a->rev != o->rev;
}

static void end(struct operator* o, int status)
{
	o->stage = ENDED;
	o->status = status;
}

static void lease_stage(struct bare *b, struct operator* o)
{
	struct lease_request l = {.ttl_ms = 30000};
	struct control_answer a;
	text_copy(l.actor, sizeof l.actor, o->actor);
	if (b->leases) {
		control_lease(b->c, &l, b->now, &a);
		if (a.status != 200 || moved(o, &a)) {
			end(o, a.status == 200 ? 412 : a.status);
			return;
		}
	}
	o->stage = ARMING;
}

static void arm_stage(struct bare *b, struct operator* o, struct snapshot *s)
{
	struct control_answer a;
	look(b, s);
	if (!s->plan_hash[0]) {
		struct control_request arm = request(b, o, VERB_ARM);
		control_change(b->c, &arm, &no_counts, b->now, &a);
		if (a.status != 200 || moved(o, &a)) {
			end(o, a.status == 200 ? 412 : a.status);
			return;
		}
	}
	o->stage = STEPPING;
}

static void arrive(struct bare *b, struct operator* o)
{
	struct control_answer a = {0};
	if (o->loss != LOST_BEFORE)
		control_change(b->c, &o->step, &no_counts, b->now, &a);
	if (o->loss != KEPT) {
		o->stage = ASKING;
		return;
	}
	o->applied = a.status == 200;
	end(o, a.status);
}

static void turn(struct race *r, struct bare *b, struct operator* o, struct snapshot *s)
{
	struct control_answer a;
	enum intent_fate fate;
	switch (o->stage) {
	case LEASING:
		lease_stage(b, o);
		break;
	case ARMING:
		arm_stage(b, o, s);
		break;
	case STEPPING:
		o->step = request(b, o, VERB_STEP);
		b->sent[b->sent_count++] = o->step;
		o->stage = FLYING;
		break;
	case FLYING:
		if (draw(r, 3) == 0)
			arrive(b, o);
		break;
	case ASKING:
		fate = control_intent(b->c, o->step.key, true, b->now, &a);
		CHECK(r, fate != INTENT_UNKNOWN);
		o->applied = fate == INTENT_APPLIED || fate == INTENT_SUPERSEDED;
		o->voided = fate == INTENT_VOID;
		end(o, 0);
		break;
	case ENDED:
		break;
	}
}

static void roll_back(struct race *r, struct bare *b)
{
	struct operator* o = & b->who[draw(r, 2)];
	struct control_request back = request(b, o, VERB_ROLLBACK);
	struct control_answer a;
	control_change(b->c, &back, &no_counts, b->now, &a);
	CHECK(r, a.status == 200);
	CHECK(r, a.share_bp == 0);
}

/* A copy of a step that arrived, was lost or was given up. One that is under way still may be
 * the first to arrive: that is no copy. */
static void copy_arrives(struct race *r, struct bare *b, struct snapshot *s)
{
	if (b->sent_count == 0)
		return;
	const struct control_request *c = &b->sent[draw(r, (uint64_t)b->sent_count)];
	for (int i = 0; i < 2; i++)
		if (b->who[i].stage != ENDED && strcmp(b->who[i].step.key, c->key) == 0)
			return;
	struct control_answer a;
	look(b, s);
	int64_t epoch = s->epoch, rev = s->rev;
	int share_bp = s->share_bp;
	control_change(b->c, c, &no_counts, b->now, &a);
	CHECK(r, a.replayed || a.status == 412 || a.status == 422 || a.status == 423);
	look(b, s);
	CHECK(r, s->epoch == epoch && s->rev == rev && s->share_bp == share_bp);
}

static void begin_bare(struct race *r, struct bare *b, struct snapshot *s)
{
	look(b, s);
	CHECK(r, s->share_bp == 0);
	b->leases = draw(r, 2) == 0;
	int unlucky = (int)draw(r, 6);
	for (int i = 0; i < 2; i++) {
		b->who[i] = (struct operator){.actor = actors[i],
			.epoch = s->epoch,
			.rev = s->rev,
			.loss = unlucky == i ? (draw(r, 2) ? LOST_BEFORE : LOST_AFTER) : KEPT};
	}
}

static void check_bare(struct race *r, const struct bare *b, const struct snapshot *s)
{
	const struct operator* o = b->who;
	CHECK(r, !(o[0].applied && o[1].applied));
	CHECK(r, s->share_bp == (o[0].applied || o[1].applied ? 100 : 0));
	int first = o[0].applied ? 0 : 1;
	if (!o[0].applied && !o[1].applied) {
		/* The one that was lost had the lease, or the pool to itself. */
		CHECK(r, o[0].voided || o[1].voided);
		first = o[0].voided ? 0 : 1;
	}
	if (b->leases)
		CHECK(r, strcmp(s->lease.holder, o[first].actor) == 0);
	const struct operator* other = & o[!first];
	CHECK(r, other->voided || other->status == 412 || other->status == 423);
	CHECK(r, b->leases || other->status != 423);
}

static void bare_race(struct race *r, struct bare *b, struct snapshot *s, bool crossed)
{
	bool back = false;
	begin_bare(r, b, s);
	int64_t epoch = s->epoch;
	while (b->who[0].stage != ENDED || b->who[1].stage != ENDED) {
		uint64_t what = draw(r, 16);
		if (what < 2) {
			copy_arrives(r, b, s);
		} else if (what == 2 && crossed && !back) {
			roll_back(r, b);
			back = true;
		} else {
			turn(r, b, &b->who[what % 2], s);
		}
		b->now.boot_ms += (int64_t)draw(r, 20);
	}
	look(b, s);
	if (back) {
		/* Nothing that was decided before it stands after it. */
		CHECK(r, s->share_bp == 0);
		CHECK(r, s->epoch == epoch + 1);
	} else {
		check_bare(r, b, s);
	}
	roll_back(r, b);
	for (int i = 0; i < 4; i++)
		copy_arrives(r, b, s);
	look(b, s);
	CHECK(r, s->share_bp == 0 && !s->lease.holder[0]);
}

static void run_bare(bool crossed, uint64_t salt)
{
	const char *text = getenv("SEEDS");
	uint64_t races = text ? strtoull(text, NULL, 10) : BARE_RACES, seed = first_seed();
	struct control_options how = {.strategy = STRATEGY_CANARY, .has_v2 = true, .epoch = 1};
	struct snapshot *s = mem_new(1, sizeof *s);
	struct bare *b = mem_new(1, sizeof *b);
	struct race r = {0};
	for (uint64_t i = 0; i < races; i++) {
		if (i % BARE_POOL == 0) {
			control_free(b->c);
			memset(b, 0, sizeof *b);
			b->now = (struct instant){SITE_BOOT_MS, SITE_WALL_MS};
			b->c = control_new(&how, NULL, b->now, NULL);
		}
		r.seed = seed + i;
		r.random = r.seed * 4 + salt;
		bare_race(&r, b, s, crossed);
	}
	control_free(b->c);
	free(b);
	free(s);
}

static void of_two_bare_steps_one_applies(void **state)
{
	(void)state;
	run_bare(false, 2);
}

static void nothing_bare_survives_a_rollback(void **state)
{
	(void)state;
	run_bare(true, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_bare_steps_one_applies),
		cmocka_unit_test(nothing_bare_survives_a_rollback),
		cmocka_unit_test(of_two_steps_one_applies),
		cmocka_unit_test(nothing_survives_a_rollback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
