/* The lock between two weirs of this host that change one HAProxy: one file for all sockets of
 * it, and the same after a reload, so that few are left. It orders them; others it does not. */
#include "client/haproxy_parts.h"

#include "client/hostlock.h"
#include "model/text.h"

#include <stdlib.h>

static void lock_path(struct text *out, const char *dir, const struct driver *d)
{
	uint64_t h = 0xCBF29CE484222325u;
	const char *const words[] = {d->view->info.node, d->where.map, d->where.key};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (const char *s = words[i]; *s != '\0'; s++)
			h = (h ^ (unsigned char)*s) * 0x100000001B3u;
	text_addf(out, "%s/weir-%016llx.cas", dir, (unsigned long long)h);
}

bool haproxy_lock_take(struct hostlock **out, const struct driver *d)
{
	const char *const dirs[] = {
		getenv("WEIR_LOCK_DIR"), "/run/lock", getenv("XDG_RUNTIME_DIR"), "/tmp"};
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		struct err err = {0};
		struct text path = {0};
		if (dirs[i] == NULL || dirs[i][0] != '/')
			continue;
		lock_path(&path, dirs[i], d);
		int rc = hostlock_take(out, text_str(&path), &err);
		text_free(&path);
		if (rc == 0)
			return true;
		if (err.code == ERR_LOCKED)
			return false;
	}
	return true;
}
