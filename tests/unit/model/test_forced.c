/* Forced: which decisions went past checks, for how long they mark a migration, in which words. */
#include "model/forced.h"

#include "model/interlock.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1790000000000)

static struct pool *p;

static int set_up(void **state)
{
	(void)state;
	p = mem_new(1, sizeof *p);
	p->decisions = mem_new(16, sizeof *p->decisions);
	p->standing.baseline_bp = 0;
	p->standing.reported_bp = 1000;
	p->standing.open = -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(p->decisions);
	free(p);
	return 0;
}

/* As act.c writes them: one check a predicate; forced where the bit is set. */
static void write_checks(char *out, size_t size, unsigned forced)
{
	struct text t = {0};
	text_add(&t, "{\"state\":\"BAKING\",\"checks\":[");
	for (int k = 0; k < PREDICATE_COUNT; k++)
		text_addf(&t, "%s{\"is\":\"%s\",\"n\":%d,\"text\":\"a \\\"is\\\":\\\"forced\\\" word\"}",
			k ? "," : "", check_state_name(forced >> k & 1 ? CHECK_FORCED : CHECK_HOLDS), k + 1);
	text_add(&t, "]}");
	assert_true(text_copy(out, size, text_str(&t)));
	text_free(&t);
}

static struct decision *decide(enum verb verb, int from_bp, int to_bp, unsigned forced)
{
	struct decision *d = &p->decisions[p->decision_count++];
	*d = (struct decision){.verb = verb,
		.from_bp = from_bp,
		.to_bp = to_bp,
		.at_ms = T0 + (int64_t)p->decision_count * 1000,
		.outcome = OUTCOME_APPLIED,
		.verified_ms = T0 + 500000};
	snprintf(d->id, sizeof d->id, "id-%zu", p->decision_count);
	text_copy(d->actor, sizeof d->actor, "kim@ops1");
	text_copy(d->reason, sizeof d->reason, "they wait");
	write_checks(d->evidence, sizeof d->evidence, forced);
	return d;
}

#define BAKE (1u << PREDICATE_BAKE)
#define GUARD (1u << PREDICATE_GUARD)

static int found(void)
{
	return forced_find(p, NULL, 0);
}

static void the_evidence_says_what_was_forced(void **state)
{
	(void)state;
	struct decision *d = decide(VERB_STEP, 100, 1000, BAKE | GUARD);
	assert_int_equal(forced_of(d), BAKE | GUARD);
	/* nothing relaxes those, whoever wrote that it did */
	write_checks(d->evidence, sizeof d->evidence, ~0u);
	assert_int_equal(forced_of(d), PREDICATES_FORCED);
	write_checks(d->evidence, sizeof d->evidence, 0);
	assert_int_equal(forced_of(d), 0);
	text_copy(d->evidence, sizeof d->evidence, "{\"is\":\"forced\"}");
	assert_int_equal(forced_of(d), 0);
	text_copy(d->evidence, sizeof d->evidence, "{\"checks\":[{\"is\":\"for");
	assert_int_equal(forced_of(d), 0);
}

static void what_never_happened_marks_nothing(void **state)
{
	(void)state;
	struct decision *d = decide(VERB_STEP, 100, 1000, BAKE);
	static const bool marks[OUTCOME_COUNT] = {[OUTCOME_PENDING] = true,
		[OUTCOME_APPLIED] = true,
		[OUTCOME_UNRESOLVED] = true,
		[OUTCOME_SUPERSEDED] = true,
		[OUTCOME_CLOSED] = true};
	for (int k = 0; k < OUTCOME_COUNT; k++) {
		d->outcome = (enum outcome_kind)k;
		assert_int_equal(found(), marks[k]);
	}
	d->outcome = OUTCOME_APPLIED;
	d->verb = VERB_ASK; /* asked for is not done */
	assert_int_equal(found(), 0);
	d->verb = VERB_STEP;
	d->observed = true; /* what others tell is not ours to believe */
	assert_int_equal(found(), 0);
}

static void it_marks_until_the_migration_ends(void **state)
{
	(void)state;
	const struct decision *list[2];
	decide(VERB_STEP, 100, 1000, BAKE);
	decide(VERB_HOLD, 1000, 1000, 0);
	decide(VERB_STEP, 1000, 5000, GUARD);
	decide(VERB_STEP, 5000, 1000, 0); /* lower, and not back */
	assert_int_equal(forced_find(p, list, 2), 2);
	assert_string_equal(list[0]->id, "id-3");
	assert_string_equal(list[1]->id, "id-1");
	assert_int_equal(forced_find(p, list, 1), 2);
	/* back is what was seen */
	struct decision *back = decide(VERB_ROLLBACK, 1000, 0, 0);
	back->verified_ms = UNKNOWN;
	assert_int_equal(found(), 2);
	back->verified_ms = T0 + 600000;
	assert_int_equal(found(), 0);
	decide(VERB_STEP, 0, 1000, GUARD);
	assert_int_equal(found(), 1);
	struct decision *arm = decide(VERB_ARM, 1000, 1000, 0);
	assert_int_equal(found(), 0);
	arm->outcome = OUTCOME_REFUSED;
	assert_int_equal(found(), 1);
	arm->outcome = OUTCOME_APPLIED;
	arm->verb = VERB_DISARM;
	assert_int_equal(found(), 0);
	arm->verb = VERB_ANNOTATE;
	assert_int_equal(found(), 1);
	p->standing.reported_bp = 0; /* back, by whatever way */
	assert_int_equal(found(), 0);
	p->standing.open = 0; /* and a new step is on its way */
	assert_int_equal(found(), 1);
	p->standing.reported_bp = -1;
	assert_int_equal(found(), 1);
	p->finalized = true;
	assert_int_equal(found(), 0);
}

static void it_is_said_in_words(void **state)
{
	(void)state;
	struct text t = {0};
	char all[FORCED_MAX];
	forced_say(&t, decide(VERB_STEP, 1000, 5000, BAKE | GUARD), T0 + 60000);
	assert_non_null(strstr(text_str(&t),
		"kim@ops1 forced step 10 > 50 % without 9 bake elapsed, 11 guard green at "));
	assert_non_null(strstr(text_str(&t), ": \"they wait\""));
	text_clear(&t);
	forced_say(&t, decide(VERB_KEEP, 1000, 1000, BAKE), T0 + 60000);
	assert_non_null(strstr(text_str(&t), "forced keep at 10 % without 9 bake elapsed at "));
	text_free(&t);
	forced_without(all, PREDICATES_FORCED);
	assert_string_equal(
		all, "9 bake elapsed, 10 enough samples, 11 guard green, 12 not frozen or held");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_evidence_says_what_was_forced),
		CASE(what_never_happened_marks_nothing),
		CASE(it_marks_until_the_migration_ends),
		CASE(it_is_said_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
