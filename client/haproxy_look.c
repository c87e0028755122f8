/* Looking around at a runtime socket, in two questions: what there is, and what the maps hold. */
#define _GNU_SOURCE
#include "client/haproxy_look.h"

#include "client/haproxy_note.h"
#include "client/haproxy_ring.h"
#include "client/haproxy_session.h"
#include "model/mem.h"
#include "model/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TIMEOUT_MS 3000

enum question { ASK_LEVEL, ASK_INFO, ASK_STAT, ASK_MAPS, ASK_RINGS };

static const char *const questions[] = {
	[ASK_LEVEL] = "show cli level",
	[ASK_INFO] = "show info",
	[ASK_STAT] = "show stat -1 6 -1",
	[ASK_MAPS] = "show map",
	[ASK_RINGS] = "show events",
};

#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

struct haproxy_look {
	int epoll_fd;
	struct haproxy_session *session;
	bool reads_maps; /* the second question is asked */
	struct haproxy_seen seen;
};

int haproxy_look_new(
	struct haproxy_look **out, const char *target, struct instant now, struct err *err)
{
	struct haproxy_target t;
	if (haproxy_target_read(&t, target, err) != 0)
		return -1;
	struct haproxy_look *l = mem_new(1, sizeof(*l));
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		free(l);
		return err_set(err, ERR_SYSTEM, "no descriptor: %s", strerror(errno));
	}
	if (t.path[0] != '\0')
		snprintf(l->seen.socket, sizeof(l->seen.socket), "haproxy:%s", t.path);
	else
		snprintf(l->seen.socket, sizeof(l->seen.socket), "haproxy://%s:%d", t.host, t.port);
	l->session = haproxy_session_new(l->epoll_fd, &t, false, TIMEOUT_MS, now);
	for (size_t i = 0; i < QUESTIONS; i++)
		haproxy_session_ask(l->session, "%s", questions[i]);
	*out = l;
	return 0;
}

void haproxy_look_free(struct haproxy_look *l)
{
	if (l == NULL)
		return;
	haproxy_session_free(l->session);
	close(l->epoll_fd);
	free(l);
}

int haproxy_look_fd(const struct haproxy_look *l)
{
	return l->epoll_fd;
}

const struct haproxy_seen *haproxy_look_seen(const struct haproxy_look *l)
{
	return &l->seen;
}

/* ---- what there is ---- */

static struct look_backend *find_backend(struct haproxy_seen *s, const char *name)
{
	for (int i = 0; i < s->backend_count; i++)
		if (strcmp(s->backend[i].name, name) == 0)
			return &s->backend[i];
	if (s->backend_count == LOOK_BACKENDS_MAX)
		return NULL;
	struct look_backend *b = &s->backend[s->backend_count++];
	text_copy(b->name, sizeof(b->name), name);
	return b;
}

/* HAProxy's own backends have no servers, and end in '>'. */
static bool take_row(void *ctx, const struct haproxy_row *r)
{
	struct haproxy_seen *s = ctx;
	if (!haproxy_is_name(r->proxy))
		return true;
	struct look_backend *b = find_backend(s, r->proxy);
	if (b == NULL) {
		s->backends_dropped += r->kind == HAPROXY_BACKEND;
		return true;
	}
	if (r->kind == HAPROXY_BACKEND) {
		text_copy(b->algo, sizeof(b->algo), r->algo);
		text_copy(b->mode, sizeof(b->mode), r->mode);
	} else if (b->servers.count == HAPROXY_SERVERS_MAX || !haproxy_is_name(r->server)) {
		b->dropped++;
	} else {
		text_copy(b->servers.name[b->servers.count++], HAPROXY_NAME_MAX, r->server);
	}
	return true;
}

/* "0 (/etc/haproxy/split.map) pattern loaded from file ... used by map at ..." */
static void take_maps(struct haproxy_seen *s, const char *text)
{
	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
		size_t len = strcspn(at, "\n");
		const char *open = memchr(at, '(', len), *close = memchr(at, ')', len);
		if (*at == '#' || open == NULL || close == NULL || close <= open + 1 ||
			memmem(at, len, "used by map", 11) == NULL)
			continue;
		if (s->map_count == LOOK_MAPS_MAX) {
			s->maps_dropped++;
			continue;
		}
		struct look_map *m = &s->map[s->map_count];
		snprintf(m->file, sizeof(m->file), "%.*s", (int)(close - open - 1), open + 1);
		s->map_count += haproxy_is_map(m->file);
	}
}

static int take_first(struct haproxy_look *l, struct err *err)
{
	struct haproxy_seen *s = &l->seen;
	const struct haproxy_session *from = l->session;
	const char *level = haproxy_session_answer(from, ASK_LEVEL);
	if (haproxy_read_info(&s->info, haproxy_session_answer(from, ASK_INFO), err) != 0 ||
		haproxy_read_stat(haproxy_session_answer(from, ASK_STAT), take_row, s, err) != 0)
		return -1;
	if (strchr(level, ' ') == NULL)
		text_clean(s->level, sizeof(s->level), level, strcspn(level, "\n"));
	take_maps(s, haproxy_session_answer(from, ASK_MAPS));
	if (!haproxy_ring_find(s->ring, haproxy_session_answer(from, ASK_RINGS)))
		s->ring[0] = '\0';
	return 0;
}

/* ---- what the maps hold ---- */

static bool take_entry(void *ctx, const char *key, const char *value)
{
	struct look_map *m = ctx;
	int64_t n;
	bool note = strncmp(key, "weir.", 5) == 0;
	if (note || !haproxy_is_name(key) || !unit_parse_int(value, 0, HAPROXY_PERMILLE, &n))
		return true;
	text_copy(m->key[m->count++], HAPROXY_NAME_MAX, key);
	return m->count < LOOK_KEYS_MAX;
}

bool haproxy_look_turn(struct haproxy_look *l, struct instant now, struct err *err)
{
	enum haproxy_progress progress = haproxy_session_turn(l->session, now);
	*err = (struct err){0};
	if (progress == HAPROXY_FAILED)
		*err = *haproxy_session_err(l->session);
	if (progress != HAPROXY_ANSWERED)
		return progress == HAPROXY_FAILED;
	for (int i = 0; l->reads_maps && i < l->seen.map_count; i++)
		if (haproxy_read_map(haproxy_session_answer(l->session, (size_t)i), take_entry,
				&l->seen.map[i], err) != 0)
			return true;
	if (l->reads_maps || take_first(l, err) != 0 || l->seen.map_count == 0)
		return true;
	l->reads_maps = true;
	haproxy_session_next(l->session);
	for (int i = 0; i < l->seen.map_count; i++)
		haproxy_session_ask(l->session, "show map %s", l->seen.map[i].file);
	return haproxy_look_turn(l, now, err);
}
