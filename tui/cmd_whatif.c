/* weir whatif FILE...: what another policy would have done in recorded migrations: a table for
 * people, a line of JSON a result for machines, an exit status for a job that guards a policy.
 * Only reads: it may be interrupted at any moment. */
#include "model/mem.h"
#include "model/text.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/progress.h"
#include "tui/setup.h"
#include "tui/span.h"
#include "tui/terms.h"
#include "tui/whatif.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRID_MAX 200

struct backtest {
	const struct options *o;
	const struct config *config;
	struct whatif_policy *policies; /* the one of then, and those that are tried */
	size_t count;
	bool passed[WHATIF_POLICIES_MAX]; /* of the policies, in every file so far */
	int64_t since_ms, until_ms;
	/* the file under way */
	const char *path;
	int cells; /* widest name of a policy */
};

/* ---- policies ---- */

/* The policy under which a pool was recorded, and what is tried beside it. */
static int make_policies(struct backtest *b, const struct whatif_facts *of, struct err *err)
{
	struct whatif_policy *base = &b->policies[0], tried;
	struct terms terms;
	if (terms_find(&terms, b->path, of->recording, of->pool, b->config, err) < 0)
		return -1;
	text_copy(base->name, sizeof base->name, terms_words(terms.source));
	base->limits = terms.limits;
	b->count = 1;
	if (terms_try(&terms, b->o, err) < 0)
		return -1;
	tried = (struct whatif_policy){.limits = terms.limits};
	text_copy(tried.name, sizeof tried.name, terms.tried);
	if (b->o->grid) {
		size_t points;
		if (whatif_grid(b->policies + 1, GRID_MAX, &points, &tried.limits, b->o->grid, err) < 0)
			return -1;
		b->count += points;
	} else if (b->o->policy || b->o->set_count > 0) {
		b->policies[b->count++] = tried;
	}
	return 0;
}

static bool show_progress(void *ctx, int64_t done_ms, int64_t total_ms)
{
	progress_tell(ctx, done_ms, total_ms);
	return true;
}

/* ---- the table ---- */

static const char *word_of(const struct whatif_result *r)
{
	return r->false_alarms > 0 ? "FALSE ALARM" : r->missed > 0 ? "MISSED" : "ok";
}

static void add_cell(struct text *out, const char *word, int width)
{
	text_addf(
		out, "  %s%*s", word, width - text_width(word) > 0 ? width - text_width(word) : 0, "");
}

static void print_head(const struct backtest *b)
{
	printf("%-*s  fired     after    failed before  after*   spared*               result\n",
		b->cells, "policy");
}

static void print_row(const struct backtest *b, const struct whatif_result *r)
{
	char clock[16] = "-", after[32] = "-", failed[24], more[24] = "-", spared[48] = "-";
	struct text t = {0};
	unit_count(failed, sizeof failed, r->failed_before);
	if (r->fires > 0) {
		unit_clock(clock, sizeof clock, r->fire[0].at_ms);
		unit_count(more, sizeof more, r->failed_after);
		if (!isnan(r->avoided.bad))
			snprintf(spared, sizeof spared, "%.0f [%.0f to %.0f]", r->avoided.bad,
				r->avoided.low, r->avoided.high);
	}
	if (r->delay_ms != UNKNOWN)
		unit_duration(after, sizeof after, (r->delay_ms + 500) / 1000 * 1000);
	text_addf(&t, "%s%*s", r->policy.name, b->cells - text_width(r->policy.name), "");
	add_cell(&t, clock, 8);
	add_cell(&t, after, 7);
	add_cell(&t, failed, 13);
	add_cell(&t, more, 7);
	add_cell(&t, spared, 20);
	printf("%s  %s\n", text_str(&t), word_of(r));
	text_free(&t);
}

static const char *units_of(const struct whatif_facts *f)
{
	return f->sessions ? "sessions" : "requests";
}

static void print_stretch(const struct whatif_facts *f, const struct whatif_stretch *s)
{
	char clock[16], lasted[32], share[16];
	unit_clock(clock, sizeof clock, s->from_ms);
	unit_duration(lasted, sizeof lasted, (s->to_ms - s->from_ms + 500) / 1000 * 1000);
	unit_share(share, sizeof share, s->share_bp);
	printf(
		"v2 went bad at %s for %s%s: %s, at %s; %lld requests failed; %.0f [%.0f to %.0f] bad "
		"%s beyond v1's rate\n",
		clock, lasted, s->stopped ? ", until its share was taken down" : "",
		judged_name(s->metric), share, (long long)s->failed, s->excess.bad, s->excess.low,
		s->excess.high, units_of(f));
}

static void print_thinned(const struct whatif_facts *f)
{
	char lasted[32];
	unit_duration(lasted, sizeof lasted, (f->thinned_ms + 500) / 1000 * 1000);
	if (f->thinned_ms > 0)
		printf(", and %s that is thinned to minutes and not judged", lasted);
}

static void print_facts(const struct backtest *b, const struct whatif_facts *f)
{
	char since[32], until[32], count[24];
	unit_rfc3339(since, sizeof since, f->since_ms);
	unit_rfc3339(until, sizeof until, f->until_ms);
	unit_count(count, sizeof count, f->intervals);
	printf("%s: %s, %s to %s, %s intervals", b->path, f->pool, since, until, count);
	if (f->gaps > 0)
		printf(", %lld gaps", (long long)f->gaps);
	print_thinned(f);
	printf("\n");
	for (size_t i = 0; i < f->stretches; i++)
		print_stretch(f, &f->stretch[i]);
	if (f->stretches == 0 && f->intervals > 0)
		printf("v2 was no worse than v1\n");
}

/* One policy is worth a sentence, a sweep has its row. */
static void print_results(struct backtest *b, const struct whatif *w)
{
	const struct whatif_facts *f = whatif_facts(w);
	const struct whatif_result *r = whatif_results(w, NULL);
	print_facts(b, f);
	b->cells = (int)strlen("policy");
	for (size_t i = 0; i < b->count; i++)
		if (text_width(r[i].policy.name) > b->cells)
			b->cells = text_width(r[i].policy.name);
	printf("\n");
	print_head(b);
	for (size_t i = 0; i < b->count; i++)
		print_row(b, &r[i]);
	for (size_t i = 0; i < b->count && !b->o->grid; i++) {
		struct text t = {0};
		whatif_line(&t, f, &r[i]);
		printf("\n%s: %s\n", r[i].policy.name, text_str(&t));
		text_free(&t);
	}
	printf("\n* extrapolated from what v2 went on to do; spared: bad %s beyond v1's rate\n",
		units_of(f));
}

static void print_json(const struct backtest *b, const struct whatif *w)
{
	const struct whatif_facts *f = whatif_facts(w);
	const struct whatif_result *r = whatif_results(w, NULL);
	struct text t = {0};
	text_add(&t, "{");
	text_json_str(&t, "schema", "weir.whatif/1");
	text_json_str(&t, "file", b->path);
	text_json_key(&t, "recording");
	whatif_facts_json(&t, f);
	text_add(&t, "}\n");
	for (size_t i = 0; i < b->count; i++) {
		text_add(&t, "{");
		text_json_str(&t, "schema", "weir.whatif/1");
		text_json_str(&t, "file", b->path);
		text_json_key(&t, "result");
		whatif_json(&t, f, &r[i]);
		text_add(&t, "}\n");
	}
	fputs(text_str(&t), stdout);
	text_free(&t);
}

/* ---- files ---- */

static int peek(
	const struct whatif_source *source, struct whatif_facts *out, struct err *err)
{
	struct whatif *w;
	struct whatif_policy any = {0};
	guard_limits_init(&any.limits);
	if (whatif_begin(&w, source, &any, 1, err) < 0)
		return -1;
	*out = *whatif_facts(w);
	whatif_free(w);
	return 0;
}

static void note_passed(struct backtest *b, const struct whatif *w)
{
	const struct whatif_result *r = whatif_results(w, NULL);
	for (size_t i = 0; i < b->count; i++)
		b->passed[i] &= r[i].missed == 0 && r[i].false_alarms == 0;
}

static int test_file(struct backtest *b, const char *path, struct err *err)
{
	struct whatif_facts of;
	struct whatif *w;
	const struct whatif_source source = {
		.path = path, .pool = b->o->pool, .since_ms = b->since_ms, .until_ms = b->until_ms};
	b->path = path;
	if (peek(&source, &of, err) < 0 || make_policies(b, &of, err) < 0)
		return -1;
	struct progress progress;
	progress_begin(
		&progress, path, PACE_RECORDED, !b->o->progress || strcmp(b->o->progress, "never") != 0);
	int rc = whatif_run(&w, &source, b->policies, b->count, show_progress, &progress, err);
	progress_end(&progress);
	if (rc < 0)
		return -1;
	note_passed(b, w);
	if (b->o->json)
		print_json(b, w);
	else
		print_results(b, w);
	whatif_free(w);
	return fflush(stdout) == 0
		? 0
		: err_set(err, ERR_FILE, "standard output cannot be written: %s", strerror(errno));
}

/* What is tried must pass everywhere; of a sweep one value. Alone the policy of then is tried. */
static int status_of(const struct backtest *b)
{
	for (size_t i = b->count > 1 ? 1 : 0; i < b->count; i++)
		if (b->passed[i])
			return EXIT_DONE;
	return EXIT_REFUSED;
}

static int run(struct backtest *b, struct err *err)
{
	const struct options *o = b->o;
	if (span_read("since", o->since, &b->since_ms, err) < 0 ||
		span_read("until", o->until, &b->until_ms, err) < 0)
		return -1;
	loop_ordinary_signals(true);
	for (int i = 0; i < o->arg_count; i++) {
		if (i > 0 && !o->json)
			printf("\n");
		if (test_file(b, o->args[i], err) < 0)
			return -1;
	}
	return status_of(b);
}

int cmd_whatif(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	struct backtest b = {.o = o, .config = &s.config};
	memset(b.passed, true, sizeof b.passed);
	b.policies = mem_new(WHATIF_POLICIES_MAX, sizeof *b.policies);
	int status = setup_init(&s, o, &err) < 0 ? -1 : run(&b, &err);
	if (status < 0)
		status = setup_fail(&err);
	setup_release(&s);
	free(b.policies);
	return status;
}
