/* Wire, Prometheus: the answer of a query for a range of samples. */
#ifndef WEIR_CLIENT_WIRE_PROMETHEUS_H
#define WEIR_CLIENT_WIRE_PROMETHEUS_H

#include "model/err.h"

#include <stddef.h>
#include <stdint.h>

/* The newest sample of one series. */
struct prometheus_point {
	uint64_t series; /* a hash of its labels but `le`, in any order */
	double le;       /* the bound of a bucket; -INFINITY: it is none */
	double value;    /* not finite: there is no number */
	int64_t at_ms;   /* when it was scraped, by Prometheus's clock */
};

/* Reads an answer whose result is a matrix into *points (freed by the caller), those of series
 * without samples left out. 0, or -1 with err: also where Prometheus refused the query (CONFIG) or
 * could not do it (UNREACHABLE). Source: Prometheus's HTTP API v1. */
int wire_read_prometheus(struct prometheus_point **points, size_t *count, const char *body,
	size_t len, struct err *err);

#endif
