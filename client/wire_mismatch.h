/* Wire, mismatch: what shadow found to differ, as GET /v1/mismatches tells it. */
#ifndef WEIR_CLIENT_WIRE_MISMATCH_H
#define WEIR_CLIENT_WIRE_MISMATCH_H

#include "client/engine/engine.h"
#include "model/text.h"

/* Writes {"mismatches":[{age_ms,operation,id,v1,v2}]}; a result is text, cut to 200 bytes. */
void wire_write_mismatches(struct text *out, const struct mismatch *m, size_t count);

#endif
