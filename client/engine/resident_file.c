/* Resident file: canonical JSON (members by name, no blanks, one line), TYPE@ID.json. Not a
 * database: the registry is in memory, and a file is read only when its worker starts.
 *
 * Invariants:
 * 1. A file is whole or not there: it is written beside, synced and renamed.
 * 2. It says whose state it is, and nobody starts with another's. */
#define _GNU_SOURCE
#include "client/engine/resident_file.h"

#include "client/engine/envelope.h"
#include "client/engine/exec_json.h"
#include "model/text.h"
#include "model/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES (REF_TYPE_MAX + POOL_ID_MAX + 16)
#define FILE_MAX 512

/* '@' is in no name, so no two addresses share a file. */
static void name_of(char out[NAME_MAX_BYTES], const struct ref *ref, const char *suffix)
{
	snprintf(out, NAME_MAX_BYTES, "%s@%s.json%s", ref->type, ref->id, suffix);
}

int resident_file_open(const char *dir, struct err *err)
{
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_set(
			err, ERR_FILE, "directory \"%s\" cannot be made: %s", dir, strerror(errno));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	if (fd < 0)
		return err_set(err, ERR_FILE, "cannot open \"%s\": %s", dir, strerror(errno));
	if (fstat(fd, &st) || st.st_uid != geteuid() || (st.st_mode & 022)) {
		close(fd);
		return err_set(err, ERR_UNSAFE_FILE,
			"\"%s\" can be written by others; make it yours alone (chmod 700)", dir);
	}
	return fd;
}

/* ---- writing ---- */

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static bool write_beside(int dir, const char *name, const char *data, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	bool ok = write_all(fd, data, len) && fsync(fd) == 0;
	int why = errno;
	ok = close(fd) == 0 && ok;
	if (!ok)
		errno = why;
	return ok;
}

int resident_file_write(int dir, const struct ref *ref, int64_t value, struct err *err)
{
	char name[NAME_MAX_BYTES], beside[NAME_MAX_BYTES], data[FILE_MAX];
	name_of(name, ref, "");
	name_of(beside, ref, ".new");
	int len = snprintf(data, sizeof data,
		"{\"format\":1,\"id\":\"%s\",\"type\":\"%s\",\"value\":%" PRId64 "}\n", ref->id,
		ref->type, value);
	if (!write_beside(dir, beside, data, (size_t)len) || renameat(dir, beside, dir, name) ||
		fsync(dir)) {
		int why = errno;
		(void)unlinkat(dir, beside, 0);
		return err_set(err, ERR_FILE, "cannot write \"%s\": %s", name, strerror(why));
	}
	return 0;
}

/* ---- reading ---- */

static bool is_text(const struct exec_json_member *m, const char *text)
{
	char out[POOL_ID_MAX];
	return exec_json_text(m, out, sizeof out) && strcmp(out, text) == 0;
}

static bool parse(const char *data, size_t len, const struct ref *ref, int64_t *value)
{
	enum { FORMAT, ID, TYPE, VALUE, COUNT };
	struct exec_json_member m[COUNT] = {
		{.name = "format"}, {.name = "id"}, {.name = "type"}, {.name = "value"}};
	char digits[24];
	if (!exec_json_read(data, len, m, COUNT) || !exec_json_is(&m[FORMAT], "1") ||
		!is_text(&m[ID], ref->id) || !is_text(&m[TYPE], ref->type) || !m[VALUE].value ||
		m[VALUE].len >= sizeof digits)
		return false;
	memcpy(digits, m[VALUE].value, m[VALUE].len);
	digits[m[VALUE].len] = '\0';
	return unit_parse_int(digits, -ORDER_VALUE_MAX, ORDER_VALUE_MAX, value);
}

int resident_file_read(int dir, const struct ref *ref, int64_t *value, struct err *err)
{
	char name[NAME_MAX_BYTES], data[FILE_MAX];
	struct stat st;
	name_of(name, ref, "");
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set(err, ERR_FILE, "cannot open \"%s\": %s", name, strerror(errno));
	bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	ssize_t n = regular ? pread(fd, data, sizeof data, 0) : -1;
	close(fd);
	if (n < 0 || n == sizeof data || !parse(data, (size_t)n, ref, value))
		return err_set(err, ERR_DAMAGED,
			"\"%s\" does not hold the state of this worker; restore or remove it", name);
	return 1;
}
