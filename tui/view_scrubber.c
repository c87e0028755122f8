/* The scrubber. Not the clock and not the moments: history/replay.c has them.
 *
 * Invariants:
 * 1. Every decision and every flip of the span marks the column that its moment is in; a decision
 *    whose verdict its rows do not give again goes before all else that is in it.
 * 2. Where another policy would have fired is marked over both.
 * 3. The position is always in sight, whatever else is in its column. */
#include "tui/view_scrubber.h"

#include "history/replay.h"
#include "model/unit.h"
#include "tui/whatif_overlay.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS 3600000
#define DAY_MS (24 * HOUR_MS)
#define LINE_LEAST 10
#define LEGEND_FROM 100 /* columns from which the marks are explained */

static const char legend[] = "| decision  x verdict or guard", differs[] = "! differs",
				  fires[] = "W would fire";

/* "14:03"; with the day before it where a span has several, to the second where it is short. */
static void short_time(char out[16], int64_t at_ms, const struct replay_span *span)
{
	const bool days = span->start_ms / DAY_MS != span->end_ms / DAY_MS;
	const bool brief = !days && span->end_ms - span->start_ms < HOUR_MS;
	char when[32];

	unit_rfc3339(when, sizeof when, at_ms);
	when[10] = ' ';
	when[brief ? 19 : 16] = 0;
	snprintf(out, 16, "%s", when + (days ? 5 : 11));
}

/* "43 % 4x", "100 % 1x, follows" */
static void standing(char *out, size_t size, const struct driver *replay)
{
	struct replay_span span;
	int64_t length, percent;

	replay_span(replay, &span);
	length = span.end_ms - span.start_ms;
	percent = length > 0 ? (replay_now(replay).wall_ms - span.start_ms) * 100 / length : 100;
	snprintf(
		out, size, "%lld %% %s", (long long)percent, replay_is_paused(replay) ? "paused" : "");
	if (!replay_is_paused(replay))
		snprintf(out + strlen(out), size - strlen(out), "%gx%s", replay_speed(replay),
			!replay_at_end(replay)       ? ""
				: replay_follows(replay) ? ", follows"
										 : ", at the end");
}

/* A line of so many columns over the span. */
struct line {
	const struct driver *replay;
	const struct whatif_overlay *whatif;
	bool (*has)(const struct driver *d, enum moment_kind kind, int64_t from, int64_t until);
	int64_t start_ms, length_ms;
	int columns, at; /* the column of the position */
};

/* The first moment of a column. */
static int64_t begin_of(const struct line *l, int column)
{
	const int64_t steps = l->columns - 1;

	return l->start_ms + (column * l->length_ms + steps - 1) / steps;
}

static void draw_column(struct surface *s, struct rect r, const struct line *l, int column)
{
	const int64_t from_ms = begin_of(l, column),
				  until_ms = column + 1 < l->columns ? begin_of(l, column + 1) : INT64_MAX;
	const bool decision = l->has(l->replay, MOMENT_DECISION, from_ms, until_ms),
			   flip = l->has(l->replay, MOMENT_FLIP, from_ms, until_ms);
	const bool played = column < l->at;
	uint32_t point = played ? 0x2550 : 0x2500; /* doubled where it has been */
	enum role role = played ? ROLE_TEXT : ROLE_DIM;

	if (decision || flip)
		role = flip ? ROLE_WARN : ROLE_STRONG;
	if (decision)
		point = flip ? '+' : 0x2502;
	else if (flip)
		point = 'x';
	if (l->has(l->replay, MOMENT_DIFFERENCE, from_ms, until_ms)) {
		point = '!';
		role = ROLE_FAIL;
	}
	if (whatif_overlay_fires(l->whatif, from_ms, until_ms)) {
		point = 'W';
		role = ROLE_FAIL;
	}
	if (column == l->at) {
		point = 'O';
		role = ROLE_MARK;
	}
	surface_put(s, r, r.x + column, r.y, role, point);
}

static void draw_line(struct surface *s, struct rect r, const struct driver *replay, bool all,
	const struct whatif_overlay *whatif)
{
	struct replay_span span;
	struct line l = {.whatif = whatif,
		.replay = replay,
		.has = all ? replay_has_any : replay_has,
		.columns = r.w};

	replay_span(replay, &span);
	l.start_ms = span.start_ms;
	l.length_ms = span.end_ms > span.start_ms ? span.end_ms - span.start_ms : 1;
	l.at = (int)((replay_now(replay).wall_ms - span.start_ms) * (r.w - 1) / l.length_ms);
	for (int column = 0; column < r.w; column++)
		draw_column(s, r, &l, column);
}

static bool is_any(const struct driver *replay, bool all, enum moment_kind kind)
{
	return (all ? replay_has_any : replay_has)(replay, kind, INT64_MIN, INT64_MAX);
}

void view_scrubber(struct surface *s, struct rect r, const struct driver *replay, bool all,
	const struct whatif_overlay *whatif)
{
	struct replay_span span;
	char first[16], last[16], where[48];
	int left = r.x + 1, right = r.x + r.w - 1;

	replay_span(replay, &span);
	short_time(first, span.start_ms, &span);
	short_time(last, span.end_ms, &span);
	standing(where, sizeof where, replay);
	if (r.w >= LEGEND_FROM) {
		right -= (int)strlen(legend);
		surface_text(s, r, right, r.y, ROLE_DIM, legend);
		right -= 2;
	}
	if (r.w >= LEGEND_FROM && is_any(replay, all, MOMENT_DIFFERENCE)) {
		right -= (int)strlen(differs);
		surface_text(s, r, right, r.y, ROLE_FAIL, differs);
		right -= 2;
	}
	if (r.w >= LEGEND_FROM && whatif_overlay_fires(whatif, INT64_MIN, INT64_MAX)) {
		right -= (int)strlen(fires);
		surface_text(s, r, right, r.y, ROLE_FAIL, fires);
		right -= 2;
	}
	left += (int)strlen(first) + 1;
	right -= (int)strlen(last) + (int)strlen(where) + 4;
	if (right - left < LINE_LEAST)
		return;
	surface_text(s, r, r.x + 1, r.y, ROLE_DIM, first);
	draw_line(s, (struct rect){left, r.y, right - left, 1}, replay, all, whatif);
	surface_textf(s, r, right + 1, r.y, ROLE_DIM, "%s", last);
	surface_text(s, r, right + (int)strlen(last) + 3, r.y, ROLE_TEXT, where);
}
