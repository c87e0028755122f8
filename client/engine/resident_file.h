/* Resident file: the state of one addressable worker on the disk, one file each. */
#ifndef WEIR_CLIENT_ENGINE_RESIDENT_FILE_H
#define WEIR_CLIENT_ENGINE_RESIDENT_FILE_H

#include "client/engine/registry.h"
#include "model/err.h"

/* Opens the directory, making it if its parent is there. Its descriptor; -1 with err. */
int resident_file_open(const char *dir, struct err *err);

/* Writes the state under the worker's address; it has its name only when it is whole and on
 * the disk. 0, or -1 with err. */
int resident_file_write(int dir, const struct ref *ref, int64_t value, struct err *err);

/* 1 with the state, 0 when nothing was written for that address, -1 with err where what is
 * there is not to be trusted. */
int resident_file_read(int dir, const struct ref *ref, int64_t *value, struct err *err);

#endif
