/* Zones from the system's files. What their bytes mean is model/zone.c's. */
#include "tui/zone_file.h"

#include "model/mem.h"
#include "model/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As much as a zone may have and a byte, so that more is seen; -1 with errno. */
static ssize_t read_whole(const char *path, unsigned char *bytes)
{
	ssize_t len = 0, n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	while (n != 0 && len <= ZONE_BYTES_MAX) {
		n = read(fd, bytes + len, (size_t)(ZONE_BYTES_MAX + 1 - len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		len += n;
	}
	int why = errno;
	close(fd);
	errno = why;
	return n < 0 ? -1 : len;
}

int zone_load(struct zone *out, const char *name, struct err *err)
{
	const char *dir = getenv("TZDIR");
	struct text path = {0};
	zone_utc(out);
	if (!name[0] || strcmp(name, "UTC") == 0)
		return 0;
	if (!zone_is_name(name))
		return err_set(err, ERR_CONFIG, "\"%.64s\" is no name of a time zone", name);
	text_addf(&path, "%s/%s", dir && *dir == '/' ? dir : "/usr/share/zoneinfo", name);
	unsigned char *bytes = mem_new(ZONE_BYTES_MAX + 1, 1);
	ssize_t len = read_whole(text_str(&path), bytes);
	int rc;
	if (len < 0 && errno == ENOENT)
		rc = err_set(err, ERR_CONFIG,
			"there is no time zone \"%.64s\" (%.100s); write one such as Europe/Vienna, or "
			"install the package tzdata",
			name, text_str(&path));
	else if (len < 0)
		rc = err_set(err, ERR_CONFIG, "cannot read the time zone \"%.64s\" at %.100s: %s", name,
			text_str(&path), strerror(errno));
	else
		rc = zone_read(out, bytes, (size_t)len, name, err);
	free(bytes);
	text_free(&path);
	return rc;
}
