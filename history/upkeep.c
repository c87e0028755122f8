/* Upkeep: when the file is thinned, and when its size is told of. Not how: thin.c, volume.c. */
#include "history/upkeep.h"

#include "history/clock.h"
#include "history/volume.h"

#include <stdlib.h>

#define LOOK_EVERY_MS 60000
#define VOLUME_AFTER_MS (15 * INT64_C(60000)) /* a checkpoint is written by then */
#define VOLUME_EVERY_MS (24 * INT64_C(3600000))

void upkeep_init(
	struct upkeep *u, struct journal *j, const struct thin_how *how, int64_t now_ms)
{
	*u = (struct upkeep){.journal = j,
		.how = *how,
		.due_ms = CLOCK_NEVER,
		.volume_ms = now_ms + VOLUME_AFTER_MS};
	if (u->how.keep_ms <= 0)
		u->how.keep_ms = THIN_KEEP_MS;
	if (u->how.cap_bytes <= 0)
		u->how.cap_bytes = THIN_CAP_BYTES;
	u->thin = thin_new(j, &u->how);
}

void upkeep_begin(struct upkeep *u, int64_t now_ms)
{
	if (u->due_ms == CLOCK_NEVER)
		u->due_ms = now_ms;
}

void upkeep_free(struct upkeep *u)
{
	thin_free(u->thin);
	u->thin = NULL;
}

/* An event when the history will be full within a week. */
static enum schema_result look_ahead(
	struct upkeep *u, const struct thin_now *now, struct err *err)
{
	struct journal_event e = {.at_ms = now->newest_ms,
		.recording = now->recording,
		.tick = UNKNOWN,
		.kind = "volume"};
	struct journal *j = u->journal;
	struct volume_forecast f;
	struct volume v;
	struct text words = {0};
	enum schema_result r = SCHEMA_OK;

	u->volume_ms = now->monotonic_ms + VOLUME_EVERY_MS;
	if (volume_read(&v, j->db, j->path, err) < 0)
		return schema_failed(err);
	volume_forecast(&f, &v, u->how.keep_ms, u->how.cap_bytes);
	if (volume_warning(&words, &v, &f, u->how.keep_ms, u->how.cap_bytes)) {
		text_copy(e.text, sizeof e.text, text_str(&words));
		r = journal_event_alone(j, &e, err);
	}
	text_free(&words);
	return r;
}

enum schema_result upkeep_work(struct upkeep *u, const struct thin_now *now,
	bool (*hurry)(void *ctx), void *ctx, struct err *err)
{
	enum schema_result r;
	int64_t done_ms;
	bool more = false;

	u->due_ms = now->recording == UNKNOWN ? CLOCK_NEVER : now->monotonic_ms + LOOK_EVERY_MS;
	if (now->recording == UNKNOWN)
		return SCHEMA_OK;
	if (now->monotonic_ms >= u->volume_ms)
		return look_ahead(u, now, err);
	r = thin_work(u->thin, now, hurry, ctx, &more, err);
	/* half of the time at most: others want the lock and the disk as well */
	done_ms = clock_monotonic_ms();
	if (more)
		u->due_ms = done_ms + (done_ms - now->monotonic_ms);
	return r;
}
