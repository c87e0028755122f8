/* The field tables of weir.pool/1, for tests: every row is tried missing, null, of the wrong
 * type and out of range. */
#ifndef WEIR_CLIENT_WIRE_TABLES_H
#define WEIR_CLIENT_WIRE_TABLES_H

#include "client/wire_field.h"
#include "model/verb.h"

#define WIRE_STATE_TABLES 14
#define WIRE_CREW_TABLES 2
#define WIRE_ANSWER_TABLES 2

/* The state document. */
extern const struct wire_table wire_state_tables[WIRE_STATE_TABLES];
extern const struct wire_table wire_crew_tables[WIRE_CREW_TABLES]; /* of its first rows */

/* The body of a change as a pool reads it, and of the limits in it. */
const struct wire_table *wire_change_table(enum verb verb);
extern const struct wire_table wire_limit_table;

/* An answer to a change: with 200, and with any other status. */
extern const struct wire_table wire_answer_tables[WIRE_ANSWER_TABLES];

#endif
