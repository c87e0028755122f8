/* Wire, tally: what both arms have tallied, as GET /v1/tally tells it. */
#ifndef WEIR_CLIENT_WIRE_TALLY_H
#define WEIR_CLIENT_WIRE_TALLY_H

#include "client/engine/tallies.h"
#include "model/counts.h"
#include "model/text.h"

/* Writes {"v1":{...},"v2":{...}}; NULL is an arm without tables. */
void wire_write_tally(struct text *out, const struct tallies_facts *const arms[ARM_COUNT]);

#endif
