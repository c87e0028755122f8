/* Config, metrics: the keys below `metrics:` of a pool: Prometheus as a second source of its
 * figures. What a selector may be is the target's (client/prometheus_target.h). */
#include "tui/config.h"
#include "tui/config_table.h"

#include "model/text.h"

#include <string.h>

#define SECOND_MS 1000.0
#define HOUR_MS (60 * 60 * SECOND_MS)

static int fail_why(const struct yaml_doc *doc, const struct yaml_node *node,
	const struct err *why, struct err *err)
{
	return yaml_fail(doc, node->at, err, "\"%s\": %s", node->key, why->text);
}

static int read_url(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	struct err why = {0};
	const char *text = yaml_scalar(doc, node, "a URL such as http://127.0.0.1:9090", err);
	if (!text)
		return -1;
	if (prometheus_check_url(text, &why))
		return fail_why(doc, node, &why, err);
	text_copy(field, PROMETHEUS_URL_MAX, text);
	return 0;
}

static int read_selector(const struct yaml_doc *doc, const struct yaml_node *node, void *field,
	enum prometheus_metric metric, struct err *err)
{
	struct err why = {0};
	const char *text = yaml_scalar(doc, node, "a selector such as NAME{LABEL=\"VALUE\"}", err);
	if (!text)
		return -1;
	if (!yaml_is_clean(text))
		return yaml_fail_expected(doc, node, "a selector without invisible characters", err);
	if (prometheus_check_selector(text, metric, &why))
		return fail_why(doc, node, &why, err);
	text_copy(field, PROMETHEUS_SELECTOR_MAX, text);
	return 0;
}

#define READER(name, metric) \
	static int read_##name(const struct yaml_doc *doc, const struct yaml_node *node, \
		void *field, struct err *err) \
	{ \
		return read_selector(doc, node, field, metric, err); \
	}
READER(requests, PROMETHEUS_REQUESTS)
READER(errors, PROMETHEUS_ERRORS)
READER(latency, PROMETHEUS_LATENCY)

#define SELECTOR(metric) .offset = PROMETHEUS_##metric * PROMETHEUS_SELECTOR_MAX

static const struct yaml_row arm_rows[] = {
	{"requests", YAML_TYPE_CUSTOM, SELECTOR(REQUESTS), .read = read_requests,
		.help = "The counter of the side's requests"},
	{"errors", YAML_TYPE_CUSTOM, SELECTOR(ERRORS), .read = read_errors,
		.help = "The counter of those that failed"},
	{"latency", YAML_TYPE_CUSTOM, SELECTOR(LATENCY), .read = read_latency,
		.help = "The buckets of the histogram of their latencies"},
};

YAML_TABLE(config_metrics_arm_table, "the metrics of a side", arm_rows);

#define AT(member) .offset = offsetof(struct config_metrics, member)

static const struct yaml_row metrics_rows[] = {
	{"prometheus", YAML_TYPE_CUSTOM, AT(source.url), .required = true, .read = read_url,
		.help = "Where Prometheus is"},
	{"token_file", YAML_TYPE_CUSTOM, AT(token_file), .read = config_read_path,
		.help = "The file that holds the bearer token of Prometheus"},
	{"interval", YAML_TYPE_DURATION, AT(source.interval_ms), .min = 100, .max = HOUR_MS,
		.help = "How often Prometheus scrapes the pool"},
	{"sum", YAML_TYPE_BOOL, AT(source.sum), .help = "Whether several series are added up"},
	{"v1", YAML_TYPE_MAP, AT(source.selector[ARM_V1]), .table = &config_metrics_arm_table,
		.help = "What counts for v1"},
	{"v2", YAML_TYPE_MAP, AT(source.selector[ARM_V2]), .table = &config_metrics_arm_table,
		.help = "What counts for v2"},
};

YAML_TABLE(config_metrics_table, "the metrics", metrics_rows);

static int check(const struct yaml_doc *doc, const struct yaml_node *map,
	const struct config_metrics *m, struct err *err)
{
	bool any = false;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct yaml_node *side = yaml_get(map, arm_name((enum arm)arm));
		bool requests = m->source.selector[arm][PROMETHEUS_REQUESTS][0];
		any |= requests || m->source.selector[arm][PROMETHEUS_LATENCY][0];
		if (m->source.selector[arm][PROMETHEUS_ERRORS][0] && !requests)
			return yaml_fail(doc, yaml_get(side, "errors")->key_at, err,
				"\"errors\" of %s are a part of its requests: write \"requests\" too",
				arm_name((enum arm)arm));
	}
	if (any)
		return 0;
	return yaml_fail(doc, map->key_at, err,
		"\"metrics\" selects nothing: write v1: {requests: SELECTOR, errors: SELECTOR, "
		"latency: SELECTOR} and v2 likewise");
}

int config_read_metrics(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	if (node->kind != YAML_KIND_MAP)
		return yaml_fail_expected(
			doc, node, "{prometheus: URL, v1: {requests: SELECTOR, …}, v2: …}", err);
	return yaml_bind(doc, node, &config_metrics_table, field, err) ||
			check(doc, node, field, err)
		? -1
		: 0;
}

void config_metrics_json(struct text *out, const struct config_metrics *m)
{
	struct text target = {0};
	if (!m->source.url[0])
		return;
	prometheus_target_write(&target, &m->source);
	text_json_str(out, "metrics", text_str(&target));
	text_free(&target);
}
