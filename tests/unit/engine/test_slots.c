/* Tests of slots: nobody has what another has, first come first served, bounded, never late. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/slots.h"

#include <poll.h>
#include <stdlib.h>

#define WAIT_US 30000000
#define SOON_US (threads_us() + WAIT_US)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TURNS 20000
#else
#define TURNS 200000
#endif

/* One that waits in a thread of its own, and keeps what it gets until it is told. */
struct waiter {
	struct slots *slots;
	struct slots_want want;
	pthread_t thread;
	enum slots_end end;
	int slot;
	atomic_bool ended;
};

static struct slots *make(int count)
{
	struct slots *s = slots_new(count);
	for (int i = 0; i < count; i++)
		slots_open(s, i);
	return s;
}

static void *wait_in_thread(void *arg)
{
	struct waiter *w = arg;
	w->slot = -7;
	w->end = slots_wait(w->slots, &w->want, &w->slot);
	atomic_store(&w->ended, true);
	return NULL;
}

static void wait_for_queue(struct slots *s, int queued)
{
	int64_t until_us = SOON_US;
	while (slots_queued(s) != queued) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 1);
	}
}

/* Starts it, and waits until it stands in the queue as number `place`. */
static struct waiter *stand(struct slots *s, int wanted, const atomic_bool *gone, int place)
{
	struct waiter *w = calloc(1, sizeof *w);
	assert_non_null(w);
	w->slots = s;
	w->want = (struct slots_want){.wanted = wanted,
		.deadline_us = SOON_US,
		.queue_max = 1000,
		.counted = true,
		.gone = gone};
	assert_int_equal(pthread_create(&w->thread, NULL, wait_in_thread, w), 0);
	wait_for_queue(s, place);
	return w;
}

/* Returns its slot, -1 where it was late. */
static int leave(struct waiter *w)
{
	pthread_join(w->thread, NULL);
	int slot = w->end == SLOTS_TAKEN ? w->slot : -1;
	free(w);
	return slot;
}

static void all_are_shut_at_first_and_each_is_taken_once(void **state)
{
	(void)state;
	struct slots *s = slots_new(3);
	assert_int_equal(slots_try(s, SLOTS_ANY), -1);
	for (int i = 0; i < 3; i++)
		slots_open(s, i);
	int taken = 0;
	for (int i = 0; i < 3; i++)
		taken |= 1 << slots_try(s, SLOTS_ANY);
	assert_int_equal(taken, 7);
	assert_int_equal(slots_try(s, SLOTS_ANY), -1);
	assert_int_equal(slots_taken(s), 3);
	assert_false(slots_try_shut(s, 1));
	slots_give(s, 1);
	assert_false(slots_is_taken(s, 1));
	assert_int_equal(slots_try(s, 0), -1);
	assert_int_equal(slots_try(s, 1), 1);
	slots_shut(s, 1);
	assert_int_equal(slots_try(s, 1), -1);
	slots_give(s, 2);
	assert_true(slots_try_shut(s, 2));
	assert_false(slots_try_shut(s, 2));
	slots_free(s);
}

static void q1_is_full_at_n(void **state)
{
	(void)state;
	struct slots *s = make(1);
	int slot;
	struct slots_want want = {.wanted = SLOTS_ANY, .deadline_us = SOON_US, .queue_max = 0};
	assert_int_equal(slots_wait(s, &want, &slot), SLOTS_TAKEN); /* it need not wait */
	assert_int_equal(slot, 0);
	assert_int_equal(slots_wait(s, &want, &slot), SLOTS_FULL);
	assert_int_equal(slot, -1);
	struct waiter *first = stand(s, SLOTS_ANY, NULL, 1), *second = stand(s, SLOTS_ANY, NULL, 2);
	want.queue_max = 2;
	assert_int_equal(slots_wait(s, &want, &slot), SLOTS_FULL);
	assert_int_equal(slots_queued(s), 2);
	slots_give(s, 0);
	assert_int_equal(leave(first), 0);
	slots_give(s, 0);
	assert_int_equal(leave(second), 0);
	slots_give(s, 0);
	slots_free(s);
}

static void q2_who_is_late_has_no_slot(void **state)
{
	(void)state;
	struct slots *s = make(1);
	int slot = slots_try(s, SLOTS_ANY);
	int64_t deadline_us = threads_us() + 3000;
	struct slots_want want = {.wanted = SLOTS_ANY, .deadline_us = deadline_us, .queue_max = 9};
	assert_int_equal(slots_wait(s, &want, &slot), SLOTS_LATE);
	assert_int_equal(slot, -1);
	assert_true(threads_us() >= deadline_us);
	slots_give(s, 0);
	assert_int_equal(slots_try(s, SLOTS_ANY), 0);
	slots_free(s);
}

/* Free, but the deadline has passed: it is handed back to be given by who knows how. */
static void q2_one_handed_too_late_is_to_be_given_back(void **state)
{
	(void)state;
	struct slots *s = make(1);
	int slot;
	struct slots_want want = {.wanted = SLOTS_ANY, .deadline_us = threads_us(), .queue_max = 9};
	assert_int_equal(slots_wait(s, &want, &slot), SLOTS_LATE);
	assert_int_equal(slot, 0);
	assert_true(slots_is_taken(s, 0));
	slots_give(s, 0);
	slots_free(s);
}

static void q4_who_waits_for_one_holds_up_nobody(void **state)
{
	(void)state;
	struct slots *s = make(2);
	assert_int_equal(slots_try(s, 0), 0);
	assert_int_equal(slots_try(s, 1), 1);
	struct waiter *pinned = stand(s, 0, NULL, 1), *any = stand(s, SLOTS_ANY, NULL, 2);
	slots_give(s, 1);
	assert_int_equal(leave(any), 1);
	assert_int_equal(slots_queued(s), 1);
	/* While one waits for that, others find theirs through the queue. */
	slots_give(s, 1);
	int slot;
	struct slots_want want = {.wanted = SLOTS_ANY, .deadline_us = SOON_US, .queue_max = 1};
	assert_int_equal(slots_wait(s, &want, &slot), SLOTS_TAKEN);
	assert_int_equal(slot, 1);
	assert_false(atomic_load(&pinned->ended));
	slots_give(s, 0);
	assert_int_equal(leave(pinned), 0);
	slots_free(s);
}

static void q5_who_is_gone_is_passed_over(void **state)
{
	(void)state;
	atomic_bool gone = false;
	struct slots *s = make(1);
	assert_int_equal(slots_try(s, SLOTS_ANY), 0);
	struct waiter *dead = stand(s, SLOTS_ANY, &gone, 1);
	struct waiter *next = stand(s, SLOTS_ANY, NULL, 2);
	atomic_store(&gone, true);
	slots_nudge(s);
	assert_int_equal(leave(dead), -1);
	slots_give(s, 0);
	assert_int_equal(leave(next), 0);
	/* Gone before it began to wait: nobody will nudge it. */
	int slot;
	struct slots_want want = {
		.wanted = SLOTS_ANY, .deadline_us = SOON_US, .queue_max = 9, .gone = &gone};
	assert_int_equal(slots_wait(s, &want, &slot), SLOTS_LATE);
	assert_int_equal(slot, -1);
	slots_free(s);
}

static void one_that_is_shut_waits_for_the_opening(void **state)
{
	(void)state;
	struct slots *s = make(1);
	assert_true(slots_try_shut(s, 0));
	struct waiter *w = stand(s, SLOTS_ANY, NULL, 1);
	slots_open(s, 0);
	assert_int_equal(leave(w), 0);
	slots_shut(s, 0);
	w = stand(s, 0, NULL, 1);
	slots_open(s, 0);
	assert_int_equal(leave(w), 0);
	slots_free(s);
}

/* As many at a time as there are slots, and exactly those who have waited longest. */
static void fair_among_128_on_8(void **state)
{
	(void)state;
	enum { SLOTS = 8, CALLERS = 128 };
	struct slots *s = make(SLOTS);
	struct waiter *w[CALLERS];
	for (int i = 0; i < SLOTS; i++)
		assert_true(slots_try(s, SLOTS_ANY) >= 0);
	for (int i = 0; i < CALLERS; i++)
		w[i] = stand(s, SLOTS_ANY, NULL, i + 1);
	int slot[SLOTS];
	for (int i = 0; i < SLOTS; i++)
		slot[i] = i;
	for (int round = 0; round < CALLERS / SLOTS; round++) {
		for (int i = 0; i < SLOTS; i++)
			slots_give(s, slot[i]);
		for (int i = 0; i < SLOTS; i++) {
			slot[i] = leave(w[round * SLOTS + i]);
			assert_true(slot[i] >= 0);
		}
		for (int i = (round + 1) * SLOTS; i < CALLERS; i++)
			assert_false(atomic_load(&w[i]->ended));
		assert_int_equal(slots_queued(s), CALLERS - (round + 1) * SLOTS);
	}
	slots_free(s);
}

/* ---- many at once ---- */

struct field {
	struct slots *slots;
	atomic_int owner[3]; /* how many have it */
	atomic_int doubles, callers;
	atomic_long late, taken;
};

static void use(struct field *f, int slot, int turn)
{
	if (atomic_fetch_add(&f->owner[slot], 1) != 0)
		atomic_fetch_add(&f->doubles, 1);
	atomic_fetch_add(&f->taken, 1);
	atomic_fetch_sub(&f->owner[slot], 1);
	if (turn % 97 == 0) { /* as a crash does: shut, and opened again */
		slots_shut(f->slots, slot);
		slots_open(f->slots, slot);
	} else {
		slots_give(f->slots, slot);
	}
}

static void *hammer(void *arg)
{
	struct field *f = arg;
	for (int i = 0; i < TURNS / 8; i++) {
		struct slots_want want = {.wanted = i % 5 == 0 ? i / 5 % 3 : SLOTS_ANY,
			.deadline_us = i % 11 == 0 ? threads_us() + 20 : SOON_US,
			.queue_max = 8,
			.counted = true};
		int slot = slots_try(f->slots, want.wanted);
		enum slots_end end = slot >= 0 ? SLOTS_TAKEN : slots_wait(f->slots, &want, &slot);
		if (end == SLOTS_TAKEN)
			use(f, slot, i);
		else if (slot >= 0)
			slots_give(f->slots, slot);
		atomic_fetch_add(&f->late, end == SLOTS_LATE);
	}
	atomic_fetch_sub(&f->callers, 1);
	return NULL;
}

static void nobody_has_what_another_has_and_nobody_is_forgotten(void **state)
{
	(void)state;
	enum { CALLERS = 8 };
	struct field f = {.slots = make(3), .callers = CALLERS};
	pthread_t threads[CALLERS];
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &f), 0);
	while (atomic_load(&f.callers) > 0) { /* a supervisor's hand among them */
		if (slots_try_shut(f.slots, 1))
			slots_open(f.slots, 1);
		poll(NULL, 0, 1);
	}
	for (int i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&f.doubles), 0);
	assert_int_equal(atomic_load(&f.taken) + atomic_load(&f.late), TURNS / 8 * CALLERS);
	assert_int_equal(slots_taken(f.slots), 0);
	assert_int_equal(slots_queued(f.slots), 0);
	slots_free(f.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_shut_at_first_and_each_is_taken_once),
		cmocka_unit_test(q1_is_full_at_n),
		cmocka_unit_test(q2_who_is_late_has_no_slot),
		cmocka_unit_test(q2_one_handed_too_late_is_to_be_given_back),
		cmocka_unit_test(q4_who_waits_for_one_holds_up_nobody),
		cmocka_unit_test(q5_who_is_gone_is_passed_over),
		cmocka_unit_test(one_that_is_shut_waits_for_the_opening),
		cmocka_unit_test(fair_among_128_on_8),
		cmocka_unit_test(nobody_has_what_another_has_and_nobody_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
