/* Metrics: what a pool says of itself as a page for Prometheus. */
#ifndef WEIR_CLIENT_SERVE_METRICS_H
#define WEIR_CLIENT_SERVE_METRICS_H

#include "model/pool.h"
#include "model/text.h"

#include <stdbool.h>

/* True when the Accept header (NULL none) prefers OpenMetrics to the text format. */
bool serve_metrics_is_open(const char *accept);

/* The Content-Type of a page. */
const char *serve_metrics_type(bool open);

/* Appends the page: the text format 0.0.4 or, `open`, OpenMetrics 1.0.0. What is not known is
 * left out. Source: the exposition formats of Prometheus and OpenMetrics. */
void serve_metrics_write(struct text *out, const struct snapshot *s, bool open);

#endif
