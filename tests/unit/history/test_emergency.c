/* emergency: the slots of brakes, and their file. */
#include "tests/unit/history/emergency_bed.h"

/* ---- slots ---- */

static void a_slot_is_read_as_it_was_written(void **state)
{
	struct emergency_found *f = mem_new(1, sizeof *f);
	struct emergency *e = mem_new(1, sizeof *e);
	struct decision d = make_brake("0190b0b0-0000-7000-8000-000000000001", T0);
	struct outcome_row row = applied(d.id, T0 + 5), second = row;
	struct place p;

	(void)state;
	place_make(&p);
	emergency_open(e, p.path);
	assert_non_null(e->slots);
	memset(d.reason, 'r', sizeof d.reason - 1); /* all of it has room beside usual names */
	assert_true(emergency_put(e, &d));
	assert_true(emergency_put(e, &d)); /* a second press: the same slot */
	assert_int_equal(e->count, 1);
	emergency_outcome(e, &row);
	second.kind = OUTCOME_VOID;
	emergency_outcome(e, &second); /* the first stays */
	emergency_read(f, e->slots, 0);
	assert_true(f->has_decision && f->has_outcome && !f->is_damaged);
	assert_string_equal(f->decision.id, d.id);
	assert_string_equal(f->decision.pool, d.pool);
	assert_string_equal(f->decision.pool_id, d.pool_id);
	assert_string_equal(f->decision.actor, d.actor);
	assert_string_equal(f->decision.role, d.role);
	assert_string_equal(f->decision.reason, d.reason);
	assert_int_equal(f->decision.verb, VERB_ROLLBACK);
	assert_int_equal(f->decision.at_ms, T0);
	assert_int_equal(f->decision.from_bp, 1000);
	assert_int_equal(f->decision.to_bp, 0);
	assert_int_equal(f->decision.epoch, 3);
	assert_int_equal(f->decision.rev, 42);
	assert_true(f->decision.late);
	assert_string_equal(f->outcome.decision, d.id);
	assert_int_equal(f->outcome.kind, OUTCOME_APPLIED);
	assert_int_equal(f->outcome.at_ms, T0 + 5);
	assert_int_equal(f->outcome.latency_ms, 12);
	assert_string_equal(f->outcome.answer, "ok");
	emergency_read(f, e->slots, 1);
	assert_false(f->has_decision || f->is_damaged);
	emergency_drop(e, d.id);
	emergency_close(e);
	free(e);
	free(f);
	place_clean(&p);
}

/* The longest names there are leave a reason little room, and nothing else is cut. */
static void only_the_reason_is_cut(void **state)
{
	struct emergency_found *f = mem_new(1, sizeof *f);
	struct emergency *e = mem_new(1, sizeof *e);
	struct decision d = make_brake("x", T0);
	struct place p;

	(void)state;
	place_make(&p);
	emergency_open(e, p.path);
	memset(d.id, 'i', sizeof d.id - 1);
	memset(d.pool, 'p', sizeof d.pool - 1);
	memset(d.pool_id, 'q', sizeof d.pool_id - 1);
	memset(d.actor, 'a', sizeof d.actor - 1);
	memset(d.role, 'o', sizeof d.role - 1);
	d.epoch = d.rev = UNKNOWN;
	d.from_bp = -1;
	text_copy(d.reason, sizeof d.reason, "12345678\xc3\xa4 and a great deal of other words");
	assert_true(emergency_put(e, &d));
	emergency_read(f, e->slots, 0);
	assert_true(f->has_decision);
	assert_string_equal(f->decision.id, d.id);
	assert_string_equal(f->decision.pool, d.pool);
	assert_string_equal(f->decision.pool_id, d.pool_id);
	assert_string_equal(f->decision.actor, d.actor);
	assert_string_equal(f->decision.role, d.role);
	assert_true(strlen(f->decision.reason) >= 8);
	assert_memory_equal(f->decision.reason, d.reason, strlen(f->decision.reason));
	assert_true(text_valid(f->decision.reason, strlen(f->decision.reason)));
	assert_int_equal(f->decision.epoch, UNKNOWN);
	assert_int_equal(f->decision.from_bp, -1);
	emergency_drop(e, d.id);
	emergency_close(e);
	free(e);
	free(f);
	place_clean(&p);
}

static void a_slot_is_freed_when_nothing_is_missing(void **state)
{
	struct emergency *e = mem_new(1, sizeof *e);
	struct decision d = make_brake("d-1", T0);
	struct outcome_row row = applied("d-1", T0), node = row;
	struct place p;

	(void)state;
	place_make(&p);
	emergency_open(e, p.path);
	/* the row alone */
	emergency_put(e, &d);
	emergency_recorded(e, "d-1");
	assert_false(emergency_holds(e, "d-1"));
	/* an outcome that is not committed keeps it */
	emergency_put(e, &d);
	node.row = OUTCOME_ROW_NODE;
	emergency_outcome(e, &node);
	emergency_outcome(e, &row);
	emergency_recorded(e, "d-1");
	assert_true(emergency_holds(e, "d-1"));
	emergency_settled(e, "d-1");
	assert_false(emergency_holds(e, "d-1"));
	/* also the other way round */
	emergency_put(e, &d);
	emergency_outcome(e, &row);
	emergency_settled(e, "d-1");
	assert_true(emergency_holds(e, "d-1"));
	emergency_recorded(e, "d-1");
	assert_false(emergency_holds(e, "d-1"));
	/* of others nothing is known */
	emergency_recorded(e, "d-2");
	emergency_settled(e, "");
	assert_int_equal(e->count, 0);
	emergency_close(e);
	assert_int_equal(journals(&p), 0);
	free(e);
	place_clean(&p);
}

static void a_full_journal_keeps_what_it_has(void **state)
{
	struct emergency *e = mem_new(1, sizeof *e);
	struct emergency_found *f = mem_new(1, sizeof *f);
	struct decision d;
	struct place p;
	char id[16];

	(void)state;
	place_make(&p);
	emergency_open(e, p.path);
	for (int i = 0; i < EMERGENCY_SLOTS; i++) {
		snprintf(id, sizeof id, "d-%d", i);
		d = make_brake(id, T0);
		assert_true(emergency_put(e, &d));
	}
	assert_false(e->full);
	d = make_brake("more", T0);
	assert_false(emergency_put(e, &d));
	assert_true(e->full);
	assert_int_equal(e->refused, 1);
	for (int i = 0; i < EMERGENCY_SLOTS; i++) {
		emergency_read(f, e->slots, (size_t)i);
		snprintf(id, sizeof id, "d-%d", i);
		assert_string_equal(f->decision.id, id);
	}
	emergency_recorded(e, "d-77");
	assert_false(e->full);
	assert_true(emergency_put(e, &d));
	emergency_read(f, e->slots, 77);
	assert_string_equal(f->decision.id, "more");
	assert_false(f->has_outcome);
	emergency_close(e);
	assert_int_equal(journals(&p), 1);
	free(e);
	free(f);
	place_clean(&p);
}

/* Every byte of a used slot is covered by one of the two hashes; a free one has no meaning. */
static void no_changed_byte_is_believed(void **state)
{
	unsigned char *bytes = mem_new(1, EMERGENCY_BYTES);
	struct emergency_found *f = mem_new(1, sizeof *f);
	struct place p;
	char name[256];
	int fd;

	(void)state;
	place_make(&p);
	make_dead(&p, 1, name, sizeof name);
	fd = open(name, O_RDONLY);
	assert_int_equal(read(fd, bytes, EMERGENCY_BYTES), EMERGENCY_BYTES);
	close(fd);
	for (int i = 0; i < 512; i++) {
		bytes[i] ^= 0x55;
		emergency_read(f, bytes, 0);
		assert_int_equal(f->has_decision, i >= OUTCOME_HASH);
		assert_int_equal(f->is_damaged, i < OUTCOME_HASH);
		assert_false(f->has_outcome);
		bytes[i] ^= 0x55;
	}
	emergency_read(f, bytes, 0);
	assert_true(f->has_decision && f->has_outcome);
	memset(bytes, 0, 8); /* killed before the hash was written: never told anybody */
	emergency_read(f, bytes, 0);
	assert_false(f->has_decision || f->is_damaged);
	free(bytes);
	free(f);
	place_clean(&p);
}

static void the_line_for_the_system_is_clean(void **state)
{
	struct decision d = make_brake("d-1", T0);
	char line[EMERGENCY_LINE_MAX];

	(void)state;
	emergency_line(line, &d);
	assert_string_equal(
		line, "not in the history yet: kim@ops1 rollback checkout 1000 > 0 bp, id d-1");
	text_copy(d.actor, sizeof d.actor, "a\nb\x1b[2J%s");
	d.from_bp = -1;
	emergency_line(line, &d);
	assert_string_equal(
		line, "not in the history yet: a^Jb^[[2J%s rollback checkout ? > 0 bp, id d-1");
}

/* ---- the file ---- */

static void the_file_is_private_and_goes_with_a_clean_end(void **state)
{
	struct place p;
	struct history *h;
	struct stat st;
	char name[256], pid[32];

	(void)state;
	place_make(&p);
	h = start_quick(&p);
	assert_true(history_emergency(h));
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	name_of(name, sizeof name, &p, pid);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_size, EMERGENCY_BYTES);
	assert_true(st.st_blocks * 512 >= EMERGENCY_BYTES);
	assert_int_equal(st.st_mode & 0777, 0600);
	commit(h, "d-1", T0);
	settle(h);
	assert_int_equal(journals(&p), 0);
	/* a history that a group writes together */
	assert_int_equal(chmod(p.path, 0660), 0);
	h = start_quick(&p);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	settle(h);
	place_clean(&p);
}

/* Two histories of one process, and one that a dead process of the same id left. */
static void a_taken_name_is_no_obstacle(void **state)
{
	struct place p;
	struct history *h[2];
	char dead[256], name[256], pid[32];

	(void)state;
	place_make(&p);
	make_dead(&p, 1, dead, sizeof dead);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	name_of(name, sizeof name, &p, pid);
	assert_int_equal(rename(dead, name), 0);
	h[0] = start_quick(&p);
	h[1] = start_quick(&p);
	assert_true(history_emergency(h[0]));
	assert_true(history_emergency(h[1]));
	assert_int_equal(journals(&p), 2);
	settle(h[0]);
	settle(h[1]);
	assert_int_equal(decisions(&p), 1);
	assert_int_equal(journals(&p), 0);
	place_clean(&p);
}

/* Where no file can be made the history works as ever, and says so. */
static void no_journal_stops_no_history(void **state)
{
	struct place p;
	struct history *h;
	struct history_answer a;
	struct decision d = make_brake("d-1", T0);
	char name[300];

	(void)state;
	place_make(&p);
	for (int i = 0; i < 100; i++) { /* all names are taken */
		char tail[32];

		snprintf(tail, sizeof tail, i > 0 ? "%ld.%d" : "%ld", (long)getpid(), i);
		name_of(name, sizeof name, &p, tail);
		assert_int_equal(mkdir(name, 0700), 0);
	}
	h = start_quick(&p);
	assert_false(history_emergency(h));
	history_intent(h, &d);
	wait_kind(h, HISTORY_COMMITTED, &a);
	history_answer_release(&a);
	settle(h);
	assert_int_equal(decisions(&p), 1);
	assert_int_equal(journals(&p), 100); /* what is no file is left alone */
	place_clean(&p);
}

static void readers_make_none(void **state)
{
	struct place p;
	struct query *q;
	struct err err = {0};

	(void)state;
	place_make(&p);
	open_and_close(&p);
	assert_int_equal(query_open(&q, p.path, &err), 0);
	assert_int_equal(journals(&p), 0);
	query_close(q);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slot_is_read_as_it_was_written),
		cmocka_unit_test(only_the_reason_is_cut),
		cmocka_unit_test(a_slot_is_freed_when_nothing_is_missing),
		cmocka_unit_test(a_full_journal_keeps_what_it_has),
		cmocka_unit_test(no_changed_byte_is_believed),
		cmocka_unit_test(the_line_for_the_system_is_clean),
		cmocka_unit_test(the_file_is_private_and_goes_with_a_clean_end),
		cmocka_unit_test(a_taken_name_is_no_obstacle),
		cmocka_unit_test(no_journal_stops_no_history),
		cmocka_unit_test(readers_make_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
