/* Removing a folder with what is in it. */
#include "tests/lib/folder.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void folder_remove(const char *path)
{
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		char inner[600];
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(inner, sizeof inner, "%.300s/%.250s", path, e->d_name);
		if (unlink(inner) < 0)
			folder_remove(inner);
	}
	if (d)
		closedir(d);
	rmdir(path);
}
