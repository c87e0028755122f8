/* Whole: beside the file, then over it. Not for what is too large to be held: export, cast. */
#include "tui/whole.h"

#include <errno.h>
#include <fcntl.h>
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

/* Into what is no file: a device, or who reads from a pipe. */
static int write_into(const char *path, const struct text *t, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int rc = fd < 0 || write_all(fd, t) < 0 ? failed(path, "written", err) : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

int whole_write(const char *path, const struct text *t, struct err *err)
{
	struct stat st;
	/* over /dev/null, by a name, goes who may do all; it would be gone for everybody */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return write_into(path, t, err);
	/* a link stays one, and what it leads to is written */
	char *real = realpath(path, NULL);
	const char *to = real ? real : path;
	struct text beside = {0};
	text_addf(&beside, "%s.XXXXXX", to);
	int fd = mkstemp(beside.data);
	int rc = fd < 0 ? failed(path, "made", err) : 0;
	if (rc == 0 && (fchmod(fd, 0644) < 0 || write_all(fd, t) < 0 || fsync(fd) < 0))
		rc = failed(path, "written", err);
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = failed(path, "written", err);
	if (rc == 0 && rename(beside.data, to) < 0)
		rc = failed(path, "put in place", err);
	if (rc < 0 && fd >= 0)
		unlink(beside.data);
	text_free(&beside);
	free(real);
	return rc;
}
