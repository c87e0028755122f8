/* Tables: what stands in an exchange file. Columns are in the order in which they are declared;
 * a test compares them with a fresh file. */
#include "history/tables.h"

#include "model/pool.h"

#define ALWAYS(name, kind) \
	{ \
		name, TABLES_##kind, false, false \
	}
#define MAYBE(name, kind) \
	{ \
		name, TABLES_##kind, true, false \
	}
#define SIGNED ALWAYS("key", ROW_ID), ALWAYS("hash", KEY), ALWAYS("signature", SIGNATURE)
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define ROWS_FROM(version, name, order, part) \
	{ \
#name, name##_fields, COUNT_OF(name##_fields), order, part, version \
	}
#define ROWS(name, order, part) ROWS_FROM(1, name, order, part)

static const struct tables_field key_fields[] = {
	ALWAYS("id", ROW_ID),
	ALWAYS("public_key", KEY),
	ALWAYS("actor", TEXT),
};

static const struct tables_field pool_fields[] = {
	ALWAYS("pool", TEXT),
	ALWAYS("pool_id", TEXT),
	ALWAYS("first_seen_ms", INT),
	ALWAYS("last_seen_ms", INT),
};

static const struct tables_field node_fields[] = {
	ALWAYS("pool", TEXT),
	ALWAYS("target", TEXT),
	ALWAYS("node", TEXT),
	ALWAYS("node_id", TEXT),
	ALWAYS("driver", TEXT),
	ALWAYS("first_seen_ms", INT),
	ALWAYS("last_seen_ms", INT),
	ALWAYS("audit_seq", INT),
};

static const struct tables_field recording_fields[] = {
	ALWAYS("seq", ROW_ID),
	ALWAYS("started_ms", INT),
	ALWAYS("interval_ms", INT),
	ALWAYS("version", TEXT),
	ALWAYS("operator", TEXT),
	ALWAYS("host", TEXT),
	ALWAYS("config", JSON),
	ALWAYS("config_hash", TEXT),
	ALWAYS("policy", JSON),
	ALWAYS("policy_hash", TEXT),
	SIGNED,
};

static const struct tables_field decision_fields[] = {
	ALWAYS("seq", ROW_ID),
	ALWAYS("id", TEXT),
	ALWAYS("pool", TEXT),
	ALWAYS("pool_id", TEXT),
	ALWAYS("at_ms", INT),
	ALWAYS("actor", TEXT),
	ALWAYS("role", TEXT),
	ALWAYS("verb", TEXT),
	MAYBE("from_bp", SHARE),
	MAYBE("to_bp", SHARE),
	ALWAYS("reason", TEXT),
	MAYBE("epoch", INT),
	MAYBE("rev", INT),
	ALWAYS("observed", BIT),
	ALWAYS("late", BIT),
	ALWAYS("evidence", JSON),
	SIGNED,
};

static const struct tables_field outcome_fields[] = {
	ALWAYS("seq", ROW_ID),
	ALWAYS("decision", TEXT),
	ALWAYS("row", TEXT),
	ALWAYS("node", TEXT),
	ALWAYS("kind", TEXT),
	ALWAYS("at_ms", INT),
	MAYBE("latency_ms", INT),
	ALWAYS("answer", TEXT),
	SIGNED,
};

static const struct tables_field event_fields[] = {
	ALWAYS("seq", ROW_ID),
	ALWAYS("at_ms", INT),
	ALWAYS("pool", TEXT),
	ALWAYS("node_id", TEXT),
	MAYBE("recording", ROW_ID),
	MAYBE("tick", INT),
	ALWAYS("kind", TEXT),
	ALWAYS("text", TEXT),
	MAYBE("detail", JSON),
	SIGNED,
};

static const struct tables_field quarantine_fields[] = {
	ALWAYS("id", ROW_ID),
	ALWAYS("version", INT),
	ALWAYS("source", TEXT),
	ALWAYS("reason", TEXT),
	ALWAYS("raw", TEXT),
};

static const struct tables_field series_fields[] = {
	ALWAYS("id", SERIES),
	ALWAYS("recording", ROW_ID),
	ALWAYS("pool_id", TEXT),
	ALWAYS("node_id", TEXT),
	ALWAYS("arm", TEXT),
	MAYBE("operation", TEXT),
	MAYBE("half", INT),
	ALWAYS("layout", TEXT),
};

/* What a sample has, and a minute of samples before what is its own. */
#define MEASURED \
	ALWAYS("t", TENTHS), ALWAYS("series", SERIES), ALWAYS("at_ms", INT), \
		ALWAYS("interval_ms", INT), ALWAYS("flags", INT), MAYBE("requests", INT), \
		MAYBE("ok", INT), MAYBE("failed_connection", INT), MAYBE("failed_timeout", INT), \
		MAYBE("failed_resource", INT), MAYBE("failed_operation", INT), \
		MAYBE("failed_initialization", INT), MAYBE("failed_communication", INT), \
		MAYBE("failed_health", INT), MAYBE("failed_session", INT), \
		MAYBE("failed_system", INT), MAYBE("timeouts", INT), MAYBE("retries", INT), \
		MAYBE("sessions", INT), MAYBE("sessions_bad", INT), MAYBE("p50_us", INT), \
		MAYBE("p95_us", INT), MAYBE("p99_us", INT), MAYBE("max_us", INT), \
		MAYBE("queue_depth", INT), MAYBE("in_flight", INT), MAYBE("workers_total", INT), \
		MAYBE("workers_ready", INT), MAYBE("workers_busy", INT), \
		MAYBE("workers_degraded", INT), MAYBE("workers_created", INT), \
		MAYBE("workers_destroyed", INT), MAYBE("workers_crashed", INT), \
		MAYBE("workers_restarted", INT), MAYBE("memory_bytes", INT), MAYBE("cpu_us", INT), \
		MAYBE("fds", INT), MAYBE("latency", HISTOGRAM), MAYBE("session_latency", HISTOGRAM), \
	{ \
		"failed_refused", TABLES_INT, true, true \
	}

static const struct tables_field sample_fields[] = {MEASURED};

static const struct tables_field rollup_fields[] = {
	MEASURED,
	ALWAYS("rows", INT),
	ALWAYS("event", ROW_ID),
};

static const struct tables_field begin_fields[] = {
	[TABLES_BEGIN_SCHEMA] = ALWAYS("schema", TEXT),
	[TABLES_BEGIN_VERSION] = ALWAYS("user_version", INT),
	[TABLES_BEGIN_WHOLE] = ALWAYS("whole", TRUTH),
};

static const struct tables_field end_fields[] = {
	[TABLES_END_ROWS] = ALWAYS("rows", INT),
	[TABLES_END_SEQ] = ALWAYS("head_seq", INT),
	[TABLES_END_HEAD] = MAYBE("head", KEY),
};

#define OF_POOL "(?1 IS NULL OR pool = ?1)"
#define AT_TIME "(?2 IS NULL OR at_ms >= ?2) AND (?3 IS NULL OR at_ms < ?3)"
#define ALL "true"
#define WHOLE "?1 IS NULL AND ?2 IS NULL AND ?3 IS NULL"
#define SERIES_OF_POOL \
	"(?1 IS NULL OR pool_id IN (SELECT p.pool_id FROM pool AS p WHERE p.pool = ?1))"
#define SERIES_AND_TIME \
	"(?1 IS NULL OR series IN (SELECT s.id FROM series AS s JOIN pool AS p" \
	" ON p.pool_id = s.pool_id WHERE p.pool = ?1)) AND " AT_TIME

const struct tables_row tables_rows[TABLES_COUNT] = {
	[TABLES_KEYS] = ROWS(key, "id", ALL),
	[TABLES_POOL] = ROWS(pool, "pool", OF_POOL),
	[TABLES_NODE] = ROWS(node, "pool, target", OF_POOL),
	[TABLES_RECORDING] = ROWS(recording, "seq", ALL),
	[TABLES_DECISION] = ROWS(decision, "seq", OF_POOL " AND " AT_TIME),
	[TABLES_OUTCOME] = ROWS(outcome, "seq",
		"(?1 IS NULL OR decision IN (SELECT d.id FROM decision AS d WHERE d.pool = ?1))"
		" AND " AT_TIME),
	/* what tells of no pool is part of each */
	[TABLES_EVENT] = ROWS(event, "seq", "(" OF_POOL " OR pool = '') AND " AT_TIME),
	[TABLES_SERIES_OF] = ROWS(series, "id", SERIES_OF_POOL),
	/* what no table took tells of no pool and no time */
	[TABLES_QUARANTINE] = ROWS_FROM(2, quarantine, "id", WHOLE),
	[TABLES_SAMPLE] = ROWS(sample, "key", SERIES_AND_TIME),
	[TABLES_ROLLUP] = ROWS_FROM(2, rollup, "key", SERIES_AND_TIME),
};

const struct tables_row tables_begin = {
	"weir", begin_fields, COUNT_OF(begin_fields), NULL, NULL, 1};
const struct tables_row tables_end = {"end", end_fields, COUNT_OF(end_fields), NULL, NULL, 1};

_Static_assert(COUNT_OF(rollup_fields) <= TABLES_FIELDS_MAX, "room for the widest table");
_Static_assert(COUNT_OF(sample_fields) == 30 + FAILURE_COUNT, "a class of failures is missing");

size_t tables_digits(enum tables_kind kind)
{
	return kind == TABLES_KEY ? 64 : kind == TABLES_SIGNATURE ? 128 : 0;
}
