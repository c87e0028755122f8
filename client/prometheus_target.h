/* Target: where Prometheus is and what of it counts for which arm, as configured; and the same as
 * one text, which is how a driver is told. */
#ifndef WEIR_CLIENT_PROMETHEUS_TARGET_H
#define WEIR_CLIENT_PROMETHEUS_TARGET_H

#include "model/counts.h"
#include "model/err.h"
#include "model/text.h"

#include <stdbool.h>
#include <stdint.h>

#define PROMETHEUS_SCHEME "prometheus"
#define PROMETHEUS_URL_MAX 512
#define PROMETHEUS_SELECTOR_MAX 512

/* X(NAME, word, what) */
#define PROMETHEUS_METRIC_INFO(X) \
	X(REQUESTS, "requests", "requests") \
	X(ERRORS, "errors", "errors") \
	X(LATENCY, "latency", "latencies")

enum prometheus_metric {
#define X(name, word, what) PROMETHEUS_##name,
	PROMETHEUS_METRIC_INFO(X)
#undef X
		PROMETHEUS_METRICS
};

const char *prometheus_metric_what(enum prometheus_metric m);

struct prometheus_target {
	char url[PROMETHEUS_URL_MAX]; /* "" nothing is configured */
	bool sum;
	int64_t interval_ms; /* between two scrapes */
	char selector[ARM_COUNT][PROMETHEUS_METRICS][PROMETHEUS_SELECTOR_MAX]; /* "" none */
};

/* 0, or -1 with err where it is no http(s)://HOST[:PORT][/PATH] without a user or a query. */
int prometheus_check_url(const char *url, struct err *err);

/* 0, or -1 with err where it is no plain selector of series, NAME{LABEL="VALUE",…}: no function,
 * range or offset. Those of a latency end in _bucket. */
int prometheus_check_selector(const char *s, enum prometheus_metric m, struct err *err);

/* prometheus:URL?KEY=VALUE&…, with what is special written as %XX. */
void prometheus_target_write(struct text *out, const struct prometheus_target *t);

/* Reads it, checked. 0, or -1 with err (CONFIG). */
int prometheus_target_read(struct prometheus_target *out, const char *text, struct err *err);

#endif
