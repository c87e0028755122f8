/* Tape: every change that a VFS saw, in order; and from that what a disk would have if the power
 * had failed at any moment of it. What was synced is there. Of what was not, a seed says what
 * had reached the disk: nothing, all, the first writes, some writes, or some sectors of 512
 * bytes; likewise whether a file's new length did, and whether a name was made or removed before
 * its directory was synced. */
#ifndef WEIR_TESTS_LIB_VFS_TAPE_H
#define WEIR_TESTS_LIB_VFS_TAPE_H

#include "tests/lib/vfs.h"

struct vfs_tape;

struct vfs_tape *vfs_tape_new(void);
void vfs_tape_free(struct vfs_tape *t); /* NULL is allowed */

/* A vfs_watch_fn; its ctx is the tape. */
void vfs_tape_add(void *tape, const struct vfs_change *change);

/* Changes so far; safe while others add. */
size_t vfs_tape_count(struct vfs_tape *t);

/* True for a change that makes others lasting; nobody may add any more. */
bool vfs_tape_is_sync(const struct vfs_tape *t, size_t i);

/* Makes in `dir` the files of a disk that had its power cut behind the first `count` changes.
 * False when that cannot be written. */
bool vfs_tape_lose(const struct vfs_tape *t, size_t count, uint64_t seed, const char *dir);

#endif
