/* Prometheus: a real one in a directory of its own, which scrapes a pool once a second. */
#ifndef WEIR_TESTS_LIB_PROMETHEUS_H
#define WEIR_TESTS_LIB_PROMETHEUS_H

#include "tests/lib/process.h"

#include <stdbool.h>

struct prometheus {
	struct process process;
	char url[64]; /* "http://127.0.0.1:PORT" */
};

/* True when tests may start one: it is installed, and PEERS is not "no". Else it says why not. */
bool prometheus_is_here(void);

/* Starts it in `dir`, which must be there, on a free port of loopback, scraping /metrics of
 * 127.0.0.1:`pool`; waits until it is ready. What cannot be started ends the program. */
void prometheus_start(struct prometheus *p, const char *dir, int pool);
/* Kills it. Safe on a zeroed struct. */
void prometheus_stop(struct prometheus *p);

#endif
