/* Wire crew: the members "workers", "workers_dropped", "segments", "residents" and "tally" of the
 * state document. */
#ifndef WEIR_CLIENT_WIRE_CREW_H
#define WEIR_CLIENT_WIRE_CREW_H

#include "client/wire_field.h"
#include "model/drain.h"

/* Appends the members; null where the pool does not tell of its workers. */
void wire_write_crew(struct text *out, const struct crew *c);

/* Reads them; what is missing or null is none. 0, or -1 with err (ERR_FIELD, the row named). */
int wire_read_crew(struct crew *out, const struct cJSON *tree, struct err *err);

/* The tables of "residents", for tests; of its first rows. */
#define WIRE_RESIDENT_TABLES 4
extern const struct wire_table wire_resident_tables[WIRE_RESIDENT_TABLES];

#endif
