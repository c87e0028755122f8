/* Growth: whether a recording is still written, and how far it is, as its file says. */
#ifndef WEIR_HISTORY_GROWTH_H
#define WEIR_HISTORY_GROWTH_H

#include "history/player.h"

/* Of all these: 0, or -1 with err. */

/* The file's version, as SQLite counts what others commit to it. */
int growth_version(const struct player_source *s, int64_t *out, struct err *err);

/* The newest row of the recording in the file's last minute, since others may write into it too;
 * UNKNOWN none. */
int growth_newest(const struct player_source *s, int64_t *out, struct err *err);

/* True when the recorder said that it ended. */
int growth_ended(const struct player_source *s, bool *out, struct err *err);

#endif
