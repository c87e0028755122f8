/* Real: served pools, a desk over sockets, and the loop between them. */
#include "tests/lib/real.h"

#include "client/drivers.h"
#include "client/engine/engine.h"
#include "client/serve.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/folder.h"
#include "tests/lib/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define WAIT_MS 20

static _Noreturn void give_up(const char *what, const char *why)
{
	fprintf(stderr, "real: %s%s%s\n", what, *why ? ": " : "", why);
	abort();
}

/* ---- the directory ---- */

void real_init(struct real *r)
{
	memset(r, 0, sizeof *r);
	const char *tmp = getenv("TMPDIR");
	snprintf(r->dir, sizeof r->dir, "%.64s/real-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(r->dir))
		give_up("no directory", r->dir);
}

void real_close(struct real *r)
{
	desk_free(r->desk, PATIENCE_MS);
	r->desk = NULL;
}

void real_release(struct real *r)
{
	real_close(r);
	for (int i = 0; i < REAL_POOLS_MAX; i++) {
		if (r->serve[i])
			serve_stop(r->serve[i]);
		if (r->engine[i])
			engine_stop(r->engine[i]);
	}
	folder_remove(r->dir);
}

/* ---- pools ---- */

void real_socket(const struct real *r, int i, char *out, size_t size)
{
	snprintf(out, size, "%s/pool-%d", r->dir, i);
}

void real_serve(struct real *r, int i, int share_bp)
{
	char path[160], listen[180], node[16];
	struct err err = {0};
	real_socket(r, i, path, sizeof path);
	snprintf(listen, sizeof listen, "unix:%s", path);
	snprintf(node, sizeof node, "node-%c", 'a' + i);
	struct engine_options engine = {.pool = "checkout",
		.pool_id = "shop-1",
		.node = node,
		.v2_workers = 1,
		.share_bp = share_bp,
		.strategy = STRATEGY_CANARY,
		.unit_ms = 500};
	struct serve_options how = {.listen = {listen}, .listen_count = 1, .callers = 1};
	if (engine_start(&r->engine[i], &engine, &err) < 0 ||
		serve_start(&r->serve[i], r->engine[i], &how, &err) < 0)
		give_up("no pool", err.text);
}

static struct snapshot *snapshot_of(const struct real *r, int i)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	engine_snapshot(r->engine[i], s);
	return s;
}

int real_share_bp(const struct real *r, int i)
{
	struct snapshot *s = snapshot_of(r, i);
	int share_bp = s->share_bp;
	free(s);
	return share_bp;
}

int64_t real_audit_seq(const struct real *r, int i)
{
	struct snapshot *s = snapshot_of(r, i);
	int64_t seq = s->audit_seq;
	free(s);
	return seq;
}

int64_t real_epoch(const struct real *r, int i)
{
	struct snapshot *s = snapshot_of(r, i);
	int64_t epoch = s->epoch;
	free(s);
	return epoch;
}

int real_other(struct real *r, int i, const char *actor, enum verb verb, int to_bp)
{
	static int keys;
	struct snapshot *s = snapshot_of(r, i);
	struct control_request change = {.verb = verb,
		.has_match = true,
		.match_epoch = s->epoch,
		.match_rev = s->rev,
		.to_bp = to_bp,
		.from_bp = -1,
		.strategy = STRATEGY_COUNT};
	struct control_answer a = {0};
	free(s);
	snprintf(change.key, sizeof change.key, "other-%d", ++keys);
	text_copy(change.actor, sizeof change.actor, actor);
	engine_change(r->engine[i], &change, &a);
	return a.status;
}

/* ---- the desk ---- */

static struct instant clock_of(const struct real *r)
{
	struct timespec boot, wall;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct instant){
		.boot_ms = boot.tv_sec * 1000 + boot.tv_nsec / 1000000 + r->skew_ms,
		.wall_ms = wall.tv_sec * 1000 + wall.tv_nsec / 1000000 + r->skew_ms,
	};
}

void real_desk(struct real *r, const char *actor)
{
	static const struct driver_ops *const schemes[] = {
		&driver_http, &driver_unix, &driver_haproxy, NULL};
	char history[160], keys[160];
	struct err err;
	snprintf(history, sizeof history, "%s/history.db", r->dir);
	snprintf(keys, sizeof keys, "%s/keys", r->dir);
	struct desk_options how = {.actor = actor,
		.history_path = history,
		.key_dir = keys,
		.schemes = schemes,
		.seed = 42,
		.host = "ops1"};
	r->now = clock_of(r);
	r->desk = desk_new(&how, r->now, &err);
	if (!r->desk)
		give_up("no desk", err.text);
}

int real_add(
	struct real *r, const char *name, const char *const *targets, int count, const char *token)
{
	struct guard_limits none;
	struct err err;
	guard_limits_init(&none);
	struct pool_setup pool = {.name = name,
		.env = "",
		.targets = targets,
		.target_count = count,
		.interval_ms = REAL_INTERVAL_MS,
		.plan_hash = "",
		.limits = &none};
	int index = desk_add(r->desk, &pool, token, NULL, r->now, &err);
	if (index < 0)
		give_up("no pool", err.text);
	int64_t end_ms = process_clock_ms() + PATIENCE_MS;
	while (!desk_loaded(r->desk, index)) {
		if (process_clock_ms() > end_ms)
			give_up("the history does not answer", "");
		real_turn(r);
	}
	return index;
}

void real_turn(struct real *r)
{
	int64_t began_ms = process_clock_ms();
	r->now = clock_of(r);
	desk_turn(r->desk, r->now);
	int64_t took_ms = process_clock_ms() - began_ms;
	if (took_ms > r->worst_turn_ms)
		r->worst_turn_ms = took_ms;
	desk_wait(r->desk, NULL, 0, WAIT_MS, r->now);
}

void real_skip(struct real *r, int64_t ms)
{
	r->skew_ms += ms;
	real_turn(r);
}

/* Trouble that comes again is known by its next try, which is a matter of chance. */
static bool has_ended(const struct node *n, const struct node *before)
{
	return n->last_at.boot_ms != before->last_at.boot_ms || n->retry_ms != before->retry_ms ||
		memcmp(&n->trouble, &before->trouble, sizeof n->trouble) != 0;
}

void real_ask(struct real *r, int pool, int node)
{
	client_poll_now(desk_client(r->desk), NODE_HANDLE(pool, node), r->now);
}

void real_poll(struct real *r, int pool, int node)
{
	struct node before = *real_node(r, pool, node);
	int64_t end_ms = process_clock_ms() + PATIENCE_MS;
	real_ask(r, pool, node);
	while (!has_ended(real_node(r, pool, node), &before)) {
		if (process_clock_ms() > end_ms)
			give_up("no poll ends", real_node(r, pool, node)->target);
		real_turn(r);
	}
}

/* ---- acts and facts ---- */

struct act_result real_act(struct real *r, int pool, enum verb verb, int to_bp)
{
	const struct standing *s = real_standing(r, pool);
	struct act_request request = {.verb = verb,
		.pool = pool,
		.to_bp = to_bp,
		.shown_epoch = s->epoch,
		.shown_rev = s->rev};
	struct act_result out;
	desk_act(r->desk, &request, r->now, &out);
	return out;
}

struct act_view real_view(const struct real *r, const char *id)
{
	struct act_view v;
	if (!desk_progress(r->desk, id, &v))
		give_up("no such act", id);
	return v;
}

const struct pool *real_pool(const struct real *r, int pool)
{
	return &desk_model(r->desk)->pools[pool];
}

const struct standing *real_standing(const struct real *r, int pool)
{
	return &real_pool(r, pool)->standing;
}

const struct node *real_node(const struct real *r, int pool, int node)
{
	return &real_pool(r, pool)->nodes[node];
}

/* ---- memory ---- */

static int64_t status_kb(const char *name)
{
	char line[128];
	int64_t kb = 0;
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtoll(line + strlen(name) + 1, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static int64_t began_kb;

void real_memory_begin(void)
{
	/* 5 makes the kernel forget the highest; without the right to, it stays what it was */
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "5", 1) != 1)
			give_up("the highest mark of memory stays", "");
		close(fd);
	}
	began_kb = status_kb("VmHWM");
}

int64_t real_memory_kb(void)
{
	int64_t kb = status_kb("VmHWM") - began_kb;
	return kb > 0 ? kb : 0;
}
