/* Lines of a map. A version takes the place of all that was there: what is not written again is
 * gone, so a map with a line that cannot be is not committed at all. A version that another has
 * overtaken is refused by HAProxy: the later of two is never undone by the earlier. */
#include "client/haproxy_lines.h"

#include "client/haproxy_read.h"
#include "model/text.h"
#include "model/unit.h"

#include <string.h>

/* What stands for itself in a command. */
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-/@+%,=~"

static bool is_plain(const char *s)
{
	return *s != '\0' && strspn(s, PLAIN) == strlen(s);
}

struct reading {
	struct haproxy_lines *lines;
	int seen;
};

static bool take(void *ctx, const char *key, const char *value)
{
	struct reading *r = ctx;
	struct haproxy_lines *l = r->lines;
	r->seen++;
	if (l->count == HAPROXY_LINES_KEPT || !is_plain(key) || !is_plain(value)) {
		l->cut = true;
		return true;
	}
	struct haproxy_line *at = &l->line[l->count];
	bool fits = text_copy(at->key, sizeof(at->key), key) &&
		text_copy(at->value, sizeof(at->value), value);
	l->count += fits;
	l->cut |= !fits;
	return true;
}

int haproxy_lines_read(struct haproxy_lines *out, const char *text, struct err *err)
{
	struct reading r = {.lines = out};
	int lines = 0;
	out->count = 0;
	out->cut = false;
	int rc = haproxy_read_map(text, take, &r, err);
	/* One that is too long to be read is not told of. */
	for (const char *at = text; *at != '\0'; at += at[0] == '\n') {
		size_t len = strcspn(at, "\n");
		lines += len > 0;
		at += len;
	}
	out->cut |= lines != r.seen;
	return rc;
}

int64_t haproxy_version_read(const char *text)
{
	static const char words[] = "New version created: ";
	int64_t version;
	char number[24];
	if (strncmp(text, words, strlen(words)) != 0)
		return -1;
	text_copy(number, sizeof(number), text + strlen(words));
	number[strcspn(number, "\n")] = '\0';
	return unit_parse_int(number, 0, UINT32_MAX, &version) ? version : -1;
}

void haproxy_lines_commit(struct haproxy_session *s, const char *map, int64_t version,
	const struct haproxy_lines *l, const struct haproxy_group *keys, int permille,
	const char *note, int note_permille, bool (*gone)(void *ctx, const char *key), void *ctx)
{
	for (int i = 0; i < l->count; i++) {
		const struct haproxy_line *at = &l->line[i];
		if (haproxy_group_has(keys, at->key))
			haproxy_session_ask(
				s, "add map @%lld %s %s %d", (long long)version, map, at->key, permille);
		else if (!gone(ctx, at->key))
			haproxy_session_ask(
				s, "add map @%lld %s %s %s", (long long)version, map, at->key, at->value);
	}
	if (note != NULL)
		haproxy_session_ask(
			s, "add map @%lld %s %s %d", (long long)version, map, note, note_permille);
	haproxy_session_ask(s, "commit map @%lld %s", (long long)version, map);
}
