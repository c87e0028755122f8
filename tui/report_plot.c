/* The picture: four panels over one time axis. Points come from the report's bins; a line breaks
 * where nothing was recorded. Colours and sizes of letters are the page's. */
#include "tui/report_plot.h"

#include "tui/report_html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDE 640
#define LEFT 58
#define RIGHT 12
#define TOP 30
#define PANEL 104 /* from one panel to the next */
#define HIGH 72   /* of a panel */
#define PANELS 4
#define TALL (TOP + PANELS * PANEL + 8)
#define BREAK_INTERVALS 8

struct axis {
	struct text *t;
	const struct report *r;
	double top;       /* of the panel */
	double low, high; /* values at its bottom and its top */
};

static double at_x(const struct report *r, int64_t at_ms)
{
	double part = (double)(at_ms - r->start_ms) / (double)(r->until_ms - r->start_ms);
	return LEFT + fmin(1, fmax(0, part)) * (WIDE - LEFT - RIGHT);
}

static double at_y(const struct axis *a, double value)
{
	double part = (value - a->low) / (a->high - a->low);
	return a->top + HIGH * (1 - fmin(1, fmax(0, part)));
}

/* ---- values of a bin; NaN: none ---- */

static double share_of(const struct report_bin *b, int arm)
{
	int64_t all = b->requests[ARM_V1] + b->requests[ARM_V2];
	(void)arm;
	return all ? (double)b->requests[ARM_V2] / (double)all : NAN;
}

static double errors_of(const struct report_bin *b, int arm)
{
	return b->done[arm] ? (double)b->failed[arm] / (double)b->done[arm] : NAN;
}

static double ms_of(int64_t us)
{
	return us == UNKNOWN ? NAN : (double)us / 1000;
}

static double p50_of(const struct report_bin *b, int arm)
{
	return ms_of(b->p50_us[arm]);
}

static double p99_of(const struct report_bin *b, int arm)
{
	return ms_of(b->p99_us[arm]);
}

static double harm_of(const struct report_bin *b, int arm)
{
	(void)arm;
	return b->log10_harm;
}

static double safe_of(const struct report_bin *b, int arm)
{
	(void)arm;
	return b->log10_safe;
}

/* A line is made of it. */
typedef double value_fn(const struct report_bin *b, int arm);

/* ---- lines ---- */

static bool breaks(const struct report *r, int64_t from_ms, int64_t until_ms)
{
	int64_t bin = (r->until_ms - r->start_ms) / (int64_t)r->bin_count;
	int64_t most = r->interval_ms * BREAK_INTERVALS;
	if (until_ms - from_ms > (most > 2 * bin ? most : 2 * bin))
		return true;
	for (size_t i = 0; i < r->gap_count; i++)
		if (r->gaps[i].from_ms < until_ms && r->gaps[i].until_ms > from_ms)
			return true;
	return false;
}

static void draw_line(const struct axis *a, const char *class, value_fn *value, int arm)
{
	const struct report *r = a->r;
	int64_t before = UNKNOWN;
	text_addf(a->t, "<path class=\"%s\" d=\"", class);
	for (size_t k = 0; k < r->bin_count; k++) {
		double v = value(&r->bins[k], arm);
		int64_t at = (report_bin_ms(r, k) + report_bin_ms(r, k + 1)) / 2;
		if (isnan(v))
			continue;
		bool anew = before == UNKNOWN || breaks(r, before, at);
		text_addf(a->t, "%s%.1f %.1f", anew ? "M" : "L", at_x(r, at), at_y(a, v));
		before = at;
	}
	text_add(a->t, before == UNKNOWN ? "M0 0\"/>\n" : "\"/>\n");
}

static double most_of(const struct report *r, value_fn *value)
{
	double most = 0;
	for (size_t k = 0; k < r->bin_count; k++)
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			double v = value(&r->bins[k], arm);
			most = isnan(v) || v < most ? most : v;
		}
	return most;
}

/* The next of 1, 2, 5, 10, … */
static double rounded_up(double v)
{
	double ten = pow(10, floor(log10(v)));
	for (int i = 0; i < 4; i++) {
		static const double steps[] = {1, 2, 5, 10};
		if (v <= steps[i] * ten * 1.0001)
			return steps[i] * ten;
	}
	return v;
}

/* ---- what stands around the lines ---- */

static void label(const struct axis *a, double y, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void label(const struct axis *a, double y, const char *format, ...)
{
	char words[48];
	va_list args;
	va_start(args, format);
	vsnprintf(words, sizeof words, format, args);
	va_end(args);
	text_addf(a->t,
		"<path class=\"grid\" d=\"M%d %.1fH%d\"/><text class=\"y\" x=\"%d\" y=\"%.1f\">", LEFT,
		y, WIDE - RIGHT, LEFT - 6, y + 4);
	report_html_add(a->t, words);
	text_add(a->t, "</text>\n");
}

static void title(const struct axis *a, const char *words)
{
	text_addf(
		a->t, "<text class=\"name\" x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT, a->top - 7, words);
}

static struct axis panel(struct text *t, const struct report *r, int n)
{
	return (struct axis){t, r, TOP + 14 + n * PANEL, 0, 1};
}

static void draw_share(struct text *t, const struct report *r)
{
	struct axis a = panel(t, r, 0);
	title(&a, "v2's share of requests, seen");
	label(&a, at_y(&a, 1), "100 %%");
	label(&a, at_y(&a, 0), "0 %%");
	draw_line(&a, "v2", share_of, 0);
}

static void draw_errors(struct text *t, const struct report *r)
{
	struct axis a = panel(t, r, 1);
	char most[16];
	a.high = rounded_up(fmax(0.001, most_of(r, errors_of)));
	unit_percent(most, sizeof most, a.high);
	title(&a, "error rate");
	label(&a, at_y(&a, a.high), "%s %%", most);
	label(&a, at_y(&a, 0), "0 %%");
	draw_line(&a, "v1", errors_of, ARM_V1);
	draw_line(&a, "v2", errors_of, ARM_V2);
}

static void draw_latency(struct text *t, const struct report *r)
{
	struct axis a = panel(t, r, 2);
	a.high = rounded_up(fmax(0.1, most_of(r, p99_of)));
	title(&a, "latency: p99, and p50 thin");
	label(&a, at_y(&a, a.high), "%g ms", a.high);
	label(&a, at_y(&a, 0), "0");
	draw_line(&a, "v1", p99_of, ARM_V1);
	draw_line(&a, "v2", p99_of, ARM_V2);
	draw_line(&a, "v1 thin", p50_of, ARM_V1);
	draw_line(&a, "v2 thin", p50_of, ARM_V2);
}

static void draw_evidence(struct text *t, const struct report *r)
{
	struct axis a = panel(t, r, 3);
	double most = fmax(most_of(r, harm_of), most_of(r, safe_of));
	a.low = -1;
	a.high = fmin(12, fmax(most, r->log10_found + 0.5));
	title(&a, "the judge's evidence for harm, and for its absence (e-value)");
	label(&a, at_y(&a, 0), "1");
	if (r->replayed) {
		label(&a, at_y(&a, r->log10_found), "HARM");
		label(&a, at_y(&a, r->log10_safe), "SAFE");
	}
	draw_line(&a, "harm", harm_of, 0);
	draw_line(&a, "safe", safe_of, 0);
}

static void draw_gaps(struct text *t, const struct report *r)
{
	for (size_t i = 0; i < r->gap_count; i++) {
		double x = at_x(r, r->gaps[i].from_ms), to = at_x(r, r->gaps[i].until_ms);
		text_addf(t,
			"<rect class=\"gap\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"><title>"
			"nothing was recorded</title></rect>\n",
			x, TOP, fmax(1, to - x), PANELS * PANEL - 18);
	}
}

/* Decisions are numbered as in the list below the picture. */
static void draw_decisions(struct text *t, const struct report *r)
{
	int number = 0;
	double last = -100;
	for (size_t i = 0; i < r->entry_count; i++) {
		const struct page_row *w = &r->entries[i].row;
		char what[96];
		if (!report_moves(&r->entries[i]) || w->at_ms > r->until_ms)
			continue;
		double x = at_x(r, w->at_ms);
		report_what(what, sizeof what, w);
		text_addf(t, "<g class=\"%s\"><title>",
			strcmp(w->what, "rollback") == 0 ? "mark back" : "mark");
		report_html_add(t, what);
		text_add(t, ", ");
		report_html_add(t, w->actor);
		text_addf(t, "</title><path d=\"M%.1f %dV%d\"/>", x, TOP, TOP + PANELS * PANEL - 18);
		if (x - last > 14)
			text_addf(t, "<text x=\"%.1f\" y=\"%d\">%d</text>", x, TOP - 6, number + 1);
		last = x;
		number++;
		text_add(t, "</g>\n");
	}
}

static void draw_times(struct text *t, const struct report *r)
{
	const int count = 4;
	for (int i = 0; i <= count; i++) {
		int64_t at = r->start_ms + (r->until_ms - r->start_ms) * i / count;
		char words[16];
		unit_clock(words, sizeof words, at);
		text_addf(t, "<text class=\"%s\" x=\"%.1f\" y=\"%d\">%s</text>\n",
			i == 0           ? "x first"
				: i == count ? "x last"
							 : "x",
			at_x(r, at), TALL - 8, words);
	}
}

void report_plot(struct text *t, const struct report *r)
{
	text_addf(t,
		"<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"share, error rate, latency and "
		"evidence over time\">\n",
		WIDE, TALL);
	draw_gaps(t, r);
	draw_share(t, r);
	draw_errors(t, r);
	draw_latency(t, r);
	draw_evidence(t, r);
	draw_decisions(t, r);
	draw_times(t, r);
	text_add(t, "</svg>\n");
}
