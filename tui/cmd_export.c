/* weir export: a history as JSON lines, or its samples for other programs. It reads, beside
 * whoever writes, and makes no file that is cut: what fails leaves none. */
#include "history/export.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/progress.h"
#include "tui/setup.h"
#include "tui/span.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct output {
	FILE *file;
	int error; /* errno of a write that failed */
};

static bool put(void *ctx, const char *line, size_t len)
{
	struct output *out = ctx;
	if (fwrite(line, 1, len, out->file) != len)
		out->error = errno;
	return out->error == 0;
}

static void show_progress(void *ctx, int64_t done, int64_t total)
{
	progress_tell(ctx, done, total);
}

static int unknown_format(const char *given, struct err *err)
{
	static const char *const words[] = {
#define X(name, word) word,
		EXPORT_INFO(X)
#undef X
			NULL};
	const char *near = text_nearest(given, words);
	if (near)
		return err_set(
			err, ERR_USAGE, "--format '%s' is none; did you mean '%s'?", given, near);
	return err_set(err, ERR_USAGE, "--format '%s' is none of jsonl, csv, openmetrics", given);
}

static int read_how(const struct options *o, struct export_how *how, struct err *err)
{
	how->format = o->format ? export_format_of(o->format) : EXPORT_JSONL;
	how->pool = o->pool;
	if (how->format == EXPORT_COUNT)
		return unknown_format(o->format, err);
	if (span_read("since", o->since, &how->since_ms, err) < 0)
		return -1;
	return span_read("until", o->until, &how->until_ms, err);
}

static int doubt(const char *path, const struct export_how *how, struct err *err)
{
	struct query *q = NULL;
	if (!how->pool)
		return 0;
	int rc = query_open(&q, path, err) < 0 ? -1 : span_doubt(q, how->pool, NULL, err);
	query_close(q);
	return rc;
}

/* Writes all of it. 0, or -1 with err. */
static int write_all(const char *path, const struct export_how *how, FILE *file,
	const char *name, struct err *err)
{
	struct output out = {.file = file};
	int rc = export_run(path, how, put, &out, err);
	if (rc == 0 && out.error == 0 && fflush(file) != 0)
		out.error = errno;
	if (rc == 0 && out.error != 0)
		return err_set(err, ERR_FILE, "%s cannot be written: %s", name, strerror(out.error));
	return rc;
}

/* Into a file that is not there yet. */
static int write_file(
	const char *path, const struct export_how *how, const char *to, struct err *err)
{
	char name[300];
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return errno == EEXIST
			? err_set(err, ERR_FILE, "'%s' exists already; name a new file", to)
			: err_set(err, ERR_FILE, "'%s' cannot be made: %s", to, strerror(errno));
	snprintf(name, sizeof name, "'%.290s'", to);
	/* from here on a signal ends it at once, and takes the file along */
	loop_unfinished(to);
	loop_ordinary_signals(true);
	int rc = write_all(path, how, file, name, err);
	loop_ordinary_signals(false);
	loop_unfinished(NULL);
	if (rc == 0 && fsync(fd) < 0 && errno != EINVAL)
		rc = err_set(err, ERR_FILE, "%s cannot be written: %s", name, strerror(errno));
	if (fclose(file) != 0 && rc == 0)
		rc = err_set(err, ERR_FILE, "%s cannot be written: %s", name, strerror(errno));
	if (rc < 0)
		unlink(to);
	return rc;
}

/* Lines on the same terminal say by themselves how far it is. */
static int to_file(const char *path, struct export_how *how, const char *to, struct err *err)
{
	struct progress progress;
	progress_begin(&progress, "exporting", PACE_ROWS, true);
	how->progress = progress.terminal ? show_progress : NULL;
	how->progress_ctx = &progress;
	int rc = write_file(path, how, to, err);
	progress_end(&progress);
	return rc;
}

static int to_stdout(const char *path, const struct export_how *how, struct err *err)
{
	loop_ordinary_signals(true); /* whoever does not take it must not keep it from its end */
	int rc = write_all(path, how, stdout, "standard output", err);
	loop_ordinary_signals(false);
	return rc;
}

int cmd_export(const struct options *o)
{
	struct setup s;
	struct export_how how = {0};
	struct err err = {0};
	struct options reading = *o;
	reading.out = NULL; /* of a recorder it would be the history */
	int rc = setup_init(&s, &reading, &err);
	const char *path = o->arg_count > 0 ? o->args[0] : s.history_path;
	if (rc == 0)
		rc = read_how(o, &how, &err);
	if (rc == 0)
		rc = doubt(path, &how, &err);
	if (rc == 0)
		rc = o->out ? to_file(path, &how, o->out, &err) : to_stdout(path, &how, &err);
	int status = rc < 0 ? setup_fail(&err) : EXIT_DONE;
	setup_release(&s);
	return status;
}
