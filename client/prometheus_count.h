/* Counting: the raw counters of one selector, answer by answer, as one counter that never falls. */
#ifndef WEIR_CLIENT_PROMETHEUS_COUNT_H
#define WEIR_CLIENT_PROMETHEUS_COUNT_H

#include "client/wire_prometheus.h"
#include "model/histogram.h"
#include "model/unit.h"

#include <stdbool.h>

struct prometheus_row; /* of one series, as it was last seen */

/* What a selector has counted since it was first asked; zero-initialised, with the first three
 * set. */
struct prometheus_count {
	bool buckets;              /* it selects the buckets of a histogram */
	bool sum;                  /* several series are added up; else they are refused */
	int64_t interval_ms;       /* between two scrapes */
	double total;              /* of buckets: of the last */
	struct histogram *latency; /* with buckets; owned, NULL before the first answer */
	bool answered;             /* it had an answer: a series that was not in it began at 0 */
	bool forgot;               /* not all series that were seen are known any more */
	int64_t newest_ms;         /* the newest sample, by Prometheus's clock */
	int64_t moved_ms;          /* when that last changed, by the boot clock */
	struct prometheus_row *rows;
	size_t row_count;
};

void prometheus_count_release(struct prometheus_count *c);

/* Adds an answer; sorts `points`. A series of the first answer is counted from that sample on, one
 * that comes later from 0; a value that fell began anew at 0. Counts of a bucket are spread evenly
 * over it, those of the last lie at the highest bound that there is. 0, or -1 with err: there is no
 * data, and nothing was added. */
int prometheus_count_add(struct prometheus_count *c, struct prometheus_point *points,
	size_t count, struct instant now, struct err *err);

/* An answer without a series, of which it is known by others that it is no failure: none has
 * counted yet. */
void prometheus_count_none(struct prometheus_count *c);

#endif
