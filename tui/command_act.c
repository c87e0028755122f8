/* The words that act. A verb opens the same sheet that its key opens; nothing typed here acts
 * without it but hold and annotate. */
#include "model/approving.h"
#include "model/text.h"
#include "tui/ask.h"
#include "tui/console_words.h"
#include "tui/drill.h"

#include <stdio.h>

/* What no waiting makes possible needs no sheet: it is said at once. What was decided is read in a
 * moment, and the sheet judges anew: until then nothing is said that may not hold. */
static bool may_begin(struct console *c, const struct act_request *what, struct instant now)
{
	if (!desk_loaded(c->how.desk, what->pool))
		return true;
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
	console_say_act(c, VERB_HOLD, argument, now);
}

static void do_resume(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	console_open_sheet(c, SHEET_RESUME, -1, now);
}

static void do_rollback(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
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
ACT(finalize)
#undef ACT

/* Which one is meant, only what was decided tells: "none" would be no answer before. */
static bool may_choose(struct console *c, const char *word, struct instant now)
{
	if (desk_loaded(c->how.desk, c->pool))
		return true;
	console_say(c, now, ROLE_WARN, "%s: what was decided about '%s' is not read yet", word,
		console_pool(c)->name);
	return false;
}

/* Without an id it is the rollback that is open. */
static void do_close(struct console *c, const char *argument, struct instant now)
{
	const struct pool *p = console_pool(c);
	const struct decision *open = p->standing.open < 0 ? NULL : &p->decisions[p->standing.open];
	if (!*argument && !may_choose(c, "close", now))
		return;
	if (!*argument && (!open || open->verb != VERB_ROLLBACK))
		console_say(c, now, ROLE_WARN, "close: no rollback is open");
	else
		do_act(c, "close", *argument ? argument : open->id, now);
}

/* Asked for by its words alone: what is asked is what the step's sheet would show. */
static void do_ask(struct console *c, const char *argument, struct instant now)
{
	const struct pool *p = console_pool(c);
	struct act_request what = {.pool = c->pool};
	struct err err;
	if (ask_read(&what, "ask", *argument ? argument : "next", p, &err) < 0) {
		console_say(c, now, ROLE_WARN, "ask: %s", err.text);
		return;
	}
	what.shown_epoch = p->standing.epoch;
	what.shown_rev = p->standing.rev;
	console_act(c, &what, now);
}

/* Without an id it is the newest ask that waits. */
static void do_approve(struct console *c, const char *argument, struct instant now)
{
	const struct pool *p = console_pool(c);
	const struct decision *ask =
		*argument ? NULL : approving_open(desk_model(c->how.desk), p);
	if (!*argument && !may_choose(c, "approve", now))
		return;
	if (!*argument && !ask)
		console_say(c, now, ROLE_WARN, "approve: nobody asks for anything");
	else
		do_act(c, "approve", ask ? ask->id : argument, now);
}

static void do_drill(struct console *c, const char *argument, struct instant now)
{
	struct act_request what;
	struct err err;
	(void)argument;
	if (drill_request(&what, console_pool(c), &err) < 0) {
		console_say(c, now, ROLE_WARN, "drill: %s", err.text);
		return;
	}
	what.pool = c->pool;
	console_open_act(c, &what, now);
}

static void do_annotate(struct console *c, const char *argument, struct instant now)
{
	if (*argument)
		console_say_act(c, VERB_ANNOTATE, argument, now);
	else
		console_say(c, now, ROLE_WARN, "annotate: write a text");
}

const struct console_word console_words_act[] = {
	{"step", do_step, "[SHARE|next]", false, true},
	{"hold", do_hold, "[REASON]", false, true},
	{"resume", do_resume, "", false, true},
	{"rollback", do_rollback, "", false, true},
	{"annotate", do_annotate, "TEXT", false, true},
	{"keep", do_keep, "", false, true},
	{"strategy", do_strategy, "NAME", false, true},
	{"operations", do_operations, "[+OP|-OP]...", false, true},
	{"guard", do_guard, "hold TIME | act", false, true},
	{"take", do_take, "", false, true},
	{"drain", do_drain, "WORKERS [off]", false, true},
	{"arm", do_arm, "[SHARE]", false, true},
	{"disarm", do_disarm, "", false, true},
	{"drill", do_drill, "", false, true},
	{"adopt", do_adopt, "", false, true},
	{"finalize", do_finalize, "", false, true},
	{"close", do_close, "[ID]", false, true},
	{"ask", do_ask, "[SHARE|next]", false, true},
	{"approve", do_approve, "[ID]", false, true},
	{0},
};
