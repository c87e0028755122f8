/* Wire, tally: what both arms have tallied, as GET /v1/tally tells it, and the member "tally" of
 * the state document. */
#ifndef WEIR_CLIENT_WIRE_TALLY_H
#define WEIR_CLIENT_WIRE_TALLY_H

#include "client/engine/tallies.h"
#include "client/wire_field.h"
#include "model/counts.h"
#include "model/text.h"

/* Writes {"v1":{...},"v2":{...}}; NULL is an arm without tables. */
void wire_write_tally(struct text *out, const struct tallies_facts *const arms[ARM_COUNT]);

/* Appends the member "tally"; null where no arm has tallied anything. */
void wire_write_tally_crew(struct text *out, const struct tally_crew arms[ARM_COUNT]);

/* Reads it; what is missing or null is not known. 0, or -1 with err (ERR_FIELD, the row named). */
int wire_read_tally_crew(
	struct tally_crew out[ARM_COUNT], const struct cJSON *tree, struct err *err);

/* The tables of "tally", for tests; of its first rows. */
#define WIRE_TALLY_TABLES 2
extern const struct wire_table wire_tally_tables[WIRE_TALLY_TABLES];

#endif
