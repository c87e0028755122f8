/* Zone files: where the system keeps its time zones: $TZDIR, else /usr/share/zoneinfo. */
#ifndef WEIR_TUI_ZONE_FILE_H
#define WEIR_TUI_ZONE_FILE_H

#include "model/zone.h"

/* Reads the zone of a name; "" is UTC. 0, or -1 with err (W002): there is no such name, or its file
 * is none. */
int zone_load(struct zone *out, const char *name, struct err *err);

#endif
