/* Etcd: its ports, its process, its own command line. */
#include "tests/lib/etcd.h"

#include "tests/lib/http.h"

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

static bool is_ready(const char *address)
{
	static const char ask[] = "{\"key\":\"AA==\"}"; /* needs a leader */
	struct http http = {.fd = -1};
	bool ready = http_open(&http, address) &&
		http_call(&http, "POST", "/v3/kv/range", NULL, ask, 1000) == 200;
	http_close(&http);
	return ready;
}

void etcd_peer_run(struct etcd_peer *e)
{
	char data[200], client[64], peer[64], cluster[96];
	snprintf(data, sizeof data, "%s/etcd", e->dir);
	snprintf(client, sizeof client, "http://%s", e->address);
	snprintf(peer, sizeof peer, "http://127.0.0.1:%d", e->peer_port);
	snprintf(cluster, sizeof cluster, "one=%s", peer);
	const char *argv[] = {PROGRAM, "--name", "one", "--data-dir", data, "--listen-client-urls",
		client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
		"--initial-advertise-peer-urls", peer, "--initial-cluster", cluster,
		"--unsafe-no-fsync", "--heartbeat-interval", "20", "--election-timeout", "200",
		"--log-level", "error", NULL};
	if (!process_start(&e->process, argv, NULL))
		give_up("cannot start", PROGRAM);
	int64_t end_ms = process_clock_ms() + READY_MS;
	while (!is_ready(e->address)) {
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
	char endpoints[64];
	const char *argv[ARGS_MAX + 3] = {CONTROL, endpoints};
	static const char *const env[] = {"ETCDCTL_API=3", NULL};
	snprintf(endpoints, sizeof endpoints, "--endpoints=%s", e->address);
	for (int i = 0; args[i] && i < ARGS_MAX; i++)
		argv[2 + i] = args[i];
	if (process_run(&p, argv, env, CONTROL_MS) != 0)
		give_up("etcdctl", p.err.text);
	char *out = strdup(p.out.text);
	process_release(&p);
	return out;
}
