/* The history: an intent committed, samples recorded, a place found in a recording of an hour;
 * against bare SQLite on a file of its own in the same directory. The check of a file; against the
 * signatures alone, and against reading its samples. */
#include "history/chain.h"
#include "history/history.h"
#include "history/replay.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/bench/bench.h"
#include "tests/lib/world.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define T0 1795000000000
#define COMMITS 40
#define SAMPLES 500
#define HOUR 3600
#define SEEKS 60
#define CHAINED 4000

struct desk {
	struct world world;
	struct history *history;
	struct history_answer *answer;
	sqlite3 *db; /* the yardstick's */
	sqlite3_stmt *insert;
	int made; /* files and ids so far */
};

/* ---- weir's side ---- */

static void wait_for(struct desk *d, enum history_answer_kind kind)
{
	for (;;) {
		while (!history_next(d->history, d->answer)) {
			struct pollfd wait = {.fd = history_fd(d->history), .events = POLLIN};
			if (poll(&wait, 1, 10000) <= 0)
				bench_die("the history does not answer");
		}
		enum history_answer_kind got = d->answer->kind;
		if (got == HISTORY_FAILED || got == HISTORY_REFUSED)
			bench_die("the history: %s", d->answer->err.text);
		history_answer_release(d->answer);
		if (got == kind)
			return;
	}
}

static void open_history(struct desk *d, const char *path)
{
	char keys[WORLD_PATH];
	struct err err = {0};
	world_path(&d->world, keys, "keys");
	const struct history_options how = {
		.path = path, .actor = "kim@bench", .key_dir = keys, .must_be_new = true};
	if (history_start(&d->history, &how, &err))
		bench_die("no history: %s", err.text);
	wait_for(d, HISTORY_OPENED);
}

static void close_history(struct desk *d)
{
	if (history_dropped(d->history) > 0 || history_stop(d->history, 30000) > 0)
		bench_die("the history lost what it was given");
	d->history = NULL;
}

/* ---- bare SQLite ---- */

static void run_sql(struct desk *d, const char *sql)
{
	if (sqlite3_exec(d->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(d->db));
}

static void prepare(struct desk *d, const char *sql)
{
	if (sqlite3_prepare_v2(d->db, sql, -1, &d->insert, NULL) != SQLITE_OK)
		bench_die("SQLite: %s", sqlite3_errmsg(d->db));
}

static void open_bare(struct desk *d, const char *path, const char *schema)
{
	if (sqlite3_open(path, &d->db) != SQLITE_OK)
		bench_die("SQLite cannot open '%s'", path);
	run_sql(d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
	run_sql(d, schema);
}

static void close_bare(struct desk *d)
{
	sqlite3_finalize(d->insert);
	sqlite3_close(d->db);
}

static void step_done(struct desk *d)
{
	if (sqlite3_step(d->insert) != SQLITE_DONE)
		bench_die("SQLite: %s", sqlite3_errmsg(d->db));
	sqlite3_reset(d->insert);
}

/* ---- an intent, committed ---- */

static void make_evidence(char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "{\"predicates\":[");
	for (int i = 0; i < 14; i++)
		n += (size_t)snprintf(out + n, size - n,
			"%s{\"name\":\"samples\",\"holds\":true,\"want\":\"300\",\"is\":\"%d\"}",
			i ? "," : "", 1000 + i);
	snprintf(out + n, size - n, "]}");
}

static double run_intents(void *arg)
{
	struct desk *d = arg;
	struct decision what = {.at_ms = T0,
		.pool = "checkout",
		.pool_id = "checkout-1",
		.actor = "kim@bench",
		.role = "operator",
		.verb = VERB_STEP,
		.from_bp = 100,
		.to_bp = 1000,
		.reason = "day 3, quiet night",
		.epoch = 3,
		.rev = 42,
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.latency_ms = UNKNOWN};
	make_evidence(what.evidence, sizeof what.evidence);
	int64_t start = bench_ns();
	for (int i = 0; i < COMMITS; i++) {
		snprintf(what.id, sizeof what.id, "intent-%d", d->made++);
		history_intent(d->history, &what);
		wait_for(d, HISTORY_COMMITTED);
	}
	return (double)(bench_ns() - start) / COMMITS;
}

static double run_inserts(void *arg)
{
	struct desk *d = arg;
	char id[32], evidence[DECISION_EVIDENCE_MAX];
	make_evidence(evidence, sizeof evidence);
	int64_t start = bench_ns();
	for (int i = 0; i < COMMITS; i++) {
		snprintf(id, sizeof id, "intent-%d", d->made++);
		sqlite3_bind_text(d->insert, 1, id, -1, SQLITE_STATIC);
		sqlite3_bind_text(d->insert, 2, evidence, -1, SQLITE_STATIC);
		step_done(d);
	}
	return (double)(bench_ns() - start) / COMMITS;
}

static void race_intents(struct desk *d)
{
	char bare[WORLD_PATH];
	world_path(&d->world, bare, "bare.db");
	open_history(d, d->world.history);
	open_bare(d, bare,
		"CREATE TABLE decision (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
		" evidence TEXT NOT NULL) STRICT");
	prepare(d, "INSERT INTO decision (id, evidence) VALUES (?, ?)");
	const struct bench_side sides[] = {{"bare SQLite insert, WAL, FULL", run_inserts, d},
		{"weir: intent to COMMITTED", run_intents, d}};
	bench_race("an intent with its evidence (0.8 KB), hashed, signed, on the disk", sides, 2);
	close_bare(d);
	close_history(d);
}

/* ---- samples ---- */

static void make_sample(struct history_sample *s, struct histogram latency[ARM_COUNT], int tick)
{
	*s = (struct history_sample){.pool_id = "checkout-1", .node_id = "node-a", .tick = tick};
	s->sample.at.wall_ms = T0 + tick * INT64_C(1000);
	s->sample.interval_ms = 1000;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_sample *a = &s->sample.arms[arm];
		memset(&latency[arm], 0, sizeof latency[arm]);
		for (int i = 0; i < 60; i++)
			histogram_add(&latency[arm], 1500 + i * i * 2 + (tick * 37 + i * 101) % 900, 8);
		*a = (struct arm_sample){.requests = 480,
			.ok = 480 - tick % 3,
			.failed_total = tick % 3,
			.sessions = 40,
			.p50_us = 3300,
			.p95_us = 8000,
			.p99_us = 8900,
			.max_us = 9100,
			.workers = {.total = 8, .ready = 8, .busy = tick % 8},
			.memory_bytes = 400000000 + tick,
			.cpu_us = 150000,
			.fds = 40};
		a->failed[FAILURE_TIMEOUT] = tick % 3;
		s->latency[arm] = &latency[arm];
	}
}

static struct snapshot *make_document(void)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	*s = (struct snapshot){.pool_id = "checkout-1",
		.pool = "checkout",
		.node = "node-a",
		.node_id = "node-a",
		.boot_id = "boot-1",
		.seq = 1,
		.strategy = STRATEGY_CANARY,
		.share_bp = 1000,
		.change = {.known = true},
		.audit_seq = UNKNOWN};
	for (int arm = 0; arm < ARM_COUNT; arm++)
		s->arms[arm].has_latency = true;
	return s;
}

static void record(struct desk *d, int ticks)
{
	struct histogram latency[ARM_COUNT];
	struct history_sample s;
	struct snapshot *document = make_document();
	history_node(d->history, T0, "checkout", document, "unix:/bench", "unix");
	history_recording(d->history, T0, 1000, "bench", "bench", "{}", "{}");
	history_state(d->history, T0, "checkout", document);
	for (int tick = 1; tick <= ticks; tick++) {
		make_sample(&s, latency, tick);
		history_sample(d->history, &s);
	}
	free(document);
}

/* From the first one queued to the file closed: all of them are on the disk then. */
static double run_samples(void *arg)
{
	struct desk *d = arg;
	char path[WORLD_PATH], name[32];
	snprintf(name, sizeof name, "samples-%d.db", d->made++);
	world_path(&d->world, path, name);
	open_history(d, path);
	int64_t start = bench_ns();
	record(d, SAMPLES);
	close_history(d);
	return (double)(bench_ns() - start) / SAMPLES;
}

/* Two rows of 24 numbers and a blob of 120 bytes each, in one transaction. */
static double run_rows(void *arg)
{
	struct desk *d = arg;
	char path[WORLD_PATH], name[32], blob[120];
	memset(blob, 1, sizeof blob);
	snprintf(name, sizeof name, "rows-%d.db", d->made++);
	world_path(&d->world, path, name);
	struct text schema = {0}, insert = {0};
	text_add(&schema, "CREATE TABLE sample (key INTEGER PRIMARY KEY");
	text_add(&insert, "INSERT INTO sample VALUES (?");
	for (int i = 0; i < 24; i++) {
		text_addf(&schema, ", n%d INTEGER", i);
		text_add(&insert, ", ?");
	}
	text_add(&schema, ", latency BLOB) STRICT");
	text_add(&insert, ", ?)");
	open_bare(d, path, text_str(&schema));
	prepare(d, text_str(&insert));
	int64_t start = bench_ns();
	run_sql(d, "BEGIN IMMEDIATE");
	for (int row = 0; row < SAMPLES * 2; row++) {
		sqlite3_bind_int64(d->insert, 1, row);
		for (int i = 0; i < 24; i++)
			sqlite3_bind_int64(d->insert, i + 2, row * 31 + i * 1000);
		sqlite3_bind_blob(d->insert, 26, blob, sizeof blob, SQLITE_STATIC);
		step_done(d);
	}
	run_sql(d, "COMMIT");
	close_bare(d);
	int64_t took = bench_ns() - start;
	text_free(&schema);
	text_free(&insert);
	return (double)took / SAMPLES;
}

static void race_samples(struct desk *d)
{
	const struct bench_side sides[] = {{"bare SQLite, 2 rows each", run_rows, d},
		{"weir: made, queued, recorded", run_samples, d}};
	bench_race("500 samples of both sides to a new file, on the disk and closed", sides, 2);
}

/* ---- seeking ---- */

struct seeker {
	struct driver *driver;
	struct desk *desk;
	double q;        /* which quantile a round gives */
	uint64_t random; /* of the places */
	int64_t events;
};

static void count_event(void *ctx, const struct driver_event *e)
{
	(void)e;
	((struct seeker *)ctx)->events++;
}

static int64_t place(struct seeker *s)
{
	s->random = s->random * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)(s->random >> 33) % (HOUR - 120) + 60;
}

static double run_seeks(void *arg)
{
	struct seeker *s = arg;
	double took[SEEKS];
	const struct instant now = {1000, T0};
	for (int i = 0; i < SEEKS; i++) {
		int64_t at_ms = T0 + place(s) * 1000;
		int64_t start = bench_ns();
		replay_seek(s->driver, at_ms, now);
		replay_driver.turn(s->driver, now);
		took[i] = (double)(bench_ns() - start);
	}
	return bench_quantile(took, SEEKS, s->q);
}

/* The last 100 rows before the place, by the key of the very table that is replayed. */
static double run_lookups(void *arg)
{
	struct seeker *s = arg;
	double took[SEEKS];
	for (int i = 0; i < SEEKS; i++) {
		int64_t key = (T0 / 1000 + place(s)) * 10
			<< 28; /* tenths of a second, then the series */
		int rows = 0;
		int64_t start = bench_ns();
		sqlite3_bind_int64(s->desk->insert, 1, key);
		while (sqlite3_step(s->desk->insert) == SQLITE_ROW)
			rows++;
		sqlite3_reset(s->desk->insert);
		took[i] = (double)(bench_ns() - start);
		if (rows != 100)
			bench_die("%d rows where 100 were looked for", rows);
	}
	return bench_quantile(took, SEEKS, s->q);
}

static void race_seeks(struct desk *d)
{
	char path[WORLD_PATH], target[WORLD_PATH + 8];
	struct seeker s = {.desk = d, .random = 7};
	struct err err = {0};
	world_path(&d->world, path, "hour.db");
	open_history(d, path);
	record(d, HOUR);
	close_history(d);
	snprintf(target, sizeof target, "replay:%s", path);
	const struct driver_open how = {.node = 5, .target = target, .sink = {count_event, &s}};
	if (replay_driver.open(&s.driver, &how, &err) || sqlite3_open(path, &d->db) != SQLITE_OK)
		bench_die("no replay: %s", err.text);
	prepare(d, "SELECT * FROM sample WHERE key < ? ORDER BY key DESC LIMIT 100");
	replay_pause(s.driver, true, (struct instant){1000, T0});
	const struct bench_side sides[] = {
		{"bare SQLite, the last 100 rows", run_lookups, &s}, {"weir: seek", run_seeks, &s}};
	s.q = 0.5;
	bench_race("a place in 1 hour at 1 Hz, ten minutes before it told again: p50", sides, 2);
	bench_note("%lld events a seek", (long long)(s.events / (SEEKS * (BENCH_ROUNDS + 1))));
	s.q = 0.99;
	bench_race("the same: p99", sides, 2);
	close_bare(d);
	replay_driver.close(s.driver);
}

/* ---- verifying ---- */

struct verifier {
	struct desk *desk;
	char path[WORLD_PATH];
	int64_t rows, samples; /* of the file */
	struct chain_key key;
	unsigned char hash[CHAIN_HASH], signature[CHAIN_SIGNATURE];
};

static double run_verify(void *arg)
{
	struct verifier *v = arg;
	struct chain_report r;
	struct err err = {0};
	int64_t start = bench_ns();
	if (chain_verify(&r, v->path, NULL, NULL, NULL, &err) || r.broken_seq != 0)
		bench_die("not whole: %s%s", err.text, r.why);
	int64_t took = bench_ns() - start;
	v->rows = r.rows;
	v->samples = r.samples;
	return (double)took / (double)(r.samples > r.rows ? r.samples : r.rows);
}

static double run_signatures(void *arg)
{
	struct verifier *v = arg;
	int64_t start = bench_ns();
	for (int i = 0; i < 500; i++)
		if (!chain_signed_by(v->hash, v->signature, v->key.public_key))
			bench_die("a signature does not fit");
	return (double)(bench_ns() - start) / 500;
}

/* The hashes that a sample's check cannot do without: of the row, and of the sum behind it. */
static double run_hashes(void *arg)
{
	enum { FIELDS = 39, TIMES = 20000 };
	struct verifier *v = arg;
	struct chain_field fields[FIELDS];
	char histogram[120];
	memset(histogram, 1, sizeof histogram);
	for (int i = 0; i < FIELDS; i++)
		fields[i] = (struct chain_field){"12345678", (size_t)(i % 6)};
	fields[FIELDS - 2] = (struct chain_field){histogram, sizeof histogram};
	int64_t start = bench_ns();
	for (int i = 0; i < TIMES; i++) {
		unsigned char row[CHAIN_HASH];
		chain_hash(row, v->hash, fields, FIELDS);
		chain_hash(v->hash, v->hash, &(struct chain_field){row, CHAIN_HASH}, 1);
	}
	return (double)(bench_ns() - start) / TIMES;
}

static double run_reading(void *arg)
{
	struct verifier *v = arg;
	int64_t rows = 0, sum = 0;
	if (sqlite3_open(v->path, &v->desk->db) != SQLITE_OK)
		bench_die("SQLite cannot open '%s'", v->path);
	int64_t start = bench_ns();
	prepare(v->desk, "SELECT * FROM sample ORDER BY key");
	for (; sqlite3_step(v->desk->insert) == SQLITE_ROW; rows++)
		for (int c = 0; c < sqlite3_column_count(v->desk->insert); c++)
			sum += sqlite3_column_bytes(v->desk->insert, c);
	int64_t took = bench_ns() - start;
	close_bare(v->desk);
	if (rows == 0 || sum == 0)
		bench_die("no rows");
	return (double)took / (double)rows;
}

static void race_verify(struct desk *d)
{
	struct verifier v = {.desk = d};
	struct err err = {0};
	char keys[WORLD_PATH];
	world_path(&d->world, keys, "keys");
	world_path(&d->world, v.path, "chained.db");
	open_history(d, v.path);
	for (int i = 0; i < CHAINED; i++)
		history_event(d->history, T0 + i, "checkout", "drift", "it moved", "{}");
	close_history(d);
	if (chain_key_load(&v.key, keys, &err))
		bench_die("no key: %s", err.text);
	chain_sign(v.signature, v.hash, &v.key);
	const struct bench_side chain[] = {
		{"the signature alone", run_signatures, &v}, {"weir: verify, a row", run_verify, &v}};
	bench_race("a row of the chain, checked", chain, 2);
	bench_note("%lld rows", (long long)v.rows);
	world_path(&d->world, v.path, "checked.db");
	open_history(d, v.path);
	record(d, HOUR / 8);
	close_history(d);
	const struct bench_side samples[] = {{"its two hashes alone", run_hashes, &v},
		{"bare SQLite, read", run_reading, &v}, {"weir: verify, a row", run_verify, &v}};
	bench_race("a row of samples, checked against its checkpoint", samples, 3);
	bench_note("%lld samples", (long long)v.samples);
	chain_key_wipe(&v.key);
}

int main(void)
{
	struct desk d = {.answer = mem_new(1, sizeof *d.answer)};
	bench_begin("history");
	world_open(&d.world);
	race_intents(&d);
	race_samples(&d);
	race_seeks(&d);
	race_verify(&d);
	world_close(&d.world);
	free(d.answer);
	return 0;
}
