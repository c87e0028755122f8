/* Answers of Prometheus: JSON to the newest point of each series. What the points mean together
 * is client/prometheus_count.c's. */
#include "client/wire_prometheus.h"

#include "client/wire_field.h"
#include "model/mem.h"
#include "model/text.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES_MAX 64
#define TIME_MAX 9e12 /* seconds; more is no time */

/* FNV-1a, 64 bits, of a text with its end. */
static uint64_t hash(uint64_t h, const char *s)
{
	do
		h = (h ^ (unsigned char)*s) * 0x100000001B3u;
	while (*s++);
	return h;
}

/* A number as Prometheus writes it: NaN for its words of numbers that are none. */
static bool read_number(const char *s, double *out)
{
	static const char *const none[] = {"NaN", "+Inf", "-Inf", "Inf"};
	char *end;
	*out = NAN;
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		if (strcmp(s, none[i]) == 0)
			return true;
	size_t len = strspn(s, "0123456789+-.eE");
	if (len == 0 || s[len] || len > VALUE_BYTES_MAX)
		return false;
	*out = strtod(s, &end);
	return !*end;
}

static bool read_bound(const char *s, double *out)
{
	if (strcmp(s, "+Inf") == 0 || strcmp(s, "Inf") == 0) {
		*out = INFINITY;
		return true;
	}
	return read_number(s, out) && isfinite(*out);
}

static int read_labels(struct prometheus_point *p, const struct cJSON *labels, struct err *err)
{
	const cJSON *label;
	p->le = -INFINITY;
	p->series = 0;
	if (!cJSON_IsObject(labels))
		return err_set(err, ERR_FIELD, "field \"data.result.metric\": want an object");
	cJSON_ArrayForEach(label, labels)
	{
		const char *value = cJSON_GetStringValue(label);
		if (!value)
			return err_set(err, ERR_FIELD, "label \"%.80s\" is no text", label->string);
		if (strcmp(label->string, "le") != 0)
			/* a sum: labels have no order */
			p->series += hash(hash(0xCBF29CE484222325u, label->string), value);
		else if (!read_bound(value, &p->le))
			return err_set(err, ERR_FIELD, "label \"le\" is \"%.80s\", no bound", value);
	}
	return 0;
}

/* One sample: [seconds, "number"]. */
static int read_sample(struct prometheus_point *p, const struct cJSON *pair, struct err *err)
{
	const cJSON *at = cJSON_GetArrayItem(pair, 0), *value = cJSON_GetArrayItem(pair, 1);
	const char *text = cJSON_GetStringValue(value);
	if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2 || !cJSON_IsNumber(at) ||
		fabs(at->valuedouble) > TIME_MAX || !text || !read_number(text, &p->value))
		return err_set(err, ERR_FIELD, "field \"data.result.values\": want [time, \"number\"]");
	p->at_ms = (int64_t)llround(at->valuedouble * 1000);
	return 0;
}

/* The newest of a series; 1 read, 0 it has none, or -1 with err. */
static int read_series(struct prometheus_point *p, const struct cJSON *series, struct err *err)
{
	const cJSON *values = cJSON_GetObjectItemCaseSensitive(series, "values");
	if (read_labels(p, cJSON_GetObjectItemCaseSensitive(series, "metric"), err))
		return -1;
	if (!cJSON_IsArray(values))
		return err_set(err, ERR_FIELD, "field \"data.result.values\": want a list");
	struct prometheus_point one;
	bool any = false;
	const cJSON *pair;
	cJSON_ArrayForEach(pair, values)
	{
		if (read_sample(&one, pair, err))
			return -1;
		if (!any || one.at_ms >= p->at_ms) {
			p->at_ms = one.at_ms;
			p->value = one.value;
		}
		any = true;
	}
	return any;
}

static int refused(const struct cJSON *tree, struct err *err)
{
	const char *type =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "errorType"));
	const char *why = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "error"));
	bool bad = type && strcmp(type, "bad_data") == 0;
	return err_set(err, bad ? ERR_CONFIG : ERR_UNREACHABLE, "%s (%.40s): %.200s",
		bad ? "the selector was refused" : "the query was not done", type ? type : "no reason",
		why ? why : "it does not say why");
}

static int read_result(struct prometheus_point **points, size_t *count,
	const struct cJSON *result, struct err *err)
{
	size_t room = (size_t)cJSON_GetArraySize(result);
	const cJSON *series;
	*points = mem_new(room + 1, sizeof **points);
	cJSON_ArrayForEach(series, result)
	{
		int rc = read_series(&(*points)[*count], series, err);
		if (rc < 0)
			return -1;
		*count += (size_t)rc;
	}
	return 0;
}

int wire_read_prometheus(struct prometheus_point **points, size_t *count, const char *body,
	size_t len, struct err *err)
{
	*points = NULL;
	*count = 0;
	cJSON *tree = wire_parse(body, len, err);
	if (!tree)
		return -1;
	const char *status = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "status"));
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(tree, "data");
	const char *type =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, "resultType"));
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(data, "result");
	int rc = 0;
	if (status && strcmp(status, "error") == 0)
		rc = refused(tree, err);
	else if (!status || strcmp(status, "success") != 0)
		rc = err_set(err, ERR_FIELD, "field \"status\": want \"success\" or \"error\"");
	else if (!type || strcmp(type, "matrix") != 0 || !cJSON_IsArray(result))
		rc =
			err_set(err, ERR_FIELD, "field \"data\": want the result of a range, a \"matrix\"");
	else
		rc = read_result(points, count, result, err);
	cJSON_Delete(tree);
	if (rc) {
		free(*points);
		*points = NULL;
		*count = 0;
	}
	return rc;
}
