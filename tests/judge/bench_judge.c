/* Bench: what the judge promises, in numbers: the console's own code over made-up traffic, beside
 * rivals and beside what was expected. Fixed seeds: the same figures everywhere, but for times.
 *
 * usage: bench_judge [RUNS [TABLE]]: at most RUNS of a case (10,000), or one table alone. */
#include "tests/judge/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 10000
#define SEED 20240229

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(struct report *);
	} tables[] = {
		{"cost", tables_cost},
		{"delay", tables_delay},
		{"safe", tables_safe},
		{"latency", tables_latency},
		{"trust", tables_trust},
		{"alike", tables_alike},
	};
	struct report r = {.runs = argc > 1 ? strtol(argv[1], NULL, 10) : RUNS};
	if (r.runs <= 0) {
		fputs("usage: bench_judge [RUNS [TABLE]]\n", stderr);
		return 2;
	}
	printf("The judge: what was measured, and what was expected\n");
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		r.seed = SEED + 1000 * (i + 1);
		if (argc <= 2 || strcmp(argv[2], tables[i].name) == 0)
			tables[i].print(&r);
	}
	printf("\n%d missed\n", r.missed);
	return r.missed > 0;
}
