/* The words that move a replay. */
#include "history/replay.h"
#include "tui/console_words.h"

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

static void to_decision(struct console *c, int direction, struct instant now)
{
	int64_t at = replay_next_decision(c->how.replay, direction);
	if (at == UNKNOWN)
		console_say(
			c, now, ROLE_TEXT, "no decision %s", direction > 0 ? "after this" : "before this");
	else
		replay_seek(c->how.replay, at, now);
}

static void do_next_decision(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	to_decision(c, 1, now);
}

static void do_previous_decision(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	to_decision(c, -1, now);
}

const struct console_word console_words_replay[] = {
	{"pause", do_pause, "", true, false},
	{"slower", do_slower, "", true, false},
	{"faster", do_faster, "", true, false},
	{"seek", do_seek, "+60s | -10m | 50% | TIME", true, false},
	{"next-decision", do_next_decision, "", true, false},
	{"previous-decision", do_previous_decision, "", true, false},
	{0},
};
