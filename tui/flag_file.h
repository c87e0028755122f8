/* Flag files: what a script says to weir by a file in a directory, also when no console answers:
 *
 *     freeze            nothing is raised at any pool while it lies there
 *     freeze.POOL       nothing is raised at this one
 *     rollback.POOL     the same, and a recorder that guards the pool rolls it back, once a file
 *
 * The first line of a file is its reason. */
#ifndef WEIR_TUI_FLAG_FILE_H
#define WEIR_TUI_FLAG_FILE_H

#include "tui/lookout.h"

/* Looks at the flags of a pool. No directory is no flags, unless somebody named it. What cannot be
 * looked at, or what may be written by more than root, this user, the owner of the shared file and
 * the group that may write that, is not known: `out` says so. */
void flag_file_read(struct flags *out, const struct flag_place *place, const char *pool);

#endif
