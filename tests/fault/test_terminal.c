/* The terminal as an attacker and as an accident, in one process: names and words from
 * elsewhere that want to draw, to hide or to imitate, and keys that nobody pressed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/wire.h"
#include "model/mem.h"
#include "tests/lib/corpus.h"
#include "tests/lib/simulator.h"
#include "tests/lib/site.h"
#include "tui/config.h"
#include "tui/console.h"
#include "tui/facts.h"
#include "tui/input.h"

#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void no_leak(const char *bytes, size_t len, int row, const char *where)
{
	const char *leak = corpus_leak(bytes, len);
	if (leak)
		fail_msg("row %d in %s: %s", row, where, leak);
}

/* A row as it is once it has come in: cleaned, in a field of `size` bytes. */
static void taken_in(char *out, size_t size, int row)
{
	text_clean(out, size, corpus_row(row)->bytes, corpus_row(row)->len);
}

static uint64_t draw(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* ---- words from elsewhere ---- */

static void dump(const struct surface *s, struct text *chars)
{
	text_clear(chars);
	surface_dump(s, chars, NULL);
}

/* A name that carries control sequences, in every form in which weir writes one. */
static void row_42_sequences_in_names_are_only_shown(void **state)
{
	(void)state;
	struct text t = {0}, plain = {0};
	struct surface s;
	for (int ascii = 0; ascii < 2; ascii++) {
		surface_init(&s, 60, 3, ascii != 0);
		for (int i = 0; i < CORPUS_COUNT; i++) {
			const struct corpus_row *row = corpus_row(i);
			char out[400];
			for (size_t size = 1; size < sizeof out; size += size < 32 ? 1 : 41) {
				size_t len = text_clean(out, size, row->bytes, row->len);
				assert_true(len < size);
				no_leak(out, len, i, "text_clean");
			}
			struct err err;
			err_set(&err, ERR_FIELD, "name '%s'", row->bytes);
			no_leak(err.text, strlen(err.text), i, "an error");
			err_prefix(&err, "pool '%s'", row->bytes);
			no_leak(err.text, strlen(err.text), i, "an error's context");
			text_clear(&t);
			text_add_json(&t, row->bytes);
			no_leak(t.data, t.len, i, "JSON");
			assert_true(!strchr(t.data, '\n'));
			surface_clear(&s);
			surface_text(&s, surface_all(&s), 1, 1, ROLE_REMOTE, row->bytes);
			surface_text_right(&s, surface_all(&s), 60, 2, ROLE_REMOTE, row->bytes);
			for (size_t at = 0; at < row->len; at++)
				surface_put(&s, surface_all(&s), 5, 0, ROLE_REMOTE, (unsigned char)*row->bytes);
			dump(&s, &plain);
			no_leak(plain.data, plain.len, i, "a surface");
		}
		surface_release(&s);
	}
	text_free(&t);
	text_free(&plain);
}

/* The same in the words of a pool's refusal, which become the words of an outcome. */
static void row_42_words_of_a_refusal_are_only_shown(void **state)
{
	(void)state;
	for (int i = 0; i < CORPUS_COUNT; i++) {
		static const struct command asked = {.verb = VERB_STEP};
		struct answer *a = mem_new(1, sizeof *a);
		struct err err = {0};
		struct text body = {0};
		char *word = corpus_json(corpus_row(i));
		text_addf(&body, "{\"error\":%s,\"message\":%s,\"changed_by\":%s}", word, word, word);
		int rc = wire_read_answer(a, &asked, 412, body.data, body.len, &err);
		if (rc == 0) {
			no_leak(a->err.text, strlen(a->err.text), i, "a refusal");
			no_leak(a->changed_by, strlen(a->changed_by), i, "who changed it");
		}
		no_leak(err.text, strlen(err.text), i, "why an answer is none");
		text_free(&body);
		free(word);
		free(a);
	}
}

/* Carriage return, backspace and their like want to overwrite what stands before them. */
static void row_43_a_name_stays_behind_its_label(void **state)
{
	(void)state;
	struct surface s, before;
	surface_init(&s, 50, 3, false);
	surface_init(&before, 50, 3, false);
	for (int y = 0; y < 3; y++)
		surface_text(&before, surface_all(&before), 0, y, ROLE_FAIL, "RED errors");
	size_t row_bytes = 50 * sizeof *s.cells;
	for (int i = 0; i < CORPUS_COUNT; i++) {
		memcpy(s.cells, before.cells, 3 * row_bytes);
		int end = surface_text(&s, surface_all(&s), 12, 1, ROLE_REMOTE, corpus_row(i)->bytes);
		assert_in_range(end, 12, 50);
		/* The rows above and below, and the label, are as they were. */
		assert_memory_equal(s.cells, before.cells, row_bytes);
		assert_memory_equal(s.cells + 100, before.cells + 100, row_bytes);
		assert_memory_equal(s.cells + 50, before.cells + 50, 12 * sizeof *s.cells);
	}
	surface_release(&s);
	surface_release(&before);
}

/* What is not to be seen is named, and nothing that is typed to confirm can hold it. */
static void row_44_directions_and_nothings_are_visible(void **state)
{
	(void)state;
	static const struct {
		const char *name, *shown;
	} rows[] = {
		{"\xe2\x80\xae"
		 "evil",
			"<U+202E>evil"},
		{"pay\xe2\x80\x8b-eu", "pay<U+200B>-eu"},
		{"pay\xc2\xad-eu", "pay<U+00AD>-eu"},
		{"\xe2\x81\xa6iso\xe2\x81\xa9", "<U+2066>iso<U+2069>"},
		{"x\xf3\xa0\x81\xa1", "x<U+E0061>"},
		{"\xef\xbb\xbfpay", "<U+FEFF>pay"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct surface s;
		struct text t = {0}, yaml = {0};
		struct config config;
		struct err err = {0};
		surface_init(&s, 40, 1, false);
		surface_text(&s, surface_all(&s), 0, 0, ROLE_REMOTE, rows[i].name);
		dump(&s, &t);
		assert_string_equal(strtok_r(t.data, "\n", &(char *){NULL}), rows[i].shown);
		/* A name that a person may have to type is plain. */
		text_addf(&yaml, "pools:\n  \"%s\":\n    target: unix:/x\n", rows[i].name);
		assert_int_equal(config_parse(&config, yaml.data, yaml.len, "f", &err), -1);
		config_free(&config);
		assert_non_null(strstr(err.text, "U+"));
		surface_release(&s);
		text_free(&t);
		text_free(&yaml);
	}
}

/* Letters of other scripts that look like ours are no names in a configuration. */
static void row_45_names_that_are_typed_are_ascii(void **state)
{
	(void)state;
	static const char *const names[] = {"p\xd0\xb0y-eu", "\xd1\x81heckout", "check\xce\xbfut",
		"pay-eu ", " pay-eu", "pay eu", "\xef\xbd\x90\xef\xbd\x81\xef\xbd\x99",
		"pay\xe2\x80\x90"
		"eu",
		"caf\xc3\xa9"};
	for (size_t i = 0; i < COUNT(names); i++) {
		struct text yaml = {0};
		struct config config;
		struct err err = {0};
		text_addf(&yaml, "pools:\n  \"%s\":\n    target: unix:/x\n", names[i]);
		if (config_parse(&config, yaml.data, yaml.len, "f", &err) == 0)
			fail_msg("name %zu is taken", i);
		config_free(&config);
		text_free(&yaml);
	}
	assert_false(text_is_name("p\xd0\xb0y-eu", 64)); /* ids in documents too */
}

/* ---- columns ---- */

static struct {
	int master, slave;
	struct simulator sim;
} tty;

static void read_tty(void)
{
	char bytes[4096];
	for (;;) {
		ssize_t got = read(tty.master, bytes, sizeof bytes);
		if (got > 0) {
			simulator_feed(&tty.sim, bytes, (size_t)got);
			continue;
		}
		if (!term_wants_write())
			return;
		term_flush();
		poll(&(struct pollfd){.fd = tty.master, .events = POLLIN}, 1, 1000);
	}
}

/* Marks without end, wide, joined and doubtful characters: a terminal that counts as the C
 * library does must find what follows in its column. */
static void columns_stay(const char *locale, bool ascii)
{
	struct winsize size = {.ws_col = 64, .ws_row = 20};
	static const char *const none[] = {NULL};
	struct theme theme;
	struct surface s;
	struct err err;
	uint64_t seed = 46;
	assert_non_null(setlocale(LC_CTYPE, locale));
	assert_int_equal(openpty(&tty.master, &tty.slave, NULL, NULL, &size), 0);
	fcntl(tty.master, F_SETFL, O_NONBLOCK);
	simulator_init(&tty.sim, 64, 20);
	surface_init(&s, 64, 20, ascii);
	assert_int_equal(theme_load(&theme, "dark", none, NULL), 0);
	struct term_options how = {.in_fd = tty.slave,
		.out_fd = tty.slave,
		.type = "xterm-256color",
		.colour = true,
		.ascii = ascii};
	assert_int_equal(term_open(&how, &err), 0);
	for (int first = 0; first < CORPUS_COUNT; first += 19) {
		surface_clear(&s);
		for (int y = 0; y < 19; y++) {
			const struct corpus_row *row = corpus_row((first + y) % CORPUS_COUNT);
			struct rect clip = {(int)(draw(&seed) % 20), y, 0, 1};
			clip.w = 1 + (int)(draw(&seed) % (unsigned)(63 - clip.x));
			surface_text(&s, clip, clip.x, y, ROLE_REMOTE, row->bytes);
			surface_put(&s, surface_all(&s), clip.x + clip.w, y, ROLE_FAIL, '|');
			int columns = 0;
			for (int x = 0; x < clip.x + clip.w; x++)
				columns += s.cells[y * 64 + x].point != 0 || x > 0;
			assert_int_equal(columns, clip.x + clip.w);
			for (int x = 0; x < 64; x++)
				assert_true(s.cells[y * 64 + x].point != 0 || (x > 0 && x < 63));
		}
		/* Younger than the C library: nobody knows how wide it is. */
		surface_text(
			&s, surface_all(&s), 0, 19, ROLE_REMOTE, "\xf0\xb1\x8d\x90 \xf0\x9f\xab\xa8|");
		assert_true(term_draw(&s, &theme));
		read_tty();
		for (int y = 0; y < 20; y++)
			for (int x = 0; x < 64; x++) {
				const struct sim_cell *shown = simulator_cell(&tty.sim, x, y);
				uint32_t want = s.cells[y * 64 + x].point;
				/* What the C library counts otherwise is drawn as '?', both halves of it. */
				bool doubted = want == 0 && x > 0 && shown->point == ' ' &&
					simulator_cell(&tty.sim, x - 1, y)->point == '?';
				if (shown->point != want && shown->point != '?' && !doubted)
					fail_msg("row %d, column %d: U+%04X for U+%04X", (first + y) % CORPUS_COUNT,
						x, shown->point, want);
				if (want == '|')
					assert_int_equal(shown->point, '|');
			}
		assert_int_equal(tty.sim.errors, 0);
	}
	term_close();
	close(tty.master);
	close(tty.slave);
	simulator_release(&tty.sim);
	surface_release(&s);
	setlocale(LC_CTYPE, "C.UTF-8");
}

static void row_46_columns_never_move(void **state)
{
	(void)state;
	columns_stay("C.UTF-8", false);
	columns_stay("C", true);
	/* And no more than four marks are on a character. */
	char out[2000];
	size_t len = text_clean(out, sizeof out, "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81!", 12);
	assert_int_equal(len, 10);
	assert_int_equal(text_width(out), 2);
}

/* ---- a console ---- */

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};

static struct site s;
static struct desk *d;
static struct console *c;

static void open_console(void)
{
	struct console_options how = {.desk = d, .w = 100, .h = 32};
	c = console_new(&how, s.now);
}

static int sit_down(void **state)
{
	(void)state;
	site_init(&s, 1, 7);
	d = site_open(&s, &kim);
	open_console();
	return 0;
}

static int leave(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	return 0;
}

static void pass(int64_t ms)
{
	for (; ms > 0; ms -= SITE_STEP_MS) {
		site_run(&s, SITE_STEP_MS);
		console_refresh(c, s.now);
	}
}

/* The console keeps what it says for a while; this is long enough to forget it. */
static void forget(void)
{
	pass(9000);
}

static void row_of(const struct surface *screen, int y, struct text *out)
{
	struct surface row = {.w = screen->w, .h = 1, .cells = screen->cells + y * screen->w};
	dump(&row, out);
}

static int row_with(const struct surface *screen, const char *text)
{
	struct text row = {0};
	int found = -1;
	for (int y = 0; y < screen->h && found < 0; y++) {
		row_of(screen, y, &row);
		if (strstr(row.data, text))
			found = y;
	}
	text_free(&row);
	return found;
}

/* Reasons and actors that are the console's own words: what asks and what can be pressed stands
 * where it always stands, once, and what came from elsewhere is in quotes or in its own role. */
static void row_47_a_word_from_elsewhere_is_no_prompt(void **state)
{
	(void)state;
	static const char *const forged[] = {"Approve? [Y/n]", "[Esc cancel]   y step to 50 %",
		"y roll back now", "R roll back  S step  : command  ? help  q quit",
		"\" [Esc cancel] y resume \"", "type checkout, Enter: "};
	struct text keys = {0}, now = {0}, cells = {0};
	int last = console_draw(c, s.now)->h - 1;
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k0", VERB_HOLD, -1, "lunch"), 200);
	pass(2000);
	row_of(console_draw(c, s.now), last, &keys);
	assert_non_null(strstr(keys.data, "roll back"));
	for (int i = 0; i < (int)COUNT(forged); i++) {
		char key[16];
		snprintf(key, sizeof key, "k%d", i + 1);
		assert_int_equal(fake_act(s.node[0], forged[i], key, VERB_HOLD, -1, forged[i]), 200);
		pass(2000);
		const struct surface *screen = console_draw(c, s.now);
		row_of(screen, last, &now);
		assert_string_equal(now.data, keys.data);
		/* In the list of decisions: its own role, the reason between quotes. */
		int y = row_with(screen, "hold");
		assert_true(y > 3 && y < last - 1);
		row_of(screen, y, &now);
		assert_true(now.len > 46); /* behind who, what and the outcome */
		const char *quoted = strchr(now.data + 46, '"');
		assert_non_null(quoted);
		assert_memory_equal(quoted + 1, forged[i], 8);
		const struct cell *cell = &screen->cells[y * screen->w];
		int x = 46, end = screen->w;
		while (x < end && cell[x].point != '"')
			x++;
		while (end > x && (cell[end - 1].point == ' ' || cell[end - 1].point == 0))
			end--;
		assert_true(x < end);
		for (; x < end; x++)
			assert_int_equal(cell[x].role, ROLE_REMOTE);
		/* A dialog's buttons are where they are without it. */
		console_key(c, 'R', s.now);
		screen = console_draw(c, s.now);
		int buttons = row_with(screen, "H hold instead");
		assert_true(buttons > 0);
		int at = buttons * screen->w + 14;
		assert_true(screen->cells[at].role == ROLE_CHOICE);
		console_key(c, KEYS_ESC, s.now);
		pass(500);
	}
	text_free(&keys);
	text_free(&now);
	text_free(&cells);
}

/* Every hostile string as actor and as reason at once: no screen of the console leaks. */
static void row_42_a_console_of_hostile_words(void **state)
{
	(void)state;
	struct text t = {0};
	for (int i = 0; i < CORPUS_COUNT; i++) {
		char actor[POOL_ACTOR_MAX], reason[POOL_REASON_MAX], key[16];
		taken_in(actor, sizeof actor, i);
		taken_in(reason, sizeof reason, (i + 7) % CORPUS_COUNT);
		snprintf(key, sizeof key, "h%d", i);
		fake_act(s.node[0], actor, key, i % 8 == 7 ? VERB_ROLLBACK : VERB_HOLD, -1, reason);
		pass(1000);
		dump(console_draw(c, s.now), &t);
		no_leak(t.data, t.len, i, "the screen");
		console_key(c, 'U', s.now);
		dump(console_draw(c, s.now), &t);
		no_leak(t.data, t.len, i, "a dialog");
		console_key(c, KEYS_ESC, s.now);
		const struct pool *p = site_pool(d);
		text_clear(&t);
		facts_plain(&t, desk_model(d), p, s.now);
		no_leak(t.data, t.len, i, "status");
		text_clear(&t);
		facts_line(&t, p);
		no_leak(t.data, t.len, i, "status of many");
		text_clear(&t);
		facts_json(&t, desk_model(d), p);
		no_leak(t.data, t.len, i, "status --json");
		text_clear(&t);
		facts_decision(&t, &p->decisions[p->decision_count - 1], s.now.wall_ms);
		no_leak(t.data, t.len, i, "a line of the log");
	}
	text_free(&t);
}

/* ---- keys that nobody pressed ---- */

static struct input in;

static void bytes(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t key = input_byte(&in, (unsigned char)text[i], s.now.boot_ms);
		if (key != KEY_NONE)
			console_key(c, key, s.now);
	}
}

static void idle(void)
{
	uint32_t key = input_idle(&in, s.now.boot_ms);
	if (key != KEY_NONE)
		console_key(c, key, s.now);
}

/* What reached the pool since `from`, but holds. */
static void only_holds(int from, const char *what, int round)
{
	const struct fake *f = s.node[0];
	for (int i = from; i < f->got_count; i++)
		if (f->got[i].verb != VERB_HOLD)
			fail_msg(
				"%s, round %d: a %s was sent", what, round, verb_row(f->got[i].verb)->word);
}

static void begin_again(void)
{
	if (!console_left(c))
		return;
	console_free(c);
	open_console();
}

/* Any bytes at all in a bracketed paste are nothing; in an unbracketed one, which comes as fast
 * as a line gives it, no letters of one case move a share, and without a pause not even both. */
static void row_49_pasted_text_moves_nothing(void **state)
{
	(void)state;
	uint64_t seed = 49;
	site_step(&s, d, 100);
	assert_true(site_until(&s, d, STATE_READY, 40000));
	pass(50);
	int before = s.node[0]->commands;
	for (int round = 0; round < 150; round++) {
		char text[300] = "\033[200~";
		size_t n = strlen(text), len = 1 + draw(&seed) % 200;
		for (size_t i = 0; i < len; i++)
			text[n++] = draw(&seed) % 2 ? (char)(draw(&seed) % 255 + 1)
										: "SRHUAy\r\n:"[draw(&seed) % 9];
		/* The end of a paste cannot be in it: terminals take it out. */
		for (size_t i = 6; i < n; i++)
			if (text[i] == '~')
				text[i] = 'y';
		memcpy(text + n, "\033[201~", 6);
		bytes(text, n + 6);
		pass(400);
		idle();
		assert_int_equal(s.node[0]->commands, before);
	}
	for (int round = 0; round < 150; round++) {
		char text[300];
		size_t len = 1 + draw(&seed) % 250;
		int kind = (int)(draw(&seed) % 3); /* lower, upper, both */
		for (size_t i = 0; i < len; i++) {
			unsigned what = (unsigned)(draw(&seed) % 10);
			bool upper = kind == 2 ? draw(&seed) % 2 : kind == 1;
			const char *acting = upper ? "SRHUAY" : "srhuay";
			text[i] = what < 5 ? acting[draw(&seed) % 6]
				: what < 8     ? (char)((upper ? 'A' : 'a') + (char)(draw(&seed) % 26))
				: what == 8    ? "\r\n\t 0123456789-_./%\"'"[draw(&seed) % 21]
							   : ' ';
		}
		/* In pieces as a line delivers them; letters of both cases at once. */
		for (size_t at = 0; at < len;) {
			size_t part = kind == 2 ? len : 1 + draw(&seed) % 40;
			part = part > len - at ? len - at : part;
			bytes(text + at, part);
			at += part;
			if (kind != 2)
				pass((int64_t)(draw(&seed) % 4) * 50);
		}
		pass(100);
		only_holds(before, kind == 2 ? "both cases at once" : "one case", round);
		begin_again();
		bytes("\033", 1);
		pass(200);
		idle();
		bytes("\033", 1);
		pass(400);
		idle();
		s.node[0]->got_count = before < s.node[0]->got_count ? before : s.node[0]->got_count;
	}
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	assert_int_equal(fake_epoch(s.node[0]), 1);
}

/* A key that is held down repeats 30 times a second: it acts once, or not. */
static void row_49_a_held_key_acts_at_most_once(void **state)
{
	(void)state;
	static const char held[] = "SRHUAy YmogGq\r\n\t\033 ?";
	site_step(&s, d, 100);
	assert_true(site_until(&s, d, STATE_READY, 40000));
	for (const char *first = "SRU"; *first; first++)
		for (const char *k = held; *k; k++) {
			int before = s.node[0]->commands, count = s.node[0]->got_count;
			console_key(c, (uint32_t)*first, s.now);
			for (int i = 0; i < 60; i++) {
				bytes(k, 1);
				if (i % 2)
					pass(SITE_STEP_MS);
			}
			pass(100);
			idle();
			assert_true(s.node[0]->commands - before <= 1);
			only_holds(count, "a held key", *k);
			begin_again();
			console_key(c, KEYS_ESC, s.now);
			console_key(c, KEYS_ESC, s.now);
			forget();
			s.node[0]->got_count = count;
		}
	assert_int_equal(fake_share_bp(s.node[0]), 100);
}

/* What a terminal says by itself, whole and byte by byte: none of it is a key that acts. */
static void row_51_answers_of_the_terminal_are_no_keys(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"\033[?62;1;2;6;9;15;22c",      /* what it is */
		"\033[>41;330;0c",              /* and which */
		"\033P!|00000000\033\\",        /* and its number */
		"\033[0n",                      /* all is well */
		"\033[24;80R",                  /* where the cursor is */
		"\033[?24;80;1R",               /* the same of a page */
		"\033[I\033[O",                 /* the window comes and goes */
		"\033[?2004;1$y",               /* a mode */
		"\033[8;24;80t",                /* how large it is */
		"\033[3;10;20t\033[4;600;800t", /* where */
		"\033]lHRSy icon\033\\",        /* its titles */
		"\033]LHRSy title\033\\",       /* */
		"\033]11;rgb:0000/0000/0000\a", /* colours */
		"\033]4;1;rgb:ffff/0/0\033\\",  /* */
		"\033]52;c;SFJTeQ==\a",         /* the clipboard */
		"\033P1$r0;1mHRSy\033\\",       /* settings */
		"\033P1+r5253=48\033\\",        /* capabilities */
		"\033P>|XTerm(379)HRSy\033\\",  /* its name */
		"\033_Gi=31;OK:HRSy\033\\",     /* pictures */
		"\033[?1;0x\033[2;1;1;112;112;1;0x",
		"\033[<0;52;19M\033[<0;52;19m",    /* the mouse, in three ways */
		"\033[M HR\033[M#Sy",              /* the eldest has letters behind it */
		"\033[32;72;82M",                  /* */
		"\033[?0u\033[72;5u\033[27;5;72~", /* keyboards that say more */
		"\x9b?62;22c",                     /* the same from a terminal of 8 bits */
		"\x9b"
		"24;80R",
		"\x9d"
		"11;HRSy\a",
		"\x90"
		"1$rHRSy\033\\",
		"\xc2\x9b?62;22c",
		"\xc2\x9d"
		"11;HRSy\a",
		"\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;28R",
	};
	uint64_t seed = 51;
	for (size_t i = 0; i < COUNT(answers) + 2000; i++) {
		char made[400] = "\033[";
		const char *text = made;
		if (i < COUNT(answers)) {
			text = answers[i];
		} else { /* any sequence, up to long ones */
			size_t n = 2, parameters = draw(&seed) % (i % 50 == 0 ? 380 : 24);
			for (size_t k = 0; k < parameters; k++)
				made[n++] = (char)(0x30 + draw(&seed) % 16);
			for (size_t k = draw(&seed) % 3; k > 0; k--)
				made[n++] = (char)(0x20 + draw(&seed) % 16);
			made[n] = (char)(0x40 + draw(&seed) % 63);
			if (n == 2 && (made[n] == '[' || made[n] == 'M'))
				made[n] = 'R'; /* more must follow those */
		}
		struct input one = {0};
		for (size_t k = 0; text[k]; k++) {
			/* 50 ms from byte to byte is a slow line. */
			assert_int_equal(input_idle(&one, (int64_t)k * 50), KEY_NONE);
			uint32_t key = input_byte(&one, (unsigned char)text[k], (int64_t)k * 50);
			if (key != KEY_NONE && key <= KEY_SPECIAL)
				fail_msg("answer %zu: byte %zu is key '%c'", i, k, (char)key);
			if (key == KEYS_ENTER || key == KEYS_ESC || key == KEYS_TAB)
				fail_msg("answer %zu: byte %zu is a key that presses", i, k);
		}
		assert_int_equal(one.state, INPUT_GROUND);
	}
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
#define CONSOLE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_42_sequences_in_names_are_only_shown),
		cmocka_unit_test(row_42_words_of_a_refusal_are_only_shown),
		CONSOLE(row_42_a_console_of_hostile_words),
		cmocka_unit_test(row_43_a_name_stays_behind_its_label),
		cmocka_unit_test(row_44_directions_and_nothings_are_visible),
		cmocka_unit_test(row_45_names_that_are_typed_are_ascii),
		cmocka_unit_test(row_46_columns_never_move),
		CONSOLE(row_47_a_word_from_elsewhere_is_no_prompt),
		CONSOLE(row_49_pasted_text_moves_nothing),
		CONSOLE(row_49_a_held_key_acts_at_most_once),
		cmocka_unit_test(row_51_answers_of_the_terminal_are_no_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
