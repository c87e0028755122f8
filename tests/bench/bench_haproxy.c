/* A real HAProxy: a change until the first request under it, beside a bare `set map`, without and
 * with the intent on the disk before; and the CPU of one poll, beside the same questions asked by a bare socket and beside HATop where it is
 * installed. */
#include "client/drivers.h"
#include "history/history.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/bench/bench.h"
#include "tests/lib/haproxy.h"
#include "tests/lib/pty.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHANGES 20 /* a round; even, so that it ends where it began */
#define POLLS 10
#define HATOP "/usr/bin/hatop"
#define HATOP_MS 2000 /* a round; it polls every second */
#define WAIT_MS 10000

struct stage {
	struct balancer b;
	struct driver *driver;
	struct instant now;
	int snapshots, answers, changes;
	struct snapshot last;
	struct answer answer;
	char dir[64];
	struct pty hatop;
	struct history *history;
	struct history_answer *page;
	sem_t go, served; /* to, and of, who asks the front */
	int wanted;       /* the side that is to serve him */
	bool ends;
	int64_t served_ns, answered_ns;
	int answered;
};

/* ---- the driver ---- */

static void hear(void *ctx, const struct driver_event *e)
{
	struct stage *s = ctx;
	if (e->kind == DRIVER_TROUBLE)
		bench_die("%s", e->err->text);
	if (e->snapshot) {
		s->snapshots++;
		s->last = *e->snapshot;
	}
	if (e->kind == DRIVER_ANSWER) {
		s->answers++;
		s->answer = *e->answer;
	}
}

static void turn_until(struct stage *s, const int *count, int wanted)
{
	for (int64_t end = bench_ns() + WAIT_MS * INT64_C(1000000); *count < wanted;) {
		struct pollfd fd = {.fd = driver_haproxy.fd(s->driver), .events = POLLIN};
		if (bench_ns() > end)
			bench_die("HAProxy does not answer");
		s->now.boot_ms = bench_ns() / 1000000;
		driver_haproxy.turn(s->driver, s->now);
		if (*count < wanted)
			poll(&fd, 1, 10);
	}
}

static void poll_once(struct stage *s)
{
	s->now.boot_ms = bench_ns() / 1000000;
	driver_haproxy.poll(s->driver, s->now);
	turn_until(s, &s->snapshots, s->snapshots + 1);
}

static void open_driver(struct stage *s)
{
	char target[512];
	struct err err = {0};
	snprintf(target, sizeof target, "haproxy:%s?map=%s&key=orders&v1=v1&v2=v2", s->b.admin,
		s->b.map);
	s->now = (struct instant){.boot_ms = bench_ns() / 1000000, .wall_ms = 1795000000000};
	const struct driver_open how = {
		.node = 1, .target = target, .sink = {hear, s}, .now = s->now};
	if (driver_haproxy.open(&s->driver, &how, &err) != 0)
		bench_die("%s", err.text);
	poll_once(s);
}

/* ---- a change ---- */

/* Who asks the front until the side that is wanted serves him: then the change is there, whether
 * it was read back already or not. */
static void *watch_front(void *arg)
{
	struct stage *s = arg;
	for (struct balancer_seen seen;;) {
		sem_wait(&s->go);
		if (s->ends)
			return NULL;
		do {
			if (!balancer_traffic(s->b.front, 0, 1, &seen))
				bench_die("a request was not answered");
		} while (seen.served[s->wanted] != 1);
		s->served_ns = bench_ns();
		sem_post(&s->served);
	}
}

/* One round of `change`, which ends when it has its answer. */
static double run_changes(struct stage *s, void (*change)(struct stage *s, int permille))
{
	int64_t all_ns = 0;
	for (int i = 0; i < CHANGES; i++) {
		s->wanted = i % 2 == 0;
		sem_post(&s->go);
		int64_t start = bench_ns();
		change(s, s->wanted ? 1000 : 0);
		s->answered_ns += bench_ns() - start;
		sem_wait(&s->served);
		all_ns += s->served_ns - start;
	}
	s->answered += CHANGES;
	return (double)all_ns / CHANGES;
}

static void set_bare(struct stage *s, int permille)
{
	char line[BALANCER_PATH + 64];
	snprintf(line, sizeof line, "set map %s orders %d", s->b.map, permille);
	free(balancer_ask(&s->b, line));
}

static void set_by_weir(struct stage *s, int permille)
{
	int to_bp = permille * 10;
	struct command c = {.verb = VERB_STEP,
		.from_bp = SHARE_FULL - to_bp,
		.to_bp = to_bp,
		.strategy = STRATEGY_COUNT,
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.baseline_bp = -1,
		.actor = "bench@host"};
	snprintf(c.id, sizeof c.id, "bench-%d", s->changes++);
	s->now.boot_ms = bench_ns() / 1000000;
	driver_haproxy.apply(s->driver, &c, s->now);
	turn_until(s, &s->answers, s->answers + 1);
	if (s->answer.kind != ANSWER_APPLIED)
		bench_die("%s", s->answer.err.text);
}

static void wait_for(struct stage *s, enum history_answer_kind kind)
{
	for (;;) {
		struct pollfd wait = {.fd = history_fd(s->history), .events = POLLIN};
		while (!history_next(s->history, s->page))
			if (poll(&wait, 1, WAIT_MS) <= 0)
				bench_die("the history does not answer");
		enum history_answer_kind got = s->page->kind;
		if (got == HISTORY_FAILED || got == HISTORY_REFUSED)
			bench_die("the history: %s", s->page->err.text);
		history_answer_release(s->page);
		if (got == kind)
			return;
	}
}

static void set_durably(struct stage *s, int permille)
{
	struct decision what = {.at_ms = s->now.wall_ms,
		.pool = "orders",
		.pool_id = "bench",
		.actor = "bench@host",
		.role = "operator",
		.verb = VERB_STEP,
		.from_bp = SHARE_FULL - permille * 10,
		.to_bp = permille * 10,
		.evidence = "{}",
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.latency_ms = UNKNOWN};
	snprintf(what.id, sizeof what.id, "intent-%d", s->changes);
	history_intent(s->history, &what);
	wait_for(s, HISTORY_COMMITTED);
	set_by_weir(s, permille);
}

static double run_bare(void *arg)
{
	return run_changes(arg, set_bare);
}

static double run_weir(void *arg)
{
	struct stage *s = arg;
	s->answered = 0;
	s->answered_ns = 0;
	return run_changes(s, set_by_weir);
}

static double run_durable(void *arg)
{
	return run_changes(arg, set_durably);
}

static void open_history(struct stage *s)
{
	char path[128], keys[128];
	struct err err = {0};
	snprintf(path, sizeof path, "%s/history.db", s->dir);
	snprintf(keys, sizeof keys, "%s", s->dir);
	const struct history_options how = {
		.path = path, .actor = "bench@host", .key_dir = keys, .must_be_new = true};
	s->page = mem_new(1, sizeof *s->page);
	if (history_start(&s->history, &how, &err) != 0)
		bench_die("no history: %s", err.text);
	wait_for(s, HISTORY_OPENED);
}

static void race_change(struct stage *s)
{
	const struct bench_side sides[] = {
		{"a bare 'set map', compared with nothing", run_bare, s},
		{"weir: compared and noted first", run_weir, s},
		{"weir, and its intent on the disk before", run_durable, s},
	};
	pthread_t watcher;
	sem_init(&s->go, 0, 0);
	sem_init(&s->served, 0, 0);
	open_history(s);
	if (pthread_create(&watcher, NULL, watch_front, s) != 0)
		bench_die("no thread");
	bench_race("from the act to the first request under the new share", sides, 3);
	run_weir(s);
	bench_note(
		"read back and answered after %.0f us", (double)s->answered_ns / s->answered / 1000);
	s->ends = true;
	sem_post(&s->go);
	pthread_join(watcher, NULL);
	if (history_stop(s->history, 30000) > 0)
		bench_die("the history lost what it was given");
	free(s->page);
}

/* ---- a poll ---- */

static double own_cpu_ns(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return 1e9 * (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		1e3 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double run_raw_poll(void *arg)
{
	struct stage *s = arg;
	char map[BALANCER_PATH + 64];
	snprintf(map, sizeof map, "show map %s", s->b.map);
	const char *const lines[] = {"show info", "show stat v1 6 -1", "show stat v2 6 -1", map};
	double start = own_cpu_ns();
	for (int i = 0; i < POLLS; i++)
		for (size_t k = 0; k < sizeof lines / sizeof *lines; k++)
			free(balancer_ask(&s->b, lines[k]));
	return (own_cpu_ns() - start) / POLLS;
}

static double run_weir_poll(void *arg)
{
	struct stage *s = arg;
	double start = own_cpu_ns();
	for (int i = 0; i < POLLS; i++)
		poll_once(s);
	return (own_cpu_ns() - start) / POLLS;
}

/* What a process has used, by the kernel's clock ticks. */
static double cpu_of(pid_t pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = 0;
	const char *at = strrchr(text, ')');
	unsigned long user, system;
	if (!at ||
		sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			&system) != 2)
		bench_die("HATop has ended");
	return 1e9 * (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static bool never(const struct simulator *screen, const void *arg)
{
	(void)screen, (void)arg;
	return false;
}

static double run_hatop(void *arg)
{
	struct stage *s = arg;
	double start = cpu_of(s->hatop.pid);
	int64_t since = bench_ns();
	pty_wait(&s->hatop, never, NULL, HATOP_MS);
	return (cpu_of(s->hatop.pid) - start) * 1e9 / (double)(bench_ns() - since);
}

static void race_poll(struct stage *s, int servers)
{
	struct bench_side sides[3] = {
		{"the same questions, answers unread", run_raw_poll, s},
		{"weir", run_weir_poll, s},
		{"HATop, a second of polling at 1 Hz", run_hatop, s},
	};
	char what[80];
	snprintf(what, sizeof what, "CPU of one poll, %d servers", servers);
	bool has_hatop = access(HATOP, X_OK) == 0 &&
		pty_start(&s->hatop, 120, 40,
			(const char *const[]){HATOP, "-i", "1", "-s", s->b.admin, NULL},
			(const char *const[]){"TERM=xterm", NULL});
	has_hatop = has_hatop && pty_wait_text(&s->hatop, "HAProxy", WAIT_MS);
	bench_race(what, sides, has_hatop ? 3 : 2);
	if (!has_hatop)
		bench_note("skipped: HATop, since %s does not run here", HATOP);
	if (s->hatop.screen.cells)
		pty_release(&s->hatop);
}

/* ---- the stage ---- */

/* Runs it anew with so many servers in all, those beyond the first ones in v2. */
static void grow(struct stage *s, int servers)
{
	char config[BALANCER_CONFIG_MAX];
	balancer_config(&s->b, config);
	const char *rest = strstr(config, "frontend weighed\n");
	balancer_kill(&s->b);
	FILE *f = fopen(s->b.config, "w");
	if (!f || !rest)
		bench_die("no configuration can be written");
	fprintf(f, "%.*s", (int)(rest - config), config);
	for (int i = 4; i < servers; i++)
		fprintf(f, "  server x%d unix@%s/v2b.sock\n", i, s->dir);
	fputs(rest, f);
	fclose(f);
	balancer_run(&s->b);
}

/* What is in it, also the lock that changes took. */
static void remove_all(const struct stage *s)
{
	DIR *dir = opendir(s->dir);
	for (const struct dirent *e; dir && (e = readdir(dir));)
		unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(s->dir);
}

int main(void)
{
	static const int sizes[] = {4, 100, 1000};
	static struct stage s;
	const char *tmp = getenv("TMPDIR");
	bench_begin("haproxy: a change, a poll");
	if (!balancer_is_there())
		return 0;
	snprintf(s.dir, sizeof s.dir, "%.40s/weir-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(s.dir) || setenv("WEIR_LOCK_DIR", s.dir, 1) != 0)
		bench_die("no directory");
	balancer_start(&s.b, s.dir, 0);
	open_driver(&s);
	race_change(&s);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		if (i > 0)
			grow(&s, sizes[i]);
		poll_once(&s);
		race_poll(&s, sizes[i]);
	}
	driver_haproxy.close(s.driver);
	balancer_stop(&s.b);
	remove_all(&s);
	return 0;
}
