/* Wire etcd: documents of etcd's v3 JSON gateway, written and read. Bytes travel as base64, 64-bit
 * integers as strings, and what is false, zero or empty is left out. */
#ifndef WEIR_CLIENT_WIRE_ETCD_H
#define WEIR_CLIENT_WIRE_ETCD_H

#include "model/err.h"
#include "model/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETCD_RANGES_MAX 6
#define ETCD_KEYS_MAX 1024 /* of one answer */
#define ETCD_LEASE_MAX 24  /* an id is beyond 2^53: it is kept as its digits */

/* ---- asking ---- */

/* What a transaction asks before it acts. */
struct etcd_compare {
	const char *key;
	enum { ETCD_MOD, ETCD_CREATE, ETCD_VALUE } what;
	int64_t revision;  /* MOD, CREATE; 0: the key must not be there */
	const char *value; /* VALUE */
};

struct etcd_op {
	enum { ETCD_GET, ETCD_PUT, ETCD_DELETE } what;
	const char *key;
	const char *end;   /* GET, DELETE: up to before this key; NULL: the one key; "" : all that
	                      begin with it, which ends in '/' */
	bool count_only;   /* GET */
	int limit;         /* GET; 0: none */
	const char *value; /* PUT */
	const char *lease; /* PUT: the id of the lease that it dies with; NULL or "": none */
};

struct etcd_txn {
	const struct etcd_compare *compare;
	size_t compare_count;
	const struct etcd_op *then, *otherwise;
	size_t then_count, otherwise_count;
};

void wire_etcd_txn(struct text *out, const struct etcd_txn *t);
void wire_etcd_grant(struct text *out, int64_t ttl_ms); /* whole seconds, rounded up */
void wire_etcd_lease(struct text *out, const char *id); /* keepalive, revoke */
void wire_etcd_login(struct text *out, const char *name, const char *password);
/* All changes of keys that begin with `prefix` from `revision` on. */
void wire_etcd_watch(struct text *out, const char *prefix, int64_t revision);

/* ---- answers ---- */

struct etcd_kv {
	char *key, *value; /* without NUL; the key has no control byte */
	int64_t create, mod;
	char lease[ETCD_LEASE_MAX]; /* "" none */
	bool deleted;               /* of a watch; the value is "" then */
};

struct etcd_range {
	struct etcd_kv *kvs;
	size_t count;
	int64_t total; /* that there are, also where fewer were asked for */
};

struct etcd_answer {
	int64_t revision; /* of the whole store */
	bool succeeded;
	struct etcd_range ranges[ETCD_RANGES_MAX]; /* of the GETs that were done, in order */
	size_t range_count;
};

/* One line of a watch. */
struct etcd_news {
	int64_t revision;
	bool created, canceled;
	int64_t
		compacted; /* canceled: the least revision that can be asked for; 0: another reason */
	char why[160]; /* canceled; cleaned */
	struct etcd_range events;
};

/* 0, or -1 with err; what was read is freed by the releases, which take a zeroed struct too. */
int wire_etcd_read(struct etcd_answer *out, const char *body, size_t len, struct err *err);
void wire_etcd_release(struct etcd_answer *a);
int wire_etcd_read_news(struct etcd_news *out, const char *line, size_t len, struct err *err);
void wire_etcd_release_news(struct etcd_news *n);

/* The id and the time of a lease that was granted or kept alive; an id of "" is one that is gone,
 * which etcd says by leaving the time out. */
int wire_etcd_read_lease(
	char id[ETCD_LEASE_MAX], int64_t *ttl_ms, const char *body, size_t len, struct err *err);

/* The token that was given for a name and a password: printable, the caller's. */
int wire_etcd_read_token(char **out, const char *body, size_t len, struct err *err);

/* What etcd says of itself at /version. */
int wire_etcd_read_version(
	char *out, size_t size, const char *body, size_t len, struct err *err);

/* How many members a cluster has (/v3/cluster/member/list). */
int wire_etcd_read_members(int *out, const char *body, size_t len, struct err *err);

/* etcd's reason for a refusal, cleaned, and its gRPC code; false where the body has none. */
bool wire_etcd_read_error(char *out, size_t size, int64_t *code, const char *body, size_t len);

/* The key of a range in `r` by name; NULL: not there. */
const struct etcd_kv *wire_etcd_find(const struct etcd_range *r, const char *key);

#endif
