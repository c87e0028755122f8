/* Etcd send: requests on their way to etcd, and who asks. It decides nothing and keeps nothing
 * but which endpoint answers and what etcd gave for a password.
 *
 * 1. A token goes as it is behind Authorization, which is what etcd 3.4 takes.
 * 2. A name and a password are changed for a token once for all that share a transport, a file
 *    and a cluster: etcd makes it slow by intent.
 * 3. What was refused for want of a good token has not been done: whatever it is, it is sent
 *    once more when there is a new one. A watch is not: whoever watches asks something else
 *    too.
 * 4. Without a token what waits for it ends with the answer to the login, as not sent.
 * 5. An endpoint that cannot be reached, or says that it has no leader, is left for the
 *    next. */
#include "client/etcd.h"

#include "client/secret.h"
#include "model/mem.h"

#include <stdlib.h>
#include <string.h>

#define CODE_INVALID 3 /* gRPC's */
#define CODE_NOT_FOUND 5
#define CODE_NOT_ENABLED 9
#define CODE_UNAVAILABLE 14
#define REFUSED_MS 1000 /* between two passwords that are wrong */

/* Who asks a cluster: what a file says, and the token that there is for it. */
struct login {
	struct login *next;
	char *file, *cluster;
	char *token; /* NULL: to be asked for; "": etcd asks for none */
	bool named;  /* the file has a name and a password */
	uint64_t asking;
	int64_t refused_ms; /* boot time; UNKNOWN never */
	struct transport *transport;
	struct etcd_sent *waiting;
};

struct etcd_sent {
	struct etcd_sent *prev, *next; /* of the same struct etcd */
	struct etcd_sent *behind;      /* waits for the same login */
	struct etcd *etcd;
	uint64_t id;
	uint64_t transfer; /* 0: it waits */
	char *token;       /* that it went with */
	bool again;        /* it has been refused once */
	bool ends;         /* with the login that it waits for */
	char *path, *body;
	struct etcd_request how;
};

static void ask_token(struct etcd *e, struct login *l, struct instant now);
static void answered(void *ctx, const struct transport_reply *reply, struct instant now);

/* ---- open and close ---- */

static void login_free(struct login *l)
{
	secret_free(l->token);
	free(l->file);
	free(l->cluster);
	free(l);
}

static void logins_free(void *first)
{
	for (struct login *l = first, *next; l; l = next) {
		next = l->next;
		login_free(l);
	}
}

/* The file's one line: a token, or a name and a password with a colon between, which no token
 * has. */
static int read_file(struct login *l, char **line, struct err *err)
{
	if (secret_read(line, l->file, err) < 0)
		return -1;
	l->named = strchr(*line, ':') != NULL;
	return 0;
}

static int find_login(struct etcd *e, struct err *err)
{
	void **first = transport_shelf(e->transport, logins_free);
	char *line;
	struct text cluster = {0};
	for (int i = 0; i < e->target.endpoint_count; i++)
		text_addf(&cluster, "%s,", e->target.endpoint[i]);
	for (struct login *l = *first; l && !e->login; l = l->next)
		if (strcmp(l->file, e->target.auth) == 0 && strcmp(l->cluster, cluster.data) == 0)
			e->login = l;
	if (e->login) {
		text_free(&cluster);
		return 0;
	}
	struct login *l = mem_new(1, sizeof *l);
	l->file = mem_copy(e->target.auth);
	l->cluster = text_take(&cluster);
	l->transport = e->transport;
	l->refused_ms = UNKNOWN;
	if (read_file(l, &line, err) < 0) {
		login_free(l);
		return -1;
	}
	if (l->named)
		secret_free(line);
	else
		l->token = line;
	l->next = *first;
	*first = e->login = l;
	return 0;
}

int etcd_open(struct etcd *e, const char *target, struct transport *t, struct err *err)
{
	*e = (struct etcd){.transport = t};
	if (etcd_target_read(&e->target, target, err) < 0)
		return -1;
	return e->target.auth[0] ? find_login(e, err) : 0;
}

void etcd_close(struct etcd *e)
{
	while (e->sent)
		etcd_cancel(e, e->sent->id);
	*e = (struct etcd){0};
}

/* ---- sending ---- */

static void leave_queue(struct etcd_sent *x)
{
	struct etcd_sent **at = x->etcd->login ? &x->etcd->login->waiting : NULL;
	while (at && *at && *at != x)
		at = &(*at)->behind;
	if (at && *at)
		*at = x->behind;
	x->behind = NULL;
}

static void sent_free(struct etcd_sent *x)
{
	leave_queue(x);
	if (x->prev)
		x->prev->next = x->next;
	else
		x->etcd->sent = x->next;
	if (x->next)
		x->next->prev = x->prev;
	secret_free(x->token);
	free(x->path);
	free(x->body);
	free(x);
}

void etcd_cancel(struct etcd *e, uint64_t id)
{
	struct etcd_sent *x = e->sent;
	while (x && x->id != id)
		x = x->next;
	if (!x)
		return;
	transport_cancel(e->transport, x->transfer);
	sent_free(x);
}

static void heard(void *ctx, const char *data, size_t len)
{
	struct etcd_sent *x = ctx;
	x->how.piece(x->how.ctx, data, len);
}

static void send(struct etcd_sent *x, struct instant now)
{
	struct etcd *e = x->etcd;
	const char *token = e->login ? e->login->token : NULL;
	struct text url = {0};
	text_addf(&url, "%s%s", etcd_endpoint(e), x->path);
	secret_free(x->token);
	x->token = mem_copy(token);
	const struct transport_request q = {
		.method = x->body ? "POST" : "GET",
		.url = text_str(&url),
		.credential = token && *token ? token : NULL,
		.body = x->body,
		.reads = x->how.reads && x->body,
		.timeout_ms = x->how.timeout_ms ? x->how.timeout_ms : ETCD_TIMEOUT_MS,
		.piece = x->how.piece ? heard : NULL,
		.done = answered,
		.ctx = x,
	};
	x->transfer = transport_send(e->transport, &q, now);
	text_free(&url);
}

/* It goes now, or when there is a token. */
static void go(struct etcd_sent *x, struct instant now)
{
	struct login *l = x->etcd->login;
	if (!l || l->token) {
		send(x, now);
		return;
	}
	struct etcd_sent **last = &l->waiting;
	while (*last)
		last = &(*last)->behind;
	*last = x;
	x->transfer = 0;
	if (l->asking == 0)
		ask_token(x->etcd, l, now);
}

uint64_t etcd_send(struct etcd *e, const struct etcd_request *r, struct instant now)
{
	struct etcd_sent *x = mem_new(1, sizeof *x);
	x->etcd = e;
	x->id = ++e->last_id;
	x->path = mem_copy(r->path);
	x->body = mem_copy(r->body);
	x->how = *r;
	x->next = e->sent;
	if (x->next)
		x->next->prev = x;
	e->sent = x;
	go(x, now);
	return x->id;
}

uint64_t etcd_send_txn(struct etcd *e, const struct etcd_txn *t, bool reads,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now), void *ctx,
	struct instant now)
{
	struct text body = {0};
	wire_etcd_txn(&body, t);
	struct etcd_request r = {.path = "/v3/kv/txn",
		.body = text_str(&body),
		.reads = reads,
		.done = done,
		.ctx = ctx};
	uint64_t id = etcd_send(e, &r, now);
	text_free(&body);
	return id;
}

static void end(struct etcd_sent *x, const struct transport_reply *reply, struct instant now)
{
	struct etcd_request how = x->how;
	sent_free(x);
	how.done(how.ctx, reply, now);
}

/* ---- who asks ---- */

static void take_token(struct login *l, char *token)
{
	if (l->token && token)
		transport_renew(l->transport, l->token, token);
	secret_free(l->token);
	l->token = token;
}

static void logged_in(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct login *l = ctx;
	struct transport_reply failed = *reply;
	char why[160], *token = NULL;
	int64_t code = 0;
	bool answers = reply->err.code == ERR_NONE;
	l->asking = 0;
	failed.sent = false;
	if (answers && reply->status == 200)
		(void)wire_etcd_read_token(&token, reply->body, reply->len, &failed.err);
	else if (answers && wire_etcd_read_error(why, sizeof why, &code, reply->body, reply->len) &&
		code == CODE_NOT_ENABLED)
		token = mem_copy("");
	if (!token && !l->named && read_file(l, &token, NULL) == 0 && l->named) {
		secret_free(token);
		token = NULL;
	}
	if (token)
		take_token(l, token);
	else if (code == CODE_INVALID)
		l->refused_ms = now.boot_ms;
	for (struct etcd_sent *x = l->waiting; x; x = x->behind)
		x->ends = true;
	/* whoever is told may send, and may cancel what waits beside it */
	for (struct etcd_sent *x; (x = l->waiting) != NULL && x->ends;) {
		leave_queue(x);
		if (l->token)
			send(x, now);
		else
			end(x, &failed, now);
	}
}

/* Reads the file anew: whoever changed the password wrote it there. */
static void ask_token(struct etcd *e, struct login *l, struct instant now)
{
	char *line = NULL;
	struct text url = {0}, body = {0};
	char *colon = read_file(l, &line, NULL) == 0 ? strchr(line, ':') : NULL;
	if (colon)
		*colon = '\0';
	wire_etcd_login(&body, colon ? line : "", colon ? colon + 1 : "");
	if (colon)
		explicit_bzero(colon + 1, strlen(colon + 1));
	secret_free(line);
	text_addf(&url, "%s/v3/auth/authenticate", etcd_endpoint(e));
	int64_t wait_ms = l->refused_ms == UNKNOWN ? 0 : l->refused_ms + REFUSED_MS - now.boot_ms;
	const struct transport_request q = {.method = "POST",
		.url = text_str(&url),
		.body = text_str(&body),
		.timeout_ms = ETCD_TIMEOUT_MS,
		.after_ms = wait_ms > 0 ? wait_ms : 0,
		.done = logged_in,
		.ctx = l};
	l->asking = transport_send(e->transport, &q, now);
	explicit_bzero(body.data, body.len);
	text_free(&body);
	text_free(&url);
}

/* True when there is, or will be, a token that is not the one that was refused. */
static bool renew(struct login *l, const char *refused)
{
	char *line;
	if (!l->token || strcmp(l->token, refused) != 0)
		return true; /* another was faster */
	if (read_file(l, &line, NULL) < 0)
		return false;
	if (l->named) {
		secret_free(line);
		take_token(l, NULL);
		return true;
	}
	take_token(l, line);
	return strcmp(line, refused) != 0;
}

/* True when etcd did nothing because it did not like the token. */
static bool wants_token(const struct transport_reply *reply)
{
	char why[160];
	int64_t code;
	return reply->err.code == ERR_NONE && reply->status >= 400 && reply->status < 500 &&
		wire_etcd_read_error(why, sizeof why, &code, reply->body, reply->len) &&
		(reply->status == 401 || strstr(why, "user name is empty") ||
			strstr(why, "auth store is old"));
}

static void answered(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_sent *x = ctx;
	struct login *l = x->etcd->login;
	x->transfer = 0;
	if (l && !x->again && !x->how.piece && wants_token(reply) && renew(l, x->token)) {
		x->again = true;
		go(x, now);
		return;
	}
	end(x, reply, now);
}

/* ---- answers ---- */

static void turn_away(struct etcd *e)
{
	e->at = (e->at + 1) % e->target.endpoint_count;
}

/* What etcd says against whoever asks; 0: nothing. */
static int refuse(const struct etcd *e, int status, const char *why, struct err *err)
{
	const char *at = etcd_endpoint(e), *file = e->target.auth;
	if (strstr(why, "user name is empty"))
		return err_set(err, ERR_UNAUTHORISED,
			"etcd at \"%s\" asks who it is: give it NAME:PASSWORD in a file of mode 0600, by "
			"auth=/FILE or --etcd-auth FILE",
			at);
	if (strstr(why, "authentication failed"))
		return err_set(err, ERR_UNAUTHORISED,
			"etcd at \"%s\" knows no such name and password: put the right NAME:PASSWORD into "
			"'%s'",
			at, file);
	if (status == 401)
		return err_set(err, ERR_UNAUTHORISED,
			"etcd at \"%s\" refuses the token: %s: put a new one into '%s', or NAME:PASSWORD",
			at, why, file);
	if (status == 403)
		return err_set(err, ERR_READ_ONLY,
			"etcd at \"%s\" does not let this user read and write under weir/%s/: %s: allow it by "
			"etcdctl role grant-permission ROLE --prefix=true readwrite weir/%s/",
			at, e->target.pool, why, e->target.pool);
	return 0;
}

/* Who speaks TLS to one that does not, or the other way about, hears of neither. */
static void explain(const char *at, const struct transport_reply *reply, struct err *err)
{
	bool tls = strncmp(at, "https:", 6) == 0;
	const char *why = reply->err.text;
	*err = reply->err;
	if (!tls && strstr(why, "without an answer"))
		err_set(err, reply->err.code,
			"%.200s: if it speaks TLS, say ?tls=yes, or --etcd https://", why);
	else if (tls && (strstr(why, "SSL_ERROR_SYSCALL") || strstr(why, "wrong version number") ||
				strstr(why, "Recv failure")))
		err_set(err, reply->err.code,
			"\"%s\" does not agree to TLS: if it speaks none, leave ?tls=yes out, or https://",
			at);
}

int etcd_check(struct etcd *e, const struct transport_reply *reply, struct err *err)
{
	char why[160];
	int64_t code;
	const char *at = etcd_endpoint(e);
	if (reply->err.code != ERR_NONE) {
		explain(at, reply, err);
		turn_away(e);
		return -1;
	}
	if (reply->status == 200)
		return 0;
	if (!wire_etcd_read_error(why, sizeof why, &code, reply->body, reply->len)) {
		err_set(err, reply->status >= 500 ? ERR_UNREACHABLE : ERR_NOT_POOL,
			"\"%s\" answers %d where etcd 3.4 answers 200", at, reply->status);
		turn_away(e);
		return -1;
	}
	if (refuse(e, reply->status, why, err) < 0)
		return -1;
	err_set(err, reply->status >= 500 ? ERR_UNREACHABLE : ERR_PROTOCOL,
		"etcd at \"%s\" answers: %s (%d)", at, why, reply->status);
	if (reply->status >= 500 || code == CODE_UNAVAILABLE)
		turn_away(e);
	return -1;
}

bool etcd_lost_lease(const struct transport_reply *reply)
{
	char why[160];
	int64_t code;
	return reply->err.code == ERR_NONE && reply->status != 200 &&
		wire_etcd_read_error(why, sizeof why, &code, reply->body, reply->len) &&
		code == CODE_NOT_FOUND;
}
