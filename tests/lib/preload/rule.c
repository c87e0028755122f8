/* Rules: read, counted, carried out. Not the calls themselves: preload.c has them.
 *
 * Invariant: its own work uses raw system calls, so that it never meets itself. */
#define _GNU_SOURCE
#include "tests/lib/preload/rule.h"

#include "tests/lib/preload/power.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

struct rule rules[RULES_MAX];
size_t rule_count;

static const struct {
	const char *name;
	unsigned group;
} calls[CALL_COUNT] = {
#define X(name, group) {#name, group},
	CALL_INFO(X)
#undef X
};

static const struct {
	const char *name;
	enum action action;
	int number;
} actions[] = {{"kill", ACTION_KILL, 0}, {"power", ACTION_POWER, 0}, {"hold", ACTION_HOLD, 0},
	{"EIO", ACTION_FAIL, EIO}, {"ENOSPC", ACTION_FAIL, ENOSPC}, {"EROFS", ACTION_FAIL, EROFS},
	{"EACCES", ACTION_FAIL, EACCES}, {"EDQUOT", ACTION_FAIL, EDQUOT},
	{"EPIPE", ACTION_FAIL, EPIPE}, {"ECONNRESET", ACTION_FAIL, ECONNRESET}};

/* ---- reading ---- */

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
		bool group = (strcmp(word, "disk") == 0 && calls[i].group == RULE_DISK) ||
			(strcmp(word, "net") == 0 && calls[i].group == RULE_NET) ||
			(strcmp(word, "any") == 0 && calls[i].group != 0);
		if (group || strcmp(word, calls[i].name) == 0)
			set |= 1u << i;
	}
	if (set == 0)
		say("no such call", word);
	return set;
}

static void read_action(struct rule *r, const char *word)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (strcmp(actions[i].name, word) == 0) {
			r->action = actions[i].action;
			r->error = actions[i].number;
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
	if (!value) {
		say("no such word", word);
		return;
	}
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
	else if (strcmp(word, "seed") == 0)
		r->seed = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(word, "clock") == 0)
		r->clock_ms = strtol(value, NULL, 10);
	else if (strcmp(word, "haste") == 0)
		r->haste = strtol(value, NULL, 10);
	else if (strcmp(word, "do") == 0)
		read_action(r, value);
	else
		say("no such word", word);
}

void rule_read(void)
{
	const char *list = getenv("PRELOAD_FAULT");
	char *copy = list ? strdup(list) : NULL, *rest = copy, *text;
	while (copy && (text = strsep(&rest, ";")) != NULL) {
		if (rule_count == RULES_MAX)
			say("too many rules", text);
		struct rule *r = &rules[rule_count++];
		r->calls = calls_of("any");
		r->at = 1;
		for (char *word; (word = strsep(&text, " ")) != NULL;)
			if (*word)
				read_word(r, word);
		r->armed = !r->after;
		if (r->action == ACTION_HOLD && !r->gate)
			say("hold needs", "gate=");
	}
}

void rule_finish(void)
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

int64_t rule_clock_ms(void)
{
	int64_t ms = 0;
	for (size_t i = 0; i < rule_count; i++)
		ms += rules[i].clock_ms;
	return ms;
}

int64_t rule_haste(void)
{
	int64_t most = 1;
	for (size_t i = 0; i < rule_count; i++)
		most = rules[i].haste > most ? rules[i].haste : most;
	return most;
}

/* ---- acting ---- */

static int open_gate(const struct rule *r)
{
	return (int)syscall(SYS_openat, AT_FDCWD, r->gate, O_RDONLY | O_CLOEXEC | O_CREAT, 0600);
}

static void hold(const struct rule *r)
{
	int fd = open_gate(r);
	while (syscall(SYS_flock, fd, LOCK_SH) < 0 && errno == EINTR)
		;
	syscall(SYS_close, fd);
}

/* True while somebody else has the gate locked. */
static bool is_shut(const struct rule *r)
{
	int fd = open_gate(r);
	bool shut = syscall(SYS_flock, fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	syscall(SYS_close, fd);
	return shut;
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

bool rule_has_path(const struct rule *r, int fd, const char *path)
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
	return text && bytes && memmem(bytes, len, text, strlen(text)) != NULL;
}

static _Noreturn void die(void)
{
	syscall(SYS_kill, getpid(), SIGKILL);
	for (;;)
		pause();
}

/* True when the call is to fail; errno is set. */
static bool act(const struct rule *r)
{
	if (r->action == ACTION_FAIL && r->gate && !is_shut(r))
		return false;
	note(r);
	switch (r->action) {
	case ACTION_POWER:
		power_lost(r->seed);
		die();
	case ACTION_KILL:
		die();
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

bool rule_meets(enum call call, int fd, const char *path, const void *bytes, size_t len)
{
	int kept = errno;
	bool fails = false;
	for (size_t i = 0; i < rule_count && !fails; i++) {
		struct rule *r = &rules[i];
		if (!r->armed && has_bytes(bytes, len, r->after)) {
			r->armed = true; /* this call still goes out */
			continue;
		}
		if (!r->armed || !(r->calls >> call & 1) ||
			(r->data && !has_bytes(bytes, len, r->data)) || !rule_has_path(r, fd, path))
			continue;
		long seen = atomic_fetch_add(&r->seen, 1) + 1;
		if (seen == r->at || (r->every && seen > r->at))
			fails = act(r);
	}
	if (!fails)
		errno = kept;
	return fails;
}
