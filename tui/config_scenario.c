/* Config, scenario: the keys of a scenario file, which feeds the embedded engine. */
#include "tui/config.h"
#include "tui/config_table.h"

#include "model/text.h"

#include <stddef.h>
#include <string.h>

#define SECOND_US 1e6
#define HOUR_MS (60 * 60 * 1000.0)
#define AXIS_MS (7 * 24 * HOUR_MS) /* the longest time axis */
#define MIB (1024.0 * 1024)

static const char *const arm_words[] = {"v1", "v2", NULL};
static const char *const strategy_words[] = {"canary", "primary_with_fallback", NULL};

#define AT(type, member) .offset = offsetof(struct type, member)
#define ROOM(type, member) .size = sizeof(((struct type *)0)->member)

static const struct yaml_row operation_rows[] = {
	{"name", YAML_TYPE_NAME, AT(scenario_operation, name), ROOM(scenario_operation, name),
		.min = 1, .required = true, .help = "The operation that is called"},
	{"weight", YAML_TYPE_REAL, AT(scenario_operation, weight), .min = 0.001, .max = 1e6,
		.fallback = "1", .help = "Its part of the mix, against the other weights"},
	{"work", YAML_TYPE_MICROS, AT(scenario_operation, work_us), .max = 60 * SECOND_US,
		.fallback = "1ms", .help = "How long one call works"},
};

YAML_TABLE(config_operation_table, "an operation", operation_rows);

static const struct yaml_row level_rows[] = {
	{"at", YAML_TYPE_DURATION, AT(scenario_level, at_ms), .max = AXIS_MS, .required = true,
		.help = "When it begins, counted from the start"},
	{"rate", YAML_TYPE_REAL, AT(scenario_level, rate), .max = 1e6, .required = true,
		.help = "Arrivals a second from then on"},
	{"over", YAML_TYPE_DURATION, AT(scenario_level, over_ms), .max = AXIS_MS, .fallback = "0",
		.help = "The rate goes there evenly in this time; 0 for at once"},
	{"swing", YAML_TYPE_FRACTION, AT(scenario_level, swing), .max = 1, .fallback = "0",
		.help = "The rate swings up and down by this part of itself"},
	{"period", YAML_TYPE_DURATION, AT(scenario_level, period_ms), .min = 1000, .max = AXIS_MS,
		.fallback = "1d", .help = "The time of one swing"},
};

YAML_TABLE(config_level_table, "a level", level_rows);

static const struct yaml_row phase_rows[] = {
	{"at", YAML_TYPE_DURATION, AT(scenario_phase, at_ms), .max = AXIS_MS, .required = true,
		.help = "When it begins, counted from the start"},
	{"arm", YAML_TYPE_ENUM, AT(scenario_phase, arm), .words = arm_words, .required = true,
		.help = "The side that it happens to"},
	{"error_rate", YAML_TYPE_FRACTION, AT(scenario_phase, fault.error_rate), .max = 1,
		.fallback = "0", .help = "The part of the work that fails"},
	{"slow_factor", YAML_TYPE_REAL, AT(scenario_phase, fault.slow_factor), .min = 1,
		.max = 1000, .fallback = "1", .help = "Run time times this"},
	{"latency_add", YAML_TYPE_MICROS, AT(scenario_phase, fault.latency_add_us),
		.max = 60 * SECOND_US, .fallback = "0", .help = "Added to every call"},
	{"hang", YAML_TYPE_BOOL, AT(scenario_phase, fault.hang), .fallback = "false",
		.help = "The side never finishes anything"},
	{"crash_rate", YAML_TYPE_FRACTION, AT(scenario_phase, fault.crash_rate), .max = 1,
		.fallback = "0", .help = "The part of the work that ends its worker"},
	{"leak", YAML_TYPE_BYTES, AT(scenario_phase, fault.leak_bytes), .min = 1, .max = 16 * MIB,
		.help = "What every call never gives back"},
	{"stall", YAML_TYPE_BOOL, AT(scenario_phase, fault.stall), .fallback = "false",
		.help = "The side begins nothing new: its queue grows"},
	{"lies", YAML_TYPE_BOOL, AT(scenario_phase, fault.lies), .fallback = "false",
		.help = "The side counts its failures as successes"},
	{"operation", YAML_TYPE_NAME, AT(scenario_phase, fault.operation),
		ROOM(scenario_phase, fault.operation), .fallback = "",
		.help = "Only this operation; empty for all"},
};

YAML_TABLE(config_phase_table, "a phase", phase_rows);

static const struct yaml_row event_rows[] = {
	{"at", YAML_TYPE_DURATION, AT(scenario_event, at_ms), .max = AXIS_MS, .required = true,
		.help = "When it happens, counted from the start"},
	{"clock_ahead", YAML_TYPE_DURATION, AT(scenario_event, clock_ahead_ms), .max = AXIS_MS,
		.fallback = "0", .help = "The wall clock is this far ahead"},
	{"clock_behind", YAML_TYPE_DURATION, AT(scenario_event, clock_behind_ms), .max = AXIS_MS,
		.fallback = "0", .help = "The wall clock is this far behind"},
	{"restart", YAML_TYPE_BOOL, AT(scenario_event, restart), .fallback = "false",
		.help = "The pool starts anew, with another boot and all counters from 0"},
};

YAML_TABLE(config_event_table, "an event", event_rows);

static const struct yaml_row worse_rows[] = {
	{"from", YAML_TYPE_DURATION, AT(scenario_worse, from_ms), .max = AXIS_MS, .fallback = "0",
		.help = "When it begins, counted from the start"},
	{"until", YAML_TYPE_DURATION, AT(scenario_worse, until_ms), .max = AXIS_MS,
		.required = true, .help = "When it is over"},
	{"above", YAML_TYPE_SHARE, AT(scenario_worse, above_bp), .max = SHARE_FULL,
		.fallback = "0%", .help = "Only while v2's share is above this"},
};

YAML_TABLE(config_worse_table, "a worse time", worse_rows);

static const struct yaml_row scenario_rows[] = {
	{"name", YAML_TYPE_NAME, AT(scenario, name), ROOM(scenario, name), .min = 1,
		.fallback = "scenario", .help = "What it is called"},
	{"help", YAML_TYPE_STRING, AT(scenario, help), ROOM(scenario, help), .fallback = "",
		.help = "One line for who chooses what to rehearse"},
	{"for", YAML_TYPE_DURATION, AT(scenario, for_ms), .max = AXIS_MS, .fallback = "0",
		.help = "How long it is played; 0 for five minutes beyond the last that happens"},
	{"rate", YAML_TYPE_REAL, AT(scenario, rate), .max = 1e6, .required = true,
		.help = "Arrivals a second, at random; 0 for none"},
	{"sessions", YAML_TYPE_INT, AT(scenario, sessions), .min = 1, .max = SCENARIO_SESSIONS_MAX,
		.fallback = "100", .help = "The sessions that arrivals belong to"},
	{"session_requests", YAML_TYPE_REAL, AT(scenario, session_requests), .min = 1, .max = 1e6,
		.help = "The requests of a session on average: then another takes its place"},
	{"keys", YAML_TYPE_INT, AT(scenario, keys), .max = SCENARIO_KEYS_MAX, .fallback = "0",
		.help = "The keys of keyed work; 0 for none"},
	{"key_skew", YAML_TYPE_REAL, AT(scenario, key_skew), .max = 4, .fallback = "0",
		.help = "How much the first keys are preferred"},
	{"seed", YAML_TYPE_INT, AT(scenario, seed), .max = 9007199254740992.0, .fallback = "1",
		.help = "The same seed gives the same arrivals"},
	{"unit", YAML_TYPE_DURATION, AT(scenario, unit_ms), .max = HOUR_MS, .fallback = "0",
		.help = "The age at which a session is counted; 0 for the engine's own"},
	{"v1_slow_factor", YAML_TYPE_REAL, AT(scenario, v1_slow_factor), .min = 0.01, .max = 1000,
		.fallback = "1", .help = "The pace of v1 itself: run time times this"},
	{"v2_slow_factor", YAML_TYPE_REAL, AT(scenario, v2_slow_factor), .min = 0.01, .max = 1000,
		.fallback = "1", .help = "The pace of v2 itself: run time times this"},
	{"v1_workers", YAML_TYPE_INT, AT(scenario, v1_workers), .min = 1, .max = 1024,
		.help = "The serialized executors of v1"},
	{"v2_workers", YAML_TYPE_INT, AT(scenario, v2_workers), .min = 1, .max = 1024,
		.help = "The workers of v2"},
	{"queue", YAML_TYPE_INT, AT(scenario, queue_max), .min = 1, .max = 65536,
		.help = "The most that wait on each side"},
	{"timeout", YAML_TYPE_DURATION, AT(scenario, timeout_ms), .min = 1, .max = 60000,
		.help = "The time a request has"},
	{"strategy", YAML_TYPE_WORD, AT(scenario, strategy), ROOM(scenario, strategy),
		.words = strategy_words, .fallback = "canary", .help = "How work is split"},
	{"operations", YAML_TYPE_LIST, AT(scenario, operations),
		.size = sizeof(struct scenario_operation), .max = SCENARIO_OPERATIONS_MAX,
		.table = &config_operation_table,
		.count_offset = offsetof(struct scenario, operation_count),
		.help = "The mix of arriving work"},
	{"arrivals", YAML_TYPE_LIST, AT(scenario, levels), .size = sizeof(struct scenario_level),
		.max = SCENARIO_LEVELS_MAX, .table = &config_level_table,
		.count_offset = offsetof(struct scenario, level_count),
		.help = "How the rate changes, each until the next"},
	{"phases", YAML_TYPE_LIST, AT(scenario, phases), .size = sizeof(struct scenario_phase),
		.max = SCENARIO_PHASES_MAX, .table = &config_phase_table,
		.count_offset = offsetof(struct scenario, phase_count),
		.help = "The faults, each until the next of the same side"},
	{"node", YAML_TYPE_LIST, AT(scenario, events), .size = sizeof(struct scenario_event),
		.max = SCENARIO_EVENTS_MAX, .table = &config_event_table,
		.count_offset = offsetof(struct scenario, event_count),
		.help = "What happens to the pool's machine"},
	{"worse", YAML_TYPE_LIST, AT(scenario, worse), .size = sizeof(struct scenario_worse),
		.max = SCENARIO_WORSE_MAX, .table = &config_worse_table,
		.count_offset = offsetof(struct scenario, worse_count),
		.help = "When v2 is worse though no phase says so, for the score of a rehearsal"},
};

YAML_TABLE(config_scenario_table, "the scenario", scenario_rows);

static int find_operation(const struct scenario *s, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(s->operations[i].name, name) == 0)
			return i;
	return -1;
}

static int check_operations(
	const struct yaml_doc *doc, const struct scenario *s, struct err *err)
{
	bool arrives = s->rate > 0;
	for (int i = 0; i < s->level_count; i++)
		arrives = arrives || s->levels[i].rate > 0;
	if (arrives && s->operation_count == 0)
		return yaml_fail(doc, doc->root.at, err,
			"\"operations\" is missing in the scenario: work arrives, so say which");
	for (int i = 0; i < s->operation_count; i++)
		if (find_operation(s, i, s->operations[i].name) >= 0) {
			const struct yaml_node *item = &yaml_get(&doc->root, "operations")->items[i];
			return yaml_fail(doc, yaml_get(item, "name")->at, err,
				"operation \"%s\" is there twice", s->operations[i].name);
		}
	return 0;
}

/* A phase that names nothing would be a fault that never happens. */
static int check_phase_operation(const struct yaml_doc *doc, const struct scenario *s,
	const struct yaml_node *item, const char *name, struct err *err)
{
	if (!*name || find_operation(s, s->operation_count, name) >= 0)
		return 0;
	const char *names[SCENARIO_OPERATIONS_MAX + 1] = {NULL};
	for (int i = 0; i < s->operation_count; i++)
		names[i] = s->operations[i].name;
	const char *near = text_nearest(name, names);
	return yaml_fail(doc, yaml_get(item, "operation")->at, err,
		"operation \"%s\" is none of the scenario's%s%s%s", name,
		near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* The item `i` of a list. */
static const struct yaml_node *item_of(const struct yaml_doc *doc, const char *list, int i)
{
	return &yaml_get(&doc->root, list)->items[i];
}

static int fail_order(
	const struct yaml_doc *doc, const struct yaml_node *item, const char *what, struct err *err)
{
	return yaml_fail(doc, yaml_get(item, "at")->at, err,
		"the %s before this one is not earlier: write them in order", what);
}

static int check_levels(const struct yaml_doc *doc, const struct scenario *s, struct err *err)
{
	for (int i = 1; i < s->level_count; i++) {
		const struct scenario_level *before = &s->levels[i - 1];
		if (before->at_ms >= s->levels[i].at_ms)
			return fail_order(doc, item_of(doc, "arrivals", i), "level", err);
		if (before->at_ms + before->over_ms > s->levels[i].at_ms)
			return yaml_fail(doc, yaml_get(item_of(doc, "arrivals", i - 1), "over")->at, err,
				"the rate is not there yet when the next level begins: write a shorter time");
	}
	return 0;
}

static int check_events(const struct yaml_doc *doc, const struct scenario *s, struct err *err)
{
	for (int i = 0; i < s->event_count; i++) {
		const struct scenario_event *event = &s->events[i];
		const struct yaml_node *item = item_of(doc, "node", i);
		if (i > 0 && s->events[i - 1].at_ms >= event->at_ms)
			return fail_order(doc, item, "event", err);
		if (event->clock_ahead_ms && event->clock_behind_ms)
			return yaml_fail(doc, yaml_get(item, "clock_behind")->at, err,
				"the clock is ahead and behind: write one of both");
	}
	return 0;
}

/* What a fault does to a whole side it does not do to one operation. */
static int check_phase_reach(const struct yaml_doc *doc, const struct yaml_node *item,
	const struct fault *fault, struct err *err)
{
	const char *whole = fault->leak_bytes ? "leak"
		: fault->stall                    ? "stall"
		: fault->lies                     ? "lies"
										  : NULL;
	if (!whole || !fault->operation[0])
		return 0;
	return yaml_fail(doc, yaml_get(item, whole)->at, err,
		"\"%s\" is of the whole side: take \"operation\" out", whole);
}

static int check_worse(const struct yaml_doc *doc, const struct scenario *s, struct err *err)
{
	for (int i = 0; i < s->worse_count; i++)
		if (s->worse[i].from_ms > s->worse[i].until_ms)
			return yaml_fail(doc, yaml_get(item_of(doc, "worse", i), "until")->at, err,
				"it is over before it begins: write a later \"until\"");
	return 0;
}

static int check_phases(const struct yaml_doc *doc, const struct scenario *s, struct err *err)
{
	int64_t last_ms[ARM_COUNT] = {-1, -1};
	for (int i = 0; i < s->phase_count; i++) {
		const struct scenario_phase *phase = &s->phases[i];
		const struct yaml_node *item = item_of(doc, "phases", i);
		if (phase->at_ms <= last_ms[phase->arm])
			return yaml_fail(doc, yaml_get(item, "at")->at, err,
				"the phase of %s before this one is not earlier: write them in order",
				arm_words[phase->arm]);
		last_ms[phase->arm] = phase->at_ms;
		if (check_phase_operation(doc, s, item, phase->fault.operation, err) != 0 ||
			check_phase_reach(doc, item, &phase->fault, err) != 0)
			return -1;
	}
	return 0;
}

int config_parse_scenario(
	struct scenario *out, const char *text, size_t len, const char *file, struct err *err)
{
	struct yaml_doc doc;
	*out = (struct scenario){0};
	if (yaml_doc_read(&doc, text, len, file, err) != 0)
		return -1;
	int rc = yaml_bind(&doc, &doc.root, &config_scenario_table, out, err);
	if (rc == 0)
		rc = check_operations(&doc, out, err);
	if (rc == 0)
		rc = check_levels(&doc, out, err);
	if (rc == 0)
		rc = check_phases(&doc, out, err);
	if (rc == 0)
		rc = check_events(&doc, out, err);
	if (rc == 0)
		rc = check_worse(&doc, out, err);
	yaml_doc_free(&doc);
	if (rc != 0)
		*out = (struct scenario){0};
	return rc;
}

static size_t count_known(const struct yaml_node *map, const struct yaml_table *table)
{
	size_t n = 0;
	for (size_t i = 0; i < table->count; i++)
		n += yaml_get(map, table->rows[i].key) != NULL;
	return n;
}

bool config_is_scenario(const char *text, size_t len)
{
	struct yaml_doc doc;
	struct err err;
	if (yaml_doc_read(&doc, text, len, "", &err) != 0)
		return false;
	bool is = doc.root.kind == YAML_KIND_MAP &&
		count_known(&doc.root, &config_scenario_table) > count_known(&doc.root, &config_table);
	yaml_doc_free(&doc);
	return is;
}
