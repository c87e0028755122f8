/* Place: the directory that a history and what belongs to it lie in. */
#ifndef WEIR_HISTORY_PLACE_H
#define WEIR_HISTORY_PLACE_H

#include "model/err.h"

/* Makes the directory of the file `path` where it lacks: one level, for its owner alone. 0, or -1
 * with err. */
int place_make(const char *path, struct err *err);

#endif
