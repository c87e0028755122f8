/* The console by keystrokes on a virtual clock: commands that are typed, who may give them, what goes back,
 * and what text that was meant for another window can never do. */
#include "tests/unit/tui/console_bed.h"

/* ---- commands ---- */

static void commands_are_typed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{"step", "STEP checkout 0 > 1 %"},
		{"step next", "STEP checkout 0 > 1 %"},
		{"step 1%", "STEP checkout 0 > 1 %"},
		{"step 100bp", "STEP checkout 0 > 1 %"},
		{"step 25", "'25' is no share of v2"},
		{"step nonsense", "is no share of v2"},
		{"rollback", "ROLL BACK checkout"},
		{"resume", "RESUME checkout"},
		{"help", "HELP"},
		{"annotate", "write a text"},
		{"undo", "did you mean 'rollback'"},
		{"rolback", "did you mean 'rollback'"},
		{"stpe", "did you mean 'step'"},
		{"zzzzzz", "unknown command 'zzzzzz'"},
		{"seek 50%", "only in a replay"},
		{"pause", "only in a replay"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		key(':');
		for (const char *at = rows[i].text; *at; at++)
			key((unsigned char)*at);
		key(KEYS_ENTER);
		shows(rows[i].shown);
		key(KEYS_ESC);
		key(KEYS_ESC);
		pass(400);
	}
	assert_int_equal(commands(), 0);
	type(":hold lunch");
	key(KEYS_ENTER);
	pass(1000);
	assert_true(fake_is_held(s.node[0]));
	assert_string_equal(last_command()->reason, "lunch");
	type(":annotate a b");
	key(KEYS_ENTER);
	pass(1000);
	const struct pool *p = site_pool(d);
	assert_string_equal(p->decisions[p->decision_count - 1].reason, "a b");
	type(":q");
	key(KEYS_ENTER);
	assert_true(console_left(c));
}

static void a_console_that_only_looks_says_why(void **state)
{
	(void)state;
	at_one_percent();
	console_free(c);
	site_close(&s, d);
	const struct site_desk looker = {.actor = "kim@ops1", .read_only = true};
	d = site_open(&s, &looker);
	open_console(true);
	int before = commands();
	static const char acting[] = "SRHUA";
	for (const char *k = acting; *k; k++) {
		pass(400);
		key((unsigned char)*k);
		shows("this console only looks");
		shows_not("Esc cancel");
		pass(9000);
		shows_not("this console only looks");
	}
	static const char *const words[] = {"step 1%", "rollback", "hold", "resume", "annotate x"};
	for (int i = 0; i < 5; i++) {
		key(':');
		for (const char *at = words[i]; *at; at++)
			key((unsigned char)*at);
		key(KEYS_ENTER);
		shows("this console only looks");
		pass(9000);
	}
	shows("looking only");
	assert_int_equal(commands(), before);
	key('q'); /* nothing of its own is left behind */
	assert_true(console_left(c));
}

static void several_pools_are_gone_through(void **state)
{
	(void)state;
	/* The second pool of this desk is another fake. */
	struct fake *two = fake_new("shop", 3, s.now);
	static const char *const target[] = {"fake:shop"};
	fake_become(two, "shop-9");
	assert_int_equal(fake_act(two, "ana@ops2", "k-1", VERB_STEP, 100, ""), 200);
	struct pool_setup setup = {.name = "shop",
		.env = "",
		.targets = target,
		.target_count = 1,
		.interval_ms = 1000,
		.limits = &s.limits,
		.plan_hash = ""};
	struct err err;
	assert_int_equal(desk_add(d, &setup, NULL, NULL, s.now, &err), 1);
	pass(3000);
	shows("1/2 checkout");
	/* What is exposed elsewhere is asked about, too. */
	key('q');
	shows("FLEET 2");
	key('q');
	assert_false(console_left(c));
	shows("LEAVE shop");
	key(KEYS_ESC);
	key('1');
	key(KEYS_TAB);
	shows("1/2 checkout");
	key(KEYS_TAB);
	shows("2/2 shop");
	key('R');
	shows("ROLL BACK shop 1 > 0 %");
	pass(500);
	key('y');
	pass(2000);
	assert_int_equal(fake_share_bp(two), 0);
	assert_int_equal(commands(), 0);
	console_free(c);
	c = NULL;
	site_close(&s, d);
	fake_free(two);
}

/* ---- who may, what goes back ---- */

/* Each word that is typed opens its sheet, or says at once why it never can. */
static void every_act_is_typed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{"strategy shadow", "STEP checkout"},
		{"strategy nothing", "'nothing' is no strategy"},
		{"operations -train", "OPERATIONS checkout"},
		{"operations train", "is no change of operations"},
		{"operations -pay", "does not get 'pay'"},
		{"guard hold 2h", "holds where it would roll back, for 2h"},
		{"guard act", "GUARD checkout"},
		{"guard hold 5h", "is nothing for a guard"},
		{"keep now", "'now' is too much"},
		{"keep", "keep: nothing to do, it is so already"},
		{"take", "take: nothing to do, it is so already"},
		{"arm", "ARM checkout"},
		{"arm 10%", "10 %: where every rollback goes"},
		{"arm x", "'x' is no share"},
		{"disarm", "DISARM checkout"},
		{"adopt", "ADOPT checkout"},
		{"adopt it", "'it' is too much"},
		{"close 0123", "no rollback '0123' of 'checkout' is open"},
		{"close", "close: no rollback is open"},
	};
	at_one_percent();
	int before = commands();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		command(rows[i].text);
		shows(rows[i].shown);
		key(KEYS_ESC);
		key(KEYS_ESC);
		pass(400);
	}
	assert_int_equal(commands(), before);
}

/* Who has the lease is seen, and it is taken by a sheet. */
static void a_lease_is_taken(void **state)
{
	(void)state;
	assert_int_equal(fake_lend(s.node[0], "ana@ops2", 30000), 200);
	pass(1200);
	shows("lease: ana@ops2 00:2");
	shows("lease is ana@ops2's for");
	command("take");
	shows("TAKE THE LEASE OF checkout");
	shows("ana@ops2's for 00:2");
	pass(1200);
	key('y');
	pass(2000);
	shows("lease: you");
	assert_string_equal(fake_lease(s.node[0]).holder, "kim@ops1");
}

/* What is typed for `adopt` is a reason and the name, and only that sends it. */
static void adopting_takes_a_reason_and_the_name(void **state)
{
	(void)state;
	at_one_percent();
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_STEP, 1000, ""), 200);
	pass(2000);
	int before = commands();
	command("adopt");
	shows("ADOPT checkout");
	shows("10 % is what was asked from now on");
	pass(1200);
	key('y');
	shows("m first: it asks for a reason");
	pass(400);
	type("mana did");
	key(KEYS_ENTER);
	pass(400);
	key('y');
	shows("to do it type checkout, Enter");
	type("checkou");
	key(KEYS_ENTER);
	shows("'checkou' is not its name");
	settle();
	assert_int_equal(commands(), before);
	pass(400);
	key('y');
	type("checkout");
	key(KEYS_ENTER);
	settle();
	assert_int_equal(commands(), before + 1);
	assert_int_equal(last_command()->verb, VERB_ADOPT);
	assert_string_equal(last_command()->reason, "ana did");
}

/* A key that comes while what was decided before is not read yet. */
static void early(uint32_t k)
{
	d->pools[0].loaded = false;
	key(k);
	console_refresh(c, s.now);
	d->pools[0].loaded = true;
}

/* It is read in a moment: the sheet of a word opens before, and only its y is refused. */
static void a_word_typed_before_the_past_is_read_opens_its_sheet(void **state)
{
	(void)state;
	at_one_percent();
	int before = commands();
	type(":finalize");
	early(KEYS_ENTER);
	shows("NO WAY BACK AFTER THIS");
	shows_not("refused");
	key(KEYS_ESC);
	type(":keep");
	early(KEYS_ENTER);
	shows("KEEP checkout");
	pass(1200);
	early('y');
	shows("what was decided about 'checkout' is not read yet");
	type(":approve");
	early(KEYS_ENTER);
	shows("approve: what was decided about 'checkout' is not read yet");
	command("approve");
	shows("approve: nobody asks for anything");
	command("close x");
	shows("close refused: ");
	settle();
	assert_int_equal(commands(), before);
}

/* Nobody keeps it: it goes back, and the console says so; S begins anew, U ends the hold. */
static void what_went_back_is_resumed(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	site_init(&s, 1, 7);
	const struct site_desk bare = {.actor = "kim@ops1", .file = "h.db"}; /* keeps nothing */
	d = site_open(&s, &bare);
	open_console(false);
	site_step(&s, d, 100);
	pass(1000);
	shows("back to 0 % in 02:0");
	pass(140000);
	shows("HELD by pool ");
	shows("went back: not kept");
	shows("U resume");
	shows("S step (locked)");
	key('U');
	shows("nobody had kept the raise");
	pass(1200);
	key('y');
	pass(2000);
	shows_not("HELD");
	shows_not("U resume");
	pass(500);
	key('U');
	shows("U: nothing is held");
}

/* S at a step that only some nodes took sends it to the rest. */
static void s_completes_what_is_partial(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	site_init(&s, 3, 7);
	d = site_open(&s, &kim);
	open_console(false);
	s.node[2]->refuse = ERR_LIMIT;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	assert_int_equal(r.status, ACT_BEGUN);
	pass(3000);
	s.node[2]->refuse = ERR_NONE;
	shows("PARTIAL 2/3");
	shows("S complete");
	key('S');
	shows("2 of 3 nodes have it; it is sent to the rest");
	pass(1200);
	key('y');
	pass(4000);
	shows("BAKING at 1 %");
	assert_int_equal(fake_share_bp(s.node[2]), 100);
}

/* S after a restart that lost the share puts it back. */
static void s_puts_back_what_a_restart_lost(void **state)
{
	(void)state;
	at_one_percent();
	fake_restart(s.node[0], false);
	pass(10000);
	shows("Pool restarted");
	shows("S put back");
	key('S');
	shows("what the pool had and lost in a restart");
	pass(1200);
	key('y');
	pass(3000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	shows("BAKING at 1 %");
}

/* While a rollback goes down in steps a hold stops nothing of it, and R y hurries it. */
static void a_gradual_rollback_can_be_held_and_hurried(void **state)
{
	(void)state;
	at_one_percent();
	site_step(&s, d, 1000);
	pass(2000);
	key('R');
	pass(400);
	key('g');
	pass(2000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	shows("ROLLING BACK to 0 %");
	key('H');
	pass(1000);
	assert_true(fake_is_held(s.node[0]));
	shows("ROLLING BACK to 0 %");
	key('R');
	pass(400);
	key('y');
	pass(3000);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	shows("ROLLED BACK to 0 %");
}

/* What is not in the history is told for as long as the console stands. */
static void what_is_not_recorded_says_so(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	site_init(&s, 1, 7);
	const struct site_desk bare = {.actor = "kim@ops1", .console = true};
	d = site_open(&s, &bare);
	open_console(false);
	key('H');
	pass(1500);
	shows("hold: VERIFIED in 0.");
	shows("NOT RECORDED");
	pass(20000);
	shows("NOT RECORDED: 1 act of this console");
}

/* Where the nodes differ and no step explains it, S says so; R works. */
static void s_says_why_where_nodes_differ(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	site_init(&s, 2, 7);
	d = site_open(&s, &kim);
	open_console(false);
	at_one_percent();
	assert_int_equal(fake_act(s.node[1], "ana@ops2", "k-1", VERB_STEP, 0, ""), 200);
	pass(2000);
	shows("MIXED");
	shows("S locked: W124 nodes differ");
	key('S');
	shows("S locked: W124 nodes differ");
	shows_not("STEP checkout");
	key('R');
	shows("ROLL BACK checkout");
}

/* Whatever room there is, row 3 says what happens if this console ends. */
static void row_three_always_says_what_if(void **state)
{
	(void)state;
	sit_at_unguarded(GUARD_ACTION_ROLLBACK, 1);
	at_one_percent();
	static const char holder[] = "a-person-with-a-rather-long-name@a-host-with-a-long-name";
	assert_int_equal(fake_lend(s.node[0], "kim@ops1", 0), 200);
	assert_int_equal(fake_lend(s.node[0], holder, 30000), 200);
	pass(1200);
	for (int w = 40; w <= 250; w++) {
		console_resize(c, w, 24);
		const char *at = screen();
		for (int row = 0; row < 2; row++)
			at = strchr(at, '\n') + 1;
		char line[400];
		snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
		if (!strstr(line, "leave: NOBODY WATCHES") || !strstr(line, "guard: console"))
			fail_msg("%d columns: %s", w, line);
	}
}

/* ---- text meant for another window ---- */

static uint64_t draw(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Whatever is typed in one case, with Enter and Tab and pauses between, without `:`, sends no
 * more than a hold. */
static void text_of_one_case_never_moves_a_share(void **state)
{
	(void)state;
	static const char *const words[] = {"SHARD", "RUDY", "HURRY", "YARDS", "SURELY",
		"shard rudy", "hurry yards", "RY", "SY", "ry", "sy", "uy", "UY", "RH", "RHY", "S\tY",
		"SRUHAY", "RG", "RGY", "rg", "gy", "grudgy", "R\tG"};
	at_one_percent();
	struct fake *f = s.node[0];
	f->got_count = 0;
	uint64_t seed = 20251121;
	for (int round = 0; round < 150; round++) {
		bool upper = draw(&seed) % 2;
		char text[24];
		size_t n = 1 + draw(&seed) % 16;
		for (size_t i = 0; i < n; i++)
			text[i] = (char)((upper ? 'A' : 'a') + (char)(draw(&seed) % 26));
		text[n] = 0;
		/* Half of it from the letters that mean something. */
		for (size_t i = 0; i < n; i++)
			if (draw(&seed) % 2)
				text[i] = (upper ? "SRHUAYG" : "srhuayg")[draw(&seed) % 7];
		const char *typed = round < (int)(sizeof words / sizeof *words) ? words[round] : text;
		for (const char *at = typed; *at; at++) {
			uint64_t what = draw(&seed) % 12;
			key(*at == '\t' ? KEYS_TAB : (unsigned char)*at);
			settle();
			if (what == 0)
				key(KEYS_ENTER);
			else if (what == 1)
				key(KEYS_TAB);
			else if (what == 2)
				key(' ');
			/* From faster than the eye to a thoughtful pause. */
			if (what % 3 == 0)
				pass((int64_t)(draw(&seed) % 4) * 500);
		}
		settle();
		for (int i = 0; i < f->got_count; i++)
			if (f->got[i].verb != VERB_HOLD)
				fail_msg(
					"round %d: \"%s\" sent a %s", round, typed, verb_row(f->got[i].verb)->word);
		f->got_count = 0;
		/* Leaving may be what lower case does; here it stays. */
		if (console_left(c)) {
			console_free(c);
			open_console(false);
		}
		/* What is left open is another text's affair: that may be of the other case. */
		for (int i = 0; i < 3; i++)
			key(KEYS_ESC);
	}
	assert_int_equal(fake_share_bp(f), 100);
	assert_int_equal(fake_epoch(f), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEYS(commands_are_typed),
		KEYS(a_console_that_only_looks_says_why),
		KEYS(several_pools_are_gone_through),
		KEYS(every_act_is_typed),
		KEYS(a_lease_is_taken),
		KEYS(adopting_takes_a_reason_and_the_name),
		KEYS(a_word_typed_before_the_past_is_read_opens_its_sheet),
		KEYS(what_went_back_is_resumed),
		KEYS(s_completes_what_is_partial),
		KEYS(s_puts_back_what_a_restart_lost),
		KEYS(a_gradual_rollback_can_be_held_and_hurried),
		KEYS(what_is_not_recorded_says_so),
		KEYS(s_says_why_where_nodes_differ),
		KEYS(row_three_always_says_what_if),
		KEYS(text_of_one_case_never_moves_a_share),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
