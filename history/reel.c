/* Reel: recorded time as a function of real time. Not what happened in it (player.c).
 *
 * Invariant: it never stands outside its span, and only a jump puts it back. */
#include "history/reel.h"

#include <math.h>

#define SPEED_MIN 0.25
#define SPEED_MAX 3600.0

static void set(struct reel *r, int64_t clock_ms, struct instant real)
{
	r->clock_ms = r->anchor_ms = clock_ms;
	r->real_ms = real.boot_ms;
}

void reel_begin(struct reel *r, int64_t start_ms, int64_t end_ms, struct instant real)
{
	*r = (struct reel){.start_ms = start_ms, .end_ms = end_ms, .speed = 1};
	set(r, start_ms, real);
}

int64_t reel_at(const struct reel *r, struct instant real)
{
	double ahead;

	if (r->paused || real.boot_ms <= r->real_ms)
		return r->clock_ms;
	ahead = (double)(real.boot_ms - r->real_ms) * r->speed;
	return ahead >= (double)(r->end_ms - r->anchor_ms) ? r->end_ms
													   : r->anchor_ms + (int64_t)ahead;
}

void reel_run(struct reel *r, struct instant real, int64_t most_ms)
{
	const int64_t to_ms = reel_at(r, real);

	if (to_ms - r->clock_ms > most_ms)
		set(r, r->clock_ms + most_ms, real);
	else
		r->clock_ms = to_ms;
}

void reel_set_speed(struct reel *r, double factor, struct instant real)
{
	set(r, reel_at(r, real), real);
	r->speed = fmin(fmax(factor, SPEED_MIN), SPEED_MAX);
}

void reel_pause(struct reel *r, bool paused, struct instant real)
{
	set(r, reel_at(r, real), real);
	r->paused = paused;
}

void reel_put(struct reel *r, int64_t wall_ms, struct instant real)
{
	if (wall_ms < r->start_ms)
		wall_ms = r->start_ms;
	if (wall_ms > r->end_ms)
		wall_ms = r->end_ms;
	set(r, wall_ms, real);
	r->jumps++;
}
