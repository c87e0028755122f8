/* Approvals: the claim's text, the signature, and every way in which one is none. What comes from
 * another person is hostile: every byte of a token is turned once. */
#include "tests/unit/history/fixture.h"

#include "history/approval.h"
#include "model/approving.h"
#include "model/mem.h"

#define NOW T0
#define KIM "kim@ops1"
#define ANA "ana@ops2"

struct people {
	struct place place;
	char kim_dir[256], ana_dir[256];
	char kim[POOL_HASH_MAX], ana[POOL_HASH_MAX];
};

static struct people people;

static int set_up(void **state)
{
	struct err err;
	(void)state;
	place_make(&people.place);
	snprintf(people.kim_dir, sizeof people.kim_dir, "%s/kim", people.place.dir);
	snprintf(people.ana_dir, sizeof people.ana_dir, "%s/ana", people.place.dir);
	assert_int_equal(approval_key(people.kim, people.kim_dir, &err), 0);
	assert_int_equal(approval_key(people.ana, people.ana_dir, &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	folder_remove(people.place.dir);
	return 0;
}

/* Kim asks for 10 > 50 %. */
static struct decision an_ask(void)
{
	struct decision d = {.verb = VERB_ASK,
		.from_bp = 1000,
		.to_bp = 5000,
		.epoch = 3,
		.rev = 42,
		.at_ms = NOW - 60000,
		.outcome = OUTCOME_APPLIED,
		.outcome_ms = NOW - 60000,
		.verified_ms = UNKNOWN,
		.closed_ms = UNKNOWN,
		.latency_ms = UNKNOWN};
	text_copy(d.id, sizeof d.id, "00000000-0000-7000-8000-000000000001");
	text_copy(d.pool, sizeof d.pool, "checkout");
	text_copy(d.pool_id, sizeof d.pool_id, "shop-1");
	text_copy(d.actor, sizeof d.actor, KIM);
	text_copy(d.role, sizeof d.role, "operator");
	text_copy(d.reason, sizeof d.reason, "it looks \"fine\"");
	snprintf(d.evidence, sizeof d.evidence,
		"{\"state\":\"READY\",\"what\":\"step\",\"plan\":\"0123abcd\",\"asker_key\":\"%s\"}",
		people.kim);
	return d;
}

static struct approval_want a_want(void)
{
	static char approvers[1][POOL_HASH_MAX];
	text_copy(approvers[0], sizeof approvers[0], people.ana);
	return (struct approval_want){.pool_id = "shop-1",
		.plan = "0123abcd",
		.what = "step",
		.from_bp = 1000,
		.to_bp = 5000,
		.epoch = 3,
		.rev = 42,
		.asker = KIM,
		.asker_key = people.kim,
		.approvers = (const char(*)[POOL_HASH_MAX])approvers,
		.approver_count = 1};
}

static struct approval_claim a_claim(void)
{
	struct decision ask = an_ask();
	struct approval_claim c;
	assert_true(approval_of_ask(&c, &ask));
	approval_evidence(c.evidence, &ask);
	text_copy(c.approver, sizeof c.approver, ANA);
	c.expires_ms = NOW + APPROVAL_MS;
	return c;
}

/* Signs, sends, reads, looks the ask up and judges. */
static enum approval_word worth(
	struct approval_claim c, const char *dir, const struct approval_want *want, int64_t now_ms)
{
	char token[APPROVAL_TOKEN_MAX];
	struct decision ask = an_ask();
	struct approval a;
	struct err err;
	assert_int_equal(approval_sign(token, &c, dir, &err), 0);
	assert_true(approval_open(&a, token));
	approval_find_ask(&a, &ask, 1);
	return approval_judge(&a, want, (struct instant){.wall_ms = now_ms});
}

static void a_claim_reads_back_and_nothing_else_does(void **state)
{
	(void)state;
	struct approval_claim c = a_claim(), again;
	char text[APPROVAL_TEXT_MAX], other[APPROVAL_TEXT_MAX + 8];
	text_copy(c.approver_key, sizeof c.approver_key, people.ana);
	approval_write(text, &c);
	assert_true(approval_read(&again, text));
	assert_memory_equal(&c, &again, sizeof c);
	/* a line more, a line less, a number written otherwise */
	snprintf(other, sizeof other, "%s\n", text);
	assert_false(approval_read(&again, other));
	for (size_t len = 0; len < strlen(text); len++) {
		snprintf(other, sizeof other, "%.*s", (int)len, text);
		assert_false(approval_read(&again, other));
	}
	text_copy(other, sizeof other, text);
	char *rev = strstr(other, "rev 42");
	memcpy(rev, "rev 04", 6);
	assert_false(approval_read(&again, other));
	assert_false(approval_read(&again, ""));
}

static void one_that_is_as_wanted_is_good(void **state)
{
	(void)state;
	struct approval_want want = a_want();
	assert_int_equal(worth(a_claim(), people.ana_dir, &want, NOW), APPROVAL_GOOD);
	assert_int_equal(
		worth(a_claim(), people.ana_dir, &want, NOW + APPROVAL_MS - 1), APPROVAL_GOOD);
}

/* Each field of the claim signed otherwise than wanted, and each field of the want. */
static void row_75_any_other_field_is_refused_by_its_reason(void **state)
{
	(void)state;
#define CLAIM(statement, word) \
	{ \
		struct approval_want want = a_want(); \
		struct approval_claim c = a_claim(); \
		statement; \
		assert_int_equal(worth(c, people.ana_dir, &want, NOW), APPROVAL_##word); \
	}
#define SET(field, text) text_copy(field, sizeof field, text)
	CLAIM(SET(c.pool_id, "shop-2"), OTHER_POOL)
	CLAIM(SET(c.plan, "0123abce"), OTHER_PLAN)
	CLAIM(SET(c.what, "step by break-glass"), OTHER_CHANGE)
	CLAIM(SET(c.what, "finalize"), OTHER_CHANGE)
	CLAIM(c.from_bp = 999, OTHER_SHARE)
	CLAIM(c.to_bp = 10000, OTHER_SHARE)
	CLAIM(c.epoch = 4, OTHER_REVISION)
	CLAIM(c.rev = 41, OTHER_REVISION)
	CLAIM(c.evidence[0] = c.evidence[0] == 'a' ? 'b' : 'a', OTHER_EVIDENCE)
	CLAIM(SET(c.asker, "eve@ops3"), OTHER_ASKER)
	CLAIM(SET(c.asker_key, people.ana), OWN)
	CLAIM(SET(c.approver, KIM), OWN)
	/* one login is one person, on another host and however it is written */
	CLAIM(SET(c.approver, "kim@ops2"), OWN)
	CLAIM(SET(c.approver, "KIM@ops1"), OWN)
	CLAIM(SET(c.approver, " Kim @ops1"), OWN)
	CLAIM(SET(c.approver, "kim"), OWN)
	CLAIM(want.asker = "Ana@ops9", OWN)
	CLAIM(SET(c.approver, "kimberly@ops1"), GOOD)
	CLAIM(c.expires_ms = NOW, EXPIRED)
	CLAIM(c.expires_ms = NOW - 1, EXPIRED)
	CLAIM(c.expires_ms = 0, EXPIRED)
	CLAIM(c.expires_ms = NOW + APPROVAL_MS + APPROVAL_AHEAD_MS + 1, FUTURE)
	CLAIM(c.expires_ms = INT64_MAX, FUTURE)
	CLAIM(want.pool_id = "", OTHER_POOL)
	CLAIM(want.what = "", OTHER_CHANGE)
	CLAIM(want.epoch = UNKNOWN, OTHER_REVISION)
	CLAIM(want.approver_count = 0, STRANGER)
	CLAIM(want.asker = ANA, OWN)
	CLAIM(want.is_used = true, USED)
#undef CLAIM
	struct approval_want want = a_want();
	/* one's own key under another's name, and an approver's name over one's own key */
	struct approval_claim c = a_claim();
	assert_int_equal(worth(c, people.kim_dir, &want, NOW), APPROVAL_OWN);
	/* a key that the plan does not name */
	char eve[256];
	snprintf(eve, sizeof eve, "%s/eve", people.place.dir);
	assert_int_equal(worth(c, eve, &want, NOW), APPROVAL_STRANGER);
}

/* Whatever byte of a token is turned: it is no token, or its signature is wrong. */
static void row_75_an_edited_token_allows_nothing(void **state)
{
	(void)state;
	struct approval_claim c = a_claim();
	struct approval_want want = a_want();
	struct decision ask = an_ask();
	char token[APPROVAL_TOKEN_MAX];
	struct err err;
	size_t unread = 0, edited = 0;
	assert_int_equal(approval_sign(token, &c, people.ana_dir, &err), 0);
	for (size_t i = 0; token[i]; i++) {
		char is = token[i];
		struct approval a;
		token[i] = is == 'A' ? 'B' : 'A';
		if (!approval_open(&a, token)) {
			unread++;
		} else {
			approval_find_ask(&a, &ask, 1);
			assert_int_equal(
				approval_judge(&a, &want, (struct instant){.wall_ms = NOW}), APPROVAL_EDITED);
			edited++;
		}
		token[i] = is;
	}
	assert_true(unread > 20 && edited > 80);
	/* cut anywhere, and with something behind it */
	size_t len = strlen(token);
	for (size_t i = 0; i < len; i++) {
		char cut[APPROVAL_TOKEN_MAX];
		struct approval a;
		snprintf(cut, sizeof cut, "%.*s", (int)i, token);
		assert_false(approval_open(&a, cut));
	}
	token[len] = 'A';
	token[len + 1] = 0;
	struct approval a;
	assert_false(approval_open(&a, token));
	/* a token of nothing but digits, and one without an end */
	char *endless = mem_new(1, 100000);
	memset(endless, 'A', 99999);
	memcpy(endless, "weir-approval.", 14);
	assert_false(approval_open(&a, endless));
	free(endless);
}

/* What the approver read is what was signed: why it was asked and when, not only the figures. */
static void row_75_an_ask_that_says_something_else_was_not_approved(void **state)
{
	(void)state;
	struct approval_want want = a_want();
	struct approval_claim c = a_claim();
	char token[APPROVAL_TOKEN_MAX];
	struct err err;
	assert_int_equal(approval_sign(token, &c, people.ana_dir, &err), 0);
#define OTHER(statement) \
	{ \
		struct decision ask = an_ask(); \
		struct approval a; \
		statement; \
		assert_true(approval_open(&a, token)); \
		approval_find_ask(&a, &ask, 1); \
		assert_int_equal(approval_judge(&a, &want, (struct instant){.wall_ms = NOW}), \
			APPROVAL_OTHER_EVIDENCE); \
	}
	OTHER(SET(ask.reason, "ana said so"))
	OTHER(ask.at_ms -= 3600000)
	OTHER(SET(ask.id, "00000000-0000-7000-8000-000000000002"))
	OTHER(SET(ask.pool, "payments"))
	OTHER(memcpy(strstr(ask.evidence, "READY"), "READ!", 5))
#undef OTHER
#undef SET
}

/* A wall clock that is turned back makes nothing last longer than it was to. */
static void row_75_a_clock_turned_back_prolongs_nothing(void **state)
{
	(void)state;
	struct approval_want want = a_want();
	struct approval a = {.claim = a_claim(), .is_signed = true, .heard_ms = 5000};
	text_copy(a.claim.approver_key, sizeof a.claim.approver_key, people.ana);
	text_copy(a.asked, sizeof a.asked, a.claim.evidence);
	struct instant at = {.boot_ms = 5000 + APPROVAL_MS - 1, .wall_ms = NOW + APPROVAL_MS - 1};
	assert_int_equal(approval_judge(&a, &want, at), APPROVAL_GOOD);
	at.wall_ms = NOW;
	at.boot_ms = 5000 + APPROVAL_MS + APPROVAL_AHEAD_MS;
	assert_int_equal(approval_judge(&a, &want, at), APPROVAL_EXPIRED);
	/* one that is heard again is no younger */
	struct pool *p = mem_new(1, sizeof *p);
	approving_add(p, &a, 5000);
	approving_add(p, &a, 900000);
	assert_int_equal(p->approval_count, 1);
	assert_int_equal(p->approvals[0].heard_ms, 5000);
	free(p->approvals);
	free(p);
}

/* Names of a token are on screens before anything of it is believed: none may steer a terminal. */
static void a_claim_that_is_not_clean_is_none(void **state)
{
	static const char *const names[] = {
		"ana\033[2J", "ana\x7f", "a\xc2\x9bna", "a\xe2\x80\xaena", "ana\r"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct approval_claim c = a_claim();
		char token[APPROVAL_TOKEN_MAX];
		struct approval a;
		struct err err;
		text_copy(c.approver, sizeof c.approver, names[i]);
		assert_int_equal(approval_sign(token, &c, people.ana_dir, &err), 0);
		assert_false(approval_open(&a, token));
	}
}

static void row_75_an_approval_is_used_once(void **state)
{
	(void)state;
	struct approval a = {.claim = a_claim()};
	struct decision step = an_ask();
	memset(a.hash, 'd', sizeof a.hash - 1);
	step.verb = VERB_STEP;
	step.at_ms = NOW;
	snprintf(step.evidence, sizeof step.evidence,
		"{\"guard\":\"GREEN\"," APPROVAL_USE "\"%s\"}}", a.hash);
	static const struct {
		enum outcome_kind outcome;
		bool used;
	} rows[] = {{OUTCOME_PENDING, false}, {OUTCOME_APPLIED, true}, {OUTCOME_REFUSED, false},
		{OUTCOME_NOT_SENT, false}, {OUTCOME_VOID, false}, {OUTCOME_SUPERSEDED, true}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		step.outcome = rows[i].outcome;
		assert_int_equal(approval_is_used(&a, &step, 1), rows[i].used);
	}
	step.outcome = OUTCOME_APPLIED;
	a.hash[3] = 'e';
	assert_false(approval_is_used(&a, &step, 1));
	/* what an ask or a note says of it is no use */
	a.hash[3] = 'd';
	step.verb = VERB_ANNOTATE;
	assert_false(approval_is_used(&a, &step, 1));
}

static void an_ask_goes_whole(void **state)
{
	(void)state;
	struct decision ask = an_ask(), again;
	struct text t = {0};
	char a[POOL_HASH_MAX], b[POOL_HASH_MAX];
	approval_pack_ask(&t, &ask);
	assert_true(approval_unpack_ask(&again, text_str(&t)));
	approval_evidence(a, &ask);
	approval_evidence(b, &again);
	assert_string_equal(a, b);
	assert_string_equal(again.actor, KIM);
	assert_string_equal(again.reason, ask.reason);
	assert_int_equal(again.to_bp, 5000);
	/* cut anywhere it is none */
	for (size_t i = 0; i < t.len; i++) {
		char *cut = mem_copy(text_str(&t));
		cut[i] = 0;
		assert_false(approval_unpack_ask(&again, cut));
		free(cut);
	}
	text_free(&t);
	/* control bytes, which a terminal would obey, are nobody's ask */
	text_copy(ask.reason, sizeof ask.reason, "fine\033[2J");
	approval_pack_ask(&t, &ask);
	assert_false(approval_unpack_ask(&again, text_str(&t)));
	text_free(&t);
	/* nor is a verb that asks nothing */
	ask = an_ask();
	text_copy(ask.evidence, sizeof ask.evidence, "{}");
	approval_pack_ask(&t, &ask);
	assert_false(approval_unpack_ask(&again, text_str(&t)));
	text_free(&t);
}

/* What a reason quotes is no member. */
static void a_member_is_not_found_inside_of_a_text(void **state)
{
	(void)state;
	char out[16];
	assert_true(approval_member(out, sizeof out, "{\"a\":\"x\",\"what\":\"step\"}", "what"));
	assert_string_equal(out, "step");
	assert_false(approval_member(out, sizeof out, "{\"a\":\"\\\"what\\\":\\\"y\"}", "what"));
	assert_false(
		approval_member(out, sizeof out, "{\"what\":\"longer than there is room\"}", "what"));
	assert_false(approval_member(out, sizeof out, "{\"what\":\"a\\\"b\"}", "what"));
	assert_false(approval_member(out, sizeof out, "{\"what\":7}", "what"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_claim_reads_back_and_nothing_else_does),
		cmocka_unit_test(one_that_is_as_wanted_is_good),
		cmocka_unit_test(row_75_any_other_field_is_refused_by_its_reason),
		cmocka_unit_test(row_75_an_edited_token_allows_nothing),
		cmocka_unit_test(row_75_an_ask_that_says_something_else_was_not_approved),
		cmocka_unit_test(row_75_a_clock_turned_back_prolongs_nothing),
		cmocka_unit_test(a_claim_that_is_not_clean_is_none),
		cmocka_unit_test(row_75_an_approval_is_used_once),
		cmocka_unit_test(an_ask_goes_whole),
		cmocka_unit_test(a_member_is_not_found_inside_of_a_text),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
