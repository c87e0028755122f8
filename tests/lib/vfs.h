/* VFS: stands between SQLite and the file system, within the test's own process. It fails the
 * n-th call of a kind, once or from then on, and tells a watcher what changes on the disk
 * (vfs_tape.h makes power cuts of that). Not the calls of the whole program: the preload library
 * sees those.
 *
 * One at a time: it is the default of every connection until it is freed. */
#ifndef WEIR_TESTS_LIB_VFS_H
#define WEIR_TESTS_LIB_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, error): what counts as a call, and the I/O error that SQLite gets of it. Giving back a
 * lock never fails. */
#define VFS_CALL_INFO(X) \
	X(open, SQLITE_CANTOPEN) \
	X(read, SQLITE_IOERR_READ) \
	X(write, SQLITE_IOERR_WRITE) \
	X(sync, SQLITE_IOERR_FSYNC) \
	X(truncate, SQLITE_IOERR_TRUNCATE) \
	X(remove, SQLITE_IOERR_DELETE) \
	X(lock, SQLITE_IOERR_LOCK) \
	X(shm_map, SQLITE_IOERR_SHMMAP) \
	X(shm_lock, SQLITE_IOERR_SHMLOCK)

enum vfs_call {
#define X(name, error) VFS_##name,
	VFS_CALL_INFO(X)
#undef X
		VFS_CALLS
};

#define VFS_BIT(call) (1u << (call))
#define VFS_ANY (VFS_BIT(VFS_CALLS) - 1)

enum vfs_error {
	VFS_IOERR, /* the call's own error; nothing was done */
	VFS_FULL,  /* no room; nothing was done */
	VFS_SHORT, /* no room behind the first half of a write */
};

struct vfs_fault {
	unsigned calls; /* VFS_BIT each */
	int at;         /* the n-th of them; 0: only counted */
	bool every;     /* and all behind it */
	enum vfs_error error;
};

/* What happened to the files of one directory. */
enum vfs_change_kind {
	VFS_MADE,        /* a file that was not there, or has no byte yet */
	VFS_WRITTEN,     /* len bytes at `at` */
	VFS_CUT,         /* to `at` bytes */
	VFS_SYNCED,      /* all that was written to this file */
	VFS_REMOVED,     /* its name */
	VFS_NAMES_SYNCED /* of all files */
};

struct vfs_change {
	enum vfs_change_kind kind;
	const char *path; /* NULL of names; borrowed */
	int64_t at;
	const void *bytes; /* borrowed */
	size_t len;
};

/* Called in the thread of the call, one at a time; must not use SQLite. */
typedef void vfs_watch_fn(void *ctx, const struct vfs_change *change);

struct vfs;

/* Registers it over the default one; no connection may be open. Without a watcher (NULL) nothing
 * is synced for good: no test of this kind ends with a power cut. */
struct vfs *vfs_new(vfs_watch_fn *watch, void *ctx);
/* No connection may be open. NULL is allowed. */
void vfs_free(struct vfs *v);

/* From now on calls are counted anew, and fail as the fault says. */
void vfs_arm(struct vfs *v, const struct vfs_fault *fault);
/* From now on nothing fails. How many calls failed since vfs_arm. */
int vfs_disarm(struct vfs *v);

/* "write 17"-like, of the last call that failed; "" before the first. Borrowed. */
const char *vfs_failed_at(const struct vfs *v);

#endif
