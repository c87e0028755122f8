/* Where things live and who acts, and the desk that follows from it. Not its pools:
 * setup_pools.c. */
#include "tui/setup.h"

#include "client/drivers.h"
#include "client/prometheus.h"
#include "history/lock.h"
#include "history/query.h"
#include "history/replay.h"
#include "model/forced.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/loop.h"
#include "tui/repertoire.h"
#include "tui/setup_pools.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct driver_ops *const setup_schemes[] = {&driver_local, &driver_http, &driver_https,
	&driver_unix, &driver_haproxy, &driver_etcd, &replay_driver, &driver_prometheus, NULL};

int setup_fail(const struct err *err)
{
	fprintf(stderr, "weir: %s %s\n", err_name(err->code), err->text);
	return (int)err_status(err->code);
}

/* The login behind sudo, the login, or the number; WEIR_ACTOR names a person on a shared
 * account. */
static void find_actor(struct setup *s)
{
	char host[65] = "localhost";
	gethostname(host, sizeof host - 1);
	text_clean(s->host, sizeof s->host, host, strlen(host));
	const char *actor = getenv("WEIR_ACTOR");
	const char *login = getenv("SUDO_USER");
	char number[24];
	if (actor && *actor) {
		text_clean(s->actor, sizeof s->actor, actor, strlen(actor));
		return;
	}
	if (!login || !*login) {
		const struct passwd *user = getpwuid(getuid());
		snprintf(number, sizeof number, "uid%u", (unsigned)getuid());
		login = user ? user->pw_name : number;
	}
	char both[POOL_ACTOR_MAX];
	snprintf(both, sizeof both, "%.31s@%.60s", login, s->host);
	text_clean(s->actor, sizeof s->actor, both, strlen(both));
}

static char *join(const char *a, const char *b)
{
	struct text t = {0};
	text_addf(&t, "%s%s", a, b);
	return text_take(&t);
}

static char *find_state_dir(void)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (xdg && *xdg == '/')
		return join(xdg, "/weir");
	return join(home && *home ? home : "/tmp", "/.local/state/weir");
}

/* Makes a directory and its parents, private to the person. */
static int make_dirs(const char *path, struct err *err)
{
	char *copy = mem_copy(path);
	int rc = 0;
	for (char *at = copy + 1; rc == 0; at++) {
		if (*at != '/' && *at != 0)
			continue;
		char end = *at;
		*at = 0;
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			rc = err_set(
				err, ERR_FILE, "directory '%s' cannot be made: %s", copy, strerror(errno));
		*at = end;
		if (!end)
			break;
	}
	free(copy);
	return rc;
}

int setup_init(struct setup *s, const struct options *o, struct err *err)
{
	memset(s, 0, sizeof *s);
	find_actor(s);
	s->state_dir = find_state_dir();
	int rc = config_load(&s->config, o->config, err);
	if (rc == 0 && o->scenario)
		rc = repertoire_find(&s->scenario, o->scenario, err);
	const char *path = o->out ? o->out : o->history ? o->history : s->config.history;
	s->history_path = path ? mem_copy(path) : join(s->state_dir, "/history.db");
	return rc;
}

void setup_demo(struct plan *plan, struct guard_limits *limits)
{
	plan_init(plan);
	plan_usual(plan);
	plan->bake_ms = 15000;
	plan->min_samples = 10;
	plan->policy = *policy_builtin(POLICY_DEMO);
	guard_limits_init(limits);
	limits->error_rate = 0.05;
	limits->latency_ms = 1000;
}

/* ---- the history ---- */

/* The demo begins afresh: what an earlier one recorded is another pool's past. */
static void forget_demo(const char *path)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-lock"};
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		char *name = join(path, tails[i]);
		unlink(name);
		free(name);
	}
}

#define DEMOS 16 /* at once of one person */

/* Where a demo records: what another one that runs has open is left alone. */
static char *demo_history(const char *dir, const char *what)
{
	char name[32], whose[64];
	snprintf(name, sizeof name, "/%s.db", what);
	char *path = join(dir, name);
	for (int i = 2; i <= DEMOS && lock_other(path, whose, sizeof whose); i++) {
		snprintf(name, sizeof name, "/%s-%d.db", what, i);
		free(path);
		path = join(dir, name);
	}
	return path;
}

static int prepare_history(
	struct setup *s, const struct options *o, enum setup_mode mode, struct err *err)
{
	if (s->demo && !o->history && !o->out) {
		free(s->history_path);
		s->history_path = demo_history(s->state_dir, s->rules ? "rehearsal" : "demo");
	}
	if (mode == SETUP_LOOK)
		return 0;
	if (make_dirs(s->state_dir, err) < 0)
		return -1;
	if (s->demo && mode == SETUP_CONSOLE && !o->history && !o->out)
		forget_demo(s->history_path);
	return 0;
}

/* Where recorders of this host that guard are found. */
static const char *lock_dir(void)
{
	const char *dir = getenv("WEIR_LOCK_DIR");
	return dir && *dir == '/' ? dir : "/run/lock";
}

/* Beside the history, where nothing else is said. */
static char *find_flags(const struct setup *s)
{
	const char *name = strrchr(s->history_path, '/');
	struct text path = {0};
	if (s->config.flags)
		return mem_copy(s->config.flags);
	text_add_n(&path, s->history_path, name ? (size_t)(name + 1 - s->history_path) : 0);
	text_add(&path, "flags");
	return text_take(&path);
}

/* ---- the desk ---- */

#define INTERVAL_MIN_MS 100 /* as in the configuration */
#define INTERVAL_MAX_MS (3600 * 1000)

int setup_open(struct setup *s, const struct options *o, const char *const *targets, int count,
	enum setup_mode mode, bool demo_allowed, struct err *err)
{
	if (count == 0 && s->config.pool_count == 0 && !demo_allowed)
		return err_set(
			err, ERR_USAGE, "no pool: name a TARGET, or configure pools (weir.yaml(5))");
	static const char *const demo[] = {"local:demo"};
	if (count == 0 && s->config.pool_count == 0) {
		targets = demo;
		count = 1;
	}
	/* Before anything is made on the disk. */
	if (o->interval_ms != UNKNOWN &&
		(o->interval_ms < INTERVAL_MIN_MS || o->interval_ms > INTERVAL_MAX_MS))
		return err_set(err, ERR_USAGE, "--interval must be 100ms to 1h");
	for (int i = 0; i < count; i++)
		if (!setup_pools_is_url(targets[i]) && !config_pool(&s->config, targets[i]))
			return setup_pools_unknown(s, o, targets[i], err);
	bool brakes = mode == SETUP_BRAKE;
	s->demo = count == 1 && strncmp(targets[0], "local:", 6) == 0;
	if (prepare_history(s, o, mode, err) < 0) {
		if (mode != SETUP_BRAKE)
			return -1;
		setup_fail(err);
		mode = SETUP_LOOK;
	}
	s->flags_dir = find_flags(s);
	config_json(&s->config_json, &s->config);
	struct desk_options how = {.actor = s->actor,
		.history_path = mode == SETUP_LOOK ? NULL : s->history_path,
		.keep_ms = s->config.retention_ms,
		.cap_bytes = s->config.history_cap,
		.max_raising = s->config.max_raising > 0 ? s->config.max_raising : 1,
		.key_dir = s->state_dir,
		.schemes = setup_schemes,
		.seed = loop_seed(),
		.read_only = mode == SETUP_LOOK && !brakes,
		.passive = mode == SETUP_RECORD,
		.record = mode == SETUP_RECORD || mode == SETUP_GUARD || mode == SETUP_CONSOLE,
		.guard = mode == SETUP_GUARD,
		.console = mode == SETUP_CONSOLE,
		.lock_dir = lock_dir(),
		.flags_dir = brakes ? NULL : s->flags_dir,
		.flags_named = s->config.flags != NULL,
		.shared = s->history_path,
		.config_json = text_str(&s->config_json),
		.host = s->host};
	s->desk = desk_new(&how, loop_now(), err);
	int rc = s->desk ? 0 : -1;
	for (int i = 0; rc == 0 && i < count; i++)
		rc = setup_pools_add(s, o, targets[i], s->demo, err);
	for (size_t i = 0; rc == 0 && count == 0 && i < s->config.pool_count; i++)
		rc = setup_pools_add(s, o, s->config.pools[i].name, false, err);
	return rc;
}

int setup_keys(const struct setup *s, struct err *err)
{
	return make_dirs(s->state_dir, err);
}

/* ---- the end ---- */

#define SETTLE_MS 5000 /* of a disk that takes no row at all */
#define SLICE_MS 100
#define SAY_MS 1000

/* Whether somebody wants the end now, however it stands. A terminal that goes says so more than
 * once. */
static bool wants_the_end(void)
{
	bool wants = false;
	for (int signo; (signo = loop_signal()) != 0;)
		wants |= signo == SIGINT || signo == SIGTERM;
	return wants;
}

/* Nothing more comes: what there is is written as long as the disk takes some of it. */
static void settle(struct history *h)
{
	int64_t left = history_left(h), said_ms = loop_now().boot_ms;
	int64_t end_ms = said_ms + SETTLE_MS;
	wants_the_end(); /* what has ended the work is heard already */
	while (!history_settle(h, SLICE_MS)) {
		int64_t now_ms = loop_now().boot_ms, still = history_left(h);
		if (still < left)
			end_ms = now_ms + SETTLE_MS;
		left = still;
		if (wants_the_end() || now_ms >= end_ms)
			return;
		if (left == 0 || now_ms - said_ms < SAY_MS)
			continue;
		said_ms = now_ms;
		fprintf(stderr,
			"weir: writes the last %lld row%s into the history; Ctrl-C or another SIGTERM ends "
			"without them\n",
			(long long)left, left == 1 ? "" : "s");
	}
}

/* Whoever notes it down can tell later whether the file was cut or exchanged. */
static void say_head(struct history *h)
{
	struct history_chain c;
	settle(h);
	history_chain(h, &c);
	if (c.wrote)
		fprintf(stderr, "weir: history head %.16s, %lld row%s\n", c.head, (long long)c.rows,
			c.rows == 1 ? "" : "s");
}

int64_t setup_release(struct setup *s)
{
	if (s->desk && desk_history(s->desk))
		say_head(desk_history(s->desk));
	int64_t lost = desk_free(s->desk, 0);
	config_free(&s->config);
	text_free(&s->config_json);
	free(s->state_dir);
	free(s->history_path);
	free(s->flags_dir);
	memset(s, 0, sizeof *s);
	return lost;
}

/* ---- waiting for the first facts ---- */

struct remember {
	struct setup *s;
	int pool;
};

static bool remember_one(void *ctx, const struct decision *d)
{
	const struct remember *r = ctx;
	desk_remember(r->s->desk, r->pool, d, loop_now());
	return true;
}

/* However long ago it was, it marks the migration. */
static bool remember_forced(void *ctx, const struct decision *d)
{
	return forced_of(d) ? remember_one(ctx, d) : true;
}

/* A step from here would need the history: whether it could be written is a fact like others.
 */
static void presume_history(struct setup *s)
{
	struct err why = {0};
	if (access(s->history_path, W_OK) < 0 && errno != ENOENT)
		err_set(&why, ERR_HISTORY, "'%s': %s", s->history_path, strerror(errno));
	desk_presume(s->desk, &why, loop_now());
}

static int remember_pool(struct setup *s, struct query *q, int pool, struct err *err)
{
	const char *name = desk_model(s->desk)->pools[pool].name;
	const struct query_filter all = {.pool = name};
	const struct query_filter f = {.pool = name, .last = POOL_DECISIONS / 2};
	struct remember r = {s, pool};
	struct history_answer *pins = mem_new(1, sizeof *pins);
	int rc = query_pins(q, name, pins, err);
	if (rc == 0 && pins->pool_id[0])
		desk_pin(s->desk, pool, pins->pool_id, loop_now());
	history_answer_release(pins);
	free(pins);
	if (rc < 0 || query_decisions(q, &all, remember_forced, &r, err) < 0)
		return -1;
	return query_decisions(q, &f, remember_one, &r, err);
}

struct opening {
	const char *path;
	struct query *query;
	struct err *err;
};

static bool opened(void *ctx)
{
	struct opening *o = ctx;
	return query_open(&o->query, o->path, o->err) == 0;
}

#define MAKING_MS 1000

int setup_remember(struct setup *s, struct err *err)
{
	presume_history(s);
	struct stat st;
	/* One that somebody is just making is empty still, or soon more than a beginning. */
	if (stat(s->history_path, &st) != 0 || st.st_size == 0)
		return 0;
	struct opening o = {s->history_path, NULL, err};
	if (!loop_until(s->desk, opened, &o, MAKING_MS))
		return -1;
	int rc = 0;
	for (int i = 0; rc == 0 && i < desk_model(s->desk)->pool_count; i++)
		rc = remember_pool(s, o.query, i, err);
	query_close(o.query);
	return rc;
}

static bool settled(void *ctx)
{
	const struct setup *s = ctx;
	const struct model *m = desk_model(s->desk);
	for (int i = 0; i < m->pool_count; i++) {
		if (!desk_loaded(s->desk, i) || !desk_looked(s->desk, i))
			return false;
		const struct pool *p = &m->pools[i];
		for (int k = 0; k < p->node_count; k++) {
			const struct node *n = &p->nodes[k];
			bool audited = n->last &&
				(n->last->audit_seq == UNKNOWN || n->audit_seen == n->last->audit_seq);
			if (!n->last || n->foreign || n->last_tick == UNKNOWN || !audited)
				return false;
		}
	}
	return true;
}

bool setup_settle(struct setup *s, int64_t timeout_ms)
{
	return loop_until(s->desk, settled, s, timeout_ms);
}
