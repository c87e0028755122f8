/* Salvage: the import of the emergency journals that dead processes left beside a history. */
#ifndef WEIR_HISTORY_SALVAGE_H
#define WEIR_HISTORY_SALVAGE_H

#include "history/journal.h"

/* Imports the journals of the dead (at most 64 at a time) in a transaction of its own, then
 * removes them: decisions as late rows with their own times, and final outcomes; what has a row
 * is not added twice. Files that are locked or not ours are left alone. Damaged slots are told
 * of by an event of kind "emergency". Begins nothing where no such file lies but `own`, the
 * path of this process's journal or NULL. */
enum schema_result salvage(struct journal *j, const char *own, struct err *err);

#endif
