/* The driver of prometheus:. Each poll asks for the newest raw samples of every selector at once,
 * each with the time at which it was scraped; what they count is prometheus_count.c's.
 *
 * 1. A poll ends when all its queries have: in a document where all had data, else in trouble
 *    that names the first that had none.
 * 2. Only samples of the last 3 intervals are asked for: an instant value would look fresh for
 *    five minutes.
 * 3. What it has counted of an arm never falls.
 * 4. Errors without a series are none where the arm's requests are fresh: many a program makes the
 *    counter with the first error. */
#include "client/prometheus.h"

#include "client/prometheus_count.h"
#include "client/prometheus_target.h"
#include "client/transport.h"
#include "model/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TIMEOUT_MS 3000
#define RANGE_INTERVALS 3

/* One selector. */
struct query {
	struct driver *driver;
	enum arm arm;
	enum prometheus_metric metric;
	char *url; /* NULL: it is not configured */
	uint64_t id;
	bool is_empty; /* this poll's answer has no series, and may */
	struct prometheus_count count;
};

struct driver {
	uint64_t node;
	struct transport *transport;
	struct driver_sink sink;
	struct prometheus_target target;
	char *token;
	struct query queries[ARM_COUNT][PROMETHEUS_METRICS];
	int waiting;    /* queries under way */
	struct err err; /* of this poll; code 0: none */
	struct snapshot *document;
};

/* ---- open and close ---- */

static void close_source(struct driver *d)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int m = 0; m < PROMETHEUS_METRICS; m++) {
			struct query *q = &d->queries[arm][m];
			if (q->id)
				transport_cancel(d->transport, q->id);
			prometheus_count_release(&q->count);
			free(q->url);
		}
	free(d->document);
	free(d->token);
	free(d);
}

/* Everything but letters and digits as %XX. */
static void add_escaped(struct text *out, const char *s)
{
	for (; *s; s++) {
		bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			(*s >= '0' && *s <= '9') || *s == '_';
		if (plain)
			text_add_n(out, s, 1);
		else
			text_addf(out, "%%%02X", (unsigned)(unsigned char)*s);
	}
}

static char *url_of(const struct prometheus_target *t, const char *selector)
{
	struct text url = {0}, range = {0};
	size_t len = strlen(t->url);
	while (t->url[len - 1] == '/')
		len--;
	text_add_n(&url, t->url, len);
	text_add(&url, "/api/v1/query?query=");
	text_addf(&range, "%s[%lldms]", selector, (long long)(RANGE_INTERVALS * t->interval_ms));
	add_escaped(&url, text_str(&range));
	text_free(&range);
	return text_take(&url);
}

static int take_token(struct driver *d, const char *token, struct err *err)
{
	if (!token || !*token)
		return 0;
	for (const char *s = token; *s; s++)
		if (*s <= 0x20 || *s >= 0x7f)
			return err_set(err, ERR_CONFIG,
				"the token of \"%.160s\" has a byte that no header may carry", d->target.url);
	d->token = mem_copy(token);
	return 0;
}

static void make_queries(struct driver *d)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int m = 0; m < PROMETHEUS_METRICS; m++) {
			struct query *q = &d->queries[arm][m];
			const char *selector = d->target.selector[arm][m];
			*q = (struct query){.driver = d,
				.arm = (enum arm)arm,
				.metric = (enum prometheus_metric)m,
				.url = *selector ? url_of(&d->target, selector) : NULL,
				.count = {.buckets = m == PROMETHEUS_LATENCY,
					.sum = d->target.sum,
					.interval_ms = d->target.interval_ms}};
		}
}

static int open_source(struct driver **out, const struct driver_open *how, struct err *err)
{
	if ((how->node & 0xffff) != PROMETHEUS_NODE)
		return err_set(err, ERR_CONFIG,
			"\"%.80s\" is a source of figures, no pool: say it under metrics: of a pool in "
			"weir.yaml",
			how->target);
	struct driver *d = mem_new(1, sizeof *d);
	d->node = how->node;
	d->transport = how->transport;
	d->sink = how->sink;
	d->document = mem_new(1, sizeof *d->document);
	if (prometheus_target_read(&d->target, how->target, err) ||
		take_token(d, how->token, err)) {
		close_source(d);
		return -1;
	}
	make_queries(d);
	*out = d;
	return 0;
}

/* ---- one poll ---- */

static int64_t counted(const struct query *q)
{
	return q->url ? (int64_t)q->count.total : UNKNOWN;
}

/* What was well is what did not fail; both were read at two moments, and neither may fall. */
static void fill_arm(struct arm_counts *a, struct query q[PROMETHEUS_METRICS])
{
	int64_t requests = counted(&q[PROMETHEUS_REQUESTS]),
			failed = counted(&q[PROMETHEUS_ERRORS]);
	a->requests = requests;
	a->failed[FAILURE_OPERATION] = failed;
	if (requests == UNKNOWN || failed == UNKNOWN)
		a->ok = UNKNOWN;
	else if (requests - failed > a->ok)
		a->ok = requests - failed;
	a->has_latency = q[PROMETHEUS_LATENCY].url && q[PROMETHEUS_LATENCY].count.latency;
	if (a->has_latency)
		a->latency = *q[PROMETHEUS_LATENCY].count.latency;
}

static void tell(struct driver *d, struct instant now)
{
	struct driver_event e = {.node = d->node, .at = now};
	bool well = d->err.code == ERR_NONE;
	e.kind = well ? DRIVER_SNAPSHOT : DRIVER_TROUBLE;
	e.err = well ? NULL : &d->err;
	for (int arm = 0; well && arm < ARM_COUNT; arm++) {
		if (d->queries[arm][PROMETHEUS_ERRORS].is_empty)
			prometheus_count_none(&d->queries[arm][PROMETHEUS_ERRORS].count);
		fill_arm(&d->document->arms[arm], d->queries[arm]);
	}
	e.snapshot = well ? d->document : NULL;
	d->sink.event(d->sink.ctx, &e);
}

static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t len = sizeof json - 1;
	return strncasecmp(type, json, len) == 0 && (!type[len] || strchr("; ", type[len]));
}

static int read_reply(
	struct query *q, const struct transport_reply *reply, struct instant now, struct err *err)
{
	struct prometheus_point *points;
	size_t count;
	if (reply->err.code != ERR_NONE) {
		*err = reply->err;
		return -1;
	}
	if (reply->status == 401 || reply->status == 403)
		return err_set(err, ERR_UNAUTHORISED, "%s (%d)",
			q->driver->token ? "the token was refused" : "it wants a token", reply->status);
	if (!is_json(reply->content_type))
		return err_set(err, ERR_UNREACHABLE, "answers %d with \"%s\", not Prometheus's JSON",
			reply->status, reply->content_type);
	if (wire_read_prometheus(&points, &count, reply->body, reply->len, err))
		return -1;
	int rc = 0;
	q->is_empty = count == 0 && q->metric == PROMETHEUS_ERRORS &&
		q->driver->queries[q->arm][PROMETHEUS_REQUESTS].url;
	if (reply->status != 200)
		rc = err_set(err, ERR_UNREACHABLE, "answers %d", reply->status);
	else if (!q->is_empty)
		rc = prometheus_count_add(&q->count, points, count, now, err);
	free(points);
	return rc;
}

static void query_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct query *q = ctx;
	struct driver *d = q->driver;
	struct err err = {0};
	q->id = 0;
	if (read_reply(q, reply, now, &err)) {
		err_prefix(&err, "%s of %s", prometheus_metric_what(q->metric), arm_name(q->arm));
		if (reply->err.code == ERR_NONE) /* the transport names it */
			err_prefix(&err, "\"%.80s\"", d->target.url);
		if (d->err.code == ERR_NONE)
			d->err = err;
	}
	if (--d->waiting == 0)
		tell(d, now);
}

static void poll_source(struct driver *d, struct instant now)
{
	if (d->waiting > 0)
		return;
	d->err = (struct err){0};
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int m = 0; m < PROMETHEUS_METRICS; m++) {
			struct query *q = &d->queries[arm][m];
			if (!q->url)
				continue;
			q->is_empty = false;
			const struct transport_request r = {.method = "GET",
				.url = q->url,
				.token = d->token,
				.timeout_ms = TIMEOUT_MS,
				.done = query_done,
				.ctx = q};
			d->waiting++;
			q->id = transport_send(d->transport, &r, now);
		}
	if (d->waiting == 0) {
		err_set(&d->err, ERR_CONFIG, "\"%.80s\": no selector is given", d->target.url);
		tell(d, now);
	}
}

const struct driver_ops driver_prometheus = {
	.scheme = PROMETHEUS_SCHEME,
	.help = "prometheus:URL: figures of a pool, as its metrics: in weir.yaml say",
	.open = open_source,
	.poll = poll_source,
	.close = close_source,
};
