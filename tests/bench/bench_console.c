/* The console as a program: what it takes while nothing happens, beside htop on a terminal of the
 * same size, and how soon a key is answered while 1,000 pools speak every second. */
#include "tests/bench/bench.h"

#include "client/wire.h"
#include "model/mem.h"
#include "tests/lib/usage.h"
#include "tests/lib/world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDTH 200
#define HEIGHT 50
#define SETTLE_MS 3000
#define IDLE_MS 10000
#define WAIT_MS 20000

static bool never(const struct simulator *screen, const void *arg)
{
	(void)screen, (void)arg;
	return false;
}

/* ---- idle ---- */

/* False where the program has ended. */
static bool watch(struct pty *p, const char *name)
{
	struct usage before, after;
	pty_wait(p, never, NULL, SETTLE_MS);
	uint64_t bytes = p->screen.bytes;
	if (!usage_of(p->pid, &before) || p->closed)
		return false;
	pty_wait(p, never, NULL, IDLE_MS);
	if (!usage_of(p->pid, &after))
		return false;
	const struct usage u = usage_between(&before, &after);
	const double s = IDLE_MS / 1000.0;
	bench_note("%-34s %.2f ms of processor, woken %.0f times, %.0f writes and %.0f reads, "
			   "%.0f bytes to the terminal, %.1f MB resident",
		name, (double)u.cpu_ns / 1e6 / s, (double)u.waits / s, (double)u.writes / s,
		(double)u.reads / s, (double)(p->screen.bytes - bytes) / s,
		(double)u.resident_bytes / (1 << 20));
	return true;
}

static void watch_htop(struct world *w)
{
	struct pty p;
	struct world_env env = world_env(w, NULL);
	if (!pty_start(&p, WIDTH, HEIGHT, ARGS("htop", "-d", "10"), env.list))
		bench_die("no terminal");
	if (!watch(&p, "htop, a frame a second"))
		bench_note("%-34s is not installed: skipped", "htop");
	pty_release(&p);
}

static void bench_idle(void)
{
	struct world w;
	struct pty p;
	world_open(&w);
	world_pool(&w, false, ARGS(NULL));
	world_config(&w, w.target, "    plan: {steps: [10%, 20%], bake: 1h}\n");
	printf(
		"  a second of an idle console of %dx%d, one pool asked every second\n", WIDTH, HEIGHT);
	world_console(&w, &p, WIDTH, HEIGHT, NULL, ARGS("checkout", "--config", w.config));
	if (!pty_wait_text(&p, "LIVE", WAIT_MS) || !watch(&p, "weir"))
		bench_die("the console has ended");
	pty_release(&p);
	watch_htop(&w);
	world_close(&w);
}

/* ---- 1,000 pools in a process of their own ---- */

#define POOLS 1000
#define CALLERS_MAX 4096
#define REQUEST_MAX 1024
#define KEYS 60

struct crowd {
	int epoll;
	int pool_of[CALLERS_MAX]; /* by descriptor; -1 - pool: it listens */
	int64_t seq[POOLS];
	struct snapshot *document;
	struct text body, head;
};

static void describe(struct snapshot *p)
{
	*p = (struct snapshot){.node = "node-a",
		.boot_id = "0123456789abcdef0123456789abcdef",
		.build = "2.4.1",
		.now_ms = 1795000000000,
		.epoch = 1795000000000,
		.rev = 12,
		.strategy = STRATEGY_CANARY,
		.share_bp = 5000,
		.unit_ms = 30000,
		.settle_ms = 30000,
		.change = {.known = true, .actor = "kim@ops1"}};
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		p->arms[arm].has_latency = p->arms[arm].has_session_latency = true;
		p->arms[arm].workers = (struct worker_counts){.total = 8, .ready = 8, .created = 8};
	}
}

static void serve_second(struct arm_counts *c, int64_t second)
{
	for (int64_t i = 0; i < 50; i++)
		histogram_add(&c->latency, 1500 + i * i * 4 + (second * 37 + i * 101) % 900, 10);
	c->requests = c->ok = histogram_total(&c->latency);
}

/* The pool's document, a second after its last. */
static void render(struct crowd *c, int pool)
{
	struct snapshot *s = c->document;
	s->seq = ++c->seq[pool];
	s->uptime_ms = s->seq * 1000;
	snprintf(s->pool, sizeof s->pool, "pool-%d", pool);
	snprintf(s->pool_id, sizeof s->pool_id, "pool-%d", pool);
	snprintf(s->node_id, sizeof s->node_id, "pool-%d-a", pool);
	text_clear(&c->body);
	wire_write_state(&c->body, s);
}

/* Requests are short, and one at a time on each connection: they come whole. */
static void answer(struct crowd *c, int fd)
{
	char request[REQUEST_MAX];
	ssize_t n = recv(fd, request, sizeof request - 1, 0);
	if (n <= 0) {
		close(fd);
		return;
	}
	request[n] = '\0';
	text_clear(&c->body);
	if (strncmp(request, "GET /v1/state", 13) == 0)
		render(c, c->pool_of[fd]);
	else if (strncmp(request, "GET /v1/audit", 13) == 0)
		text_add(&c->body, "{\"entries\":[]}");
	else
		text_add(&c->body, "{}");
	text_clear(&c->head);
	text_addf(&c->head,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		c->body.len, text_str(&c->body));
	if (send(fd, c->head.data, c->head.len, MSG_NOSIGNAL) != (ssize_t)c->head.len)
		close(fd);
}

static void add(struct crowd *c, int fd, int pool)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
	if (fd < 0 || fd >= CALLERS_MAX || epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		bench_die("no descriptors for %d pools", POOLS);
	c->pool_of[fd] = pool;
}

static void pool_path(char *out, size_t size, const struct world *w, int pool)
{
	snprintf(out, size, "%s/%d", w->dir, pool);
}

static void listen_at(struct crowd *c, const struct world *w, int pool)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pool_path(a.sun_path, sizeof a.sun_path, w, pool);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 16) < 0)
		bench_die("no socket \"%s\"", a.sun_path);
	add(c, fd, -1 - pool);
}

/* In the child; a byte on `ready` says that all of them listen. */
_Noreturn static void be_pools(const struct world *w, int ready)
{
	struct crowd *c = mem_new(1, sizeof *c);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	c->epoll = epoll_create1(0);
	c->document = mem_new(1, sizeof *c->document);
	describe(c->document);
	for (int i = 0; i < POOLS; i++)
		listen_at(c, w, i);
	if (write(ready, "", 1) != 1)
		bench_die("nobody waits for the pools");
	int64_t begun = bench_ns(), second = 0;
	for (;;) {
		struct epoll_event events[64];
		int n = epoll_wait(c->epoll, events, 64, -1);
		for (; second < (bench_ns() - begun) / 1000000000; second++)
			for (int arm = 0; arm < ARM_COUNT; arm++)
				serve_second(&c->document->arms[arm], second);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd, pool = c->pool_of[fd];
			if (pool < 0)
				add(c, accept(fd, NULL, NULL), -1 - pool);
			else
				answer(c, fd);
		}
	}
}

static pid_t start_pools(const struct world *w)
{
	int pipe_fds[2];
	char byte;
	if (pipe(pipe_fds) < 0)
		bench_die("no pipe");
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		be_pools(w, pipe_fds[1]);
	close(pipe_fds[1]);
	if (pid < 0 || read(pipe_fds[0], &byte, 1) != 1)
		bench_die("the pools cannot be started");
	close(pipe_fds[0]);
	return pid;
}

static void configure(const struct world *w)
{
	struct text t = {0};
	char path[WORLD_PATH];
	text_addf(&t, "history: %s\npools:\n", w->history);
	for (int i = 0; i < POOLS; i++) {
		pool_path(path, sizeof path, w, i);
		text_addf(&t, "  pool-%d: {target: \"unix:%s\", interval: 1s}\n", i, path);
	}
	world_write(w->config, text_str(&t));
	text_free(&t);
}

/* Milliseconds until what a key brings, or takes away, is on the terminal. */
static double press(struct pty *p, bool brings)
{
	int64_t start = bench_ns();
	pty_send(p, "?");
	if (brings ? !pty_wait_text(p, "HELP", WAIT_MS) : !pty_wait_no_text(p, "HELP", WAIT_MS))
		bench_die("a key was not answered within %d s", WAIT_MS / 1000);
	return (double)(bench_ns() - start) / 1e6;
}

static void bench_crowd(void)
{
	struct world w;
	struct pty p;
	struct usage before, after;
	double took[KEYS];
	world_open(&w);
	pid_t pools = start_pools(&w);
	configure(&w);
	printf("  %d pools asked every second, %dx%d\n", POOLS, WIDTH, HEIGHT);
	world_console(&w, &p, WIDTH, HEIGHT, NULL, ARGS("--config", w.config));
	if (!pty_wait_text(&p, "FLEET 1000", WAIT_MS))
		bench_die("the console shows no fleet");
	pty_wait(&p, never, NULL, 2 * SETTLE_MS);
	usage_of(p.pid, &before);
	int64_t begun = bench_ns();
	for (int i = 0; i < KEYS; i++) {
		pty_wait(&p, never, NULL, 20 + i * 37 % 90); /* anywhere between two polls */
		took[i] = press(&p, i % 2 == 0);
	}
	usage_of(p.pid, &after);
	const struct usage u = usage_between(&before, &after);
	const double s = (double)(bench_ns() - begun) / 1e9;
	double p50 = bench_quantile(took, KEYS, 0.5), p99 = bench_quantile(took, KEYS, 0.99);
	bench_note("%-34s p50 %.1f ms, p99 %.1f ms, longest %.1f ms of %d", "key to frame", p50, p99,
		took[KEYS - 1], KEYS);
	bench_note("%-34s %.0f ms of processor a second, %.0f MB resident for %d pools",
		"weir meanwhile", (double)u.cpu_ns / 1e6 / s, (double)u.resident_bytes / (1 << 20), POOLS);
	pty_release(&p);
	kill(pools, SIGKILL);
	waitpid(pools, NULL, 0);
	world_close(&w);
}

int main(int argc, char **argv)
{
	bench_begin("console");
	if (argc < 2 || strcmp(argv[1], "idle") == 0)
		bench_idle();
	if (argc < 2 || strcmp(argv[1], "crowd") == 0)
		bench_crowd();
	return 0;
}
