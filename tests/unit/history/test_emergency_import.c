/* salvage: what becomes of the slots of brakes when their process is killed or the disk fails,
 * and that nothing hostile is believed. */
#include "tests/unit/history/emergency_bed.h"

/* ---- the import ---- */

static void the_next_opener_imports(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	char name[256];

	(void)state;
	place_make(&p);
	make_dead(&p, 3, name, sizeof name);
	h = start_quick(&p);
	history_load(h, "checkout", 10); /* whoever is told that it is open sees them */
	wait_kind(h, HISTORY_LOADED, &a);
	assert_int_equal(a.decision_count, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a.decisions[i].at_ms, T0 + i);
		assert_true(a.decisions[i].late);
		assert_false(a.decisions[i].observed);
		assert_int_equal(a.decisions[i].verb, VERB_ROLLBACK);
		assert_int_equal(a.decisions[i].to_bp, 0);
		assert_string_equal(a.decisions[i].reason, "because");
	}
	assert_int_equal(a.decisions[0].outcome, OUTCOME_APPLIED);
	assert_int_equal(a.decisions[0].outcome_ms, T0 + 700);
	assert_true(decision_is_open(&a.decisions[1]));
	history_answer_release(&a);
	settle(h);
	assert_int_equal(journals(&p), 0);
	open_and_close(&p);
	assert_int_equal(decisions(&p), 3);
	assert_int_equal(alarms(&p), 0);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

static void a_known_decision_gains_its_outcome_only(void **state)
{
	struct place p;
	struct history *h;
	char name[256];

	(void)state;
	place_make(&p);
	h = start_quick(&p);
	commit(h, "d-0", T0);
	settle(h);
	for (int i = 0; i < 2; i++) { /* the second time the outcome is known, too */
		make_dead(&p, 1, name, sizeof name);
		open_and_close(&p);
		assert_int_equal(journals(&p), 0);
		assert_int_equal(decisions(&p), 1);
		assert_int_equal(ask(p.path, "SELECT late FROM decision"), 0);
		assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome WHERE row = 'final'"), 1);
	}
	assert_whole(p.path, NULL);
	place_clean(&p);
}

static void two_openers_import_once(void **state)
{
	enum { ROUNDS = 8 };
	struct place p;

	(void)state;
	place_make(&p);
	open_and_close(&p);
	for (int round = 0; round < ROUNDS; round++) {
		struct history *h[3];
		struct history_answer a;
		char name[256];

		make_dead(&p, 4, name, sizeof name);
		for (int i = 0; i < 3; i++)
			h[i] = start(&p, "kim@ops1");
		for (int i = 0; i < 3; i++) {
			expect_kind(h[i], HISTORY_OPENED);
			history_load(h[i], "checkout", 10);
			wait_kind(h[i], HISTORY_LOADED, &a);
			assert_int_equal(a.decision_count, 4);
			history_answer_release(&a);
		}
		for (int i = 0; i < 3; i++)
			settle(h[i]);
		assert_int_equal(journals(&p), 0);
		assert_int_equal(decisions(&p), 4);
	}
	assert_whole(p.path, NULL);
	place_clean(&p);
}

/* The log of the pool may be read before the journal of the dead: both end in one own row. */
static void a_dead_ones_brake_completes_what_the_log_told(void **state)
{
	struct place p;
	char name[256];
	struct snapshot *node = mem_new(1, sizeof *node);
	const struct audit_entry e = {.seq = 1,
		.from_bp = 1000,
		.to_bp = 0,
		.epoch = 4,
		.rev = 43,
		.age_ms = 1,
		.what = "rollback",
		.key = "d-0",
		.actor = "kim@ops1"};
	struct history *h;
	struct decision d;
	struct query *q;
	struct err err = {0};

	(void)state;
	place_make(&p);
	text_copy(node->pool_id, sizeof node->pool_id, "pool-1");
	text_copy(node->node_id, sizeof node->node_id, "n-1");
	h = start_quick(&p);
	history_observed(h, T0 + 900, "checkout", node, &e, 1);
	expect_kind(h, HISTORY_OBSERVED);
	settle(h);
	make_dead(&p, 1, name, sizeof name);
	for (int i = 0; i < 2; i++)
		open_and_close(&p);
	assert_int_equal(journals(&p), 0);
	assert_int_equal(decisions(&p), 1);
	assert_int_equal(query_open(&q, p.path, &err), 0);
	assert_int_equal(query_decision(q, "d-0", &d, &err), 1);
	assert_string_equal(d.reason, "because");
	assert_int_equal(d.at_ms, T0);
	assert_true(d.late);
	assert_false(d.observed);
	query_close(q);
	assert_whole(p.path, NULL);
	free(node);
	place_clean(&p);
}

static void a_living_journal_is_left_alone(void **state)
{
	struct place p;
	struct emergency *e = mem_new(1, sizeof *e);
	struct decision d = make_brake("d-1", T0);

	(void)state;
	place_make(&p);
	emergency_open(e, p.path);
	emergency_put(e, &d);
	open_and_close(&p);
	assert_int_equal(decisions(&p), 0);
	assert_int_equal(journals(&p), 1);
	emergency_close(e);
	open_and_close(&p);
	assert_int_equal(decisions(&p), 1);
	assert_int_equal(journals(&p), 0);
	free(e);
	place_clean(&p);
}

/* What was cut short, or changed, is told of; the slots beside it are imported. */
static void a_torn_slot_is_told_of(void **state)
{
	struct place p;
	char name[256];

	(void)state;
	place_make(&p);
	make_dead(&p, 3, name, sizeof name);
	damage(name, 512 + TEXTS + 1, "XXXX", 4);
	open_and_close(&p);
	assert_int_equal(decisions(&p), 2);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision WHERE id = 'd-1'"), 0);
	assert_int_equal(alarms(&p), 1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM event WHERE text LIKE '1 of 128 slots of"
						 " history.db-emergency-dead are damaged%' AND at_ms > 0"),
		1);
	assert_int_equal(journals(&p), 0);
	/* a torn outcome is none: the pool is asked */
	make_dead(&p, 1, name, sizeof name);
	damage(name, OUTCOME + 1, "X", 1);
	assert_int_equal(unlink(p.path), 0);
	open_and_close(&p);
	assert_int_equal(decisions(&p), 1);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome"), 0);
	assert_int_equal(alarms(&p), 0);
	place_clean(&p);
}

/* A right hash makes no wrong content right. */
static void hostile_content_is_refused(void **state)
{
	static const struct {
		const char *what;
		long at;
		const char *bytes;
		size_t len;
	} wrong[] = {
		{"a control character in the id", TEXTS, "d\x1b", 2},
		{"a path as id", TEXTS, "../", 3},
		{"no id", TEXTS, "\0", 1},
		{"no pool", TEXTS + 4, "\0", 1},
		{"a time before 1970", 16, "\xff\xff\xff\xff\xff\xff\xff\xff", 8},
		{"a time that no calendar has", 16, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8},
		{"an epoch below 0", 24, "\xff\xff\xff\xff\xff\xff\xff\xff", 8},
		{"a share above all", 44, "\x11\x27\0\0", 4},
		{"a share below none", 40, "\xfe\xff\xff\xff", 4},
		{"another magic", 8, "weirbrk9", 8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct place p;
		char name[256];

		print_message("%s\n", wrong[i].what);
		place_make(&p);
		make_dead(&p, 2, name, sizeof name);
		damage(name, wrong[i].at, wrong[i].bytes, wrong[i].len);
		sign(name);
		open_and_close(&p);
		assert_int_equal(decisions(&p), 1);
		assert_int_equal(ask(p.path, "SELECT count(*) FROM decision WHERE id = 'd-1'"), 1);
		assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome"), 0);
		assert_int_equal(alarms(&p), 1);
		place_clean(&p);
	}
}

/* Puts other texts into the first slot, rightly hashed. */
static void set_texts(const char *name, const char *texts, size_t len)
{
	char all[336] = {0};

	assert_true(len <= sizeof all);
	memcpy(all, texts, len);
	damage(name, TEXTS, all, sizeof all);
	sign(name);
}

static void hostile_texts_are_cleaned_or_refused(void **state)
{
#define GOOD "d-0\0shop\0p-1\0"
	static const struct {
		const char *texts;
		size_t len;
		bool taken;
	} cases[] = {
#define CASE(s, taken) {s, sizeof s, taken}
		CASE(GOOD "kim\0operator\0rollback\0because", true),
		CASE(GOOD "k\x1b[2Jim\0operator\0hold\0a\nb\xff", true),
		CASE(GOOD "kim\0operator\0step\0forward", false), /* no brake */
		CASE(GOOD "kim\0operator\0finish\0forward", false),
		CASE(GOOD "kim\0operator\0\0forward", false),
		CASE(GOOD "kim\0an operator of more than 23 bytes\0rollback\0", false),
#undef CASE
	};
	char endless[336];
	struct place p;
	char name[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		place_make(&p);
		make_dead(&p, 1, name, sizeof name);
		set_texts(name, cases[i].texts, cases[i].len);
		open_and_close(&p);
		assert_int_equal(decisions(&p), cases[i].taken);
		assert_int_equal(alarms(&p), !cases[i].taken);
		if (i == 1)
			assert_int_equal(ask(p.path,
								 "SELECT count(*) FROM decision WHERE verb = 'hold'"
								 " AND actor = 'k^[[2Jim' AND reason = 'a^Jb<FF>'"),
				1);
		place_clean(&p);
	}
	place_make(&p);
	make_dead(&p, 1, name, sizeof name);
	memset(endless, 'x', sizeof endless); /* no NUL anywhere */
	set_texts(name, endless, sizeof endless);
	open_and_close(&p);
	assert_int_equal(decisions(&p), 0);
	assert_int_equal(alarms(&p), 1);
	place_clean(&p);
#undef GOOD
}

/* An outcome that no decision of ours ever has is left out; its decision is not. */
static void hostile_outcomes_are_left_out(void **state)
{
	static const char *const kinds[] = {"PENDING", "UNRESOLVED", "", "applied", "\x1b"};

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct place p;
		char name[256], outcome[104] = "";

		place_make(&p);
		make_dead(&p, 1, name, sizeof name);
		text_copy(outcome, sizeof outcome, kinds[i]);
		damage(name, OUTCOME, outcome, sizeof outcome);
		sign(name);
		open_and_close(&p);
		assert_int_equal(decisions(&p), 1);
		assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome"), 0);
		place_clean(&p);
	}
}

/* Files that only look like journals stay where they are, and say nothing. */
static void foreign_files_are_left_alone(void **state)
{
	enum { SYMLINK, HARD, SHORT, LONG, FOREIGN, WRITABLE, FIFO, ANOTHER, KINDS };
	unsigned char *bytes = mem_new(1, EMERGENCY_BYTES + 1);
	char name[256], other[256];

	(void)state;
	memset(bytes, 'x', EMERGENCY_BYTES + 1);
	for (int kind = 0; kind < KINDS; kind++) {
		struct place p;
		struct stat st;

		place_make(&p);
		make_dead(&p, 1, name, sizeof name);
		snprintf(other, sizeof other, "%s/other", p.dir);
		if (kind == SYMLINK) {
			assert_int_equal(rename(name, other), 0);
			assert_int_equal(symlink(other, name), 0);
		} else if (kind == HARD) {
			assert_int_equal(link(name, other), 0);
		} else if (kind == SHORT) {
			assert_int_equal(truncate(name, EMERGENCY_BYTES - 1), 0);
		} else if (kind == LONG) {
			damage(name, EMERGENCY_BYTES, "x", 1);
		} else if (kind == FOREIGN) {
			damage(name, 0, bytes, EMERGENCY_BYTES);
		} else if (kind == WRITABLE) {
			assert_int_equal(chmod(name, 0602), 0);
		} else if (kind == FIFO) {
			assert_int_equal(unlink(name), 0);
			assert_int_equal(mkfifo(name, 0600), 0);
		} else { /* of a history with another name */
			assert_int_equal(unlink(other) < 0 && rename(name, other) == 0, 1);
			snprintf(name, sizeof name, "%s/history.db2" EMERGENCY_TAIL "1", p.dir);
			assert_int_equal(rename(other, name), 0);
		}
		open_and_close(&p);
		assert_int_equal(decisions(&p), 0);
		assert_int_equal(alarms(&p), 0);
		assert_int_equal(lstat(name, &st), 0);
		place_clean(&p);
	}
	free(bytes);
}

/* Root can give a file to somebody else; others cannot make this test. */
static void the_file_of_a_stranger_is_not_believed(void **state)
{
	struct place p;
	char name[256];

	(void)state;
	if (geteuid() != 0)
		skip();
	place_make(&p);
	make_dead(&p, 1, name, sizeof name);
	assert_int_equal(chown(name, 4711, 4711), 0);
	open_and_close(&p);
	assert_int_equal(decisions(&p), 0);
	assert_int_equal(journals(&p), 1);
	/* nor is one of the group, where the group does not write the history */
	assert_int_equal(chown(p.path, (uid_t)-1, 4711), 0);
	open_and_close(&p);
	assert_int_equal(decisions(&p), 0);
	assert_int_equal(chmod(p.path, 0660), 0);
	open_and_close(&p);
	assert_int_equal(decisions(&p), 1);
	assert_int_equal(journals(&p), 0);
	place_clean(&p);
}

/* Killed while the file was made: before it had its size, or its slots. */
static void an_unfinished_file_goes(void **state)
{
	struct place p;
	char name[256];

	(void)state;
	place_make(&p);
	for (int size = 0; size <= EMERGENCY_BYTES; size += EMERGENCY_BYTES) {
		int fd;

		name_of(name, sizeof name, &p, "1");
		fd = open(name, O_CREAT | O_WRONLY, 0600);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, size), 0);
		close(fd);
		open_and_close(&p);
		assert_int_equal(journals(&p), 0);
		assert_int_equal(alarms(&p), 0);
	}
	place_clean(&p);
}

/* More than an opening takes: the rest waits for the next one. */
static void many_dead_are_imported_in_turn(void **state)
{
	struct place p;
	char name[256], to[256], tail[16];

	(void)state;
	place_make(&p);
	for (int i = 0; i < 70; i++) {
		make_dead(&p, 1, name, sizeof name);
		snprintf(tail, sizeof tail, "n%d", i);
		name_of(to, sizeof to, &p, tail);
		assert_int_equal(rename(name, to), 0);
	}
	open_and_close(&p);
	assert_int_equal(journals(&p), 6);
	open_and_close(&p);
	assert_int_equal(journals(&p), 0);
	assert_int_equal(decisions(&p), 1);
	place_clean(&p);
}

/* A journal that could not be imported at first is, when writing works. */
static void the_import_waits_for_the_disk(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	const struct history_options how = {
		.path = p.path, .actor = "kim@ops1", .key_dir = p.keys, .quiet = true, .lock_ms = 20};
	struct err err = {0};
	sqlite3 *db;
	char name[256];

	(void)state;
	place_make(&p);
	open_and_close(&p);
	make_dead(&p, 1, name, sizeof name);
	/* SQLite's own lock stops the transaction, not the opening */
	assert_int_equal(sqlite3_open(p.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(history_start(&h, &how, &err), 0);
	expect_kind(h, HISTORY_OPENED);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_TROUBLE);
	assert_int_equal(a.err.code, ERR_LOCKED);
	assert_int_equal(journals(&p), 2);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_TROUBLE);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(decisions(&p), 1);
	settle(h);
	assert_int_equal(journals(&p), 0);
	place_clean(&p);
}

/* ---- kills and failures ---- */

/* A child presses brakes while its writer cannot write, says how far it is and is killed. */
static void press_until_killed(const struct place *p, int out, const char *id)
{
	struct history *h = start_quick(p);
	struct decision d = make_brake(id, T0);
	struct outcome_row row = applied(id, T0 + 9);
	char byte = 'o';

	if (write(out, &byte, 1) != 1 || read(out, &byte, 1) != 1) /* the parent locks between */
		_exit(1);
	history_intent(h, &d);
	if (write(out, &byte, 1) != 1) /* at once: nothing may be waited for */
		_exit(2);
	history_outcome(h, &row);
	if (write(out, &byte, 1) != 1)
		_exit(3);
	for (;;)
		pause();
}

static void a_brake_survives_a_kill(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	for (int with_outcome = 0; with_outcome < 2; with_outcome++) {
		int fds[2], status;
		char id[16], byte, sql[200];
		struct stat st;
		int lock;
		pid_t pid;

		snprintf(id, sizeof id, "kill-%d", with_outcome);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(fds[0]);
			press_until_killed(&p, fds[1], id);
		}
		close(fds[1]);
		assert_int_equal(read(fds[0], &byte, 1), 1);
		lock = block(&p);
		assert_int_equal(write(fds[0], &byte, 1), 1);
		for (int i = 0; i <= with_outcome; i++)
			assert_int_equal(read(fds[0], &byte, 1), 1);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		close(fds[0]);
		unblock(lock);
		assert_int_equal(journals(&p), 1);
		open_and_close(&p);
		snprintf(sql, sizeof sql,
			"SELECT count(*) FROM decision WHERE id = '%s' AND late = 1 AND at_ms = %lld", id,
			(long long)T0);
		assert_int_equal(ask(p.path, sql), 1);
		if (with_outcome)
			assert_int_equal(ask(p.path,
								 "SELECT count(*) FROM outcome WHERE decision = 'kill-1'"
								 " AND kind = 'APPLIED'"),
				1);
		assert_int_equal(journals(&p), 0);
		assert_int_equal(stat(p.path, &st), 0);
	}
	assert_whole(p.path, NULL);
	place_clean(&p);
}

/* Killed at any moment of many brakes: each that history_intent returned from is found. */
static void no_pressed_brake_is_lost(void **state)
{
	enum { ROUNDS = 12 };
	struct place p;

	(void)state;
	place_make(&p);
	for (int round = 0; round < ROUNDS; round++) {
		int fds[2], pressed = 0, status;
		char bytes[256], sql[100];
		ssize_t got;
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct history *h = start_quick(&p);

			for (int i = 0; i < 100; i++) { /* fewer than slots: none is refused one */
				char id[32];
				struct decision d;

				snprintf(id, sizeof id, "r%d-%d", round, i);
				d = make_brake(id, T0 + i);
				history_intent(h, &d);
				if (write(fds[1], "x", 1) != 1)
					_exit(1);
			}
			for (;;)
				pause();
		}
		close(fds[1]);
		while (pressed < 1 + round * 8 && (got = read(fds[0], bytes, 1)) > 0)
			pressed += (int)got;
		kill(pid, SIGKILL);
		while ((got = read(fds[0], bytes, sizeof bytes)) > 0)
			pressed += (int)got;
		close(fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		open_and_close(&p);
		snprintf(
			sql, sizeof sql, "SELECT count(*) FROM decision WHERE id LIKE 'r%d-%%'", round);
		assert_in_range(ask(p.path, sql), pressed, pressed + 1);
		assert_int_equal(journals(&p), 0);
	}
	assert_whole(p.path, NULL);
	place_clean(&p);
}

/* Refused while nothing can be written, then written by itself, once, with its outcome. */
static void a_passing_failure_only_delays_a_brake(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct decision brake = make_brake("brake", T0), step = make_decision("step", T0 + 1);
	struct outcome_row row = applied("brake", T0 + 2);
	int lock;

	(void)state;
	place_make(&p);
	h = start_quick(&p);
	lock = block(&p);
	history_intent(h, &brake);
	wait_kind(h, HISTORY_REFUSED, &a);
	assert_string_equal(a.id, "brake");
	assert_int_equal(a.err.code, ERR_LOCKED);
	history_answer_release(&a);
	assert_true(history_emergency(h));
	history_outcome(h, &row);
	history_intent(h, &step);
	wait_kind(h, HISTORY_REFUSED, &a);
	assert_string_equal(a.id, "step");
	history_answer_release(&a);
	unblock(lock);
	wait_kind(h, HISTORY_TROUBLE, &a); /* may be the bad one that the refusal brought */
	while (a.err.code != ERR_NONE)
		wait_kind(h, HISTORY_TROUBLE, &a);
	assert_false(history_next(h, &a) && a.kind == HISTORY_COMMITTED);
	settle(h);
	assert_int_equal(decisions(&p), 1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM decision WHERE id = 'brake' AND late = 1"
						 " AND at_ms = 1800000000000 AND evidence <> '{}'"),
		1);
	assert_int_equal(ask(p.path, "SELECT kind = 'APPLIED' FROM outcome"), 1);
	assert_int_equal(journals(&p), 0);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

/* A brake that waits for its next try can be given up, too. */
static void a_late_brake_can_be_cancelled(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct decision brake = make_brake("brake", T0);
	int lock;

	(void)state;
	place_make(&p);
	h = start_quick(&p);
	lock = block(&p);
	history_intent(h, &brake);
	wait_kind(h, HISTORY_REFUSED, &a);
	history_answer_release(&a);
	history_cancel(h, "brake", T0 + 5, "never mind");
	unblock(lock);
	settle(h);
	assert_int_equal(decisions(&p), 1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM outcome WHERE kind = 'NOT_SENT'"
						 " AND answer = 'never mind'"),
		1);
	assert_int_equal(journals(&p), 0);
	place_clean(&p);
}

/* An end while nothing can be written: nothing is lost, the next opener has it. */
static void an_end_without_a_disk_leaves_the_journal(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct decision brake = make_brake("brake", T0);
	struct outcome_row row = applied("brake", T0 + 2);
	int lock;

	(void)state;
	place_make(&p);
	h = start_quick(&p);
	lock = block(&p);
	history_intent(h, &brake);
	wait_kind(h, HISTORY_REFUSED, &a);
	history_answer_release(&a);
	history_outcome(h, &row);
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
	unblock(lock);
	assert_int_equal(journals(&p), 1);
	assert_int_equal(decisions(&p), 0);
	open_and_close(&p);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision WHERE late = 1"), 1);
	assert_int_equal(ask(p.path, "SELECT kind = 'APPLIED' FROM outcome"), 1);
	assert_int_equal(journals(&p), 0);
	place_clean(&p);
}

/* After a disk error the file is closed for good; brakes go on into the journal until it is
 * full, and the next opener has them all. */
static void a_lost_file_leaves_its_brakes_to_the_next(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct rlimit before, none;
	struct decision d = make_brake("b-0", T0);

	(void)state;
	place_make(&p);
	signal(SIGXFSZ, SIG_IGN);
	h = start_quick(&p);
	commit(h, "d-1", T0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){1, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	history_intent(h, &d);
	expect_kind(h, HISTORY_REFUSED);
	next_answer(h, &a);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(a.kind, HISTORY_FAILED);
	history_answer_release(&a);
	for (int i = 1; i <= EMERGENCY_SLOTS; i++) { /* one more than there is room for */
		struct outcome_row row;

		assert_true(history_emergency(h));
		snprintf(d.id, sizeof d.id, "b-%d", i);
		history_intent(h, &d);
		expect_kind(h, HISTORY_REFUSED);
		row = applied(d.id, T0 + 1);
		if (i < 10)
			history_outcome(h, &row);
	}
	assert_false(history_emergency(h));
	assert_int_equal(history_stop(h, DEADLINE_MS), 1); /* that one, and it is said */
	open_and_close(&p);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision WHERE late = 1"), 128);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision WHERE id = 'b-128'"), 0);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome"), 9);
	assert_int_equal(journals(&p), 0);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

/* A history that cannot even be opened keeps brakes for the one that is put right. */
static void a_history_that_fails_to_open_keeps_brakes(void **state)
{
	struct place p;
	struct history *h;
	struct decision d = make_brake("d-1", T0);
	const struct history_options how = {
		.path = p.path, .actor = "kim@ops1", .key_dir = p.keys, .quiet = true};
	struct err err;
	FILE *f;

	(void)state;
	place_make(&p);
	f = fopen(p.path, "w");
	assert_non_null(f);
	fputs("this is no history, but it is long enough to be looked at", f);
	fclose(f);
	assert_int_equal(history_start(&h, &how, &err), 0);
	expect_kind(h, HISTORY_FAILED);
	assert_true(history_emergency(h));
	history_intent(h, &d);
	expect_kind(h, HISTORY_REFUSED);
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
	assert_int_equal(unlink(p.path), 0);
	open_and_close(&p);
	assert_int_equal(ask(p.path, "SELECT late FROM decision"), 1);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_opener_imports),
		cmocka_unit_test(a_known_decision_gains_its_outcome_only),
		cmocka_unit_test(two_openers_import_once),
		cmocka_unit_test(a_dead_ones_brake_completes_what_the_log_told),
		cmocka_unit_test(a_living_journal_is_left_alone),
		cmocka_unit_test(a_torn_slot_is_told_of),
		cmocka_unit_test(hostile_content_is_refused),
		cmocka_unit_test(hostile_texts_are_cleaned_or_refused),
		cmocka_unit_test(hostile_outcomes_are_left_out),
		cmocka_unit_test(foreign_files_are_left_alone),
		cmocka_unit_test(the_file_of_a_stranger_is_not_believed),
		cmocka_unit_test(an_unfinished_file_goes),
		cmocka_unit_test(many_dead_are_imported_in_turn),
		cmocka_unit_test(the_import_waits_for_the_disk),
		cmocka_unit_test(a_brake_survives_a_kill),
		cmocka_unit_test(no_pressed_brake_is_lost),
		cmocka_unit_test(a_passing_failure_only_delays_a_brake),
		cmocka_unit_test(a_late_brake_can_be_cancelled),
		cmocka_unit_test(an_end_without_a_disk_leaves_the_journal),
		cmocka_unit_test(a_lost_file_leaves_its_brakes_to_the_next),
		cmocka_unit_test(a_history_that_fails_to_open_keeps_brakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
