/* Usage: /proc of a process and of its threads. */
#include "tests/lib/usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number behind "name:" in a file of such lines; 0 where it is not there. */
static int64_t line_number(const char *path, const char *name)
{
	char line[256];
	int64_t found = 0;
	size_t len = strlen(name);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			found = strtoll(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return found;
}

static void add_thread(pid_t pid, const char *thread, struct usage *out)
{
	char path[64];
	int64_t ran_ns = 0;
	snprintf(path, sizeof path, "/proc/%d/task/%.16s/schedstat", (int)pid, thread);
	FILE *f = fopen(path, "r");
	if (f && fscanf(f, "%" SCNd64, &ran_ns) == 1)
		out->cpu_ns += ran_ns;
	if (f)
		fclose(f);
	snprintf(path, sizeof path, "/proc/%d/task/%.16s/status", (int)pid, thread);
	out->waits += line_number(path, "voluntary_ctxt_switches");
}

bool usage_of(pid_t pid, struct usage *out)
{
	char path[64];
	*out = (struct usage){0};
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *d = opendir(path);
	if (!d)
		return false;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			add_thread(pid, e->d_name, out);
	closedir(d);
	snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
	out->reads = line_number(path, "syscr");
	out->writes = line_number(path, "syscw");
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	out->resident_bytes = line_number(path, "VmRSS") * 1024;
	return true;
}

struct usage usage_between(const struct usage *before, const struct usage *after)
{
	return (struct usage){.cpu_ns = after->cpu_ns - before->cpu_ns,
		.waits = after->waits - before->waits,
		.reads = after->reads - before->reads,
		.writes = after->writes - before->writes,
		.resident_bytes = after->resident_bytes};
}
