/* Store file: DIR/control.log itself: opened, locked, read, rewritten, appended to. No thread:
 * whoever owns it calls one at a time. */
#ifndef WEIR_CLIENT_ENGINE_STORE_FILE_H
#define WEIR_CLIENT_ENGINE_STORE_FILE_H

#include "client/engine/store_record.h"
#include "model/err.h"

#include <sys/types.h>

struct store_file {
	int fd;
	bool broken;  /* nothing is stored any more */
	off_t length; /* whole, checked lines */
	int (*sync)(void *ctx, int fd);
	void *ctx;
	char *data; /* what the records borrow from */
	struct store_record *records;
	size_t count, cap;
	char note[200]; /* a last line that was cut off; "" nothing */
};

/* Opens or makes it. 0, or -1 with err; store_file_close either way. */
int store_file_open(
	struct store_file *f, const char *dir, int64_t now_wall_ms, struct err *err);
void store_file_close(struct store_file *f);

/* Frees what was read. */
void store_file_forget(struct store_file *f);

/* Appends and syncs. False when it is not on the disk, and then it never will be: what a failed
 * write left is cut off again; where not even that works, nothing is stored any more. */
bool store_file_append(struct store_file *f, const char *data, size_t len);

/* True while there is room for what may be refused; brakes find some beyond. */
bool store_file_has_room(const struct store_file *f);

#endif
