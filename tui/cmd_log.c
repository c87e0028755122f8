/* weir log, weir verify, weir check: reading what is on the disk. */
#include "history/chain.h"
#include "history/query.h"
#include "tui/commands.h"
#include "tui/facts.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct logging {
	const struct options *o;
	int64_t last_seq;
};

static bool print_decision(void *ctx, const struct decision *d)
{
	struct logging *l = ctx;
	struct text t = {0};
	if (l->o->json) {
		decision_json(&t, d);
	} else {
		text_addf(&t, "%-12s ", d->pool);
		facts_decision(&t, d, loop_now().wall_ms);
	}
	text_add(&t, "\n");
	fputs(text_str(&t), stdout);
	text_free(&t);
	if (d->seq > l->last_seq)
		l->last_seq = d->seq;
	return !loop_interrupted() && !ferror(stdout);
}

/* A duration back from now, or a moment. */
static int read_since(const struct options *o, int64_t *since_ms, struct err *err)
{
	int64_t ms;
	if (!o->since)
		return 0;
	if (unit_parse_duration(o->since, &ms)) {
		*since_ms = loop_now().wall_ms - ms;
		return 0;
	}
	if (unit_parse_rfc3339(o->since, since_ms))
		return 0;
	return err_set(err, ERR_USAGE,
		"--since '%s' is neither a duration (12h) nor an RFC 3339 time", o->since);
}

static int read_filter(const struct options *o, struct query_filter *f, struct err *err)
{
	f->pool = o->pool;
	f->actor = o->actor;
	f->outcome = o->outcome;
	if (o->outcome && outcome_of(o->outcome) == OUTCOME_COUNT)
		return err_set(err, ERR_USAGE,
			"--outcome '%s' is no outcome; write APPLIED, REFUSED, NOT_SENT, SUPERSEDED or "
			"VOID",
			o->outcome);
	if (o->verb && verb_of(o->verb) == VERB_COUNT)
		return err_set(err, ERR_USAGE, "--verb '%s' is no verb; see weir --help", o->verb);
	f->verb = o->verb ? (int)verb_of(o->verb) + 1 : 0;
	return read_since(o, &f->since_ms, err);
}

static int print_log(const struct options *o, const char *path, struct err *err)
{
	struct query_filter f = {0};
	struct logging l = {.o = o};
	struct query *q = NULL;
	if (read_filter(o, &f, err) < 0 || query_open(&q, path, err) < 0)
		return -1;
	int rc = query_decisions(q, &f, print_decision, &l, err);
	while (rc == 0 && o->follow && !loop_interrupted() && !ferror(stdout)) {
		fflush(stdout);
		loop_pause(1000);
		f.after_seq = l.last_seq;
		rc = loop_interrupted() ? 0 : query_decisions(q, &f, print_decision, &l, err);
	}
	query_close(q);
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

static void show_progress(void *ctx, int64_t done, int64_t total)
{
	(void)ctx;
	if (total > 0)
		fprintf(stderr, "\rverifying %lld of %lld rows", (long long)done, (long long)total);
	if (done >= total)
		fprintf(stderr, "\r\033[K");
}

static int verify(const struct options *o, const char *path, struct err *err)
{
	struct chain_report r;
	bool visible = isatty(STDERR_FILENO);
	if (chain_verify(&r, path, o->head, visible ? show_progress : NULL, NULL, err) < 0)
		return setup_fail(err);
	bool whole = r.broken_seq == 0;
	if (o->json) {
		struct text t = {0};
		text_add(&t, "{");
		text_json_bool(&t, "whole", whole);
		text_json_int(&t, "rows", r.rows);
		text_json_int(&t, "broken_seq", whole ? UNKNOWN : r.broken_seq);
		text_json_str(&t, "table", whole ? NULL : r.table);
		text_json_str(&t, "why", whole ? NULL : r.why);
		text_json_str(&t, "head", r.head);
		text_json_int(&t, "head_seq", r.head_seq);
		text_json_int(&t, "signers", r.keys);
		text_add(&t, "}\n");
		fputs(text_str(&t), stdout);
		text_free(&t);
	} else if (whole) {
		printf("whole: %lld rows, %d signer%s, head %s (%lld)\n", (long long)r.rows, r.keys,
			r.keys == 1 ? "" : "s", r.head, (long long)r.head_seq);
	} else {
		printf("%s BROKEN at row %lld%s%s%s: %s\n", err_name(ERR_CHAIN),
			(long long)r.broken_seq, r.table[0] ? " (" : "", r.table, r.table[0] ? ")" : "",
			r.why);
	}
	return whole ? EXIT_DONE : EXIT_BROKEN;
}

int cmd_verify(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	int status;
	if (setup_init(&s, o, &err) < 0)
		status = setup_fail(&err);
	else
		status = verify(o, o->arg_count > 0 ? o->args[0] : s.history_path, &err);
	setup_release(&s);
	return status;
}

/* What is no error, and yet not what one wants. */
static void say_doubts(const struct config *c)
{
	for (size_t i = 0; i < c->pool_count; i++)
		if (c->pools[i].has_plan && !guard_limits_any(&c->pools[i].guards))
			fprintf(stderr,
				"weir: '%s' has a plan and no limits: nothing of v2 would count as bad; add "
				"guards\n",
				c->pools[i].name);
}

int cmd_check(const struct options *o)
{
	struct config c;
	struct err err = {0};
	if (config_load(&c, o->arg_count > 0 ? o->args[0] : o->config, &err) < 0)
		return setup_fail(&err);
	if (o->json) {
		struct text t = {0};
		config_json(&t, &c);
		printf("%s\n", text_str(&t));
		text_free(&t);
	} else if (c.path) {
		printf("%s: good, %zu pool%s", c.path, c.pool_count, c.pool_count == 1 ? "" : "s");
		if (c.policy_count > 0)
			printf(", %zu own polic%s", c.policy_count, c.policy_count == 1 ? "y" : "ies");
		printf("\n");
	} else {
		printf("no configuration: weir opens the demo\n");
	}
	say_doubts(&c);
	config_free(&c);
	return EXIT_DONE;
}
