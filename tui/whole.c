/* Whole: beside the file, then over it. Not for what is too large to be held: export, cast. */
#include "tui/whole.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *path, const char *what, struct err *err)
{
	return err_set(err, ERR_FILE, "'%s' cannot be %s: %s", path, what, strerror(errno));
}

static int write_all(int fd, const struct text *t)
{
	size_t done = 0;
	while (done < t->len) {
		ssize_t n = write(fd, t->data + done, t->len - done);
		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int whole_write(const char *path, const struct text *t, struct err *err)
{
	struct text beside = {0};
	text_addf(&beside, "%s.XXXXXX", path);
	int fd = mkstemp(beside.data);
	int rc = fd < 0 ? failed(path, "made", err) : 0;
	if (rc == 0 && (fchmod(fd, 0644) < 0 || write_all(fd, t) < 0 || fsync(fd) < 0))
		rc = failed(path, "written", err);
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = failed(path, "written", err);
	if (rc == 0 && rename(beside.data, path) < 0)
		rc = failed(path, "put in place", err);
	if (rc < 0 && fd >= 0)
		unlink(beside.data);
	text_free(&beside);
	return rc;
}
