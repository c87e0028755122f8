/* The terminal around a console: one wait, keys in, frames out. */
#include "tui/console_parts.h"

#include "tui/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Written beside and renamed, so that a reader finds whole frames. */
static void write_screen(const char *path, const struct surface *s)
{
	struct text chars = {0}, roles = {0};
	char name[4096];
	surface_dump(s, &chars, &roles);
	snprintf(name, sizeof name, "%s.new", path);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0) {
		struct text whole = {0};
		text_addf(&whole, "%s----\n%s", text_str(&chars), text_str(&roles));
		bool good = write(fd, text_str(&whole), whole.len) == (ssize_t)whole.len;
		close(fd);
		if (good)
			rename(name, path);
		text_free(&whole);
	}
	text_free(&chars);
	text_free(&roles);
}

static void crash(int signo)
{
	term_emergency_restore();
	signal(signo, SIG_DFL);
	raise(signo);
}

static void guard_terminal(void)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	struct sigaction a = {.sa_handler = crash, .sa_flags = (int)SA_RESETHAND};
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		sigaction(fatal[i], &a, NULL);
}

#define REST_MS 1000

/* Nobody else may wait for a lock of a program that stands still. */
static void suspend(struct console *c, struct err *err)
{
	struct history *h = desk_history(c->how.desk);
	term_suspend();
	if (h)
		history_rest(h, REST_MS);
	kill(getpid(), SIGSTOP);
	if (h)
		history_wake(h);
	term_resume(err);
	term_drop_input();
}

/* True when something changed that a frame must show. */
static bool take_signals(struct console *c, struct err *err)
{
	bool dirty = false;
	int signo;
	while ((signo = loop_signal()) != 0) {
		dirty = true;
		if (signo == SIGWINCH) {
			int w, h;
			term_size(&w, &h);
			term_resize(w, h);
			console_resize(c, w, h);
		} else if (signo == SIGTSTP) {
			suspend(c, err);
		} else if (signo == SIGCONT) {
			/* What was typed at a stopped program was not meant for what it shows now. */
			term_drop_input();
			term_redraw_all();
		}
	}
	return dirty;
}

static bool take_keys(struct console *c, struct instant now, struct err *err)
{
	bool any = false;
	uint32_t key;
	while (!console_left(c) && (key = term_key(now.boot_ms)) != KEY_NONE) {
		any = true;
		/* The program may have been stopped since the signals were looked at; what was typed
		 * then is not heard. */
		if (!take_signals(c, err))
			console_key(c, key, now);
	}
	return any;
}

static int64_t timeout_of(const struct console *c, struct instant now)
{
	int64_t timeout = c->whatif.run ? 0 : 1000, key = term_key_due_ms();
	if (key >= 0 && key - now.boot_ms < timeout)
		timeout = key - now.boot_ms;
	return timeout > 0 ? timeout : 0;
}

/* The pool that needs somebody most; the one on the screen where none does more. */
static const struct pool *worst_pool(const struct console *c)
{
	const struct model *m = desk_model(c->how.desk);
	const struct pool *worst = console_pool(c);
	for (int i = 0; i < m->pool_count; i++)
		if (m->pools[i].standing.headline.level > worst->standing.headline.level)
			worst = &m->pools[i];
	return worst;
}

/* For who looks at another window: pool and state, and the headline where somebody must look. */
static void set_title(struct console *c)
{
	char title[sizeof c->title];
	const struct pool *p = worst_pool(c);
	bool calm = p->standing.headline.level < LEVEL_LOOK;
	snprintf(title, sizeof title, "%.40s %.60s%s%.120s", p->name, p->standing.state_text,
		calm ? "" : ": ", calm ? "" : p->standing.headline.text);
	text_mend(title);
	if (strcmp(title, c->title) == 0)
		return;
	text_copy(c->title, sizeof c->title, title);
	term_title(title);
}

/* Those who do not look. */
static void tell_others(struct console *c, struct instant now)
{
	const struct model *m = desk_model(c->how.desk);
	const struct pool *p;
	if (!c->how.notify)
		return;
	notify_turn(c->how.notify, m, now);
	while (notify_event(c->how.notify, m, &p))
		if (c->how.notice != NOTIFY_NEVER)
			term_notice(c->how.notice == NOTIFY_OSC777, p->name, p->standing.headline.text);
}

static void frame(struct console *c, const struct theme *theme, struct instant now)
{
	const struct surface *s = console_draw(c, now);
	if (c->redraw)
		term_redraw_all();
	c->redraw = false;
	if (c->how.screen_file)
		write_screen(c->how.screen_file, s);
	term_draw(s, theme);
	set_title(c);
}

/* What was to be copied goes to the terminal, which may keep it from other programs unasked. */
static void copy_out(struct console *c, struct instant now)
{
	if (c->copy.len == 0)
		return;
	if (term_copy(text_str(&c->copy)))
		console_say(
			c, now, ROLE_TEXT, "copied to the terminal's clipboard: %s", text_str(&c->copy));
	else
		console_say(c, now, ROLE_WARN,
			"not copied: this terminal does not let programs write its clipboard");
	text_clear(&c->copy);
}

#define FRAME_MS 40  /* between frames that no key asks for: many pools speak more often */
#define HEARD_MS 250 /* what is shown is of now, if the pools were heard since */

int console_run(struct console *c, struct desk *d, const struct theme *theme,
	const struct theme *light, const struct term_options *term, struct err *err)
{
	if (term_open(term, err) < 0)
		return -1;
	guard_terminal();
	int w, h;
	term_size(&w, &h);
	term_resize(w, h);
	console_resize(c, w, h);
	struct instant now = loop_now();
	if (light)
		term_ask_ground(now.boot_ms);
	/* What has nothing to tell is not asked: an idle console makes no call but its wait. */
	bool dirty = true, typed = true, signalled = true;
	bool pressed = true;
	int64_t framed_ms = now.boot_ms - FRAME_MS, heard_ms = now.boot_ms;
	while (!console_left(c) && !loop_interrupted() && !(typed && term_hung_up())) {
		/* A key and its frame go before what many pools have said since, which is the next turn's.
		 * Not after a standstill: then nothing is as fresh as it looks. */
		const bool hear_first = pressed || now.boot_ms - heard_ms > HEARD_MS;
		if (hear_first)
			dirty |= desk_turn(d, now) != 0;
		if (signalled)
			dirty |= take_signals(c, err);
		pressed = (typed || term_key_due_ms() >= 0) && take_keys(c, now, err);
		if (!hear_first && !pressed)
			dirty |= desk_turn(d, now) != 0;
		const bool owes = !hear_first && pressed;
		if (!owes)
			heard_ms = now.boot_ms;
		dirty |= pressed;
		if (light && term_is_light()) {
			theme = light;
			light = NULL;
			term_redraw_all();
			dirty = true;
		}
		dirty |= c->whatif.run != NULL;
		whatif_overlay_turn(&c->whatif);
		copy_out(c, now);
		console_refresh(c, now);
		tell_others(c, now);
		if (console_bell(c, now))
			term_bell();
		int64_t rest_ms = pressed || signalled ? 0 : framed_ms + FRAME_MS - now.boot_ms;
		if (dirty && rest_ms <= 0 && !term_wants_write()) {
			frame(c, theme, now);
			framed_ms = now.boot_ms;
			dirty = false;
		}
		struct wait_fd fds[] = {{.fd = term_in_fd()}, {.fd = loop_signal_fd()},
			{.fd = term_out_fd(), .want_write = true}};
		int64_t timeout_ms = owes ? 0 : timeout_of(c, now);
		if (dirty && rest_ms > 0 && rest_ms < timeout_ms)
			timeout_ms = rest_ms;
		desk_wait(d, fds, term_wants_write() ? 3 : 2, timeout_ms, now);
		typed = fds[0].ready;
		signalled = fds[1].ready;
		if (term_wants_write())
			term_flush();
		now = loop_now();
	}
	term_close();
	loop_leave(d);
	return 0;
}
