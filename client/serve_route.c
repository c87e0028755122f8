/* Routes: the table of weir.pool/1's requests. It asks the engine, which decides.
 *
 * Order of refusal: 403 host, 404, 405, 413, 415, 403 faults, then control's own order (428,
 * 400, known keys, and so on). A browser cannot send what writes ask for to another origin: a
 * JSON content type and a key need a preflight, which is not answered; a name that was bound to
 * loopback by somebody else's DNS shows in Host. */
#include "client/serve_route.h"

#include "client/engine/hash.h"
#include "client/serve_metrics.h"
#include "client/serve_send.h"
#include "client/wire.h"
#include "client/wire_mismatch.h"
#include "client/wire_tally.h"
#include "model/mem.h"
#include "model/unit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MISMATCHES_TOLD 16
#define AUDIT_PAGE 1000

/* One request on its way to its answer. */
struct call {
	struct engine *engine;
	const struct serve_request *request;
	struct serve_reply *reply;
	struct engine_request *execute;
	enum verb verb;         /* of the route */
	char name[POOL_ID_MAX]; /* what stands for '*' in the route */
};

void serve_refuse(struct serve_reply *reply, int status, const char *word, const char *message)
{
	struct control_answer a = {
		.status = status, .epoch = UNKNOWN, .rev = UNKNOWN, .share_bp = -1};
	(void)text_copy(a.error, sizeof a.error, word);
	(void)text_copy(a.message, sizeof a.message, message);
	reply->status = status;
	wire_write_answer(&reply->body, &a);
}

static void answer(struct call *c, const struct control_answer *a)
{
	c->reply->status = a->status;
	wire_write_answer(&c->reply->body, a);
}

static void done(struct call *c)
{
	c->reply->status = 200;
	text_add(&c->reply->body, "{\"ok\":true}");
}

/* ---- reading ---- */

static bool get_state(struct call *c)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	engine_snapshot(c->engine, s);
	c->reply->status = 200;
	wire_write_state(&c->reply->body, s);
	free(s);
	return true;
}

static bool get_intent(struct call *c)
{
	struct control_answer a = {.status = 200};
	bool make_void = strcmp(c->request->method, "POST") == 0;
	enum intent_fate fate = engine_intent(c->engine, c->name, make_void, &a);
	c->reply->status = a.status;
	if (a.status == 200)
		wire_write_intent(&c->reply->body, c->name, fate, &a);
	else
		wire_write_answer(&c->reply->body, &a);
	return true;
}

static bool get_audit(struct call *c)
{
	const char *since = c->request->since;
	int64_t after = 0;
	if (since && !unit_parse_int(since, 0, (INT64_C(1) << 53) - 1, &after)) {
		serve_refuse(c->reply, 400, "bad_since", "since: want an integer from 0");
		return true;
	}
	struct audit_entry *entries = mem_new(AUDIT_PAGE, sizeof *entries);
	size_t count = engine_audit(c->engine, after, entries, AUDIT_PAGE);
	c->reply->status = 200;
	wire_write_audit(&c->reply->body, entries, count);
	free(entries);
	return true;
}

static bool get_tally(struct call *c)
{
	struct tallies_facts *facts = mem_new(ARM_COUNT, sizeof *facts);
	const struct tallies_facts *arms[ARM_COUNT];
	for (int i = 0; i < ARM_COUNT; i++)
		arms[i] = engine_tally(c->engine, (enum arm)i, &facts[i]) ? &facts[i] : NULL;
	c->reply->status = 200;
	wire_write_tally(&c->reply->body, arms);
	free(facts);
	return true;
}

static bool get_mismatches(struct call *c)
{
	struct mismatch *newest = mem_new(MISMATCHES_TOLD, sizeof *newest);
	size_t count = engine_mismatches(c->engine, newest, MISMATCHES_TOLD);
	c->reply->status = 200;
	wire_write_mismatches(&c->reply->body, newest, count);
	free(newest);
	return true;
}

static bool get_metrics(struct call *c)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	bool open = serve_metrics_is_open(c->request->accept);
	engine_snapshot(c->engine, s);
	c->reply->status = 200;
	c->reply->content_type = serve_metrics_type(open);
	serve_metrics_write(&c->reply->body, s, open);
	free(s);
	return true;
}

/* Alive and able to decide: asking for the audit takes the lock that every decision takes. */
static bool get_health(struct call *c)
{
	struct audit_entry entry;
	(void)engine_audit(c->engine, INT64_MAX, &entry, 1);
	done(c);
	return true;
}

/* ---- changing ---- */

/* Reads "<epoch>.<rev>" with its quotes; any other tag was never given out and matches nothing.
 */
static void read_match(struct control_request *r, const char *tag)
{
	char epoch[24], rev[24];
	const char *dot = strchr(tag, '.');
	size_t len = strlen(tag);
	r->has_match = true;
	r->match_epoch = r->match_rev = -1;
	if (!dot || len < 5 || len > sizeof epoch + sizeof rev || tag[0] != '"' ||
		tag[len - 1] != '"')
		return;
	size_t first = (size_t)(dot - tag) - 1, second = len - first - 3;
	if (first >= sizeof epoch || second >= sizeof rev)
		return;
	memcpy(epoch, tag + 1, first);
	memcpy(rev, dot + 1, second);
	epoch[first] = rev[second] = '\0';
	int64_t e, n;
	if (unit_parse_int(epoch, 0, INT64_MAX, &e) && unit_parse_int(rev, 0, INT64_MAX, &n)) {
		r->match_epoch = e;
		r->match_rev = n;
	}
}

static bool put_change(struct call *c)
{
	const struct serve_request *q = c->request;
	struct control_request r;
	struct control_answer a;
	struct err err = {0};
	bool readable = wire_read_change(&r, c->verb, q->body, q->len, &err) == 0;
	bool asks_match = verb_is(c->verb, VERB_MATCHES) && !q->if_match;
	bool has_key = q->key && text_is_name(q->key, sizeof r.key - 1);
	if (!readable && !asks_match && has_key) {
		serve_refuse(c->reply, 400, "bad_body", err.text);
		return true;
	}
	if (has_key)
		(void)text_copy(r.key, sizeof r.key, q->key);
	if (q->if_match && verb_is(c->verb, VERB_MATCHES))
		read_match(&r, q->if_match);
	r.body_hash = hash_bytes(q->body, q->len, 0);
	engine_change(c->engine, &r, &a);
	answer(c, &a);
	return true;
}

/* Taking or renewing a lease moves nothing and needs no key; taking another's is a change. */
static bool post_lease(struct call *c)
{
	struct lease_request r;
	struct control_answer a;
	struct err err = {0};
	bool take;
	if (wire_read_lease(&r, &take, c->request->body, c->request->len, &err)) {
		serve_refuse(c->reply, 400, "bad_body", err.text);
		return true;
	}
	if (take)
		return put_change(c);
	engine_lease(c->engine, &r, &a);
	answer(c, &a);
	return true;
}

static bool post_execute(struct call *c)
{
	struct err err = {0};
	if (wire_read_execute(c->execute, c->request->body, c->request->len, &err) == 0)
		return false;
	serve_refuse(c->reply, 400, "bad_body", err.text);
	return true;
}

static bool post_send(struct call *c)
{
	const struct serve_request *q = c->request;
	struct err err = {0};
	if (!q->send)
		serve_refuse(c->reply, 503, "no_residents", "there are no addressable workers here");
	else if (serve_read_send(q->send, q->body, q->len, &err) == 0)
		return false;
	else
		serve_refuse(c->reply, 400, "bad_body", err.text);
	return true;
}

static bool get_residents(struct call *c)
{
	struct residents *r = engine_residents(c->engine);
	if (!r) {
		serve_refuse(c->reply, 503, "no_residents", "there are no addressable workers here");
		return true;
	}
	c->reply->status = 200;
	serve_write_residents(&c->reply->body, r);
	return true;
}

/* Locks a place of registered workers, or releases it, and tells of all. */
static bool post_residents(struct call *c)
{
	struct residents *r = engine_residents(c->engine);
	struct err err = {0};
	int node, segment;
	bool on;
	if (!r)
		return get_residents(c);
	if (serve_read_lock(&node, &segment, &on, c->request->body, c->request->len, &err)) {
		serve_refuse(c->reply, 400, "bad_body", err.text);
		return true;
	}
	if ((on ? residents_lock : residents_release)(r, node, segment, &err)) {
		serve_refuse(c->reply, 409, "locked", err.text);
		return true;
	}
	return get_residents(c);
}

static bool post_fault(struct call *c)
{
	struct err err = {0};
	struct fault fault;
	enum arm arm;
	if (wire_read_fault(&arm, &fault, c->request->body, c->request->len, &err)) {
		serve_refuse(c->reply, 400, "bad_body", err.text);
		return true;
	}
	engine_set_fault(c->engine, arm, &fault);
	done(c);
	return true;
}

void serve_executed(struct serve_reply *reply, const struct engine_response *response)
{
	reply->status = (int)response->status;
	wire_write_execute(&reply->body, response);
}

void serve_sent(struct serve_reply *reply, const struct envelope *envelope,
	const struct send_answer *answer)
{
	reply->status = (int)answer->status;
	serve_write_sent(&reply->body, envelope, answer);
}

/* ---- the table ---- */

static const struct route {
	const char *method;
	const char *path; /* '*' is one name */
	bool writes;      /* asks for Content-Type: application/json */
	bool faults;      /* only where faults are allowed */
	enum verb verb;
	bool (*answer)(struct call *c);
} routes[] = {
	{"GET", "/v1/state", false, false, VERB_COUNT, get_state},
	{"POST", "/v1/lease", true, false, VERB_TAKE, post_lease},
#define X(verb, method, path) {method, path, true, false, VERB_##verb, put_change},
	WIRE_ROUTE_INFO(X)
#undef X
		{"GET", "/v1/intents/*", false, false, VERB_COUNT, get_intent},
	{"POST", "/v1/intents/*/void", true, false, VERB_COUNT, get_intent},
	{"GET", "/v1/audit", false, false, VERB_COUNT, get_audit},
	{"GET", "/v1/tally", false, false, VERB_COUNT, get_tally},
	{"GET", "/v1/mismatches", false, false, VERB_COUNT, get_mismatches},
	{"POST", "/v1/execute", true, false, VERB_COUNT, post_execute},
	{"POST", "/v1/send", true, false, VERB_COUNT, post_send},
	{"GET", "/v1/residents", false, false, VERB_COUNT, get_residents},
	{"POST", "/v1/residents", true, false, VERB_COUNT, post_residents},
	{"POST", "/v1/faults", true, true, VERB_COUNT, post_fault},
	{"GET", "/healthz", false, false, VERB_COUNT, get_health},
	{"GET", "/metrics", false, false, VERB_COUNT, get_metrics},
};

/* True when the path is the pattern's; `name` gets what stands for its '*'. */
static bool matches(const char *pattern, const char *path, char *name, size_t size)
{
	const char *star = strchr(pattern, '*');
	if (!star)
		return strcmp(pattern, path) == 0;
	size_t before = (size_t)(star - pattern), after = strlen(star + 1), len = strlen(path);
	if (len <= before + after || len - before - after >= size ||
		strncmp(path, pattern, before) != 0 || strcmp(path + len - after, star + 1) != 0)
		return false;
	memcpy(name, path + before, len - before - after);
	name[len - before - after] = '\0';
	return text_is_name(name, size - 1);
}

/* The first route of a request; NULL for none, with *allow the method that the path takes, or NULL.
 */
static const struct route *find(
	const struct serve_request *r, char *name, size_t size, const char **allow)
{
	*allow = NULL;
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		if (!matches(routes[i].path, r->path, name, size))
			continue;
		if (strcmp(routes[i].method, r->method) == 0)
			return &routes[i];
		*allow = routes[i].method;
	}
	return NULL;
}

/* Host names this machine's loopback: "localhost", 127.0.0.0/8 or [::1], with a port or not. */
static bool is_loopback(const char *host)
{
	char name[32];
	struct in_addr in;
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	if (len >= sizeof name || len > strlen(host) || (host[len] != '\0' && host[len] != ':'))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, name, &in) == 1 && ntohl(in.s_addr) >> 24 == 127;
}

static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t len = sizeof json - 1;
	return type && strncasecmp(type, json, len) == 0 &&
		(type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

bool serve_route(struct engine *engine, bool allow_faults, const struct serve_request *request,
	struct serve_reply *reply, struct engine_request *execute)
{
	struct call c = {.engine = engine, .request = request, .reply = reply, .execute = execute};
	if (!request->any_host && (!request->host || !is_loopback(request->host))) {
		serve_refuse(
			reply, 403, "host", "the Host header does not name this machine's loopback");
		return true;
	}
	const struct route *route = find(request, c.name, sizeof c.name, &reply->allow);
	if (!route && reply->allow) {
		serve_refuse(reply, 405, "method", "the path is known, but not with this method");
		return true;
	}
	if (!route) {
		serve_refuse(reply, 404, "path", "there is nothing at this path");
		return true;
	}
	if (request->too_large) {
		serve_refuse(reply, 413, "too_large", "the body is longer than 1 MiB");
		return true;
	}
	if (route->writes && !is_json(request->content_type)) {
		serve_refuse(reply, 415, "content_type", "want Content-Type: application/json");
		return true;
	}
	if (route->faults && !allow_faults) {
		serve_refuse(reply, 403, "faults", "faults are not allowed here");
		return true;
	}
	c.verb = route->verb;
	return route->answer(&c);
}
