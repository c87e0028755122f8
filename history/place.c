/* Place: the directory that a history lies in. Not the file. */
#include "history/place.h"

#include "model/text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int place_make(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct text dir = {0};
	int code = 0;

	if (slash == NULL || slash == path)
		return 0;
	text_add_n(&dir, path, (size_t)(slash - path));
	if (mkdir(text_str(&dir), 0700) < 0 && errno != EEXIST)
		code = err_set(err, ERR_FILE, "the directory \"%s\" cannot be made: %s", text_str(&dir),
			strerror(errno));
	text_free(&dir);
	return code;
}
