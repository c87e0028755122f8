/* Who is told of what: real commands that say what they got, hang, fail or are not there; what is one
 * event and what two; and what a terminal gets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/site.h"
#include "tui/notify.h"
#include "tui/term.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static struct site s;
static struct desk *d;
static struct notify *n;
static char script[160], said[160];
static struct instant now;

static int sit_down(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as the program has it */
	site_init(&s, 1, 7);
	d = site_open(&s, &kim);
	now = s.now;
	n = NULL;
	snprintf(script, sizeof script, "%s/page", s.dir);
	snprintf(said, sizeof said, "%s/said", s.dir);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	notify_free(n);
	unlink(script);
	unlink(said);
	site_release(&s);
	return 0;
}

static void write_script(const char *body)
{
	FILE *f = fopen(script, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nsaid='%s'\n%s\n", said, body);
	fclose(f);
	assert_int_equal(0, chmod(script, 0700));
}

static void begin(bool recorder)
{
	struct notify_config how = {.command = script};
	n = notify_new(&how, 1, recorder);
}

static struct pool *pool(void)
{
	return (struct pool *)site_pool(d);
}

static void turn(int64_t ms)
{
	now.boot_ms += ms;
	notify_turn(n, desk_model(d), now);
}

static void headline(enum level level, const char *text)
{
	pool()->standing.headline.level = level;
	text_copy(pool()->standing.headline.text, sizeof pool()->standing.headline.text, text);
}

/* Waits until a child has something to say of its end; it is still there then. */
static void child_ends(void)
{
	siginfo_t info;
	assert_int_equal(0, waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
}

static const char *read_said(void)
{
	static char out[100000];
	FILE *f = fopen(said, "r");
	assert_non_null(f);
	out[fread(out, 1, sizeof out - 1, f)] = 0;
	fclose(f);
	return out;
}

/* Runs what was begun to its end. */
static void runs(int begun)
{
	assert_int_equal(notify_begun(n), begun);
	child_ends();
	turn(0);
}

static void a_command_gets_headline_and_facts(void **state)
{
	(void)state;
	char why[200];
	write_script("{ echo \"$#:$1\"; cat; } >\"$said\"");
	begin(false);
	headline(LEVEL_OK, "fine");
	turn(0);
	assert_int_equal(notify_begun(n), 0);
	headline(LEVEL_LOOK, "hm");
	turn(1000);
	assert_int_equal(notify_begun(n), 0);
	headline(LEVEL_ACT, "R: v2 breaks \"errors\" $(touch x) 'y'");
	turn(1000);
	runs(1);
	assert_int_equal(notify_failed(n), 0);
	assert_false(notify_complaint(n, why, sizeof why));
	const char *text = read_said();
	assert_non_null(strstr(text, "1:R: v2 breaks \"errors\" $(touch x) 'y'\n{"));
	assert_non_null(strstr(text, "\"schema\":\"weir.status/1\""));
	assert_non_null(strstr(text, "}\n"));
}

static void one_event_is_told_once(void **state)
{
	(void)state;
	write_script("cat >/dev/null");
	begin(false);
	turn(0);
	headline(LEVEL_ACT, "one");
	turn(1000);
	runs(1);
	headline(LEVEL_ACT, "one, in other words");
	turn(1000);
	turn(60000);
	assert_int_equal(notify_begun(n), 1);
	headline(LEVEL_OK, "fine"); /* for a moment */
	turn(1000);
	headline(LEVEL_ACT, "one again");
	turn(NOTIFY_QUIET_MS - 1);
	assert_int_equal(notify_begun(n), 1);
	headline(LEVEL_OK, "fine");
	turn(1000);
	turn(NOTIFY_QUIET_MS);
	headline(LEVEL_ACT, "two");
	turn(1000);
	runs(2);
}

static void one_that_hangs_is_killed_and_said(void **state)
{
	(void)state;
	char why[200];
	/* neither reads nor ends, nor does what it started */
	write_script("trap '' TERM; sleep 1000 & wait");
	begin(false);
	turn(0);
	headline(LEVEL_ACT, "x");
	turn(0);
	assert_int_equal(notify_begun(n), 1);
	turn(NOTIFY_MOST_MS - 1);
	assert_false(notify_complaint(n, why, sizeof why));
	turn(1);
	child_ends();
	turn(0);
	assert_true(notify_complaint(n, why, sizeof why));
	assert_non_null(strstr(why, "did not end within 10 s and was killed"));
	assert_false(notify_complaint(n, why, sizeof why));
	assert_int_equal(notify_failed(n), 1);
}

static void one_that_fails_is_said(void **state)
{
	(void)state;
	char why[200];
	write_script("exit 7"); /* without reading */
	begin(false);
	turn(0);
	headline(LEVEL_ACT, "x");
	turn(0);
	runs(1);
	assert_true(notify_complaint(n, why, sizeof why));
	assert_non_null(strstr(why, "/page' failed: exit status 7"));
	unlink(script);
	headline(LEVEL_OK, "fine");
	turn(0);
	headline(LEVEL_ACT, "y");
	turn(NOTIFY_QUIET_MS);
	assert_true(notify_complaint(n, why, sizeof why));
	assert_non_null(strstr(why, "No such file"));
	assert_int_equal(notify_failed(n), 2);
}

static void who_tells(void **state)
{
	(void)state;
	write_script("cat >/dev/null");
	/* a console: not what was so when it came, not where a recorder guards */
	begin(false);
	headline(LEVEL_ACT, "so before");
	turn(0);
	turn(1000);
	assert_int_equal(notify_begun(n), 0);
	headline(LEVEL_OK, "");
	turn(1000);
	pool()->owner_line.held = true;
	headline(LEVEL_ACT, "of the recorder");
	turn(60000);
	pool()->owner_line.held = false;
	turn(1000);
	assert_int_equal(notify_begun(n), 0);
	notify_free(n);
	/* a recorder: of what it guards, as soon as it does */
	begin(true);
	turn(0);
	turn(1000);
	assert_int_equal(notify_begun(n), 0);
	pool()->owner_line.mine = true;
	turn(1000);
	runs(1);
	pool()->owner_line.mine = false;
}

static void without_a_command_only_the_terminal_is_told(void **state)
{
	(void)state;
	const struct pool *p = NULL;
	struct notify_config how = {.on = NOTIFY_ON_LOOK};
	n = notify_new(&how, 1, false);
	turn(0);
	assert_false(notify_event(n, desk_model(d), &p));
	headline(LEVEL_LOOK, "x");
	turn(1000);
	assert_true(notify_event(n, desk_model(d), &p));
	assert_ptr_equal(p, pool());
	assert_false(notify_event(n, desk_model(d), &p));
	assert_int_equal(notify_begun(n), 0);
}

/* ---- terminals ---- */

static void only_known_terminals_are_asked(void **state)
{
	(void)state;
	static const struct {
		const char *term, *program;
		enum notify_terminal is;
	} rows[] = {
		{"xterm-256color", NULL, NOTIFY_NEVER},
		{NULL, NULL, NOTIFY_NEVER},
		{"", "", NOTIFY_NEVER},
		{"dumb", NULL, NOTIFY_NEVER},
		{"xterm-256color", "iTerm.app", NOTIFY_OSC9},
		{"xterm-256color", "WezTerm", NOTIFY_OSC777},
		{"xterm-kitty", NULL, NOTIFY_OSC9},
		{"foot", NULL, NOTIFY_OSC777},
		{"screen-256color", NULL, NOTIFY_NEVER},
		{"tmux-256color", "tmux", NOTIFY_NEVER},
		{"xterm-256color", "Apple_Terminal", NOTIFY_NEVER},
		{"xterm-256color", "vscode", NOTIFY_NEVER},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(notify_terminal_of(rows[i].term, rows[i].program), rows[i].is);
}

static void is_sent(int master, const char *bytes)
{
	static char got[20000];
	static size_t len;
	struct pollfd fd = {.fd = master, .events = POLLIN};
	while (!strstr(got, bytes)) {
		if (poll(&fd, 1, 10000) <= 0)
			fail_msg("'%s' is not sent", bytes);
		ssize_t some = read(master, got + len, sizeof got - 1 - len);
		assert_true(some > 0);
		len += (size_t)some;
		got[len] = 0;
	}
}

static void a_notice_is_cleaned(void **state)
{
	(void)state;
	int master, slave;
	struct err err;
	assert_int_equal(0, openpty(&master, &slave, NULL, NULL, NULL));
	struct term_options how = {.in_fd = slave, .out_fd = slave, .type = "xterm-256color"};
	term_notice(true, "nobody", "there");
	assert_int_equal(0, term_open(&how, &err));
	term_notice(true, "a;b", "x\a\033]2;evil\033\\");
	is_sent(master, "\033]777;notify;a,b;x^G^[]2;evil^[\\\a");
	term_notice(false, "a", "y; z");
	is_sent(master, "\033]9;y; z\a");
	term_close();
	close(slave);
	close(master);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_command_gets_headline_and_facts),
		CASE(one_event_is_told_once),
		CASE(one_that_hangs_is_killed_and_said),
		CASE(one_that_fails_is_said),
		CASE(who_tells),
		CASE(without_a_command_only_the_terminal_is_told),
		cmocka_unit_test(only_known_terminals_are_asked),
		cmocka_unit_test(a_notice_is_cleaned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
