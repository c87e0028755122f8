/* Growth: what the rows of a file say of whoever writes them. Not how long a silence means an end:
 * replay.c. */
#include "history/growth.h"

#include "history/choice.h"

#include <sqlite3.h>

static int read_number(
	const struct player_source *source, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *s;
	const int found = choice_row(source, sql, NULL, source->recording, &s, err);

	*out = found == 1 ? sqlite3_column_int64(s, 0) : UNKNOWN;
	sqlite3_finalize(s);
	return found < 0 ? -1 : 0;
}

int growth_version(const struct player_source *s, int64_t *out, struct err *err)
{
	return read_number(s, "PRAGMA data_version", out, err);
}

int growth_newest(const struct player_source *s, int64_t *out, struct err *err)
{
	return read_number(s,
		"SELECT max(key) FROM sample WHERE key > (SELECT max(key) FROM sample) - (600 << 28)"
		" AND key & 268435455 IN (SELECT id FROM series WHERE recording = ?1)",
		out, err);
}

int growth_ended(const struct player_source *s, bool *out, struct err *err)
{
	int64_t ended;
	const int code = read_number(
		s, "SELECT 1 FROM event WHERE kind = 'end' AND recording = ?1 LIMIT 1", &ended, err);

	*out = code == 0 && ended != UNKNOWN;
	return code;
}
