/* Resource: memory, CPU time, open files and threads of a process. Not a limit: those are set
 * when a worker starts (exec_child.h).
 *
 * Memory is VmRSS + VmSwap of /proc/PID/status: smaps_rollup is exact, but walks the whole page
 * table under the process's own lock, which a pool of large workers would feel. */
#define _GNU_SOURCE
#include "client/engine/resource.h"

#include "model/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Fields of /proc/PID/stat, counted from the state, which is the first behind the name. */
enum { STAT_GROUP = 2, STAT_UTIME = 11, STAT_STIME = 12, STAT_THREADS = 17, STAT_START = 19 };

static void path_of(char *out, size_t size, pid_t pid, const char *name)
{
	if (pid == 0)
		snprintf(out, size, "/proc/self/%s", name);
	else
		snprintf(out, size, "/proc/%d/%s", (int)pid, name);
}

ssize_t resource_file(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	size_t len = 0;
	ssize_t n;
	path_of(path, sizeof path, pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	do {
		n = read(fd, out + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (len < size - 1 && (n > 0 || (n < 0 && errno == EINTR)));
	close(fd);
	out[len] = '\0';
	return n < 0 ? -1 : (ssize_t)len;
}

/* The whole number that begins at `s` and ends at a blank or the end of the text. */
static bool number(const char *s, int64_t *out)
{
	char digits[24];
	size_t len = strcspn(s, " \t\n");
	if (len >= sizeof digits)
		return false;
	memcpy(digits, s, len);
	digits[len] = '\0';
	return unit_parse_int(digits, 0, INT64_MAX, out);
}

bool resource_parse_stat(struct resource_stat *out, const char *text)
{
	const char *fields[STAT_START + 1];
	const char *at = strrchr(text, ')');
	int64_t user, system;
	for (int i = 0; i <= STAT_START; i++) {
		at = at ? strchr(at, ' ') : NULL;
		if (!at)
			return false;
		fields[i] = ++at;
	}
	out->state = *fields[0];
	if (!number(fields[STAT_GROUP], &out->group) || !number(fields[STAT_UTIME], &user) ||
		!number(fields[STAT_STIME], &system) || !number(fields[STAT_THREADS], &out->threads) ||
		!number(fields[STAT_START], &out->start_ticks) || user > INT64_MAX - system)
		return false;
	out->cpu_ticks = user + system;
	return true;
}

bool resource_stat(struct resource_stat *out, pid_t pid)
{
	char text[1024];
	return resource_file(pid, "stat", text, sizeof text) > 0 && resource_parse_stat(out, text);
}

/* The row "NAME:   123 kB" in bytes. */
static bool row(const char *text, const char *name, int64_t *bytes)
{
	size_t len = strlen(name);
	for (const char *line = text; *line; line += *line == '\n') {
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			int64_t kib;
			line += len + 1;
			if (!number(line + strspn(line, " \t"), &kib) || kib > INT64_MAX / 2048)
				return false;
			*bytes = kib * 1024;
			return true;
		}
		line += strcspn(line, "\n");
	}
	return false;
}

int64_t resource_parse_memory(const char *text)
{
	int64_t resident, swapped;
	if (!row(text, "VmRSS", &resident))
		return UNKNOWN;
	return row(text, "VmSwap", &swapped) ? resident + swapped : resident;
}

static int64_t count_fds(pid_t pid)
{
	char path[64];
	int64_t count = 0;
	path_of(path, sizeof path, pid, "fd");
	DIR *dir = opendir(path);
	if (!dir)
		return UNKNOWN;
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir))
		count += d->d_name[0] != '.';
	closedir(dir);
	/* Of one's own there is one for the looking itself. */
	return pid == 0 || pid == getpid() ? count - 1 : count;
}

void resource_read(struct resource *out, pid_t pid)
{
	char text[4096];
	struct resource_stat stat;
	long ticks = sysconf(_SC_CLK_TCK);
	*out = (struct resource){UNKNOWN, UNKNOWN, count_fds(pid), UNKNOWN};
	if (resource_file(pid, "status", text, sizeof text) > 0)
		out->memory_bytes = resource_parse_memory(text);
	if (!resource_stat(&stat, pid) || ticks <= 0)
		return;
	out->threads = stat.threads;
	if (stat.cpu_ticks <= INT64_MAX / 1000000)
		out->cpu_us = stat.cpu_ticks * 1000000 / ticks;
}
