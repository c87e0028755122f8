/* Prometheus as a source of figures of a pool that somebody else serves: a driver that only
 * looks. Its documents have arms and nothing else: what was counted since it was opened. */
#ifndef WEIR_CLIENT_PROMETHEUS_H
#define WEIR_CLIENT_PROMETHEUS_H

#include "model/driver.h"

/* The low bits of a handle that is a pool's source of figures, and none of its nodes. */
#define PROMETHEUS_NODE 0xffff

extern const struct driver_ops driver_prometheus; /* prometheus:URL?… (prometheus_target.h) */

#endif
