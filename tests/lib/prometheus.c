/* Prometheus: its configuration, its port, its process. */
#include "tests/lib/prometheus.h"

#include "tests/lib/http.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM "/usr/bin/prometheus"
#define READY_MS 20000

static _Noreturn void give_up(const char *what, const char *why)
{
	fprintf(stderr, "prometheus: %s: %s\n", what, why);
	exit(1);
}

bool prometheus_is_here(void)
{
	const char *peers = getenv("PEERS");
	bool unwanted = peers && strcmp(peers, "no") == 0;
	bool here = access(PROGRAM, X_OK) == 0;
	if (unwanted || !here)
		printf("skipped: %s\n",
			unwanted ? "PEERS=no, so no Prometheus is started" : PROGRAM " is not installed");
	return !unwanted && here;
}

/* One that was free a moment ago. */
static int free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) != 0 ||
		getsockname(fd, (struct sockaddr *)&at, &size) != 0)
		give_up("no free port", "bind");
	close(fd);
	return ntohs(at.sin_port);
}

static void write_config(const char *path, int pool)
{
	FILE *file = fopen(path, "w");
	if (!file)
		give_up("cannot write", path);
	fprintf(file,
		"global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
		"scrape_configs:\n"
		"  - job_name: weir\n"
		"    static_configs: [{targets: ['127.0.0.1:%d']}]\n",
		pool);
	fclose(file);
}

static bool is_ready(const char *address)
{
	struct http http = {.fd = -1};
	bool ready = http_open(&http, address) &&
		http_call(&http, "GET", "/-/ready", NULL, NULL, 1000) == 200;
	http_close(&http);
	return ready;
}

void prometheus_start(struct prometheus *p, const char *dir, int pool)
{
	char config[300], own[32], listen[64], file[320], storage[320];
	int port = free_port();
	snprintf(config, sizeof config, "%.200s/prometheus.yml", dir);
	write_config(config, pool);
	snprintf(own, sizeof own, "127.0.0.1:%d", port);
	snprintf(p->url, sizeof p->url, "http://%s", own);
	snprintf(listen, sizeof listen, "--web.listen-address=%s", own);
	snprintf(file, sizeof file, "--config.file=%s", config);
	snprintf(storage, sizeof storage, "--storage.tsdb.path=%.200s/tsdb", dir);
	const char *argv[] = {PROGRAM, file, storage, listen, "--log.level=error", NULL};
	if (!process_start(&p->process, argv, NULL))
		give_up("cannot start", PROGRAM);
	int64_t end_ms = process_clock_ms() + READY_MS;
	while (!is_ready(own)) {
		/* its output ends with it; until then this waits a little */
		if (process_wait(&p->process, 50) >= 0)
			give_up("it ended", p->process.err.text);
		if (process_clock_ms() > end_ms)
			give_up("not ready in time", own);
	}
}

void prometheus_stop(struct prometheus *p)
{
	if (p->process.pid)
		process_signal(&p->process, SIGKILL);
	process_release(&p->process);
}
