/* Target: the settings of a source of metrics, there and back. It asks nobody. */
#include "client/prometheus_target.h"

#include "model/mem.h"
#include "model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MIN_MS 100
#define INTERVAL_MAX_MS (3600 * 1000)
#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define PLAIN ALPHA DIGITS "._~-:/[]"

static const struct {
	const char *word, *what;
} metrics[PROMETHEUS_METRICS] = {
#define X(name, word, what) [PROMETHEUS_##name] = {word, what},
	PROMETHEUS_METRIC_INFO(X)
#undef X
};

const char *prometheus_metric_what(enum prometheus_metric m)
{
	return metrics[m].what;
}

/* ---- checks ---- */

int prometheus_check_url(const char *url, struct err *err)
{
	size_t scheme = strncmp(url, "http://", 7) == 0 ? 7
		: strncmp(url, "https://", 8) == 0          ? 8
													: 0;
	size_t host = scheme ? strspn(url + scheme, ALPHA DIGITS ".-_:[]") : 0;
	const char *path = url + scheme + host;
	bool ends = *path == '\0' || (*path == '/' && path[strspn(path, PLAIN)] == '\0');
	if (host > 0 && ends && strlen(url) < PROMETHEUS_URL_MAX)
		return 0;
	if (strchr(url, '@')) /* and is not shown with what may be a password */
		return err_set(err, ERR_CONFIG,
			"an address is shown and recorded, so no secret may be in it: use token_file");
	return err_set(err, ERR_CONFIG,
		"\"%.120s\" is no address of Prometheus: write http://HOST:PORT or "
		"https://HOST:PORT/PATH, without a user or a query",
		url);
}

/* Each of these returns what stands behind, or NULL. */

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* Colons are for names of series. */
static const char *skip_name(const char *s, bool colons)
{
	bool begins = *s && strchr(ALPHA "_", *s);
	return begins || (colons && *s == ':')
		? s + strspn(s, colons ? ALPHA DIGITS "_:" : ALPHA DIGITS "_")
		: NULL;
}

static const char *skip_quoted(const char *s)
{
	if (*s != '"' && *s != '\'')
		return NULL;
	char quote = *s++;
	while (*s && *s != quote)
		s += *s == '\\' && s[1] ? 2 : 1;
	return *s ? s + 1 : NULL;
}

static const char *skip_matcher(const char *s)
{
	s = skip_name(s, false);
	if (!s)
		return NULL;
	s = skip_blanks(s);
	size_t op = strncmp(s, "!=", 2) == 0 || strncmp(s, "=~", 2) == 0 || strncmp(s, "!~", 2) == 0
		? 2
		: *s == '=';
	return op ? skip_quoted(skip_blanks(s + op)) : NULL;
}

static const char *skip_matchers(const char *s)
{
	if (*s != '{')
		return s;
	s = skip_blanks(s + 1);
	while (s && *s && *s != '}') {
		s = skip_matcher(s);
		if (!s)
			return NULL;
		s = skip_blanks(s);
		if (*s != ',' && *s != '}')
			return NULL;
		if (*s == ',')
			s = skip_blanks(s + 1);
	}
	return s && *s == '}' ? s + 1 : NULL;
}

int prometheus_check_selector(const char *s, enum prometheus_metric m, struct err *err)
{
	static const char suffix[] = "_bucket";
	const char *end = skip_name(s, true), *rest = end ? skip_matchers(skip_blanks(end)) : NULL;
	if (!rest || *skip_blanks(rest) || strlen(s) >= PROMETHEUS_SELECTOR_MAX)
		return err_set(err, ERR_CONFIG,
			"\"%.120s\" is no selector of series: write NAME{LABEL=\"VALUE\"}, without a function "
			"or a range: weir takes raw counters and counts itself",
			s);
	size_t len = (size_t)(end - s), tail = sizeof suffix - 1;
	bool bucket = len > tail && strncmp(end - tail, suffix, tail) == 0;
	if (bucket == (m == PROMETHEUS_LATENCY))
		return 0;
	return err_set(err, ERR_CONFIG,
		bucket ? "\"%.120s\" selects the buckets of a histogram, and a counter is wanted"
			   : "\"%.120s\" is no histogram: its name must end in _bucket",
		s);
}

/* ---- writing ---- */

static void write_value(struct text *out, const char *value)
{
	for (; *value; value++) {
		if (strchr(PLAIN, *value))
			text_add_n(out, value, 1);
		else
			text_addf(out, "%%%02X", (unsigned)(unsigned char)*value);
	}
}

void prometheus_target_write(struct text *out, const struct prometheus_target *t)
{
	text_addf(out, PROMETHEUS_SCHEME ":%s?interval=%lld%s", t->url, (long long)t->interval_ms,
		t->sum ? "&sum=true" : "");
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int m = 0; m < PROMETHEUS_METRICS; m++) {
			if (!t->selector[arm][m][0])
				continue;
			text_addf(out, "&%s.%s=", arm_name((enum arm)arm), metrics[m].word);
			write_value(out, t->selector[arm][m]);
		}
}

/* ---- reading ---- */

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at;
	char low = c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
	at = c ? strchr(digits, low) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* Undoes write_value in place; false where a % is followed by no two digits, or by 00. */
static bool unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		int high = hex(s[1]), low = high < 0 ? -1 : hex(s[2]);
		if (low < 0 || high + low == 0)
			return false;
		*to++ = (char)(high << 4 | low);
		s += 2;
	}
	*to = '\0';
	return true;
}

static int read_selector(
	struct prometheus_target *out, const char *key, const char *value, struct err *err)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int m = 0; m < PROMETHEUS_METRICS; m++) {
			char name[32];
			snprintf(name, sizeof name, "%s.%s", arm_name((enum arm)arm), metrics[m].word);
			if (strcmp(name, key) != 0)
				continue;
			text_copy(out->selector[arm][m], PROMETHEUS_SELECTOR_MAX, value);
			return prometheus_check_selector(value, (enum prometheus_metric)m, err);
		}
	return err_set(err, ERR_CONFIG, "\"%.40s\" is no setting of a source of metrics", key);
}

static int read_setting(struct prometheus_target *out, char *pair, struct err *err)
{
	char *value = pair, *key = strsep(&value, "=");
	if (!value || !unescape(value))
		return err_set(err, ERR_CONFIG, "\"%.60s\" is no KEY=VALUE", pair);
	if (strcmp(key, "sum") == 0) {
		out->sum = strcmp(value, "true") == 0;
		return 0;
	}
	if (strcmp(key, "interval") != 0)
		return read_selector(out, key, value, err);
	if (unit_parse_int(value, INTERVAL_MIN_MS, INTERVAL_MAX_MS, &out->interval_ms))
		return 0;
	return err_set(
		err, ERR_CONFIG, "interval \"%.40s\": want milliseconds, 100 to an hour", value);
}

int prometheus_target_read(struct prometheus_target *out, const char *text, struct err *err)
{
	static const char scheme[] = PROMETHEUS_SCHEME ":";
	*out = (struct prometheus_target){.interval_ms = 1000};
	if (strncmp(text, scheme, sizeof scheme - 1) != 0)
		return err_set(err, ERR_CONFIG, "\"%.120s\" does not begin with %s", text, scheme);
	char *copy = mem_copy(text + sizeof scheme - 1), *rest = copy;
	char *url = strsep(&rest, "?");
	int rc = prometheus_check_url(url, err);
	if (rc == 0)
		text_copy(out->url, sizeof out->url, url);
	while (rc == 0 && rest && *rest)
		rc = read_setting(out, strsep(&rest, "&"), err);
	free(copy);
	return rc;
}
