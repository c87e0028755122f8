/* Past: a ring of steps of one length. What a step says is final once it was read some seconds
 * after its end; before that it is read again every now and then. */
#include "tui/past.h"

#include "model/text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define BATCH_MS 5000 /* until what was measured is in the file for sure */
#define AGAIN_MIN_MS 5000
#define AGAIN_MAX_MS 60000

static size_t place(int64_t step)
{
	return (size_t)(step % PAST_STEPS);
}

static int64_t begin_of(const struct past *p, int64_t step)
{
	return step * p->step_ms;
}

static void forget(struct past *p)
{
	for (int i = 0; i < PAST_STEPS; i++)
		p->number[i] = UNKNOWN;
	p->since_ms = p->oldest = UNKNOWN;
	p->heard = p->failed = false;
	p->asked = 0;
	p->idle_ms = INT64_MIN;
}

void past_want(struct past *p, const char *pool_id, int64_t step_ms, int64_t first, int64_t end)
{
	assert(end - first <= PAST_STEPS);
	if (step_ms != p->step_ms || strcmp(pool_id, p->pool_id) != 0) {
		text_copy(p->pool_id, sizeof p->pool_id, pool_id);
		p->step_ms = step_ms;
		forget(p);
	}
	p->first = first;
	p->end = end;
}

/* ---- asking ---- */

static int64_t again_ms(const struct past *p)
{
	return p->step_ms < AGAIN_MIN_MS ? AGAIN_MIN_MS
		: p->step_ms > AGAIN_MAX_MS  ? AGAIN_MAX_MS
									 : p->step_ms;
}

static bool is_missing(const struct past *p, int64_t step, int64_t now_ms)
{
	size_t at = place(step);
	if (p->number[at] != step)
		return true;
	int64_t read_ms = p->read_ms[at], final_ms = begin_of(p, step + 1) + BATCH_MS;
	/* A replay that went back: it knows more of the step than it shows. */
	if (now_ms < read_ms)
		return begin_of(p, step + 1) > now_ms;
	return read_ms < final_ms && now_ms >= read_ms + again_ms(p);
}

/* What was before the first recording is not asked for. */
static int64_t first_of(const struct past *p)
{
	int64_t since = p->since_ms == UNKNOWN ? p->first : p->since_ms / p->step_ms;
	return since > p->first ? since : p->first;
}

bool past_ask(
	struct past *p, struct instant now, int most, uint64_t number, struct range_request *out)
{
	if (p->step_ms == 0 || !p->pool_id[0] || p->asked != 0 || now.boot_ms < p->idle_ms)
		return false;
	int64_t first = first_of(p), last = p->end - 1;
	while (last >= first && !is_missing(p, last, now.wall_ms))
		last--;
	if (last < first)
		return false;
	int64_t from = last;
	while (from > first && last - from + 1 < most && is_missing(p, from - 1, now.wall_ms))
		from--;
	*out = (struct range_request){.number = number,
		.from_ms = begin_of(p, from),
		.step_ms = p->step_ms,
		.columns = (int)(last - from + 1),
		.until_ms = now.wall_ms};
	text_copy(out->pool_id, sizeof out->pool_id, p->pool_id);
	p->asked = number;
	p->asked_ms = now.boot_ms;
	return true;
}

/* ---- taking ---- */

static bool says_anything(const struct range_column *c)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int m = 0; m < RANGE_COUNT; m++)
			if (!isnan(c->value[arm][m]))
				return true;
	return false;
}

void past_take(struct past *p, const struct range *r, const struct err *err, struct instant now)
{
	if (r->of.number != p->asked || p->asked == 0)
		return;
	p->asked = 0;
	p->heard = true;
	p->failed = err->code != ERR_NONE;
	p->since_ms = r->since_ms;
	/* Nothing there yet, or nothing that can be read: that may change, and not soon. */
	if (p->failed || r->since_ms == UNKNOWN) {
		p->idle_ms = now.boot_ms + AGAIN_MIN_MS;
		return;
	}
	int64_t first = r->of.from_ms / p->step_ms;
	for (int i = 0; i < r->of.columns; i++) {
		size_t at = place(first + i);
		p->column[at] = r->column[i];
		p->number[at] = first + i;
		p->read_ms[at] = r->of.until_ms;
		if (says_anything(&r->column[i]) && (p->oldest == UNKNOWN || first + i < p->oldest))
			p->oldest = first + i;
	}
}

const struct range_column *past_at(const struct past *p, int64_t step)
{
	if (step < p->first || step >= p->end || p->number[place(step)] != step)
		return NULL;
	return &p->column[place(step)];
}

bool past_is_loading(const struct past *p)
{
	if (p->step_ms == 0 || !p->pool_id[0] || p->failed)
		return false;
	if (!p->heard)
		return true;
	/* The newest has only begun: it is not waited for. */
	for (int64_t step = first_of(p); step + 1 < p->end && p->since_ms != UNKNOWN; step++)
		if (p->number[place(step)] != step)
			return true;
	return false;
}
