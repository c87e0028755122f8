/* Two steps at one moment, to different shares, decided on the same revision: exactly one
 * applies, and the other is told why. Two people meet at the lease, two processes of one person
 * at the revision; each race is held at that door until both are ready, or runs free. */
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

#define RACES 50
#define RACERS 2

static const char *const actors[RACERS] = {"ana@race", "bob@race"};

/* X(name, whose the second step is, what is held until both have come to it) */
#define KIND_INFO(X) \
	X(LEASE, 1, "/v1/lease") \
	X(REVISION, 0, "PUT") \
	X(FREE, 1, NULL)

enum kind {
#define X(name, second, door) KIND_##name,
	KIND_INFO(X)
#undef X
		KIND_COUNT
};

static const struct {
	int second;
	const char *door;
} kinds[KIND_COUNT] = {
#define X(name, second, door) [KIND_##name] = {second, door},
	KIND_INFO(X)
#undef X
};

struct fixture {
	struct world w;
	struct process racer[RACERS];
	char gate[WORLD_PATH], bell[WORLD_PATH], history[RACERS][WORLD_PATH];
	int bell_fd;
	int steps; /* that the pool took */
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

/* Waits until each stands at the door, or was refused on the way to it. */
static void both_are_ready(struct fixture *f)
{
	int64_t end_ms = process_clock_ms() + 20000;
	for (int rung = 0, ended = 0; rung + ended < RACERS;) {
		struct pollfd wait = {.fd = f->bell_fd, .events = POLLIN};
		char rings[RACERS];
		if (process_clock_ms() > end_ms)
			fail_msg("%d at the door, %d ended: %s, %s", rung, ended, f->racer[0].err.text,
				f->racer[1].err.text);
		if (poll(&wait, 1, 50) == 1) {
			ssize_t n = read(f->bell_fd, rings, sizeof rings);
			rung += n > 0 ? (int)n : 0;
		}
		ended = 0;
		for (int i = 0; i < RACERS; i++)
			ended += process_wait(&f->racer[i], 1) >= 0;
	}
}

/* Of two processes of one person the later may leave the lease to the other, who has gone; one
 * that was late may have taken it for nothing. It would end by itself, but not before the next
 * race. */
static void free_lease(struct fixture *f)
{
	for (int i = 0; i < RACERS; i++) {
		char body[64];
		snprintf(body, sizeof body, "{\"actor\":\"%s\",\"ttl_ms\":0}", actors[i]);
		int status = http_call(&f->w.http, "POST", "/v1/lease", NULL, body, 5000);
		if (status != 200 && status != 423)
			fail_msg("the lease stays: %d %s", status, f->w.http.body);
	}
}

static const char *actor_of(enum kind kind, int i)
{
	return actors[i == 0 ? 0 : kinds[kind].second];
}

/* The loser is told what he met: the lease, the revision, or, where the first had come and gone,
 * news of the change. Who holds a lease is named. */
static void assert_told(const struct process *loser, enum kind kind, int number, const char *by)
{
	static const char *const codes[] = {"W140", "W141", "W143", "W124"};
	int last = kind == KIND_FREE ? 4 : 3, told = -1;
	for (int i = 0; i < last; i++)
		if (strstr(loser->err.text, codes[i]) || strstr(loser->out.text, codes[i]))
			told = i;
	if (told < 0)
		fail_msg("race %d: no code: %s%s", number, loser->out.text, loser->err.text);
	bool leased = strcmp(codes[told], "W143") == 0;
	if (kind == KIND_REVISION && leased)
		fail_msg("race %d: a person's own lease: %s", number, loser->err.text);
	if (leased && !strstr(loser->err.text, by) && !strstr(loser->out.text, by))
		fail_msg("race %d: no %s: %s%s", number, by, loser->out.text, loser->err.text);
}

/* One race from the share now to two others; -1 fails the test. */
static void race(struct fixture *f, int number, enum kind kind)
{
	char rules[2 * WORLD_PATH + 64], shares[RACERS][16];
	int64_t audit = world_fact(&f->w, "audit_seq");
	int base = 100 + number * 100;
	bool held = kinds[kind].door != NULL;
	free_lease(f);
	int gate = open(f->gate, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(gate >= 0 && flock(gate, LOCK_EX) == 0);
	snprintf(rules, sizeof rules, "call=send data=%s do=hold gate=%s note=%s",
		held ? kinds[kind].door : "", f->gate, f->bell);
	for (int i = 0; i < RACERS; i++) {
		char actor[48];
		snprintf(actor, sizeof actor, "WEIR_ACTOR=%s", actor_of(kind, i));
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
			fail_msg("race %d: %d: status %d: %s", number, i, status[i], f->racer[i].err.text);
		}
	}
	cJSON *entries = world_audit(&f->w, audit);
	const cJSON *entry, *applied = NULL;
	int steps = 0;
	cJSON_ArrayForEach(entry, entries) if (strcmp(world_word(entry, "what"), "step") == 0)
	{
		applied = entry;
		steps++;
	}
	assert_int_equal(steps, winners);
	f->steps += steps;
	if (!held && winners == 2) {
		/* They did not meet: one after the other, each decided on what the one before left. */
		cJSON_Delete(entries);
		return;
	}
	assert_int_equal(winners, 1);
	const char *by = actor_of(kind, winner);
	assert_string_equal(world_word(applied, "actor"), by);
	assert_int_equal(world_number(applied, "to_bp"), base + 10 * winner);
	assert_int_equal(world_fact(&f->w, "share_bp"), base + 10 * winner);
	cJSON_Delete(entries);
	assert_told(&f->racer[1 - winner], kind, number, by);
}

static int wins_in(struct fixture *f, int i)
{
	cJSON *log = world_log(&f->w, f->history[i]);
	const cJSON *d;
	int wins = 0;
	cJSON_ArrayForEach(d, log) wins += !cJSON_IsTrue(cJSON_GetObjectItem(d, "observed")) &&
		strcmp(world_word(d, "verb"), "step") == 0 &&
		strcmp(world_word(d, "outcome"), "APPLIED") == 0;
	cJSON_Delete(log);
	return wins;
}

static void row_68_one_wins_each_race(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	for (int i = 0; i < RACES; i++)
		race(f, i, (enum kind)(i % KIND_COUNT));
	/* What the two files say together is what the pool did. */
	assert_int_equal(wins_in(f, 0) + wins_in(f, 1), f->steps);
	assert_true(world_verified(&f->w, f->history[0]));
	assert_true(world_verified(&f->w, f->history[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(row_68_one_wins_each_race, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
