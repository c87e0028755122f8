/* Client: one wait and one sink for many ends, with drivers on and beside the transport. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/client.h"
#include "client/drivers.h"
#include "client/wire.h"
#include "model/mem.h"
#include "tests/lib/hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 10000

static struct instant clock_now(void)
{
	return (struct instant){.boot_ms = hostile_clock_ms(), .wall_ms = 0};
}

/* ---- a driver beside the transport: it tells in `turn` what it was asked ---- */

struct driver {
	uint64_t node;
	struct driver_sink sink;
	int polls;
	bool polled, applied, mute, troubled;
};

static struct driver *last_opened;

static int fake_open(struct driver **out, const struct driver_open *how, struct err *err)
{
	if (strcmp(how->target, "fake:bad") == 0)
		return err_set(err, ERR_CONFIG, "target \"%s\" is bad", how->target);
	struct driver *d = mem_new(1, sizeof(*d));
	d->node = how->node;
	d->sink = how->sink;
	d->mute = strcmp(how->target, "fake:mute") == 0;
	last_opened = *out = d;
	return 0;
}

static void fake_poll(struct driver *d, struct instant now)
{
	(void)now;
	d->polls++;
	d->polled = true;
}

static void fake_apply(struct driver *d, const struct command *c, struct instant now)
{
	(void)c;
	(void)now;
	d->applied = true;
}

static void fake_turn(struct driver *d, struct instant now)
{
	static const struct err trouble = {.code = ERR_SLOW, .text = "slow"};
	struct driver_event e = {.node = d->node, .at = now};
	if (d->polled && !d->mute) {
		d->polled = false;
		e.kind = d->troubled ? DRIVER_TROUBLE : DRIVER_SNAPSHOT;
		e.err = d->troubled ? &trouble : NULL;
		d->sink.event(d->sink.ctx, &e);
	}
	if (d->applied) {
		d->applied = false;
		e.kind = DRIVER_ANSWER;
		e.err = NULL;
		d->sink.event(d->sink.ctx, &e);
	}
}

static void fake_close(struct driver *d)
{
	free(d);
}

static const struct driver_ops fake = {
	.scheme = "fake",
	.capabilities = CAPABILITY_COMMANDS,
	.open = fake_open,
	.poll = fake_poll,
	.apply = fake_apply,
	.turn = fake_turn,
	.close = fake_close,
};

static const struct driver_ops *const schemes[] = {&fake, &driver_http, &driver_unix, NULL};

/* ---- what the sink heard ---- */

struct heard {
	int snapshots[4], troubles[4], answers[4];
	enum answer_kind answer;
};

static void hear(void *ctx, const struct driver_event *e)
{
	struct heard *h = ctx;
	assert_in_range(e->node, 1, 3);
	if (e->kind == DRIVER_SNAPSHOT)
		h->snapshots[e->node]++;
	else if (e->kind == DRIVER_TROUBLE)
		h->troubles[e->node]++;
	else if (e->kind == DRIVER_ANSWER)
		h->answers[e->node]++;
	if (e->answer != NULL)
		h->answer = e->answer->kind;
}

static struct client *start(struct heard *h)
{
	*h = (struct heard){0};
	return client_new(schemes, (struct driver_sink){.event = hear, .ctx = h}, 1);
}

static int open_end(struct client *c, uint64_t node, const char *target, int64_t poll_ms,
	struct instant now, struct err *err)
{
	const struct driver_open how = {.node = node, .target = target, .now = now};
	return client_open(c, &how, poll_ms, err);
}

/* Turns and waits until *count reaches `want`. */
static void run_until(struct client *c, const int *count, int want)
{
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	for (;;) {
		client_turn(c, clock_now());
		if (*count >= want)
			return;
		assert_true(hostile_clock_ms() < end_ms);
		client_wait(c, NULL, 0, 100, clock_now());
	}
}

/* ---- tests ---- */

static void a_scheme_finds_its_driver(void **state)
{
	(void)state;
	struct heard h;
	struct client *c = start(&h);
	assert_ptr_equal(client_scheme(c, "http://h:1"), &driver_http);
	assert_ptr_equal(client_scheme(c, "unix:/x"), &driver_unix);
	assert_ptr_equal(client_scheme(c, "fake:"), &fake);
	assert_null(client_scheme(c, "fake"));
	assert_null(client_scheme(c, "httpx://h"));
	assert_null(client_scheme(c, "HTTP://h"));
	assert_null(client_scheme(c, ""));
	struct err err = {0};
	assert_int_equal(open_end(c, 1, "ftp://h", 1000, clock_now(), &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "fake:, http:, unix:"));
	assert_int_equal(open_end(c, 1, "fake:bad", 1000, clock_now(), &err), -1);
	assert_int_equal(open_end(c, 1, "fake:", 1000, clock_now(), &err), 0);
	assert_int_equal(client_capabilities(c, 1), CAPABILITY_COMMANDS);
	assert_int_equal(client_capabilities(c, 2), 0);
	assert_ptr_equal(client_driver(c, 1), last_opened);
	assert_null(client_driver(c, 2));
	client_free(c);
}

static void a_driver_beside_the_transport_is_polled_and_heard(void **state)
{
	(void)state;
	struct heard h;
	struct command cmd = {.id = "k", .verb = VERB_HOLD};
	struct instant now = {.boot_ms = 1000};
	struct client *c = start(&h);
	assert_int_equal(open_end(c, 1, "fake:", 1000, now, NULL), 0);
	assert_int_equal(client_due_ms(c, now), 0);
	client_turn(c, now);
	assert_int_equal(h.snapshots[1], 1);
	assert_int_equal(client_due_ms(c, now), 1000);
	client_turn(c, now);
	assert_int_equal(last_opened->polls, 1);
	/* an answer that waits for `turn` is due at once */
	assert_true(client_apply(c, 1, &cmd, now));
	assert_int_equal(client_due_ms(c, now), 0);
	assert_int_equal(h.answers[1], 0);
	client_turn(c, now);
	assert_int_equal(h.answers[1], 1);
	assert_int_equal(client_due_ms(c, now), 1000);
	assert_false(client_apply(c, 2, &cmd, now));
	assert_false(client_resolve(c, 1, "k", now)); /* the driver has none */
	assert_false(client_audit(c, 1, 0, now));
	const struct lease_request lease = {.actor = "a", .ttl_ms = 1000};
	assert_false(client_lease(c, 1, &lease, now));
	assert_false(client_lease(c, 2, &lease, now));
	/* intervals */
	client_set_interval(c, 1, 100, now);
	client_turn(c, now);
	assert_int_equal(last_opened->polls, 2);
	now.boot_ms += 100;
	client_turn(c, now);
	assert_int_equal(last_opened->polls, 3);
	client_poll_now(c, 1, now);
	client_turn(c, now);
	assert_int_equal(last_opened->polls, 4);
	assert_int_equal(client_retry_ms(c, 1, now), UNKNOWN);
	assert_int_equal(client_retry_ms(c, 2, now), UNKNOWN);
	/* trouble */
	last_opened->troubled = true;
	client_poll_now(c, 1, now);
	client_turn(c, now);
	assert_int_equal(h.troubles[1], 1);
	assert_in_range(client_retry_ms(c, 1, now), 250, 750);
	assert_int_equal(client_due_ms(c, now), client_retry_ms(c, 1, now));
	client_free(c);
}

static void a_poll_under_way_is_not_begun_twice(void **state)
{
	(void)state;
	struct heard h;
	struct instant now = {.boot_ms = 1000};
	struct client *c = start(&h);
	assert_int_equal(open_end(c, 1, "fake:mute", 10, now, NULL), 0);
	for (int i = 0; i < 10; i++, now.boot_ms += 100) {
		client_turn(c, now);
		client_poll_now(c, 1, now);
		client_set_interval(c, 1, 5, now);
	}
	assert_int_equal(last_opened->polls, 1);
	last_opened->mute = false;
	client_turn(c, now);
	now.boot_ms += 10;
	client_turn(c, now);
	assert_int_equal(last_opened->polls, 2);
	client_free(c);
}

static void a_silent_pool_never_delays_another(void **state)
{
	(void)state;
	struct heard h;
	struct hostile *silent = hostile_start(HOSTILE_SILENT, NULL);
	struct hostile *broken = hostile_start(HOSTILE_BROKEN, NULL);
	struct client *c = start(&h);
	struct instant now = clock_now();
	assert_int_equal(open_end(c, 1, hostile_target(silent), 20, now, NULL), 0);
	assert_int_equal(open_end(c, 2, "fake:", 20, now, NULL), 0);
	assert_int_equal(open_end(c, 3, hostile_target(broken), 20, now, NULL), 0);
	int64_t begun_ms = hostile_clock_ms();
	run_until(c, &h.snapshots[2], 6);
	assert_in_range(hostile_clock_ms() - begun_ms, 80, 1500);
	assert_int_equal(hostile_requests(silent), 1);
	assert_int_equal(h.snapshots[1] + h.troubles[1], 0);
	run_until(c, &h.troubles[3], 1);
	assert_in_range(client_retry_ms(c, 3, clock_now()), 0, 750);
	client_free(c);
	assert_int_equal(h.troubles[1], 0);
	hostile_stop(silent);
	hostile_stop(broken);
}

static void a_stuck_poll_never_delays_a_command(void **state)
{
	(void)state;
	struct heard h;
	struct hostile *server = hostile_start(HOSTILE_SILENT, NULL);
	struct client *c = start(&h);
	struct command cmd = {.id = "k", .verb = VERB_ROLLBACK, .actor = "a@b"};
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	assert_int_equal(open_end(c, 1, hostile_target(server), 1000, clock_now(), NULL), 0);
	while (hostile_requests(server) == 0 && hostile_clock_ms() < end_ms) {
		client_turn(c, clock_now());
		client_wait(c, NULL, 0, 20, clock_now());
	}
	hostile_set_mode(server, HOSTILE_ANSWER);
	hostile_script(server, 200, "{\"epoch\":4,\"rev\":5,\"share_bp\":0}");
	assert_true(client_apply(c, 1, &cmd, clock_now()));
	run_until(c, &h.answers[1], 1);
	assert_int_equal(h.answer, ANSWER_APPLIED);
	assert_int_equal(h.troubles[1], 0); /* the poll is still under way */
	assert_int_equal(hostile_connections(server), 2);
	client_free(c);
	hostile_stop(server);
}

static void freeing_calls_nobody(void **state)
{
	(void)state;
	struct heard h, none = {0};
	struct hostile *server = hostile_start(HOSTILE_SILENT, NULL);
	struct client *c = start(&h);
	struct command cmd = {.id = "k", .verb = VERB_HOLD, .actor = "a@b"};
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	for (uint64_t node = 1; node <= 3; node++)
		assert_int_equal(client_open(c,
							 &(struct driver_open){.node = node,
								 .target = hostile_target(server),
								 .token = "secret",
								 .now = clock_now()},
							 1000, NULL),
			0);
	client_apply(c, 1, &cmd, clock_now());
	client_resolve(c, 2, "k", clock_now());
	client_audit(c, 3, 0, clock_now());
	client_lease(c, 2, &(struct lease_request){.actor = "a", .ttl_ms = 1}, clock_now());
	while (hostile_requests(server) < 7 && hostile_clock_ms() < end_ms) {
		client_turn(c, clock_now());
		client_wait(c, NULL, 0, 20, clock_now());
	}
	assert_int_equal(hostile_requests(server), 7);
	client_free(c);
	assert_memory_equal(&h, &none, sizeof(h));
	hostile_stop(server);
	client_free(NULL);
}

static void the_wait_ends_for_a_descriptor_and_for_what_is_due(void **state)
{
	(void)state;
	struct heard h;
	int ends[2];
	struct client *c = start(&h);
	assert_int_equal(pipe(ends), 0);
	struct wait_fd fd = {.fd = ends[0]};
	assert_int_equal(client_due_ms(c, clock_now()), 60000);
	client_wait(c, &fd, 1, 0, clock_now());
	assert_false(fd.ready);
	assert_int_equal(write(ends[1], "x", 1), 1);
	int64_t begun_ms = hostile_clock_ms();
	client_wait(c, &fd, 1, DEADLINE_MS, clock_now());
	assert_true(fd.ready);
	/* a poll that is due needs no descriptor */
	assert_int_equal(open_end(c, 1, "fake:", 1000, clock_now(), NULL), 0);
	client_wait(c, NULL, 0, DEADLINE_MS, clock_now());
	assert_in_range(hostile_clock_ms() - begun_ms, 0, DEADLINE_MS / 2);
	client_free(c);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	alarm(60);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scheme_finds_its_driver),
		cmocka_unit_test(a_driver_beside_the_transport_is_polled_and_heard),
		cmocka_unit_test(a_poll_under_way_is_not_begun_twice),
		cmocka_unit_test(a_silent_pool_never_delays_another),
		cmocka_unit_test(a_stuck_poll_never_delays_a_command),
		cmocka_unit_test(freeing_calls_nobody),
		cmocka_unit_test(the_wait_ends_for_a_descriptor_and_for_what_is_due),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
