/* sparse: histograms as bytes, and bytes that are none. */
#include "tests/unit/history/fixture.h"

#include "history/sparse.h"

static void reads_back_exactly(void **state)
{
	struct histogram h = {0}, back;
	struct text t = {0};

	(void)state;
	h.count[0] = 1;
	h.count[1] = 127;
	h.count[200] = 128;
	h.count[HISTOGRAM_BUCKETS - 1] = (int64_t)1 << 40;
	sparse_encode(&t, &h);
	assert_true(sparse_decode(&back, (const unsigned char *)t.data, t.len));
	assert_memory_equal(&h, &back, sizeof h);
	text_free(&t);
}

/* The example of weir-history.5. */
static void bytes_are_those_of_the_manual(void **state)
{
	static const unsigned char expected[] = {0x03, 0x02, 0x00, 0x01, 0xc4, 0x01, 0xac, 0x02};
	struct histogram h = {0};
	struct text t = {0};

	(void)state;
	h.count[3] = 2;
	h.count[4] = 1;
	h.count[201] = 300;
	sparse_encode(&t, &h);
	assert_int_equal(t.len, sizeof expected);
	assert_memory_equal(t.data, expected, sizeof expected);
	text_free(&t);
}

static void empty_is_no_bytes_but_there(void **state)
{
	struct histogram h = {0}, back;
	struct text t = {0};

	(void)state;
	sparse_encode(&t, &h);
	assert_non_null(t.data);
	assert_int_equal(t.len, 0);
	assert_true(sparse_decode(&back, NULL, 0));
	assert_int_equal(histogram_total(&back), 0);
	text_free(&t);
}

static void refuses_what_it_does_not_write(void **state)
{
	static const struct {
		unsigned char bytes[12];
		size_t len;
	} bad[] = {
		{{0x00}, 1},                                           /* a gap without a count */
		{{0x00, 0x00}, 2},                                     /* a count of 0 */
		{{0x00, 0x80}, 2},                                     /* a varint that does not end */
		{{0x80, 0x00, 0x01}, 3},                               /* longer than it need be */
		{{0xb3, 0x0a, 0x01}, 3},                               /* bucket 1331 */
		{{0x00, 0x01, 0xb2, 0x0a, 0x01}, 5},                   /* bucket 1331, relative */
		{{0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 8}, /* beyond 42 bits */
	};
	struct histogram h;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(sparse_decode(&h, bad[i].bytes, bad[i].len));
	assert_true(sparse_decode(&h, (const unsigned char[]){0xb2, 0x0a, 0x01}, 3));
	assert_int_equal(h.count[HISTOGRAM_BUCKETS - 1], 1);
}

/* ---- sums ---- */

static void assert_merges(const struct histogram *a, const struct histogram *b)
{
	struct histogram sum = *a, back;
	struct text x = {0}, y = {0}, both = {0};

	histogram_merge(&sum, b);
	sparse_encode(&x, a);
	sparse_encode(&y, b);
	assert_true(sparse_merge(
		&both, (const unsigned char *)x.data, x.len, (const unsigned char *)y.data, y.len));
	assert_non_null(both.data);
	assert_true(sparse_decode(&back, (const unsigned char *)both.data, both.len));
	assert_memory_equal(&back, &sum, sizeof sum);
	text_free(&x);
	text_free(&y);
	text_free(&both);
}

static void merges_as_histograms_do(void **state)
{
	static struct histogram a, b;
	uint32_t random = 7;

	(void)state;
	assert_merges(&a, &b);
	for (int round = 0; round < 300; round++) {
		struct histogram *h = round % 2 ? &a : &b;

		random = random * 1664525 + 1013904223;
		if (round % 40 == 0)
			memset(h, 0, sizeof *h);
		h->count[random % HISTOGRAM_BUCKETS] += random >> 12;
		h->count[round % 3 ? 0 : HISTOGRAM_BUCKETS - 1]++;
		assert_merges(&a, &b);
	}
}

static void merges_nothing_that_it_does_not_write(void **state)
{
	static const struct {
		unsigned char bytes[16];
		size_t len;
	} bad[] = {
		{{0x00}, 1},                         /* a gap without a count */
		{{0x00, 0x00}, 2},                   /* a count of 0 */
		{{0x00, 0x80}, 2},                   /* a varint that does not end */
		{{0xb3, 0x0a, 0x01}, 3},             /* bucket 1331 */
		{{0x00, 0x01, 0xb2, 0x0a, 0x01}, 5}, /* bucket 1331, relative */
		{{0x03, 0x01, 0x05, 0x01, 0x00}, 5}, /* broken behind what is good */
	};
	static const unsigned char good[] = {0x03, 0x01, 0x05, 0x01};
	static const unsigned char most[] = {0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
	struct text out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(sparse_merge(&out, good, sizeof good, bad[i].bytes, bad[i].len));
		assert_false(sparse_merge(&out, bad[i].bytes, bad[i].len, good, sizeof good));
	}
	/* a sum beyond 42 bits has no form */
	assert_true(sparse_merge(&out, most, sizeof most, good, sizeof good));
	assert_false(sparse_merge(&out, most, sizeof most, most, sizeof most));
	text_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_exactly),
		cmocka_unit_test(bytes_are_those_of_the_manual),
		cmocka_unit_test(empty_is_no_bytes_but_there),
		cmocka_unit_test(refuses_what_it_does_not_write),
		cmocka_unit_test(merges_as_histograms_do),
		cmocka_unit_test(merges_nothing_that_it_does_not_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
