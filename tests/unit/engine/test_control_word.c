/* Test of a control log with a word that this program does not know: it is refused, and stays as it
 * was, rather than be taken for something else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/engine.h"
#include "client/engine/store.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(struct store *s, int64_t seq, const char *what)
{
	struct store_record r = {.seq = seq,
		.wall_ms = 1000,
		.epoch = 1,
		.rev = seq,
		.strategy = STRATEGY_CANARY,
		.baseline_bp = -1};
	guard_limits_init(&r.guard);
	text_copy(r.what, sizeof r.what, what);
	snprintf(r.key, sizeof r.key, "k%d", (int)seq);
	text_copy(r.actor, sizeof r.actor, "kim");
	assert_true(store_append(s, &r));
}

static int start_on(const char *dir, const char *last, struct err *err)
{
	char file[96];
	struct store *s;
	struct engine *e = NULL;
	snprintf(file, sizeof file, "%s/control.log", dir);
	unlink(file);
	assert_int_equal(store_open(&s, dir, NULL, err), 0);
	add(s, 1, "step");
	add(s, 2, last);
	store_close(s);
	const struct engine_options how = {.state_dir = dir};
	int rc = engine_start(&e, &how, err);
	engine_stop(e);
	unlink(file);
	return rc;
}

static void an_unknown_word_is_refused(void **state)
{
	(void)state;
	char dir[64] = "/tmp/weir-word-XXXXXX";
	const char *tmp = getenv("TMPDIR");
	struct err err = {0};
	if (tmp && strlen(tmp) < 40)
		snprintf(dir, sizeof dir, "%s/weir-word-XXXXXX", tmp);
	assert_non_null(mkdtemp(dir));
	if (start_on(dir, "hold", &err))
		fail_msg("%s", err.text);
	if (start_on(dir, STORE_FINALIZE, &err))
		fail_msg("%s", err.text);
	assert_int_equal(start_on(dir, "promote", &err), -1);
	assert_int_equal(err.code, ERR_NEWER);
	assert_non_null(strstr(err.text, dir));
	assert_non_null(
		strstr(err.text, "change 2 of the control log (its line 3) is \"promote\""));
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(an_unknown_word_is_refused)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
