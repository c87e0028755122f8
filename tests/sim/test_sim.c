/* Random days of a simulated site, one a seed; see sim.h for what a day has and oracle.c for
 * what must hold in it. SEEDS=N lives that many (500), from SEED=n on (1); SEED alone lives
 * one and tells of it; VERBOSE=1 tells of every event. A seed that ever failed is in seeds.txt.
 *
 * Days are lived by as many processes as there are processors: a crash is a failed seed, too. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 8
#define SEEDS_DEFAULT 500

/* What a worker tells of itself, in memory that outlives it. */
struct heard {
	uint64_t seed;
	int64_t days, failed, virtual_ms, commands, steps, rollbacks, lost, echoes;
};

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void write_faults(unsigned faults)
{
	for (int f = 0; f < FAULT_COUNT; f++)
		if (faults & 1u << f)
			printf(" %s", fault_word((enum trouble)f));
	printf("%s\n", faults ? "" : " none");
}

/* Leaves out one kind of fault after the other, as long as the day still fails. */
static unsigned shrink(uint64_t seed, unsigned faults)
{
	struct sim_result r;
	for (int f = 0; f < FAULT_COUNT; f++) {
		if (!(faults & 1u << f))
			continue;
		sim_run(seed, faults & ~(1u << f), false, false, &r);
		if (r.failed)
			faults &= ~(1u << f);
	}
	return faults;
}

static void report(uint64_t seed, const struct sim_result *r)
{
	struct sim_result again;
	printf("SEED=%llu: %s\n  faults:", (unsigned long long)seed, r->why);
	write_faults(r->faults);
	unsigned least = shrink(seed, r->faults);
	printf("  enough are:");
	write_faults(least);
	printf("  the day's end with these (SEED=%llu FAULTS=%u make sim):\n",
		(unsigned long long)seed, least);
	sim_run(seed, least, false, true, &again);
	if (strcmp(again.why, r->why) != 0)
		printf("  %s\n", again.why);
	fflush(stdout);
}

static void live(struct heard *t, uint64_t seed, unsigned mask, bool verbose)
{
	struct sim_result r;
	t->seed = seed;
	sim_run(seed, mask, verbose, false, &r);
	t->days++;
	t->virtual_ms += r.virtual_ms;
	t->commands += r.commands;
	t->steps += r.steps_applied;
	t->rollbacks += r.rollbacks_verified;
	t->lost += r.brakes_lost;
	t->echoes += r.echoes;
	if (!r.failed)
		return;
	if (t->failed++ < 3)
		report(seed, &r);
	else
		printf("SEED=%llu: %s\n", (unsigned long long)seed, r.why);
}

/* Lives every n-th of the seeds. */
static void work(
	struct heard *t, const uint64_t *seeds, size_t count, size_t first, size_t every)
{
	unsigned mask = (unsigned)number("FAULTS", FAULTS_ALL);
	bool verbose = number("VERBOSE", 0);
	for (size_t i = first; i < count; i += every)
		live(t, seeds[i], mask, verbose);
}

static void live_all(const uint64_t *seeds, size_t count)
{
	long workers = sysconf(_SC_NPROCESSORS_ONLN);
	workers = workers < 1 ? 1 : workers > WORKERS_MAX ? WORKERS_MAX : workers;
	struct heard *told = mmap(NULL, sizeof *told * WORKERS_MAX, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct heard sum = {0};
	pid_t pid[WORKERS_MAX];
	assert_true(told != MAP_FAILED);
	fflush(NULL);
	for (long w = 0; w < workers; w++) {
		pid[w] = fork();
		assert_true(pid[w] >= 0);
		if (pid[w] == 0) {
			work(&told[w], seeds, count, (size_t)w, (size_t)workers);
			fflush(NULL);
			_exit(0);
		}
	}
	for (long w = 0; w < workers; w++) {
		int status;
		waitpid(pid[w], &status, 0);
		if (status != 0) {
			printf("SEED=%llu: ended by status %x\n", (unsigned long long)told[w].seed,
				(unsigned)status);
			sum.failed++;
		}
		sum.days += told[w].days;
		sum.failed += told[w].failed;
		sum.virtual_ms += told[w].virtual_ms;
		sum.commands += told[w].commands;
		sum.steps += told[w].steps;
		sum.rollbacks += told[w].rollbacks;
		sum.lost += told[w].lost;
		sum.echoes += told[w].echoes;
	}
	printf("%lld days, %.1f hours: %lld commands, %lld raises, %lld rollbacks verified, "
		   "%lld brakes lost with power, %lld decisions replayed; %lld failed\n",
		(long long)sum.days, (double)sum.virtual_ms / 3600000, (long long)sum.commands,
		(long long)sum.steps, (long long)sum.rollbacks, (long long)sum.lost,
		(long long)sum.echoes, (long long)sum.failed);
	munmap(told, sizeof *told * WORKERS_MAX);
	assert_int_equal(sum.failed, 0);
	assert_int_equal(sum.days, (int64_t)count);
}

static void random_days(void **state)
{
	(void)state;
	uint64_t from = number("SEED", 1);
	size_t count =
		(size_t)number("SEEDS", getenv("SEED") && *getenv("SEED") ? 1 : SEEDS_DEFAULT);
	uint64_t *seeds = calloc(count, sizeof *seeds);
	assert_non_null(seeds);
	for (size_t i = 0; i < count; i++)
		seeds[i] = from + i;
	live_all(seeds, count);
	free(seeds);
}

/* Days that have failed once. */
static void known_days(void **state)
{
	(void)state;
	static const uint64_t seeds[] = {
#include "tests/sim/seeds.txt"
	};
	live_all(seeds, sizeof seeds / sizeof *seeds);
}

/* The same seed gives the same day, or no failure could be looked at again. */
static void a_seed_is_a_day(void **state)
{
	(void)state;
	struct sim_result a, b;
	for (uint64_t seed = 1; seed < 4; seed++) {
		sim_run(seed, FAULTS_ALL, false, false, &a);
		sim_run(seed, FAULTS_ALL, false, false, &b);
		assert_int_equal(a.virtual_ms, b.virtual_ms);
		assert_int_equal(a.commands, b.commands);
		assert_int_equal(a.steps_applied, b.steps_applied);
		assert_string_equal(a.why, b.why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_days),
		cmocka_unit_test(a_seed_is_a_day),
		cmocka_unit_test(random_days),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
