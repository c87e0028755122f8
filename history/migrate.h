/* Migrate: brings a history of an older version to this one's, in a copy beside it. */
#ifndef WEIR_HISTORY_MIGRATE_H
#define WEIR_HISTORY_MIGRATE_H

#include "history/schema.h"

#include <stdint.h>

struct migrate_report {
	int from;     /* the version it had; 0: it was not for us to migrate, nothing was done */
	int64_t rows; /* carried over */
	int64_t quarantined; /* not carried over: in the table `quarantine` */
	char kept[256];      /* the old file's new name, without its directory */
};

/* Called first with 0 rows done, then every few milliseconds' worth of rows, and while the copy is
 * checked. False gives the migration up. */
struct migrate_watch {
	bool (*progress)(void *ctx, int64_t done, int64_t total);
	void *ctx;
};

/* Migrates `path`. Every row goes over as it is, in the order of its key, so that the chain stays
 * whole; one that breaks a rule of its table goes to the table `quarantine`. The copy is checked
 * before it takes the file's name, the old file stays as NAME-vN.db; killed or failed, the old one
 * has its name as before. OK also where another process did it meanwhile. LATER with err (W202):
 * somebody has the file open. REFUSED with err: `watch` gave it up. BROKEN with err: it cannot be
 * done. */
enum schema_result migrate(struct migrate_report *out, const char *path,
	const struct migrate_watch *watch, struct err *err);

/* How many rows of a history are in quarantine; UNKNOWN when it cannot be read. */
int64_t migrate_quarantined(const char *path);

#endif
