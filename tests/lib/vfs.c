/* VFS: passes every call on to the default one. The state is guarded by one mutex, which is
 * never held while the real call is made.
 *
 * Invariants:
 * 1. A change is told before the real call is made: what comes from within it (names are synced
 *    by a file's first sync) stands behind it.
 * 2. What is mapped of a file for reading goes around a VFS: version 2 of the methods has no
 *    such call. */
#include "tests/lib/vfs.h"

#include "model/mem.h"

#include <assert.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME "weir-test"

struct vfs {
	sqlite3_vfs base;
	sqlite3_vfs *real;
	pthread_mutex_t mutex;
	vfs_watch_fn *watch;
	void *ctx;
	struct vfs_fault fault;
	int seen, failed;
	char failed_at[32];
	sqlite3_syscall_ptr open_directory; /* the real one */
};

struct file {
	sqlite3_file base;
	struct vfs *vfs;
	const char *path; /* SQLite keeps it while the file is open; NULL: a temporary one */
	sqlite3_file real[];
};

static const struct {
	const char *name;
	int error;
} calls[VFS_CALLS] = {
#define X(name, error) {#name, error},
	VFS_CALL_INFO(X)
#undef X
};

/* ---- failing ---- */

/* SQLITE_OK, or what the call is to return. */
static int meet(struct vfs *v, enum vfs_call call)
{
	int code = SQLITE_OK;

	pthread_mutex_lock(&v->mutex);
	if ((v->fault.calls & VFS_BIT(call)) != 0) {
		const struct vfs_fault *f = &v->fault;

		v->seen++;
		if (f->at > 0 && (v->seen == f->at || (f->every && v->seen > f->at))) {
			v->failed++;
			snprintf(v->failed_at, sizeof v->failed_at, "%s %d", calls[call].name, v->seen);
			code = f->error == VFS_IOERR ? calls[call].error : SQLITE_FULL;
		}
	}
	pthread_mutex_unlock(&v->mutex);
	return code;
}

void vfs_arm(struct vfs *v, const struct vfs_fault *fault)
{
	pthread_mutex_lock(&v->mutex);
	v->fault = *fault;
	v->seen = v->failed = 0;
	v->failed_at[0] = '\0';
	pthread_mutex_unlock(&v->mutex);
}

int vfs_disarm(struct vfs *v)
{
	int failed;

	pthread_mutex_lock(&v->mutex);
	v->fault = (struct vfs_fault){0};
	failed = v->failed;
	pthread_mutex_unlock(&v->mutex);
	return failed;
}

const char *vfs_failed_at(const struct vfs *v)
{
	return v->failed_at;
}

/* ---- watching ---- */

static void tell(struct vfs *v, const struct vfs_change *change)
{
	if (v->watch == NULL || (change->path == NULL && change->kind != VFS_NAMES_SYNCED))
		return;
	pthread_mutex_lock(&v->mutex);
	v->watch(v->ctx, change);
	pthread_mutex_unlock(&v->mutex);
}

/* A directory is opened for nothing but its sync, by a function that knows no VFS. */
static struct vfs *of_directories;

static int open_directory(const char *path, int *fd)
{
	int (*real)(const char *, int *);

	memcpy(&real, &of_directories->open_directory, sizeof real);
	tell(of_directories, &(struct vfs_change){.kind = VFS_NAMES_SYNCED});
	return real(path, fd);
}

static void watch_directories(struct vfs *v)
{
	int (*ours)(const char *, int *) = open_directory;
	sqlite3_syscall_ptr as_call;

	memcpy(&as_call, &ours, sizeof as_call);
	v->open_directory = v->real->xGetSystemCall(v->real, "openDirectory");
	assert(v->open_directory != NULL);
	of_directories = v;
	v->real->xSetSystemCall(v->real, "openDirectory", as_call);
}

/* ---- a file ---- */

#define REAL(f) (((struct file *)(f))->real)
#define VFS(f) (((struct file *)(f))->vfs)
#define PATH(f) (((struct file *)(f))->path)

static int file_close(sqlite3_file *f)
{
	return REAL(f)->pMethods->xClose(REAL(f));
}

static int file_read(sqlite3_file *f, void *out, int len, sqlite3_int64 at)
{
	const int code = meet(VFS(f), VFS_read);

	return code != SQLITE_OK ? code : REAL(f)->pMethods->xRead(REAL(f), out, len, at);
}

static int file_write(sqlite3_file *f, const void *bytes, int len, sqlite3_int64 at)
{
	struct vfs *v = VFS(f);
	const int code = meet(v, VFS_write);

	if (code != SQLITE_OK) {
		if (v->fault.error == VFS_SHORT)
			REAL(f)->pMethods->xWrite(REAL(f), bytes, len / 2, at);
		return code;
	}
	tell(v,
		&(struct vfs_change){.kind = VFS_WRITTEN,
			.path = PATH(f),
			.at = at,
			.bytes = bytes,
			.len = (size_t)len});
	return REAL(f)->pMethods->xWrite(REAL(f), bytes, len, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 len)
{
	const int code = meet(VFS(f), VFS_truncate);

	if (code != SQLITE_OK)
		return code;
	tell(VFS(f), &(struct vfs_change){.kind = VFS_CUT, .path = PATH(f), .at = len});
	return REAL(f)->pMethods->xTruncate(REAL(f), len);
}

static int file_sync(sqlite3_file *f, int flags)
{
	const int code = meet(VFS(f), VFS_sync);

	if (code != SQLITE_OK || VFS(f)->watch == NULL)
		return code;
	tell(VFS(f), &(struct vfs_change){.kind = VFS_SYNCED, .path = PATH(f)});
	return REAL(f)->pMethods->xSync(REAL(f), flags);
}

static int file_size(sqlite3_file *f, sqlite3_int64 *out)
{
	return REAL(f)->pMethods->xFileSize(REAL(f), out);
}

static int file_lock(sqlite3_file *f, int level)
{
	const int code = meet(VFS(f), VFS_lock);

	return code != SQLITE_OK ? code : REAL(f)->pMethods->xLock(REAL(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xUnlock(REAL(f), level);
}

static int file_is_reserved(sqlite3_file *f, int *out)
{
	return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
	return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
	return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int file_device(sqlite3_file *f)
{
	return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static int file_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **out)
{
	const int code = meet(VFS(f), VFS_shm_map);

	return code != SQLITE_OK ? code
							 : REAL(f)->pMethods->xShmMap(REAL(f), region, size, extend, out);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	const int code = (flags & SQLITE_SHM_LOCK) != 0 ? meet(VFS(f), VFS_shm_lock) : SQLITE_OK;

	return code != SQLITE_OK ? code : REAL(f)->pMethods->xShmLock(REAL(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
	REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int file_shm_unmap(sqlite3_file *f, int remove)
{
	return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_is_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_device,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

/* ---- the file system ---- */

#define OVER(vfs) ((struct vfs *)(vfs)->pAppData)

static int fs_open(
	sqlite3_vfs *vfs, const char *path, sqlite3_file *out, int flags, int *out_flags)
{
	struct vfs *v = OVER(vfs);
	struct file *f = (struct file *)out;
	struct stat st;
	int code = meet(v, VFS_open);

	out->pMethods = NULL;
	if (code != SQLITE_OK)
		return code;
	if (path != NULL && (flags & SQLITE_OPEN_READWRITE) != 0 &&
		(stat(path, &st) < 0 || st.st_size == 0))
		tell(v, &(struct vfs_change){.kind = VFS_MADE, .path = path});
	f->vfs = v;
	f->path = path;
	code = v->real->xOpen(v->real, path, f->real, flags, out_flags);
	if (f->real->pMethods != NULL)
		out->pMethods = &methods;
	return code;
}

static int fs_remove(sqlite3_vfs *vfs, const char *path, int sync)
{
	struct vfs *v = OVER(vfs);
	const int code = meet(v, VFS_remove);

	if (code != SQLITE_OK)
		return code;
	tell(v, &(struct vfs_change){.kind = VFS_REMOVED, .path = path});
	return v->real->xDelete(v->real, path, sync);
}

static int fs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
	return OVER(vfs)->real->xAccess(OVER(vfs)->real, path, flags, out);
}

static int fs_full_name(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	return OVER(vfs)->real->xFullPathname(OVER(vfs)->real, path, size, out);
}

static int fs_randomness(sqlite3_vfs *vfs, int size, char *out)
{
	return OVER(vfs)->real->xRandomness(OVER(vfs)->real, size, out);
}

static int fs_pause(sqlite3_vfs *vfs, int us)
{
	return OVER(vfs)->real->xSleep(OVER(vfs)->real, us);
}

static int fs_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
	return OVER(vfs)->real->xCurrentTimeInt64(OVER(vfs)->real, out);
}

static int fs_last_error(sqlite3_vfs *vfs, int size, char *out)
{
	return OVER(vfs)->real->xGetLastError(OVER(vfs)->real, size, out);
}

struct vfs *vfs_new(vfs_watch_fn *watch, void *ctx)
{
	struct vfs *v = mem_new(1, sizeof *v);

	v->real = sqlite3_vfs_find(NULL);
	v->watch = watch;
	v->ctx = ctx;
	pthread_mutex_init(&v->mutex, NULL);
	v->base = (sqlite3_vfs){
		.iVersion = 2,
		.szOsFile = (int)sizeof(struct file) + v->real->szOsFile,
		.mxPathname = v->real->mxPathname,
		.zName = NAME,
		.pAppData = v,
		.xOpen = fs_open,
		.xDelete = fs_remove,
		.xAccess = fs_access,
		.xFullPathname = fs_full_name,
		.xRandomness = fs_randomness,
		.xSleep = fs_pause,
		.xCurrentTimeInt64 = fs_time,
		.xGetLastError = fs_last_error,
	};
	assert(strcmp(v->real->zName, NAME) != 0);
	if (sqlite3_vfs_register(&v->base, 1) != SQLITE_OK)
		abort();
	if (watch != NULL)
		watch_directories(v);
	return v;
}

void vfs_free(struct vfs *v)
{
	if (v == NULL)
		return;
	if (v->watch != NULL)
		v->real->xSetSystemCall(v->real, "openDirectory", NULL); /* NULL: the original */
	sqlite3_vfs_unregister(&v->base);
	sqlite3_vfs_register(v->real, 1);
	pthread_mutex_destroy(&v->mutex);
	free(v);
}
