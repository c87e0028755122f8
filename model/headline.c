/* The headline table: asks its rows in turn, and makes what the first that applies says fit. Not
 * the sentences: headline_harm.c, headline_share.c, headline_watch.c and headline_plan.c have them.
 *
 * 1. A headline is never wider than HEADLINE_COLUMNS, and where something was cut off it says so. */
#include "model/headline_parts.h"

#include <assert.h>
#include <stdio.h>

const char *level_name(enum level l)
{
	static const char *const words[LEVEL_COUNT] = {
#define X(name, word) word,
		LEVEL_INFO(X)
#undef X
	};
	return words[l];
}

bool headline_say(char *out, size_t size, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(out, size, format, args);
	va_end(args);
	assert(len >= 0 && (size_t)len < size);
	return true;
}

bool headline_above(const struct standing *s)
{
	return s->reported_bp > s->baseline_bp && s->state != STATE_FINALIZED;
}

static const struct {
	enum level level;
	bool (*row)(const struct headline_view *v, char *out, size_t size);
} rows[] = {
#define X(level, row) {LEVEL_##level, headline_##row},
	HEADLINE_INFO(X)
#undef X
};

void headline_write(
	struct headline *out, const struct model *m, const struct pool *p, struct instant now)
{
	const struct standing *s = &p->standing;
	struct headline_view v = {.m = m, .p = p, .s = s};
	char raw[HEADLINE_RAW];
	v.open = s->open >= 0 ? &p->decisions[s->open] : NULL;
	unit_share(v.share, sizeof v.share, s->reported_bp);
	unit_share(v.next, sizeof v.next, s->next_bp);
	unit_share(v.asked, sizeof v.asked, s->intended_bp);
	snprintf(v.rest, sizeof v.rest,
		s->reported_bp > 0 ? "At %s, the baseline" : "All work is on v1", v.share);
	if (v.open)
		unit_countdown(v.since, sizeof v.since, now.wall_ms - v.open->at_ms);
	size_t i = 0;
	while (!rows[i].row(&v, raw, sizeof raw))
		i++;
	fit(raw, sizeof raw, HEADLINE_COLUMNS);
	out->level = rows[i].level;
	text_copy(out->text, sizeof out->text, raw);
}
