/* Interlock bed: what is asked of whom, written from the policies and not from the code, and facts in
 * order for it. */
#ifndef WEIR_TESTS_UNIT_MODEL_INTERLOCK_BED_H
#define WEIR_TESTS_UNIT_MODEL_INTERLOCK_BED_H

#include "model/interlock.h"

#include "model/text.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert(PREDICATE_COUNT == 14, "the rules below have 14 columns");

#define ROW 15

/* What is asked, a column a predicate: x asked, . not asked.
 * 6: a also that the pool is armed with the plan.
 * 9: k the plan's bake alone, else the whole stay and that nothing is left to be kept.
 * 11: r only RED refuses, g UNKNOWN does too.
 * 14: o also a guard owner that stays, d a drill, b both; e that there is a way back to end.
 * Two rows an act: above the baseline, and at it, where nothing has been baked. RED refuses at a
 * baseline above 0 as well: what is seen to fail is not given more. */
static const char rules[POLICY_COUNT][ACT_COUNT][2][ROW] = {
	[POLICY_MANUAL] = {[ACT_RAISE] = {"xxxxxxxx..rx.x", "xxxxxxxx..rx.x"},
		[ACT_PUT_BACK] = {"xxx.xxxx..rx.x", "xxx.xxxx..rx.x"},
		[ACT_COMPLETE] = {"xxx.xxxx..rx.x", "xxx.xxxx..rx.x"},
		[ACT_LOWER] = {"x.x.xxx.......", "x.x.xxx......."},
		[ACT_WIDEN] = {"xxxxxxx...rx.x", "xxxxxxx...rx.x"},
		[ACT_KEEP] = {"xxxxx.x...g...", "xxxxx.x...r..."},
		[ACT_FINALIZE] = {"xxxxxxxx..gx.e", "xxxxxxxx..rx.e"},
		[ACT_ARM] = {"xxxxxxx......x", "xxxxxxx......x"},
		[ACT_RESUME] = {"xxx.x.........", "xxx.x........."},
		[ACT_ADOPT] = {"xxx...........", "xxx..........."},
		[ACT_TELL] = {"x.x...........", "x.x..........."}},
	[POLICY_DEMO] = {[ACT_RAISE] = {"xxxxxxxxxxgx.o", "xxxxxxxx..rx.o"},
		[ACT_PUT_BACK] = {"xxx.xxxx..gx.o", "xxx.xxxx..rx.o"},
		[ACT_COMPLETE] = {"xxx.xxxx..rx.o", "xxx.xxxx..rx.o"},
		[ACT_LOWER] = {"x.x.xxx.......", "x.x.xxx......."},
		[ACT_WIDEN] = {"xxxxxxx.xxgx.o", "xxxxxxx...rx.o"},
		[ACT_KEEP] = {"xxxxx.x.k.g...", "xxxxx.x...r..."},
		[ACT_FINALIZE] = {"xxxxxxxxxxgx.e", "xxxxxxxx..rx.e"},
		[ACT_ARM] = {"xxxxxxx......x", "xxxxxxx......x"},
		[ACT_RESUME] = {"xxx.x.........", "xxx.x........."},
		[ACT_ADOPT] = {"xxx...........", "xxx..........."},
		[ACT_TELL] = {"x.x...........", "x.x..........."}},
	[POLICY_STANDARD] = {[ACT_RAISE] = {"xxxxxxxxxxgx.o", "xxxxxxxx..rx.o"},
		[ACT_PUT_BACK] = {"xxx.xxxx..gx.o", "xxx.xxxx..rx.o"},
		[ACT_COMPLETE] = {"xxx.xxxx..rx.o", "xxx.xxxx..rx.o"},
		[ACT_LOWER] = {"x.x.xxx.......", "x.x.xxx......."},
		[ACT_WIDEN] = {"xxxxxxx.xxgx.o", "xxxxxxx...rx.o"},
		[ACT_KEEP] = {"xxxxx.x.k.g...", "xxxxx.x...r..."},
		[ACT_FINALIZE] = {"xxxxxxxxxxgx.e", "xxxxxxxx..rx.e"},
		[ACT_ARM] = {"xxxxxxx......x", "xxxxxxx......x"},
		[ACT_RESUME] = {"xxx.x.........", "xxx.x........."},
		[ACT_ADOPT] = {"xxx...........", "xxx..........."},
		[ACT_TELL] = {"x.x...........", "x.x..........."}},
	[POLICY_STRICT] = {[ACT_RAISE] = {"xxxxxaxxxxsxxb", "xxxxxaxx..rxxb"},
		[ACT_PUT_BACK] = {"xxx.xaxx..sxxb", "xxx.xaxx..rxxb"},
		[ACT_COMPLETE] = {"xxx.xaxx..rxxb", "xxx.xaxx..rxxb"},
		[ACT_LOWER] = {"x.x.xxx.......", "x.x.xxx......."},
		[ACT_WIDEN] = {"xxxxxax.xxsxxb", "xxxxxax...rxxb"},
		[ACT_KEEP] = {"xxxxx.x.k.g...", "xxxxx.x...r..."},
		[ACT_FINALIZE] = {"xxxxxxxxxxgxxe", "xxxxxxxx..rxxe"},
		[ACT_ARM] = {"xxxxxxx......x", "xxxxxxx......x"},
		[ACT_RESUME] = {"xxx.x.........", "xxx.x........."},
		[ACT_ADOPT] = {"xxx...........", "xxx..........."},
		[ACT_TELL] = {"x.x...........", "x.x..........."}},
};

/* By break-glass: f may fail, x may not. Strict asks an approval of whatever can be forced, of every
 * share. */
static const char glass[ROW] = "xxxxxxxxffffxx";
static const char glass_seconds[POLICY_COUNT][ACT_COUNT + 1] = {[POLICY_MANUAL] = "..........",
	[POLICY_DEMO] = "..........",
	[POLICY_STANDARD] = "..........",
	/* raise, put back, complete, lower, widen, keep, arm, resume, adopt, tell */
	[POLICY_STRICT] = "xxx.xx...."};

/* Facts, and the row that tells what is asked of them. */
struct place {
	struct interlock_facts f;
	char row[ROW];
};

/* A step 10 > 60 % of which everything is known and in order. */
static inline struct interlock_facts in_order_of(
	const struct policy *policy, enum act act, bool at_baseline)
{
	return (struct interlock_facts){
		.act = act,
		.pool = "shop",
		.policy = *policy,
		.has_plan = !policy_is_manual(policy),
		.history_writable = true,
		.nodes = 3,
		.nodes_live = 3,
		.worst_age_ms = 400,
		.identity_equal = true,
		.build_equal = true,
		.intended_bp = 1000,
		.reported_bp = 1000,
		.lease_asked = true,
		.lease_mine = true,
		.lease_left_ms = 24000,
		.armed = true,
		.shown_epoch = 3,
		.shown_rev = 42,
		.epoch = 3,
		.rev = 42,
		.from_bp = 1000,
		.to_bp = 6000,
		.next_bp = 6000,
		.max_delta_bp = 5000,
		.plan_as_armed = true,
		.at_baseline = at_baseline,
		.kept = true,
		.bake_left_ms = 0,
		.keep_left_ms = 0,
		.min_samples = 300,
		.samples = {2700, 300},
		.sample_rate = {9, 1},
		.guard = GUARD_GREEN,
		.verdict = VERDICT_SAFE,
		.approvers_known = true,
		.approval = APPROVAL_GOOD,
		.baseline_known = true,
		.v1_serving = true,
		.owner = OWNER_POOL,
		.drill_age_ms = 500,
		.drill_text = "0.5s ago: back in 0.8s",
	};
}

static inline struct interlock_facts in_order(
	enum policy_kind policy, enum act act, bool at_baseline)
{
	return in_order_of(policy_builtin(policy), act, at_baseline);
}

static inline struct place a_place(enum policy_kind policy, enum act act, bool at_baseline)
{
	struct place at = {.f = in_order(policy, act, at_baseline)};
	if (act == ACT_FINALIZE)
		at.f.intended_bp = at.f.reported_bp = at.f.from_bp = at.f.to_bp = SHARE_FULL;
	memcpy(at.row, rules[policy][act][at_baseline], ROW);
	return at;
}

/* The same by break-glass, of everything that somebody might wish to force. */
static inline struct place a_forced_place(
	enum policy_kind policy, enum act act, bool at_baseline)
{
	struct place at = a_place(policy, act, at_baseline);
	at.f.forced = (1u << PREDICATE_COUNT) - 1;
	if (glass_seconds[policy][act] == 'x')
		at.row[PREDICATE_APPROVAL] = 'x';
	return at;
}

/* The summary is "CODE text" of each failing predicate in order, and nothing else. */
static inline void assert_names_all(const struct interlock *i, const enum err_code *codes)
{
	char summary[PREDICATE_COUNT * 180];
	const char *at = summary;
	interlock_summary(summary, sizeof summary, i);
	for (int p = 0; p < PREDICATE_COUNT; p++) {
		if (!(i->failing >> p & 1))
			continue;
		const char *code = err_name(codes[p]), *text = i->check[p].text;
		if (at != summary) {
			assert_memory_equal(at, "; ", 2);
			at += 2;
		}
		assert_memory_equal(at, code, strlen(code));
		at += strlen(code);
		assert_true(*at++ == ' ' && text[0]);
		assert_memory_equal(at, text, strlen(text));
		at += strlen(text);
	}
	assert_string_equal(at, "");
}

/* ---- unknown never holds ---- */

static inline enum check_state state_of_check(const struct interlock_facts *f, enum predicate p)
{
	struct interlock i;
	interlock_evaluate(&i, f);
	assert_int_equal(i.failing >> p & 1, i.check[p].state == CHECK_FAILS);
	return i.check[p].state;
}

static inline bool fails(struct interlock_facts f, enum predicate p)
{
	return state_of_check(&f, p) == CHECK_FAILS;
}

/* ---- 8 ---- */

static inline bool next_holds(
	enum policy_kind policy, int from_bp, int to_bp, int next_bp, int max_delta_bp)
{
	struct interlock_facts f = in_order(policy, ACT_RAISE, false);
	f.from_bp = from_bp;
	f.to_bp = to_bp;
	f.next_bp = next_bp;
	f.max_delta_bp = max_delta_bp;
	return !fails(f, PREDICATE_NEXT);
}

/* The text of 11 for a verdict; true when it holds. */
static inline bool asks_safe(
	struct interlock_facts f, enum verdict_word v, const char *text, char out[160])
{
	struct interlock i;
	f.verdict = v;
	text_copy(f.verdict_text, sizeof f.verdict_text, text);
	interlock_evaluate(&i, &f);
	text_copy(out, 160, i.check[PREDICATE_GUARD].text);
	assert_true(i.check[PREDICATE_GUARD].state == CHECK_HOLDS ||
		i.check[PREDICATE_GUARD].code == ERR_GUARD);
	return i.check[PREDICATE_GUARD].state == CHECK_HOLDS;
}

#endif
