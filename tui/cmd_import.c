/* weir import: a history made of an export, verbatim, into a new file only. */
#include "history/import.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/progress.h"
#include "tui/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* From here on a signal ends it at once, and takes the file along. */
static void take_note(void *ctx, const char *path)
{
	(void)ctx;
	loop_unfinished(path);
	loop_ordinary_signals(true);
}

static bool show_progress(void *ctx, bool checking, int64_t done, int64_t total)
{
	progress_turn(ctx, checking ? "verifying" : "reading", checking ? PACE_ROWS : PACE_BYTES);
	progress_tell(ctx, done, total);
	return true;
}

/* Opens a regular file: anything else might keep one waiting. NULL with err. */
static FILE *open_lines(const char *path, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		err_set(err, ERR_FILE, "'%s' cannot be read: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		err_set(err, ERR_FILE, "'%s' is not a regular file", path);
	else
		return fdopen(fd, "r");
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void say(const struct options *o, const struct import_report *r)
{
	struct text t = {0};
	if (o->json) {
		text_add(&t, "{");
		text_json_str(&t, "history", o->history);
		text_json_int(&t, "rows", r->rows);
		text_json_str(&t, "head", *r->head ? r->head : NULL);
		text_json_int(&t, "head_seq", r->head_seq);
		text_add(&t, "}");
	} else {
		text_addf(&t, "whole: %lld rows", (long long)r->rows);
		if (*r->head)
			text_addf(&t, ", head %s (%lld)", r->head, (long long)r->head_seq);
	}
	printf("%s\n", text_str(&t));
	text_free(&t);
}

int cmd_import(const struct options *o)
{
	struct import_report r;
	struct err err = {0};
	if (!o->history) {
		err_set(&err, ERR_USAGE, "import makes a new history: name it with --history NEW");
		return setup_fail(&err);
	}
	FILE *from = open_lines(o->args[0], &err);
	if (!from)
		return setup_fail(&err);
	struct progress progress;
	const struct import_watch watch = {take_note, show_progress, &progress};
	progress_begin(&progress, NULL, PACE_BYTES, !o->json);
	int rc = import_run(&r, from, o->args[0], o->history, &watch, &err);
	loop_ordinary_signals(false);
	loop_unfinished(NULL);
	progress_end(&progress);
	fclose(from);
	if (rc < 0)
		return setup_fail(&err);
	say(o, &r);
	return EXIT_DONE;
}
