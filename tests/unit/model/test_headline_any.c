/* Headline: the promises for any facts: at most 78 columns, nothing that a terminal obeys, the first row
 * that applies, names that are cut and what follows them. */
#include "tests/unit/model/headline_bed.h"

/* ---- any facts ---- */

static uint64_t seed;

static int64_t below(int64_t n)
{
	return seeded_below(&seed, n);
}

static bool chance(void)
{
	return below(2);
}

static int64_t some(int64_t most)
{
	return below(6) ? below(most) : below(2) ? UNKNOWN : INT64_MAX / 4;
}

static int some_share(void)
{
	return (int)below(SHARE_FULL + 2) - 1;
}

/* What people and pools write, as it is stored: cleaned. */
static void some_text(char *out, size_t size)
{
	char raw[300];
	size_t len = (size_t)below((int64_t)sizeof raw);
	for (size_t i = 0; i < len;) {
		static const uint32_t from[] = {
			' ', 'a', 0, 0x80, 0x300, 0x4e00, 0x1f600, 0x200b, 0xe000};
		char point[4];
		int n = text_encode(from[below(9)] + (uint32_t)below(100), point);
		for (int b = 0; b < n && i < len; b++)
			raw[i++] = point[b];
		if (chance() && i < len)
			raw[i++] = (char)below(256);
	}
	text_clean(out, size, raw, len);
}

static const enum state with_decision[] = {
	STATE_STEPPING, STATE_UNRESOLVED, STATE_ROLLING_BACK, STATE_RB_UNVERIFIED};

static void randomize_standing(struct standing *s, struct pool *p)
{
	s->state = (enum state)below(STATE_COUNT);
	s->open = chance() ? 0 : -1;
	for (size_t k = 0; k < sizeof with_decision / sizeof *with_decision; k++)
		if (s->state == with_decision[k])
			s->open = 0;
	s->freshness = (enum freshness)below(FRESHNESS_COUNT);
	s->age_ms = some(1000000);
	s->reported_bp = some_share();
	s->intended_bp = some_share();
	s->next_bp = some_share();
	s->mixed = below(4) == 0;
	s->mixed_low_bp = (int)below(SHARE_FULL);
	s->mixed_high_bp = (int)below(SHARE_FULL);
	s->restarted = chance();
	s->uptime_ms = some(100000000);
	s->seen_nodes = (int)below(p->node_count + 1);
	s->hold.on = chance();
	some_text(s->hold.actor, sizeof s->hold.actor);
	some_text(s->hold.reason, sizeof s->hold.reason);
	s->partial = below(4) == 0;
	s->went_back = s->blind = s->keep.on = false; /* have their rows above */
	s->owner = (enum guard_owner)below(OWNER_COUNT);
	s->pool_guard.armed = chance();
	s->pool_guard.action = (enum guard_action)below(GUARD_ACTION_COUNT);
	s->pool_guard.held_ms = below(4) ? UNKNOWN : some(10000000);
	some_text(s->pool_guard.word, sizeof s->pool_guard.word);
	s->judged = (enum guard_state)below(GUARD_COUNT);
	s->lease.ttl_ms = some(30000);
	some_text(s->lease.holder, sizeof s->lease.holder);
	s->keep.left_ms = some(100000);
	some_text(s->worst_operation, sizeof s->worst_operation);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		s->arms[arm].error_rate = chance() ? NAN : (double)below(1000) / 999;
	s->guard.state = (enum guard_state)below(GUARD_COUNT);
	s->guard.both = below(6) == 0;
	for (int m = 0; m < METRIC_COUNT; m++) {
		s->guard.metric[m].limit = (double)below(1LL << 40);
		s->guard.metric[m].value[ARM_V2] = chance() ? NAN : (double)below(1LL << 50);
	}
	struct interlock_facts f = {
		.policy = *policy_builtin((enum policy_kind)below(POLICY_COUNT)),
		.nodes = 2,
		.nodes_live = (int)below(3),
		.worst_age_ms = some(100000),
		.from_bp = some_share(),
		.to_bp = s->next_bp,
		.reported_bp = some_share(),
		.history_writable = chance(),
		.identity_equal = chance(),
		.build_equal = chance(),
		.held = chance(),
		.open_intent = chance(),
		.bake_left_ms = below(3) ? below(1000000) : 0,
		.sample_rate = {NAN, 1},
		.baseline_known = true,
		.v1_serving = chance()};
	some_text(f.held_by, sizeof f.held_by);
	some_text(f.history_why, sizeof f.history_why);
	some_text(f.open_what, sizeof f.open_what);
	interlock_evaluate(&s->next, &f);
}

static void randomize(struct virtual *v)
{
	struct pool *p = virtual_pool(v);
	randomize_standing(&p->standing, p);
	v->m.history_known = chance();
	v->m.history_writable = chance();
	v->m.read_only = below(4) == 0;
	some_text(v->m.history_why, sizeof v->m.history_why);
	p->latch = (struct guard_latch){.red = below(5) == 0,
		.by_pool = below(4) == 0,
		.both = chance(),
		.metric = (enum metric)below(METRIC_COUNT)};
	for (int k = 0; k < p->node_count; k++) {
		struct node *n = &p->nodes[k];
		n->foreign = below(8) == 0;
		n->trouble.code = chance() ? ERR_NONE : ERR_UNREACHABLE;
		some_text(n->trouble.text, sizeof n->trouble.text);
		some_text(n->target, sizeof n->target);
		some_text(n->last->node, sizeof n->last->node);
	}
	struct decision *d = p->decisions;
	d->verb = (enum verb)below(VERB_ANNOTATE);
	d->from_bp = some_share();
	d->to_bp = some_share();
	d->at_ms = v->now.wall_ms - below(100000000);
	d->outcome = (enum outcome_kind)below(OUTCOME_COUNT);
	some_text(d->actor, sizeof d->actor);
}

/* The level of the first kind of row that applies. */
static enum level expected_level(const struct virtual *v)
{
	const struct pool *p = virtual_pool(v);
	const struct standing *s = &p->standing;
	bool at_rest = s->reported_bp >= 0 && s->reported_bp == s->baseline_bp;
	if (s->state == STATE_RB_UNVERIFIED || s->state == STATE_ROLLING_BACK || s->guard.both ||
		(p->latch.red && (!at_rest || p->latch.both)))
		return LEVEL_ACT;
	bool strange = false;
	for (int k = 0; k < p->node_count; k++)
		strange |= p->nodes[k].foreign;
	bool locked = v->m.history_known && !v->m.history_writable && !v->m.read_only;
	if (strange || locked || s->mixed || s->freshness >= FRESHNESS_STALE ||
		s->state == STATE_UNRESOLVED || s->state == STATE_DIVERGED ||
		(s->state == STATE_HELD && (s->hold.on || s->partial)))
		return LEVEL_LOOK;
	bool above = s->reported_bp > s->baseline_bp && s->state != STATE_FINALIZED;
	if (above && s->owner != OWNER_NONE && s->pool_guard.held_ms != UNKNOWN)
		return LEVEL_LOOK;
	return LEVEL_OK;
}

/* What a sentence ends with is what to do, or how much of it is missing. */
static void assert_ends(const char *text)
{
	static const struct {
		const char *begins, *ends;
	} sentences[] = {{"Held by ", ". U resumes, R rolls back"},
		{"Another pool answers at ", ". Steps locked"}, {"Rollback not seen on ", " %"},
		{"v2 is worse, says the pool: ", "R to roll back|R rolls back|R now|rolls back"},
		{"v2 is worse, too few", ". R rolls back"}, {"A step to ", " is on its way"},
		{"Lease is ", ": looking only; :take takes it"},
		{"READ-ONLY (403): ", " takes no changes from this token"},
		{"Ready for ", ". S steps|" FIT_MARK}, {"No news from the pool yet: ", ""}};
	size_t len = strlen(text);
	for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
		if (strncmp(text, sentences[i].begins, strlen(sentences[i].begins)) != 0)
			continue;
		bool ends = sentences[i].ends[0] == '\0' || strstr(text, "but not now");
		for (const char *at = sentences[i].ends; *at && !ends;) {
			size_t n = strcspn(at, "|");
			ends = len >= n && strncmp(text + len - n, at, n) == 0;
			at += n + (at[n] == '|');
		}
		if (!ends)
			fail_msg("cut within what had to stay: %s", text);
	}
}

static void test_any_facts(void **state)
{
	(void)state;
	struct virtual v;
	virtual_init(&v, 2, NULL, NULL);
	virtual_poll(&v);
	struct decision d = virtual_decision(&v, VERB_STEP, 100);
	virtual_decide(&v, &d);
	seed = 78;
	int levels[LEVEL_COUNT] = {0}, full = 0, cut = 0;
	for (int i = 0; i < 9000; i++) {
		struct headline h = {0};
		randomize(&v);
		headline_write(&h, &v.m, virtual_pool(&v), v.now);
		assert_fit(h.text);
		assert_int_equal(h.level, expected_level(&v));
		levels[h.level]++;
		assert_ends(h.text);
		full += text_width(h.text) == HEADLINE_COLUMNS;
		cut += strstr(h.text, FIT_MARK) != NULL;
	}
	/* the cut and all levels were really tried */
	assert_true(levels[LEVEL_ACT] > 500 && levels[LEVEL_LOOK] > 500 && levels[LEVEL_OK] > 500);
	assert_true(full > 500 && cut > 500);
	virtual_release(&v);
}

/* A name that is cut inside a character does not take the end of the sentence with it. */
static void test_what_follows_a_cut_name_stays(void **state)
{
	(void)state;
	struct virtual v;
	struct plan plan = virtual_plan();
	virtual_init(&v, 1, &plan, NULL);
	go_to(&v, 1000);
	virtual_apply_at(&v, 0, VERB_HOLD, -1,
		"a\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");
	virtual_run(&v, 1000);
	const char *text = virtual_standing(&v)->headline.text;
	assert_fit(text);
	assert_non_null(strstr(text, "\xe2\x82\xac. U resumes, R rolls back"));
	virtual_release(&v);
}

/* Whoever holds, and however his name is cut: row 1 stays valid. */
static void test_a_cut_holder_leaves_whole_words(void **state)
{
	(void)state;
	struct virtual v;
	struct plan plan = virtual_plan();
	virtual_init(&v, 1, &plan, NULL);
	go_to(&v, 1000);
	for (int shift = 0; shift < 4; shift++) {
		char actor[POOL_ACTOR_MAX];
		int at = snprintf(actor, sizeof actor, "%.*s", shift, "abc");
		for (; at + 4 < 60; at += 4)
			memcpy(actor + at, "\xF0\x9F\x98\x80", 5);
		virtual_apply_at(&v, 0, VERB_HOLD, -1, actor);
		virtual_run(&v, 1000);
		const struct standing *s = virtual_standing(&v);
		assert_fit(s->headline.text);
		assert_fit(s->state_text);
		assert_int_equal(strncmp(s->state_text, "HELD by ", 8), 0);
		assert_string_equal(s->state_text + strlen(s->state_text) - 6, " 00:01");
	}
	virtual_release(&v);
}

/* Each kind of row wins over all behind it. */
static void test_the_first_wins(void **state)
{
	(void)state;
	struct virtual v;
	struct plan plan = virtual_plan();
	virtual_init(&v, 1, &plan, NULL);
	ready(&v);
	const struct headline *h = &virtual_standing(&v)->headline;
	assert_int_equal(h->level, LEVEL_OK);
	virtual_apply_at(&v, 0, VERB_HOLD, -1, "sam@ops2");
	virtual_run(&v, 1000);
	assert_memory_equal(h->text, "Held by sam", 11);
	virtual_wait(&v, 20000);
	virtual_tick(&v);
	assert_memory_equal(h->text, "No news for 20s", 15);
	struct decision d = virtual_decision(&v, VERB_STEP, 5000);
	d.outcome = OUTCOME_UNRESOLVED;
	virtual_decide(&v, &d);
	assert_memory_equal(h->text, "Step 10 % > 50 %", 16);
	assert_int_equal(h->level, LEVEL_LOOK);
	d = virtual_decision(&v, VERB_ROLLBACK, 0);
	virtual_decide(&v, &d);
	assert_memory_equal(h->text, "Rolling back", 12);
	assert_int_equal(h->level, LEVEL_ACT);
	virtual_release(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_facts),
		cmocka_unit_test(test_what_follows_a_cut_name_stays),
		cmocka_unit_test(test_a_cut_holder_leaves_whole_words),
		cmocka_unit_test(test_the_first_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
