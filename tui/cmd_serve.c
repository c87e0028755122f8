/* weir serve: the embedded engine as a pool over HTTP. */
#include "client/secret.h"
#include "client/serve.h"
#include "model/text.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

static int run(
	struct engine *engine, const struct options *o, const struct door_keys *k, struct err *err)
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
	struct door_keys keys = {0};
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
	if (setup_init(&s, o, &err) < 0 || read_sides(&e, o, &err) < 0 ||
		read_keys(&keys, o, &err) < 0) {
		status = setup_fail(&err);
	} else {
		e.scenario = s.scenario.name[0] ? &s.scenario : NULL;
		if (engine_start(&engine, &e, &err) < 0 || run(engine, o, &keys, &err) < 0)
			status = setup_fail(&err);
	}
	if (engine)
		engine_stop(engine);
	free_keys(&keys);
	setup_release(&s);
	return status;
}
