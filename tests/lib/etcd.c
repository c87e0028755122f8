/* Etcd: its ports, its process, its own command line. */
#include "tests/lib/etcd.h"

#include "tests/lib/http.h"
#include "tests/lib/tls.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM "/usr/bin/etcd"
#define CONTROL "/usr/bin/etcdctl"
#define READY_MS 20000
#define CONTROL_MS 10000
#define ARGS_MAX 12

static _Noreturn void give_up(const char *what, const char *why)
{
	fprintf(stderr, "etcd: %s: %s\n", what, why);
	exit(1);
}

bool etcd_peer_is_here(void)
{
	const char *peers = getenv("PEERS");
	bool unwanted = peers && strcmp(peers, "no") == 0;
	bool here = access(PROGRAM, X_OK) == 0 && access(CONTROL, X_OK) == 0;
	if (unwanted || !here)
		printf("skipped: %s\n",
			unwanted ? "PEERS=no, so no etcd is started"
					 : "etcd-server and etcd-client are not installed");
	return !unwanted && here;
}

/* Ones that were free a moment ago. */
static void free_ports(int *first, int *second)
{
	int fds[2], *ports[] = {first, second};
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
		socklen_t size = sizeof at;
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&at, size) != 0 ||
			getsockname(fds[i], (struct sockaddr *)&at, &size) != 0)
			give_up("no free port", "bind");
		*ports[i] = ntohs(at.sin_port);
	}
	close(fds[0]);
	close(fds[1]);
}

/* Needs a leader; who asks for a password has one. */
static bool is_ready(const struct etcd_peer *e)
{
	static const char ask[] = "{\"key\":\"AA==\"}";
	struct http http = {.fd = -1};
	struct tls *tls;
	char said[64] = "", request[200];
	if (!e->cert[0]) {
		bool ready = http_open(&http, e->address) &&
			http_call(&http, "POST", "/v3/kv/range", NULL, ask, 1000) == 200;
		http_close(&http);
		return ready;
	}
	snprintf(request, sizeof request,
		"POST /v3/kv/range HTTP/1.1\r\nHost: etcd\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(ask), ask);
	if ((tls = tls_dial(e->port, NULL, 1000)) == NULL)
		return false;
	bool ready = tls_send(tls, request, strlen(request)) &&
		tls_receive(tls, said, sizeof said - 1, 1000) > 12 &&
		(strncmp(said + 9, "200", 3) == 0 || strncmp(said + 9, "400", 3) == 0);
	tls_close(tls);
	return ready;
}

void etcd_peer_run(struct etcd_peer *e)
{
	char data[200], client[64], peer[64], cluster[96];
	const char *scheme = e->cert[0] ? "https" : "http";
	snprintf(data, sizeof data, "%s/etcd", e->dir);
	snprintf(client, sizeof client, "%s://%s", scheme, e->address);
	snprintf(peer, sizeof peer, "http://127.0.0.1:%d", e->peer_port);
	snprintf(cluster, sizeof cluster, "one=%s", peer);
	const char *argv[] = {PROGRAM, "--name", "one", "--data-dir", data, "--listen-client-urls",
		client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
		"--initial-advertise-peer-urls", peer, "--initial-cluster", cluster,
		"--unsafe-no-fsync", "--heartbeat-interval", "20", "--election-timeout", "200",
		"--bcrypt-cost", "4", "--log-level", "error", e->cert[0] ? "--cert-file" : NULL, e->cert,
		"--key-file", e->key, NULL};
	if (!process_start(&e->process, argv, NULL))
		give_up("cannot start", PROGRAM);
	int64_t end_ms = process_clock_ms() + READY_MS;
	while (!is_ready(e)) {
		/* its output ends with it; until then this waits a little */
		if (process_wait(&e->process, 20) >= 0)
			give_up("it ended", e->process.err.text);
		if (process_clock_ms() > end_ms)
			give_up("not ready in time", e->address);
	}
}

void etcd_peer_start(struct etcd_peer *e, const char *dir)
{
	snprintf(e->dir, sizeof e->dir, "%s", dir);
	free_ports(&e->port, &e->peer_port);
	snprintf(e->address, sizeof e->address, "127.0.0.1:%d", e->port);
	etcd_peer_run(e);
}

void etcd_peer_kill(struct etcd_peer *e)
{
	if (e->process.pid)
		process_signal(&e->process, SIGKILL);
	process_release(&e->process);
}

void etcd_peer_stop(struct etcd_peer *e)
{
	etcd_peer_kill(e);
}

char *etcd_peer_ctl(const struct etcd_peer *e, const char *const *args)
{
	struct process p = {0};
	char endpoints[64], ca[220], user[80];
	const char *argv[ARGS_MAX + 5] = {CONTROL, endpoints};
	static const char *const env[] = {"ETCDCTL_API=3", NULL};
	int n = 2;
	snprintf(endpoints, sizeof endpoints, "--endpoints=%s://%s", e->ca[0] ? "https" : "http",
		e->address);
	snprintf(ca, sizeof ca, "--cacert=%s", e->ca);
	snprintf(user, sizeof user, "--user=%s", e->user);
	if (e->ca[0])
		argv[n++] = ca;
	if (e->user[0])
		argv[n++] = user;
	for (int i = 0; args[i] && i < ARGS_MAX; i++)
		argv[n++] = args[i];
	if (process_run(&p, argv, env, CONTROL_MS) != 0) {
		fprintf(stderr, "etcdctl %s %s: %s\n", args[0], args[1], p.out.text);
		give_up("etcdctl", p.err.text);
	}
	char *out = strdup(p.out.text);
	process_release(&p);
	return out;
}
