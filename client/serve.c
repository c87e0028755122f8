/* Serve: the engine as a pool over HTTP. The only file that includes libmicrohttpd.
 *
 * Threads: the door takes connections in; libmicrohttpd's one thread (with TLS another one, so
 * that handshakes delay nobody at a unix socket) answers control requests at once and never
 * executes; callers execute. Who may ask is decided here, what a request gets by serve_route.
 *
 * 1. No load delays a rollback: executions wait in a bounded queue, suspended, and what finds
 * it full is answered 429 at once. There is always room for more connections than can execute.
 * 2. Nobody keeps a connection by saying little: the door sees to it, and 5 s without a byte
 * end one that does not execute.
 * 3. A suspended connection is resumed by exactly one: its caller, or while it waits serve_stop,
 * or the door's thread when who asked has hung up.
 * 4. All are resumed before MHD_stop_daemon, since callers are joined first and nothing is
 * queued once `stopping` is set.
 * 5. Who may not ask is refused by the headers alone: nothing of the body is kept, and the
 * refusal is the same whether there is something at the path or not. */
#include "client/serve.h"

#include "client/engine/envelope.h"
#include "client/engine/threads.h"
#include "client/serve_door.h"
#include "client/serve_route.h"
#include "model/mem.h"

#include <microhttpd.h>
#include <netinet/in.h> /* before microhttpd.h, which uses its types */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define IDLE_S 5u
#define QUEUE_MAX 64
#define CALLERS_SPARE 16
#define CALLERS_MAX 1024
#define GUESTS_SPARE 128 /* connections beyond what can execute or wait for it */
#define STOP_US 1000000  /* for the last answers to leave */
#define TLS_VERSIONS "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* One request, from its first header to the last byte of its answer. */
struct exchange {
	struct MHD_Connection *connection;
	struct guest *guest;
	struct text body;
	bool too_large;
	bool refused;  /* by its headers: the reply is there */
	bool is_whole; /* counted in `answering` */
	struct serve_reply reply;
	struct engine_request execute;
	struct envelope send; /* instead, where it has a recipient */
	atomic_bool gone;     /* who asked has hung up */
	int64_t queued_us;
	struct exchange *next; /* in the queue */
};

struct serve {
	struct engine *engine;
	bool allow_faults;
	const struct secret_list *tokens; /* NULL: nobody is asked */
	bool any_host;                    /* on TCP: tokens and TLS say who is who */
	struct serve_door *door;
	struct MHD_Daemon *daemon, *tls; /* `tls` takes what comes over TCP, where there is one */
	pthread_t *callers;
	int caller_count;

	pthread_mutex_t lock;
	pthread_cond_t work;     /* the queue has one more, or it is over */
	pthread_cond_t answered; /* an answer has left */
	bool stopping;
	struct exchange *first, **last;
	int queued;
	int answering; /* whole requests whose answer has not left */
};

/* ---- connections ---- */

static bool take_connection(void *ctx, int fd, bool from_unix)
{
	struct serve *s = ctx;
	/* Where the peer is, beyond its family, nobody asks. */
	const struct sockaddr_storage from = {.ss_family = from_unix ? AF_UNIX : AF_INET};
	const struct sockaddr *any = (const struct sockaddr *)&from;
	struct MHD_Daemon *daemon = s->tls && !from_unix ? s->tls : s->daemon;
	return MHD_add_connection(daemon, fd, any, sizeof from) == MHD_YES;
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **own,
	enum MHD_ConnectionNotificationCode code)
{
	struct serve *s = ctx;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*own = serve_door_enter(s->door,
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
	else
		serve_door_left(s->door, *own);
}

/* ---- callers ---- */

static void pass_on(struct engine *engine, struct exchange *x, int64_t waited_ms)
{
	struct send_answer answer;
	int64_t timeout_ms = x->send.timeout_ms > 0 ? x->send.timeout_ms : ENVELOPE_TIMEOUT_MS;
	if (waited_ms >= timeout_ms) {
		serve_refuse(&x->reply, 504, "timeout", "the deadline passed in the queue; never sent");
		return;
	}
	x->send.timeout_ms = timeout_ms - waited_ms;
	engine_send(engine, &x->send, &answer);
	serve_sent(&x->reply, &x->send, &answer);
}

static void execute(struct engine *engine, struct exchange *x)
{
	struct engine_response response;
	int64_t waited_ms = (threads_us() - x->queued_us) / 1000;
	if (*x->send.recipient.type) {
		pass_on(engine, x, waited_ms);
		return;
	}
	if (x->execute.timeout_ms > 0 && waited_ms >= x->execute.timeout_ms) {
		serve_refuse(
			&x->reply, 504, "timeout", "the deadline passed in the queue; never executed");
		return;
	}
	if (x->execute.timeout_ms > 0)
		x->execute.timeout_ms -= waited_ms;
	x->execute.gone = &x->gone;
	engine_execute(engine, &x->execute, &response);
	serve_executed(&x->reply, &response);
}

/* Takes the next exchange out of the queue; NULL when it is empty. Called with the lock. */
static struct exchange *take_next(struct serve *s)
{
	struct exchange *x = s->first;
	if (!x)
		return NULL;
	s->first = x->next;
	if (!s->first)
		s->last = &s->first;
	s->queued--;
	return x;
}

/* Takes one out whose caller is gone; NULL when there is none. Called with the lock. */
static struct exchange *take_gone(struct serve *s)
{
	struct exchange **at = &s->first;
	while (*at && !atomic_load(&(*at)->gone))
		at = &(*at)->next;
	struct exchange *x = *at;
	if (!x)
		return NULL;
	*at = x->next;
	if (!*at)
		s->last = at;
	s->queued--;
	return x;
}

/* Gives an exchange that has its reply back to libmicrohttpd. */
static void resume(struct serve *s, struct exchange *x)
{
	serve_door_heard(s->door, x->guest);
	MHD_resume_connection(x->connection);
}

/* Nobody waits for these any more: what has not begun never does. */
static void drop_gone(void *ctx)
{
	struct serve *s = ctx;
	struct exchange *x;
	(void)pthread_mutex_lock(&s->lock);
	while ((x = take_gone(s)) != NULL) {
		(void)pthread_mutex_unlock(&s->lock);
		serve_refuse(&x->reply, 503, "gone", "the caller hung up; never executed");
		resume(s, x);
		(void)pthread_mutex_lock(&s->lock);
	}
	(void)pthread_mutex_unlock(&s->lock);
	engine_nudge(s->engine);
}

static void *caller(void *arg)
{
	struct serve *s = arg;
	for (;;) {
		(void)pthread_mutex_lock(&s->lock);
		while (!s->first && !s->stopping)
			(void)pthread_cond_wait(&s->work, &s->lock);
		struct exchange *x = s->stopping ? NULL : take_next(s);
		(void)pthread_mutex_unlock(&s->lock);
		if (!x)
			return NULL;
		execute(s->engine, x);
		resume(s, x);
	}
}

/* Hands an exchange over to the callers, after which it is theirs until they resume it; where
 * that cannot be, refuses it and returns false. */
static bool hand_over(struct serve *s, struct exchange *x)
{
	(void)pthread_mutex_lock(&s->lock);
	bool stopping = s->stopping, full = s->queued == QUEUE_MAX;
	if (!stopping && !full) {
		MHD_suspend_connection(x->connection);
		x->queued_us = threads_us();
		serve_door_watch(s->door, x->guest, &x->gone);
		*s->last = x;
		s->last = &x->next;
		s->queued++;
		(void)pthread_cond_signal(&s->work);
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (stopping)
		serve_refuse(&x->reply, 503, "stopping", "the server stops");
	else if (full)
		serve_refuse(&x->reply, 429, "saturated", "all callers are busy and the queue is full");
	return !stopping && !full;
}

/* ---- exchanges ---- */

static const char *header(struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static bool from_unix(struct exchange *x)
{
	return MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
			   ->client_addr->sa_family == AF_UNIX;
}

/* ---- who may ask ---- */

/* What the headers of one request say of who asks. */
struct credentials {
	const char *token; /* "" none */
	int count;         /* Authorization headers */
};

static enum MHD_Result take_credentials(
	void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	static const char scheme[] = "Bearer ";
	struct credentials *c = ctx;
	(void)kind;
	if (strcasecmp(name, MHD_HTTP_HEADER_AUTHORIZATION) != 0)
		return MHD_YES;
	c->count++;
	if (value && strncasecmp(value, scheme, sizeof scheme - 1) == 0)
		c->token = value + strspn(value + sizeof scheme - 1, " ") + sizeof scheme - 1;
	return MHD_YES;
}

static enum secret_grant grant_of(struct serve *s, struct exchange *x)
{
	struct credentials c = {"", 0};
	if (!s->tokens || from_unix(x))
		return SECRET_WRITES;
	(void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, take_credentials, &c);
	/* two of them: whoever is in between may have looked at the other one */
	return c.count == 1 ? secret_grant(s->tokens, c.token) : SECRET_NOTHING;
}

static bool only_reads(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
		strcmp(method, "OPTIONS") == 0;
}

/* True when the request may be read further; else its reply is made. */
static bool admit(struct serve *s, struct exchange *x, const char *method)
{
	enum secret_grant grant = grant_of(s, x);
	bool writes = !only_reads(method);
	if (grant == SECRET_NOTHING)
		serve_refuse(
			&x->reply, 401, "token", "want Authorization: Bearer with a token of here");
	else if (writes && grant != SECRET_WRITES)
		serve_refuse(&x->reply, 403, "read_token", "this token may only read");
	else if (writes && header(x, MHD_HTTP_HEADER_ORIGIN))
		serve_refuse(&x->reply, 403, "origin", "pages of a browser change nothing here");
	else
		return true;
	return false;
}

/* The request is whole: its reply is made (true), or it is handed over. */
static bool begin(struct serve *s, struct exchange *x, const char *method, const char *path)
{
	const struct serve_request request = {
		.method = method,
		.path = path,
		.host = header(x, MHD_HTTP_HEADER_HOST),
		.content_type = header(x, MHD_HTTP_HEADER_CONTENT_TYPE),
		.if_match = header(x, MHD_HTTP_HEADER_IF_MATCH),
		.key = header(x, "Idempotency-Key"),
		.accept = header(x, MHD_HTTP_HEADER_ACCEPT),
		.since = MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, "since"),
		.any_host = s->any_host || from_unix(x),
		.too_large = x->too_large,
		.body = text_str(&x->body),
		.len = x->body.len,
		.send = &x->send,
	};
	(void)pthread_mutex_lock(&s->lock);
	s->answering++;
	(void)pthread_mutex_unlock(&s->lock);
	x->is_whole = true;
	if (x->refused)
		return true; /* and not heard by the door: strangers go before others do */
	serve_door_heard(s->door, x->guest);
	return serve_route(s->engine, s->allow_faults, &request, &x->reply, &x->execute) ||
		!hand_over(s, x);
}

static enum MHD_Result answer(struct exchange *x)
{
	struct serve_reply *r = &x->reply;
	size_t len = r->body.len;
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, text_take(&r->body), MHD_RESPMEM_MUST_FREE);
	if (!response)
		mem_fail();
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
		r->content_type ? r->content_type : "application/json");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (r->allow)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, r->allow);
	if (r->status == 401) {
		(void)MHD_add_response_header(
			response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"weir\"");
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	}
	enum MHD_Result result = MHD_queue_response(x->connection, (unsigned)r->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Called with the headers, with each part of the body, when the request is whole, and again
 * when it was resumed. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *data, size_t *size,
	void **own)
{
	struct serve *s = ctx;
	struct exchange *x = *own;
	(void)version;
	if (!x) {
		x = mem_new(1, sizeof *x);
		x->connection = connection;
		x->guest = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
					   ->socket_context;
		*own = x;
		x->refused = !admit(s, x, method);
		return MHD_YES;
	}
	if (*size > 0) {
		/* A body that is too long or refused is read to its end, so that its sender sees the
		 * answer. */
		x->too_large = x->too_large || *size > SERVE_BODY_MAX - x->body.len;
		if (!x->too_large && !x->refused)
			text_add_n(&x->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!x->is_whole && !begin(s, x, method, path))
		return MHD_YES;
	return answer(x);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **own,
	enum MHD_RequestTerminationCode code)
{
	struct serve *s = ctx;
	struct exchange *x = *own;
	(void)connection;
	(void)code;
	if (!x)
		return;
	if (x->is_whole) {
		if (!x->refused)
			serve_door_heard(s->door, x->guest);
		(void)pthread_mutex_lock(&s->lock);
		s->answering--;
		(void)pthread_cond_signal(&s->answered);
		(void)pthread_mutex_unlock(&s->lock);
	}
	text_free(&x->body);
	text_free(&x->reply.body);
	free(x);
	*own = NULL;
}

/* ---- start and stop ---- */

static int callers_for(struct engine *engine)
{
	struct snapshot *snapshot = mem_new(1, sizeof *snapshot);
	int64_t callers = CALLERS_SPARE;
	engine_snapshot(engine, snapshot);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		if (snapshot->arms[arm].workers.total > 0)
			callers += snapshot->arms[arm].workers.total;
	free(snapshot);
	return callers > CALLERS_MAX ? CALLERS_MAX : (int)callers;
}

/* libmicrohttpd's thread takes no signals either. NULL when it does not start. */
static struct MHD_Daemon *start_daemon(
	struct serve *s, size_t room, unsigned flags, struct MHD_OptionItem *more)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD |
			MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | flags,
		0, NULL, NULL, on_request, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		/* the door counts; this must never be what refuses */
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)(2 * serve_door_most(room)), MHD_OPTION_ARRAY,
		more, MHD_OPTION_END);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return daemon;
}

static int start_plain(struct serve *s, size_t room, struct err *err)
{
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	s->daemon = start_daemon(s, room, 0, none);
	return s->daemon ? 0 : err_set(err, ERR_SYSTEM, "cannot start the HTTP server");
}

static int start_tls(
	struct serve *s, const struct serve_options *how, size_t room, struct err *err)
{
	char versions[] = TLS_VERSIONS;
	struct MHD_OptionItem pem[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)how->cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)how->key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, versions},
		{MHD_OPTION_END, 0, NULL},
	};
	/* GnuTLS would write the session keys of every connection to the file it names */
	(void)unsetenv("SSLKEYLOGFILE");
	s->tls = start_daemon(s, room, MHD_USE_TLS, pem);
	if (s->tls)
		return 0;
	return err_set(err, ERR_TLS,
		"cannot speak TLS: the certificate or the key is no PEM, or they do not belong together");
}

static int start_callers(struct serve *s, int callers, struct err *err)
{
	s->callers = mem_new((size_t)callers, sizeof *s->callers);
	for (; s->caller_count < callers; s->caller_count++)
		if (threads_start(&s->callers[s->caller_count], caller, s, err))
			return -1;
	return 0;
}

static int start(struct serve *s, const struct serve_options *how, struct err *err)
{
	bool anywhere = how->tokens && how->cert;
	if (serve_door_open(&s->door, how->listen, how->listen_count, anywhere, err))
		return -1;
	int callers = how->callers > 0 ? how->callers : callers_for(s->engine);
	size_t room = (size_t)callers + QUEUE_MAX + GUESTS_SPARE;
	if (start_plain(s, room, err) || (how->cert && start_tls(s, how, room, err)) ||
		start_callers(s, callers, err) ||
		serve_door_start(s->door, room, take_connection, drop_gone, s, err))
		return -1;
	return 0;
}

int serve_start(
	struct serve **out, struct engine *engine, const struct serve_options *how, struct err *err)
{
	struct serve *s = mem_new(1, sizeof *s);
	s->engine = engine;
	s->allow_faults = how->allow_faults;
	s->tokens = how->tokens;
	s->any_host = how->tokens && how->cert;
	s->last = &s->first;
	(void)pthread_mutex_init(&s->lock, NULL);
	threads_cond_init(&s->work);
	threads_cond_init(&s->answered);
	if (start(s, how, err)) {
		serve_stop(s);
		return -1;
	}
	*out = s;
	return 0;
}

int serve_port(const struct serve *s, int i)
{
	return serve_door_port(s->door, i);
}

/* Refuses what waits, and lets the callers end. */
static void end_callers(struct serve *s)
{
	struct exchange *x;
	(void)pthread_mutex_lock(&s->lock);
	s->stopping = true;
	(void)pthread_cond_broadcast(&s->work);
	while ((x = take_next(s)) != NULL) {
		(void)pthread_mutex_unlock(&s->lock);
		serve_refuse(&x->reply, 503, "stopping", "the server stops");
		resume(s, x);
		(void)pthread_mutex_lock(&s->lock);
	}
	(void)pthread_mutex_unlock(&s->lock);
	for (int i = 0; i < s->caller_count; i++)
		(void)pthread_join(s->callers[i], NULL);
}

void serve_stop(struct serve *s)
{
	if (!s)
		return;
	/* Work ends first: until it has, a rollback still finds the door open. */
	end_callers(s);
	if (s->door)
		serve_door_close(s->door);
	int64_t until_us = threads_us() + STOP_US;
	(void)pthread_mutex_lock(&s->lock);
	while (s->answering > 0 && threads_wait(&s->answered, &s->lock, until_us))
		continue;
	(void)pthread_mutex_unlock(&s->lock);
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	if (s->tls)
		MHD_stop_daemon(s->tls);
	serve_door_free(s->door);
	(void)pthread_cond_destroy(&s->answered);
	(void)pthread_cond_destroy(&s->work);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->callers);
	free(s);
}
