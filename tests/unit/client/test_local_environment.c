/* Tests of `local:` and the environment: it shapes a pool that is started, and is refused by name
 * where it says nothing that is known. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/drivers.h"
#include "client/engine/engine.h"

#include <stdlib.h>
#include <string.h>

static int clear(void **state)
{
	(void)state;
	unsetenv("POOL_VERSION");
	unsetenv("PROCESSOR_CONFIG");
	return 0;
}

static void take_share(void *ctx, const struct driver_event *event)
{
	if (event->snapshot)
		*(int *)ctx = event->snapshot->share_bp;
}

static int open_local(struct driver **d, int *share_bp, struct err *err)
{
	const struct driver_open how = {.node = 1,
		.target = "local:",
		.now = engine_now(),
		.sink = {.event = take_share, .ctx = share_bp}};
	return driver_local.open(d, &how, err);
}

static void it_shapes_a_local_pool(void **state)
{
	(void)state;
	struct driver *d = NULL;
	struct err err = {0};
	int share_bp = -1;
	setenv("POOL_VERSION", "v2", 1);
	if (open_local(&d, &share_bp, &err) < 0)
		fail_msg("%s", err.text);
	/* A pool that runs does not see it. */
	setenv("POOL_VERSION", "v1", 1);
	driver_local.poll(d, engine_now());
	driver_local.turn(d, engine_now());
	assert_int_equal(share_bp, 10000);
	driver_local.close(d);
}

static void what_is_unknown_is_refused_by_name(void **state)
{
	(void)state;
	struct driver *d = NULL;
	struct err err = {0};
	setenv("PROCESSOR_CONFIG", "v2:many", 1);
	assert_int_equal(open_local(&d, NULL, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "PROCESSOR_CONFIG"));
	assert_non_null(strstr(err.text, "many"));
	assert_null(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_shapes_a_local_pool, clear, clear),
		cmocka_unit_test_setup_teardown(what_is_unknown_is_refused_by_name, clear, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
