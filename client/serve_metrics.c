/* Metrics: a snapshot as a page for Prometheus. Names, units and kinds are rows of tables; what is
 * no plain number has a function. It counts nothing itself.
 *
 * 1. What is not known has no line; a family without lines has no head.
 * 2. A histogram's bounds are edges of our own buckets, so that each count is exact; the bound
 *    +Inf counts what _count counts.
 * 3. Counters never fall in one boot, so neither does a sum: it is one of middles of buckets. */
#include "client/serve_metrics.h"

#include "model/version.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_TYPE "application/openmetrics-text"
#define BUCKETS_STEP 16 /* four bounds an octave, from 127 us on */
#define BUCKETS_FIRST 127

/* ---- what is asked for ---- */

/* The quality of a media type in an Accept header, 0 when it is not named there. Source: RFC 9110,
 * 12.5.1. */
static double quality(const char *accept, const char *type)
{
	size_t len = strlen(type);
	double best = 0;
	while (*accept) {
		accept += strspn(accept, " \t,");
		size_t item = strcspn(accept, ",");
		bool named = strncmp(accept, type, len) == 0 && strchr(" \t,;", accept[len]);
		double q = 1;
		for (size_t i = 0; named && i + 2 < item; i++)
			if (strchr("; \t", accept[i]) && strncmp(accept + i + 1, "q=", 2) == 0)
				q = strtod(accept + i + 3, NULL);
		if (named && q > best)
			best = q;
		accept += item;
	}
	return best;
}

bool serve_metrics_is_open(const char *accept)
{
	if (!accept)
		return false;
	double open = quality(accept, OPEN_TYPE);
	return open > 0 && open >= quality(accept, "text/plain");
}

const char *serve_metrics_type(bool open)
{
	return open ? OPEN_TYPE "; version=1.0.0; charset=utf-8"
				: "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- lines ---- */

enum kind { GAUGE, COUNTER, HISTOGRAM };

static const char *const kind_words[] = {"gauge", "counter", "histogram"};

/* One family on its way to the page; its head stands before its first line. */
struct family {
	struct text *out;
	bool open;
	enum kind kind;
	const char *name, *help;
	bool begun;
};

/* A counter is named with its suffix in one format, and without in the other. */
static void begin(struct family *f)
{
	const char *suffix = f->kind == COUNTER && !f->open ? "_total" : "";
	if (!f->begun)
		text_addf(f->out, "# HELP weir_%s%s %s\n# TYPE weir_%s%s %s\n", f->name, suffix,
			f->help, f->name, suffix, kind_words[f->kind]);
	f->begun = true;
}

static void add_label(struct text *out, bool first, const char *name, const char *value)
{
	text_addf(out, "%s%s=\"", first ? "{" : ",", name);
	for (const char *s = value; *s; s++) {
		if (*s == '\\' || *s == '"')
			text_add(out, "\\");
		text_add_n(out, *s == '\n' ? " " : s, 1);
	}
	text_add(out, "\"");
}

/* name{label="value",…} up to the number; a NULL label is left out. */
static void add_name(struct family *f, const char *suffix, const char *const labels[][2])
{
	bool first = true;
	begin(f);
	text_addf(f->out, "weir_%s%s", f->name, suffix);
	for (; labels && labels[0][0]; labels++) {
		if (!labels[0][1])
			continue;
		add_label(f->out, first, labels[0][0], labels[0][1]);
		first = false;
	}
	text_add(f->out, first ? " " : "} ");
}

static void add_real(struct family *f, const char *const labels[][2], double value)
{
	if (!isfinite(value))
		return;
	add_name(f, f->kind == COUNTER ? "_total" : "", labels);
	text_add_real(f->out, value);
	text_add(f->out, "\n");
}

#define LABELS(...) ((const char *const[][2]){__VA_ARGS__, {NULL, NULL}})

static void add_arm(
	struct family *f, enum arm arm, const char *label, const char *word, int64_t n, double unit)
{
	if (n != UNKNOWN)
		add_real(f, LABELS({"arm", arm_name(arm)}, {label ? label : "-", label ? word : NULL}),
			(double)n * unit);
}

/* ---- plain numbers ---- */

#define MICROS 1e-6

struct row {
	const char *name;
	enum kind kind;
	const char *help;
	size_t offset; /* of the int64_t in struct arm_counts */
	double unit;
};

#define ROW(name, kind, member, unit, help) \
	{ \
		name, kind, help, offsetof(struct arm_counts, member), unit \
	}
static const struct row arm_rows[] = {
	ROW("requests", COUNTER, requests, 1, "Requests that were routed to the arm."),
	ROW("requests_ok", COUNTER, ok, 1, "Requests that were done and well."),
	ROW("timeouts", COUNTER, timeouts, 1, "Requests whose deadline passed."),
	ROW("retries", COUNTER, retries, 1, "Work that was tried again."),
	ROW("rescued", COUNTER, rescued, 1, "Failures of v2 that v1 answered in its place."),
	ROW("shadowed", COUNTER, shadowed, 1, "Requests that were given to v2 as a copy."),
	ROW("mismatched", COUNTER, mismatched, 1, "Copies that both arms answered differently."),
	ROW("bypassed", COUNTER, bypassed, 1, "Requests that a strategy kept from the arm."),
	ROW("sessions", COUNTER, sessions, 1, "Sessions that were counted."),
	ROW("sessions_bad", COUNTER, sessions_bad, 1, "Sessions in which a request failed."),
	ROW("queue_depth", GAUGE, queue_depth, 1, "Requests that wait for a worker."),
	ROW("queue_limit", GAUGE, queue_max, 1, "Requests that may wait for a worker."),
	ROW("in_flight", GAUGE, in_flight, 1, "Requests that are being done."),
	ROW("workers_created", COUNTER, workers.created, 1, "Workers that were started."),
	ROW("workers_destroyed", COUNTER, workers.destroyed, 1, "Workers that were ended."),
	ROW("workers_crashed", COUNTER, workers.crashed, 1, "Workers that ended by themselves."),
	ROW("workers_restarted", COUNTER, workers.restarted, 1, "Workers started after a crash."),
	ROW("breaker_opened", COUNTER, breaker.opened, 1, "Times that the breaker opened."),
	ROW("memory_bytes", GAUGE, memory_bytes, 1, "Memory that the arm takes."),
	ROW("cpu_seconds", COUNTER, cpu_us, MICROS, "Processor time that the arm took."),
	ROW("open_fds", GAUGE, fds, 1, "Descriptors that the arm holds."),
};

static struct family family(
	const struct family *page, const char *name, enum kind kind, const char *help)
{
	return (struct family){
		.out = page->out, .open = page->open, .kind = kind, .name = name, .help = help};
}

static void write_rows(const struct family *page, const struct snapshot *s)
{
	for (size_t i = 0; i < sizeof arm_rows / sizeof *arm_rows; i++) {
		const struct row *r = &arm_rows[i];
		struct family f = family(page, r->name, r->kind, r->help);
		bool of_breaker = r->offset == offsetof(struct arm_counts, breaker.opened);
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			int64_t n;
			memcpy(&n, (const char *)&s->arms[arm] + r->offset, sizeof n);
			if (!of_breaker || s->arms[arm].breaker.known)
				add_arm(&f, (enum arm)arm, NULL, NULL, n, r->unit);
		}
	}
}

/* ---- of an arm, by a word ---- */

static void write_errors(const struct family *page, const struct snapshot *s)
{
	struct family all = family(
		page, "requests_failed", COUNTER, "Requests that were done and failed, of any kind.");
	for (int arm = 0; arm < ARM_COUNT; arm++)
		add_arm(&all, (enum arm)arm, NULL, NULL, counts_failed(&s->arms[arm]), 1);
	struct family each =
		family(page, "errors", COUNTER, "Requests that were done and failed, by kind.");
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int k = 0; k < FAILURE_COUNT; k++)
			add_arm(&each, (enum arm)arm, "category", failure_name((enum failure)k),
				s->arms[arm].failed[k], 1);
}

static int64_t minus(int64_t a, int64_t b)
{
	return a == UNKNOWN || b == UNKNOWN || a < b ? UNKNOWN : a - b;
}

/* Each worker is in one of the three. */
static void write_workers(const struct family *page, const struct snapshot *s)
{
	struct family f = family(page, "workers", GAUGE, "Workers by what they do.");
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct worker_counts *w = &s->arms[arm].workers;
		add_arm(&f, (enum arm)arm, "state", "idle", minus(w->ready, w->busy), 1);
		add_arm(&f, (enum arm)arm, "state", "busy", w->busy, 1);
		add_arm(&f, (enum arm)arm, "state", "degraded", w->degraded, 1);
	}
}

static void write_breakers(const struct family *page, const struct snapshot *s)
{
	struct family f = family(page, "breaker_state", GAUGE, "1 for the state of the breaker.");
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int k = 0; k < BREAKER_COUNT && s->arms[arm].breaker.known; k++)
			add_arm(&f, (enum arm)arm, "state", breaker_name((enum breaker_state)k),
				s->arms[arm].breaker.state == (enum breaker_state)k, 1);
}

static void write_operations(const struct family *page, const struct snapshot *s)
{
	struct family done =
		family(page, "operation_requests", COUNTER, "Requests by what they ask for.");
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int k = 0; k < s->arms[arm].operation_count; k++)
			add_arm(&done, (enum arm)arm, "operation", s->arms[arm].operations[k].name,
				s->arms[arm].operations[k].requests, 1);
	struct family bad =
		family(page, "operation_failed", COUNTER, "Requests that failed by what they ask for.");
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int k = 0; k < s->arms[arm].operation_count; k++)
			add_arm(&bad, (enum arm)arm, "operation", s->arms[arm].operations[k].name,
				s->arms[arm].operations[k].failed, 1);
}

/* ---- histograms ---- */

static double middle_us(int bucket)
{
	return ((double)histogram_floor_us(bucket) + (double)histogram_edge_us(bucket)) / 2;
}

static void write_histogram(struct family *f, enum arm arm, const struct histogram *h)
{
	int64_t count = 0;
	double sum_us = 0;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		count += h->count[i];
		sum_us += (double)h->count[i] * middle_us(i);
		bool bound = i >= BUCKETS_FIRST && (i - BUCKETS_FIRST) % BUCKETS_STEP == 0 &&
			i < HISTOGRAM_BUCKETS - 1;
		if (!bound)
			continue;
		struct text le = {0};
		text_addf(&le, "%.6f", (double)histogram_edge_us(i) * MICROS);
		add_name(f, "_bucket", LABELS({"arm", arm_name(arm)}, {"le", text_str(&le)}));
		text_addf(f->out, "%lld\n", (long long)count);
		text_free(&le);
	}
	add_name(f, "_bucket", LABELS({"arm", arm_name(arm)}, {"le", "+Inf"}));
	text_addf(f->out, "%lld\n", (long long)count);
	add_name(f, "_sum", LABELS({"arm", arm_name(arm)}));
	text_add_real(f->out, sum_us * MICROS);
	text_add(f->out, "\n");
	add_name(f, "_count", LABELS({"arm", arm_name(arm)}));
	text_addf(f->out, "%lld\n", (long long)count);
}

static void write_latencies(const struct family *page, const struct snapshot *s)
{
	struct family f = family(
		page, "request_duration_seconds", HISTOGRAM, "How long requests took that were done.");
	for (int arm = 0; arm < ARM_COUNT; arm++)
		if (s->arms[arm].has_latency)
			write_histogram(&f, (enum arm)arm, &s->arms[arm].latency);
}

/* ---- of the pool ---- */

static void write_one(
	const struct family *page, const char *name, const char *help, bool known, double value)
{
	struct family f = family(page, name, GAUGE, help);
	add_real(&f, NULL, known ? value : NAN);
}

static void write_count(
	const struct family *page, const char *name, const char *help, int64_t n, double unit)
{
	write_one(page, name, help, n != UNKNOWN, (double)n * unit);
}

static double ratio(int share_bp)
{
	return share_bp < 0 ? NAN : (double)share_bp / SHARE_FULL;
}

/* v2's part of the requests since the split last changed; NaN before there are any. */
static double share_seen(const struct snapshot *s)
{
	int64_t n[ARM_COUNT];
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		int64_t from = s->change.known ? s->change.arms[arm].requests : 0;
		n[arm] = minus(s->arms[arm].requests, from);
		if (n[arm] == UNKNOWN)
			return NAN;
	}
	int64_t all = n[ARM_V1] + n[ARM_V2];
	return all > 0 ? (double)n[ARM_V2] / (double)all : NAN;
}

static void write_shares(const struct family *page, const struct snapshot *s)
{
	double seen = share_seen(s), base = ratio(s->baseline_bp), kept = ratio(s->kept_bp);
	write_one(page, "share_ratio", "v2's part of new work, as it was asked for.", true,
		ratio(s->share_bp));
	write_one(page, "share_seen_ratio",
		"v2's part of the requests since the share last changed.", true, seen);
	write_one(page, "share_baseline_ratio", "Where a rollback goes.", true, base);
	write_one(page, "share_kept_ratio", "Where a raise that nobody keeps goes.", true, kept);
}

static void write_states(const struct family *page, const struct snapshot *s)
{
	struct family strategy = family(page, "strategy", GAUGE, "1 for how requests are routed.");
	for (int k = 0; k < STRATEGY_COUNT; k++)
		add_real(&strategy, LABELS({"strategy", strategy_name((enum strategy)k)}),
			s->strategy == (enum strategy)k);
	write_one(
		page, "held", "1 while raises are refused until somebody resumes.", true, s->hold.on);
	write_one(page, "finalized", "1 once there is no way back.", true, s->finalized);
	write_one(page, "lease_held", "1 while somebody may raise and others may not.",
		s->lease.known, s->lease.holder[0] != 0);
	write_count(page, "keep_left_seconds", "Until a raise goes back that nobody keeps.",
		s->keep.on ? s->keep.left_ms : UNKNOWN, 1e-3);
	write_one(page, "guard_armed", "1 while the pool's own guard acts on limits.",
		s->guard.known, s->guard.armed);
	struct family guard = family(page, "guard_state", GAUGE, "1 for the state of the guard.");
	for (int k = 0; k < GUARD_COUNT && s->guard.known; k++)
		add_real(&guard, LABELS({"state", guard_state_name((enum guard_state)k)}),
			s->guard.state == (enum guard_state)k);
}

static void write_pool(const struct family *page, const struct snapshot *s)
{
	struct family build = family(page, "build_info", GAUGE, "Always 1: who this is.");
	add_real(&build,
		LABELS({"version", WEIR_VERSION}, {"build", s->build}, {"pool", s->pool},
			{"pool_id", s->pool_id}, {"node", s->node}, {"node_id", s->node_id}),
		1);
	write_count(page, "uptime_seconds", "Since the pool began.", s->uptime_ms, 1e-3);
	write_count(page, "epoch", "The epoch: it rises with every rollback.", s->epoch, 1);
	write_count(page, "revision", "The revision: it rises with every change.", s->rev, 1);
}

void serve_metrics_write(struct text *out, const struct snapshot *s, bool open)
{
	const struct family page = {.out = out, .open = open};
	write_pool(&page, s);
	write_shares(&page, s);
	write_states(&page, s);
	write_rows(&page, s);
	write_errors(&page, s);
	write_workers(&page, s);
	write_breakers(&page, s);
	write_operations(&page, s);
	write_latencies(&page, s);
	if (open)
		text_add(out, "# EOF\n");
}
