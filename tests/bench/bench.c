/* Bench: alternating rounds and how they are printed. Not a judge: it asserts nothing. */
#include "tests/bench/bench.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIDES_MAX 8

static int64_t clock_ns(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bench_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t bench_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void bench_die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void bench_note(const char *format, ...)
{
	va_list args;
	fputs("    ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fputc('\n', stdout);
	fflush(stdout);
}

static void print_processor(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];
	char *name = NULL;
	while (f && !name && fgets(line, sizeof line, f))
		if (strncmp(line, "model name", 10) == 0)
			name = strchr(line, ':');
	if (f)
		fclose(f);
	if (name)
		name[strcspn(name, "\n")] = '\0';
	printf("%s", name ? name + 2 : "unknown processor");
}

void bench_begin(const char *theme)
{
	double load = 0;
	if (getloadavg(&load, 1) != 1)
		load = -1;
	printf("%s\n    ", theme);
	print_processor();
	printf(", %ld cores, load %.1f before; %d rounds in turn\n", sysconf(_SC_NPROCESSORS_ONLN),
		load, BENCH_ROUNDS);
	fflush(stdout);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t count, double q)
{
	assert(count > 0);
	qsort(values, count, sizeof *values, compare);
	return values[(size_t)(q * (double)(count - 1) + 0.5)];
}

/* ---- a race ---- */

/* "1.23" with as many digits as three places take. */
static void print_time(double ns, double unit)
{
	double n = ns / unit;
	printf("%.*f", n < 10 ? 2 : n < 100 ? 1 : 0, n);
}

static void print_row(const char *name, double *times, double *ratios)
{
	static const struct {
		double ns;
		const char *word;
	} units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
	size_t u = 0;
	double median = bench_quantile(times, BENCH_ROUNDS, 0.5);
	while (u < 3 && median < units[u].ns)
		u++;
	char absolute[64];
	printf("    %-34s ", name);
	print_time(median, units[u].ns);
	printf(" %s (", units[u].word);
	print_time(times[0], units[u].ns);
	printf(" .. ");
	print_time(times[BENCH_ROUNDS - 1], units[u].ns);
	double rate = 1e9 / median;
	snprintf(absolute, sizeof absolute, rate >= 1e6 ? "%.2f M/s" : "%.0f/s",
		rate >= 1e6 ? rate / 1e6 : rate);
	printf("), %s", absolute);
	if (ratios) {
		median = bench_quantile(ratios, BENCH_ROUNDS, 0.5);
		printf(", %.2f x (%.2f .. %.2f)", median, ratios[0], ratios[BENCH_ROUNDS - 1]);
	}
	fputc('\n', stdout);
}

void bench_race(const char *what, const struct bench_side *sides, size_t count)
{
	double times[SIDES_MAX][BENCH_ROUNDS], ratios[SIDES_MAX][BENCH_ROUNDS];
	assert(count >= 1 && count <= SIDES_MAX);
	for (int round = -1; round < BENCH_ROUNDS; round++) {
		for (size_t i = 0; i < count; i++) {
			double ns = sides[i].run(sides[i].arg);
			if (round < 0)
				continue;
			times[i][round] = ns;
			ratios[i][round] = ns / times[0][round];
		}
	}
	printf("  %s\n", what);
	for (size_t i = 0; i < count; i++)
		print_row(sides[i].name, times[i], i > 0 ? ratios[i] : NULL);
	fflush(stdout);
}
