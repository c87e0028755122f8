/* weir verify: the check of a history file, told to a person or a program. */
#include "history/chain.h"
#include "tui/commands.h"
#include "tui/setup.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_CELLS 30

static void show_progress(void *ctx, int64_t done, int64_t total)
{
	int *shown = ctx; /* per mille */
	char bar[BAR_CELLS + 1];
	int now = total > 0 && done < total ? (int)(done * 1000 / total) : 1000;
	if (now == *shown)
		return;
	*shown = now;
	for (int i = 0; i < BAR_CELLS; i++)
		bar[i] = i < now * BAR_CELLS / 1000 ? '#' : '.';
	bar[BAR_CELLS] = '\0';
	if (now < 1000)
		fprintf(stderr, "\rverifying [%s] %3d%%  %lld of %lld rows", bar, now / 10,
			(long long)done, (long long)total);
	else
		fprintf(stderr, "\r\033[K");
}

/* ---- for programs ---- */

static void add_people(struct text *t, const struct chain_report *r)
{
	text_json_key(t, "keys");
	text_add(t, "[");
	for (size_t i = 0; i < r->signer_count; i++) {
		text_add(t, i > 0 ? ",{" : "{");
		text_json_str(t, "actor", r->signers[i].actor);
		text_json_str(t, "key", r->signers[i].key);
		text_json_int(t, "rows", r->signers[i].rows);
		text_add(t, "}");
	}
	text_add(t, "]");
}

/* A sample's key has more digits than a real number keeps. */
static void add_sample_key(struct text *t, const char *name, int64_t key)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%lld", (long long)key);
	text_json_str(t, name, key == UNKNOWN ? NULL : digits);
}

static void print_json(const struct chain_report *r)
{
	bool whole = r->broken_seq == 0;
	struct text t = {0};
	text_add(&t, "{");
	text_json_bool(&t, "whole", whole);
	text_json_int(&t, "rows", r->rows);
	text_json_int(&t, "broken_seq", whole ? UNKNOWN : r->broken_seq);
	text_json_str(&t, "table", whole ? NULL : r->table);
	text_json_str(&t, "why", whole ? NULL : r->why);
	add_sample_key(&t, "first_key", r->first_key);
	add_sample_key(&t, "last_key", r->last_key);
	text_json_str(&t, "head", r->head);
	text_json_int(&t, "head_seq", r->head_seq);
	text_json_int(&t, "signers", r->keys);
	add_people(&t, r);
	text_json_int(&t, "checkpoints", r->checkpoints);
	text_json_int(&t, "samples", r->samples);
	text_json_int(&t, "samples_open", r->samples_open);
	text_json_int(&t, "pool_log_seq", r->trail_seq > 0 ? r->trail_seq : UNKNOWN);
	text_json_str(&t, "pool_log", r->trail_seq > 0 ? r->trail_why : NULL);
	text_add(&t, "}\n");
	fputs(text_str(&t), stdout);
	text_free(&t);
}

/* ---- for people ---- */

static void print_people(const struct chain_report *r)
{
	for (size_t i = 0; i < r->signer_count; i++) {
		const struct chain_signer *s = &r->signers[i];
		printf("  %-20s key %.16s  ", s->actor, s->key);
		if (s->rows > 0)
			printf("%lld row%s\n", (long long)s->rows, s->rows == 1 ? "" : "s");
		else
			printf("signs nothing\n");
	}
	if (r->signers_more > 0)
		printf("  and %lld more\n", (long long)r->signers_more);
}

static void print_whole(const struct chain_report *r)
{
	printf("whole: %lld rows, %d signer%s, head %s (%lld)\n", (long long)r->rows, r->keys,
		r->keys == 1 ? "" : "s", r->head, (long long)r->head_seq);
	print_people(r);
	if (r->samples > 0)
		printf("samples: %lld rows under %lld checkpoint%s\n", (long long)r->samples,
			(long long)r->checkpoints, r->checkpoints == 1 ? "" : "s");
	if (r->samples_open > 0)
		printf("samples: %lld rows not yet under a checkpoint\n", (long long)r->samples_open);
	if (r->trail_seq > 0)
		printf("look at event %lld: %s\n", (long long)r->trail_seq, r->trail_why);
}

static void print_sample(const char *word, int64_t key)
{
	enum { SERIES_BITS = 28, T_MS = 100 };
	char when[40];
	unit_rfc3339(when, sizeof when, (key >> SERIES_BITS) * T_MS);
	printf("  %s sample %lld, of %s\n", word, (long long)key, when);
}

static void print_broken(const struct chain_report *r)
{
	printf("%s BROKEN at row %lld%s%s%s: %s\n", err_name(ERR_CHAIN), (long long)r->broken_seq,
		r->table[0] ? " (" : "", r->table, r->table[0] ? ")" : "", r->why);
	if (r->first_key != UNKNOWN)
		print_sample("from", r->first_key);
	if (r->last_key != UNKNOWN)
		print_sample("to", r->last_key);
}

/* ---- the command ---- */

static int check_head(const char *head, struct err *err)
{
	enum { DIGITS_MIN = 16, DIGITS_MAX = 64 };
	size_t len = head ? strlen(head) : 0;
	if (head &&
		(len < DIGITS_MIN || len > DIGITS_MAX || strspn(head, "0123456789abcdef") != len))
		return err_set(err, ERR_USAGE,
			"--head '%s' is no head: write %d to %d digits of it, as verify prints them", head,
			DIGITS_MIN, DIGITS_MAX);
	return 0;
}

/* Reading takes long and never looks at a signal; nothing is written that one could cut. */
static void heed_signals(void)
{
	sigset_t stops;
	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGHUP);
	sigaddset(&stops, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stops, NULL);
}

static int verify(const struct options *o, const char *path, struct err *err)
{
	struct chain_report r;
	bool visible = !o->json && isatty(STDERR_FILENO);
	int shown = -1;
	heed_signals();
	if (chain_verify(&r, path, o->head, visible ? show_progress : NULL, &shown, err) < 0)
		return setup_fail(err);
	if (o->json)
		print_json(&r);
	else if (r.broken_seq == 0)
		print_whole(&r);
	else
		print_broken(&r);
	return r.broken_seq == 0 ? EXIT_DONE : EXIT_BROKEN;
}

int cmd_verify(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	int status;
	if (setup_init(&s, o, &err) < 0 || check_head(o->head, &err) < 0)
		status = setup_fail(&err);
	else
		status = verify(o, o->arg_count > 0 ? o->args[0] : s.history_path, &err);
	setup_release(&s);
	return status;
}
