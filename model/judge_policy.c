/* Judge policy: defaults, ranges, and the one line that it is kept as. */
#include "model/judge_policy.h"

#include "model/text.h"
#include "model/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct judged_row {
	const char *word;
	double quantile;
} rows[JUDGED_COUNT] = {
#define X(name, word, quantile) [JUDGED_##name] = {word, quantile},
	JUDGED_INFO(X)
#undef X
};

const char *judged_name(enum judged m)
{
	return rows[m].word;
}

double judged_quantile(enum judged m)
{
	return rows[m].quantile;
}

enum judged judged_of(const char *word)
{
	int m = 0;
	while (m < JUDGED_COUNT && strcmp(rows[m].word, word) != 0)
		m++;
	return (enum judged)m;
}

void judge_policy_init(struct judge_policy *p)
{
	*p = (struct judge_policy){.alpha = 0.01,
		.beta = 0.05,
		.tolerance = 0.1,
		.margin = 0.5,
		.error_limit = NAN,
		.latency_limit_us = UNKNOWN,
		.interval_ms = 1000};
	p->metric[JUDGED_ERRORS] = p->metric[JUDGED_P99] = true;
}

bool judge_policy_is_sound(const struct judge_policy *p)
{
	bool any = false;
	for (int m = 0; m < JUDGED_COUNT; m++)
		any |= p->metric[m];
	return any && p->alpha > 0 && p->alpha <= JUDGE_CHANCE_MAX && p->beta > 0 &&
		p->beta <= JUDGE_CHANCE_MAX && p->tolerance >= 0 &&
		p->tolerance <= JUDGE_TOLERANCE_MAX && p->margin > p->tolerance &&
		p->margin <= JUDGE_MARGIN_MAX;
}

/* Bit for bit: two limits that are none are the same limit. */
static bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

bool judge_policy_equals(const struct judge_policy *a, const struct judge_policy *b)
{
	return same(a->alpha, b->alpha) && same(a->beta, b->beta) &&
		same(a->tolerance, b->tolerance) && same(a->margin, b->margin) &&
		same(a->error_limit, b->error_limit) && a->latency_limit_us == b->latency_limit_us &&
		a->interval_ms == b->interval_ms && memcmp(a->metric, b->metric, sizeof a->metric) == 0;
}

void judge_metrics_write(struct text *out, const struct judge_policy *p)
{
	const char *comma = "";
	for (int m = 0; m < JUDGED_COUNT; m++) {
		if (!p->metric[m])
			continue;
		text_addf(out, "%s%s", comma, rows[m].word);
		comma = ",";
	}
}

bool judge_metrics_read(struct judge_policy *p, const char *s)
{
	memset(p->metric, 0, sizeof p->metric);
	for (;;) {
		char word[16];
		size_t len = strcspn(s, ",");
		if (len >= sizeof word)
			return false;
		memcpy(word, s, len);
		word[len] = 0;
		enum judged m = judged_of(word);
		if (m == JUDGED_COUNT || p->metric[m])
			return false;
		p->metric[m] = true;
		s += len;
		if (!*s++)
			return true;
	}
}

void judge_policy_write(struct text *out, const struct judge_policy *p)
{
	const double numbers[] = {p->alpha, p->beta, p->tolerance, p->margin};
	for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
		text_add_real(out, numbers[k]);
		text_add(out, ";");
	}
	judge_metrics_write(out, p);
}

bool judge_policy_read(struct judge_policy *p, const char *s)
{
	judge_policy_init(p);
	double *const numbers[] = {&p->alpha, &p->beta, &p->tolerance, &p->margin};
	for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
		char *end;
		*numbers[k] = strtod(s, &end);
		if (end == s || *end != ';')
			return false;
		s = end + 1;
	}
	return judge_metrics_read(p, s) && judge_policy_is_sound(p);
}
