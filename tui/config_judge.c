/* Config, judge: the keys below `judge:` of a pool. The limits that the judge holds v2 against
 * are the guards', written once. */
#include "tui/config.h"
#include "tui/config_table.h"

#include "model/judge_policy.h"
#include "model/text.h"

#include <string.h>

static const char *const metric_words[] = {
#define X(name, word, quantile) word,
	JUDGED_INFO(X)
#undef X
		NULL};

static int fail_metric(
	const struct yaml_doc *doc, const struct yaml_node *node, struct err *err)
{
	const char *near = text_nearest(node->text, metric_words);
	struct text expected = {0};
	text_add(&expected, "one of ");
	for (int m = 0; m < JUDGED_COUNT; m++)
		text_addf(&expected, "%s%s", m ? ", " : "", metric_words[m]);
	if (near)
		text_addf(&expected, "; did you mean \"%s\"?", near);
	int rc = yaml_fail_expected(doc, node, text_str(&expected), err);
	text_free(&expected);
	return rc;
}

static int read_metrics(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	static const char expected[] = "a list of metrics such as [errors, p99]";
	bool *metric = field;
	if (node->kind != YAML_KIND_LIST)
		return yaml_fail_expected(doc, node, expected, err);
	if (node->count == 0)
		return yaml_fail(doc, node->at, err, "\"metrics\" is empty: write %s", expected);
	memset(metric, 0, JUDGED_COUNT * sizeof *metric);
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_node *item = &node->items[i];
		if (item->kind != YAML_KIND_SCALAR || yaml_is_null(item))
			return yaml_fail_expected(doc, node, expected, err);
		enum judged m = judged_of(item->text);
		if (m == JUDGED_COUNT)
			return fail_metric(doc, item, err);
		if (metric[m])
			return yaml_fail(doc, item->at, err, "\"%s\" is there twice", item->text);
		metric[m] = true;
	}
	return 0;
}

#define AT(member) .offset = offsetof(struct judge_policy, member)

static const struct yaml_row judge_rows[] = {
	{"alpha", YAML_TYPE_FRACTION, AT(alpha), .min = 0.0001, .max = JUDGE_CHANCE_MAX,
		.fallback = "1%", .help = "The chance of ever finding harm where there is none"},
	{"beta", YAML_TYPE_FRACTION, AT(beta), .min = 0.0001, .max = JUDGE_CHANCE_MAX,
		.fallback = "5%",
		.help = "The chance of ever finding a v2 safe that is worse than the margin"},
	{"tolerance", YAML_TYPE_FRACTION, AT(tolerance), .max = JUDGE_TOLERANCE_MAX,
		.fallback = "10%", .help = "Worse by at most this part of v1 is no harm"},
	{"margin", YAML_TYPE_FRACTION, AT(margin), .min = 0.0001, .max = JUDGE_MARGIN_MAX,
		.fallback = "50%", .help = "Worse by less than this part of v1 is safe"},
	{"metrics", YAML_TYPE_CUSTOM, AT(metric), .read = read_metrics, .help = "What is compared"},
};

YAML_TABLE(config_judge_table, "the judge", judge_rows);

int config_check_judge(const struct yaml_doc *doc, const struct yaml_node *map,
	const struct judge_policy *p, struct err *err)
{
	if (!map || p->margin > p->tolerance)
		return 0;
	const struct yaml_node *margin = yaml_get(map, "margin");
	return yaml_fail(doc, margin ? margin->at : yaml_get(map, "tolerance")->at, err,
		"the margin, %.15g, must be above the tolerance, %.15g", p->margin, p->tolerance);
}

void config_judge_json(struct text *out, const struct judge_policy *p)
{
	text_add(out, "{");
	text_json_real(out, "alpha", p->alpha);
	text_json_real(out, "beta", p->beta);
	text_json_real(out, "tolerance", p->tolerance);
	text_json_real(out, "margin", p->margin);
	text_json_key(out, "metrics");
	text_add(out, "[");
	for (int m = 0, count = 0; m < JUDGED_COUNT; m++) {
		if (!p->metric[m])
			continue;
		text_add(out, count++ ? "," : "");
		text_add_json(out, metric_words[m]);
	}
	text_add(out, "]}");
}
