/* Migration: the state as a function of facts, and the table of what may follow what, which is
 * derived here anew: every consistent set of facts, and what each event does to them. */
#include "model/migration.h"

#include "model/unit.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* Facts, and which open command has no answer: a step, or a person's hold or resume. */
struct facts {
	struct migration_facts m;
	bool stepping;
};

#define BASELINE 1000
static const int shares[] = {-1, 0, BASELINE, 2500, SHARE_FULL};
enum { SHARES = sizeof shares / sizeof *shares };

static bool commanded(const struct facts *f)
{
	return f->m.forward != FORWARD_NONE || f->m.back == BACK_SENDING ||
		f->m.back == BACK_UNVERIFIED;
}

/* What cannot be true together. */
static bool consistent(const struct facts *f)
{
	const struct migration_facts *m = &f->m;
	bool at_baseline = m->share_bp == m->baseline_bp;
	/* without a plan nothing bakes */
	if (!m->has_plan && !m->by_hand)
		return false;
	/* nodes that differ report no share; divergence is a share that is known */
	if ((m->mixed && m->share_bp >= 0) || (m->diverged && m->share_bp < 0))
		return false;
	/* a rollback that is done is the last change: nothing is open, and the share is the
	 * baseline unless something moved it since */
	if (m->back == BACK_DONE &&
		(m->forward != FORWARD_NONE || (m->share_bp >= 0 && !at_baseline && !m->diverged)))
		return false;
	/* a hold on its way shows in no state before its answer is lost */
	if (m->forward == FORWARD_ON_ITS_WAY && !f->stepping)
		return false;
	return m->forward != FORWARD_NONE || !f->stepping;
}

typedef void visit_fn(void *ctx, const struct facts *f);

static void each(visit_fn *visit, void *ctx)
{
	for (unsigned bits = 0; bits < 1u << 12; bits++)
		for (int share = 0; share < SHARES; share++)
			for (int forward = 0; forward < 3; forward++)
				for (int back = 0; back < 4; back++) {
					struct facts f = {.m = {.has_plan = bits & 1,
										  .by_hand = bits >> 1 & 1,
										  .preflight = bits >> 2 & 1,
										  .mixed = bits >> 3 & 1,
										  .diverged = bits >> 4 & 1,
										  .held = bits >> 5 & 1,
										  .red = bits >> 6 & 1,
										  .baked = bits >> 7 & 1,
										  .sampled = bits >> 8 & 1,
										  .guarded = bits >> 9 & 1,
										  .finalized = bits >> 10 & 1,
										  .kept = bits >> 11 & 1,
										  .share_bp = shares[share],
										  .baseline_bp = BASELINE,
										  .forward = (enum forward)forward,
										  .back = (enum back)back}};
					for (int stepping = 0; stepping < 2; stepping++) {
						f.stepping = stepping;
						if (consistent(&f))
							visit(ctx, &f);
					}
				}
}

/* ---- events: each tells every set of facts that may follow ---- */

struct walk {
	unsigned seen[STATE_COUNT][EVENT_COUNT];
	const struct facts *from;
};

static void note(struct walk *w, enum event e, struct facts to)
{
	if (to.m.forward == FORWARD_NONE)
		to.stepping = false;
	if (consistent(&to))
		w->seen[migration_derive(&w->from->m)][e] |= 1u << migration_derive(&to.m);
}

/* A command has ended without a change: what it hid is seen again. The last change may be a
 * rollback, and the pool may stand where nobody sent it. */
static void note_uncovered(struct walk *w, enum event e, struct facts to)
{
	for (int done = 0; done < 2; done++)
		for (int diverged = 0; diverged < 2; diverged++) {
			to.m.back = to.m.back == BACK_SENDING || to.m.back == BACK_UNVERIFIED ? to.m.back
				: done                                                            ? BACK_DONE
																				  : BACK_NONE;
			to.m.diverged = diverged;
			note(w, e, to);
		}
}

static void plan_and_preflight(struct walk *w, struct facts f)
{
	struct facts to = f;
	to.m.has_plan = !f.m.has_plan;
	for (int by_hand = 0; by_hand < 2; by_hand++) {
		to.m.by_hand = by_hand;
		note(w, EVENT_PLAN, to);
	}
	to = f;
	to.m.preflight = !f.m.preflight;
	note(w, EVENT_PREFLIGHT, to);
}

static void step(struct walk *w, struct facts f)
{
	struct facts to = f;
	if (commanded(&f) || f.m.finalized)
		return;
	to.m.forward = FORWARD_ON_ITS_WAY;
	to.stepping = true;
	to.m.back = BACK_NONE;
	to.m.diverged = false;
	note(w, EVENT_STEP, to);
}

static void refused(struct walk *w, struct facts f)
{
	struct facts to = f;
	if (f.m.forward != FORWARD_NONE) {
		to.m.forward = FORWARD_NONE;
		note_uncovered(w, EVENT_REFUSED, to);
	}
	if (f.m.back == BACK_SENDING) {
		/* a pool that is finalized refuses a rollback; it is then over */
		to = f;
		to.m.back = BACK_NONE;
		if (f.m.forward == FORWARD_NONE)
			note_uncovered(w, EVENT_REFUSED, to);
		else
			note(w, EVENT_REFUSED, to);
	}
}

static void lost(struct walk *w, struct facts f)
{
	struct facts to = f;
	if (f.m.forward == FORWARD_UNRESOLVED)
		return;
	/* the step on its way, or a hold or resume that no state showed */
	to.m.forward = FORWARD_UNRESOLVED;
	if (f.m.back == BACK_DONE)
		to.m.back = BACK_NONE;
	if (f.m.forward == FORWARD_NONE)
		to.m.diverged = false;
	note(w, EVENT_LOST, to);
}

static void seen(struct walk *w, struct facts f)
{
	struct facts to = f;
	if (f.m.forward != FORWARD_NONE && f.stepping) {
		to.m.forward = FORWARD_NONE;
		to.m.mixed = to.m.diverged = to.m.baked = to.m.sampled = false;
		to.m.kept = f.m.by_hand; /* such a raise stays until someone moves it */
		for (int i = 1; i < SHARES; i++) {
			to.m.share_bp = shares[i];
			note(w, EVENT_SEEN, to);
		}
	} else if (f.m.forward != FORWARD_NONE) {
		to.m.forward = FORWARD_NONE;
		to.m.held = true;
		note_uncovered(w, EVENT_SEEN, to);
		to.m.held = to.m.red = false;
		note_uncovered(w, EVENT_SEEN, to);
	}
	if (f.m.back == BACK_UNVERIFIED) {
		to = f;
		to.m.back = BACK_DONE;
		to.m.forward = FORWARD_NONE; /* superseded by the raised epoch */
		to.m.share_bp = f.m.baseline_bp;
		to.m.mixed = to.m.diverged = false;
		note(w, EVENT_SEEN, to);
	}
}

static void bake(struct walk *w, struct facts f)
{
	for (int i = 0; i < 4; i++) {
		struct facts to = f;
		bool *fact = i == 0 ? &to.m.baked
			: i == 1        ? &to.m.sampled
			: i == 2        ? &to.m.guarded
							: &to.m.kept;
		enum event e = *fact ? EVENT_AGAIN : EVENT_TIME;
		*fact = !*fact;
		note(w, e, to);
	}
}

static void hold_and_drift(struct walk *w, struct facts f)
{
	struct facts to = f;
	if (!f.m.held) {
		to.m.held = true;
		note(w, EVENT_HOLD, to);
	}
	to = f;
	if (!f.m.red) {
		to.m.red = true;
		note(w, EVENT_HOLD, to);
	}
	to = f;
	if (f.m.held || f.m.red) {
		to.m.held = to.m.red = false;
		note(w, EVENT_RESUME, to);
	}
	to = f;
	if (!f.m.diverged && f.m.share_bp >= 0) {
		to.m.diverged = true;
		note(w, EVENT_DRIFT, to);
	}
}

static void back(struct walk *w, struct facts f)
{
	struct facts to = f;
	if (!f.m.finalized) {
		to.m.back = BACK_SENDING;
		note(w, EVENT_BACK, to);
	}
	to = f;
	if (f.m.back == BACK_SENDING) {
		to.m.back = BACK_UNVERIFIED;
		note(w, EVENT_ACK, to);
	}
	to = f;
	if (migration_derive(&f.m) == STATE_COMPLETE) {
		to.m.finalized = true;
		note(w, EVENT_FINALIZE, to);
	}
}

static void walk_from(void *ctx, const struct facts *f)
{
	struct walk *w = ctx;
	w->from = f;
	plan_and_preflight(w, *f);
	step(w, *f);
	refused(w, *f);
	lost(w, *f);
	seen(w, *f);
	bake(w, *f);
	hold_and_drift(w, *f);
	back(w, *f);
}

static void print_set(const char *what, unsigned set)
{
	print_error("  %s:", what);
	for (int s = 0; s < STATE_COUNT; s++)
		if (set >> s & 1)
			print_error(" %s", state_name((enum state)s));
	print_error("\n");
}

static void test_table_is_what_follows(void **state)
{
	(void)state;
	struct walk w = {0};
	int wrong = 0;
	each(walk_from, &w);
	for (int s = 0; s < STATE_COUNT; s++)
		for (int e = 0; e < EVENT_COUNT; e++) {
			unsigned table = migration_next((enum state)s, (enum event)e);
			if (table == w.seen[s][e])
				continue;
			wrong++;
			print_error("%s, %s\n", state_name((enum state)s), event_name((enum event)e));
			print_set("follows, not in the table", w.seen[s][e] & ~table);
			print_set("in the table, never follows", table & ~w.seen[s][e]);
		}
	assert_int_equal(wrong, 0);
}

/* ---- invariants ---- */

static void check_invariants(void *ctx, const struct facts *f)
{
	unsigned *reached = ctx;
	enum state s = migration_derive(&f->m);
	*reached |= 1u << s;
	if (s == STATE_READY || s == STATE_COMPLETE) {
		assert_true(f->m.share_bp >= 0 && f->m.guarded && f->m.kept && !f->m.held && !f->m.red);
		assert_true(!f->m.diverged && !commanded(f));
		assert_true(f->m.by_hand || (f->m.baked && f->m.sampled));
		assert_int_equal(s == STATE_COMPLETE, f->m.share_bp == SHARE_FULL);
	}
	/* what an operator began comes first */
	enum state command = f->m.finalized      ? STATE_FINALIZED
		: f->m.back == BACK_SENDING          ? STATE_ROLLING_BACK
		: f->m.back == BACK_UNVERIFIED       ? STATE_RB_UNVERIFIED
		: f->m.forward == FORWARD_UNRESOLVED ? STATE_UNRESOLVED
		: f->m.forward == FORWARD_ON_ITS_WAY ? STATE_STEPPING
											 : STATE_COUNT;
	if (command != STATE_COUNT)
		assert_int_equal(s, command);
	else
		assert_true(s != STATE_FINALIZED && s != STATE_ROLLING_BACK &&
			s != STATE_RB_UNVERIFIED && s != STATE_UNRESOLVED && s != STATE_STEPPING);
	if (command == STATE_COUNT && f->m.diverged)
		assert_int_equal(s, STATE_DIVERGED);
	/* I5 */
	if (!f->m.finalized) {
		struct migration_facts next = f->m;
		assert_true(migration_accepts(s, VERB_ROLLBACK));
		next.back = BACK_SENDING;
		assert_int_equal(migration_derive(&next), STATE_ROLLING_BACK);
	}
}

static void test_invariants(void **state)
{
	(void)state;
	unsigned reached = 0;
	each(check_invariants, &reached);
	assert_int_equal(reached, (1u << STATE_COUNT) - 1);
}

static void test_rollback_from_everywhere(void **state)
{
	(void)state;
	for (int s = 0; s < STATE_COUNT; s++) {
		bool open = s != STATE_FINALIZED;
		assert_int_equal(migration_accepts((enum state)s, VERB_ROLLBACK), open);
		assert_int_equal(
			migration_next((enum state)s, EVENT_BACK), open ? 1u << STATE_ROLLING_BACK : 0);
	}
}

static void test_what_a_person_may_begin(void **state)
{
	(void)state;
	/* a letter a state, in their order: I P A S B R H U r u b D C F */
	static const struct {
		enum verb verb;
		const char *in;
	} rows[] = {
		{VERB_STEP, "IPA.BRH...bDC."},
		{VERB_HOLD, "IPASBRHUrubDCF"},
		{VERB_RESUME, "IPASBRHUrubDCF"},
		{VERB_ROLLBACK, "IPASBRHUrubDC."},
		{VERB_ANNOTATE, "IPASBRHUrubDCF"},
		{VERB_KEEP, "....BRH.....C."},
		{VERB_OPERATIONS, "IPA.BRH...bDC."},
		{VERB_ARM, "IPA.BRH...bDC."},
		{VERB_DISARM, "IPA...H...b..."},
		{VERB_TAKE, "IPASBRHUrubDC."},
		{VERB_GUARD, "IPASBRHUrubDC."},
		{VERB_DRAIN, "IPASBRHUrubDC."},
		{VERB_ADOPT, "...........D.."},
		{VERB_FINALIZE, "............C."},
		{VERB_CLOSE, "........ru...."},
		{VERB_ASK, "IPASBRHUrubDCF"},
		{VERB_APPROVE, "IPASBRHUrubDCF"},
	};
	assert_int_equal(sizeof rows / sizeof *rows, VERB_COUNT);
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
		for (int s = 0; s < STATE_COUNT; s++)
			assert_int_equal(
				migration_accepts((enum state)s, rows[k].verb), rows[k].in[s] != '.');
	/* what the table of events says of the two that it knows */
	for (int s = 0; s < STATE_COUNT; s++) {
		assert_int_equal(migration_accepts((enum state)s, VERB_STEP),
			migration_next((enum state)s, EVENT_STEP) != 0);
		assert_int_equal(migration_accepts((enum state)s, VERB_ROLLBACK),
			migration_next((enum state)s, EVENT_BACK) != 0);
	}
}

/* ---- the path of the diagram, in its words ---- */

static void test_the_path(void **state)
{
	(void)state;
	struct migration_facts f = {.by_hand = true, .share_bp = 0, .baseline_bp = 0};
	assert_int_equal(migration_derive(&f), STATE_IDLE);
	f.has_plan = true;
	f.by_hand = false;
	assert_int_equal(migration_derive(&f), STATE_PLANNED);
	f.preflight = true;
	assert_int_equal(migration_derive(&f), STATE_ARMED);
	f.forward = FORWARD_ON_ITS_WAY;
	assert_int_equal(migration_derive(&f), STATE_STEPPING);
	f.forward = FORWARD_UNRESOLVED;
	assert_int_equal(migration_derive(&f), STATE_UNRESOLVED);
	f.forward = FORWARD_NONE;
	f.share_bp = 1000;
	assert_int_equal(migration_derive(&f), STATE_BAKING);
	f.baked = true;
	assert_int_equal(migration_derive(&f), STATE_BAKING);
	f.sampled = true;
	assert_int_equal(migration_derive(&f), STATE_BAKING);
	f.guarded = true;
	assert_int_equal(migration_derive(&f), STATE_BAKING); /* it would still go back */
	f.kept = true;
	assert_int_equal(migration_derive(&f), STATE_READY);
	f.held = true;
	assert_int_equal(migration_derive(&f), STATE_HELD);
	f.held = false;
	f.red = true;
	assert_int_equal(migration_derive(&f), STATE_HELD);
	f.red = false;
	f.mixed = true;
	f.share_bp = -1;
	assert_int_equal(migration_derive(&f), STATE_HELD);
	f.mixed = false;
	f.share_bp = 500;
	f.diverged = true;
	assert_int_equal(migration_derive(&f), STATE_DIVERGED);
	f.diverged = false;
	f.share_bp = SHARE_FULL;
	assert_int_equal(migration_derive(&f), STATE_COMPLETE);
	f.back = BACK_SENDING;
	assert_int_equal(migration_derive(&f), STATE_ROLLING_BACK);
	f.back = BACK_UNVERIFIED;
	assert_int_equal(migration_derive(&f), STATE_RB_UNVERIFIED);
	f.back = BACK_DONE;
	f.share_bp = 0;
	assert_int_equal(migration_derive(&f), STATE_ROLLED_BACK);
	f.finalized = true;
	assert_int_equal(migration_derive(&f), STATE_FINALIZED);
}

static void test_names(void **state)
{
	(void)state;
	for (int s = 0; s < STATE_COUNT; s++) {
		assert_int_equal(state_of(state_name((enum state)s)), s);
		assert_true(state_meaning((enum state)s)[0]);
	}
	for (int e = 0; e < EVENT_COUNT; e++)
		assert_true(event_name((enum event)e)[0]);
	const char *const bad[] = {"", "ready", "READY ", "READ", "STATE_READY"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(state_of(bad[i]), STATE_COUNT);
	assert_string_equal(state_name(STATE_RB_UNVERIFIED), "RB_UNVERIFIED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_what_follows),
		cmocka_unit_test(test_invariants),
		cmocka_unit_test(test_rollback_from_everywhere),
		cmocka_unit_test(test_what_a_person_may_begin),
		cmocka_unit_test(test_the_path),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
