/* A disk that fails at any call, and one that loses its power at any sync. Each time: what was
 * acknowledged is in the file, the file and its chain are whole, what could not be recorded was
 * said, and the brakes are kept. VFS_EVERY=1 takes every call of every kind and every sync with
 * many seeds; without it a few of each, other ones for each kind. */
#include "tests/unit/history/fixture.h"

#include "tests/lib/vfs_tape.h"

#define STEPS 3
#define TICKS 5
#define SAMPLE_ROWS (TICKS * 2)
#define BRAKE 1 /* the second intent is a rollback */

static const char *const ids[STEPS] = {"d-0", "d-1", "d-2"};

static bool is_long(void)
{
	const char *every = getenv("VFS_EVERY");

	return every != NULL && strcmp(every, "1") == 0;
}

/* ---- a day of a history ---- */

/* What the loop was told. */
struct heard {
	bool committed[STEPS], refused[STEPS];
	bool opened, failed, trouble;
	bool brake_kept; /* as the rollback was refused */
	int64_t lost;
	size_t committed_at[STEPS]; /* the length of the tape then */
};

static void hear(struct heard *t, const struct history_answer *a)
{
	t->opened = t->opened || a->kind == HISTORY_OPENED;
	t->failed = t->failed || a->kind == HISTORY_FAILED;
	t->trouble = t->trouble || (a->kind == HISTORY_TROUBLE && a->err.code != ERR_NONE);
	if (a->kind == HISTORY_FAILED || a->kind == HISTORY_REFUSED)
		assert_true(a->err.code != ERR_NONE && a->err.text[0] != '\0');
}

/* The next answer of one of two kinds, for `id` where it is not NULL. True for the first kind. */
static bool await(struct history *h, struct heard *t, enum history_answer_kind good,
	enum history_answer_kind bad, const char *id)
{
	for (;;) {
		struct history_answer a;

		next_answer(h, &a);
		hear(t, &a);

		const enum history_answer_kind kind = a.kind;
		const bool meant = (kind == good || kind == bad) &&
			(id == NULL || kind == HISTORY_FAILED || strcmp(a.id, id) == 0);

		/* nothing is acknowledged by a file that was given up */
		assert_false(t->failed && kind == HISTORY_COMMITTED);
		history_answer_release(&a);
		if (meant)
			return kind == good;
	}
}

static void ask_intent(struct history *h, struct heard *t, int i, struct vfs_tape *tape)
{
	struct decision d = make_decision(ids[i], T0 + i);

	if (i == BRAKE) {
		d.verb = VERB_ROLLBACK;
		d.to_bp = 0;
	}
	history_intent(h, &d);
	t->committed[i] = await(h, t, HISTORY_COMMITTED, HISTORY_REFUSED, d.id);
	t->refused[i] = !t->committed[i];
	if (tape != NULL)
		t->committed_at[i] = vfs_tape_count(tape);
	if (i == BRAKE && t->refused[i])
		t->brake_kept = history_emergency(h);
	/* a step that was not recorded is not sent; a brake is */
	if (t->committed[i] || i == BRAKE) {
		struct outcome_row row =
			make_outcome(d.id, OUTCOME_ROW_NODE, OUTCOME_APPLIED, T0 + i + 1);

		history_outcome(h, &row);
		row = make_outcome(d.id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + i + 1);
		history_outcome(h, &row);
	}
}

static void ask_observed(struct history *h)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	struct audit_entry e = {
		.seq = 1, .from_bp = 0, .to_bp = 100, .epoch = 1, .rev = 1, .age_ms = 1000};

	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node_id, sizeof s->node_id, "n-1");
	text_copy(e.what, sizeof e.what, "step");
	text_copy(e.key, sizeof e.key, "other-1");
	text_copy(e.actor, sizeof e.actor, "pat@ops2");
	history_node(h, T0, s->pool, s, "http://127.0.0.1:7070", "http");
	history_observed(h, T0 + 5000, s->pool, s, &e, 1);
	free(s);
}

static void ask_samples(struct history *h)
{
	struct history_sample s = {.sample.interval_ms = 1000};

	text_copy(s.pool_id, sizeof s.pool_id, "pool-1");
	text_copy(s.node_id, sizeof s.node_id, "n-1");
	for (int i = 0; i < TICKS; i++) {
		s.tick = i;
		s.sample.at = (struct instant){i * 1000, T0 + i * 1000};
		history_sample(h, &s);
	}
}

/* Opens, records, acts, loads, closes: every kind of row and transaction. `tape` may be NULL. */
static void live(const struct place *p, struct heard *t, struct vfs_tape *tape)
{
	struct history *h = start(p, "kim@ops1");
	struct history_answer a;

	await(h, t, HISTORY_OPENED, HISTORY_FAILED, NULL);
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	for (int i = 0; i < STEPS; i++)
		ask_intent(h, t, i, tape);
	ask_observed(h);
	ask_samples(h);
	history_event(h, T0 + 6000, "checkout", "drift", "it moved", "{}");
	history_load(h, "checkout", 10);
	await(h, t, HISTORY_LOADED, HISTORY_REFUSED, "checkout");
	/* what was refused is followed by why nothing can be written now */
	while (t->refused[STEPS - 1] && !t->failed && !t->trouble) {
		next_answer(h, &a);
		hear(t, &a);
		history_answer_release(&a);
	}
	t->lost = history_stop(h, DEADLINE_MS);
}

/* ---- what must hold ---- */

static int64_t count_decision(const struct place *p, const char *id)
{
	char sql[64 + DECISION_ID_MAX];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM decision WHERE id = '%s'", id);
	return ask(p->path, sql);
}

/* The next process opens it, finds it whole and goes on. */
static void check_opens(const struct place *p, const char *what)
{
	struct history *h = start(p, "kim@ops1");
	struct history_answer a;

	next_answer(h, &a);
	if (a.kind != HISTORY_OPENED)
		fail_msg("%s: cannot be opened again: W%d %s", what, a.err.code, a.err.text);
	history_answer_release(&a);
	commit(h, "next", T0 + 9000);
	if (history_stop(h, DEADLINE_MS) != 0)
		fail_msg("%s: the next process lost rows", what);
	assert_whole(p->path, NULL);
}

/* Nobody lost anything: all that was asked for is there. */
static void check_all(const struct place *p, const struct heard *t, const char *what)
{
	const int64_t outcomes = ask(p->path, "SELECT count(*) FROM outcome WHERE node = 'node-a'"),
				  samples = ask(p->path, "SELECT count(*) FROM sample"),
				  observed = ask(p->path, "SELECT count(*) FROM decision WHERE observed = 1");
	int64_t wanted = 0;

	for (int i = 0; i < STEPS; i++)
		wanted += t->committed[i] || i == BRAKE;
	if (outcomes != wanted || samples != SAMPLE_ROWS || observed != 1)
		fail_msg("%s: nothing was said to be lost, but there are %d of %d outcomes, %d of %d "
				 "samples, %d observed decisions",
			what, (int)outcomes, (int)wanted, (int)samples, SAMPLE_ROWS, (int)observed);
}

static void check_told(
	const struct place *p, const struct heard *t, bool full, const char *what)
{
	for (int i = 0; i < STEPS; i++) {
		const int64_t n = count_decision(p, ids[i]);

		if (t->committed[i] && n != 1)
			fail_msg("%s: %s was acknowledged and is there %d times", what, ids[i], (int)n);
		if (t->refused[i] && !t->failed && !t->trouble)
			fail_msg("%s: %s was refused, and no trouble was told", what, ids[i]);
		if (t->refused[i] && !full && !t->failed)
			fail_msg("%s: an I/O error, and the file was not given up", what);
		/* a row that met a full disk is taken back; behind an I/O error nobody can know */
		if (i != BRAKE && t->refused[i] && full && n != 0)
			fail_msg("%s: %s was refused and is there", what, ids[i]);
	}
	if (t->refused[BRAKE] && !t->brake_kept)
		fail_msg("%s: the emergency journal had no room for the rollback", what);
	if (count_decision(p, ids[BRAKE]) != 1)
		fail_msg(
			"%s: the rollback is there %d times", what, (int)count_decision(p, ids[BRAKE]));
	if (t->lost == 0)
		check_all(p, t, what);
}

/* ---- a disk that fails ---- */

struct sweep {
	const char *name;
	struct vfs_fault fault;
};

static const struct sweep full[] = {
	{"full once", {.calls = VFS_BIT(VFS_write), .error = VFS_FULL}},
	{"full from then on", {.calls = VFS_BIT(VFS_write), .error = VFS_FULL, .every = true}},
	{"half a write once", {.calls = VFS_BIT(VFS_write), .error = VFS_SHORT}},
	{"half a write and no more",
		{.calls = VFS_BIT(VFS_write), .error = VFS_SHORT, .every = true}},
};

static const struct sweep failing[] = {
	{"I/O error once", {.calls = VFS_ANY & ~VFS_BIT(VFS_read)}},
	{"I/O error from then on", {.calls = VFS_ANY & ~VFS_BIT(VFS_read), .every = true}},
	{"read error once", {.calls = VFS_BIT(VFS_read)}},
	{"read error from then on", {.calls = VFS_BIT(VFS_read), .every = true}},
	{"lock error from then on",
		{.calls = VFS_BIT(VFS_lock) | VFS_BIT(VFS_shm_lock), .every = true}},
	{"sync error from then on", {.calls = VFS_BIT(VFS_sync), .every = true}},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* One day with one fault; false when the day was over before it. */
static bool live_with(struct vfs *v, const struct sweep *s, int at)
{
	struct vfs_fault fault = s->fault;
	struct heard told = {0};
	struct place p;
	char what[96];

	place_make(&p);
	fault.at = at;
	vfs_arm(v, &fault);
	live(&p, &told, NULL);

	const bool met = vfs_disarm(v) > 0;

	snprintf(what, sizeof what, "%s, at %d (%s)", s->name, at, vfs_failed_at(v));
	if (!met && (told.lost != 0 || told.failed || told.trouble))
		fail_msg("%s: no call failed, and yet %lld rows were lost", what, (long long)told.lost);
	check_opens(&p, what);
	check_told(&p, &told, fault.error != VFS_IOERR, what);
	place_clean(&p);
	return met;
}

/* Every call, or every n-th, from another one on for each kind. */
static void sweep(const struct sweep *list, size_t count)
{
	struct vfs *v = vfs_new(NULL, NULL);
	const int stride = is_long() ? 1 : 13;

	for (size_t i = 0; i < count; i++) {
		const int64_t began = clock_monotonic_ms();
		int runs = 0, at = 1 + (int)i % stride;

		for (; live_with(v, &list[i], at); at += stride)
			runs++;
		print_message("%s: %d places, the last before %d, %lld ms\n", list[i].name, runs, at,
			(long long)(clock_monotonic_ms() - began));
		assert_true(runs > 0);
	}
	vfs_free(v);
}

/* The disk is full, from the beginning or in the middle of a write. */
static void row_53_full_at_any_write(void **state)
{
	(void)state;
	sweep(full, COUNT(full));
}

/* The disk fails at any call. */
static void row_54_an_error_at_any_call(void **state)
{
	(void)state;
	sweep(failing, COUNT(failing));
}

/* ---- a disk that fails again, as the next process brings the file in order ---- */

static const struct sweep again[] = {
	{"I/O error once", {.calls = VFS_ANY}},
	{"I/O error from then on", {.calls = VFS_ANY, .every = true}},
	{"half a write and no more",
		{.calls = VFS_BIT(VFS_write), .error = VFS_SHORT, .every = true}},
};

/* A day that ends as the rollback cannot be written: a log that nobody has closed, and a journal
 * of the dead. `at`: the write that fails for it. */
static void live_half(struct vfs *v, const struct place *p, struct heard *t, int at)
{
	vfs_arm(v, &(struct vfs_fault){VFS_BIT(VFS_write), at, true, VFS_IOERR});
	live(p, t, NULL);
	vfs_disarm(v);
}

/* The write from which on the first decision is in the file and the rollback is not. */
static int find_half(struct vfs *v)
{
	for (int at = 1;; at++) {
		struct heard t = {0};
		struct place p;

		place_make(&p);
		live_half(v, &p, &t, at);
		place_clean(&p);
		if (t.committed[0] && t.refused[BRAKE])
			return at;
		assert_false(t.committed[BRAKE]);
	}
}

/* False when the second process did not come so far as to meet the fault. */
static bool open_with(struct vfs *v, const struct sweep *s, int half, int at)
{
	struct vfs_fault fault = s->fault;
	struct heard first = {0}, second = {0};
	struct decision d = make_decision("again", T0 + 8000);
	struct place p;
	struct history *h;
	char what[96];

	place_make(&p);
	live_half(v, &p, &first, half);
	fault.at = at;
	vfs_arm(v, &fault);
	h = start(&p, "kim@ops1");
	await(h, &second, HISTORY_OPENED, HISTORY_FAILED, NULL);
	history_intent(h, &d);

	const bool committed = await(h, &second, HISTORY_COMMITTED, HISTORY_REFUSED, d.id);

	history_stop(h, DEADLINE_MS);

	const bool met = vfs_disarm(v) > 0;

	snprintf(what, sizeof what, "opened again, %s, at %d (%s)", s->name, at, vfs_failed_at(v));
	check_opens(&p, what);
	check_told(&p, &first, false, what);
	if (committed && count_decision(&p, d.id) != 1)
		fail_msg("%s: what was acknowledged is not there", what);
	if (!met && !committed)
		fail_msg("%s: no call failed, and yet it was refused", what);
	place_clean(&p);
	return met;
}

/* The disk fails while what it did not take the first time is brought in order. */
static void row_54_an_error_in_the_repair(void **state)
{
	struct vfs *v = vfs_new(NULL, NULL);
	const int stride = is_long() ? 1 : 11, half = find_half(v);

	(void)state;
	for (size_t i = 0; i < COUNT(again); i++) {
		int runs = 0, at = 1 + (int)i;

		for (; open_with(v, &again[i], half, at); at += stride)
			runs++;
		print_message("again, %s: %d places, the last before %d\n", again[i].name, runs, at);
		assert_true(runs > 0);
	}
	vfs_free(v);
}

/* ---- a power cut ---- */

/* What was acknowledged before the cut is on the disk behind it. */
static void check_cut(const struct place *p, const struct vfs_tape *tape, size_t count,
	uint64_t seed, const struct heard *told)
{
	struct place image = *p;
	char what[80];
	int64_t n, wanted = 0;

	snprintf(image.dir, sizeof image.dir, "%.100s/image", p->dir);
	snprintf(image.path, sizeof image.path, "%.120s/history.db", image.dir);
	snprintf(what, sizeof what, "power lost behind change %d, seed %d", (int)count, (int)seed);
	assert_int_equal(mkdir(image.dir, 0700), 0);
	assert_true(vfs_tape_lose(tape, count, seed, image.dir));
	check_opens(&image, what);
	for (int i = 0; i < STEPS; i++)
		wanted += told->committed_at[i] <= count;
	n = ask(image.path, "SELECT count(*) FROM decision WHERE id LIKE 'd-%'");
	if (n < wanted)
		fail_msg("%s: %d decisions were acknowledged, %d are there", what, (int)wanted, (int)n);
	folder_remove(image.dir);
}

/* The power goes: what was not synced is lost, in whole or in sectors, with its names. */
static void row_55_power_lost_at_any_sync(void **state)
{
	const uint64_t seeds = is_long() ? 40 : 5;
	struct vfs_tape *tape = vfs_tape_new();
	struct vfs *v = vfs_new(vfs_tape_add, tape);
	struct heard told = {0};
	struct place p;
	int cuts = 0;

	(void)state;
	place_make(&p);
	live(&p, &told, tape);
	assert_int_equal(told.lost, 0);
	settle(start_opened(&p, "kim@ops1")); /* a log that was removed is made again */
	vfs_free(v);
	v = vfs_new(NULL, NULL); /* what follows need not be synced */
	for (size_t i = 0; i <= vfs_tape_count(tape); i++) {
		/* before and behind a sync; the long form: at every change */
		const bool near = i == vfs_tape_count(tape) || vfs_tape_is_sync(tape, i) ||
			(i > 0 && vfs_tape_is_sync(tape, i - 1));

		if (!near && !is_long())
			continue;
		/* the short form: nothing, and one of the others */
		for (uint64_t seed = 0; seed < seeds; seed++)
			if (is_long() || seed == 0 || seed == 1 + i % (seeds - 1)) {
				check_cut(&p, tape, i, seed, &told);
				cuts++;
			}
	}
	print_message("%d cuts of %d changes\n", cuts, (int)vfs_tape_count(tape));
	assert_true(cuts > 20);
	vfs_free(v);
	vfs_tape_free(tape);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_53_full_at_any_write),
		cmocka_unit_test(row_54_an_error_at_any_call),
		cmocka_unit_test(row_54_an_error_in_the_repair),
		cmocka_unit_test(row_55_power_lost_at_any_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
