#define _GNU_SOURCE /* pidfd_open */
/* Behind: another process of this program, which a hangup of the terminal does not reach. Not what it
 * does: that is cmd_record.c's. */
#include "tui/behind.h"

#include "model/mem.h"
#include "model/text.h"
#include "tui/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX (OPTIONS_ARGS_MAX + 32)
#define FIRST_MS 1000 /* what cannot begin ends within this */

struct line {
	char *args[ARGS_MAX + 1];
	size_t count;
};

static void add(struct line *l, const char *a, const char *b, const char *c)
{
	struct text t = {0};
	text_addf(&t, "%s%s%s", a, b, c);
	if (l->count < ARGS_MAX)
		l->args[l->count++] = text_take(&t);
	else
		text_free(&t);
}

/* An option of the console's that a recorder takes too. */
static void add_option(struct line *l, const struct options *o, const struct option_row *row)
{
	const char *at = (const char *)o + row->offset;
	char ms[32];
	if (row->type == OPTION_FLAG && *(const bool *)at)
		add(l, "--", row->name, "");
	if (row->type == OPTION_TEXT || row->type == OPTION_CHOICE) {
		const char *value = *(const char *const *)at;
		if (!value)
			return;
		add(l, "--", row->name, "");
		add(l, value, "", "");
	}
	if (row->type == OPTION_DURATION && *(const int64_t *)at != UNKNOWN) {
		snprintf(ms, sizeof ms, "%lldms", (long long)*(const int64_t *)at);
		add(l, "--", row->name, "");
		add(l, ms, "", "");
	}
}

static void make_line(struct line *l, const struct options *o)
{
	const struct command_row *record = options_command("record");
	add(l, "weir", "", "");
	add(l, "record", "", "");
	add(l, "--guard", "", "");
	add(l, "--progress=never", "", "");
	for (size_t i = 0; i < option_row_count; i++)
		if (options_takes(record, &option_rows[i]) &&
			options_takes(o->command, &option_rows[i]))
			add_option(l, o, &option_rows[i]);
	for (int i = 0; i < o->arg_count; i++)
		add(l, o->args[i], "", "");
}

/* 0 or an errno. */
static int spawn(pid_t *pid, const char *log, char *const *args)
{
	struct child_start start = {.path = "/proc/self/exe", .argv = args, .session = true};
	start.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	start.out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	int code = start.in >= 0 && start.out >= 0 ? child_spawn(pid, &start) : errno;
	if (start.in >= 0)
		close(start.in);
	if (start.out >= 0)
		close(start.out);
	return code;
}

/* True when it has ended within the first moment. */
static bool has_ended(pid_t pid, int *status)
{
	struct pollfd ended = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	if (ended.fd >= 0) {
		poll(&ended, 1, FIRST_MS);
		close(ended.fd);
	}
	return waitpid(pid, status, WNOHANG) == pid;
}

int behind_start(
	struct behind *out, const struct options *o, const char *state_dir, struct err *err)
{
	struct line l = {.count = 0};
	int status = 0;
	*out = (struct behind){.pid = -1};
	snprintf(out->log, sizeof out->log, "%s/recorder.log", state_dir);
	make_line(&l, o);
	int code = spawn(&out->pid, out->log, l.args);
	for (size_t i = 0; i < l.count; i++)
		free(l.args[i]);
	if (code != 0)
		return err_set(err, ERR_FILE,
			"no recorder could be left behind: %s (it says what it does in \"%s\"); nobody "
			"watches: weir record --guard",
			strerror(code), out->log);
	if (has_ended(out->pid, &status))
		return err_set(err, ERR_FILE,
			"the recorder that was left behind ended at once, with %d; why is in \"%s\"; nobody "
			"watches: weir record --guard",
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out->log);
	return 0;
}
