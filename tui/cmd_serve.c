/* weir serve: the embedded engine as a pool over HTTP. What the configuration says is read first,
 * what the environment says goes before it, before that the command line, and state that was kept
 * before all of them. */
#include "client/engine/environment.h"
#include "client/engine/exec.h"
#include "client/secret.h"
#include "client/serve.h"
#include "client/serve_shape.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/bounds.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/member.h"
#include "tui/setup.h"
#include "tui/words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_MS 5000
#define CERT_MAX (256 * 1024)

/* What a server shows and asks for: read before the engine starts, wiped at the end. */
struct door_keys {
	struct secret_list tokens;
	struct text cert;
	char *key;
};

/* Worker programs: what the engine borrows while it runs. */
struct programs {
	struct words words[ARM_COUNT];
	struct exec_options exec[ARM_COUNT];
	struct text run_dir;
};

/* ---- the shape ---- */

/* What the configuration says, before it the environment, before that the command line. */
static int read_config(struct serve_shape *shape, const struct config *c, struct err *err)
{
	for (int i = 0; i < SERVE_SETTING_COUNT; i++) {
		const struct config_setting *s = &c->engine.set[i];
		if (s->text && serve_shape_read(shape, (enum serve_setting)i, s->text, err) < 0)
			return err_prefix(err, "%s:%d:%d", c->path, s->line, s->column);
	}
	return 0;
}

static int read_options(struct serve_shape *shape, const struct options *o, struct err *err)
{
	for (int i = 0; i < SERVE_SETTING_COUNT; i++) {
		enum serve_setting s = (enum serve_setting)i;
		const char *text = s == SERVE_LIMIT ? o->limit : o->setting[i];
		struct err why = {0};
		if (text &&
			(config_engine_check(s, text, &why) < 0 ||
				serve_shape_read(shape, s, text, &why) < 0))
			return err_set(err, ERR_USAGE, "--%s %s", serve_setting_option(s), why.text);
	}
	if (o->share_bp >= 0)
		shape->engine.share_bp = o->share_bp;
	return 0;
}

/* What would be without effect. */
static int check_weights(const struct residents_options *r, struct err *err)
{
	int last = RESIDENTS_NODES_MAX, nodes = r->nodes ? r->nodes : 1;
	while (last > 0 && r->weight[last - 1] == 0)
		last--;
	if (last > nodes)
		return err_set(err, ERR_USAGE, "there is a weight for node %d, and there are %d nodes",
			last, nodes);
	if (last > 0 && r->placement != PLACEMENT_WEIGHTED)
		return err_set(err, ERR_USAGE, "weights go with weighted placement only, not with %s",
			placement_name(r->placement));
	return 0;
}

static int read_shape(
	struct serve_shape *shape, const struct config *c, const struct options *o, struct err *err)
{
	if (read_config(shape, c, err) < 0 || environment_apply(&shape->engine, err) < 0 ||
		read_options(shape, o, err) < 0 || check_weights(&shape->residents, err) < 0)
		return -1;
	return 0;
}

/* ---- worker programs ---- */

/* A line of a worker's standard error; called in a thread of the worker's. */
static void tell_line(void *ctx, const char *line)
{
	fprintf(stderr, "weir: %s worker: %s\n", (const char *)ctx, line);
}

static int read_program(struct programs *p, enum arm arm, const struct serve_shape *shape,
	const struct exec_options **out, struct err *err)
{
	static char names[ARM_COUNT][4] = {"v1", "v2"};
	struct bounds b = {0};
	if (!shape->command[arm])
		return 0;
	if (bounds_read_recycle(&b, shape->recycle, err) < 0 ||
		bounds_read_limit(&b, shape->limit, err) < 0)
		return -1;
	if (words_read(&p->words[arm], shape->command[arm], err) < 0)
		return err_prefix(err, "%s", names[arm]);
	p->exec[arm] = (struct exec_options){.argv = p->words[arm].word,
		.run_dir = p->run_dir.len ? text_str(&p->run_dir) : NULL,
		.max_age_us = b.age_us,
		.max_requests = b.requests,
		.max_memory_bytes = b.memory_bytes,
		.limits = {.memory_bytes = b.limit_memory_bytes,
			.cpu_s = b.limit_cpu_s,
			.fds = b.limit_files},
		.log = tell_line,
		.log_ctx = names[arm]};
	*out = &p->exec[arm];
	return 0;
}

static int read_programs(
	struct programs *p, struct serve_shape *shape, const struct options *o, struct err *err)
{
	if (o->state)
		text_addf(&p->run_dir, "%s/workers", o->state);
	if (read_program(p, ARM_V1, shape, &shape->engine.v1_exec, err) < 0 ||
		read_program(p, ARM_V2, shape, &shape->engine.exec, err) < 0)
		return -1;
	return 0;
}

/* Ends what a pool that was killed has left of its workers. */
static int sweep(const struct programs *p, struct err *err)
{
	struct exec_swept swept;
	if (p->run_dir.len == 0 || (p->words[ARM_V1].count == 0 && p->words[ARM_V2].count == 0))
		return 0;
	if (exec_sweep(text_str(&p->run_dir), &swept, err) < 0)
		return -1;
	if (swept.killed > 0)
		fprintf(stderr, "weir: %d processes of an earlier pool's workers were ended\n",
			swept.killed);
	return 0;
}

static void free_programs(struct programs *p)
{
	for (int i = 0; i < ARM_COUNT; i++)
		words_free(&p->words[i]);
	text_free(&p->run_dir);
}

static int read_cert(struct text *out, const char *path, struct err *err)
{
	char part[4096];
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	while (fd >= 0 && out->len <= CERT_MAX && (n = read(fd, part, sizeof part)) > 0)
		text_add_n(out, part, (size_t)n);
	int failed = errno;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return err_set(
			err, ERR_FILE, "certificate '%s' cannot be read: %s", path, strerror(failed));
	if (n > 0 || out->len == 0)
		return err_set(
			err, ERR_CONFIG, "certificate '%s' is %s", path, n > 0 ? "too long" : "empty");
	return 0;
}

static int read_keys(struct door_keys *k, const struct options *o, struct err *err)
{
	if (!o->tls_cert != !o->tls_key)
		return err_set(err, ERR_USAGE, "--tls-cert and --tls-key go together");
	if (o->token_file && secret_read_list(&k->tokens, o->token_file, err) < 0)
		return -1;
	if (!o->tls_cert)
		return 0;
	return read_cert(&k->cert, o->tls_cert, err) < 0
		? -1
		: secret_read_key(&k->key, o->tls_key, err);
}

static void free_keys(struct door_keys *k)
{
	secret_list_free(&k->tokens);
	text_free(&k->cert);
	secret_free(k->key);
}

static int read_listen(
	struct serve_options *s, const struct options *o, const struct door_keys *k)
{
	for (int i = 0; i < o->listen_count; i++)
		s->listen[i] = o->listen[i];
	s->listen_count = o->listen_count;
	if (s->listen_count == 0) {
		s->listen[0] = "127.0.0.1:7070";
		s->listen_count = 1;
	}
	s->allow_faults = o->allow_faults;
	s->tokens = o->token_file ? &k->tokens : NULL;
	s->cert = o->tls_cert ? text_str(&k->cert) : NULL;
	s->key = k->key;
	return 0;
}

/* Written whole under another name, then renamed: who reads it finds a port or nothing. */
static int write_port(const char *path, int port, struct err *err)
{
	char name[4096], line[16];
	int n = snprintf(line, sizeof line, "%d\n", port);
	snprintf(name, sizeof name, "%s.new", path);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool bad = fd < 0 || write(fd, line, (size_t)n) != n;
	if (fd >= 0)
		close(fd);
	if (bad || rename(name, path) < 0)
		return err_set(
			err, ERR_FILE, "port file '%s' cannot be written: %s", path, strerror(errno));
	return 0;
}

static int first_port(const struct serve *s, const struct serve_options *how)
{
	for (int i = 0; i < how->listen_count; i++)
		if (serve_port(s, i) > 0)
			return serve_port(s, i);
	return 0;
}

static void tell_tokens(const struct secret_list *tokens)
{
	char name[SECRET_MASK_MAX];
	for (int i = 0; i < tokens->count; i++) {
		secret_mask(name, tokens->tokens[i].text);
		fprintf(stderr, "weir: token %s may %s\n", name,
			tokens->tokens[i].grant == SECRET_READS ? "read" : "read and write");
	}
}

/* What was asked for and is not in force: the state's word goes before the command line's, that
 * before the environment's. */
static void tell_split(
	struct engine *engine, const struct engine_options *e, const struct options *o)
{
	char names[ENVIRONMENT_NAMES_MAX];
	struct snapshot *s = mem_new(1, sizeof *s);
	environment_split_names(names);
	engine_snapshot(engine, s);
	bool share = s->share_bp != e->share_bp, strategy = s->strategy != e->strategy;
	const char *option = share && o->share_bp >= 0 ? "--share" : "";
	if ((share || strategy) && (*option || *names))
		fprintf(stderr, "weir: the split is %s at %.2f%%%s; not applied: %s%s%s\n",
			strategy_name(s->strategy), s->share_bp / 100.0,
			share && o->state ? ", as it was kept" : "", option, *option && *names ? ", " : "",
			names);
	free(s);
}

/* The first address, as a console reaches it. */
static int join_fleet(struct engine *engine, const struct serve *serve,
	const struct serve_options *how, const struct options *o, struct err *err)
{
	struct text url = {0};
	const char *colon = strrchr(how->listen[0], ':');
	if (o->advertise)
		text_add(&url, o->advertise);
	else if (serve_port(serve, 0) > 0)
		text_addf(&url, "%s://%.*s:%d", how->cert ? "https" : "http",
			(int)(colon - how->listen[0]), how->listen[0], serve_port(serve, 0));
	else
		text_add(&url, how->listen[0]);
	int rc = member_run(engine, o, text_str(&url), err);
	text_free(&url);
	return rc;
}

static int run(struct engine *engine, const struct engine_options *e, const struct options *o,
	const struct door_keys *k, struct err *err)
{
	struct serve_options how = {0};
	struct serve *serve;
	read_listen(&how, o, k);
	if (serve_start(&serve, engine, &how, err) < 0)
		return -1;
	int rc = o->port_file ? write_port(o->port_file, first_port(serve, &how), err) : 0;
	for (int i = 0; rc == 0 && i < how.listen_count; i++) {
		int port = serve_port(serve, i);
		const char *colon = strrchr(how.listen[i], ':');
		if (port > 0)
			fprintf(stderr, "weir: serving on %s://%.*s:%d\n", how.cert ? "https" : "http",
				(int)(colon - how.listen[i]), how.listen[i], port);
		else
			fprintf(stderr, "weir: serving on %s\n", how.listen[i]);
	}
	if (rc == 0)
		tell_tokens(&k->tokens);
	if (rc == 0 && *engine_note(engine))
		fprintf(stderr, "weir: %s\n", engine_note(engine));
	if (rc == 0)
		tell_split(engine, e, o);
	if (rc == 0 && !o->state)
		fprintf(stderr, "weir: no --state: a restart forgets share, epoch, keys and audit\n");
	if (rc == 0 && o->etcd_count > 0)
		rc = join_fleet(engine, serve, &how, o, err);
	while (rc == 0 && !loop_interrupted() && !loop_pause(-1))
		;
	if (rc == 0)
		engine_drain(engine, DRAIN_MS);
	serve_stop(serve);
	return rc;
}

int cmd_serve(const struct options *o)
{
	struct setup s;
	struct err err = {0};
	struct engine *engine = NULL;
	struct door_keys keys = {0};
	struct programs programs = {0};
	const char *pool = o->pool ? o->pool : "weir";
	struct serve_shape shape = {.engine = {.pool = pool,
									.pool_id = o->pool_id ? o->pool_id : pool,
									.node = o->node ? o->node : pool,
									.strategy = STRATEGY_CANARY,
									.state_dir = o->state}};
	struct engine_options *e = &shape.engine;
	int status = EXIT_DONE;
	e->residents = &shape.residents;
	if (setup_init(&s, o, &err) < 0 || read_shape(&shape, &s.config, o, &err) < 0 ||
		read_programs(&programs, &shape, o, &err) < 0 || read_keys(&keys, o, &err) < 0 ||
		member_check(o, &err) < 0) {
		status = setup_fail(&err);
	} else {
		e->scenario = s.scenario.name[0] ? &s.scenario : NULL;
		if (engine_start(&engine, e, &err) < 0 || sweep(&programs, &err) < 0 ||
			run(engine, e, o, &keys, &err) < 0)
			status = setup_fail(&err);
	}
	if (engine)
		engine_stop(engine);
	free_keys(&keys);
	free_programs(&programs);
	setup_release(&s);
	return status;
}
