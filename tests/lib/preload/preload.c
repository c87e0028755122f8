/* Preload: stands between a program and the kernel, for tests that need a disk to fail, a call
 * to hang or a process to die at one certain call. It sees the calls of every library of the
 * program. It is not a tracer: calls that the C library makes by itself do not come here.
 *
 * PRELOAD_FAULT is a list of rules, separated by ';', each of words separated by blanks:
 *   call=NAME      which calls: one of CALL_INFO, "disk", "net" or "any" of both (default)
 *   path=TEXT      only for files whose path contains it
 *   data=TEXT      only where the bytes to be sent or written contain it
 *   after=TEXT     only once this process has begun to send bytes that contain it
 *   at=N           at the N-th such call (default 1)
 *   every          and at all behind it
 *   do=ACTION      kill (SIGKILL); power (the same, and what was not synced is lost); hold; an
 *                  error by name (EIO); nothing: only count
 *   seed=N         power: some sectors had reached the disk (default 0: none)
 *   gate=FILE      hold, an error: as long as somebody else has locked this file (flock)
 *   note=FILE      gets a byte when the rule acts; a FIFO makes that an event
 *   count=FILE     gets the number of such calls when the program ends well
 *   clock=MS       the wall clock is ahead by so much, from the beginning; acts on no call
 *   haste=N        the time since boot runs so many times as fast; acts on no call
 *
 * Reading the rules and acting is rule.c's, what a power cut loses power.c's. */
#define _GNU_SOURCE
#include "tests/lib/preload/power.h"
#include "tests/lib/preload/rule.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

__attribute__((constructor)) static void begin(void)
{
	rule_read();
}

__attribute__((destructor)) static void finish(void)
{
	rule_finish();
}

/* The next definition of a function, looked up once. */
#define NEXT(name) \
	static __typeof__(name) *next; \
	if (!next) { \
		void *found = dlsym(RTLD_NEXT, #name); \
		memcpy(&next, &found, sizeof next); \
	}

/* ---- writing ---- */

#define WRITES(name, call, where, parameters, arguments) \
	ssize_t name parameters \
	{ \
		NEXT(name) \
		if (rule_meets(call, fd, NULL, buf, n)) \
			return -1; \
		power_writes(fd, where, n); \
		return next arguments; \
	}
#define CUTS(name, type) \
	int name(int fd, type len) \
	{ \
		NEXT(name) \
		if (rule_meets(CALL_ftruncate, fd, NULL, NULL, 0)) \
			return -1; \
		power_cuts(fd, len); \
		return next(fd, len); \
	}
#define SYNCS(name) \
	int name(int fd) \
	{ \
		NEXT(name) \
		int failed = rule_meets(CALL_##name, fd, NULL, NULL, 0) ? -1 : next(fd); \
		if (!failed) \
			power_synced(fd); \
		return failed; \
	}
/* These return the error itself. */
#define ALLOCATES(name, type) \
	int name(int fd, type at, type len) \
	{ \
		NEXT(name) \
		return rule_meets(CALL_fallocate, fd, NULL, NULL, 0) ? errno : next(fd, at, len); \
	}

WRITES(write, CALL_write, -1, (int fd, const void *buf, size_t n), (fd, buf, n))
WRITES(pwrite, CALL_pwrite, at, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at))
WRITES(pwrite64, CALL_pwrite, at, (int fd, const void *buf, size_t n, off64_t at),
	(fd, buf, n, at))
CUTS(ftruncate, off_t)
CUTS(ftruncate64, off64_t)
SYNCS(fsync)
SYNCS(fdatasync)
ALLOCATES(posix_fallocate, off_t)
ALLOCATES(posix_fallocate64, off64_t)

int msync(void *at, size_t len, int flags)
{
	NEXT(msync)
	return rule_meets(CALL_msync, -1, NULL, NULL, 0) ? -1 : next(at, len, flags);
}

int rename(const char *from, const char *to)
{
	NEXT(rename)
	return rule_meets(CALL_rename, -1, to, NULL, 0) ? -1 : next(from, to);
}

int unlink(const char *path)
{
	NEXT(unlink)
	return rule_meets(CALL_unlink, -1, path, NULL, 0) ? -1 : next(path);
}

/* ---- opening ---- */

static bool open_meets(const char *path, int flags)
{
	if ((flags & O_DIRECTORY) != 0 && (flags & O_ACCMODE) == O_RDONLY)
		return rule_meets(CALL_opendir, -1, path, NULL, 0);
	return (flags & O_ACCMODE) != O_RDONLY && rule_meets(CALL_open, -1, path, NULL, 0);
}

static mode_t mode_of(int flags, va_list args)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

#define OPENS(name) \
	int name(const char *path, int flags, ...) \
	{ \
		NEXT(name) \
		va_list args; \
		va_start(args, flags); \
		mode_t mode = mode_of(flags, args); \
		va_end(args); \
		return open_meets(path, flags) ? -1 : next(path, flags, mode); \
	}

OPENS(open)
OPENS(open64)

/* ---- sending, receiving ---- */

#define SENDS(name, parameters, arguments) \
	ssize_t name parameters \
	{ \
		NEXT(name) \
		return rule_meets(CALL_send, fd, NULL, buf, n) ? -1 : next arguments; \
	}
#define RECEIVES(name, parameters, arguments) \
	ssize_t name parameters \
	{ \
		NEXT(name) \
		return rule_meets(CALL_recv, fd, NULL, NULL, 0) ? -1 : next arguments; \
	}

SENDS(send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags))
SENDS(sendto,
	(int fd, const void *buf, size_t n, int flags, __CONST_SOCKADDR_ARG to, socklen_t size),
	(fd, buf, n, flags, to, size))
RECEIVES(recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags))
RECEIVES(recvfrom,
	(int fd, void *buf, size_t n, int flags, __SOCKADDR_ARG from, socklen_t *size),
	(fd, buf, n, flags, from, size))
RECEIVES(recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	NEXT(sendmsg)
	const struct iovec *first = m->msg_iovlen > 0 ? m->msg_iov : NULL;
	bool fails = rule_meets(
		CALL_send, fd, NULL, first ? first->iov_base : NULL, first ? first->iov_len : 0);
	return fails ? -1 : next(fd, m, flags);
}

/* ---- clocks ---- */

static void hasten(struct timespec *t)
{
	static _Atomic int64_t first_ns;
	int64_t haste = rule_haste(), none = 0;
	int64_t ns = t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
	if (haste <= 1)
		return;
	atomic_compare_exchange_strong(&first_ns, &none, ns);
	ns = first_ns + (ns - first_ns) * haste;
	t->tv_sec = ns / 1000000000;
	t->tv_nsec = ns % 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	NEXT(clock_gettime)
	int failed = next(clock, out);
	int64_t ahead_ms = clock == CLOCK_REALTIME ? rule_clock_ms() : 0;
	if (!failed && ahead_ms != 0) {
		int64_t ns = out->tv_nsec + ahead_ms % 1000 * 1000000;
		out->tv_sec += ahead_ms / 1000 + ns / 1000000000;
		out->tv_nsec = ns % 1000000000;
	}
	if (!failed && clock == CLOCK_BOOTTIME)
		hasten(out);
	return failed;
}
