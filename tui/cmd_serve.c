/* weir serve: the embedded engine as a pool over HTTP. */
#include "client/serve.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_MS 5000

/* "v1:simple" is the one serialized executor; "v2" and "v2:N" are N workers; "none" is no v2.
 */
static int read_sides(struct engine_options *e, const struct options *o, struct err *err)
{
	int64_t workers;
	if (o->v1 && strcmp(o->v1, "v1:simple") != 0)
		return err_set(err, ERR_USAGE, "--v1 '%s' is unknown; write v1:simple", o->v1);
	if (!o->v2 || strcmp(o->v2, "v2") == 0)
		return 0;
	if (strcmp(o->v2, "none") == 0) {
		e->no_v2 = true;
		return 0;
	}
	if (strncmp(o->v2, "v2:", 3) != 0 || !unit_parse_int(o->v2 + 3, 1, 1024, &workers))
		return err_set(
			err, ERR_USAGE, "--v2 '%s' is unknown; write v2, v2:N (1 to 1024) or none", o->v2);
	e->v2_workers = (int)workers;
	return 0;
}

static int read_listen(struct serve_options *s, const struct options *o)
{
	for (int i = 0; i < o->listen_count; i++)
		s->listen[i] = o->listen[i];
	s->listen_count = o->listen_count;
	if (s->listen_count == 0) {
		s->listen[0] = "127.0.0.1:7070";
		s->listen_count = 1;
	}
	s->allow_faults = o->allow_faults;
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

static int run(struct engine *engine, const struct options *o, struct err *err)
{
	struct serve_options how = {0};
	struct serve *serve;
	read_listen(&how, o);
	if (serve_start(&serve, engine, &how, err) < 0)
		return -1;
	int rc = o->port_file ? write_port(o->port_file, first_port(serve, &how), err) : 0;
	for (int i = 0; rc == 0 && i < how.listen_count; i++) {
		int port = serve_port(serve, i);
		const char *colon = strrchr(how.listen[i], ':');
		if (port > 0)
			fprintf(stderr, "weir: serving on http://%.*s:%d\n", (int)(colon - how.listen[i]),
				how.listen[i], port);
		else
			fprintf(stderr, "weir: serving on %s\n", how.listen[i]);
	}
	if (rc == 0 && !o->state)
		fprintf(stderr, "weir: no --state: a restart forgets share, epoch, keys and audit\n");
	while (rc == 0 && !loop_pause(-1))
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
	struct engine_options e = {.pool = o->pool ? o->pool : "weir",
		.pool_id = o->pool_id ? o->pool_id
			: o->pool         ? o->pool
							  : "weir",
		.node = o->node ? o->node
			: o->pool   ? o->pool
						: "weir",
		.share_bp = o->share_bp < 0 ? 0 : o->share_bp,
		.strategy = STRATEGY_CANARY,
		.state_dir = o->state,
		.unit_ms = o->unit_ms == UNKNOWN ? 0 : o->unit_ms};
	int status = EXIT_DONE;
	if (setup_init(&s, o, &err) < 0 || read_sides(&e, o, &err) < 0) {
		status = setup_fail(&err);
	} else {
		e.scenario = s.scenario.name[0] ? &s.scenario : NULL;
		if (engine_start(&engine, &e, &err) < 0 || run(engine, o, &err) < 0)
			status = setup_fail(&err);
	}
	if (engine)
		engine_stop(engine);
	setup_release(&s);
	return status;
}
