/* The words that move a replay: on the Fleet screen to what happened in any pool, else to what did
 * in the one that is shown. */
#include "history/replay.h"
#include "tui/console_words.h"

#include <string.h>

static void do_pause(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	replay_pause(c->how.replay, !replay_is_paused(c->how.replay), now);
}

static void do_slower(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	double speed = replay_speed(c->how.replay) / 2;
	replay_set_speed(c->how.replay, speed < 0.25 ? 0.25 : speed, now);
}

static void do_faster(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	double speed = replay_speed(c->how.replay) * 2;
	replay_set_speed(c->how.replay, speed > 3600 ? 3600 : speed, now);
}

/* "+60s", "-10m", "50%". */
static void do_seek(struct console *c, const char *argument, struct instant now)
{
	struct replay_span span;
	int64_t ms, at;
	int bp;
	replay_span(c->how.replay, &span);
	if ((*argument == '+' || *argument == '-') && unit_parse_duration(argument + 1, &ms))
		at = replay_now(c->how.replay).wall_ms + (*argument == '-' ? -ms : ms);
	else if (unit_parse_share(argument, &bp))
		at = span.start_ms + (span.end_ms - span.start_ms) * bp / SHARE_FULL;
	else if (!unit_parse_rfc3339(argument, &at)) {
		console_say(
			c, now, ROLE_WARN, "seek: '%.24s' is no place; write +60s, -10m, 50%%", argument);
		return;
	}
	replay_seek(c->how.replay, at, now);
}

static void to_moment(
	struct console *c, enum moment_kind kind, int direction, struct instant now)
{
	int64_t at = c->screen == SCREEN_FLEET ? replay_next_of_all(c->how.replay, kind, direction)
										   : replay_next(console_replay(c), kind, direction);
	if (at == UNKNOWN)
		console_say(c, now, ROLE_TEXT, "no %s %s", moment_word(kind),
			direction > 0 ? "after this" : "before this");
	else
		replay_seek(c->how.replay, at, now);
}

static void do_next_decision(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	to_moment(c, MOMENT_DECISION, 1, now);
}

static void do_previous_decision(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	to_moment(c, MOMENT_DECISION, -1, now);
}

static void do_next_event(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	to_moment(c, MOMENT_EVENT, 1, now);
}

static void do_previous_event(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	to_moment(c, MOMENT_EVENT, -1, now);
}

static void do_next_flip(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	to_moment(c, MOMENT_FLIP, 1, now);
}

static void do_previous_flip(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	to_moment(c, MOMENT_FLIP, -1, now);
}

/* "guards.error_rate_threshold=0.02"; nothing, or "off": no longer. */
static void do_whatif(struct console *c, const char *argument, struct instant now)
{
	const struct pool *p = console_pool(c);
	const struct whatif_source source = {.path = c->how.recording, .pool = p->name};
	struct err err = {0};
	if (!*argument || strcmp(argument, "off") == 0)
		whatif_overlay_end(&c->whatif);
	else if (whatif_overlay_begin(&c->whatif, &source, &p->limits, argument, &err) < 0)
		console_say(c, now, ROLE_WARN, "whatif: %s", err.text);
}

const struct console_word console_words_replay[] = {
	{"pause", do_pause, "", true, false},
	{"slower", do_slower, "", true, false},
	{"faster", do_faster, "", true, false},
	{"seek", do_seek, "+60s | -10m | 50% | TIME", true, false},
	{"next-decision", do_next_decision, "", true, false},
	{"previous-decision", do_previous_decision, "", true, false},
	{"next-event", do_next_event, "", true, false},
	{"previous-event", do_previous_event, "", true, false},
	{"next-flip", do_next_flip, "", true, false},
	{"previous-flip", do_previous_flip, "", true, false},
	{"whatif", do_whatif, "KEY=VALUE | off", true, false},
	{0},
};
