/* Interlock: every combination of asked predicates that hold and fail (16,384 where all 14
 * are), for each policy, act and place, against the rule table of the bed, which was written from
 * the policies and not from the code. What is not asked holds or fails at random: it must not
 * matter. */
#include "tests/unit/model/interlock_bed.h"

static bool asks(const struct place *at, int p)
{
	return at->row[p] != '.';
}

static enum err_code spoil_lease(struct place *at, uint64_t way)
{
	struct interlock_facts *f = &at->f;
	if (at->row[PREDICATE_LEASE] == 'a' && way & 1) {
		f->armed = false;
		return ERR_NOT_ARMED;
	}
	f->lease_mine = false;
	text_copy(f->lease_holder, sizeof f->lease_holder, "ana@ops2");
	f->armed = way & 2;
	return ERR_LEASE;
}

static enum err_code spoil_next(struct interlock_facts *f, uint64_t way)
{
	if (f->act == ACT_FINALIZE) {
		f->plan_as_armed = way % 4 != 0;
		f->v1_sessions = way % 4 == 1 ? 12 : 0;
		f->v1_end_ms = way % 4 == 1 ? 860000 : 0;
		f->v1_busy = way % 4 == 2 ? 3 : way % 4 == 3 ? UNKNOWN : 0;
		return ERR_NEXT;
	}
	/* what was allowed before is next by itself: only no share at all fails */
	if (f->act == ACT_PUT_BACK || f->act == ACT_COMPLETE)
		f->to_bp = way & 1 ? -1 : SHARE_FULL + 1;
	else if (way % 3 == 0)
		f->from_bp = -1;
	else if (policy_is_manual(&f->policy))
		f->to_bp = f->from_bp + 5001;
	else if (way % 3 == 1)
		f->plan_as_armed = false;
	else
		f->next_bp = way & 8 ? -1 : 5000;
	return ERR_NEXT;
}

static enum err_code spoil_bake(struct place *at, uint64_t way)
{
	struct interlock_facts *f = &at->f;
	bool even = way & 1;
	if (at->row[PREDICATE_BAKE] == 'k') {
		f->keep_left_ms = even ? 409000 : UNKNOWN;
		return ERR_BAKE;
	}
	if (way & 2) {
		f->kept = false;
		return ERR_UNKEPT;
	}
	f->bake_left_ms = even ? 409000 : UNKNOWN;
	return ERR_BAKE;
}

/* 'r': only what is red counts; 'g': green is asked; 's', 'S': the same and the verdict SAFE. */
static enum err_code spoil_guard(struct place *at, uint64_t way)
{
	struct interlock_facts *f = &at->f;
	char asked = at->row[PREDICATE_GUARD];
	bool lenient = asked != 'g' && asked != 's';
	if ((asked == 's' || asked == 'S') && way % 5 == 4) {
		f->verdict = (enum verdict_word)(way / 5 % VERDICT_SAFE);
		return ERR_GUARD;
	}
	f->guard_red = way % 4 == 0;
	f->guard_both = way % 4 == 1;
	f->guard = way % 4 == 2 || (way % 4 == 3 && lenient) ? GUARD_RED
		: way & 8                                        ? GUARD_AMBER
														 : GUARD_UNKNOWN;
	return ERR_GUARD;
}

static enum err_code spoil_way_back(struct place *at, uint64_t way)
{
	struct interlock_facts *f = &at->f;
	char asked = at->row[PREDICATE_WAY_BACK];
	if (way % 4 == 2 && (asked == 'o' || asked == 'b'))
		f->owner = way & 4 ? OWNER_NONE : OWNER_CONSOLE;
	else if (way % 4 == 3 && (asked == 'd' || asked == 'b'))
		f->drill_age_ms = way & 4 ? UNKNOWN : INT64_C(8) * 86400000;
	else if (way & 1 || asked == 'e')
		f->baseline_known = false;
	else
		f->v1_serving = false;
	return ERR_WAY_BACK;
}

/* Makes predicate `p` fail, one of several ways; the code that the refusal must carry. */
static enum err_code spoil(struct place *at, int p, uint64_t way)
{
	struct interlock_facts *f = &at->f;
	bool even = way & 1;
	switch ((enum predicate)p) {
	case PREDICATE_HISTORY:
		f->history_writable = false;
		return ERR_HISTORY;
	case PREDICATE_LIVE:
		f->nodes_live = even ? 2 : 0;
		f->worst_age_ms = even ? 14000 : UNKNOWN;
		return even ? ERR_NODES : ERR_STALE;
	case PREDICATE_IDENTITY:
		f->identity_equal = way % 3 != 0;
		f->build_equal = way % 3 != 1;
		f->dropped = way % 3 == 2;
		return way % 3 == 0 ? ERR_IDENTITY : way % 3 == 1 ? ERR_BUILD : ERR_TOO_MANY;
	case PREDICATE_DRIFT:
		if (way % 3 == 0)
			f->intended_bp = 500;
		else if (way % 3 == 1)
			f->reported_bp = -1;
		else
			f->split_off = true;
		return ERR_DRIFT;
	case PREDICATE_OPEN:
		f->open_intent = true;
		text_copy(f->open_what, sizeof f->open_what, "step by sam");
		return ERR_OPEN_INTENT;
	case PREDICATE_LEASE:
		return spoil_lease(at, way);
	case PREDICATE_REVISION:
		if (even)
			f->epoch++;
		else
			f->rev++;
		return ERR_CHANGED;
	case PREDICATE_NEXT:
		return spoil_next(f, way);
	case PREDICATE_BAKE:
		return spoil_bake(at, way);
	case PREDICATE_SAMPLES:
		/* at 100 % v1 owes none */
		f->samples[f->reported_bp == SHARE_FULL ? ARM_V2 : way >> 1 & 1] = even ? 212 : UNKNOWN;
		return ERR_SAMPLES;
	case PREDICATE_GUARD:
		return spoil_guard(at, way);
	case PREDICATE_FROZEN:
		f->frozen = !even;
		f->frozen_left_ms = way & 2 ? 60000 : UNKNOWN;
		text_copy(f->frozen_text, sizeof f->frozen_text, "FROZEN (Christmas)");
		f->held = even;
		return even ? ERR_HELD : ERR_FROZEN;
	case PREDICATE_APPROVAL:
		f->approval = APPROVAL_EXPIRED;
		return ERR_APPROVAL;
	case PREDICATE_WAY_BACK:
		return spoil_way_back(at, way);
	case PREDICATE_COUNT:
		break;
	}
	return ERR_NONE;
}

static void try_combination(struct place at, unsigned bad, uint64_t ways)
{
	struct interlock i;
	enum err_code codes[PREDICATE_COUNT] = {0};
	unsigned expected = 0, forced = 0;
	for (int p = 0; p < PREDICATE_COUNT; p++) {
		if (!(bad >> p & 1))
			continue;
		codes[p] = spoil(&at, p, ways >> p * 4);
		if (asks(&at, p) && at.f.forced && glass[p] == 'f')
			forced |= 1u << p;
		else if (asks(&at, p))
			expected |= 1u << p;
	}
	interlock_evaluate(&i, &at.f);
	if (i.failing != expected)
		fail_msg("policy %s, act %d, baseline %d, row %s: failing %x, expected %x",
			at.f.policy.name, at.f.act, at.f.at_baseline, at.row, i.failing, expected);
	assert_int_equal(i.forced, forced);
	assert_int_equal(i.failures, __builtin_popcount(expected));
	assert_int_equal(i.allowed, expected == 0);
	for (int p = 0; p < PREDICATE_COUNT; p++) {
		enum check_state state = !asks(&at, p) ? CHECK_NOT_ASKED
			: expected >> p & 1                ? CHECK_FAILS
			: forced >> p & 1                  ? CHECK_FORCED
											   : CHECK_HOLDS;
		assert_int_equal(i.check[p].state, state);
		if (state != CHECK_FAILS && state != CHECK_FORCED)
			assert_true(i.check[p].wait_ms == UNKNOWN);
		else if (i.check[p].code != codes[p])
			fail_msg("predicate %d fails as %s, not %s", p + 1, err_name(i.check[p].code),
				err_name(codes[p]));
	}
	assert_names_all(&i, codes);
}

#define ALL ((1u << PREDICATE_COUNT) - 1)

/* Every combination of what is asked here; small sets several times, each with other ways to
 * fail. */
static int try_place(const struct place *at, uint64_t *seed)
{
	unsigned asked = 0;
	int tried = 0;
	for (int p = 0; p < PREDICATE_COUNT; p++)
		asked |= (unsigned)asks(at, p) << p;
	do {
		for (unsigned bad = asked;; bad = (bad - 1) & asked) {
			unsigned others = (unsigned)seeded_next(seed) & ALL & ~asked;
			try_combination(*at, bad | others, seeded_next(seed));
			tried++;
			if (bad == 0)
				break;
		}
	} while (tried < 1024);
	return tried;
}

static void test_every_combination(void **state)
{
	(void)state;
	uint64_t seed = 14;
	for (int policy = 0; policy < POLICY_COUNT; policy++)
		for (int act = 0; act < ACT_COUNT; act++)
			for (int at_baseline = 0; at_baseline < 2; at_baseline++) {
				if (act == ACT_FINALIZE && at_baseline)
					continue; /* there is nothing to finish: a test of its own */
				struct place at = a_place((enum policy_kind)policy, (enum act)act, at_baseline);
				struct place forced =
					a_forced_place((enum policy_kind)policy, (enum act)act, at_baseline);
				int tried = try_place(&at, &seed);
				/* demo asks what standard does */
				int again = policy == POLICY_DEMO ? 0 : try_place(&forced, &seed);
				if (policy != POLICY_STRICT || act != ACT_RAISE || at_baseline)
					continue;
				assert_int_equal(tried, 16384);
				assert_int_equal(again, 16384);
			}
}

/* Of two who must agree one does not break the glass, however low the share is. */
static void test_strict_glass_takes_two(void **state)
{
	(void)state;
	struct interlock i;
	struct interlock_facts f = in_order(POLICY_STRICT, ACT_RAISE, false);
	f.to_bp = f.next_bp = 2000;
	f.bake_left_ms = 409000;
	f.approval = APPROVAL_NONE;
	interlock_evaluate(&i, &f);
	assert_int_equal(i.failing, 1u << PREDICATE_BAKE);
	assert_true(interlock_is_forcible(&i));
	f.forced = i.failing;
	interlock_evaluate(&i, &f);
	assert_int_equal(i.failing, 1u << PREDICATE_APPROVAL);
	assert_int_equal(i.forced, 1u << PREDICATE_BAKE);
	f.approvers_known = false;
	interlock_evaluate(&i, &f);
	assert_string_equal(i.check[PREDICATE_APPROVAL].text,
		"approval is asked of break-glass, and the plan names no approvers");
	f.approvers_known = true;
	f.approval = APPROVAL_GOOD;
	interlock_evaluate(&i, &f);
	assert_true(i.allowed);
	/* what was not forced still locks */
	f.guard_red = true;
	interlock_evaluate(&i, &f);
	assert_int_equal(i.failing, 1u << PREDICATE_GUARD);
	assert_int_equal(i.forced, 1u << PREDICATE_BAKE);
	/* and where more is in the way than it relaxes, it is not even offered */
	f.nodes_live = 2;
	interlock_evaluate(&i, &f);
	assert_false(interlock_is_forcible(&i));
}

/* A policy of somebody's own is what its flags say, each for itself. */
static struct place own_place(uint64_t *seed)
{
	struct policy own = {.name = "own",
		.steps = seeded_below(seed, 2),
		.first_bp = 2500,
		.delta_bp = 5000,
		.bake = seeded_below(seed, 2),
		.samples = seeded_below(seed, 2),
		.green = seeded_below(seed, 2),
		.safe = seeded_below(seed, 2),
		.armed = seeded_below(seed, 2),
		.owner = seeded_below(seed, 2),
		.drill_ms = seeded_below(seed, 2) * 1000,
		.approval_bp = seeded_below(seed, 2) ? 2000 : SHARE_FULL,
		.reason = seeded_below(seed, 2)};
	enum act act = (enum act)seeded_below(seed, ACT_COUNT);
	bool at_baseline = seeded_below(seed, 2) && act != ACT_FINALIZE;
	struct place at = a_place(POLICY_STRICT, act, at_baseline);
	at.f.policy = own;
	at.f.has_plan = own.steps;
	char *row = at.row;
	if (row[PREDICATE_LEASE] == 'a' && !own.armed)
		row[PREDICATE_LEASE] = 'x';
	if (!own.bake)
		row[PREDICATE_BAKE] = '.';
	if (!own.samples)
		row[PREDICATE_SAMPLES] = '.';
	if (row[PREDICATE_GUARD] == 's')
		row[PREDICATE_GUARD] = "rgSs"[own.green + 2 * own.safe];
	if (own.approval_bp == SHARE_FULL)
		row[PREDICATE_APPROVAL] = '.';
	if (row[PREDICATE_WAY_BACK] == 'b')
		row[PREDICATE_WAY_BACK] = "xodb"[own.owner + 2 * (own.drill_ms > 0)];
	return at;
}

static void test_own_policies(void **state)
{
	(void)state;
	uint64_t seed = 41;
	for (int i = 0; i < 2000; i++) {
		struct place at = own_place(&seed);
		for (int k = 0; k < 50; k++) {
			unsigned bad = (unsigned)seeded_next(&seed) & ALL;
			try_combination(at, bad, seeded_next(&seed));
		}
	}
}

static void test_asks_is_the_rule(void **state)
{
	(void)state;
	for (int policy = 0; policy < POLICY_COUNT; policy++)
		for (int act = 0; act < ACT_COUNT; act++)
			for (int at_baseline = 0; at_baseline < 2; at_baseline++)
				for (int p = 0; p < PREDICATE_COUNT; p++)
					assert_int_equal(interlock_asks(policy_builtin((enum policy_kind)policy),
										 (enum act)act, at_baseline, (enum predicate)p),
						rules[policy][act][at_baseline][p] != '.');
}

/* ---- unknown never holds ---- */

static void test_unknown_never_holds(void **state)
{
	(void)state;
	struct interlock_facts f, good = in_order(POLICY_STANDARD, ACT_RAISE, false);
	f = good, f.worst_age_ms = UNKNOWN;
	assert_true(fails(f, PREDICATE_LIVE));
	f = good, f.nodes = f.nodes_live = 0;
	assert_true(fails(f, PREDICATE_LIVE));
	f = good, f.intended_bp = -1;
	assert_true(fails(f, PREDICATE_DRIFT));
	f = good, f.intended_bp = f.reported_bp = -1;
	assert_true(fails(f, PREDICATE_DRIFT));
	f = good, f.epoch = f.shown_epoch = UNKNOWN;
	assert_true(fails(f, PREDICATE_REVISION));
	f = good, f.rev = f.shown_rev = UNKNOWN;
	assert_true(fails(f, PREDICATE_REVISION));
	f = good, f.from_bp = -1;
	assert_true(fails(f, PREDICATE_NEXT));
	f = good, f.to_bp = f.next_bp = -1;
	assert_true(fails(f, PREDICATE_NEXT));
	f = good, f.bake_left_ms = UNKNOWN;
	assert_true(fails(f, PREDICATE_BAKE));
	f = good, f.samples[0] = UNKNOWN;
	assert_true(fails(f, PREDICATE_SAMPLES));
	f = good, f.samples[1] = UNKNOWN;
	assert_true(fails(f, PREDICATE_SAMPLES));
	f = good, f.guard = GUARD_UNKNOWN;
	assert_true(fails(f, PREDICATE_GUARD));
	f = good, f.baseline_known = false;
	assert_true(fails(f, PREDICATE_WAY_BACK));
	/* all of it at once: zeroed facts of a pool that has never answered */
	struct interlock i;
	f = (struct interlock_facts){.policy = *policy_builtin(POLICY_STANDARD),
		.kept = true,
		.worst_age_ms = UNKNOWN,
		.intended_bp = -1,
		.reported_bp = -1,
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.from_bp = -1,
		.to_bp = -1,
		.next_bp = -1,
		.bake_left_ms = UNKNOWN,
		.min_samples = 300,
		.samples = {UNKNOWN, UNKNOWN},
		.sample_rate = {NAN, NAN},
		.guard = GUARD_UNKNOWN};
	interlock_evaluate(&i, &f);
	assert_false(i.allowed);
	/* all but 5, 6 and 12, which nothing denies, and 13, which is not asked */
	assert_int_equal(i.failures, 10);
	assert_true(i.wait_ms == UNKNOWN);
}

/* ---- texts ---- */

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(predicate_name(PREDICATE_HISTORY), "history writable");
	assert_string_equal(predicate_name(PREDICATE_WAY_BACK), "way back proven");
	for (int p = 0; p < PREDICATE_COUNT; p++)
		for (int q = 0; q < p; q++)
			assert_string_not_equal(
				predicate_name((enum predicate)p), predicate_name((enum predicate)q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_strict_glass_takes_two),
		cmocka_unit_test(test_own_policies),
		cmocka_unit_test(test_asks_is_the_rule),
		cmocka_unit_test(test_unknown_never_holds),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
