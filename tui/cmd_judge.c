/* weir judge: the judge of the console over anybody's counts. A filter: an interval a line comes
 * in, a verdict a line goes out. No pool, no history, no clock: a look is an interval.
 *
 * 1. The line of an interval is out before the next one is waited for.
 * 2. Words, their precedence and the time to a verdict are the console's (model/verdict.h). */
#include "model/text.h"
#include "model/verdict.h"
#include "tui/commands.h"
#include "tui/config_table.h"
#include "tui/counts_in.h"
#include "tui/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 1000 /* of a look, however long it was: times are in looks */
#define E_MAX "1e300"
#define LN_E_MAX 690.77552789821370521 /* ln 1e300 */
#define PHI_MAX 1e6

struct filter {
	struct judge judge;
	struct verdict verdict;
	int64_t looks;
	double phi; /* NaN: measured */
	bool quiet, limited;
};

/* ---- what is asked ---- */

/* A number of the judge's, within what the configuration takes. */
static int read_part(
	struct judge_policy *p, const char *key, const char *given, struct err *err)
{
	const struct yaml_row *row = config_judge_table.rows;
	while (strcmp(row->key, key) != 0)
		row++;
	double value;
	if (!given)
		return 0;
	if (!options_number(given, &value) || value < row->min || value > row->max)
		return err_set(err, ERR_USAGE,
			"--%s '%s' must be from %.15g to %.15g, such as 0.05 or 5%%", key, given, row->min,
			row->max);
	*(double *)(void *)((char *)p + row->offset) = value;
	return 0;
}

static int read_limit(struct judge_policy *p, const char *given, struct err *err)
{
	if (!given)
		return 0;
	if (!options_number(given, &p->error_limit) || p->error_limit <= 0 || p->error_limit >= 1)
		return err_set(err, ERR_USAGE,
			"--limit '%s' is no part of v2 that may fail: above 0, below 1, such as 0.1%%",
			given);
	return 0;
}

static int read_phi(double *phi, const char *given, struct err *err)
{
	*phi = NAN;
	if (!given || strcmp(given, "auto") == 0)
		return 0;
	if (!options_number(given, phi) || *phi < 1 || *phi > PHI_MAX)
		return err_set(err, ERR_USAGE, "--phi '%s' must be auto, or a number from 1 to %g",
			given, PHI_MAX);
	return 0;
}

static int init(struct filter *f, const struct options *o, struct err *err)
{
	struct judge_policy p;
	judge_policy_init(&p);
	memset(p.metric, 0, sizeof p.metric);
	p.metric[JUDGED_ERRORS] = true;
	p.interval_ms = LOOK_MS;
	memset(f, 0, sizeof *f);
	f->quiet = o->quiet;
	if (read_part(&p, "alpha", o->alpha, err) < 0 || read_part(&p, "beta", o->beta, err) < 0 ||
		read_part(&p, "tolerance", o->tolerance, err) < 0 ||
		read_part(&p, "margin", o->margin, err) < 0 || read_limit(&p, o->limit, err) < 0 ||
		read_phi(&f->phi, o->phi, err) < 0)
		return -1;
	if (p.margin <= p.tolerance)
		return err_set(err, ERR_USAGE, "--margin %.15g must be above --tolerance %.15g",
			p.margin, p.tolerance);
	f->limited = !isnan(p.error_limit);
	judge_init(&f->judge, &p);
	return 0;
}

/* ---- looks ---- */

/* A given phi is a burst that was measured so, once and for all. */
static void set_phi(struct burst *b, double phi)
{
	*b = (struct burst){.apart = (phi + 1) / 2, .expected = 1, .pairs = 1000};
}

static void look(struct filter *f, const struct units units[ARM_COUNT])
{
	static const struct verdict_view view = {.v2_expected = true};
	f->looks++;
	struct judge_interval i = {
		.at = {f->looks * LOOK_MS, f->looks * LOOK_MS},
		.length_ms = LOOK_MS,
		.arm = {[ARM_V1] = {.units = units[ARM_V1]}, [ARM_V2] = {.units = units[ARM_V2]}},
		.sessions = true, /* that units are independent is the giver's word */
		.settled = true,
		.share_bp = -1,
	};
	if (!isnan(f->phi))
		set_phi(&f->judge.metric[JUDGED_ERRORS].burst, f->phi);
	judge_look(&f->judge, &i);
	verdict_read(&f->verdict, &f->judge, &view);
}

static void add_e(struct text *t, const char *name, double ln_e)
{
	if (ln_e < LN_E_MAX) {
		text_json_real(t, name, exp(ln_e));
		return;
	}
	text_json_key(t, name);
	text_add(t, E_MAX);
}

static void add_ratio(struct text *t, const struct ratio *r)
{
	text_json_key(t, "ratio");
	text_add(t, "[");
	text_add_real(t, r->low);
	text_add(t, ",");
	text_add_real(t, r->ratio);
	text_add(t, ",");
	text_add_real(t, r->high);
	text_add(t, "]");
}

/* 0, or -1 when nobody reads any more. */
static int say(const struct filter *f, struct err *err)
{
	const struct verdict *v = &f->verdict;
	int64_t eta = v->eta_ms == UNKNOWN ? UNKNOWN : (v->eta_ms + LOOK_MS - 1) / LOOK_MS;
	struct text t = {0};
	text_add(&t, "{");
	text_json_int(&t, "look", f->looks);
	text_json_str(&t, "word", verdict_name(v->word));
	add_e(&t, "e_harm", judge_ln_harm(&f->judge, CLAIM_ERRORS));
	if (f->limited)
		add_e(&t, "e_limit", judge_ln_harm(&f->judge, CLAIM_ERRORS_LIMIT));
	add_e(&t, "e_safe", v->ln_safe);
	add_ratio(&t, &v->ratio);
	text_json_int(&t, "eta_looks", eta);
	text_add(&t, "}\n");
	bool said = fputs(text_str(&t), stdout) >= 0 && fflush(stdout) == 0;
	text_free(&t);
	return said
		? 0
		: err_set(err, ERR_FILE, "standard output cannot be written: %s", strerror(errno));
}

static int run(struct filter *f, struct counts_in *in, struct err *err)
{
	struct units units[ARM_COUNT];
	int rc;
	while ((rc = counts_in_next(in, units, err)) > 0) {
		look(f, units);
		if (!f->quiet && say(f, err) < 0)
			return -1;
	}
	return rc == 0 && f->quiet && f->looks > 0 ? say(f, err) : rc;
}

static int status_of(const struct filter *f)
{
	if (f->looks == 0)
		fprintf(stderr, "weir: no interval came in\n");
	return f->looks > 0 && f->verdict.word == VERDICT_SAFE ? EXIT_DONE
		: f->looks > 0 && f->verdict.word == VERDICT_HARM  ? EXIT_REFUSED
														   : EXIT_GAPS;
}

/* Input that is wrong is the caller's doing, like a wrong command line. */
static int fail(const struct err *err)
{
	int status = setup_fail(err);
	return err->code == ERR_FIELD ? EXIT_USAGE : status;
}

int cmd_judge(const struct options *o)
{
	struct filter f;
	struct counts_in in;
	struct err err = {0};
	const char *path = o->arg_count > 0 && strcmp(o->args[0], "-") != 0 ? o->args[0] : NULL;
	if (init(&f, o, &err) < 0)
		return fail(&err);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (fd < 0) {
		err_set(&err, ERR_FILE, "'%s' cannot be read: %s", path, strerror(errno));
		judge_release(&f.judge);
		return fail(&err);
	}
	counts_in_init(&in, fd, path ? path : "stdin");
	int status = run(&f, &in, &err) < 0 ? fail(&err) : status_of(&f);
	if (path)
		close(fd);
	judge_release(&f.judge);
	return status;
}
