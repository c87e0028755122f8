/* Two people at one moment: of two steps to different shares decided on the same revision
 * exactly one applies, and the other is told who was first. Half of the races are held at the
 * door until both commands are ready to leave. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RACES 20
#define RACERS 2

static const char *const actors[RACERS] = {"ana@race", "bob@race"};

struct fixture {
	struct world w;
	struct process racer[RACERS];
	char gate[WORLD_PATH], bell[WORLD_PATH], history[RACERS][WORLD_PATH];
	int bell_fd;
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_path(&f.w, f.gate, "gate");
	world_path(&f.w, f.bell, "bell");
	world_path(&f.w, f.history[0], "ana.db");
	world_path(&f.w, f.history[1], "bob.db");
	world_config(&f.w, f.w.target, "    interval: 100ms\n");
	if (mkfifo(f.bell, 0600) < 0)
		return -1;
	f.bell_fd = open(f.bell, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	*state = &f;
	return f.bell_fd < 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < RACERS; i++)
		process_release(&f->racer[i]);
	close(f->bell_fd);
	world_close(&f->w);
	return 0;
}

/* Waits until both stand at the door. */
static void both_are_ready(struct fixture *f)
{
	int64_t end_ms = process_clock_ms() + 10000;
	for (int ready = 0; ready < RACERS;) {
		struct pollfd wait = {.fd = f->bell_fd, .events = POLLIN};
		char rings[RACERS];
		assert_true(poll(&wait, 1, (int)(end_ms - process_clock_ms())) == 1);
		ssize_t n = read(f->bell_fd, rings, sizeof rings);
		ready += n > 0 ? (int)n : 0;
	}
}

/* One race from the share now to two others; -1 fails the test. */
static void race(struct fixture *f, int number, bool held)
{
	char rules[2 * WORLD_PATH + 64], shares[RACERS][16];
	int64_t audit = world_fact(&f->w, "audit_seq");
	int base = 100 + number * 100;
	int gate = open(f->gate, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(gate >= 0 && flock(gate, LOCK_EX) == 0);
	snprintf(
		rules, sizeof rules, "call=send data=PUT do=hold gate=%s note=%s", f->gate, f->bell);
	for (int i = 0; i < RACERS; i++) {
		char actor[48];
		snprintf(actor, sizeof actor, "WEIR_ACTOR=%s", actors[i]);
		snprintf(shares[i], sizeof shares[i], "%dbp", base + 10 * i);
		struct world_env env =
			held ? world_fault(&f->w, rules, ARGS(actor)) : world_env(&f->w, ARGS(actor));
		process_release(&f->racer[i]);
		world_start(&f->w, &f->racer[i], &env,
			ARGS("step", "checkout", shares[i], "--confirm", "checkout", "--json", "--config",
				f->w.config, "--history", f->history[i]));
	}
	if (held)
		both_are_ready(f);
	close(gate); /* opens it */
	int status[RACERS], winner = -1, winners = 0;
	for (int i = 0; i < RACERS; i++) {
		status[i] = process_wait(&f->racer[i], 20000);
		if (status[i] == 0) {
			winner = i;
			winners++;
		} else if (status[i] != 6) {
			fail_msg("race %d: %s: status %d: %s", number, actors[i], status[i],
				f->racer[i].err.text);
		}
	}
	cJSON *entries = world_audit(&f->w, audit);
	int applied = cJSON_GetArraySize(entries);
	if (!held && winners == 2) {
		/* They did not meet: one after the other, each decided on what the one before left. */
		assert_int_equal(applied, 2);
		cJSON_Delete(entries);
		return;
	}
	assert_int_equal(winners, 1);
	assert_int_equal(applied, 1);
	const struct process *loser = &f->racer[1 - winner];
	assert_string_equal(world_word(cJSON_GetArrayItem(entries, 0), "actor"), actors[winner]);
	assert_int_equal(world_number(cJSON_GetArrayItem(entries, 0), "to_bp"), base + 10 * winner);
	assert_int_equal(world_fact(&f->w, "share_bp"), base + 10 * winner);
	cJSON_Delete(entries);
	/* Who was late by more than a poll may have read of the change in the pool's log already.
	 */
	bool told = strstr(loser->err.text, "W140") || strstr(loser->out.text, "W140") ||
		(!held && strstr(loser->out.text, "W124"));
	if (!told)
		fail_msg("race %d: no W140: %s%s", number, loser->out.text, loser->err.text);
	if (held && !strstr(loser->err.text, actors[winner]))
		fail_msg("race %d: %s is not named: %s", number, actors[winner], loser->err.text);
}

static int wins_in(struct fixture *f, int i)
{
	cJSON *log = world_log(&f->w, f->history[i]);
	const cJSON *d;
	int wins = 0;
	cJSON_ArrayForEach(d, log) wins += strcmp(world_word(d, "actor"), actors[i]) == 0 &&
		strcmp(world_word(d, "outcome"), "APPLIED") == 0;
	cJSON_Delete(log);
	return wins;
}

static void test_one_wins_each_race(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	for (int i = 0; i < RACES; i++)
		race(f, i, i % 2 == 0);
	/* What the two files say together is what the pool did. */
	assert_int_equal(wins_in(f, 0) + wins_in(f, 1), world_fact(&f->w, "audit_seq"));
	assert_true(world_verified(&f->w, f->history[0]));
	assert_true(world_verified(&f->w, f->history[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_wins_each_race, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
