/* Left: one line, an RFC 3339 time, in HISTORY-left-ACTOR. Written beside and renamed, so that
 * nobody finds half of it; a console that was killed leaves the line of the time before. */
#include "tui/left.h"

#include "model/text.h"
#include "model/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a name may not have in a file's is written as '_'. */
static void write_path(struct text *out, const char *history_path, const char *actor)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.@-";
	text_addf(out, "%s-left-", history_path);
	for (; *actor; actor++)
		text_add_n(out, strchr(good, *actor) ? actor : "_", 1);
}

int64_t left_read(const char *history_path, const char *actor)
{
	struct text path = {0};
	char line[64];
	int64_t at = UNKNOWN;
	write_path(&path, history_path, actor);
	int fd = open(text_str(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	text_free(&path);
	if (fd < 0)
		return UNKNOWN;
	ssize_t n = read(fd, line, sizeof line - 1);
	close(fd);
	if (n <= 0)
		return UNKNOWN;
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	return unit_parse_rfc3339(line, &at) ? at : UNKNOWN;
}

void left_write(const char *history_path, const char *actor, int64_t wall_ms)
{
	struct text path = {0}, beside = {0};
	char line[40];
	write_path(&path, history_path, actor);
	text_addf(&beside, "%s.new", text_str(&path));
	unit_rfc3339(line, sizeof line - 1, wall_ms);
	size_t len = strlen(line);
	line[len++] = '\n';
	int fd =
		open(text_str(&beside), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		bool good = write(fd, line, len) == (ssize_t)len;
		good &= close(fd) == 0;
		if (good)
			rename(text_str(&beside), text_str(&path));
		else
			unlink(text_str(&beside));
	}
	text_free(&path);
	text_free(&beside);
}
