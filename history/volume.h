/* Volume: how large a history is, how fast it grows, and when it is full. */
#ifndef WEIR_HISTORY_VOLUME_H
#define WEIR_HISTORY_VOLUME_H

#include "model/err.h"
#include "model/text.h"

struct sqlite3;

struct volume {
	int64_t used;        /* bytes of the file that hold something */
	int64_t file;        /* its size: what was thinned is used again, not given back */
	int64_t disk;        /* bytes that are free for us beside it; UNKNOWN */
	int64_t rows_a_day;  /* samples of the last day of recording; UNKNOWN before there is any */
	int64_t row, minute; /* mean bytes of the newest samples, and of the newest minutes */
	int64_t interval_ms; /* of the newest recording */
	int64_t oldest_ms, newest_ms; /* samples; UNKNOWN none */
};

/* What comes of it if recording goes on like this. Moments are UNKNOWN when they are more than ten
 * years off, or nothing is known of the growth. */
struct volume_forecast {
	int64_t bytes_a_day;  /* while nothing is thinned; UNKNOWN */
	int64_t cap_ms;       /* when the cap is reached; newest_ms when it is now */
	int64_t disk_ms;      /* when the disk is full */
	int64_t cap_keeps_ms; /* how long samples are kept once the cap is reached */
};

/* Reads some rows at the file's end, not all of it. `db` is a connection to `path`. 0, or -1 with
 * err. */
int volume_read(struct volume *out, struct sqlite3 *db, const char *path, struct err *err);

/* The same of a file that is opened for it. */
int volume_of(struct volume *out, const char *path, struct err *err);

void volume_forecast(
	struct volume_forecast *out, const struct volume *v, int64_t keep_ms, int64_t cap_bytes);

/* "1.2 GB" */
void volume_bytes(char *out, size_t size, int64_t bytes);

/* For people: size, growth, and when the cap or the disk is reached, in one line. */
void volume_words(struct text *out, const struct volume *v, const struct volume_forecast *f,
	int64_t cap_bytes);

/* Appends what is to be warned of, when that is less than a week away: what will happen, when, and
 * what to do. False, and nothing, when there is nothing. */
bool volume_warning(struct text *out, const struct volume *v, const struct volume_forecast *f,
	int64_t keep_ms, int64_t cap_bytes);

#endif
