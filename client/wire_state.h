/* The field tables of the state document, for tests: every row is tried missing, null, of the
 * wrong type and out of range. */
#ifndef WEIR_CLIENT_WIRE_STATE_H
#define WEIR_CLIENT_WIRE_STATE_H

#include "client/wire_field.h"

#define WIRE_STATE_TABLES 9

extern const struct wire_table wire_state_tables[WIRE_STATE_TABLES];

#endif
