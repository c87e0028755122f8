/* Flag files: what a script says to weir by a file in a directory, also when no console answers:
 *
 *     freeze            nothing is raised at any pool while it lies there
 *     freeze.POOL       nothing is raised at this one
 *     rollback.POOL     the same, and a recorder that guards the pool rolls it back, once a file
 *
 * The first line of a file is its reason. */
#ifndef WEIR_TUI_FLAG_FILE_H
#define WEIR_TUI_FLAG_FILE_H

#include "model/model.h"

/* Looks at the flags of a pool. No directory is no flags. What cannot be looked at, or what others
 * may write, is not known: `out` says so. `shared`: a file whose owner may own flags too, beside
 * root and this user; NULL none. */
void flag_file_read(struct flags *out, const char *dir, const char *pool, const char *shared);

#endif
