/* Stand: a world with a HAProxy in it, and weir run there as a command. The test ends where one ends
 * otherwise than it should. */
#ifndef WEIR_TESTS_LIB_STAND_H
#define WEIR_TESTS_LIB_STAND_H

#include "tests/lib/haproxy.h"
#include "tests/lib/world.h"

struct stand {
	struct world w;
	struct balancer b;
	struct process p; /* of the last command */
	char lock[WORLD_PATH + 32];
};

/* False where there is no HAProxy: then nothing is open. Zero-initialised it is closed. */
bool stand_open(struct stand *s);
void stand_close(struct stand *s);

/* Runs it anew with another configuration. */
void stand_configure(struct stand *s, const char *text);

/* One line at the runtime socket, its answer dropped. */
void stand_ask(const struct stand *s, const char *line);

#define STAND_ACTOR "WEIR_ACTOR=ana@db1"

/* Runs weir as somebody (STAND_ACTOR or like it) with the world's configuration and a history of
 * its directory, to its end; how it ended. */
int stand_run_as(
	struct stand *s, const char *actor, const char *history, const char *const *args);

/* The same as STAND_ACTOR with history.db. */
int stand_run(struct stand *s, const char *const *args);

/* The same, and it ends with this status. */
void stand_expect(struct stand *s, int status, const char *const *args);

/* The last one wrote this. */
void stand_says(const struct stand *s, const char *text);

#endif
