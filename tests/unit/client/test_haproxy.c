/* The HAProxy driver against a runtime socket that is made up, and may lie: what each answer is
 * told as, what is written and in which order, and that looking writes nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/drivers.h"
#include "client/haproxy_advice.h"
#include "client/haproxy_note.h"
#include "client/hostlock.h"
#include "model/mem.h"
#include "model/text.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NODE 7
#define DEADLINE_MS 10000
#define CLIENTS 16

/* X(mode): how the socket behaves. */
#define MODE_INFO(X) \
	X(GOOD) \
	X(DEAF)       /* says yes to every change and does none */ \
	X(SILENT)     /* reads and says nothing */ \
	X(CLOSED)     /* closes at the first line */ \
	X(CUT_AFTER)  /* does a change and closes */ \
	X(CUT_BEFORE) /* closes instead of the change */ \
	X(DENIED)     /* of level user */ \
	X(OLD)        /* a process that a reload has left behind */ \
	X(GARBAGE)    /* another program */ \
	X(ENDLESS)    /* one answer for ever */ \
	X(DRIP)       /* byte by byte */ \
	X(RIVAL)      /* somebody else sets another share right behind each change */ \
	X(DAMAGED)    /* statistics that are none */

enum mode {
#define X(name) MODE_##name,
	MODE_INFO(X)
#undef X
};

struct fake {
	pthread_t thread;
	pthread_mutex_t mutex;
	int stop_fd;
	char path[108];
	struct pollfd fds[2 + CLIENTS];
	char line[CLIENTS][1024];
	size_t len[CLIENTS];
	/* under the mutex */
	enum mode mode;
	int64_t pid, start_s, uptime_s, requests[2], failed;
	int permille, weight[2];
	bool maint[2], drained[2], down[2], tcp, twice;
	int64_t broken;           /* answers of v2 that its server broke off */
	bool hides_map;           /* more notes of others than can be read */
	bool rolls_back;          /* another weir rolls back right behind a step's change */
	struct text notes, heard; /* lines of the map; lines that were asked */
};

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static void add_info(struct fake *f, struct text *out)
{
	text_addf(out,
		"Name: HAProxy\nVersion: 2.6.12\nPid: %lld\nUptime_sec: %lld\nnode: vm\nStopping: %d\n"
		"Start_time_sec: %lld\n",
		(long long)f->pid, (long long)f->uptime_s, f->mode == MODE_OLD, (long long)f->start_s);
}

static const char *status_of(const struct fake *f, int arm)
{
	return f->maint[arm] ? "MAINT" : f->drained[arm] ? "DRAIN" : f->down[arm] ? "DOWN" : "UP";
}

static void add_stat(struct fake *f, struct text *out, const char *line)
{
	static const char *const names[] = {"v1", "v2"};
	text_add(out,
		"# pxname,svname,type,status,scur,stot,hrsp_2xx,hrsp_5xx,eresp,econ,uweight,mode,"
		"srv_abrt,\n");
	const char *kind = f->tcp ? "tcp" : "http";
	for (int arm = 0; arm < 2; arm++) {
		const char *word = f->mode == MODE_DAMAGED ? "x" : "0";
		if (strstr(line, names[arm]))
			text_addf(out, "%s,a,2,%s,%s,9,9,0,0,0,1,%s,,\n", names[arm], status_of(f, arm),
				word, kind);
		for (int i = 0; strstr(line, names[arm]) && i <= f->twice; i++)
			text_addf(out, "%s,BACKEND,1,UP,0,%lld,%lld,%lld,,0,1,%s,%lld,\n", names[arm],
				(long long)f->requests[arm],
				(long long)(f->requests[arm] - (arm ? f->failed : 0)),
				(long long)(arm ? f->failed : 0), kind, (long long)(arm ? f->broken : 0));
		if (strstr(line, "pair"))
			text_addf(out, "pair,%c,2,%s,%s,%lld,0,0,0,0,%d,%s,,\n", 'a' + arm,
				status_of(f, arm), word, (long long)f->requests[arm], f->weight[arm], kind);
	}
	if (strstr(line, "pair"))
		text_addf(out, "pair,BACKEND,1,UP,0,0,0,0,,0,2,%s,,\n", kind);
}

/* Removes the line of a key from the notes. */
static bool drop_note(struct fake *f, const char *key)
{
	char *at = f->notes.data ? strstr(f->notes.data, key) : NULL;
	if (!at)
		return false;
	char *from = at;
	while (from > f->notes.data && from[-1] != '\n')
		from--;
	char *to = at + strcspn(at, "\n") + 1;
	memmove(from, to, strlen(to) + 1);
	f->notes.len -= (size_t)(to - from);
	return true;
}

/* A step that was under way goes in behind a rollback that has read the same notes. */
static void set_share(struct fake *f, int permille)
{
	f->permille = f->mode == MODE_RIVAL ? 777 : permille;
	if (!f->rolls_back)
		return;
	f->rolls_back = false;
	text_add(&f->notes, "0x1 weir.orders.2.bob@db2/rollback/other/1795000500000/500/0/0 0\n");
}

static void change(struct fake *f, struct text *out, const char *line)
{
	char key[512];
	int n;
	long long value;
	char server;
	if (f->mode == MODE_DEAF)
		return;
	if (f->mode == MODE_DENIED && begins(line, "set server"))
		text_add(out, "Permission denied\n");
	else if (sscanf(line, "set map %*s orders %d", &n) == 1)
		set_share(f, n);
	else if (sscanf(line, "add map %*s %500s %lld", key, &value) == 2)
		text_addf(&f->notes, "0x1 %s %lld\n", key, value);
	else if (sscanf(line, "del map %*s %500s", key) == 1)
		text_add(out, drop_note(f, key) ? "" : "Key not found.\n");
	else if (sscanf(line, "set server pair/%c weight %d", &server, &n) == 2)
		f->weight[server - 'a'] = n;
	else if (sscanf(line, "set server pair/%c state", &server) == 1) {
		f->maint[server - 'a'] = strstr(line, "maint") != NULL;
		f->drained[server - 'a'] = strstr(line, "drain") != NULL;
	} else if (sscanf(line, "set server v%d/a state", &n) == 1)
		f->drained[n - 1] = strstr(line, "drain") != NULL;
	else
		text_add(out, "Unknown command\n");
}

static bool is_change(const char *line)
{
	return begins(line, "set ") || begins(line, "add ") || begins(line, "del ");
}

/* The answer to a line; false: the connection ends instead. */
static bool answer(struct fake *f, const char *line, struct text *out)
{
	text_addf(&f->heard, "%s\n", line);
	if (f->mode == MODE_CLOSED || (f->mode == MODE_CUT_BEFORE && is_change(line)))
		return false;
	if (f->mode == MODE_GARBAGE)
		text_add(out, "220 mail.example ESMTP");
	else if (is_change(line))
		change(f, out, line);
	else if (begins(line, "get map /m orders"))
		text_addf(out,
			"type=str, case=sensitive, found=yes, idx=tree, key=\"orders\", value=\"%d\", "
			"type=\"str\"\n",
			f->permille);
	else if (begins(line, "show info"))
		add_info(f, out);
	else if (begins(line, "show stat"))
		add_stat(f, out, line);
	else if (begins(line, "show map /m") && f->hides_map)
		return false;
	else if (begins(line, "show map /m"))
		text_addf(out, "0x1 orders %d\n%s", f->permille, text_str(&f->notes));
	else if (!begins(line, "prompt"))
		text_add(out, "Unknown command\n");
	text_add(out, "\n> ");
	/* what was asked behind it on the same connection is never read */
	return f->mode != MODE_CUT_AFTER || !begins(line, "set ");
}

static void send_out(struct fake *f, int fd, struct text *out)
{
	if (f->mode == MODE_SILENT)
		return;
	for (size_t i = 0; f->mode == MODE_DRIP && i < out->len; i++)
		send(fd, out->data + i, 1, MSG_NOSIGNAL);
	if (f->mode != MODE_DRIP)
		send(fd, text_str(out), out->len, MSG_NOSIGNAL);
	char block[4096];
	memset(block, 'x', sizeof block);
	for (int i = 0; f->mode == MODE_ENDLESS && i < 1200; i++)
		if (send(fd, block, sizeof block, MSG_NOSIGNAL) < 0)
			break;
}

static void drop(struct fake *f, int k)
{
	close(f->fds[2 + k].fd);
	f->fds[2 + k].fd = -1;
}

static void serve(struct fake *f, int k)
{
	char bytes[4096];
	int fd = f->fds[2 + k].fd;
	ssize_t n = recv(fd, bytes, sizeof bytes, 0);
	bool stays = n > 0;
	pthread_mutex_lock(&f->mutex);
	for (ssize_t i = 0; i < n && stays; i++) {
		if (bytes[i] != '\n') {
			if (f->len[k] < sizeof f->line[k] - 1)
				f->line[k][f->len[k]++] = bytes[i];
			continue;
		}
		struct text out = {0};
		f->line[k][f->len[k]] = 0;
		f->len[k] = 0;
		stays = answer(f, f->line[k], &out);
		send_out(f, fd, &out);
		text_free(&out);
	}
	pthread_mutex_unlock(&f->mutex);
	if (!stays)
		drop(f, k);
}

static void *run_fake(void *ctx)
{
	struct fake *f = ctx;
	while (poll(f->fds, 2 + CLIENTS, -1) > 0 && !f->fds[0].revents) {
		for (int k = 0; k < CLIENTS; k++)
			if (f->fds[2 + k].fd >= 0 && f->fds[2 + k].revents)
				serve(f, k);
		if (!f->fds[1].revents)
			continue;
		int fd = accept(f->fds[1].fd, NULL, NULL);
		for (int k = 0; k < CLIENTS; k++)
			if (f->fds[2 + k].fd < 0) {
				f->fds[2 + k].fd = fd;
				f->len[k] = 0;
				break;
			}
	}
	return NULL;
}

/* ---- the fixture ---- */

struct heard {
	int events;
	enum driver_event_kind kind;
	struct err err;
	struct answer answer;
	struct snapshot snapshot;
	size_t audit_count;
	struct audit_entry audit[HAPROXY_NOTES_MAX];
};

struct fixture {
	struct fake fake;
	char dir[64], map[256], pair[256];
	struct driver *driver;
	struct instant now;
	struct heard heard;
};

static void hear(void *ctx, const struct driver_event *e)
{
	struct heard *h = ctx;
	assert_int_equal(e->node, NODE);
	h->events++;
	h->kind = e->kind;
	h->err = e->err ? *e->err : (struct err){0};
	if (e->snapshot)
		h->snapshot = *e->snapshot;
	if (e->answer)
		h->answer = *e->answer;
	h->audit_count = e->audit_count;
	for (size_t i = 0; i < e->audit_count; i++)
		h->audit[i] = e->audit[i];
}

static int open_target(struct fixture *f, const char *target, struct err *err)
{
	const struct driver_open how = {
		.node = NODE, .target = target, .sink = {hear, &f->heard}, .now = f->now};
	return driver_haproxy.open(&f->driver, &how, err);
}

static int set_up(void **state)
{
	struct fixture *f = mem_new(1, sizeof *f);
	struct fake *k = &f->fake;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *base = getenv("TMPDIR");
	snprintf(
		f->dir, sizeof f->dir, "%.40s/hap.XXXXXX", base && strlen(base) < 40 ? base : "/tmp");
	if (!mkdtemp(f->dir))
		return -1;
	setenv("WEIR_LOCK_DIR", f->dir, 1);
	snprintf(k->path, sizeof k->path, "%s/s", f->dir);
	memcpy(address.sun_path, k->path, sizeof address.sun_path);
	snprintf(f->map, sizeof f->map, "haproxy:%s?map=/m&key=orders&v1=v1&v2=v2&ring=r", k->path);
	snprintf(f->pair, sizeof f->pair, "haproxy:%s?backend=pair&v1=a&v2=b&ring=r", k->path);
	for (int i = 0; i < 2 + CLIENTS; i++)
		k->fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	k->fds[0].fd = k->stop_fd = eventfd(0, 0);
	k->fds[1].fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(k->fds[1].fd, (struct sockaddr *)&address, sizeof address) != 0 ||
		listen(k->fds[1].fd, 8) != 0)
		return -1;
	pthread_mutex_init(&k->mutex, NULL);
	k->pid = 100;
	k->start_s = 1795000000;
	k->uptime_s = 500;
	k->requests[0] = 1000;
	k->weight[0] = 100;
	f->now = (struct instant){.boot_ms = 1000000, .wall_ms = 1795000500000};
	*state = f;
	return pthread_create(&k->thread, NULL, run_fake, k);
}

/* The lock's name is a hash that only the driver knows. */
static void remove_all(const char *dir)
{
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct fake *k = &f->fake;
	if (f->driver)
		driver_haproxy.close(f->driver);
	eventfd_write(k->stop_fd, 1);
	pthread_join(k->thread, NULL);
	for (int i = 0; i < 2 + CLIENTS; i++)
		if (k->fds[i].fd >= 0)
			close(k->fds[i].fd);
	text_free(&k->notes);
	text_free(&k->heard);
	remove_all(f->dir);
	free(f);
	return 0;
}

static void set_mode(struct fixture *f, enum mode mode)
{
	pthread_mutex_lock(&f->fake.mutex);
	f->fake.mode = mode;
	text_clear(&f->fake.heard);
	pthread_mutex_unlock(&f->fake.mutex);
}

static int64_t clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Turns until one more event was heard. The driver's clock stands still unless `late`. */
static const struct heard *listen_once(struct fixture *f, bool late)
{
	int before = f->heard.events;
	int64_t end_ms = clock_ms() + DEADLINE_MS;
	while (f->heard.events == before && clock_ms() < end_ms) {
		struct pollfd fd = {.fd = driver_haproxy.fd(f->driver), .events = POLLIN};
		driver_haproxy.turn(f->driver, f->now);
		if (f->heard.events == before)
			poll(&fd, 1, late ? 5 : 100);
		f->now.boot_ms += late ? 1000 : 0;
	}
	assert_int_equal(f->heard.events, before + 1);
	return &f->heard;
}

static const struct heard *poll_once(struct fixture *f)
{
	driver_haproxy.poll(f->driver, f->now);
	return listen_once(f, false);
}

static const struct snapshot *snapshot_of(struct fixture *f)
{
	const struct heard *h = poll_once(f);
	if (h->kind != DRIVER_SNAPSHOT)
		fail_msg("trouble: %s", h->err.text);
	return &h->snapshot;
}

static struct command a_command(const struct fixture *f, enum verb verb, int to_bp)
{
	const struct snapshot *s = &f->heard.snapshot;
	struct command c = {.verb = verb,
		.from_bp = s->share_bp,
		.to_bp = to_bp,
		.strategy = STRATEGY_COUNT,
		.epoch = s->epoch,
		.rev = s->rev,
		.baseline_bp = -1};
	snprintf(c.id, sizeof c.id, "id-%d-%d", verb, to_bp);
	text_copy(c.actor, sizeof c.actor, "ana@db1");
	return c;
}

static const struct answer *order(struct fixture *f, const struct command *c, bool late)
{
	driver_haproxy.apply(f->driver, c, f->now);
	const struct heard *h = listen_once(f, late);
	assert_int_equal(h->kind, DRIVER_ANSWER);
	return &h->answer;
}

static const struct answer *step(struct fixture *f, int to_bp)
{
	const struct command c = a_command(f, VERB_STEP, to_bp);
	return order(f, &c, false);
}

static void open_at(struct fixture *f, const char *target)
{
	struct err err = {0};
	if (open_target(f, target, &err) != 0)
		fail_msg("%s", err.text);
	snapshot_of(f);
}

static bool was_asked(struct fixture *f, const char *line)
{
	pthread_mutex_lock(&f->fake.mutex);
	bool found = strstr(text_str(&f->fake.heard), line) != NULL;
	pthread_mutex_unlock(&f->fake.mutex);
	return found;
}

/* ---- looking ---- */

static void a_view_becomes_a_document(void **state)
{
	struct fixture *f = *state;
	f->fake.permille = 250;
	f->fake.requests[1] = 40;
	f->fake.failed = 4;
	open_at(f, f->map);
	const struct snapshot *s = &f->heard.snapshot;
	assert_string_equal(s->pool, "orders");
	assert_string_equal(s->boot_id, "1795000000-100");
	assert_string_equal(s->node, "vm");
	assert_int_equal(s->share_bp, 2500);
	assert_int_equal(s->epoch, 1795000000);
	assert_int_equal(s->rev, 0);
	assert_int_equal(s->arms[ARM_V1].requests, 1000);
	assert_int_equal(s->arms[ARM_V2].requests, 40);
	assert_int_equal(s->arms[ARM_V2].ok, 36);
	assert_int_equal(counts_failed(&s->arms[ARM_V2]), 4);
	assert_int_equal(s->arms[ARM_V2].sessions, UNKNOWN);
	assert_int_equal(s->arms[ARM_V2].queue_max, UNKNOWN);
	assert_false(s->arms[ARM_V2].has_latency);
	assert_false(s->change.known);
	assert_int_equal(s->baseline_bp, -1);
	assert_int_equal(s->crew.worker_count, 2);
	assert_true(s->reloads);
}

/* An answer that its server broke off was counted well at its first byte. */
static void a_broken_answer_is_a_failure(void **state)
{
	struct fixture *f = *state;
	f->fake.requests[1] = 40;
	open_at(f, f->map);
	assert_int_equal(f->heard.snapshot.arms[ARM_V2].ok, 40);
	f->fake.requests[1] = 50;
	f->fake.broken = 30;
	const struct arm_counts *v2 = &snapshot_of(f)->arms[ARM_V2];
	assert_int_equal(counts_failed(v2), 30);
	assert_int_equal(v2->ok, 40); /* never back within a process */
	f->fake.requests[1] = 90;
	assert_int_equal(snapshot_of(f)->arms[ARM_V2].ok, 60);
}

static void what_cannot_be_counted_is_refused(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	f->fake.tcp = true;
	const struct heard *h = poll_once(f);
	assert_int_equal(h->kind, DRIVER_TROUBLE);
	assert_non_null(strstr(h->err.text, "mode http is needed"));
	f->fake.tcp = false;
	f->fake.twice = true;
	assert_non_null(strstr(poll_once(f)->err.text, "twice"));
}

/* A map file that was written out with its notes: they tell who, not how much since. */
static void a_note_of_an_earlier_process_counts_nothing(void **state)
{
	struct fixture *f = *state;
	f->fake.permille = 250;
	text_add(
		&f->fake.notes, "0x1 weir.orders.4.bob@db2/step/old/1794000000000/90000/77/88 250\n");
	open_at(f, f->map);
	assert_int_equal(f->heard.snapshot.rev, 4);
	assert_false(f->heard.snapshot.change.known);
	struct command stale = a_command(f, VERB_STEP, 500);
	stale.rev = 3;
	assert_int_equal(order(f, &stale, false)->changed_age_ms, UNKNOWN);
}

static void looking_writes_nothing(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	snapshot_of(f);
	driver_haproxy.audit(f->driver, 0, f->now);
	listen_once(f, false);
	pthread_mutex_lock(&f->fake.mutex);
	for (const char *at = text_str(&f->fake.heard); *at; at += strcspn(at, "\n") + 1)
		if (!begins(at, "show ") && !begins(at, "prompt\n"))
			fail_msg("asked: %.60s", at);
	pthread_mutex_unlock(&f->fake.mutex);
}

static void time_is_finer_than_haproxys_seconds(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	int64_t first = f->heard.snapshot.uptime_ms;
	f->now.boot_ms += 400;
	assert_int_equal(snapshot_of(f)->uptime_ms, first + 400);
	f->now.boot_ms += 300;
	f->fake.uptime_s++; /* a second is full: it began 300 ms earlier than was known */
	assert_int_equal(snapshot_of(f)->uptime_ms, first + 1000);
}

static const struct {
	enum mode mode;
	enum err_code code;
	bool late;
} troubles[] = {
	{MODE_SILENT, ERR_SLOW, true},
	{MODE_CLOSED, ERR_UNREACHABLE, false},
	{MODE_OLD, ERR_REPLAYED, false},
	{MODE_GARBAGE, ERR_NOT_POOL, false},
	{MODE_ENDLESS, ERR_TOO_LARGE, false},
	{MODE_DAMAGED, ERR_FIELD, false},
};

static void what_is_no_view_is_trouble(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
		set_mode(f, troubles[i].mode);
		driver_haproxy.poll(f->driver, f->now);
		const struct heard *h = listen_once(f, troubles[i].late);
		assert_int_equal(h->kind, DRIVER_TROUBLE);
		if (h->err.code != troubles[i].code)
			fail_msg("mode %d: %s %s", troubles[i].mode, err_name(h->err.code), h->err.text);
	}
	set_mode(f, MODE_DRIP);
	assert_int_equal(snapshot_of(f)->share_bp, 0);
}

static void a_socket_that_is_not_there_is_said(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
		open_target(f, "haproxy:/nowhere/s?map=/m&key=orders&v1=v1&v2=v2", NULL), 0);
	const struct heard *h = poll_once(f);
	assert_int_equal(h->err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(h->err.text, "is not there"));
}

/* ---- changing ---- */

static void a_step_is_noted_and_read_back(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	const struct answer *a = step(f, 2500);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_int_equal(a->err.code, ERR_NONE);
	assert_int_equal(a->share_bp, 2500);
	assert_int_equal(a->rev, 1);
	f->now.boot_ms += 2300;
	f->now.wall_ms += 2300;
	f->fake.uptime_s += 2;
	const struct snapshot *s = snapshot_of(f);
	assert_int_equal(s->share_bp, 2500);
	assert_int_equal(s->rev, 1);
	assert_true(s->change.known);
	assert_string_equal(s->change.actor, "ana@db1");
	assert_int_equal(s->change.age_ms, 2300);
	assert_int_equal(s->change.arms[ARM_V1].requests, 1000);
	assert_int_equal(s->audit_seq, 1);

	driver_haproxy.audit(f->driver, 0, f->now);
	const struct heard *h = listen_once(f, false);
	assert_int_equal(h->audit_count, 1);
	assert_string_equal(h->audit[0].what, "step");
	assert_string_equal(h->audit[0].key, "id-0-2500");
	assert_int_equal(h->audit[0].to_bp, 2500);
	driver_haproxy.audit(f->driver, 1, f->now);
	assert_int_equal(listen_once(f, false)->audit_count, 0);
}

static void only_the_last_notes_are_kept(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	for (int i = 1; i <= 20; i++) {
		assert_int_equal(step(f, i * 100)->kind, ANSWER_APPLIED);
		snapshot_of(f);
	}
	int lines = 0;
	for (const char *at = text_str(&f->fake.notes); *at; at++)
		lines += *at == '\n';
	assert_int_equal(lines, HAPROXY_NOTES_KEPT);
	assert_int_equal(f->heard.snapshot.rev, 20);
}

static void a_step_on_old_news_is_refused(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	struct command stale = a_command(f, VERB_STEP, 500);
	assert_int_equal(step(f, 100)->kind, ANSWER_APPLIED);
	text_copy(stale.actor, sizeof stale.actor, "bob@db2");
	const struct answer *a = order(f, &stale, false);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_CHANGED);
	assert_string_equal(a->changed_by, "ana@db1");
	assert_int_equal(a->share_bp, 100);
	assert_int_equal(f->fake.permille, 10);

	snapshot_of(f);
	f->fake.permille = 33; /* by hand: no note */
	a = step(f, 500);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_CHANGED);
	assert_non_null(strstr(a->err.text, "by hand"));

	snapshot_of(f);
	struct command early = a_command(f, VERB_STEP, 500);
	f->fake.start_s++; /* reloaded */
	a = order(f, &early, false);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_EPOCH);
	assert_int_equal(f->fake.permille, 33);
}

static void a_command_repeated_is_done_once(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	const struct command c = a_command(f, VERB_STEP, 500);
	assert_false(order(f, &c, false)->replayed);
	set_mode(f, MODE_GOOD);
	const struct answer *a = order(f, &c, false);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_true(a->replayed);
	assert_false(was_asked(f, "set map"));
}

/* HAProxy says yes to a value that it does not take: what counts is what is read back. */
static void row_19_success_without_effect_is_no_success(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	set_mode(f, MODE_DEAF);
	const struct answer *a = step(f, 500);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_NOT_SEEN);
	assert_int_equal(a->share_bp, 0);
	assert_true(was_asked(f, "del map /m weir.orders.1.")); /* nothing is noted of it */
	set_mode(f, MODE_RIVAL);
	a = step(f, 500);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_int_equal(a->err.code, ERR_APPLIED_AS);
	assert_int_equal(a->share_bp, 7770);
}

static const struct {
	enum mode mode;
	enum answer_kind kind;
	bool late;
} losses[] = {
	{MODE_CLOSED, ANSWER_NOT_SENT, false},
	{MODE_GARBAGE, ANSWER_NOT_SENT, false},
	{MODE_OLD, ANSWER_NOT_SENT, false},
	{MODE_SILENT, ANSWER_NOT_SENT, true},
	{MODE_CUT_BEFORE, ANSWER_LOST, false},
	{MODE_CUT_AFTER, ANSWER_LOST, false},
};

/* The answer of a change is lost: only what was never written is sure not to have happened. */
static void row_09_a_lost_answer_is_asked_for(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
		set_mode(f, MODE_GOOD);
		snapshot_of(f);
		struct command c = a_command(f, VERB_STEP, 100 + (int)i * 100);
		set_mode(f, losses[i].mode);
		const struct answer *a = order(f, &c, losses[i].late);
		if (a->kind != losses[i].kind)
			fail_msg("mode %d: %d %s", losses[i].mode, a->kind, a->err.text);
		assert_int_not_equal(a->err.code, ERR_NONE);
		set_mode(f, MODE_GOOD);
		driver_haproxy.resolve(f->driver, c.id, f->now);
		const struct heard *h = listen_once(f, false);
		assert_int_equal(h->kind, DRIVER_RESOLVED);
		assert_int_equal(
			h->answer.kind, losses[i].mode == MODE_CUT_AFTER ? ANSWER_APPLIED : ANSWER_VOID);
	}
	struct command first = a_command(f, VERB_STEP, 900);
	snapshot_of(f);
	first = a_command(f, VERB_STEP, 900);
	assert_int_equal(order(f, &first, false)->kind, ANSWER_APPLIED);
	snapshot_of(f);
	assert_int_equal(step(f, 1000)->kind, ANSWER_APPLIED);
	driver_haproxy.resolve(f->driver, first.id, f->now);
	assert_int_equal(listen_once(f, false)->answer.kind, ANSWER_SUPERSEDED);
	set_mode(f, MODE_CLOSED);
	driver_haproxy.resolve(f->driver, first.id, f->now);
	assert_int_equal(listen_once(f, false)->answer.kind, ANSWER_LOST);
}

/* Nothing gates the way back: not an old epoch, a held lock, damaged statistics. */
static void a_rollback_always_goes_out(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	assert_int_equal(step(f, 2500)->kind, ANSWER_APPLIED);
	struct command back = a_command(f, VERB_ROLLBACK, -1);
	f->fake.start_s += 5;
	f->fake.permille = 600;
	assert_int_equal(order(f, &back, false)->kind, ANSWER_APPLIED);
	assert_int_equal(f->fake.permille, 0);

	set_mode(f, MODE_DAMAGED);
	f->fake.permille = 600;
	snprintf(back.id, sizeof back.id, "another");
	/* read back by the one key */
	const struct answer *a = order(f, &back, false);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_int_equal(a->share_bp, 0);
	assert_int_equal(a->rev, UNKNOWN);
	assert_int_equal(f->fake.permille, 0);

	/* The connection ends where the map is read: it is written on another one. */
	set_mode(f, MODE_GOOD);
	f->fake.hides_map = true;
	f->fake.permille = 600;
	snprintf(back.id, sizeof back.id, "a third");
	assert_int_equal(order(f, &back, false)->kind, ANSWER_APPLIED);
	assert_int_equal(f->fake.permille, 0);
	assert_int_equal(step(f, 100)->kind, ANSWER_NOT_SENT);
}

/* A rollback that went in first, by its note, and whose number a late step has overwritten. */
static void a_step_finds_the_rollback_and_takes_itself_back(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	f->fake.rolls_back = true;
	const struct answer *a = step(f, 2500);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_CHANGED);
	assert_int_equal(a->share_bp, 0);
	assert_int_equal(f->fake.permille, 0);
	assert_null(strstr(f->fake.notes.data, "ana@db1"));
	/* The next one is decided behind it. */
	assert_int_equal(snapshot_of(f)->rev, 2);
	assert_int_equal(step(f, 2500)->kind, ANSWER_APPLIED);
	assert_int_equal(snapshot_of(f)->rev, 3);
	struct command back = a_command(f, VERB_ROLLBACK, -1);
	assert_int_equal(order(f, &back, false)->rev, 5);
	/* Its note is there, its number is not any more: done again, not "replayed". */
	f->fake.permille = 250;
	a = order(f, &back, false);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_false(a->replayed);
	assert_int_equal(f->fake.permille, 0);
}

/* One driver: what waits is refused, what was decided before finds another revision. */
static void a_rollback_overrules_what_waits(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 2; i++) {
		open_at(f, i ? f->pair : f->map);
		struct command up = a_command(f, VERB_STEP, 2500), late = up;
		struct command back = a_command(f, VERB_ROLLBACK, 0);
		driver_haproxy.apply(f->driver, &up, f->now);
		driver_haproxy.apply(f->driver, &back, f->now);
		int from = f->heard.events;
		struct heard first = {0};
		for (int64_t end_ms = clock_ms() + DEADLINE_MS; f->heard.events < from + 2;) {
			struct pollfd fd = {.fd = driver_haproxy.fd(f->driver), .events = POLLIN};
			assert_true(clock_ms() < end_ms);
			driver_haproxy.turn(f->driver, f->now);
			if (f->heard.events == from + 1)
				first = f->heard;
			if (f->heard.events < from + 2)
				poll(&fd, 1, 100);
		}
		if (first.events)
			assert_int_equal(first.answer.kind, ANSWER_REFUSED);
		assert_int_equal(f->heard.answer.kind, ANSWER_APPLIED);
		assert_int_equal(f->heard.answer.share_bp, 0);
		snprintf(late.id, sizeof late.id, "late");
		const struct answer *a = order(f, &late, false);
		assert_int_equal(a->kind, ANSWER_REFUSED);
		assert_int_equal(a->err.code, ERR_CHANGED);
		assert_int_equal(snapshot_of(f)->share_bp, 0);
		driver_haproxy.close(f->driver);
		f->driver = NULL;
	}
}

static const struct answer *resolve(struct fixture *f, const char *id)
{
	driver_haproxy.resolve(f->driver, id, f->now);
	const struct heard *h = listen_once(f, false);
	assert_int_equal(h->kind, DRIVER_RESOLVED);
	return &h->answer;
}

/* What is asked for later is answered by what is there; where that does not tell, it is lost. */
static void a_fate_is_what_is_there(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	const struct answer *a = resolve(f, "nobody's");
	assert_int_equal(a->kind, ANSWER_LOST);
	assert_int_equal(a->err.code, ERR_NOT_SEEN);
	struct command hold = a_command(f, VERB_HOLD, -1);
	assert_int_equal(order(f, &hold, false)->kind, ANSWER_APPLIED);
	assert_int_equal(resolve(f, hold.id)->kind, ANSWER_APPLIED);
	struct command resume = a_command(f, VERB_RESUME, -1);
	assert_int_equal(order(f, &resume, false)->kind, ANSWER_APPLIED);
	struct command arm = a_command(f, VERB_ARM, -1);
	text_copy(arm.plan_hash, sizeof arm.plan_hash, "abc");
	assert_int_equal(order(f, &arm, false)->kind, ANSWER_APPLIED);
	assert_int_equal(resolve(f, arm.id)->kind, ANSWER_APPLIED);
	struct command drain = a_command(f, VERB_DRAIN, -1);
	drain.drain = (struct drain){.arm = ARM_V2, .segment = -1, .worker = -1};
	drain.drains = true;
	assert_int_equal(order(f, &drain, false)->kind, ANSWER_APPLIED);
	assert_int_equal(resolve(f, drain.id)->kind, ANSWER_APPLIED);
	f->fake.drained[1] = false;
	assert_int_equal(resolve(f, drain.id)->kind, ANSWER_VOID);
	/* A note whose number is not there: by hand since, or never set. */
	snapshot_of(f);
	struct command c = a_command(f, VERB_STEP, 700);
	assert_int_equal(order(f, &c, false)->kind, ANSWER_APPLIED);
	assert_int_equal(resolve(f, c.id)->kind, ANSWER_APPLIED);
	f->fake.permille = 5;
	assert_int_equal(resolve(f, c.id)->kind, ANSWER_LOST);
	driver_haproxy.close(f->driver);
	open_at(f, f->pair);
	assert_int_equal(resolve(f, "never sent")->kind, ANSWER_LOST);
	set_mode(f, MODE_CLOSED);
	c = a_command(f, VERB_STEP, 0);
	assert_int_equal(order(f, &c, false)->kind, ANSWER_NOT_SENT);
	set_mode(f, MODE_GOOD);
	assert_int_equal(resolve(f, c.id)->kind, ANSWER_VOID);
}

static void a_rollback_goes_to_the_baseline_that_was_armed(void **state)
{
	struct fixture *f = *state;
	f->fake.permille = 50;
	open_at(f, f->map);
	struct command arm = a_command(f, VERB_ARM, -1);
	text_copy(arm.plan_hash, sizeof arm.plan_hash, "abc123");
	assert_int_equal(order(f, &arm, false)->kind, ANSWER_APPLIED);
	assert_int_equal(snapshot_of(f)->baseline_bp, 500);
	assert_string_equal(f->heard.snapshot.plan_hash, "abc123");
	assert_int_equal(step(f, 2500)->kind, ANSWER_APPLIED);
	/* over an open migration the plan changes, the baseline stays */
	text_copy(arm.plan_hash, sizeof arm.plan_hash, "def456");
	assert_int_equal(order(f, &arm, false)->kind, ANSWER_APPLIED);
	assert_int_equal(snapshot_of(f)->baseline_bp, 500);
	struct command back = a_command(f, VERB_ROLLBACK, -1);
	assert_int_equal(order(f, &back, false)->share_bp, 500);
	struct command disarm = a_command(f, VERB_DISARM, -1);
	assert_int_equal(order(f, &disarm, false)->kind, ANSWER_APPLIED);
	assert_int_equal(snapshot_of(f)->baseline_bp, -1);
}

static void a_hold_refuses_raises_and_no_lowering(void **state)
{
	struct fixture *f = *state;
	f->fake.permille = 100;
	open_at(f, f->map);
	struct command hold = a_command(f, VERB_HOLD, -1);
	assert_int_equal(order(f, &hold, false)->kind, ANSWER_APPLIED);
	assert_true(snapshot_of(f)->hold.on);
	assert_string_equal(f->heard.snapshot.hold.actor, "ana@db1");
	assert_int_equal(step(f, 2000)->err.code, ERR_HELD);
	assert_int_equal(step(f, 500)->kind, ANSWER_APPLIED);
	struct command resume = a_command(f, VERB_RESUME, -1);
	assert_int_equal(order(f, &resume, false)->kind, ANSWER_APPLIED);
	assert_false(snapshot_of(f)->hold.on);
}

/* The attempt that was held is over; also where no map keeps the hold. */
static void a_rollback_ends_a_hold(void **state)
{
	struct fixture *f = *state;
	const char *const targets[] = {f->map, f->pair};
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		f->fake.permille = 100;
		open_at(f, targets[i]);
		struct command hold = a_command(f, i == 0 ? VERB_HOLD : VERB_ADOPT, -1);
		assert_int_equal(order(f, &hold, false)->kind, ANSWER_APPLIED);
		assert_true(snapshot_of(f)->hold.on);
		struct command back = a_command(f, VERB_ROLLBACK, -1);
		assert_int_equal(order(f, &back, false)->kind, ANSWER_APPLIED);
		assert_false(snapshot_of(f)->hold.on);
		assert_int_equal(f->heard.snapshot.share_bp, 0);
		driver_haproxy.close(f->driver);
		f->driver = NULL;
	}
}

static void what_haproxy_has_not_is_refused(void **state)
{
	struct fixture *f = *state;
	static const enum verb verbs[] = {
		VERB_TAKE, VERB_GUARD, VERB_KEEP, VERB_OPERATIONS, VERB_DRAIN};
	open_at(f, f->map);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		struct command c = a_command(f, verbs[i], -1);
		c.drain.arm = ARM_V2;
		c.drain.segment = c.drain.worker = 9;
		const struct answer *a = order(f, &c, false);
		assert_int_equal(a->kind, ANSWER_REFUSED);
		assert_int_equal(a->err.code, ERR_LIMIT);
	}
	struct command full = a_command(f, VERB_STEP, 10000);
	full.strategy = STRATEGY_FULL_MIGRATION;
	assert_int_equal(order(f, &full, false)->err.code, ERR_LIMIT);
	assert_int_equal(step(f, 55)->err.code, ERR_LIMIT);
}

static void two_weirs_of_a_host_take_turns(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->map);
	/* Whoever holds the lock is in the middle of a change: waited for, then refused. */
	struct hostlock *lock = NULL;
	struct text path = {0};
	uint64_t h = 0xCBF29CE484222325u;
	const char *const words[] = {"vm", "/m", ""};
	for (size_t i = 0; i < 3; i++)
		for (const char *s = words[i]; *s; s++)
			h = (h ^ (unsigned char)*s) * 0x100000001B3u;
	text_addf(&path, "%s/weir-%016llx.cas", f->dir, (unsigned long long)h);
	assert_int_equal(hostlock_share(&lock, text_str(&path), NULL), 0);
	struct command c = a_command(f, VERB_STEP, 500);
	driver_haproxy.apply(f->driver, &c, f->now);
	driver_haproxy.turn(f->driver, f->now);
	assert_false(was_asked(f, "set map"));
	hostlock_free(lock);
	assert_int_equal(listen_once(f, false)->answer.kind, ANSWER_APPLIED);
	unlink(text_str(&path));
	text_free(&path);
}

/* ---- weights ---- */

static void weights_rise_before_they_fall(void **state)
{
	struct fixture *f = *state;
	f->fake.maint[1] = true;
	open_at(f, f->pair);
	assert_int_equal(f->heard.snapshot.share_bp, 0);
	set_mode(f, MODE_GOOD);
	const struct answer *a = step(f, 2500);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_int_equal(a->share_bp, 2500);
	const char *heard = text_str(&f->fake.heard);
	const char *v2 = strstr(heard, "set server pair/b weight"),
			   *v1 = strstr(heard, "pair/a weight");
	assert_non_null(v1);
	assert_true(v2 < v1);
	assert_non_null(strstr(heard, "pair/b state ready"));
	assert_false(f->fake.maint[1]);

	assert_int_equal(snapshot_of(f)->rev, 1);
	set_mode(f, MODE_GOOD);
	struct command back = a_command(f, VERB_ROLLBACK, -1);
	assert_int_equal(order(f, &back, false)->share_bp, 0);
	heard = text_str(&f->fake.heard);
	v2 = strstr(heard, "set server pair/b weight");
	v1 = strstr(heard, "pair/a weight");
	assert_true(v1 < v2);
	/* clients that a cookie binds leave a server in maintenance alone */
	assert_true(f->fake.maint[1]);
}

/* Whoever drained v1 while v2 had all of it: the way back ends with v1 at work. */
static void a_rollback_ends_with_v1_at_work(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 2; i++) {
		f->fake.permille = 1000;
		f->fake.weight[0] = 0;
		f->fake.weight[1] = 100;
		f->fake.maint[1] = false;
		open_at(f, i ? f->map : f->pair);
		struct command out = a_command(f, VERB_DRAIN, -1);
		out.drain = (struct drain){.arm = ARM_V1, .segment = -1, .worker = -1};
		out.drains = true;
		assert_int_equal(order(f, &out, false)->kind, ANSWER_APPLIED);
		assert_true(f->fake.drained[0]);
		struct command back = a_command(f, VERB_ROLLBACK, 0);
		const struct answer *a = order(f, &back, false);
		assert_int_equal(a->kind, ANSWER_APPLIED);
		assert_int_equal(a->share_bp, 0);
		assert_false(f->fake.drained[0]);
		assert_int_equal(snapshot_of(f)->arms[ARM_V1].workers.ready, 1);
		driver_haproxy.close(f->driver);
		f->driver = NULL;
	}
}

/* v1's servers are down: v2 keeps whom a cookie binds, and nobody calls it done. */
static void a_rollback_to_a_dead_v1_is_not_done(void **state)
{
	struct fixture *f = *state;
	f->fake.weight[1] = 100;
	open_at(f, f->pair);
	f->fake.down[0] = true;
	struct command back = a_command(f, VERB_ROLLBACK, 0);
	const struct answer *a = order(f, &back, false);
	assert_int_equal(a->kind, ANSWER_LOST);
	assert_non_null(strstr(a->err.text, "takes work"));
	assert_int_equal(f->fake.weight[1], 0);
	assert_false(f->fake.maint[1]);
	assert_int_equal(snapshot_of(f)->arms[ARM_V1].workers.ready, 0);
	f->fake.down[0] = false; /* pressed again */
	assert_int_equal(order(f, &back, false)->kind, ANSWER_APPLIED);
	assert_true(f->fake.maint[1]);
}

static void a_step_leaves_out_whom_a_person_took_out(void **state)
{
	struct fixture *f = *state;
	f->fake.weight[1] = 5;
	f->fake.maint[1] = true;
	open_at(f, f->pair);
	set_mode(f, MODE_GOOD);
	step(f, 2500);
	assert_false(was_asked(f, "pair/b state"));
	assert_true(f->fake.maint[1]);
}

/* Weights that a person set, which no step can: the way back takes the nearest below. */
static void a_rollback_takes_the_nearest_below(void **state)
{
	struct fixture *f = *state;
	f->fake.weight[1] = 100;
	open_at(f, f->pair);
	struct command back = a_command(f, VERB_ROLLBACK, 20);
	const struct answer *a = order(f, &back, false);
	assert_int_equal(a->kind, ANSWER_APPLIED);
	assert_int_equal(a->err.code, ERR_APPLIED_AS);
	assert_int_equal(a->share_bp, 0);
	driver_haproxy.close(f->driver);
	open_at(f, f->map);
	back = a_command(f, VERB_ROLLBACK, 3337);
	assert_int_equal(order(f, &back, false)->share_bp, 3330);
	driver_haproxy.close(f->driver);
	char target[300];
	snprintf(target, sizeof target, "%s&map=/m", f->pair);
	open_at(f, target);
	struct command arm = a_command(f, VERB_ARM, -1);
	arm.baseline_bp = 20;
	a = order(f, &arm, false);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_LIMIT);
	assert_non_null(strstr(a->err.text, "go back"));
	arm.baseline_bp = 500;
	snprintf(arm.id, sizeof arm.id, "another");
	assert_int_equal(order(f, &arm, false)->kind, ANSWER_APPLIED);
}

static void weights_alone_keep_no_hold(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->pair);
	struct command c = a_command(f, VERB_HOLD, -1);
	const struct answer *a = order(f, &c, false);
	assert_int_equal(a->err.code, ERR_LIMIT);
	assert_non_null(strstr(a->err.text, "map=FILE"));
	c = a_command(f, VERB_ARM, -1);
	a = order(f, &c, false);
	assert_int_equal(a->err.code, ERR_LIMIT);
	assert_non_null(strstr(a->err.text, "baseline"));
	assert_int_equal(snapshot_of(f)->baseline_bp, -1);
	c = a_command(f, VERB_ADOPT, -1);
	assert_int_equal(order(f, &c, false)->kind, ANSWER_APPLIED);
	assert_true(snapshot_of(f)->hold.on);
	assert_int_equal(step(f, 1000)->err.code, ERR_HELD);
	c = a_command(f, VERB_RESUME, -1);
	assert_int_equal(order(f, &c, false)->kind, ANSWER_APPLIED);
	assert_false(snapshot_of(f)->hold.on);
	assert_int_equal(step(f, 10)->err.code, ERR_LIMIT);
}

/* A map beside the weights keeps what they have no place for. */
static void weights_with_a_map_are_noted(void **state)
{
	struct fixture *f = *state;
	char target[300];
	snprintf(target, sizeof target, "%s&map=/m", f->pair);
	open_at(f, target);
	assert_int_equal(step(f, 2500)->kind, ANSWER_APPLIED);
	assert_int_equal(f->fake.permille, 0); /* the number of the map is another split's */
	const struct snapshot *s = snapshot_of(f);
	assert_int_equal(s->share_bp, 2500);
	assert_int_equal(s->rev, 1);
	assert_string_equal(s->change.actor, "ana@db1");
	struct command hold = a_command(f, VERB_HOLD, -1);
	assert_int_equal(order(f, &hold, false)->kind, ANSWER_APPLIED);
	driver_haproxy.close(f->driver);
	open_at(f, target); /* another process knows it too */
	assert_true(f->heard.snapshot.hold.on);
	assert_int_equal(step(f, 5000)->err.code, ERR_HELD);
}

static void a_refusal_for_want_of_rights_is_one(void **state)
{
	struct fixture *f = *state;
	open_at(f, f->pair);
	set_mode(f, MODE_DENIED);
	const struct answer *a = step(f, 1000);
	assert_int_equal(a->kind, ANSWER_REFUSED);
	assert_int_equal(a->err.code, ERR_READ_ONLY);
}

static void a_drain_takes_servers_out_and_back(void **state)
{
	struct fixture *f = *state;
	f->fake.weight[1] = 100;
	open_at(f, f->pair);
	struct command c = a_command(f, VERB_DRAIN, -1);
	c.drain = (struct drain){.arm = ARM_V2, .segment = -1, .worker = -1};
	c.drains = true;
	assert_int_equal(order(f, &c, false)->err.code, ERR_LIMIT); /* all that serves v2 */
	c.drains = false;
	assert_int_equal(order(f, &c, false)->kind, ANSWER_APPLIED);
	assert_true(was_asked(f, "set server pair/b state ready"));
}

/* ---- the way back without weir ---- */

static void the_way_back_is_one_line(void **state)
{
	(void)state;
	struct text t = {0};
	haproxy_advise_way_back(&t, "haproxy:/s?map=/m&key=orders&v1=a&v2=b", 500);
	assert_string_equal(
		text_str(&t), "echo 'set map /m orders 50' | socat stdio 'unix-connect:/s'");
	text_clear(&t);
	haproxy_advise_way_back(&t, "haproxy://10.0.0.1:99?backend=p&v1=a&v2=b", -1);
	assert_string_equal(text_str(&t),
		"echo 'set server p/a weight 100; set server p/b weight 0; set server p/b state maint' "
		"| socat stdio tcp:10.0.0.1:99");
	text_clear(&t);
	haproxy_advise_way_back(&t, "haproxy://[::1]:9999?map=/m&key=k&v1=a&v2=b", -1);
	assert_string_equal(text_str(&t), "echo 'set map /m k 0' | socat stdio 'tcp:[::1]:9999'");
	text_clear(&t);
	haproxy_advise_way_back(&t, "haproxy:/s", -1);
	assert_int_equal(t.len, 0);
	text_free(&t);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_view_becomes_a_document),
		CASE(a_broken_answer_is_a_failure),
		CASE(what_cannot_be_counted_is_refused),
		CASE(a_note_of_an_earlier_process_counts_nothing),
		CASE(looking_writes_nothing),
		CASE(time_is_finer_than_haproxys_seconds),
		CASE(what_is_no_view_is_trouble),
		CASE(a_socket_that_is_not_there_is_said),
		CASE(a_step_is_noted_and_read_back),
		CASE(only_the_last_notes_are_kept),
		CASE(a_step_on_old_news_is_refused),
		CASE(a_command_repeated_is_done_once),
		CASE(row_19_success_without_effect_is_no_success),
		CASE(row_09_a_lost_answer_is_asked_for),
		CASE(a_rollback_always_goes_out),
		CASE(a_step_finds_the_rollback_and_takes_itself_back),
		CASE(a_rollback_overrules_what_waits),
		CASE(a_fate_is_what_is_there),
		CASE(a_rollback_goes_to_the_baseline_that_was_armed),
		CASE(a_hold_refuses_raises_and_no_lowering),
		CASE(a_rollback_ends_a_hold),
		CASE(what_haproxy_has_not_is_refused),
		CASE(two_weirs_of_a_host_take_turns),
		CASE(weights_rise_before_they_fall),
		CASE(a_rollback_ends_with_v1_at_work),
		CASE(a_rollback_to_a_dead_v1_is_not_done),
		CASE(a_step_leaves_out_whom_a_person_took_out),
		CASE(a_rollback_takes_the_nearest_below),
		CASE(weights_alone_keep_no_hold),
		CASE(weights_with_a_map_are_noted),
		CASE(a_refusal_for_want_of_rights_is_one),
		CASE(a_drain_takes_servers_out_and_back),
		cmocka_unit_test(the_way_back_is_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
