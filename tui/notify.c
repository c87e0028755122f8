/* Notices: what is an event, whose it is, and the commands that tell of it. Not a queue: while a
 * command of a pool runs, one more event of it waits, and is told as things stand then.
 *
 * 1. Nothing here waits: pipes do not block, children are asked after.
 * 2. A command gets no terminal, no descriptor of ours, no blocked signal. */
#define _GNU_SOURCE
#include "tui/notify.h"

#include "model/mem.h"
#include "model/text.h"
#include "tui/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct telling {
	bool is_known, is_bad, due, shown;
	bool told;         /* of the last time that it was bad */
	int64_t better_ms; /* boot time since which it is better */
	pid_t pid;         /* 0: none runs */
	int fd;            /* its standard input; -1 */
	struct text facts; /* what it still gets from `at` on */
	size_t at;
	int64_t end_ms; /* boot time */
	bool killed;
};

struct notify {
	struct notify_config how;
	bool recorder;
	int begun, failed;
	char complaint[200];
	int pool_count;
	struct telling *pools;
};

enum notify_terminal notify_terminal_of(const char *term, const char *program)
{
	static const struct {
		const char *name;
		bool is_program;
		enum notify_terminal how;
	} known[] = {
		{"iTerm.app", true, NOTIFY_OSC9},
		{"WezTerm", true, NOTIFY_OSC777},
		{"ghostty", true, NOTIFY_OSC777},
		{"xterm-ghostty", false, NOTIFY_OSC777},
		{"xterm-kitty", false, NOTIFY_OSC9},
		{"foot", false, NOTIFY_OSC777},
		{"foot-extra", false, NOTIFY_OSC777},
		{"contour", false, NOTIFY_OSC777},
		{"rxvt-unicode", false, NOTIFY_OSC777},
		{"rxvt-unicode-256color", false, NOTIFY_OSC777},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const char *is = known[i].is_program ? program : term;
		if (is && strcmp(is, known[i].name) == 0)
			return known[i].how;
	}
	return NOTIFY_NEVER;
}

struct notify *notify_new(const struct notify_config *how, int pool_count, bool recorder)
{
	struct notify *n = mem_new(1, sizeof *n);
	n->how = *how;
	n->how.command = how->command ? mem_copy(how->command) : NULL;
	n->recorder = recorder;
	n->pool_count = pool_count;
	n->pools = mem_new((size_t)pool_count, sizeof *n->pools);
	for (int i = 0; i < pool_count; i++)
		n->pools[i].fd = -1;
	return n;
}

static void let_go(struct telling *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	text_free(&t->facts);
	t->facts = (struct text){0};
	t->pid = 0;
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	for (int i = 0; i < n->pool_count; i++)
		let_go(&n->pools[i]);
	free(n->pools);
	free(n->how.command);
	free(n);
}

/* ---- commands ---- */

static void complain(struct notify *n, const char *what)
{
	n->failed++;
	snprintf(n->complaint, sizeof n->complaint, "notify: '%.80s' %.80s", n->how.command, what);
	text_mend(n->complaint);
}

static int spawn(pid_t *pid, const char *command, const char *headline, int in)
{
	char *argv[] = {(char *)command, (char *)headline, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, as_new;
	sigemptyset(&none);
	sigfillset(&as_new);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&how);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &as_new);
	posix_spawnattr_setpgroup(&how, 0);
	posix_spawnattr_setflags(
		&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	int error = posix_spawn(pid, command, &files, &how, argv, environ);
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

/* What the pipe takes now. A command that does not read ends that, and nothing else. */
static void feed(struct telling *t)
{
	while (t->fd >= 0 && t->at < t->facts.len) {
		ssize_t some = write(t->fd, text_str(&t->facts) + t->at, t->facts.len - t->at);
		if (some < 0 && errno == EINTR)
			continue;
		if (some < 0 && errno == EAGAIN)
			return;
		if (some < 0)
			break;
		t->at += (size_t)some;
	}
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void begin(struct notify *n, struct telling *t, const struct model *m,
	const struct pool *p, struct instant now)
{
	int ends[2];
	t->due = false;
	t->told = true;
	n->begun++;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		complain(n, strerror(errno));
		return;
	}
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	int error = spawn(&t->pid, n->how.command, p->standing.headline.text, ends[0]);
	close(ends[0]);
	if (error) {
		close(ends[1]);
		t->pid = 0;
		complain(n, strerror(error));
		return;
	}
	t->fd = ends[1];
	t->at = 0;
	t->killed = false;
	t->end_ms = now.boot_ms + NOTIFY_MOST_MS;
	facts_json(&t->facts, m, p);
	text_add(&t->facts, "\n");
	feed(t);
}

static void follow(struct notify *n, struct telling *t, struct instant now)
{
	int status;
	char what[80];
	feed(t);
	if (now.boot_ms >= t->end_ms && !t->killed) {
		kill(-t->pid, SIGKILL);
		t->killed = true;
	}
	pid_t ended = waitpid(t->pid, &status, WNOHANG);
	if (ended == 0)
		return;
	if (t->killed) {
		snprintf(
			what, sizeof what, "did not end within %d s and was killed", NOTIFY_MOST_MS / 1000);
		complain(n, what);
	} else if (ended == t->pid && WIFSIGNALED(status)) {
		snprintf(what, sizeof what, "was ended by signal %d", WTERMSIG(status));
		complain(n, what);
	} else if (ended == t->pid && WEXITSTATUS(status) != 0) {
		snprintf(what, sizeof what, "failed: exit status %d", WEXITSTATUS(status));
		complain(n, what);
	}
	let_go(t);
}

/* ---- events ---- */

/* Whoever owns the guard tells. Where the pool guards itself, or nobody does, a console tells,
 * unless a recorder here stands behind. */
static bool is_ours(const struct notify *n, const struct pool *p)
{
	return n->recorder ? p->owner_line.mine : !p->owner_line.held;
}

static void look(
	struct telling *t, const struct notify *n, const struct pool *p, struct instant now)
{
	static const enum level levels[] = {
#define X(name, word, level) [NOTIFY_ON_##name] = level,
		NOTIFY_ON_INFO(X)
#undef X
	};
	bool bad = p->standing.headline.level >= levels[n->how.on];
	/* A person who comes sees what is so; who records alone tells it. */
	if (!n->recorder && !t->is_known) {
		t->is_known = p->standing.freshness != FRESHNESS_NEVER;
		t->is_bad = t->shown = bad;
		return;
	}
	if (!bad && t->is_bad)
		t->better_ms = now.boot_ms;
	bool again = !t->told || now.boot_ms - t->better_ms >= NOTIFY_QUIET_MS;
	if (bad && !t->is_bad && again) {
		t->due = true;
		t->shown = false;
	}
	t->is_bad = bad;
}

void notify_turn(struct notify *n, const struct model *m, struct instant now)
{
	for (int i = 0; i < n->pool_count; i++) {
		struct telling *t = &n->pools[i];
		const struct pool *p = &m->pools[i];
		look(t, n, p, now);
		if (t->pid)
			follow(n, t, now);
		/* A recorder may still be taking the guard; a console leaves it to who guarded. */
		if (!t->is_bad || (!n->recorder && !is_ours(n, p)))
			t->due = false;
		if (t->due && !t->pid && n->how.command && is_ours(n, p))
			begin(n, t, m, p, now);
	}
}

bool notify_event(struct notify *n, const struct model *m, const struct pool **out)
{
	for (int i = 0; i < n->pool_count; i++) {
		if (!n->pools[i].is_bad || n->pools[i].shown)
			continue;
		n->pools[i].shown = true;
		*out = &m->pools[i];
		return true;
	}
	return false;
}

bool notify_complaint(struct notify *n, char *out, size_t size)
{
	if (!n->complaint[0])
		return false;
	text_copy(out, size, n->complaint);
	n->complaint[0] = 0;
	return true;
}

int notify_begun(const struct notify *n)
{
	return n->begun;
}

int notify_failed(const struct notify *n)
{
	return n->failed;
}
