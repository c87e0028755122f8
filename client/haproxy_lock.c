/* The lock between two weirs of this host, of whichever users, that change one HAProxy: one file for
 * all sockets of it, and the same after a reload, so that few are left. It orders them; others it
 * does not. */
#include "client/haproxy_parts.h"

#include "client/hostlock.h"
#include "model/text.h"

#include <stdlib.h>

static void lock_path(struct text *out, const char *dir, const struct driver *d)
{
	uint64_t h = 0xCBF29CE484222325u;
	/* A map is written as a whole where keys step together: all splits in it take turns. */
	bool by_map = d->where.map[0] != '\0';
	const char *const words[] = {d->view->info.node, d->where.map, by_map ? "" : d->where.key};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (const char *s = words[i]; *s != '\0'; s++)
			h = (h ^ (unsigned char)*s) * 0x100000001B3u;
	text_addf(out, "%s/weir-%016llx.cas", dir, (unsigned long long)h);
}

bool haproxy_lock_take(struct hostlock **out, const struct driver *d)
{
	/* Those that all users of a host have in common. */
	const char *const dirs[] = {getenv("WEIR_LOCK_DIR"), "/run/lock", "/tmp"};
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		struct err err = {0};
		struct text path = {0};
		if (dirs[i] == NULL || dirs[i][0] != '/')
			continue;
		lock_path(&path, dirs[i], d);
		int rc = hostlock_share(out, text_str(&path), &err);
		text_free(&path);
		if (rc == 0)
			return true;
		if (err.code == ERR_LOCKED)
			return false;
	}
	return true;
}
