/* Transport: HTTP on one libcurl multi. It knows transfers, their limits and their connections;
 * not what a pool is, nor what an answer or a failure says.
 *
 * 1. `done` is called once, from transport_turn, after the transfer has left every list.
 * 2. A request that is no GET goes out once, on a connection of its own: libcurl repeats a
 *    request by itself when a kept connection turns out to be dead. What is `spare` or only
 *    `reads` may be repeated; spare connections are kept apart from all others'. A slow poll
 *    delays neither.
 * 3. A transfer whose body is collected holds at most TRANSPORT_BODY_MAX bytes of body and HEADERS_MAX of headers,
 *    whatever the other end announces, compresses or goes on sending.
 * 4. `sent` is false only when no byte of the request can have left.
 * 5. A kept connection carries one credential: the first that its address was asked with.
 * 6. A request with after_ms is with libcurl only from then on. */
#include "client/transport.h"

#include "client/transport_trouble.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <curl/curl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define HEADERS_MAX (64 * 1024)
#define SUBJECT_MAX 160
#define WAIT_FDS_MAX 16
#define TURN_REPLIES 8 /* of which each may take half a millisecond: keys wait meanwhile */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000

struct transfer {
	struct transfer *prev, *next;
	uint64_t id;
	const struct transport *transport;
	CURL *easy;
	struct curl_slist *headers;
	struct curl_slist *connect_to; /* NULL: where the address says */
	char *request_body;
	struct text body;
	size_t header_bytes;
	const char *too_much; /* what went beyond its limit; NULL: nothing */
	int64_t timeout_ms;
	int64_t begin_ms; /* boot clock; UNKNOWN once begun */
	char subject[SUBJECT_MAX];
	char reason[CURL_ERROR_SIZE];
	void (*piece)(void *ctx, const char *data, size_t len); /* NULL: the body is collected */
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now);
	void *ctx;
};

/* Whose credential the kept connections of an address carry. */
struct origin {
	uint64_t subject; /* a hash of the address */
	char *token;      /* "" none */
};

struct transport {
	CURLM *multi;
	CURLSH *spare; /* the connections of what is spare; the others are the multi's */
	char *ca_file; /* NULL: the system's */
	struct transfer *first;
	uint64_t last_id;
	bool more;        /* answers are there that the last turn did not come to */
	size_t waiting;   /* transfers that have not begun */
	int64_t clock_ms; /* the boot clock as last told */
	struct origin *origins;
	size_t origin_count, origin_cap;
	void *shelf;
	void (*release)(void *shared); /* of what is on the shelf */
};

/* What every handle has in common. */
static const struct {
	CURLoption option;
	long value;
} fixed_options[] = {
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_QUICK_EXIT, 1}, /* else a hanging name server holds the loop */
	{CURLOPT_FOLLOWLOCATION, 0}, {CURLOPT_NETRC, CURL_NETRC_IGNORED}, {CURLOPT_PATH_AS_IS, 1},
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1}, {CURLOPT_HTTP09_ALLOWED, 0},
	{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2}, {CURLOPT_SSL_VERIFYPEER, 1},
	{CURLOPT_SSL_VERIFYHOST, 2}, {CURLOPT_CERTINFO, 1}, /* to say whose certificate it was */
};

static void must(CURLcode code)
{
	if (code == CURLE_OUT_OF_MEMORY)
		mem_fail();
	assert(code == CURLE_OK);
}

static void must_multi(CURLMcode code)
{
	if (code == CURLM_OUT_OF_MEMORY)
		mem_fail();
	assert(code == CURLM_OK);
}

/* Of each kind a third of the descriptors: one a node where possible, and a third is left. */
static long kept_connections(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 64;
	rlim_t third = limit.rlim_cur / 3;
	return third < 16 ? 16 : third > 4096 ? 4096 : (long)third;
}

struct transport *transport_new(void)
{
	/* libcurl would write the session keys of every connection to the file it names */
	unsetenv("SSLKEYLOGFILE");
	must(curl_global_init(CURL_GLOBAL_DEFAULT));
	struct transport *t = mem_new(1, sizeof(*t));
	const char *ca_file = getenv("SSL_CERT_FILE");
	t->ca_file = ca_file != NULL && *ca_file != '\0' ? mem_copy(ca_file) : NULL;
	t->multi = curl_multi_init();
	t->spare = curl_share_init();
	/* nothing but memory can be missing */
	if (t->multi == NULL || t->spare == NULL ||
		curl_share_setopt(t->spare, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) != CURLSHE_OK)
		mem_fail();
	must_multi(curl_multi_setopt(t->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING));
	must_multi(curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, kept_connections()));
	return t;
}

static void detach(struct transport *t, struct transfer *x)
{
	if (x->begin_ms != UNKNOWN)
		t->waiting--;
	else
		must_multi(curl_multi_remove_handle(t->multi, x->easy));
	if (x->prev != NULL)
		x->prev->next = x->next;
	else
		t->first = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
}

static void transfer_free(struct transfer *x)
{
	curl_easy_cleanup(x->easy);
	/* one of them carries the token */
	for (struct curl_slist *h = x->headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(x->headers);
	curl_slist_free_all(x->connect_to);
	text_free(&x->body);
	if (x->request_body != NULL)
		explicit_bzero(x->request_body, strlen(x->request_body));
	free(x->request_body);
	free(x);
}

void transport_free(struct transport *t)
{
	if (t == NULL)
		return;
	for (struct transfer *x; (x = t->first) != NULL;) {
		detach(t, x);
		transfer_free(x);
	}
	if (t->shelf != NULL)
		t->release(t->shelf);
	must_multi(curl_multi_cleanup(t->multi));
	curl_share_cleanup(t->spare);
	curl_global_cleanup();
	for (size_t i = 0; i < t->origin_count; i++) {
		explicit_bzero(t->origins[i].token, strlen(t->origins[i].token));
		free(t->origins[i].token);
	}
	free(t->origins);
	free(t->ca_file);
	free(t);
}

/* ---- one transfer ---- */

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
	struct transfer *x = ctx;
	size_t len = size * count;
	if (x->piece != NULL) {
		x->piece(x->ctx, data, len);
		return len;
	}
	if (len > TRANSPORT_BODY_MAX - x->body.len) {
		x->too_much = "1 MiB of body";
		return 0;
	}
	text_add_n(&x->body, data, len);
	return len;
}

static size_t take_header(char *data, size_t size, size_t count, void *ctx)
{
	(void)data;
	struct transfer *x = ctx;
	size_t len = size * count;
	if (len > HEADERS_MAX - x->header_bytes) {
		x->too_much = "64 KiB of headers";
		return 0;
	}
	x->header_bytes += len;
	return len;
}

/* "name: value" or, quoted, "name: "value"". */
static void add_header(struct transfer *x, const char *name, const char *value, bool quoted)
{
	for (const char *s = value; *s != '\0'; s++)
		assert((unsigned char)*s >= 0x20 && *s != 0x7f);
	const char *quote = quoted ? "\"" : "";
	struct text line = {0};
	text_addf(&line, "%s: %s%s%s", name, quote, value, quote);
	struct curl_slist *longer = curl_slist_append(x->headers, text_str(&line));
	explicit_bzero(line.data, line.len);
	text_free(&line);
	if (longer == NULL)
		mem_fail();
	x->headers = longer;
}

static void set_headers(struct transfer *x, const struct transport_request *r)
{
	add_header(x, "Accept", "application/json", false);
	if (r->body != NULL)
		add_header(x, "Content-Type", "application/json", false);
	if (r->token != NULL) {
		struct text bearer = {0};
		text_addf(&bearer, "Bearer %s", r->token);
		add_header(x, "Authorization", text_str(&bearer), false);
		explicit_bzero(bearer.data, bearer.len);
		text_free(&bearer);
	}
	if (r->credential != NULL)
		add_header(x, "Authorization", r->credential, false);
	if (r->if_match != NULL)
		add_header(x, "If-Match", r->if_match, true);
	if (r->key != NULL)
		add_header(x, "Idempotency-Key", r->key, false);
	must(curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers));
}

/* FNV-1a, 64 bits. Where two addresses have one hash, the second keeps no connection. */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xCBF29CE484222325u;
	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001B3u;
	return h;
}

/* True when connections of the address may be kept for this credential. */
static bool may_keep(struct transport *t, const char *subject, const char *token)
{
	uint64_t h = hash(subject);
	for (size_t i = 0; i < t->origin_count; i++)
		if (t->origins[i].subject == h)
			return strcmp(t->origins[i].token, token) == 0;
	mem_grow(&t->origins, &t->origin_cap, t->origin_count + 1, sizeof(*t->origins));
	t->origins[t->origin_count++] = (struct origin){.subject = h, .token = mem_copy(token)};
	return true;
}

/* libcurl seeks a kept connection among all that go to one host and asks each whether it still
 * lives, a system call each: of a thousand sockets none may share the name of another. */
static void set_socket(struct transfer *x, const char *path)
{
	char name[32];
	must(curl_easy_setopt(x->easy, CURLOPT_UNIX_SOCKET_PATH, path));
	if (path == NULL)
		return;
	snprintf(name, sizeof(name), "::%016llx:", (unsigned long long)hash(path));
	x->connect_to = curl_slist_append(NULL, name);
	if (x->connect_to == NULL)
		mem_fail();
	must(curl_easy_setopt(x->easy, CURLOPT_CONNECT_TO, x->connect_to));
}

void transport_renew(struct transport *t, const char *credential, const char *next)
{
	for (size_t i = 0; i < t->origin_count; i++) {
		char *token = t->origins[i].token;
		if (strcmp(token, credential) != 0)
			continue;
		explicit_bzero(token, strlen(token));
		free(token);
		t->origins[i].token = mem_copy(next);
	}
}

void **transport_shelf(struct transport *t, void (*release)(void *shared))
{
	t->release = release;
	return &t->shelf;
}

static void keep_apart(struct transfer *x)
{
	must(curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, 1L));
	must(curl_easy_setopt(x->easy, CURLOPT_FORBID_REUSE, 1L));
}

static void set_method(
	struct transport *t, struct transfer *x, const struct transport_request *r)
{
	bool is_get = strcmp(r->method, "GET") == 0;
	assert(!is_get || r->body == NULL);
	assert(!r->spare || is_get || r->key != NULL);
	if (!is_get) {
		x->request_body = mem_copy(r->body != NULL ? r->body : "");
		must(curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, x->request_body));
		must(curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, r->method));
	}
	const char *credential = r->token != NULL ? r->token : r->credential;
	bool keeps = is_get || r->spare || r->reads;
	if (!keeps || !may_keep(t, x->subject, credential != NULL ? credential : ""))
		keep_apart(x);
	else if (r->spare)
		must(curl_easy_setopt(x->easy, CURLOPT_SHARE, t->spare));
}

static void set_options(struct transfer *x, const struct transport_request *r)
{
	for (size_t i = 0; i < sizeof(fixed_options) / sizeof(fixed_options[0]); i++)
		must(curl_easy_setopt(x->easy, fixed_options[i].option, fixed_options[i].value));
	must(curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "http,https"));
	must(curl_easy_setopt(x->easy, CURLOPT_PROXY, ""));
	if (x->transport->ca_file != NULL) {
		must(curl_easy_setopt(x->easy, CURLOPT_CAINFO, x->transport->ca_file));
		must(curl_easy_setopt(x->easy, CURLOPT_CAPATH, NULL));
	}
	must(curl_easy_setopt(x->easy, CURLOPT_USERAGENT, "weir"));
	must(curl_easy_setopt(x->easy, CURLOPT_URL, r->url));
	set_socket(x, r->unix_path);
	must(curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms));
	must(curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, take_body));
	must(curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x));
	must(curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, take_header));
	must(curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, x));
	must(curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->reason));
	must(curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x));
}

/* Whom an error is about: the address without its path. */
static void set_subject(struct transfer *x, const struct transport_request *r)
{
	if (r->unix_path != NULL) {
		snprintf(x->subject, sizeof(x->subject), "unix:%s", r->unix_path);
		return;
	}
	const char *host = strstr(r->url, "://") + 3;
	size_t len = (size_t)(host - r->url) + strcspn(host, "/");
	snprintf(x->subject, sizeof(x->subject), "%.*s", (int)len, r->url);
}

static void begin(struct transport *t, struct transfer *x)
{
	x->begin_ms = UNKNOWN;
	must_multi(curl_multi_add_handle(t->multi, x->easy));
}

uint64_t transport_send(
	struct transport *t, const struct transport_request *r, struct instant now)
{
	assert(strncmp(r->url, "http://", 7) == 0 || strncmp(r->url, "https://", 8) == 0);
	assert(r->timeout_ms > 0 && r->timeout_ms <= LONG_MAX);
	struct transfer *x = mem_new(1, sizeof(*x));
	x->id = ++t->last_id;
	x->transport = t;
	x->timeout_ms = r->timeout_ms;
	x->piece = r->piece;
	x->done = r->done;
	x->ctx = r->ctx;
	x->easy = curl_easy_init();
	if (x->easy == NULL)
		mem_fail();
	set_subject(x, r);
	set_options(x, r);
	set_method(t, x, r);
	set_headers(x, r);
	t->clock_ms = now.boot_ms;
	if (r->after_ms > 0) {
		x->begin_ms = now.boot_ms + r->after_ms;
		t->waiting++;
	} else {
		begin(t, x);
	}
	x->next = t->first;
	if (x->next != NULL)
		x->next->prev = x;
	t->first = x;
	return x->id;
}

static struct transfer *find(const struct transport *t, uint64_t id)
{
	struct transfer *x = t->first;
	while (x != NULL && x->id != id)
		x = x->next;
	return x;
}

void transport_hasten(struct transport *t, uint64_t id)
{
	struct transfer *x = find(t, id);
	if (x != NULL && x->begin_ms > t->clock_ms)
		x->begin_ms = t->clock_ms;
}

void transport_cancel(struct transport *t, uint64_t id)
{
	struct transfer *x = find(t, id);
	if (x == NULL)
		return;
	detach(t, x);
	transfer_free(x);
}

/* ---- the end of a transfer ---- */

static int64_t info_number(const struct transfer *x, CURLINFO info)
{
	curl_off_t value = 0;
	must(curl_easy_getinfo(x->easy, info, &value));
	return value;
}

static long info_long(const struct transfer *x, CURLINFO info)
{
	long value = 0;
	must(curl_easy_getinfo(x->easy, info, &value));
	return value;
}

static void clean_info(const struct transfer *x, CURLINFO info, char *out, size_t size)
{
	const char *value = NULL;
	must(curl_easy_getinfo(x->easy, info, &value));
	if (value == NULL)
		value = "";
	text_clean(out, size, value, strlen(value));
}

/* RFC 9110 10.2.3: seconds, or a date. Anything else counts as not said. */
static int64_t retry_after_ms(const struct transfer *x, struct instant now)
{
	struct curl_header *h;
	if (curl_easy_header(x->easy, "Retry-After", 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return UNKNOWN;
	size_t digits = strspn(h->value, "0123456789");
	int64_t ms;
	if (digits > 0 && h->value[digits] == '\0') {
		int64_t seconds = 0;
		if (!unit_parse_int(h->value, 0, RETRY_MAX_MS / 1000, &seconds))
			return RETRY_MAX_MS;
		ms = seconds * 1000;
	} else {
		/* a date has a name in it; libcurl would also read a bare "-5" as one */
		time_t at = strpbrk(h->value, ":") != NULL ? curl_getdate(h->value, NULL) : -1;
		if (at == -1)
			return UNKNOWN;
		ms = at > INT64_MAX / 1000 ? RETRY_MAX_MS : (int64_t)at * 1000 - now.wall_ms;
	}
	return ms < RETRY_MIN_MS ? RETRY_MIN_MS : ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms;
}

static void finish(struct transport *t, struct transfer *x, CURLcode code, struct instant now)
{
	char content_type[128], location[512];
	clean_info(x, CURLINFO_CONTENT_TYPE, content_type, sizeof(content_type));
	clean_info(x, CURLINFO_REDIRECT_URL, location, sizeof(location));
	struct transport_reply reply = {
		.status = (int)info_long(x, CURLINFO_RESPONSE_CODE),
		.sent = true,
		.content_type = content_type,
		.location = location,
		.retry_after_ms = retry_after_ms(x, now),
		.latency_ms = info_number(x, CURLINFO_TOTAL_TIME_T) / 1000,
	};
	if (code != CURLE_OK)
		transport_trouble_tell(&(struct trouble){.easy = x->easy,
								   .curl = (int)code,
								   .subject = x->subject,
								   .reason = x->reason,
								   .ca_file = t->ca_file,
								   .too_much = x->too_much,
								   .timeout_ms = x->timeout_ms},
			&reply);
	else if (reply.status >= 300 && reply.status < 400)
		err_set(&reply.err, ERR_REDIRECT,
			"\"%s\" redirects to \"%s\" (%d), which is never followed", x->subject, location,
			reply.status);
	reply.body = text_str(&x->body);
	reply.len = x->body.len;
	detach(t, x);
	x->done(x->ctx, &reply, now);
	transfer_free(x);
}

/* Milliseconds until the next transfer begins that waits for its time; INT64_MAX: none does. */
static int64_t begin_due(const struct transport *t)
{
	int64_t least = INT64_MAX;
	for (const struct transfer *x = t->waiting > 0 ? t->first : NULL; x != NULL; x = x->next)
		if (x->begin_ms != UNKNOWN && x->begin_ms - t->clock_ms < least)
			least = x->begin_ms - t->clock_ms;
	return least < 0 ? 0 : least;
}

static void begin_what_is_due(struct transport *t)
{
	for (struct transfer *x = t->waiting > 0 ? t->first : NULL; x != NULL; x = x->next)
		if (x->begin_ms != UNKNOWN && x->begin_ms <= t->clock_ms) {
			t->waiting--;
			begin(t, x);
		}
}

void transport_turn(struct transport *t, struct instant now)
{
	int running, left, count = 0;
	t->clock_ms = now.boot_ms;
	begin_what_is_due(t);
	must_multi(curl_multi_perform(t->multi, &running));
	t->more = false;
	for (CURLMsg *m; !t->more && (m = curl_multi_info_read(t->multi, &left)) != NULL;) {
		assert(m->msg == CURLMSG_DONE);
		struct transfer *x = NULL;
		must(curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x));
		finish(t, x, m->data.result, now);
		t->more = ++count >= TURN_REPLIES && left > 0;
	}
}

void transport_wait(
	struct transport *t, struct wait_fd *extra, size_t count, int64_t timeout_ms)
{
	assert(count <= WAIT_FDS_MAX);
	struct curl_waitfd waited[WAIT_FDS_MAX];
	struct pollfd asked[WAIT_FDS_MAX];
	for (size_t i = 0; i < count; i++) {
		bool out = extra[i].want_write;
		waited[i] = (struct curl_waitfd){
			.fd = extra[i].fd,
			.events = out ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN,
		};
		asked[i] = (struct pollfd){.fd = extra[i].fd, .events = out ? POLLOUT : POLLIN};
	}
	int64_t due_ms = begin_due(t);
	if (due_ms < timeout_ms || t->more)
		timeout_ms = t->more ? 0 : due_ms;
	int ms = timeout_ms < 0 ? 0 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
	int news = 0;
	must_multi(curl_multi_poll(t->multi, waited, (unsigned)count, ms, &news));
	/* asked again, since curl_multi_poll does not tell of a hang-up, though it counts it */
	if (news == 0 || count == 0 || poll(asked, (nfds_t)count, 0) <= 0)
		memset(asked, 0, sizeof(asked));
	for (size_t i = 0; i < count; i++)
		extra[i].ready = asked[i].revents != 0;
}
