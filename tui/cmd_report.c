/* weir report: the review of a migration, from its recording. Only reads; the file that it writes
 * is there whole or not at all. */
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/progress.h"
#include "tui/report.h"
#include "tui/report_html.h"
#include "tui/report_json.h"
#include "tui/report_text.h"
#include "tui/setup.h"
#include "tui/whole.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *word;
	void (*write)(struct text *t, const struct report *r);
} forms[] = {{"md", report_text}, {"html", report_html}, {"json", report_json}};
#define FORMS ((int)(sizeof forms / sizeof *forms))

static int form_of(const struct options *o, struct err *err)
{
	const char *given = o->format ? o->format : o->json ? "json" : "md";
	for (int i = 0; i < FORMS; i++)
		if (strcmp(forms[i].word, given) == 0)
			return i;
	return err_set(err, ERR_USAGE, "--format '%s' is none of md, html, json", given);
}

static void show_progress(void *ctx, const char *what, int64_t done, int64_t total)
{
	progress_turn(ctx, what, PACE_RECORDED);
	progress_tell(ctx, done, total);
}

static int put_out(const struct options *o, const struct text *t, struct err *err)
{
	if (o->out)
		return whole_write(o->out, t, err);
	loop_ordinary_signals(true); /* whoever does not take it must not keep it from its end */
	bool taken = fwrite(text_str(t), 1, t->len, stdout) == t->len && fflush(stdout) == 0;
	int why = errno;
	loop_ordinary_signals(false);
	return taken
		? 0
		: err_set(err, ERR_FILE, "'standard output' cannot be written: %s", strerror(why));
}

static int report(const struct options *o, const struct setup *s, struct err *err)
{
	struct progress progress;
	struct report r;
	struct report_how how = {.path = o->args[0],
		.pool = o->pool,
		.migration = o->migration,
		.config = &s->config,
		.options = o,
		.progress = show_progress,
		.ctx = &progress};
	int form = form_of(o, err);
	if (form < 0)
		return -1;
	struct text t = {0};
	progress_begin(&progress, NULL, PACE_RECORDED, true);
	loop_ordinary_signals(true); /* what only reads may end at once */
	int rc = report_make(&r, &how, err);
	loop_ordinary_signals(false);
	progress_end(&progress);
	if (rc == 0) {
		forms[form].write(&t, &r);
		rc = put_out(o, &t, err);
	}
	int status = r.chain_read && r.chain.broken_seq ? EXIT_BROKEN : EXIT_DONE;
	text_free(&t);
	report_release(&r);
	return rc < 0 ? -1 : status;
}

int cmd_report(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	struct options reading = *o;
	reading.out = NULL; /* of a recorder it would be the history */
	int status = setup_init(&s, &reading, &err);
	if (status == 0)
		status = report(o, &s, &err);
	if (status < 0)
		status = setup_fail(&err);
	setup_release(&s);
	return status;
}
