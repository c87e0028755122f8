/* Preload: stands between a program and the kernel, for tests that need a disk to fail, a call
 * to hang or a process to die at one certain call. It sees the calls of every library of the
 * program. It is not a tracer: calls that the C library makes by itself do not come here.
 *
 * PRELOAD_FAULT is a list of rules, separated by ';', each of words separated by blanks:
 *   call=NAME      which calls: one of CALL_INFO, "disk", "net" or "any" (default)
 *   path=TEXT      only for files whose path contains it
 *   data=TEXT      only where the bytes to be sent or written contain it
 *   after=TEXT     only once this process has begun to send bytes that contain it
 *   at=N           at the N-th such call (default 1)
 *   every          and at all behind it
 *   do=ACTION      kill (SIGKILL), hold, or an error by name (EIO); nothing: only count
 *   gate=FILE      hold: as long as somebody else has locked this file (flock)
 *   note=FILE      gets a byte when the rule acts; a FIFO makes that an event
 *   count=FILE     gets the number of such calls when the program ends well
 *
 * Invariants:
 * 1. A rule is counted before the call is made: what is killed or fails has not happened.
 * 2. Its own work uses raw system calls, so that it never meets itself. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define CALL_INFO(X) \
	X(open, DISK) \
	X(write, DISK) \
	X(pwrite, DISK) \
	X(fsync, DISK) \
	X(fdatasync, DISK) \
	X(ftruncate, DISK) \
	X(rename, DISK) \
	X(send, NET) \
	X(recv, NET)

enum call {
#define X(name, group) CALL_##name,
	CALL_INFO(X)
#undef X
		CALL_COUNT
};

enum { DISK = 1, NET = 2 };

static const struct {
	const char *name;
	int group;
} calls[CALL_COUNT] = {
#define X(name, group) {#name, group},
	CALL_INFO(X)
#undef X
};

enum action { ACTION_NONE, ACTION_KILL, ACTION_HOLD, ACTION_FAIL };

struct rule {
	unsigned calls; /* a bit each */
	const char *path, *data, *after, *gate, *note, *count;
	long at;
	bool every;
	enum action action;
	int error;
	atomic_bool armed; /* what `after` waits for has been sent */
	atomic_long seen;
};

#define RULES_MAX 8
static struct rule rules[RULES_MAX];
static size_t rule_count;

static const struct {
	const char *name;
	int number;
} errors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"EACCES", EACCES},
	{"EPIPE", EPIPE}, {"ECONNRESET", ECONNRESET}, {"EDQUOT", EDQUOT}};

/* ---- reading the rules ---- */

static void say(const char *what, const char *word)
{
	char line[256];
	int n = snprintf(line, sizeof line, "preload: %s '%s'\n", what, word);
	syscall(SYS_write, STDERR_FILENO, line, (size_t)n);
	syscall(SYS_exit_group, 125);
}

static unsigned calls_of(const char *word)
{
	unsigned set = 0;
	for (int i = 0; i < CALL_COUNT; i++) {
		bool group = (strcmp(word, "disk") == 0 && calls[i].group == DISK) ||
			(strcmp(word, "net") == 0 && calls[i].group == NET) || strcmp(word, "any") == 0;
		if (group || strcmp(word, calls[i].name) == 0)
			set |= 1u << i;
	}
	if (set == 0)
		say("no such call", word);
	return set;
}

static void read_action(struct rule *r, const char *word)
{
	if (strcmp(word, "kill") == 0) {
		r->action = ACTION_KILL;
		return;
	}
	if (strcmp(word, "hold") == 0) {
		r->action = ACTION_HOLD;
		return;
	}
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(errors[i].name, word) == 0) {
			r->action = ACTION_FAIL;
			r->error = errors[i].number;
			return;
		}
	say("no such action", word);
}

static void read_word(struct rule *r, char *word)
{
	static const struct {
		const char *key;
		size_t offset;
	} texts[] = {{"path", offsetof(struct rule, path)}, {"data", offsetof(struct rule, data)},
		{"after", offsetof(struct rule, after)}, {"gate", offsetof(struct rule, gate)},
		{"note", offsetof(struct rule, note)}, {"count", offsetof(struct rule, count)}};
	char *value = strchr(word, '=');
	if (!value && strcmp(word, "every") == 0) {
		r->every = true;
		return;
	}
	if (!value)
		say("no such word", word);
	*value++ = 0;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(texts[i].key, word) == 0) {
			memcpy((char *)r + texts[i].offset, &value, sizeof value);
			return;
		}
	if (strcmp(word, "call") == 0)
		r->calls = calls_of(value);
	else if (strcmp(word, "at") == 0)
		r->at = strtol(value, NULL, 10);
	else if (strcmp(word, "do") == 0)
		read_action(r, value);
	else
		say("no such word", word);
}

__attribute__((constructor)) static void begin(void)
{
	const char *list = getenv("PRELOAD_FAULT");
	char *copy = list ? strdup(list) : NULL, *rest = copy, *text;
	while (copy && (text = strsep(&rest, ";")) != NULL) {
		if (rule_count == RULES_MAX)
			say("too many rules", text);
		struct rule *r = &rules[rule_count++];
		r->calls = ~0u;
		r->at = 1;
		for (char *word; (word = strsep(&text, " ")) != NULL;)
			if (*word)
				read_word(r, word);
		r->armed = !r->after;
		if (r->action == ACTION_HOLD && !r->gate)
			say("hold needs", "gate=");
	}
}

__attribute__((destructor)) static void finish(void)
{
	for (size_t i = 0; i < rule_count; i++) {
		char line[32];
		if (!rules[i].count)
			continue;
		int n = snprintf(line, sizeof line, "%ld\n", (long)rules[i].seen);
		int fd = (int)syscall(
			SYS_openat, AT_FDCWD, rules[i].count, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		syscall(SYS_write, fd, line, (size_t)n);
		syscall(SYS_close, fd);
	}
}

/* ---- acting ---- */

static void hold(const struct rule *r)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, r->gate, O_RDONLY | O_CLOEXEC | O_CREAT, 0600);
	while (syscall(SYS_flock, fd, LOCK_SH) < 0 && errno == EINTR)
		;
	syscall(SYS_close, fd);
}

static void note(const struct rule *r)
{
	if (!r->note)
		return;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, r->note,
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
	syscall(SYS_write, fd, "!", (size_t)1);
	syscall(SYS_close, fd);
}

static bool has_path(const struct rule *r, int fd, const char *path)
{
	char link[64], name[PATH_MAX];
	if (!r->path)
		return true;
	if (path)
		return strstr(path, r->path) != NULL;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = syscall(SYS_readlink, link, name, sizeof name - 1);
	name[n > 0 ? n : 0] = 0;
	return strstr(name, r->path) != NULL;
}

static bool has_bytes(const void *bytes, size_t len, const char *text)
{
	return bytes && memmem(bytes, len, text, strlen(text)) != NULL;
}

/* True when the call is to fail; errno is set. */
static bool act(const struct rule *r)
{
	note(r);
	switch (r->action) {
	case ACTION_KILL:
		syscall(SYS_kill, getpid(), SIGKILL);
		for (;;)
			pause();
	case ACTION_HOLD:
		hold(r);
		return false;
	case ACTION_FAIL:
		errno = r->error;
		return true;
	default:
		return false;
	}
}

/* Comes before each call; true when it is to fail. */
static bool meets(enum call call, int fd, const char *path, const void *bytes, size_t len)
{
	int kept = errno;
	bool fails = false;
	for (size_t i = 0; i < rule_count && !fails; i++) {
		struct rule *r = &rules[i];
		if (!r->armed && has_bytes(bytes, len, r->after))
			r->armed = true; /* this call still goes out */
		else if (!r->armed || !(r->calls >> call & 1) ||
			(r->data && !has_bytes(bytes, len, r->data)) || !has_path(r, fd, path))
			continue;
		else {
			long seen = atomic_fetch_add(&r->seen, 1) + 1;
			if (seen == r->at || (r->every && seen > r->at))
				fails = act(r);
		}
	}
	if (!fails)
		errno = kept;
	return fails;
}

/* ---- the calls ---- */

/* The next definition of a function, looked up once. */
#define NEXT(name) \
	static __typeof__(name) *next; \
	if (!next) { \
		void *found = dlsym(RTLD_NEXT, #name); \
		memcpy(&next, &found, sizeof next); \
	}

#define WRITES(name, call, parameters, arguments) \
	ssize_t name parameters \
	{ \
		NEXT(name) \
		return meets(call, fd, NULL, buf, n) ? -1 : next arguments; \
	}
#define PLAIN(name, call, parameters, arguments) \
	int name parameters \
	{ \
		NEXT(name) \
		return meets(call, fd, NULL, NULL, 0) ? -1 : next arguments; \
	}

WRITES(write, CALL_write, (int fd, const void *buf, size_t n), (fd, buf, n))
WRITES(pwrite, CALL_pwrite, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at))
WRITES(pwrite64, CALL_pwrite, (int fd, const void *buf, size_t n, off64_t at), (fd, buf, n, at))
WRITES(send, CALL_send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags))
WRITES(sendto, CALL_send,
	(int fd, const void *buf, size_t n, int flags, __CONST_SOCKADDR_ARG to, socklen_t size),
	(fd, buf, n, flags, to, size))

PLAIN(fsync, CALL_fsync, (int fd), (fd))
PLAIN(fdatasync, CALL_fdatasync, (int fd), (fd))
PLAIN(ftruncate, CALL_ftruncate, (int fd, off_t len), (fd, len))
PLAIN(ftruncate64, CALL_ftruncate, (int fd, off64_t len), (fd, len))

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	NEXT(sendmsg)
	const struct iovec *first = m->msg_iovlen > 0 ? m->msg_iov : NULL;
	bool fails =
		meets(CALL_send, fd, NULL, first ? first->iov_base : NULL, first ? first->iov_len : 0);
	return fails ? -1 : next(fd, m, flags);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	NEXT(recv)
	return meets(CALL_recv, fd, NULL, NULL, 0) ? -1 : next(fd, buf, n, flags);
}

int rename(const char *from, const char *to)
{
	NEXT(rename)
	return meets(CALL_rename, -1, to, NULL, 0) ? -1 : next(from, to);
}

/* Only opening for writing counts: that is what a read-only file system refuses. */
static bool open_meets(const char *path, int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY && meets(CALL_open, -1, path, NULL, 0);
}

static mode_t mode_of(int flags, va_list args)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	NEXT(open)
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	return open_meets(path, flags) ? -1 : next(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	NEXT(open64)
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	return open_meets(path, flags) ? -1 : next(path, flags, mode);
}
