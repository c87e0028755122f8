/* Rivals: how others judge the same counts, and the best that one who knew more could do. Each
 * takes one second of both arms, and returns true when it would call v2 bad. */
#ifndef WEIR_TESTS_JUDGE_RIVALS_H
#define WEIR_TESTS_JUDGE_RIVALS_H

#include "model/judge.h"

#include <stdbool.h>

/* A pooled one-sided z-test at 1 % of all counts so far, looked at each second. */
struct ztest {
	struct units sum[ARM_COUNT];
};
bool ztest_look(struct ztest *z, const struct judge_interval *i);

/* v2's rate of errors over the last 60 s is above 5 %. */
struct threshold {
	struct units last[60], sum;
	int next;
};
bool threshold_look(struct threshold *t, const struct judge_interval *i);

/* Flagger's defaults: v2's rate of success, checked each minute, was below 99 % five times. */
struct flagger {
	struct units minute;
	int seconds, failed;
};
bool flagger_look(struct flagger *f, const struct judge_interval *i);

/* Kayenta's judge: rates of a minute each are points; every ten minutes all points so far are
 * classified: two-sided Mann-Whitney at 98 % and an effect of a quarter. */
#define KAYENTA_POINTS 120
struct kayenta {
	struct units minute[ARM_COUNT];
	double point[ARM_COUNT][KAYENTA_POINTS];
	int seconds, points;
};
bool kayenta_look(struct kayenta *k, const struct judge_interval *i);

/* True when Kayenta classifies the experiment as higher than the control: `n` points of each. */
bool kayenta_is_high(const double *experiment, const double *control, int n);

/* Wald's test of the same law for one who knows the true ratio, not the base rate. */
struct sprt {
	struct odds odds; /* HARM: the null; SAFE: the truth */
	double ln;
};
void sprt_init(struct sprt *s, double null, double truth);
bool sprt_look(struct sprt *s, const struct judge_interval *i, double alpha);

#endif
