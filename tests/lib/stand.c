/* Stand. Commands lock in the world's directory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/stand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool stand_open(struct stand *s)
{
	memset(s, 0, sizeof *s);
	if (!balancer_is_there())
		return false;
	world_open(&s->w);
	balancer_start(&s->b, s->w.dir, 0);
	snprintf(s->lock, sizeof s->lock, "WEIR_LOCK_DIR=%s", s->w.dir);
	return true;
}

void stand_close(struct stand *s)
{
	if (!s->w.dir[0])
		return;
	process_release(&s->p);
	balancer_stop(&s->b);
	world_close(&s->w);
}

void stand_configure(struct stand *s, const char *text)
{
	balancer_kill(&s->b);
	world_write(s->b.config, text);
	balancer_run(&s->b);
}

void stand_ask(const struct stand *s, const char *line)
{
	free(balancer_ask(&s->b, line));
}

int stand_run_as(
	struct stand *s, const char *actor, const char *history, const char *const *args)
{
	char path[WORLD_PATH];
	const char *all[24] = {NULL};
	size_t n = 0;
	for (; args[n]; n++)
		all[n] = args[n];
	world_path(&s->w, path, history);
	all[n++] = "--history";
	all[n++] = path;
	all[n++] = "--config";
	all[n++] = s->w.config;
	struct world_env env = world_env(&s->w, ARGS(actor, s->lock));
	process_release(&s->p);
	return world_run(&s->w, &s->p, &env, all);
}

int stand_run(struct stand *s, const char *const *args)
{
	return stand_run_as(s, STAND_ACTOR, "history.db", args);
}

void stand_expect(struct stand *s, int status, const char *const *args)
{
	int is = stand_run(s, args);
	if (is != status)
		fail_msg("weir %s ended with %d: %s%s", args[0], is, s->p.out.text, s->p.err.text);
}

void stand_says(const struct stand *s, const char *text)
{
	if (!strstr(s->p.out.text, text) && !strstr(s->p.err.text, text))
		fail_msg("\"%s\" is not in: %s%s", text, s->p.out.text, s->p.err.text);
}
