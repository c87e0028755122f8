/* Breaker: three states and what is counted in them. Not the work, a lock or a clock.
 *
 * Invariants:
 * 1. A word changes something only in the turn in which its ticket was given; a probe's only
 *    while it holds its place and is not lost.
 * 2. At most `probes` places are held at any moment; a lost probe's is free, so half open always
 *    has a way out.
 * 3. Open ends open_us after the opening: nothing that is told while it is open moves that. */
#include "client/engine/breaker.h"

#include <assert.h>
#include <string.h>

static void enter(struct breaker *b, enum breaker_state state, int64_t now_us)
{
	b->state = state;
	b->turn++;
	b->successes = 0;
	if (state == BREAKER_CLOSED)
		b->failures = 0;
	b->since_us = now_us;
	b->opened += state == BREAKER_OPEN;
	memset(b->probes, 0, sizeof b->probes);
}

void breaker_configure(struct breaker *b, const struct breaker_options *how)
{
	b->how = *how;
	if (b->how.failures == 0)
		b->how.failures = 5;
	if (b->how.successes == 0)
		b->how.successes = 3;
	if (b->how.probes == 0)
		b->how.probes = 3;
	if (b->how.open_us == 0)
		b->how.open_us = 60 * INT64_C(1000000);
	if (b->how.probe_us == 0)
		b->how.probe_us = b->how.open_us;
	assert(b->how.failures > 0 && b->how.successes > 0 && b->how.open_us > 0);
	assert(b->how.probes > 0 && b->how.probes <= BREAKER_PROBES_MAX && b->how.probe_us > 0);
}

void breaker_init(struct breaker *b, const struct breaker_options *how, int64_t now_us)
{
	*b = (struct breaker){0};
	breaker_configure(b, how ? how : &(struct breaker_options){0});
	enter(b, BREAKER_CLOSED, now_us);
}

static bool is_held(const struct breaker *b, int place, int64_t now_us)
{
	return b->probes[place].number != 0 && now_us - b->probes[place].at_us < b->how.probe_us;
}

static int count_probes(const struct breaker *b, int64_t now_us)
{
	int n = 0;

	for (int i = 0; i < BREAKER_PROBES_MAX; i++)
		n += is_held(b, i, now_us);
	return n;
}

static struct breaker_ticket refuse(struct breaker *b)
{
	b->refused++;
	return (struct breaker_ticket){.answer = BREAKER_REFUSED};
}

static struct breaker_ticket probe(struct breaker *b, int64_t now_us)
{
	int place = 0;

	/* all places, not only as many as there may be probes: there may have been more before */
	if (count_probes(b, now_us) >= b->how.probes)
		return refuse(b);
	while (is_held(b, place, now_us))
		place++;
	b->probes[place].number = ++b->number;
	b->probes[place].at_us = now_us;
	return (struct breaker_ticket){BREAKER_PROBE, place, b->turn, b->number};
}

struct breaker_ticket breaker_ask(struct breaker *b, int64_t now_us)
{
	if (b->state == BREAKER_CLOSED)
		return (struct breaker_ticket){.answer = BREAKER_ALLOWED, .turn = b->turn};
	if (b->state == BREAKER_OPEN) {
		if (now_us - b->since_us < b->how.open_us)
			return refuse(b);
		enter(b, BREAKER_HALF_OPEN, now_us);
	}
	return probe(b, now_us);
}

static void tell_of_probe(
	struct breaker *b, const struct breaker_ticket *t, bool ok, int64_t now_us)
{
	if (b->probes[t->place].number != t->number || !is_held(b, t->place, now_us))
		return;
	b->probes[t->place].number = 0;
	if (!ok) {
		b->failures++;
		enter(b, BREAKER_OPEN, now_us);
	} else if (++b->successes >= b->how.successes) {
		enter(b, BREAKER_CLOSED, now_us);
	}
}

void breaker_tell(struct breaker *b, const struct breaker_ticket *t, bool ok, int64_t now_us)
{
	if (t->turn != b->turn)
		return;
	if (t->answer == BREAKER_PROBE)
		tell_of_probe(b, t, ok, now_us);
	else if (ok)
		b->failures = 0;
	else if (++b->failures >= b->how.failures)
		enter(b, BREAKER_OPEN, now_us);
}

void breaker_forget(struct breaker *b, const struct breaker_ticket *t)
{
	/* a number is given once; that of who holds no place, 0, is that of a free one */
	if (b->probes[t->place].number == t->number)
		b->probes[t->place].number = 0;
}

void breaker_reset(struct breaker *b, int64_t now_us)
{
	enter(b, BREAKER_CLOSED, now_us);
}

uint64_t breaker_quiet(const struct breaker *b)
{
	return b->state == BREAKER_CLOSED && b->failures == 0 ? b->turn : 0;
}

struct breaker_ticket breaker_pass(uint64_t quiet)
{
	return (struct breaker_ticket){.answer = BREAKER_ALLOWED, .turn = quiet};
}

struct breaker_info breaker_info(const struct breaker *b, int64_t now_us)
{
	struct breaker_info info = {
		.state = b->state,
		.failures = b->failures,
		.successes = b->successes,
		.probes = count_probes(b, now_us),
		.since_us = b->since_us,
		.opened = b->opened,
		.refused = b->refused,
	};

	if (b->state != BREAKER_OPEN)
		return info;
	info.retry_us = b->how.open_us - (now_us - b->since_us);
	if (info.retry_us > 0)
		return info;
	info.retry_us = 0;
	info.state = BREAKER_HALF_OPEN;
	return info;
}
