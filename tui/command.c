/* What is typed after `:` and what keys stand for, as one table. A verb opens the same sheet
 * that its key opens; nothing typed here acts without it but hold and annotate. */
#include "history/replay.h"
#include "model/text.h"
#include "tui/ask.h"
#include "tui/console_parts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void command_fn(struct console *c, const char *argument, struct instant now);

static bool may_act(struct console *c, const char *word, struct instant now)
{
	if (!c->how.read_only && !c->how.replay)
		return true;
	console_say(c, now, ROLE_WARN, "%s: %s", word,
		c->how.replay ? "a replay has no way to the pool" : "this console only looks");
	return false;
}

/* What no waiting makes possible needs no sheet: it is said at once. */
static bool may_begin(struct console *c, const struct act_request *what, struct instant now)
{
	struct act_request asked = *what;
	struct act_result result;
	text_copy(asked.reason, sizeof asked.reason, "-"); /* the sheet asks for it */
	desk_judge(c->how.desk, &asked, &result);
	const char *word = verb_row(what->verb)->word;
	if (result.err.code != ERR_NONE)
		console_say(c, now, ROLE_WARN, "%s refused: %s %s", word, err_name(result.err.code),
			result.err.text);
	else if (result.status == ACT_ALREADY)
		console_say(c, now, ROLE_TEXT, "%s: nothing to do, it is so already", word);
	else
		return true;
	return false;
}

/* Everything that changes a pool opens a sheet with what is asked. */
static void do_act(
	struct console *c, const char *word, const char *argument, struct instant now)
{
	struct act_request what = {.pool = c->pool};
	struct err err;
	if (!may_act(c, word, now))
		return;
	if (ask_read(&what, word, argument, console_pool(c), &err) < 0)
		console_say(c, now, ROLE_WARN, "%s: %s", word, err.text);
	else if (what.verb == VERB_STEP || may_begin(c, &what, now))
		console_open_act(c, &what, now);
}

static void do_step(struct console *c, const char *argument, struct instant now)
{
	do_act(c, "step", *argument ? argument : "next", now);
}

static void do_hold(struct console *c, const char *argument, struct instant now)
{
	if (may_act(c, "hold", now))
		console_say_act(c, VERB_HOLD, argument, now);
}

static void do_resume(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	if (may_act(c, "resume", now))
		console_open_sheet(c, SHEET_RESUME, -1, now);
}

static void do_rollback(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	if (may_act(c, "rollback", now))
		console_open_sheet(c, SHEET_ROLLBACK, -1, now);
}

#define ACT(name) \
	static void do_##name(struct console *c, const char *argument, struct instant now) \
	{ \
		do_act(c, #name, argument, now); \
	}
ACT(strategy)
ACT(operations)
ACT(guard)
ACT(keep)
ACT(take)
ACT(drain)
ACT(arm)
ACT(disarm)
ACT(adopt)
ACT(close)
#undef ACT

static void do_annotate(struct console *c, const char *argument, struct instant now)
{
	if (!may_act(c, "annotate", now))
		return;
	if (*argument)
		console_say_act(c, VERB_ANNOTATE, argument, now);
	else
		console_say(c, now, ROLE_WARN, "annotate: write a text");
}

static void do_help(struct console *c, const char *argument, struct instant now)
{
	(void)argument, (void)now;
	c->help = true;
	c->help_scroll = 0;
}

/* Something there ends with this console: a watch, a keep, a rollback that it tries. */
static bool is_exposed(const struct pool *p)
{
	return strcmp(p->standing.leave_text, "all goes on") != 0;
}

/* Back to the first screen; from there out. Leaving asks where a pool is exposed, the one on the screen first. */
static void do_quit(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	const struct model *m = desk_model(c->how.desk);
	if (c->screen != SCREEN_FLOW) {
		c->screen = SCREEN_FLOW;
		return;
	}
	bool looks = c->how.replay || c->how.read_only;
	for (int i = 0; !looks && i < m->pool_count; i++) {
		int pool = (c->pool + i) % m->pool_count;
		if (!is_exposed(&m->pools[pool]))
			continue;
		c->pool = pool;
		console_open_sheet(c, SHEET_LEAVE, -1, now);
		return;
	}
	c->left = true;
}

static void do_back(struct console *c, const char *argument, struct instant now)
{
	(void)argument, (void)now;
	bool out = !c->help && !c->is_frozen && !c->message[0];
	c->screen = out ? SCREEN_FLOW : c->screen;
	c->help = false;
	c->is_frozen = false;
	c->message[0] = 0;
}

static void do_next_pool(struct console *c, const char *argument, struct instant now)
{
	(void)argument, (void)now;
	c->pool = (c->pool + 1) % desk_model(c->how.desk)->pool_count;
	c->last_act[0] = 0;
}

static void do_screen(struct console *c, const char *argument, struct instant now)
{
	static const char *const words[] = {
#define X(name, word) word,
		SCREEN_INFO(X)
#undef X
	};
	for (int i = 0; i < SCREEN_COUNT; i++) {
		if (strcmp(words[i], argument) != 0)
			continue;
		c->screen = (enum screen)i;
		c->is_frozen = false;
		return;
	}
	console_say(
		c, now, ROLE_WARN, "screen: '%.24s' is none; write flow, workers or guards", argument);
}

/* A line of the Workers screen. */
static void do_select(struct console *c, const char *argument, struct instant now)
{
	static const struct {
		const char *word;
		int by;
	} moves[] = {{"next", 1}, {"previous", -1}, {"page-down", 10}, {"page-up", -10},
		{"first", -INT_MAX}, {"last", INT_MAX}};
	roster_look(&c->roster, console_pool(c), c->pool);
	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
		if (strcmp(moves[i].word, argument) != 0)
			continue;
		roster_move(&c->roster, moves[i].by);
		return;
	}
	console_say(c, now, ROLE_WARN,
		"select: '%.24s' is no line; write next, previous, page-down, page-up, first or last",
		argument);
}

static void do_freeze(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	console_freeze(c, now);
}

static void do_redraw(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	const struct pool *p = console_pool(c);
	c->redraw = true;
	for (int k = 0; k < p->node_count; k++)
		client_poll_now(desk_client(c->how.desk), p->nodes[k].id, now);
}

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

static const struct {
	const char *word;
	command_fn *run;
	bool replay_only;
} commands[] = {
	{"step", do_step, false},
	{"hold", do_hold, false},
	{"resume", do_resume, false},
	{"rollback", do_rollback, false},
	{"annotate", do_annotate, false},
	{"keep", do_keep, false},
	{"strategy", do_strategy, false},
	{"operations", do_operations, false},
	{"guard", do_guard, false},
	{"take", do_take, false},
	{"drain", do_drain, false},
	{"arm", do_arm, false},
	{"disarm", do_disarm, false},
	{"adopt", do_adopt, false},
	{"close", do_close, false},
	{"help", do_help, false},
	{"quit", do_quit, false},
	{"q", do_quit, false},
	{"back", do_back, false},
	{"next-pool", do_next_pool, false},
	{"screen", do_screen, false},
	{"select", do_select, false},
	{"freeze", do_freeze, false},
	{"redraw", do_redraw, false},
	{"pause", do_pause, true},
	{"slower", do_slower, true},
	{"faster", do_faster, true},
	{"seek", do_seek, true},
	{"next-decision", do_next_decision, true},
	{"previous-decision", do_previous_decision, true},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static void say_unknown(struct console *c, const char *word, struct instant now)
{
	const char *names[COMMANDS + 1];
	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].word;
	names[COMMANDS] = NULL;
	const char *near = verb_alias(word);
	near = near ? near : text_nearest(word, names);
	if (near)
		console_say(
			c, now, ROLE_WARN, "unknown command '%.24s'; did you mean '%s'?", word, near);
	else
		console_say(c, now, ROLE_WARN, "unknown command '%.24s'; ? lists them", word);
}

void console_command(struct console *c, const char *text, struct instant now)
{
	char word[32];
	text += strspn(text, " ");
	size_t len = strcspn(text, " ");
	if (len == 0)
		return;
	snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), text);
	const char *argument = text + len + strspn(text + len, " ");
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].word, word) != 0)
			continue;
		if (commands[i].replay_only && !c->how.replay)
			console_say(c, now, ROLE_WARN, "%s: only in a replay", word);
		else
			commands[i].run(c, argument, now);
		return;
	}
	say_unknown(c, word, now);
}
