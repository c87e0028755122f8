/* What-if, policies: guards and judge as weir.yaml writes them, over a policy that is there: a key
 * that is not written stays as it was. The keys are the configuration's own tables. */
#include "tui/whatif.h"

#include "model/text.h"
#include "tui/config_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 16
#define KEY_MAX 64

static const struct section {
	const char *name;
	const struct yaml_table *table;
	size_t offset; /* into struct guard_limits */
} sections[] = {
	{"guards", &config_guards_table, 0},
	{"judge", &config_judge_table, offsetof(struct guard_limits, judge)},
};
#define SECTIONS (sizeof sections / sizeof *sections)

/* The table without what it puts where a key is missing. */
static int bind(const struct section *s, const struct yaml_doc *doc,
	const struct yaml_node *map, struct guard_limits *limits, struct err *err)
{
	struct yaml_row rows[ROWS_MAX];
	struct yaml_table bare = {s->table->what, rows, 0};
	for (; bare.count < s->table->count && bare.count < ROWS_MAX; bare.count++) {
		rows[bare.count] = s->table->rows[bare.count];
		rows[bare.count].fallback = NULL;
		rows[bare.count].required = false;
	}
	return yaml_bind(doc, map, &bare, (char *)limits + s->offset, err);
}

static const struct section *section_of(const char *name, size_t len)
{
	for (size_t i = 0; i < SECTIONS; i++)
		if (strlen(sections[i].name) == len && strncmp(sections[i].name, name, len) == 0)
			return &sections[i];
	return NULL;
}

/* ---- a file ---- */

static int read_sections(struct guard_limits *out, const struct yaml_doc *doc, struct err *err)
{
	const struct yaml_node *root = &doc->root;
	if (root->kind != YAML_KIND_MAP || root->count == 0)
		return yaml_fail(doc, root->at, err, "a policy has guards:, judge: or both");
	for (size_t i = 0; i < root->count; i++) {
		const struct yaml_node *map = &root->items[i];
		const struct section *s = section_of(map->key, strlen(map->key));
		if (!s)
			return yaml_fail(doc, map->key_at, err,
				"unknown key \"%.80s\": a policy has guards:, judge: or both", map->key);
		if (bind(s, doc, map, out, err) != 0 ||
			(s->offset > 0 && out->judge.margin <= out->judge.tolerance &&
				config_check_judge(doc, map, &out->judge, err) != 0))
			return -1;
	}
	return 0;
}

int whatif_read(struct guard_limits *limits, const char *text, size_t len, const char *file,
	struct err *err)
{
	struct yaml_doc doc;
	struct guard_limits read = *limits;
	if (yaml_doc_read(&doc, text, len, file, err) != 0)
		return -1;
	int rc = read_sections(&read, &doc, err);
	yaml_doc_free(&doc);
	if (rc == 0)
		*limits = read;
	return rc;
}

/* ---- one key ---- */

static int unknown_key(const char *key, struct err *err)
{
	char names[SECTIONS * ROWS_MAX][KEY_MAX];
	const char *words[SECTIONS * ROWS_MAX + 1];
	const char *bare = NULL;
	size_t n = 0;
	for (size_t i = 0; i < SECTIONS; i++)
		for (size_t k = 0; k < sections[i].table->count && k < ROWS_MAX; k++, n++) {
			const char *own = sections[i].table->rows[k].key;
			snprintf(names[n], KEY_MAX, "%s.%s", sections[i].name, own);
			words[n] = names[n];
			/* the key alone, without its section */
			if (strcmp(own, key) == 0)
				bare = names[n];
		}
	words[n] = NULL;
	const char *near = bare ? bare : text_nearest(key, words);
	if (near)
		return err_set(
			err, ERR_USAGE, "'%s' is no key of a policy; did you mean '%s'?", key, near);
	return err_set(err, ERR_USAGE,
		"'%s' is no key of a policy; write guards.KEY or judge.KEY as in weir.yaml(5)", key);
}

static bool has_row(const struct section *s, const char *key)
{
	for (size_t i = 0; i < s->table->count; i++)
		if (strcmp(s->table->rows[i].key, key) == 0)
			return true;
	return false;
}

/* The reason without the place in a text that nobody wrote. */
static const char *reason_of(const struct err *err)
{
	const char *space = strchr(err->text, ' ');
	return space ? space + 1 : err->text;
}

static int set(struct guard_limits *limits, const char *key, const char *value, struct err *err)
{
	const char *dot = strchr(key, '.');
	const struct section *s = dot ? section_of(key, (size_t)(dot - key)) : NULL;
	if (!s || !has_row(s, dot + 1))
		return unknown_key(key, err);
	struct text t = {0};
	struct yaml_doc doc;
	struct guard_limits read = *limits;
	struct err why = {0};
	text_addf(&t, "%s: %s\n", dot + 1, value);
	int rc = yaml_doc_read(&doc, text_str(&t), t.len, "value", &why);
	if (rc == 0) {
		rc = bind(s, &doc, &doc.root, &read, &why);
		yaml_doc_free(&doc);
	}
	text_free(&t);
	if (rc != 0)
		return err_set(err, ERR_USAGE, "'%s=%s': %s", key, value, reason_of(&why));
	*limits = read;
	return 0;
}

int whatif_set(struct guard_limits *limits, const char *assignment, struct err *err)
{
	char key[KEY_MAX], shown[96];
	const char *equals = strchr(assignment, '=');
	text_clean(shown, sizeof shown, assignment, strlen(assignment));
	if (strcmp(shown, assignment) != 0)
		return err_set(
			err, ERR_USAGE, "'%s' is too long, or has characters that do not show", shown);
	if (!equals || equals == assignment || equals[1] == '\0')
		return err_set(err, ERR_USAGE,
			"'%s' sets nothing; write KEY=VALUE such as guards.error_rate_threshold=0.02",
			shown);
	if ((size_t)(equals - assignment) >= sizeof key)
		return err_set(err, ERR_USAGE, "'%s' is no key of a policy", shown);
	snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
	return set(limits, key, equals + 1, err);
}

/* ---- a range of one key ---- */

struct bound {
	double value;
	char unit[16];
};

/* "0.005", "1%", "2GiB": a number and its unit, up to `end`. */
static bool read_bound(struct bound *out, const char **at, char end)
{
	char *behind;
	if (!strchr("0123456789.", **at) || **at == '\0')
		return false;
	out->value = strtod(*at, &behind);
	const char *stop = end ? strchr(behind, end) : behind + strlen(behind);
	if (!stop || (size_t)(stop - behind) >= sizeof out->unit || !isfinite(out->value))
		return false;
	snprintf(out->unit, sizeof out->unit, "%.*s", (int)(stop - behind), behind);
	*at = stop + (end != '\0');
	return strspn(out->unit, "%abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
		strlen(out->unit);
}

static bool read_range(const char *values, struct bound b[3])
{
	return read_bound(&b[0], &values, ':') && read_bound(&b[1], &values, ':') &&
		read_bound(&b[2], &values, '\0') && strcmp(b[0].unit, b[1].unit) == 0 &&
		strcmp(b[0].unit, b[2].unit) == 0 && b[2].value > 0 && b[1].value >= b[0].value;
}

#define ROUNDING 1e-9 /* of sums of steps such as 0.005 */

int whatif_grid(struct whatif_policy *out, size_t max, size_t *count,
	const struct guard_limits *base, const char *range, struct err *err)
{
	struct bound b[3];
	const char *equals = strchr(range, '=');
	*count = 0;
	if (!equals || equals - range >= KEY_MAX || !read_range(equals + 1, b))
		return err_set(err, ERR_USAGE,
			"'%.80s' is no range; write KEY=FROM:TO:STEP such as "
			"guards.error_rate_threshold=0.005:0.05:0.005, all of one unit",
			range);
	double steps = floor((b[1].value - b[0].value) / b[2].value + ROUNDING);
	if (steps >= (double)max)
		return err_set(err, ERR_USAGE, "'%.80s' has %.0f values; at most %zu can be tried",
			range, steps + 1, max);
	for (; *count <= (size_t)steps; ++*count) {
		struct whatif_policy *p = &out[*count];
		p->limits = *base;
		snprintf(p->name, sizeof p->name, "%.*s=%.10g%s", (int)(equals - range), range,
			b[0].value + (double)*count * b[2].value, b[0].unit);
		if (whatif_set(&p->limits, p->name, err) < 0)
			return -1;
	}
	return 0;
}
