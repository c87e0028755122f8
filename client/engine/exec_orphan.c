/* Exec orphan: entries written, read, and acted on. Not a lock: two pools may share a directory
 * and sweep it at the same time.
 *
 * Invariants:
 * 1. An entry is whole or not there: it is written beside and renamed.
 * 2. A process is looked at through a pidfd that was opened before the look and that the signal
 *    goes through: what was judged is what is killed, whatever the pid means by then. */
#define _GNU_SOURCE
#include "client/engine/exec_orphan.h"

#include "client/engine/resource.h"
#include "client/engine/threads.h"
#include "model/mem.h"
#include "model/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SUFFIX ".worker"
#define ENTRIES_MAX 4096
#define PASSES_MAX 3
#define PASS_US 1000000
#define ENVIRON_MAX (256 * 1024)
#define WORD_MAX 64

/* Words of an entry: "weir-worker 1 BOOT NAMESPACE OWNER START CHILD START". */
enum {
	WORD_NAME,
	WORD_FORM,
	WORD_BOOT,
	WORD_SPACE,
	WORD_OWNER,
	WORD_OWNER_START,
	WORD_CHILD,
	WORD_CHILD_START,
	WORD_COUNT
};

struct entry {
	char token[EXEC_TOKEN_MAX];
	char boot[WORD_MAX], space[WORD_MAX];
	int64_t owner, owner_start;
	int64_t child, child_start; /* 0: only reserved */
	bool found;                 /* a process of it was there in this pass */
};

/* ---- here and now ---- */

/* Which boot this is and which numbering of processes; "-" where the system does not say. */
static void read_place(char boot[WORD_MAX], char space[WORD_MAX])
{
	snprintf(boot, WORD_MAX, "-");
	snprintf(space, WORD_MAX, "-");
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, boot, WORD_MAX - 1) : -1;
	if (fd >= 0)
		close(fd);
	if (n > 0)
		boot[n] = '\0', boot[strcspn(boot, " \n")] = '\0';
	n = readlink("/proc/self/ns/pid", space, WORD_MAX - 1);
	if (n > 0)
		space[n] = '\0';
}

static int check_dir(const char *dir, struct err *err)
{
	struct stat st;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_set(
			err, ERR_FILE, "directory \"%s\" cannot be made: %s", dir, strerror(errno));
	if (lstat(dir, &st))
		return err_set(
			err, ERR_FILE, "directory \"%s\" cannot be used: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(
			err, ERR_FILE, "\"%s\" is not a directory; name one for the workers", dir);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(err, ERR_UNSAFE_FILE,
			"others can write to directory \"%s\"; make it one's own with mode 0700", dir);
	return 0;
}

/* ---- one's own entries ---- */

/* `child` 0: none yet. */
static int write_entry(
	const struct exec_entry *o, pid_t child, int64_t child_start, struct err *err)
{
	struct resource_stat me;
	char boot[WORD_MAX], space[WORD_MAX], text[256], beside[4096];
	read_place(boot, space);
	if (!resource_stat(&me, 0))
		return err_set(err, ERR_FILE, "worker entry \"%s\": /proc cannot be read", o->path);
	int len = snprintf(text, sizeof text, "weir-worker 1 %s %s %d %" PRId64 " %d %" PRId64 "\n",
		boot, space, (int)getpid(), me.start_ticks, (int)child, child_start);
	int n = snprintf(beside, sizeof beside, "%s.new", o->path);
	int fd = n < (int)sizeof beside
		? open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)
		: -1;
	bool written = fd >= 0 && write(fd, text, (size_t)len) == len;
	if (fd >= 0)
		close(fd);
	if (written && rename(beside, o->path) == 0)
		return 0;
	int error = errno;
	if (fd >= 0)
		unlink(beside);
	return err_set(
		err, ERR_FILE, "worker entry \"%s\" cannot be written: %s", o->path, strerror(error));
}

int exec_entry_reserve(struct exec_entry *o, const char *run_dir, struct err *err)
{
	unsigned char random[16];
	char path[4096];
	if (check_dir(run_dir, err))
		return -1;
	threads_random(random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(o->token + 2 * i, 3, "%02x", random[i]);
	if (snprintf(path, sizeof path, "%s/%s" SUFFIX, run_dir, o->token) >= (int)sizeof path)
		return err_set(err, ERR_FILE, "directory \"%.80s…\": its name is too long", run_dir);
	o->path = mem_copy(path);
	if (write_entry(o, 0, 0, err) == 0)
		return 0;
	exec_entry_release(o);
	return -1;
}

int exec_entry_activate(struct exec_entry *o, pid_t pid, struct err *err)
{
	struct resource_stat it;
	/* Ended already, it has nothing to be found by; whoever talks to it will say how. */
	return resource_stat(&it, pid) ? write_entry(o, pid, it.start_ticks, err) : 0;
}

void exec_entry_release(struct exec_entry *o)
{
	if (o->path)
		unlink(o->path);
	free(o->path);
	o->path = NULL;
}

/* ---- others' entries ---- */

/* True for TOKEN.worker; the token is written out. */
static bool is_entry_name(const char *name, char token[EXEC_TOKEN_MAX])
{
	size_t len = strspn(name, "0123456789abcdef");
	if (len != EXEC_TOKEN_MAX - 1 || strcmp(name + len, SUFFIX) != 0)
		return false;
	memcpy(token, name, len);
	token[len] = '\0';
	return true;
}

static bool parse_entry(struct entry *e, const char *text)
{
	char words[WORD_COUNT][WORD_MAX];
	for (int i = 0; i < WORD_COUNT; i++) {
		size_t len = strcspn(text, " \n");
		if (len == 0 || len >= WORD_MAX || text[len] != (i == WORD_COUNT - 1 ? '\n' : ' '))
			return false;
		memcpy(words[i], text, len);
		words[i][len] = '\0';
		text += len + 1;
	}
	memcpy(e->boot, words[WORD_BOOT], WORD_MAX);
	memcpy(e->space, words[WORD_SPACE], WORD_MAX);
	return *text == '\0' && strcmp(words[WORD_NAME], "weir-worker") == 0 &&
		strcmp(words[WORD_FORM], "1") == 0 &&
		unit_parse_int(words[WORD_OWNER], 1, INT32_MAX, &e->owner) &&
		unit_parse_int(words[WORD_OWNER_START], 0, INT64_MAX, &e->owner_start) &&
		unit_parse_int(words[WORD_CHILD], 0, INT32_MAX, &e->child) &&
		unit_parse_int(words[WORD_CHILD_START], 0, INT64_MAX, &e->child_start);
}

static bool read_entry(struct entry *e, int dir, const char *name)
{
	char text[512];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	text[n] = '\0';
	return strlen(text) == (size_t)n && parse_entry(e, text);
}

static bool owner_lives(const struct entry *e)
{
	struct resource_stat s;
	return resource_stat(&s, (pid_t)e->owner) && s.start_ticks == e->owner_start &&
		s.state != 'Z' && s.state != 'X';
}

static void remove_entry(int dir, const struct entry *e, struct exec_swept *out)
{
	char name[EXEC_TOKEN_MAX + sizeof SUFFIX];
	snprintf(name, sizeof name, "%s" SUFFIX, e->token);
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		out->removed++;
	else
		out->left++;
}

/* Judges every entry; those of dead owners are returned, to be freed. */
static struct entry *read_dead(DIR *d, size_t *count, struct exec_swept *out)
{
	struct entry *dead = NULL;
	size_t cap = 0;
	char boot[WORD_MAX], space[WORD_MAX];
	*count = 0;
	read_place(boot, space);
	for (const struct dirent *f = readdir(d); f && *count < ENTRIES_MAX; f = readdir(d)) {
		struct entry e = {0};
		if (!is_entry_name(f->d_name, e.token))
			continue;
		if (!read_entry(&e, dirfd(d), f->d_name)) {
			out->left++;
		} else if (strcmp(e.boot, boot) != 0) {
			remove_entry(dirfd(d), &e, out);
		} else if (strcmp(e.space, space) != 0) {
			out->left++;
		} else if (owner_lives(&e)) {
			out->alive++;
		} else {
			mem_grow(&dead, &cap, *count + 1, sizeof *dead);
			dead[(*count)++] = e;
		}
	}
	return dead;
}

/* ---- processes ---- */

/* True when the process was started with this token. `room` holds ENVIRON_MAX bytes. */
static bool has_token(pid_t pid, const char *token, char *room)
{
	char wanted[sizeof EXEC_TOKEN_NAME + EXEC_TOKEN_MAX];
	ssize_t len = resource_file(pid, "environ", room, ENVIRON_MAX);
	snprintf(wanted, sizeof wanted, EXEC_TOKEN_NAME "=%s", token);
	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(room + at) + 1)
		if (strcmp(room + at, wanted) == 0)
			return true;
	return false;
}

static bool may_be_of(const struct entry *e, pid_t pid, const struct resource_stat *s)
{
	if (e->child == 0)
		return true;
	if (e->child == pid)
		return e->child_start == s->start_ticks;
	return e->child == s->group;
}

static struct entry *owner_of(
	struct entry *dead, size_t count, pid_t pid, const struct resource_stat *s, char *room)
{
	for (size_t i = 0; i < count; i++)
		if (may_be_of(&dead[i], pid, s) && has_token(pid, dead[i].token, room))
			return &dead[i];
	return NULL;
}

/* Kills the process where it belongs to one of the dead, and waits for its end. */
static bool judge(pid_t pid, struct entry *dead, size_t count, char *room, int64_t until_us)
{
	struct resource_stat s;
	struct entry *e = NULL;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0U);
	if (fd < 0)
		return false;
	if (resource_stat(&s, pid))
		e = owner_of(dead, count, pid, &s, room);
	if (e) {
		e->found = true;
		int64_t rest_us = until_us - threads_us();
		if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0U) == 0)
			poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1,
				rest_us > 0 ? (int)(rest_us / 1000) : 0);
	}
	close(fd);
	return e != NULL;
}

/* One pass over all processes: how many were killed. */
static int hunt(struct entry *dead, size_t count, char *room)
{
	int killed = 0;
	int64_t until_us = threads_us() + PASS_US;
	DIR *proc = opendir("/proc");
	for (size_t i = 0; i < count; i++)
		dead[i].found = false;
	for (const struct dirent *f = proc ? readdir(proc) : NULL; f; f = readdir(proc)) {
		int64_t pid;
		if (unit_parse_int(f->d_name, 2, INT32_MAX, &pid) && pid != getpid())
			killed += judge((pid_t)pid, dead, count, room, until_us);
	}
	if (proc)
		closedir(proc);
	return killed;
}

int exec_sweep(const char *run_dir, struct exec_swept *out, struct err *err)
{
	size_t count;
	memset(out, 0, sizeof *out);
	if (check_dir(run_dir, err))
		return -1;
	DIR *d = opendir(run_dir);
	if (!d)
		return err_set(
			err, ERR_FILE, "directory \"%s\" cannot be read: %s", run_dir, strerror(errno));
	struct entry *dead = read_dead(d, &count, out);
	char *room = mem_new(ENVIRON_MAX, 1);
	/* What forked while it was looked for is there in the next pass. */
	for (int pass = 0, killed = 1; count > 0 && pass < PASSES_MAX && killed > 0; pass++) {
		killed = hunt(dead, count, room);
		out->killed += killed;
	}
	for (size_t i = 0; i < count; i++) {
		if (dead[i].found)
			out->left++;
		else
			remove_entry(dirfd(d), &dead[i], out);
	}
	free(room);
	free(dead);
	closedir(d);
	return 0;
}
