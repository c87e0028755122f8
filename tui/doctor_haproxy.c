/* Looking around in HAProxy, and the words for it. It writes nothing: not there, not here. */
#include "tui/doctor_haproxy.h"

#include "client/haproxy_advice.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <poll.h>
#include <stdio.h>

#define TURN_MS 100

bool doctor_haproxy_is_bare(const char *target)
{
	struct haproxy_target t;
	return haproxy_is_target(target) && haproxy_target_read(&t, target, NULL) == 0 &&
		t.way == HAPROXY_LOOK;
}

/* ---- plain words ---- */

static void say_item(void *ctx, const char *sentence)
{
	(void)ctx;
	printf("  - %s\n", sentence);
}

static void say_target(void *ctx, const char *target)
{
	(void)ctx;
	printf("  weir doctor '%s'\n", target);
}

static void say_backend(const struct look_backend *b)
{
	printf(
		"  %-20s %-5s %-10s", b->name, b->mode[0] ? b->mode : "-", b->algo[0] ? b->algo : "-");
	for (int i = 0; i < b->servers.count; i++)
		printf(" %s", b->servers.name[i]);
	if (b->dropped > 0)
		printf(" and %d more", b->dropped);
	printf("\n");
}

static void say_map(const struct look_map *m)
{
	printf("  %s", m->file);
	for (int i = 0; i < m->count; i++)
		printf("%s%s", i ? ", " : ": ", m->key[i]);
	printf("%s\n", m->count ? "" : ": no key with a number of 0 to 1000");
}

static int say_plain(const struct haproxy_seen *s)
{
	struct text config = {0};
	char age[24];
	unit_age(age, sizeof age, s->info.uptime_s * 1000);
	printf("HAProxy %s on %s, running for %s: %s, level %s\n\nbackends:\n",
		s->info.version[0] ? s->info.version : "-", s->info.node[0] ? s->info.node : "-", age,
		s->socket, s->level[0] ? s->level : "not known");
	for (int i = 0; i < s->backend_count; i++)
		say_backend(&s->backend[i]);
	printf("\nmaps:\n");
	for (int i = 0; i < s->map_count; i++)
		say_map(&s->map[i]);
	printf("%sring of log lines: %s\n\nwhat it could be:\n", s->map_count ? "" : "  none\n",
		s->ring[0] ? s->ring : "none");
	int targets = haproxy_advise_targets(s, say_target, NULL);
	printf("%s\nmissing, or to be known:\n", targets ? "" : "  nothing yet\n");
	haproxy_advise_missing(s, say_item, NULL);
	haproxy_advise_config(&config, s);
	if (config.len)
		printf("\nfor haproxy.cfg, then reload it:\n\n%s", text_str(&config));
	text_free(&config);
	return targets;
}

/* ---- JSON ---- */

struct list {
	struct text *out;
	int count;
};

static void add_item(void *ctx, const char *text)
{
	struct list *l = ctx;
	if (l->count++ > 0)
		text_add(l->out, ",");
	text_add_json(l->out, text);
}

static int say_json(const struct haproxy_seen *s)
{
	struct text t = {0}, config = {0};
	text_add(&t, "{");
	text_json_str(&t, "target", s->socket);
	text_json_str(&t, "version", s->info.version);
	text_json_str(&t, "node", s->info.node);
	text_json_str(&t, "level", s->level[0] ? s->level : NULL);
	text_json_key(&t, "backends");
	text_add(&t, "[");
	for (int i = 0; i < s->backend_count; i++) {
		const struct look_backend *b = &s->backend[i];
		struct list servers = {&t, 0};
		text_add(&t, i ? ",{" : "{");
		text_json_str(&t, "name", b->name);
		text_json_str(&t, "mode", b->mode);
		text_json_str(&t, "algorithm", b->algo);
		text_json_key(&t, "servers");
		text_add(&t, "[");
		for (int k = 0; k < b->servers.count; k++)
			add_item(&servers, b->servers.name[k]);
		text_add(&t, "]}");
	}
	text_add(&t, "]");
	text_json_key(&t, "maps");
	text_add(&t, "[");
	for (int i = 0; i < s->map_count; i++) {
		struct list keys = {&t, 0};
		text_add(&t, i ? ",{" : "{");
		text_json_str(&t, "file", s->map[i].file);
		text_json_key(&t, "keys");
		text_add(&t, "[");
		for (int k = 0; k < s->map[i].count; k++)
			add_item(&keys, s->map[i].key[k]);
		text_add(&t, "]}");
	}
	text_add(&t, "]");
	text_json_str(&t, "ring", s->ring[0] ? s->ring : NULL);
	text_json_key(&t, "targets");
	text_add(&t, "[");
	int targets = haproxy_advise_targets(s, add_item, &(struct list){&t, 0});
	text_add(&t, "]");
	text_json_key(&t, "missing");
	text_add(&t, "[");
	haproxy_advise_missing(s, add_item, &(struct list){&t, 0});
	text_add(&t, "]");
	haproxy_advise_config(&config, s);
	text_json_str(&t, "configuration", config.len ? text_str(&config) : NULL);
	text_add(&t, "}\n");
	fputs(text_str(&t), stdout);
	text_free(&t);
	text_free(&config);
	return targets;
}

/* ---- the look ---- */

int doctor_haproxy(const char *target, bool json)
{
	struct haproxy_look *l = NULL;
	struct err err = {0};
	if (haproxy_look_new(&l, target, loop_now(), &err) < 0)
		return setup_fail(&err);
	while (!haproxy_look_turn(l, loop_now(), &err) && !loop_interrupted()) {
		struct pollfd fd = {.fd = haproxy_look_fd(l), .events = POLLIN};
		poll(&fd, 1, TURN_MS);
		while (loop_signal() != 0)
			;
	}
	int status = EXIT_FAILED;
	if (err.code)
		status = setup_fail(&err);
	else if (!loop_interrupted())
		status = (json ? say_json : say_plain)(haproxy_look_seen(l)) ? EXIT_DONE : EXIT_REFUSED;
	haproxy_look_free(l);
	return status;
}
