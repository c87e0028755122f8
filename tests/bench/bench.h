/* Bench: what every bench program shares: the clock, rounds that alternate, medians and spread.
 * Figures are ratios to a yardstick that ran in the same process between the rounds of what is
 * measured; times stand beside them. Nothing is asserted: machines differ.
 *
 * A row is read so: median (fastest .. slowest round), then the same of "this row's time over
 * the yardstick's of the same round". */
#ifndef WEIR_TESTS_BENCH_BENCH_H
#define WEIR_TESTS_BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_ROUNDS 7 /* after one that is not counted */

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t bench_ns(void);

/* Nanoseconds of processor time of this thread, for what waits for nobody: others' work on the
 * machine is not in it. */
int64_t bench_cpu_ns(void);

/* Prints the theme, the machine and how busy it is with other work. */
void bench_begin(const char *theme);

/* One competitor. `run` does one round and returns nanoseconds an operation. */
struct bench_side {
	const char *name;
	double (*run)(void *arg);
	void *arg;
};

/* Runs the sides in turn, round after round, and prints a row each. The first is the yardstick
 * of all others. */
void bench_race(const char *what, const struct bench_side *sides, size_t count);

/* Prints a line that belongs to the last race. */
void bench_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sorts the values; the q-quantile of them (0 <= q <= 1), the nearest that was measured. */
double bench_quantile(double *values, size_t count, double q);

/* Ends the program, saying why: a bench that cannot be set up measures nothing. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
