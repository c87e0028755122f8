/* World: what an end to end test stands on: a directory of its own, a pool, the program, all
 * gone at its end. A helper that cannot do its work ends the test program, saying why. */
#ifndef WEIR_TESTS_LIB_WORLD_H
#define WEIR_TESTS_LIB_WORLD_H

#include "tests/lib/http.h"
#include "tests/lib/process.h"
#include "tests/lib/pty.h"

#include <stdint.h>

struct cJSON;

#define WORLD_ENV_MAX 32
#define WORLD_PATH 192
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

struct world {
	char dir[WORLD_PATH / 2];
	char socket[WORLD_PATH]; /* of the pool */
	char target[WORLD_PATH]; /* "unix:SOCKET" */
	char history[WORLD_PATH], config[WORLD_PATH];
	int port; /* the pool's on 127.0.0.1; 0: not asked for */
	struct process pool;
	struct http http;             /* to the pool */
	char own[8][WORLD_PATH + 32]; /* the environment */
	char preload[2][4096 + 16];
};

/* Makes the directory. */
void world_open(struct world *w);
/* Kills the pool, removes the directory. */
void world_close(struct world *w);

/* The program, the preload library: $WEIR, $PRELOAD, else build/weir, build/preload.so. */
const char *world_weir(void);
const char *world_preload(void);

/* "DIR/name" in a buffer of the caller's. */
void world_path(const struct world *w, char out[WORLD_PATH], const char *name);
void world_write(const char *path, const char *text);

/* Starts `weir serve` with these arguments behind --listen, and waits until it answers. `tcp`:
 * on a port too. */
void world_pool(struct world *w, bool tcp, const char *const *more);

/* weir.yaml with one pool "checkout" at `target`; `rest` are its further lines, two blanks
 * deeper than the pool. */
void world_config(struct world *w, const char *target, const char *rest);

/* An environment: the world's own and then `more` (may be NULL). */
struct world_env {
	const char *list[WORLD_ENV_MAX];
};
struct world_env world_env(const struct world *w, const char *const *more);

/* The same with the preload library and its rules. */
struct world_env world_fault(struct world *w, const char *rules, const char *const *more);

/* Starts, or runs to its end, `weir` with these arguments; `env` may be NULL. */
void world_start(
	struct world *w, struct process *p, const struct world_env *env, const char *const *args);
int world_run(
	struct world *w, struct process *p, const struct world_env *env, const char *const *args);

/* The same on a terminal. */
void world_console(struct world *w, struct pty *p, int width, int height,
	const struct world_env *env, const char *const *args);

/* The pool's own word; delete it. */
struct cJSON *world_state(struct world *w);
struct cJSON *world_audit(struct world *w, int64_t since);
/* An integer of the pool's state. */
int64_t world_fact(struct world *w, const char *name);
/* A member by "a.b.c" as a number; fails where there is none. */
int64_t world_number(const struct cJSON *json, const char *path);
/* A string member, "" where there is none. */
const char *world_word(const struct cJSON *json, const char *path);

/* The lines of `weir log --json` of a history as an array; delete it. */
struct cJSON *world_log(struct world *w, const char *history);
/* Lines of JSON as an array. */
struct cJSON *world_lines(const char *text);

/* True when `weir verify` finds the history whole. */
bool world_verified(struct world *w, const char *history);

#endif
