/* HAProxy for tests: its configuration, its process, the servers behind it, a client before it.
 * Waiting is for facts, with a deadline. */
#define _GNU_SOURCE
#include "tests/lib/haproxy.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PROGRAM "/usr/sbin/haproxy"
#define READY_MS 10000
#define SERVERS 4 /* two of v1, two of v2 */
#define CLIENTS 64

static _Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

bool balancer_is_there(void)
{
	const char *peers = getenv("PEERS");
	bool unwanted = peers && strcmp(peers, "no") == 0;
	bool there = access(PROGRAM, X_OK) == 0;
	if (unwanted || !there)
		printf("%s\n",
			unwanted ? "PEERS=no, so no HAProxy is started" : PROGRAM " is not installed");
	return there && !unwanted;
}

/* ---- sockets ---- */

static void address_of(struct sockaddr_un *out, const char *path)
{
	memset(out, 0, sizeof *out);
	out->sun_family = AF_UNIX;
	if (snprintf(out->sun_path, sizeof out->sun_path, "%s", path) >= (int)sizeof out->sun_path)
		die("haproxy: '%s' is too long for a socket", path);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address_of(&address, path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* ---- the servers ---- */

struct upstreams {
	pthread_t thread;
	int stop_fd;
	atomic_int nth[2]; /* every nth request of an arm's server fails; 0: none */
	int listener[SERVERS];
	struct pollfd fds[1 + SERVERS + CLIENTS];
	int server[CLIENTS], matched[CLIENTS];
	int served[SERVERS];
};

static const char *const server_names[SERVERS] = {"v1a", "v1b", "v2a", "v2b"};

static void answer(struct upstreams *u, int client)
{
	static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Arm: %d\r\n\r\nok";
	static const char bad[] = "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\nX-Arm: %d\r\n\r\nno";
	int server = u->server[client], arm = server / 2, nth = atomic_load(&u->nth[arm]);
	char text[128];
	bool fails = nth > 0 && ++u->served[server] % nth == 0;
	int n =
		fails ? snprintf(text, sizeof text, bad, arm) : snprintf(text, sizeof text, good, arm);
	send_all(u->fds[1 + SERVERS + client].fd, text, (size_t)n);
}

/* Counts the ends of requests; what is in them is nobody's business. */
static void serve(struct upstreams *u, int client)
{
	static const char end[] = "\r\n\r\n";
	struct pollfd *at = &u->fds[1 + SERVERS + client];
	char bytes[4096];
	ssize_t n = recv(at->fd, bytes, sizeof bytes, 0);
	for (ssize_t i = 0; i < n; i++) {
		u->matched[client] = bytes[i] == end[u->matched[client]] ? u->matched[client] + 1
			: bytes[i] == '\r'                                   ? 1
																 : 0;
		if (u->matched[client] < 4)
			continue;
		u->matched[client] = 0;
		answer(u, client);
	}
	if (n > 0)
		return;
	close(at->fd);
	at->fd = -1;
}

static void welcome(struct upstreams *u, int server)
{
	int fd = accept4(u->listener[server], NULL, NULL, SOCK_CLOEXEC);
	for (int i = 0; i < CLIENTS && fd >= 0; i++) {
		if (u->fds[1 + SERVERS + i].fd >= 0)
			continue;
		u->fds[1 + SERVERS + i] = (struct pollfd){.fd = fd, .events = POLLIN};
		u->server[i] = server;
		u->matched[i] = 0;
		return;
	}
	if (fd >= 0)
		close(fd);
}

static void *run_upstreams(void *ctx)
{
	struct upstreams *u = ctx;
	while (poll(u->fds, 1 + SERVERS + CLIENTS, -1) >= 0 || errno == EINTR) {
		if (u->fds[0].revents)
			break;
		for (int i = 0; i < SERVERS; i++)
			if (u->fds[1 + i].revents)
				welcome(u, i);
		for (int i = 0; i < CLIENTS; i++)
			if (u->fds[1 + SERVERS + i].fd >= 0 && u->fds[1 + SERVERS + i].revents)
				serve(u, i);
	}
	return NULL;
}

static struct upstreams *start_upstreams(const char *dir)
{
	struct upstreams *u = calloc(1, sizeof *u);
	if (!u)
		die("haproxy: no memory");
	u->stop_fd = eventfd(0, EFD_CLOEXEC);
	for (int i = 0; i < 1 + SERVERS + CLIENTS; i++)
		u->fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	u->fds[0].fd = u->stop_fd;
	for (int i = 0; i < SERVERS; i++) {
		char path[BALANCER_PATH + 16];
		struct sockaddr_un address;
		snprintf(path, sizeof path, "%s/%s.sock", dir, server_names[i]);
		address_of(&address, path);
		u->listener[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (u->listener[i] < 0 ||
			bind(u->listener[i], (struct sockaddr *)&address, sizeof address) != 0 ||
			listen(u->listener[i], 64) != 0)
			die("haproxy: '%s' cannot be listened on: %s", path, strerror(errno));
		u->fds[1 + i].fd = u->listener[i];
	}
	if (pthread_create(&u->thread, NULL, run_upstreams, u) != 0)
		die("haproxy: no thread");
	return u;
}

static void stop_upstreams(struct upstreams *u)
{
	if (!u)
		return;
	eventfd_write(u->stop_fd, 1);
	pthread_join(u->thread, NULL);
	for (int i = 0; i < 1 + SERVERS + CLIENTS; i++)
		if (u->fds[i].fd >= 0)
			close(u->fds[i].fd);
	free(u);
}

void balancer_fail(struct balancer *b, int arm, int nth)
{
	atomic_store(&b->upstreams->nth[arm], nth);
}

/* ---- the client ---- */

static bool ask_front(int fd, int session, struct balancer_seen *seen)
{
	char bytes[2048];
	size_t len = 0;
	int n = snprintf(bytes, sizeof bytes,
		"GET / HTTP/1.1\r\nHost: shop\r\nX-Session: user-%d\r\n\r\n", session);
	if (!send_all(fd, bytes, (size_t)n))
		return false;
	for (;;) {
		ssize_t got = recv(fd, bytes + len, sizeof bytes - 1 - len, 0);
		if (got <= 0)
			return false;
		len += (size_t)got;
		bytes[len] = 0;
		const char *end = strstr(bytes, "\r\n\r\n");
		const char *length = strcasestr(bytes, "\r\ncontent-length:");
		if (!end || !length ||
			len < (size_t)(end - bytes) + 4 + (size_t)strtol(length + 17, NULL, 10))
			continue;
		const char *arm = strcasestr(bytes, "\r\nx-arm: ");
		if (arm && arm < end)
			seen->served[arm[9] == '1']++;
		seen->failed += strncmp(bytes + 9, "5", 1) == 0;
		return strcasestr(bytes, "connection: close") == NULL;
	}
}

bool balancer_traffic(const char *front, int first, int count, struct balancer_seen *seen)
{
	bool good = true;
	memset(seen, 0, sizeof *seen);
	int fd = connect_to(front);
	for (int i = 0; i < count && fd >= 0; i++) {
		if (ask_front(fd, first + i, seen))
			continue;
		/* HAProxy closes behind an answer that it made up. */
		good &= seen->failed > 0;
		close(fd);
		fd = connect_to(front);
	}
	if (fd >= 0)
		close(fd);
	return good && fd >= 0;
}

/* ---- the runtime socket ---- */

char *balancer_ask(const struct balancer *b, const char *line)
{
	char *text = NULL;
	size_t len = 0;
	int fd = connect_to(b->admin);
	FILE *out = open_memstream(&text, &len);
	if (!out)
		die("haproxy: no memory");
	if (fd >= 0 && send_all(fd, line, strlen(line)) && send_all(fd, "\n", 1)) {
		char bytes[4096];
		for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, 0)) > 0;)
			fwrite(bytes, 1, (size_t)n, out);
	}
	if (fd >= 0)
		close(fd);
	fclose(out);
	return text;
}

long long balancer_info(const struct balancer *b, const char *name)
{
	char mark[64];
	char *text = balancer_ask(b, "show info");
	snprintf(mark, sizeof mark, "\n%s: ", name);
	const char *at = strstr(text, mark);
	long long n = at ? strtoll(at + strlen(mark), NULL, 10) : -1;
	free(text);
	return n;
}

int balancer_value(const struct balancer *b, const char *key)
{
	char line[BALANCER_PATH + 128];
	snprintf(line, sizeof line, "get map %s %s", b->map, key);
	char *text = balancer_ask(b, line);
	const char *at = strstr(text, "value=\"");
	int n = at ? (int)strtol(at + 7, NULL, 10) : -1;
	free(text);
	return n;
}

/* ---- its life ---- */

void balancer_config(const struct balancer *b, char out[BALANCER_CONFIG_MAX])
{
	int n = snprintf(out, BALANCER_CONFIG_MAX,
		"global\n"
		"  stats socket %s mode 600 level admin\n"
		"  stats socket %s mode 600 level user\n"
		"  stats timeout 2m\n"
		"  hard-stop-after 500ms\n"
		"  nbthread 1\n"
		"defaults\n"
		"  mode http\n"
		"  timeout client 10s\n"
		"  timeout server 10s\n"
		"  timeout connect 2s\n"
		"ring weir\n"
		"  format raw\n"
		"  maxlen 512\n"
		"  size 1048576\n"
		"frontend shop\n"
		"  bind unix@%s\n"
		"  log ring@weir format raw local0\n"
		"  log-format \"W1 %%Ts.%%ms %%b/%%s %%ST %%TR %%Tw %%Tc %%Tr %%Ta %%tsc %%rc %%sq\"\n"
		"  http-request set-var(txn.share) str(orders),map_str_int(%s,0)\n"
		"  http-request set-var(txn.bucket) req.hdr(X-Session),xxh32,mod(1000)\n"
		"  http-request set-var(txn.diff) var(txn.bucket),sub(txn.share)\n"
		"  use_backend v2 if { var(txn.diff) -m int lt 0 } { nbsrv(v2) gt 0 }\n"
		"  default_backend v1\n"
		"backend v1\n"
		"  server a unix@%s/v1a.sock\n"
		"  server b unix@%s/v1b.sock\n"
		"backend v2\n"
		"  server a unix@%s/v2a.sock\n"
		"  server b unix@%s/v2b.sock\n"
		"frontend weighed\n"
		"  bind unix@%s\n"
		"  default_backend pair\n"
		"backend pair\n"
		"  balance roundrobin\n"
		"  server a unix@%s/v1a.sock weight 100\n"
		"  server b unix@%s/v1b.sock weight 100\n"
		"  server c unix@%s/v2a.sock weight 0\n",
		b->admin, b->user, b->front, b->map, b->dir, b->dir, b->dir, b->dir, b->weighed, b->dir,
		b->dir, b->dir);
	if (n >= BALANCER_CONFIG_MAX)
		die("haproxy: the configuration is too long");
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		die("haproxy: '%s' cannot be written", path);
}

static void wait_for_pid(struct balancer *b, long long other)
{
	for (int64_t end = process_clock_ms() + READY_MS; process_clock_ms() < end;) {
		long long pid = balancer_info(b, "Pid");
		if (pid > 0 && pid != other && balancer_info(b, "Stopping") == 0)
			return;
		if (process_wait(&b->process, 10) >= 0)
			break;
	}
	die("haproxy: it does not answer: %s", b->process.err.text);
}

void balancer_run(struct balancer *b)
{
	const char *argv[] = {PROGRAM, "-W", "-f", b->config, NULL};
	process_release(&b->process);
	if (!process_start(&b->process, argv, NULL))
		die("haproxy: it cannot be started");
	wait_for_pid(b, -1);
}

void balancer_start(struct balancer *b, const char *dir, int permille)
{
	char text[BALANCER_CONFIG_MAX];
	memset(b, 0, sizeof *b);
	snprintf(b->dir, sizeof b->dir, "%s", dir);
	snprintf(b->admin, sizeof b->admin, "%s/h.sock", b->dir);
	snprintf(b->user, sizeof b->user, "%s/u.sock", b->dir);
	snprintf(b->front, sizeof b->front, "%s/f.sock", b->dir);
	snprintf(b->weighed, sizeof b->weighed, "%s/w.sock", b->dir);
	snprintf(b->map, sizeof b->map, "%s/split.map", b->dir);
	snprintf(b->config, sizeof b->config, "%s/haproxy.cfg", b->dir);
	balancer_config(b, text);
	write_file(b->config, text);
	snprintf(text, sizeof text, "orders %d\n", permille);
	write_file(b->map, text);
	b->upstreams = start_upstreams(b->dir);
	balancer_run(b);
}

void balancer_kill(struct balancer *b)
{
	long long worker = balancer_info(b, "Pid");
	process_signal(&b->process, SIGKILL);
	if (worker > 1)
		kill((pid_t)worker, SIGKILL);
	process_wait(&b->process, READY_MS);
	for (int64_t end = process_clock_ms() + READY_MS; balancer_info(b, "Pid") > 0;)
		if (process_clock_ms() > end || poll(NULL, 0, 5) < 0)
			die("haproxy: it cannot be killed");
}

void balancer_reload(struct balancer *b)
{
	long long before = balancer_info(b, "Pid");
	process_signal(&b->process, SIGUSR2);
	wait_for_pid(b, before);
}

void balancer_stop(struct balancer *b)
{
	if (b->process.pid > 0)
		balancer_kill(b);
	process_release(&b->process);
	stop_upstreams(b->upstreams);
	b->upstreams = NULL;
}

bool balancer_checks(const char *config)
{
	struct process p = {0};
	const char *argv[] = {PROGRAM, "-c", "-f", config, NULL};
	int status = process_run(&p, argv, NULL, READY_MS);
	if (status != 0)
		printf("%s%s\n", p.out.text, p.err.text);
	process_release(&p);
	return status == 0;
}
