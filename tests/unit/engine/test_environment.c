/* Tests of the environment: what each variable says of a new pool, what is refused by name, what
 * contradicts; and of what shape the words give the arms. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/environment.h"
#include "client/engine/exec.h"
#include "client/engine/shape.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	"PROCESSOR_CONFIG", "MIGRATION_STRATEGY", "PRIMARY_PERCENTAGE", "POOL_VERSION"};

static int clear(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++)
		unsetenv(names[i]);
	return 0;
}

/* Sets the four in their order, NULL none, and applies them. */
static int apply(struct engine_options *how, struct err *err, const char *const values[4])
{
	clear(NULL);
	for (size_t i = 0; i < 4; i++)
		if (values[i])
			setenv(names[i], values[i], 1);
	*how = (struct engine_options){.strategy = STRATEGY_CANARY};
	*err = (struct err){0};
	return environment_apply(how, err);
}

#define VALUES(...) ((const char *const[4]){__VA_ARGS__})

static void nothing_set_changes_nothing(void **state)
{
	(void)state;
	struct engine_options how;
	struct err err;
	char said[ENVIRONMENT_NAMES_MAX];
	for (int i = 0; i < 2; i++) {
		/* An empty variable is none. */
		const char *empty = i ? "" : NULL;
		assert_int_equal(apply(&how, &err, VALUES(empty, empty, empty, empty)), 0);
		assert_null(how.v1_processor);
		assert_null(how.v2_processor);
		assert_false(how.no_v2);
		assert_int_equal(how.share_bp, 0);
		assert_int_equal(how.strategy, STRATEGY_CANARY);
		environment_split_names(said);
		assert_string_equal(said, "");
	}
}

static void each_says_its_part(void **state)
{
	(void)state;
	static const struct {
		const char *values[4];
		bool no_v2;
		int share_bp;
		enum strategy strategy;
	} rows[] = {
		{{"v2:4:affinity", NULL, NULL, NULL}, false, 0, STRATEGY_CANARY},
		{{"v1:transactional", NULL, NULL, NULL}, true, 0, STRATEGY_CANARY},
		{{NULL, "canary_deployment", "80", NULL}, false, 2000, STRATEGY_CANARY},
		{{NULL, "CANARY_DEPLOYMENT", " 1 ", NULL}, false, 9900, STRATEGY_CANARY},
		{{NULL, "canary", "100", NULL}, false, 0, STRATEGY_CANARY},
		{{NULL, "primary_with_fallback", NULL, NULL}, false, 0, STRATEGY_PRIMARY_WITH_FALLBACK},
		{{NULL, "primary_with_fallback", "50", NULL}, false, 5000,
			STRATEGY_PRIMARY_WITH_FALLBACK},
		{{NULL, "ab_test", NULL, NULL}, false, 5000, STRATEGY_AB_TEST},
		{{NULL, "ab_test", "50", "gradual"}, false, 5000, STRATEGY_AB_TEST},
		{{NULL, "full_migration", NULL, NULL}, false, 10000, STRATEGY_FULL_MIGRATION},
		{{NULL, "full_migration", "0", "v2"}, false, 10000, STRATEGY_FULL_MIGRATION},
		{{NULL, "shadow", NULL, "v1"}, false, 0, STRATEGY_SHADOW},
		{{NULL, "primary_only", NULL, NULL}, false, 0, STRATEGY_PRIMARY_ONLY},
		{{NULL, NULL, "0", NULL}, false, 10000, STRATEGY_CANARY},
		{{NULL, NULL, NULL, "v2"}, false, 10000, STRATEGY_CANARY},
		{{NULL, NULL, NULL, "v1"}, false, 0, STRATEGY_CANARY},
		{{NULL, NULL, "90", "gradual"}, false, 1000, STRATEGY_CANARY},
		{{NULL, NULL, NULL, "gradual"}, false, 0, STRATEGY_CANARY},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct engine_options how;
		struct err err;
		if (apply(&how, &err, rows[i].values) < 0)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(how.no_v2, rows[i].no_v2);
		assert_int_equal(how.share_bp, rows[i].share_bp);
		assert_int_equal(how.strategy, rows[i].strategy);
	}
	char said[ENVIRONMENT_NAMES_MAX];
	struct engine_options how;
	struct err err;
	assert_int_equal(apply(&how, &err, VALUES("v2", "canary", "100", "v1")), 0);
	environment_split_names(said);
	assert_string_equal(said, "MIGRATION_STRATEGY, PRIMARY_PERCENTAGE, POOL_VERSION");
	assert_string_equal(how.v2_processor, "v2");
}

/* R5, G16 at the environment: name and value are in the text, and nothing was changed. */
static void r5_what_is_no_value_is_refused_by_name(void **state)
{
	(void)state;
	static const struct {
		int name;
		const char *value;
	} rows[] = {
		{0, "v2x"},
		{0, "v2:0"},
		{0, "v2:1025"},
		{0, "v1:fast"},
		{0, "invalid"},
		{1, "rolling"},
		{1, "ab_test2"},
		{1, "canary deployment"},
		{2, "101"},
		{2, "255"},
		{2, "-1"},
		{2, "12.5"},
		{2, "50%"},
		{2, "ten"},
		{3, "v3"},
		{3, "V2"},
		{3, "v2 "},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct engine_options how;
		struct err err;
		const char *values[4] = {NULL};
		values[rows[i].name] = rows[i].value;
		if (apply(&how, &err, values) == 0)
			fail_msg("%s=%s was taken", names[rows[i].name], rows[i].value);
		assert_int_equal(err.code, ERR_CONFIG);
		if (!strstr(err.text, names[rows[i].name]) || !strstr(err.text, rows[i].value))
			fail_msg(
				"'%s' does not name %s and %s", err.text, names[rows[i].name], rows[i].value);
		assert_true(!how.v2_processor && !how.share_bp && how.strategy == STRATEGY_CANARY);
	}
}

static void what_contradicts_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *values[4], *says[2];
	} rows[] = {
		{{NULL, "full_migration", "20", NULL}, {"MIGRATION_STRATEGY", "PRIMARY_PERCENTAGE"}},
		{{NULL, "ab_test", NULL, "v2"}, {"MIGRATION_STRATEGY", "POOL_VERSION"}},
		{{NULL, "shadow", "90", NULL}, {"shadow", "PRIMARY_PERCENTAGE"}},
		{{NULL, NULL, "50", "v1"}, {"PRIMARY_PERCENTAGE", "POOL_VERSION"}},
		{{NULL, NULL, "100", "v2"}, {"PRIMARY_PERCENTAGE", "POOL_VERSION"}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct engine_options how;
		struct err err;
		assert_int_equal(apply(&how, &err, rows[i].values), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		for (int k = 0; k < 2; k++)
			if (!strstr(err.text, rows[i].says[k]))
				fail_msg("'%s' does not name %s", err.text, rows[i].says[k]);
	}
}

/* R12 at the environment: nothing can go to a v2 that is not there. */
static void r12_full_migration_without_v2_is_refused(void **state)
{
	(void)state;
	static const char *const rows[][4] = {
		{"v1:simple", "full_migration", NULL, NULL},
		{"v1:transactional", "ab_test", NULL, NULL},
		{"v1:simple", NULL, NULL, "v2"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct engine_options how;
		struct err err;
		struct engine *none = NULL;
		assert_int_equal(apply(&how, &err, rows[i]), 0);
		assert_int_equal(engine_start(&none, &how, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_null(none);
	}
}

/* ---- the shape ---- */

static void shapes(void **state)
{
	(void)state;
	static const char *const argv[] = {"cat", NULL};
	static const struct exec_options exec = {.argv = argv};
	static const struct {
		struct engine_options how;
		int workers;
		bool threads, pinned;
	} rows[] = {
		{{.v2_processor = NULL}, 8, false, false},
		{{.v2_workers = 3}, 3, false, false},
		{{.v2_workers = 3, .v2_processor = "v2:5"}, 5, false, false},
		{{.v2_processor = "v2:6:affinity"}, 6, true, true},
		{{.v2_processor = "v2:6:affinity", .exec = &exec}, 6, false, true},
		{{.v2_processor = "v2:6:affinity", .exec = &exec, .affinity = "hint"}, 6, false, true},
		{{.v2_processor = "v2:6", .affinity = "hint"}, 6, false, false},
		{{.no_v2 = true}, 0, false, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct shape s;
		struct err err = {0};
		if (shape_read(&s, &rows[i].how, &err) < 0)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(s.v1.kind, PROCESSOR_V1_SIMPLE);
		assert_int_equal(s.v2_workers, rows[i].workers);
		assert_int_equal(s.v2_threads, rows[i].threads);
		assert_int_equal(s.v2_pinned, rows[i].pinned);
		assert_int_equal(s.partition, PARTITION_DEFAULT);
	}
	struct shape s;
	assert_int_equal(shape_read(&s, &(struct engine_options){.v2_processor = "v2"}, NULL), 0);
	assert_in_range(s.v2_workers, 1, PROCESSOR_WORKERS_MAX);
	assert_int_equal(
		shape_read(&s,
			&(struct engine_options){.v1_processor = "v1:transactional", .partition = "fan-in"},
			NULL),
		0);
	assert_int_equal(s.v1.kind, PROCESSOR_V1_TRANSACTIONAL);
	assert_int_equal(s.partition, PARTITION_FAN_IN);
}

static void shapes_that_cannot_be(void **state)
{
	(void)state;
	static const struct {
		struct engine_options how;
		const char *says;
	} rows[] = {
		{{.v1_processor = "v2:8"}, "v1 cannot be \"v2:8\""},
		{{.v2_processor = "v1:simple"}, "v2 cannot be \"v1:simple\""},
		{{.v2_processor = "v2x"}, "\"v2x\" is not known"},
		{{.partition = "modulo"}, "\"modulo\" is not known"},
		{{.v2_processor = "v2:8:affinity", .affinity = "hint"}, "leave out one of the two"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct shape s;
		struct err err = {0};
		assert_int_equal(shape_read(&s, &rows[i].how, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		if (!strstr(err.text, rows[i].says))
			fail_msg("'%s' does not say '%s'", err.text, rows[i].says);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, clear, clear)
	const struct CMUnitTest tests[] = {
		T(nothing_set_changes_nothing),
		T(each_says_its_part),
		T(r5_what_is_no_value_is_refused_by_name),
		T(what_contradicts_is_refused),
		T(r12_full_migration_without_v2_is_refused),
		T(shapes),
		T(shapes_that_cannot_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
