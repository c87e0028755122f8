/* The watch of a node: one answer that goes on and on, a line for each change under now/. It
 * decides nothing: a round is begun by every line, and tells what a deaf watch did not. */
#include "client/serve_etcd_parts.h"

#include <string.h>

#define WATCH_MS (24 * 3600 * 1000)

static void watch_piece(void *ctx, const char *data, size_t len)
{
	struct serve_etcd *s = ctx;
	if (s->news.len + len <= TRANSPORT_BODY_MAX)
		text_add_n(&s->news, data, len);
	else
		s->watch_ended = true;
}

static void watch_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	(void)reply, (void)now; /* the next round says what is wrong, and watches on */
	struct serve_etcd *s = ctx;
	s->watch = 0;
	s->watch_ended = true;
}

void serve_etcd_watch_on(struct serve_etcd *s, int64_t revision)
{
	char prefix[ETCD_KEY_MAX];
	struct text body = {0};
	if (s->watch != 0 || s->leaving)
		return;
	etcd_key(&s->etcd, prefix, "now/");
	wire_etcd_watch(&body, prefix, revision + 1);
	text_clear(&s->news);
	s->watch_ended = false;
	s->watch = etcd_send(&s->etcd,
		&(struct etcd_request){.path = "/v3/watch",
			.body = text_str(&body),
			.timeout_ms = WATCH_MS,
			.piece = watch_piece,
			.done = watch_done,
			.ctx = s},
		s->now);
	text_free(&body);
}

void serve_etcd_watch_off(struct serve_etcd *s)
{
	etcd_cancel(&s->etcd, s->watch);
	s->watch = 0;
	s->watch_ended = false;
	text_clear(&s->news);
}

/* One line; false when the watch is over. */
static bool hear_line(struct serve_etcd *s, const char *line, size_t len)
{
	struct etcd_news n;
	struct err err = {0};
	if (wire_etcd_read_news(&n, line, len, &err) < 0)
		return false;
	/* Compacted: the round that follows reads the plan, and watches on from there. */
	bool goes_on = !n.canceled;
	for (size_t i = 0; goes_on && i < n.events.count; i++)
		serve_etcd_hear(s, &n.events.kvs[i]);
	if (n.revision > s->revision && n.events.count > 0)
		s->revision = n.revision;
	wire_etcd_release_news(&n);
	return goes_on;
}

void serve_etcd_watch_turn(struct serve_etcd *s)
{
	size_t begin = 0;
	for (char *end; s->news.len > begin &&
		 (end = memchr(s->news.data + begin, '\n', s->news.len - begin)) != NULL;) {
		size_t len = (size_t)(end - s->news.data) - begin;
		s->due_ms = s->now.boot_ms;
		if (len > 0 && !hear_line(s, s->news.data + begin, len)) {
			serve_etcd_watch_off(s);
			s->due_ms = s->now.boot_ms + SERVE_ETCD_AGAIN_MS;
			return;
		}
		begin += len + 1;
	}
	struct text rest = {0};
	text_add_n(&rest, begin < s->news.len ? s->news.data + begin : "", s->news.len - begin);
	text_free(&s->news);
	s->news = rest;
	if (!s->watch_ended)
		return;
	serve_etcd_watch_off(s);
	if (s->due_ms > s->now.boot_ms + SERVE_ETCD_AGAIN_MS)
		s->due_ms = s->now.boot_ms + SERVE_ETCD_AGAIN_MS;
}
