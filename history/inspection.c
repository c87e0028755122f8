/* Inspection: one thread, one connection, one answer. Not what is checked: chain.c.
 *
 * Invariant: between begin and end only the thread touches the struct. */
#include "history/inspection.h"

#include "model/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct inspection {
	char *path;
	int64_t *moments_ms;
	struct chain_scope scope;
	pthread_t thread;
	bool has_thread;
	struct chain_report report;
	struct err err;
	int code;
};

static void *run(void *arg)
{
	struct inspection *i = arg;

	i->code = chain_verify_near(&i->report, i->path, &i->scope, &i->err);
	return NULL;
}

struct inspection *inspection_begin(const char *path, const struct chain_scope *scope)
{
	struct inspection *i = mem_new(1, sizeof *i);
	sigset_t all, before;

	i->path = mem_copy(path);
	i->moments_ms = mem_new(scope->moment_count + 1, sizeof *i->moments_ms);
	if (scope->moment_count > 0)
		memcpy(i->moments_ms, scope->moments_ms, scope->moment_count * sizeof *i->moments_ms);
	i->scope = *scope;
	i->scope.moments_ms = i->moments_ms;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	i->has_thread = pthread_create(&i->thread, NULL, run, i) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return i;
}

int inspection_end(struct inspection *i, struct chain_report *out, struct err *err)
{
	int code;

	if (i->has_thread)
		pthread_join(i->thread, NULL);
	else
		run(i);
	*out = i->report;
	if (i->code < 0)
		*err = i->err;
	code = i->code;
	free(i->moments_ms);
	free(i->path);
	free(i);
	return code;
}
