/* Rates: how much work a pool does, and how much of v1's is bad: as somebody says, or as the
 * history of the last day has it. What lint and plan forecast from. */
#ifndef WEIR_TUI_RATES_H
#define WEIR_TUI_RATES_H

#include "model/forecast.h"
#include "tui/options.h"

struct rates {
	double units_per_second; /* of both sides: sessions where they are counted; NaN not known */
	double requests_per_second; /* NaN not known */
	double bad_rate;            /* v1's part of bad units, 0..1; NaN not known */
	int64_t covered_ms; /* of the last day by samples of the history; 0: not from there */
	bool sessions, latency, memory; /* the samples have such figures */
};

/* --rps and --error-rate. 1 where one is given, 0 none, -1 with ERR_USAGE. */
int rates_of_options(struct rates *out, const struct options *o, struct err *err);

/* The last day of a pool (by name) in a history. A file that is not there knows nothing. 0, or -1
 * with err. */
int rates_of_history(struct rates *out, const char *path, const char *pool, int64_t now_wall_ms,
	struct err *err);

/* The same for a forecast, without bursts; `policy` is borrowed. */
struct forecast_basis rates_basis(const struct rates *r, const struct judge_policy *policy);

#endif
