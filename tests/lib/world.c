/* World: directories, environments and the pool of an end to end test. */
#define _GNU_SOURCE
#include "tests/lib/world.h"

#include "model/mem.h"
#include "model/text.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORLDS_MAX 4
#define READY_MS 10000
#define RUN_MS 30000
#define CALL_MS 5000

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

/* ---- places ---- */

void world_path(const struct world *w, char out[WORLD_PATH], const char *name)
{
	if (snprintf(out, WORLD_PATH, "%s/%s", w->dir, name) >= WORLD_PATH)
		die("world: the path of '%s' is too long", name);
}

void world_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		die("world: '%s' cannot be written", path);
}

static const char *program(const char *name, const char *fallback)
{
	const char *path = getenv(name);
	path = path && *path ? path : fallback;
	if (access(path, R_OK) != 0)
		die("world: no '%s': build it, or set %s", path, name);
	return path;
}

const char *world_weir(void)
{
	static char path[4096];
	if (!path[0] && !realpath(program("WEIR", "build/weir"), path))
		die("world: no path of the program");
	return path;
}

const char *world_preload(void)
{
	static char path[4096];
	if (!path[0] && !realpath(program("PRELOAD", "build/preload.so"), path))
		die("world: no path of the preload library");
	return path;
}

/* What is still there when the test program ends by die(). */
static struct world *worlds[WORLDS_MAX];

static void close_all(void)
{
	for (int i = 0; i < WORLDS_MAX; i++)
		if (worlds[i])
			world_close(worlds[i]);
}

static void enlist(struct world *w)
{
	static bool prepared;
	int i = 0;
	while (i < WORLDS_MAX && worlds[i])
		i++;
	if (i == WORLDS_MAX || (!prepared && atexit(close_all) != 0))
		die("world: too many worlds");
	prepared = true;
	worlds[i] = w;
}

void world_open(struct world *w)
{
	const char *base = getenv("TMPDIR");
	memset(w, 0, sizeof *w);
	w->http.fd = -1;
	/* A socket's path is short; a long TMPDIR does not fit. */
	if (!base || strlen(base) > 60)
		base = "/tmp";
	snprintf(w->dir, sizeof w->dir, "%s/weir-e2e.XXXXXX", base);
	if (!mkdtemp(w->dir))
		die("world: no directory in '%s'", base);
	enlist(w);
	world_path(w, w->socket, "pool.sock");
	snprintf(w->target, sizeof w->target, "unix:%.180s", w->socket);
	world_path(w, w->history, "history.db");
	world_path(w, w->config, "weir.yaml");
	static const char *const names[] = {
		"HOME=", "XDG_STATE_HOME=", "XDG_CONFIG_HOME=", "TMPDIR="};
	static const char *const tails[] = {"", "/state", "/etc", ""};
	for (size_t i = 0; i < 4; i++)
		snprintf(w->own[i], sizeof w->own[i], "%s%s%s", names[i], w->dir, tails[i]);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void world_close(struct world *w)
{
	for (int i = 0; i < WORLDS_MAX; i++)
		if (worlds[i] == w)
			worlds[i] = NULL;
	process_signal(&w->pool, SIGCONT);
	process_release(&w->pool);
	http_close(&w->http);
	if (w->dir[0])
		nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	memset(w, 0, sizeof *w);
	w->http.fd = -1;
}

/* ---- programs ---- */

static size_t add_env(struct world_env *env, size_t n, const char *const *more)
{
	for (; more && *more; more++) {
		if (n + 1 >= WORLD_ENV_MAX)
			die("world: too many variables");
		env->list[n++] = *more;
	}
	return n;
}

static size_t base_env(struct world_env *env, const struct world *w)
{
	static const char *const rest[] = {"WEIR_ACTOR=kim@e2e", "LC_ALL=C.UTF-8",
		"TERM=xterm-256color", "NO_COLOR", "LD_PRELOAD", "SUDO_USER", "http_proxy", NULL};
	memset(env, 0, sizeof *env);
	for (size_t i = 0; i < 4; i++)
		env->list[i] = w->own[i];
	return add_env(env, 4, rest);
}

struct world_env world_env(const struct world *w, const char *const *more)
{
	struct world_env env;
	add_env(&env, base_env(&env, w), more);
	return env;
}

struct world_env world_fault(struct world *w, const char *rules, const char *const *more)
{
	struct world_env env;
	size_t n = base_env(&env, w);
	snprintf(w->preload[0], sizeof w->preload[0], "LD_PRELOAD=%s", world_preload());
	snprintf(w->preload[1], sizeof w->preload[1], "PRELOAD_FAULT=%s", rules);
	n = add_env(&env, n, ARGS(w->preload[0], w->preload[1]));
	add_env(&env, n, more);
	return env;
}

static void command(const char *argv[64], const char *const *args)
{
	size_t n = 0;
	argv[n++] = world_weir();
	for (; *args && n < 63; args++)
		argv[n++] = *args;
	argv[n] = NULL;
}

void world_start(
	struct world *w, struct process *p, const struct world_env *env, const char *const *args)
{
	const char *argv[64];
	struct world_env own = world_env(w, NULL);
	command(argv, args);
	if (!process_start(p, argv, env ? env->list : own.list))
		die("world: '%s' cannot be started", argv[0]);
}

int world_run(
	struct world *w, struct process *p, const struct world_env *env, const char *const *args)
{
	world_start(w, p, env, args);
	int status = process_wait(p, RUN_MS);
	if (status < 0)
		process_signal(p, SIGKILL);
	return status;
}

void world_console(struct world *w, struct pty *p, int width, int height,
	const struct world_env *env, const char *const *args)
{
	const char *argv[64];
	struct world_env own = world_env(w, NULL);
	command(argv, args);
	if (!pty_start(p, width, height, argv, env ? env->list : own.list))
		die("world: no terminal for '%s'", argv[0]);
}

/* ---- the pool ---- */

void world_pool(struct world *w, bool tcp, const char *const *more)
{
	char port_file[WORLD_PATH];
	const char *args[40] = {
		"serve", "--pool", "checkout", "--port-file", port_file, "--listen", w->target};
	size_t n = 7;
	world_path(w, port_file, "port");
	if (tcp) {
		args[n++] = "--listen";
		args[n++] = "127.0.0.1:0";
	}
	for (; *more && n < 39; more++)
		args[n++] = *more;
	process_release(&w->pool);
	world_start(w, &w->pool, NULL, args);
	if (!process_wait_err(&w->pool, "serving on", READY_MS) || !http_open(&w->http, w->target))
		die("world: the pool does not serve: %s", w->pool.err.text);
	FILE *f = fopen(port_file, "r");
	if (f && fscanf(f, "%d", &w->port) != 1)
		die("world: no port in '%s'", port_file);
	if (f)
		fclose(f);
}

void world_config(struct world *w, const char *target, const char *rest)
{
	struct text t = {0};
	text_addf(
		&t, "history: %s\npools:\n  checkout:\n    target: %s\n%s", w->history, target, rest);
	world_write(w->config, text_str(&t));
	text_free(&t);
}

/* ---- JSON ---- */

static const cJSON *member(const cJSON *json, const char *path)
{
	char name[64];
	while (json && *path) {
		size_t len = strcspn(path, ".");
		snprintf(name, sizeof name, "%.*s", (int)len, path);
		json = cJSON_GetObjectItemCaseSensitive(json, name);
		path += len + (path[len] == '.');
	}
	return json;
}

int64_t world_number(const struct cJSON *json, const char *path)
{
	const cJSON *item = member(json, path);
	if (!cJSON_IsNumber(item)) {
		char *text = cJSON_Print(json);
		die("world: no number '%s' in %s", path, text ? text : "nothing");
	}
	return (int64_t)item->valuedouble;
}

const char *world_word(const struct cJSON *json, const char *path)
{
	const cJSON *item = member(json, path);
	return cJSON_IsString(item) ? item->valuestring : "";
}

static cJSON *ask(struct world *w, const char *path)
{
	int status = http_call(&w->http, "GET", path, NULL, NULL, CALL_MS);
	if (status == 0) { /* an idle connection may have been closed */
		http_close(&w->http);
		if (http_open(&w->http, w->target))
			status = http_call(&w->http, "GET", path, NULL, NULL, CALL_MS);
	}
	cJSON *json = status == 200 ? cJSON_Parse(w->http.body) : NULL;
	if (!json)
		die("world: GET %s: status %d", path, status);
	return json;
}

struct cJSON *world_state(struct world *w)
{
	return ask(w, "/v1/state");
}

struct cJSON *world_audit(struct world *w, int64_t since)
{
	char path[64];
	snprintf(path, sizeof path, "/v1/audit?since=%lld", (long long)since);
	cJSON *json = ask(w, path);
	cJSON *entries = cJSON_DetachItemFromObjectCaseSensitive(json, "entries");
	cJSON_Delete(json);
	return entries;
}

int64_t world_fact(struct world *w, const char *name)
{
	cJSON *state = world_state(w);
	int64_t value = world_number(state, name);
	cJSON_Delete(state);
	return value;
}

struct cJSON *world_lines(const char *text)
{
	cJSON *all = cJSON_CreateArray();
	while (*text) {
		size_t len = strcspn(text, "\n");
		cJSON *line = cJSON_ParseWithLength(text, len);
		if (len > 0 && !line)
			die("world: not JSON: %.*s", (int)len, text);
		if (line)
			cJSON_AddItemToArray(all, line);
		text += len + (text[len] == '\n');
	}
	return all;
}

struct cJSON *world_log(struct world *w, const char *history)
{
	struct process p;
	int status = world_run(w, &p, NULL, ARGS("log", "--json", "--history", history));
	if (status != 0)
		die("world: weir log: status %d: %s", status, p.err.text);
	cJSON *lines = world_lines(p.out.text);
	process_release(&p);
	return lines;
}

bool world_verified(struct world *w, const char *history)
{
	struct process p;
	int status = world_run(w, &p, NULL, ARGS("verify", history));
	if (status != 0)
		fprintf(
			stderr, "weir verify %s: status %d\n%s%s", history, status, p.out.text, p.err.text);
	process_release(&p);
	return status == 0;
}
