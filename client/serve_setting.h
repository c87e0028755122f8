/* Settings: what shapes an embedded pool that is started: one list for the options of `weir serve`,
 * the keys below `engine:` of weir.yaml and the query of a `local:` target. Each is a text; what
 * it says, serve_shape.c reads. */
#ifndef WEIR_CLIENT_SERVE_SETTING_H
#define WEIR_CLIENT_SERVE_SETTING_H

/* X(NAME, option, key, what stands for the value, help) */
#define SERVE_OPTION_INFO(X) \
	X(V1, "v1", "v1", "SPEC", "v1:simple, v1:transactional or exec:COMMAND") \
	X(V2, "v2", "v2", "SPEC", \
		"v2, v2:N, v2:affinity, v2:N:affinity, exec:COMMAND or both; none; default v2:8") \
	X(OPERATIONS, "operations", "operations", "LIST", \
		"what worker programs can do: NAME or NAME:idempotent, parted by commas") \
	X(ALLOW, "allow", "allow", "LIST", \
		"the operations that v2 may get at the first start; default all") \
	X(STRATEGY, "strategy", "strategy", "NAME", \
		"how work is split at the first start; default canary") \
	X(PARTITION, "partition", "partition", "STRATEGY", \
		"how v2 parts keyed work: always_hash, smart_repartition, fan_in") \
	X(RECYCLE, "recycle", "recycle", "LIST", \
		"replace a worker program at age=1h,requests=10000,memory=512MiB") \
	X(AFFINITY, "affinity", "affinity", "MODE", \
		"a session comes back to its worker of v2: hint, strict_queue, strict_fail_fast") \
	X(SEGMENT, "segment", "segment", "N", "workers that are supervised together; default 8") \
	X(BREAKER_FAILURES, "breaker-failures", "breaker_failures", "N", \
		"failures in a row that open an arm's breaker; default 5") \
	X(BREAKER_OPEN, "breaker-open", "breaker_open", "DURATION", \
		"how long it stays open; default 60s") \
	X(RETRY, "retry", "retry", "BACKOFF", \
		"exponential, linear, fibonacci, decorrelated_jitter; default 1 s, 2 s, .. 16 s") \
	X(UNIT, "unit", "unit", "DURATION", "age at which a session is counted; default 30s") \
	X(NODES, "nodes", "nodes", "N", "places of registered workers, 1 to 8; default 1") \
	X(WEIGHTS, "weights", "weights", "LIST", \
		"of the nodes, for weighted placement: 3,1; default all alike") \
	X(PLACEMENT, "placement", "placement", "STRATEGY", \
		"of them among nodes: round_robin, weighted, least_loaded, health") \
	X(WINDOWS, "windows", "windows", "LIST", \
		"low:target:high of segment_workers, node_segments, node_workers") \
	X(IDLE, "idle", "idle", "DURATION", \
		"a registered worker that is idle so long leaves; default never")

/* The share and the limit are options of other commands too. */
#define SERVE_SETTING_INFO(X) \
	SERVE_OPTION_INFO(X) \
	X(LIMIT, "limit", "limit", "LIST", \
		"what one may have at most: memory=2GiB,cpu=60s,files=64") \
	X(SHARE, "share", "share", "SHARE", "v2's share at the first start")

enum serve_setting {
#define X(name, option, key, argument, help) SERVE_##name,
	SERVE_SETTING_INFO(X)
#undef X
		SERVE_SETTING_COUNT
};

#endif
