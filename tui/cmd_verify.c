/* weir verify: the check of a history file, told to a person or a program. */
#include "history/chain.h"
#include "history/migrate.h"
#include "history/thin.h"
#include "history/volume.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/progress.h"
#include "tui/setup.h"

#include <stdio.h>
#include <string.h>

static void show_progress(void *ctx, int64_t done, int64_t total)
{
	progress_tell(ctx, done, total);
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

/* A file's size, and what comes of it under this configuration. */
struct size {
	bool known;
	struct volume volume;
	struct volume_forecast forecast;
	int64_t keep_ms, cap_bytes;
};

static void measure(struct size *out, const char *path, const struct config *config)
{
	struct err err;
	/* without a file there is no configuration, not even its defaults */
	*out =
		(struct size){.keep_ms = config->retention_ms > 0 ? config->retention_ms : THIN_KEEP_MS,
			.cap_bytes = config->history_cap > 0 ? config->history_cap : THIN_CAP_BYTES};
	out->known = volume_of(&out->volume, path, &err) == 0;
	if (out->known)
		volume_forecast(&out->forecast, &out->volume, out->keep_ms, out->cap_bytes);
}

static void add_moment(struct text *t, const char *name, int64_t ms)
{
	char when[40];
	if (ms != UNKNOWN)
		unit_rfc3339(when, sizeof when, ms);
	text_json_str(t, name, ms != UNKNOWN ? when : NULL);
}

static void add_size(struct text *t, const struct size *s)
{
	text_json_int(t, "bytes", s->known ? s->volume.used : UNKNOWN);
	text_json_int(t, "bytes_a_day", s->known ? s->forecast.bytes_a_day : UNKNOWN);
	text_json_int(t, "cap_bytes", s->cap_bytes);
	add_moment(t, "cap_at", s->known ? s->forecast.cap_ms : UNKNOWN);
	add_moment(t, "disk_full_at", s->known ? s->forecast.disk_ms : UNKNOWN);
}

static void print_json(
	const struct chain_report *r, const struct size *size, int64_t quarantined)
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
	text_json_int(&t, "samples_thinned", r->thinned);
	text_json_int(&t, "minutes", r->minutes);
	add_size(&t, size);
	text_json_int(&t, "quarantined", quarantined);
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
	if (r->thinned > 0)
		printf("samples: %lld older ones became %lld minutes\n", (long long)r->thinned,
			(long long)r->minutes);
	if (r->trail_seq > 0)
		printf("look at event %lld: %s\n", (long long)r->trail_seq, r->trail_why);
}

/* What it takes, and when that is too much. */
static void print_size(const struct size *s)
{
	struct text t = {0};
	if (!s->known)
		return;
	volume_words(&t, &s->volume, &s->forecast, s->cap_bytes);
	printf("size: %s\n", text_str(&t));
	text_clear(&t);
	if (volume_warning(&t, &s->volume, &s->forecast, s->keep_ms, s->cap_bytes))
		printf("  %s\n", text_str(&t));
	text_free(&t);
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

/* Rows that are in the file, and not in their table: where they are of the chain, it has gaps. */
static void print_quarantined(int64_t n)
{
	if (n > 0)
		printf(
			"quarantine: %lld row%s broke a rule of %s table when the file was migrated; they"
			" are kept in the table quarantine\n",
			(long long)n, n == 1 ? "" : "s", n == 1 ? "its" : "their");
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

static int verify(
	const struct options *o, const char *path, const struct config *config, struct err *err)
{
	struct chain_report r;
	struct size size;
	struct progress progress;
	loop_ordinary_signals(true); /* what only reads may end at once */
	progress_begin(&progress, "verifying", PACE_ROWS, !o->json);
	int rc = chain_verify(
		&r, path, o->head, progress.terminal ? show_progress : NULL, &progress, err);
	progress_end(&progress);
	if (rc < 0)
		return setup_fail(err);
	int64_t quarantined = migrate_quarantined(path);
	measure(&size, path, config);
	if (o->json)
		print_json(&r, &size, quarantined);
	else if (r.broken_seq == 0)
		print_whole(&r);
	else
		print_broken(&r);
	if (!o->json) {
		print_size(&size);
		print_quarantined(quarantined);
	}
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
		status = verify(o, o->arg_count > 0 ? o->args[0] : s.history_path, &s.config, &err);
	setup_release(&s);
	return status;
}
