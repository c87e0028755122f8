/* Config tables: each key missing, of the wrong type, out of range, too long, misspelt and
 * twice, all generated from the tables; and the manual, which must say what the tables say. */
#include "tests/unit/tui/config_bed.h"

#include "model/mem.h"
#include "tui/config_table.h"

#include <stdbool.h>

/* Where a table's map stands in a file on one line: before, [the keys], behind. */
struct context {
	const struct yaml_table *table;
	enum file_kind kind;
	const char *before, *behind;
	const char *required; /* keys that every good map of this table needs, "" or "k: v, …" */
};

#define PLAN_KEYS "steps: [1bp]"
#define MIX "operations: [{name: echo}]"

static const struct context contexts[] = {
	{&config_table, FILE_CONFIG, "{", "}", ""},
	{&config_pool_table, FILE_CONFIG, "{pools: {p: {", "}}}", "target: 'local:'"},
	{&config_guards_table, FILE_CONFIG, "{pools: {p: {target: 'local:', guards: {", "}}}}", ""},
	{&config_plan_table, FILE_CONFIG, "{pools: {p: {target: 'local:', plan: {", "}}}}",
		PLAN_KEYS},
	{&config_plan_table, FILE_PLAN, "{", "}", PLAN_KEYS},
	{&config_policy_table, FILE_CONFIG, "{policies: {own: {", "}}}", ""},
	{&config_judge_table, FILE_CONFIG, "{pools: {p: {target: 'local:', judge: {", "}}}}",
		"tolerance: 0, margin: 30"},
	{&config_metrics_table, FILE_CONFIG, "{pools: {p: {target: 'local:', metrics: {", "}}}}",
		"prometheus: 'http://h', v1: {requests: m}, v2: {requests: m}"},
	{&config_metrics_arm_table, FILE_CONFIG,
		"{pools: {p: {target: 'local:', metrics: {prometheus: 'http://h', v1: {requests: m}, v2: {",
		"}}}}}", "requests: m"},
	{&config_notify_table, FILE_CONFIG, "{notify: {", "}}", ""},
	{&config_veto_table, FILE_CONFIG, "{veto: {", "}}", ""},
	{&config_engine_table, FILE_CONFIG, "{engine: {", "}}", ""},
	{&config_processor_table, FILE_CONFIG, "{pools: {p: {target: 'local:', processor: {",
		"}}}}", "strategy: v2"},
	{&config_migration_table, FILE_CONFIG,
		"{pools: {p: {target: 'local:', processor: {strategy: v2, migration: {", "}}}}}", ""},
	{&config_scenario_table, FILE_SCENARIO, "{", "}", "rate: 0"},
	{&config_operation_table, FILE_SCENARIO, "{rate: 1, operations: [{", "}]}", "name: echo"},
	{&config_phase_table, FILE_SCENARIO, "{rate: 1, " MIX ", phases: [{", "}]}",
		"at: 1s, arm: v2"},
	{&config_level_table, FILE_SCENARIO, "{rate: 1, " MIX ", arrivals: [{", "}]}",
		"at: 1s, rate: 2"},
	{&config_event_table, FILE_SCENARIO, "{rate: 0, node: [{", "}]}", "at: 1s"},
	{&config_worse_table, FILE_SCENARIO, "{rate: 0, worse: [{", "}]}", "until: 7d"},
};
#define CONTEXTS (sizeof(contexts) / sizeof(*contexts))

/* A good value of a row. */
static const char *good_value(const struct yaml_row *row)
{
	static const struct {
		const char *key, *value;
	} own[] = {{"target", "'local:'"}, {"plan", "{" PLAN_KEYS "}"}, {"pools", "{}"},
		{"policies", "{}"}, {"policy", "strict"}, {"history", "/x"}, {"token_file", "/x"},
		{"command", "/x"}, {"steps", "[1bp]"}, {"operation", "echo"}, {"operations", "[a, b]"},
		{"leak", "1KiB"}, {"rate", "0"}, {"processor", "{strategy: v2}"},
		{"judge", "{alpha: 1%}"}, {"v1", "v1:simple"}, {"v2", "v2"}, {"alpha", "1%"},
		{"beta", "1%"}, {"metrics", "[errors]"}, {"allow", "echo"}, {"partition", "fan_in"},
		{"recycle", "{age: 1h}"}, {"limit", "{files: 8}"}, {"affinity", "hint"},
		{"segment", "2"}, {"breaker_failures", "2"}, {"breaker_open", "2s"},
		{"retry", "linear"}, {"unit", "2s"}, {"nodes", "2"}, {"weights", "[3, 1]"},
		{"placement", "health"}, {"windows", "{node_segments: '1:2:8'}"}, {"idle", "2s"},
		{"share", "10%"}, {"retention", "2h"}, {"prometheus", "'http://h'"}, {"requests", "m"},
		{"errors", "m"}, {"latency", "m_bucket"}, {"hours", "'Mon 09:00-16:00'"},
		{"zone", "UTC"}, {"freeze", "[2026-12-20..2027-01-06]"}, {"flags", "/x"}};
	if (row->type == YAML_TYPE_LIST && row->min == 0)
		return "[]";
	if (row->read == config_read_metrics)
		return "{prometheus: 'http://h', v2: {requests: m}}";
	if (row->table == &config_metrics_arm_table)
		return "{latency: m_bucket}";
	if (strcmp(row->key, "strategy") == 0 && row->type == YAML_TYPE_CUSTOM)
		return row->required ? "v2" : "shadow";
	for (size_t i = 0; row->type != YAML_TYPE_BOOL && i < sizeof(own) / sizeof(*own); i++)
		if (strcmp(own[i].key, row->key) == 0)
			return own[i].value;
	switch (row->type) {
	case YAML_TYPE_BOOL:
		return "true";
	case YAML_TYPE_INT:
	case YAML_TYPE_REAL:
	case YAML_TYPE_FRACTION:
		return "1";
	case YAML_TYPE_DURATION:
	case YAML_TYPE_MICROS:
		return "2s";
	case YAML_TYPE_SHARE:
		return "10%";
	case YAML_TYPE_BYTES:
		return "1GiB";
	case YAML_TYPE_NAME:
	case YAML_TYPE_STRING:
		return "word";
	case YAML_TYPE_WORD:
	case YAML_TYPE_ENUM:
		return row->words[0];
	case YAML_TYPE_MAP:
		return "{}";
	default:
		fail_msg("no good value of \"%s\"", row->key);
		return "";
	}
}

/* A number of the row's type as one would write it. */
static void written(char *out, size_t size, const struct yaml_row *row, double value)
{
	if (row->type == YAML_TYPE_DURATION)
		snprintf(out, size, "%.0fms", value);
	else if (row->type == YAML_TYPE_MICROS)
		snprintf(out, size, "%.0fus", value);
	else if (row->type == YAML_TYPE_SHARE)
		snprintf(out, size, "%.0fbp", value);
	else if (row->type == YAML_TYPE_BYTES)
		snprintf(out, size, "%.0fB", value);
	else if (row->type == YAML_TYPE_INT)
		snprintf(out, size, "%.0f", value);
	else
		snprintf(out, size, "%.10g", value);
}

static bool is_numeric(const struct yaml_row *row)
{
	return row->type == YAML_TYPE_INT || row->type == YAML_TYPE_REAL ||
		row->type == YAML_TYPE_FRACTION || row->type == YAML_TYPE_DURATION ||
		row->type == YAML_TYPE_MICROS || row->type == YAML_TYPE_SHARE ||
		row->type == YAML_TYPE_BYTES;
}

/* True when `required` ("k: v, k: v") has the key. */
static bool has_key(const char *required, const char *key)
{
	char begin[64];
	snprintf(begin, sizeof(begin), "%s:", key);
	const char *found = strstr(required, begin);
	return found && (found == required || found[-1] == ' ');
}

/* `required` without one key; values hold no comma. */
static void without_key(char *out, size_t size, const char *required, const char *key)
{
	char all[128];
	size_t used = 0;
	snprintf(all, sizeof(all), "%s", required);
	*out = 0;
	for (char *save = NULL, *part = strtok_r(all, ",", &save); part;
		 part = strtok_r(NULL, ",", &save)) {
		part += *part == ' ';
		if (!has_key(part, key))
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", part);
	}
}

/* A file with `KEY: value` as the context's last key; its columns. */
struct made {
	char text[512];
	size_t map, key, value;
};

static struct made make_file(
	const struct context *c, const struct yaml_row *row, const char *key, const char *value)
{
	struct made m;
	char others[128];
	without_key(others, sizeof(others), c->required, row->key);
	size_t before = strlen(c->before) + strlen(others) + (*others ? 2 : 0);
	snprintf(m.text, sizeof(m.text), "%s%s%s%s: %s%s", c->before, others, *others ? ", " : "",
		key, value, c->behind);
	m.map = strlen(c->before);
	m.key = before + 1;
	m.value = before + strlen(key) + 3;
	return m;
}

static void check_missing(const struct context *c, const struct yaml_row *row)
{
	char text[512], others[128], says[96];
	without_key(others, sizeof(others), c->required, row->key);
	snprintf(text, sizeof(text), "%s%s%s", c->before, others, c->behind);
	snprintf(says, sizeof(says), "\"%s\" is missing in %s", row->key, c->table->what);
	if (row->required)
		assert_wrong(c->kind, text, strlen(c->before), says);
	else
		assert_accepted(c->kind, text);
}

static void check_wrong_type(const struct context *c, const struct yaml_row *row)
{
	bool is_scalar = row->type != YAML_TYPE_MAP && row->type != YAML_TYPE_LIST;
	/* target is a scalar or a list, freeze a list; plan, pools and policies are maps: none takes
	 * these. */
	struct made m = make_file(c, row, row->key, is_scalar ? "[[]]" : "word");
	if (strcmp(row->key, "target") == 0)
		assert_wrong(c->kind, m.text, m.value + 1, "a list: write a URL");
	else if (strcmp(row->key, "freeze") == 0)
		assert_wrong(c->kind, m.text, m.value + 1, "a list: write a freeze");
	else
		assert_wrong(c->kind, m.text, m.value, "");
	m = make_file(c, row, row->key, "~");
	assert_wrong(c->kind, m.text, m.value, "nothing");
	m = make_file(c, row, row->key, "*bomb");
	assert_wrong(c->kind, m.text, m.value, "alias");
	if (is_numeric(row)) {
		static const char *const bad[] = {".nan", ".inf", "yes", "''", "0x10", "1e400"};
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			m = make_file(c, row, row->key, bad[i]);
			assert_wrong(c->kind, m.text, m.value, ": write ");
		}
	}
	if (row->words) {
		m = make_file(c, row, row->key, "bogus-word");
		assert_wrong(c->kind, m.text, m.value, "write one of ");
	}
}

static void check_range(const struct context *c, const struct yaml_row *row)
{
	if (!is_numeric(row))
		return;
	char value[64];
	bool is_fine = row->type == YAML_TYPE_REAL || row->type == YAML_TYPE_FRACTION;
	double step = is_fine && row->max <= 1 ? 0.0001 : 1;
	/* An exact double's neighbour above 2^53 is not an integer's. */
	double above = row->max + (row->max > 1e15 ? 2 : step);
	written(value, sizeof(value), row, row->min);
	assert_accepted(c->kind, make_file(c, row, row->key, value).text);
	written(value, sizeof(value), row, row->max);
	if (strcmp(row->key, "rate") != 0) /* work that arrives asks for operations */
		assert_accepted(c->kind, make_file(c, row, row->key, value).text);
	written(value, sizeof(value), row, above);
	struct made m = make_file(c, row, row->key, value);
	/* Beyond what can be read at all the type speaks, not the row. */
	bool unreadable = row->max > 9e15 || row->type == YAML_TYPE_SHARE;
	assert_wrong(c->kind, m.text, m.value, unreadable ? ": write " : "it must be from ");
	written(value, sizeof(value), row, row->min - step);
	m = make_file(c, row, row->key, value);
	assert_wrong(c->kind, m.text, m.value, row->min > 0 ? "it must be from " : "");
}

/* True for a text that names something that must be there, or times. */
static bool has_words_of_its_own(const struct yaml_row *row)
{
	static const char *const keys[] = {"operation", "policy", "hours", "zone"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(row->key, keys[i]) == 0)
			return true;
	return false;
}

static void check_length(const struct context *c, const struct yaml_row *row)
{
	if (row->type != YAML_TYPE_NAME && row->type != YAML_TYPE_STRING)
		return;
	char value[256] = {0}, says[64];
	memset(value, 'x', row->size - 1);
	struct made m = make_file(c, row, row->key, value);
	if (!has_words_of_its_own(row))
		assert_accepted(c->kind, m.text);
	memset(value, 'x', row->size);
	m = make_file(c, row, row->key, value);
	snprintf(says, sizeof(says), "at most %zu fit", row->size - 1);
	assert_wrong(c->kind, m.text, m.value, says);
	m = make_file(c, row, row->key, "\"\\e[31m\"");
	assert_wrong(c->kind, m.text, m.value, ": write ");
	m = make_file(c, row, row->key, "''");
	if (strcmp(row->key, "policy") == 0)
		assert_wrong(c->kind, m.text, m.value, "write one of manual");
	else if (row->min > 0)
		assert_wrong(c->kind, m.text, m.value, "is empty");
	else
		assert_accepted(c->kind, m.text);
}

static void check_neighbours(const struct context *c, const struct yaml_row *row)
{
	char typo[64], says[256], twice[512];
	struct made m = make_file(c, row, row->key, good_value(row));
	assert_accepted(c->kind, m.text);
	snprintf(typo, sizeof(typo), "%sx", row->key);
	m = make_file(c, row, typo, good_value(row));
	snprintf(says, sizeof(says), "unknown key \"%s\" in %s: did you mean \"%s\"?", typo,
		c->table->what, row->key);
	assert_wrong(c->kind, m.text, m.key, says);
	snprintf(twice, sizeof(twice), "%s, %s: %s", good_value(row), row->key, good_value(row));
	m = make_file(c, row, row->key, twice);
	snprintf(says, sizeof(says), "\"%s\" is there twice: first at 1:%zu", row->key, m.key);
	assert_wrong(c->kind, m.text, m.value + strlen(good_value(row)) + 2, says);
}

/* What splits behind a HAProxy is wrong for any other target: test_config_haproxy.c has it. */
static bool is_of_haproxy(const struct yaml_row *row)
{
	return row->read == config_read_split_map || row->read == config_read_split_name ||
		row->read == config_read_split_names;
}

static void for_each_row(void (*check)(const struct context *, const struct yaml_row *))
{
	for (size_t i = 0; i < CONTEXTS; i++)
		for (size_t k = 0; k < contexts[i].table->count; k++)
			if (!is_of_haproxy(&contexts[i].table->rows[k]))
				check(&contexts[i], &contexts[i].table->rows[k]);
}

static void test_each_key_missing(void **state)
{
	(void)state;
	for_each_row(check_missing);
}

static void test_each_key_of_wrong_type(void **state)
{
	(void)state;
	for_each_row(check_wrong_type);
}

static void test_each_key_out_of_range(void **state)
{
	(void)state;
	for_each_row(check_range);
}

static void test_each_text_too_long(void **state)
{
	(void)state;
	for_each_row(check_length);
}

static void test_each_key_misspelt_and_twice(void **state)
{
	(void)state;
	for_each_row(check_neighbours);
}

/* ---- the manual ---- */

static char *read_manual(void)
{
	FILE *file = fopen("tui/weir.yaml.5", "r");
	if (!file)
		fail_msg("tui/weir.yaml.5 is not below the working directory");
	char chunk[4096];
	struct text text = {0};
	for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
		text_add_n(&text, chunk, n);
	fclose(file);
	return text_take(&text);
}

/* The part from the end of the line `begin` to the next `stop` or `other`, to the caller. */
static char *part_of(const char *manual, const char *begin, const char *stop, const char *other)
{
	const char *start = strstr(manual, begin);
	if (!start)
		return NULL;
	start += strlen(begin) - 1;
	size_t len = strlen(start);
	const char *ends[] = {strstr(start, stop), strstr(start, other)};
	for (size_t i = 0; i < 2; i++)
		if (ends[i] && (size_t)(ends[i] - start) < len)
			len = (size_t)(ends[i] - start);
	return mem_copy_n(start, len);
}

static void test_manual_has_every_key(void **state)
{
	(void)state;
	char *manual = read_manual();
	for (size_t i = 0; i < CONTEXTS; i++) {
		const struct yaml_table *table = contexts[i].table;
		char begin[96], fallback[96];
		snprintf(begin, sizeof(begin), "\n.SS %s\n", table->what);
		char *section = part_of(manual, begin, "\n.SS ", "\n.SH ");
		if (!section)
			fail_msg("the manual has no section \"%s\"", table->what);
		for (size_t k = 0; k < table->count; k++) {
			const struct yaml_row *row = &table->rows[k];
			snprintf(begin, sizeof(begin), "\n.TP\n.B %s\n", row->key);
			char *entry = part_of(section, begin, "\n.TP\n", "\n.PP\n");
			if (!entry)
				fail_msg("%s: \"%s\" is not in the manual", table->what, row->key);
			for (char *c = entry; *c; c++)
				*c = *c == '\n' ? ' ' : *c;
			const char *value = row->fallback && *row->fallback ? row->fallback : "empty";
			snprintf(fallback, sizeof(fallback), "Default: %s", value);
			if (!strstr(entry, row->help) ||
				(row->fallback && *row->fallback && !strstr(entry, fallback)) ||
				(row->required && !strstr(entry, "Required")))
				fail_msg("%s: the manual says of \"%s\": %s", table->what, row->key, entry);
			free(entry);
		}
		free(section);
	}
	free(manual);
}

/* The two examples of the manual are good files. */
static void test_manual_examples(void **state)
{
	(void)state;
	char *manual = read_manual();
	char *config = part_of(manual, "\n.EX\n", "\n.EE", "\n.SH ");
	assert_non_null(config);
	assert_accepted(FILE_CONFIG, config);
	char *scenario = part_of(strstr(manual, "\n.EE"), "\n.EX\n", "\n.EE", "\n.SH ");
	assert_non_null(scenario);
	assert_accepted(FILE_SCENARIO, scenario);
	free(config);
	free(scenario);
	free(manual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_key_missing),
		cmocka_unit_test(test_each_key_of_wrong_type),
		cmocka_unit_test(test_each_key_out_of_range),
		cmocka_unit_test(test_each_text_too_long),
		cmocka_unit_test(test_each_key_misspelt_and_twice),
		cmocka_unit_test(test_manual_has_every_key),
		cmocka_unit_test(test_manual_examples),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
