/* The console's state: which pool, which sheet, what is being typed, what was said last. Not what a
 * key does: console_keys.c. */
#include "tui/console.h"

#include "history/replay.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/console_parts.h"
#include "tui/journal_screen.h"
#include "tui/guide.h"
#include "tui/prompt.h"
#include "tui/screens.h"
#include "tui/view_scrubber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MS 8000
#define FREEZE_MS 60000
#define BELL_MS 10000
#define GUIDE_ROWS 16 /* a screen with no more has none */

struct console *console_new(const struct console_options *how, struct instant now)
{
	struct console *c = mem_new(1, sizeof *c);
	c->how = *how;
	surface_init(&c->surface, how->w, how->h, how->ascii);
	surface_init(&c->frozen, how->w, how->h, how->ascii);
	c->acted_ms = now.boot_ms - CONSOLE_REPEAT_MS;
	c->bell_ms = UNKNOWN;
	c->screen = screen_home(c);
	c->guiding = how->guide;
	c->surface.braille = how->braille;
	scope_init(&c->scope);
	desk_on_page(how->desk, screens_answer, c);
	return c;
}

void console_free(struct console *c)
{
	if (!c)
		return;
	surface_release(&c->surface);
	surface_release(&c->frozen);
	roster_release(&c->roster);
	fleet_release(&c->fleet);
	journal_release(&c->journal);
	page_close(c->journal_file);
	range_close(c->range_file);
	text_free(&c->copy);
	whatif_overlay_end(&c->whatif);
	desk_on_page(c->how.desk, NULL, NULL);
	if (c->was_drawn && !c->how.read_only && !c->how.replay)
		desk_note_left(c->how.desk);
	free(c);
}

void console_resize(struct console *c, int w, int h)
{
	surface_resize(&c->surface, w, h);
	surface_resize(&c->frozen, w, h);
	c->is_frozen = false;
}

bool console_left(const struct console *c)
{
	return c->left;
}

const struct pool *console_pool(const struct console *c)
{
	return &desk_model(c->how.desk)->pools[c->pool];
}

struct driver *console_replay(const struct console *c)
{
	return client_driver(desk_client(c->how.desk), console_pool(c)->nodes[0].id);
}

void console_say(struct console *c, struct instant now, enum role role, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(c->message, sizeof c->message, format, args);
	va_end(args);
	text_mend(c->message);
	c->message_role = role;
	c->message_ms = now.boot_ms;
}

void console_thaw(struct console *c)
{
	c->is_frozen = false;
}

/* ---- acting ---- */

/* What becomes of an act that is under way already is said as it moves on. */
static void follow(struct console *c, const char *id)
{
	struct act_view v;
	if (!desk_progress(c->how.desk, id, &v))
		return;
	text_copy(c->last_act, sizeof c->last_act, id);
	c->last_progress = v.progress;
	c->last_outcome = v.decision.outcome;
}

static void say_asked(struct console *c, const char *pool, const char *id, struct instant now)
{
	console_say(c, now, ROLE_TEXT, "asked; somebody else: weir approve %s %s", pool, id);
}

static void say_result(
	struct console *c, enum verb verb, const struct act_result *r, struct instant now)
{
	const char *word = verb_row(verb)->word;
	if (verb == VERB_ASK && r->status == ACT_REPLAYED) {
		follow(c, r->id);
		say_asked(c, console_pool(c)->name, r->id, now);
	} else if (r->status == ACT_BEGUN) {
		text_copy(c->last_act, sizeof c->last_act, r->id);
		c->last_progress = PROGRESS_RECORDING;
		c->last_outcome = OUTCOME_PENDING;
		console_say(c, now, ROLE_TEXT, "%s: recording", word);
	} else if (r->status == ACT_REPLAYED) {
		follow(c, r->id);
		console_say(c, now, ROLE_TEXT, "%s: is under way already", word);
	} else if (r->status == ACT_ALREADY) {
		console_say(c, now, ROLE_TEXT, "%s: nothing to do, it is so already", word);
	} else if (r->err.code != ERR_NONE) {
		console_say(
			c, now, ROLE_WARN, "%s refused: %s %s", word, err_name(r->err.code), r->err.text);
	} else {
		char why[300];
		interlock_summary(why, sizeof why, &r->interlock);
		console_say(c, now, ROLE_WARN, "%s refused: %s", word, why);
	}
}

void console_act(struct console *c, const struct act_request *what, struct instant now)
{
	struct act_result result;
	console_thaw(c);
	desk_act(c->how.desk, what, now, &result);
	say_result(c, what->verb, &result, now);
}

void console_say_act(struct console *c, enum verb verb, const char *text, struct instant now)
{
	struct act_request what = {.verb = verb,
		.pool = c->pool,
		.to_bp = -1,
		.shown_epoch = UNKNOWN,
		.shown_rev = UNKNOWN};
	text_copy(what.reason, sizeof what.reason, text);
	console_act(c, &what, now);
}

/* What has become of the last act, once each time it moves on. */
static void follow_act(struct console *c, struct instant now)
{
	struct act_view v;
	if (!c->last_act[0] || !desk_progress(c->how.desk, c->last_act, &v))
		return;
	bool moved = v.progress != c->last_progress || v.decision.outcome != c->last_outcome;
	c->last_progress = v.progress;
	c->last_outcome = v.decision.outcome;
	if (!moved)
		return;
	const char *word = verb_row(v.decision.verb)->word;
	const char *unrecorded =
		v.recorded || v.progress == PROGRESS_RECORDING ? "" : " NOT RECORDED";
	if (v.progress == PROGRESS_VETO)
		console_say(c, now, ROLE_TEXT, "%s: recorded, asking the veto hook", word);
	else if (v.progress == PROGRESS_SENT)
		console_say(c, now, ROLE_TEXT, "%s: sent, waiting for the pool%s", word, unrecorded);
	else if (v.progress == PROGRESS_ASKING)
		console_say(
			c, now, ROLE_WARN, "%s: no answer, asking the pool what became of it", word);
	else if (v.progress == PROGRESS_WATCHING)
		console_say(c, now, ROLE_WARN, "%s: acknowledged, not seen yet%s", word, unrecorded);
	else if (v.decision.verified_ms != UNKNOWN)
		console_say(c, now, *unrecorded ? ROLE_FAIL : ROLE_OK, "%s: VERIFIED in %.1fs%s", word,
			(double)(v.decision.verified_ms - v.decision.at_ms) / 1000, unrecorded);
	else if (v.progress == PROGRESS_DONE && v.decision.verb == VERB_ANNOTATE)
		console_say(c, now, ROLE_OK, "noted");
	else if (v.progress == PROGRESS_DONE && v.decision.verb == VERB_ASK &&
		v.decision.outcome == OUTCOME_APPLIED)
		say_asked(c, v.decision.pool, v.decision.id, now);
	else if (v.progress == PROGRESS_DONE && v.err.code == ERR_NOT_SEEN)
		console_say(c, now, ROLE_WARN, "%s: %s %s", word, err_name(v.err.code), v.err.text);
	else if (v.progress == PROGRESS_DONE)
		console_say(c, now, ROLE_WARN, "%s: %s %s", word, outcome_name(v.decision.outcome),
			v.decision.answer);
}

void console_open_sheet(struct console *c, enum sheet_kind kind, int to_bp, struct instant now)
{
	console_thaw(c);
	c->help = false;
	sheet_open(&c->sheet, kind, c->pool, desk_model(c->how.desk), to_bp, now);
	c->sheet.may_record =
		kind == SHEET_LEAVE && c->how.recorder && !pool_is_local(console_pool(c));
}

void console_open_act(struct console *c, const struct act_request *what, struct instant now)
{
	console_thaw(c);
	c->help = false;
	sheet_open_act(&c->sheet, what, desk_model(c->how.desk), now);
}

/* ---- time ---- */

void console_refresh(struct console *c, struct instant now)
{
	const struct pool *p = console_pool(c);
	if (c->how.each_turn && c->how.each_turn(c->how.each_ctx, now))
		c->left = true;
	screens_look(c, now);
	if (c->how.replay)
		replay_look_at(console_replay(c));
	sheet_refresh(&c->sheet, desk_model(c->how.desk), now);
	follow_act(c, now);
	/* A new epoch: something went back, or somebody else may raise. */
	if (c->is_frozen &&
		(p->latch.red || p->standing.epoch != c->frozen_epoch ||
			now.boot_ms - c->frozen_ms >= FREEZE_MS))
		console_thaw(c);
	char notice[200];
	if (c->how.notify && notify_complaint(c->how.notify, notice, sizeof notice))
		console_say(c, now, ROLE_WARN, "%s", notice);
	if (desk_notice(c->how.desk, notice, sizeof notice))
		console_say(c, now, ROLE_WARN, "%s", notice);
	if (c->message[0] && now.boot_ms - c->message_ms >= MESSAGE_MS)
		c->message[0] = 0;
}

bool console_bell(struct console *c, struct instant now)
{
	enum level level = console_pool(c)->standing.headline.level;
	if (level != c->bell_level) {
		bool louder = level > c->bell_level;
		c->bell_level = level;
		c->bell_quiet = false;
		c->bell_ms = now.boot_ms;
		return louder && level >= LEVEL_LOOK;
	}
	if (level != LEVEL_ACT || c->bell_quiet || c->bell_ms == UNKNOWN ||
		now.boot_ms - c->bell_ms < BELL_MS)
		return false;
	c->bell_ms = now.boot_ms;
	return true;
}

/* ---- drawing ---- */

/* What the pool that is looked at shows in place of samples and of its judge, in a replay. */
static const char *stand_in(const struct console *c)
{
	const struct model *m = desk_model(c->how.desk);
	bool minutes = false, cited = false;
	for (int i = 0; i < m->pool_count; i++)
		if (c->screen == SCREEN_FLEET || i == c->pool) {
			minutes |= pool_shows_minutes(&m->pools[i]);
			cited |= m->pools[i].thinned;
		}
	return minutes ? ", 1 min means, verdicts as recorded"
		: cited    ? ", verdicts as recorded"
				   : "";
}

/* Where a replay stands, for the row under the headline. */
static void replay_place(const struct console *c, char *out, size_t size)
{
	struct replay_span span;
	replay_span(c->how.replay, &span);
	struct instant at = replay_now(c->how.replay);
	char when[32];
	unit_rfc3339(when, sizeof when, at.wall_ms);
	when[19] = 0;
	when[10] = ' ';
	int64_t length = span.end_ms - span.start_ms;
	int percent = length > 0 ? (int)((at.wall_ms - span.start_ms) * 100 / length) : 100;
	int n = snprintf(out, size, "%sZ, %d %% of it, %s%gx", when, percent,
		replay_is_paused(c->how.replay) ? "paused, " : "", replay_speed(c->how.replay));
	int caught = c->screen == SCREEN_FLEET ? replay_catching_up_all(c->how.replay)
										   : replay_catching_up(console_replay(c));
	if (caught >= 0)
		n += snprintf(out + n, size - (size_t)n, ", judge catching up %d %%", caught);
	snprintf(out + n, size - (size_t)n, "%s", stand_in(c));
}

/* What another policy would have done, at the pool that it was asked about; NULL none. */
static const struct whatif_overlay *whatif_of(const struct console *c)
{
	bool own = strcmp(c->whatif.pool, console_pool(c)->name) == 0;
	return own && c->whatif.line[0] ? &c->whatif : NULL;
}

/* The screen; with a guide or a scrubber in a row of its own above the last two, where there is
 * room. */
static void draw_screen(struct console *c, struct surface *s, const struct view *v)
{
	int h = s->h;
	bool scrubs = c->how.replay && s->w >= SCRUBBER_W && h >= SCRUBBER_H;
	c->journal_seen |= c->screen == SCREEN_JOURNAL;
	if (!scrubs && (!c->guiding || h <= GUIDE_ROWS)) {
		screen_row(c->screen)->draw(s, v);
		return;
	}
	s->h--;
	screen_row(c->screen)->draw(s, v);
	s->h = h;
	size_t row = (size_t)s->w, from = row * (size_t)(h - 3);
	memmove(s->cells + from + row, s->cells + from, 2 * row * sizeof *s->cells);
	struct rect own = {0, h - 3, s->w, 1};
	surface_fill(s, own, ROLE_TEXT, ' ');
	if (scrubs)
		view_scrubber(
			s, own, console_replay(c), c->screen == SCREEN_FLEET, whatif_of(c));
	else
		guide_draw(s, own, guide_next(v->pool, c->journal_seen));
}

#define FROZEN_CLOCK_W 40 /* columns from which the header has a clock */
#define FROZEN_W 13       /* of freshness and age, at most, and a blank */

static const struct surface *frozen_picture(struct console *c, struct instant now)
{
	struct surface *s = &c->frozen;
	char age[16], mark[32];
	unit_age(age, sizeof age, now.boot_ms - c->frozen_ms);
	snprintf(mark, sizeof mark, " FROZEN %s", age);
	/* In the place of "LIVE 0.4s", which it no longer is; the clock of that moment stays. */
	int end = s->w < FROZEN_CLOCK_W ? s->w : s->w - (s->w < 80 ? 11 : 12);
	int from = end - FROZEN_W;
	while (from > 0 && s->cells[from].point != ' ') /* half a word is none */
		from--;
	surface_fill(s, (struct rect){from, 0, end - from, 1}, ROLE_TEXT, ' ');
	surface_text_right(s, surface_all(s), end, 0, ROLE_MARK, mark);
	return s;
}

const struct surface *console_draw(struct console *c, struct instant now)
{
	struct surface *s = &c->surface;
	c->was_drawn = true;
	if (c->is_frozen)
		return frozen_picture(c, now);
	struct view v = {.model = desk_model(c->how.desk),
		.pool = console_pool(c),
		.screen = c->screen,
		.roster = &c->roster,
		.fleet = &c->fleet,
		.scope = &c->scope,
		.plan_bp = c->plan_bp,
		.journal = &c->journal,
		.left_ms = c->how.replay ? UNKNOWN : desk_last_left_ms(c->how.desk),
		.now = c->how.replay ? replay_now(c->how.replay) : now,
		.mark = c->how.replay ? "REPLAY" : NULL,
		.mark_only = c->how.replay != NULL,
		.replay = c->how.replay != NULL,
		.looking = c->how.read_only || c->how.replay,
		.message = c->message,
		.message_role = c->message_role,
		.unrecorded = desk_unrecorded(c->how.desk),
		.pool_count = desk_model(c->how.desk)->pool_count,
		.pool_index = c->pool};
	char clock[24], time[16], place[112] = "";
	if (c->how.replay)
		replay_place(c, place, sizeof place);
	unit_clock(time, sizeof time, v.now.wall_ms);
	snprintf(clock, sizeof clock, "%sZ", time);
	v.place = whatif_of(c) ? c->whatif.line : place;
	v.clock = clock;
	surface_clear(s);
	s->cursor_x = s->cursor_y = -1;
	screens_look(c, now);
	draw_screen(c, s, &v);
	struct view real = v;
	real.now = now; /* dialogs live in the reader's time */
	if (c->help)
		view_help(s, &v, &c->help_scroll);
	if (c->sheet.kind != SHEET_NONE)
		view_sheet(s, &real, &c->sheet);
	if (c->prompt != PROMPT_NONE)
		prompt_draw(c, s);
	return s;
}
