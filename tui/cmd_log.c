/* weir log: reading what is on the disk. */
#include "history/query.h"
#include "tui/commands.h"
#include "tui/facts.h"
#include "tui/loop.h"
#include "tui/pager.h"
#include "tui/setup.h"
#include "tui/span.h"

#include <stdio.h>
#include <string.h>

#define FOLLOW_MS 500
#define FOLLOW_TRIES 20

struct logging {
	const struct options *o;
	struct query_filter filter;
	struct text lines; /* what is printed when the file is read: none waits for a reader */
};

static bool add_decision(void *ctx, const struct decision *d)
{
	struct logging *l = ctx;
	if (l->o->json) {
		decision_json(&l->lines, d);
	} else {
		text_addf(&l->lines, "%-12s ", d->pool);
		facts_decision(&l->lines, d, loop_now().wall_ms);
	}
	text_add(&l->lines, "\n");
	return !loop_interrupted();
}

static int unknown_outcome(const char *given, struct err *err)
{
	const char *words[OUTCOME_COUNT + 1] = {0};
	struct text all = {0};
	for (int k = 0; k < OUTCOME_COUNT; k++) {
		words[k] = outcome_name((enum outcome_kind)k);
		text_addf(&all, "%s%s", k == 0 ? "" : k == OUTCOME_COUNT - 1 ? " or " : ", ", words[k]);
	}
	const char *near = text_nearest(given, words);
	if (near)
		err_set(
			err, ERR_USAGE, "--outcome '%s' is no outcome; did you mean '%s'?", given, near);
	else
		err_set(
			err, ERR_USAGE, "--outcome '%s' is no outcome; write %s", given, text_str(&all));
	text_free(&all);
	return -1;
}

static int unknown_verb(const char *given, struct err *err)
{
	const char *words[VERB_COUNT + 1] = {0};
	for (int v = 0; v < VERB_COUNT; v++)
		words[v] = verb_row((enum verb)v)->word;
	const char *near = verb_alias(given);
	near = near ? near : text_nearest(given, words);
	if (near && verb_of(near) != VERB_COUNT)
		return err_set(
			err, ERR_USAGE, "--verb '%s' is no verb; did you mean '%s'?", given, near);
	return err_set(err, ERR_USAGE, "--verb '%s' is no verb; see weir --help", given);
}

static int read_filter(const struct options *o, struct query_filter *f, struct err *err)
{
	int64_t last = 0;
	f->pool = o->pool;
	f->actor = o->actor;
	f->outcome = o->outcome;
	if (o->outcome && outcome_of(o->outcome) == OUTCOME_COUNT)
		return unknown_outcome(o->outcome, err);
	if (o->verb && verb_of(o->verb) == VERB_COUNT)
		return unknown_verb(o->verb, err);
	if (o->limit && !unit_parse_int(o->limit, 1, INT32_MAX, &last))
		return err_set(err, ERR_USAGE, "--limit '%s' is no number of decisions", o->limit);
	f->verb = o->verb ? (int)verb_of(o->verb) + 1 : 0;
	f->last = (size_t)last;
	if (span_read("since", o->since, &f->since_ms, err) < 0)
		return -1;
	return span_read("until", o->until, &f->before_ms, err);
}

static void cut_back(struct text *t, size_t len)
{
	if (t->len > len)
		t->data[t->len = len] = '\0';
}

/* Reads what is new at this moment; the file is closed again, so that one that was replaced, or
 * that nobody wrote to so far, is followed too. */
static int read_news(struct logging *l, const char *path, bool doubtful, struct err *err)
{
	struct query *q = NULL;
	if (query_open(&q, path, err) < 0)
		return -1;
	int rc = doubtful ? span_doubt(q, l->filter.pool, l->filter.actor, err) : 0;
	int64_t head = l->filter.news_seq;
	size_t shown = l->lines.len;
	if (rc == 0)
		rc = query_news(q, &l->filter, &head, add_decision, l, err);
	/* A shorter file has the name by now: all of it is new. */
	if (rc == 0 && head < l->filter.news_seq) {
		cut_back(&l->lines, shown);
		l->filter.news_seq = 0;
		rc = query_news(q, &l->filter, &head, add_decision, l, err);
	}
	if (rc == 0)
		l->filter.news_seq = head;
	else
		cut_back(&l->lines, shown); /* what was half read is read again */
	query_close(q);
	return rc;
}

/* A writer may be in the way for a moment. */
static bool passes(const struct err *err)
{
	return err->code == ERR_LOCKED || err->code == ERR_DISK;
}

static int follow(struct logging *l, const char *path, struct err *err)
{
	int failed = 0;
	for (;;) {
		fwrite(text_str(&l->lines), 1, l->lines.len, stdout);
		text_clear(&l->lines);
		if (fflush(stdout) != 0 || loop_pause(FOLLOW_MS))
			return 0;
		l->filter.last = 0;
		failed = read_news(l, path, false, err) < 0 ? failed + 1 : 0;
		if (failed > 0 && (!passes(err) || failed == FOLLOW_TRIES))
			return -1;
	}
}

static int print_log(const struct options *o, const char *path, struct err *err)
{
	struct logging l = {.o = o};
	int rc = -1;
	loop_ordinary_signals(true);
	if (read_filter(o, &l.filter, err) == 0 && read_news(&l, path, true, err) == 0) {
		loop_ordinary_signals(!o->follow);
		rc = o->follow ? follow(&l, path, err) : 0;
		if (!o->follow)
			pager_show(&l.lines, o->no_pager);
	}
	text_free(&l.lines);
	return rc;
}

int cmd_log(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	int status = EXIT_DONE;
	if (setup_init(&s, o, &err) < 0 || print_log(o, s.history_path, &err) < 0)
		status = setup_fail(&err);
	setup_release(&s);
	return status;
}
