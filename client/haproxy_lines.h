/* HAProxy lines: a map as it stands, line by line, so that all of it can be written anew and
 * committed as one version: several keys change at one moment, and no request sees half of it. */
#ifndef WEIR_CLIENT_HAPROXY_LINES_H
#define WEIR_CLIENT_HAPROXY_LINES_H

#include "client/haproxy_note.h"
#include "client/haproxy_session.h"

#define HAPROXY_LINES_KEPT 64

struct haproxy_lines {
	int count;
	bool cut; /* there are more, or some that cannot be written again as they are */
	struct haproxy_line {
		char key[HAPROXY_KEY_MAX];
		char value[24];
	} line[HAPROXY_LINES_KEPT];
};

/* Reads the answer to `show map`. 0, or -1 with err. */
int haproxy_lines_read(struct haproxy_lines *out, const char *text, struct err *err);

/* The number in the answer to `prepare map`; -1: none was made. */
int64_t haproxy_version_read(const char *text);

/* Asks for the lines in version `version` of the map, those of `keys` with `permille`, and for it
 * to be committed. `gone`: a line is left out where it says so. */
void haproxy_lines_commit(struct haproxy_session *s, const char *map, int64_t version,
	const struct haproxy_lines *l, const struct haproxy_group *keys, int permille,
	const char *note, int note_permille, bool (*gone)(void *ctx, const char *key), void *ctx);

#endif
