/* Split: the published hash, monotony, accuracy of the share, and who may fall back. */
#include "model/split.h"

#include "model/unit.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SESSIONS = 1000 };

static int bucket_of(int session, uint64_t salt)
{
	char id[32];
	int len = snprintf(id, sizeof(id), "user-%d", session);

	return split_bucket(id, (size_t)len, salt);
}

/* XXH64 as its authors publish it; other pools must agree. */
static void test_known_vectors(void **state)
{
	static const struct {
		const char *id;
		uint64_t salt, hash;
	} vectors[] = {
		{"", 0, 0xef46db3751d8e999},
		{"", 2654435761, 0xac75fda2929b17ef},
		{"a", 0, 0xd24ec4f1a98c6e5b},
		{"abc", 0, 0x44bc2cf5ad770999},
		{"xxhash", 0, 0x32dd38952c4bc720},
		{"xxhash", 20141025, 0xb559b98d844e0635},
		{"Nobody inspects the spammish repetition", 0, 0xfbcea83c8a378bf1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_int_equal(split_bucket(vectors[i].id, strlen(vectors[i].id), vectors[i].salt),
			vectors[i].hash % 10000);
}

static void test_bucket_takes_length_not_a_string(void **state)
{
	(void)state;
	assert_int_equal(split_bucket("abcdef", 3, 0), split_bucket("abc", 3, 0));
	assert_int_not_equal(split_bucket("a\0b", 3, 0), split_bucket("a", 1, 0));
}

/* Over every share: nobody leaves v2 as it rises, so each session changes its arm once. */
static void test_monotone(void **state)
{
	(void)state;
	for (int session = 0; session < SESSIONS; session++) {
		int bucket = bucket_of(session, 42);
		int changes = 0;
		enum arm before = ARM_V1;

		assert_in_range(bucket, 0, 9999);
		for (int share_bp = 0; share_bp <= SHARE_FULL; share_bp++) {
			enum arm arm = split_arm(STRATEGY_CANARY, share_bp, bucket);

			assert_true(arm >= before);
			changes += arm != before;
			before = arm;
		}
		assert_int_equal(changes, 1);
	}
}

static void test_share_is_the_part_of_buckets(void **state)
{
	static const int shares[] = {0, 1, 50, 100, 1000, 2500, 5000, 9999, 10000};

	(void)state;
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		int on_v2 = 0;

		for (int bucket = 0; bucket < SHARE_FULL; bucket++)
			on_v2 += split_arm(STRATEGY_CANARY, shares[i], bucket) == ARM_V2;
		assert_int_equal(on_v2, shares[i]);
	}
}

/* Sessions spread like coins: within four standard deviations at each share and salt. */
static void test_share_of_sessions(void **state)
{
	enum { MANY = 20000 };

	(void)state;
	for (uint64_t salt = 0; salt < 3; salt++)
		for (int share_bp = 500; share_bp < SHARE_FULL; share_bp += 1900) {
			double p = share_bp / 10000.0;
			int on_v2 = 0;

			for (int session = 0; session < MANY; session++)
				on_v2 +=
					split_arm(STRATEGY_CANARY, share_bp, bucket_of(session, salt)) == ARM_V2;
			assert_true(fabs(on_v2 - MANY * p) < 4 * sqrt(MANY * p * (1 - p)));
		}
}

static void test_salt_makes_another_split(void **state)
{
	int same = 0;

	(void)state;
	for (int session = 0; session < SESSIONS; session++)
		same += bucket_of(session, 1) == bucket_of(session, 2);
	assert_true(same < 5);
}

static void test_strategies_imply_their_share(void **state)
{
	(void)state;
	for (int bucket = 0; bucket < SHARE_FULL; bucket += 7) {
		assert_int_equal(split_arm(STRATEGY_PRIMARY_ONLY, 10000, bucket), ARM_V1);
		assert_int_equal(split_arm(STRATEGY_SHADOW, 10000, bucket), ARM_V1);
		assert_int_equal(split_arm(STRATEGY_FULL_MIGRATION, 0, bucket), ARM_V2);
		assert_int_equal(
			split_arm(STRATEGY_AB_TEST, 0, bucket), split_arm(STRATEGY_CANARY, 5000, bucket));
		assert_int_equal(split_arm(STRATEGY_PRIMARY_WITH_FALLBACK, 1234, bucket),
			split_arm(STRATEGY_CANARY, 1234, bucket));
	}
	assert_int_equal(strategy_share_bp(STRATEGY_AB_TEST), 5000);
	assert_int_equal(strategy_share_bp(STRATEGY_CANARY), -1);
}

static void test_strategy_names(void **state)
{
	(void)state;
	for (int i = 0; i < STRATEGY_COUNT; i++) {
		assert_int_equal(strategy_of(strategy_name((enum strategy)i)), i);
		assert_true(strlen(strategy_help((enum strategy)i)) > 0);
	}
	assert_string_equal(strategy_name(STRATEGY_AB_TEST), "ab_test");
	assert_int_equal(strategy_of("Canary"), STRATEGY_COUNT);
	assert_int_equal(strategy_of("canary "), STRATEGY_COUNT);
	assert_int_equal(strategy_of(""), STRATEGY_COUNT);
}

/* Every combination against the rule as one reads it. */
static void test_fall_back(void **state)
{
	static const int shares[] = {0, 1, 5000, 10000};

	(void)state;
	for (int s = 0; s < STRATEGY_COUNT; s++)
		for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
			for (int arm = 0; arm < ARM_COUNT; arm++)
				for (int idempotent = 0; idempotent < 2; idempotent++)
					for (int why = 0; why < FAILURE_COUNT; why++) {
						bool expected = s == STRATEGY_PRIMARY_WITH_FALLBACK;

						if (!idempotent || why == FAILURE_SESSION)
							expected = false;
						if (arm == ARM_V1 && shares[i] == 0)
							expected = false;
						assert_int_equal(split_may_fall_back((enum strategy)s, shares[i],
											 (enum arm)arm, idempotent, (enum failure)why),
							expected);
					}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_vectors),
		cmocka_unit_test(test_bucket_takes_length_not_a_string),
		cmocka_unit_test(test_monotone),
		cmocka_unit_test(test_share_is_the_part_of_buckets),
		cmocka_unit_test(test_share_of_sessions),
		cmocka_unit_test(test_salt_makes_another_split),
		cmocka_unit_test(test_strategies_imply_their_share),
		cmocka_unit_test(test_strategy_names),
		cmocka_unit_test(test_fall_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
