/* Trail: the pool's log as its documents tell of it, one after the other. */
#include "history/trail.h"

#include "history/schema.h"
#include "model/text.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define OVERTAKEN_MS 10000

void trail_of(struct trail *t, const struct snapshot *s)
{
	text_copy(t->boot_id, sizeof t->boot_id, s->boot_id);
	text_copy(t->head, sizeof t->head, s->audit_head);
	t->seq = s->audit_seq;
}

enum trail_step trail_step(const struct trail *before, const struct trail *now)
{
	const bool other =
		before->head[0] != '\0' && now->head[0] != '\0' && strcmp(before->head, now->head) != 0;

	if (before->seq == UNKNOWN || now->seq == UNKNOWN || now->seq > before->seq ||
		(now->seq == before->seq && !other))
		return TRAIL_FITS;
	if (strcmp(before->boot_id, now->boot_id) != 0)
		return TRAIL_ANEW;
	return now->seq < before->seq ? TRAIL_CUT : TRAIL_REPLACED;
}

void trail_words(char *out, size_t size, const struct trail *before, const struct trail *now)
{
	out[0] = '\0';
	switch (trail_step(before, now)) {
	case TRAIL_FITS:
		break;
	case TRAIL_ANEW:
		snprintf(out, size, "it restarted and its log began anew: %lld entries, %lld before",
			(long long)now->seq, (long long)before->seq);
		break;
	case TRAIL_CUT:
		snprintf(out, size, "its log was cut: %lld entries, %lld before", (long long)now->seq,
			(long long)before->seq);
		break;
	case TRAIL_REPLACED:
		snprintf(out, size, "its log was replaced: %lld entries as before, and another head",
			(long long)now->seq);
		break;
	}
}

static void take(char *out, size_t size, sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	text_clean(out, size, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

/* The document before, as far as others are held against it. */
struct reading {
	struct trail trail;
	char node[POOL_ID_MAX];
	int64_t recording, at_ms;
};

/* Documents of two recorders may have overtaken each other on their way into the file. */
static bool is_behind(const struct reading *before, const struct reading *now)
{
	return strcmp(before->node, now->node) == 0 &&
		(before->recording == now->recording || now->at_ms >= before->at_ms + OVERTAKEN_MS);
}

/* One document behind another; false when the log of its node was tampered with between them. */
static bool follow(struct chain_report *out, sqlite3_stmt *s, struct reading *before)
{
	struct reading now = {.recording = sqlite3_column_int64(s, 6),
		.at_ms = sqlite3_column_int64(s, 7),
		.trail.seq =
			sqlite3_column_type(s, 3) == SQLITE_INTEGER ? sqlite3_column_int64(s, 3) : UNKNOWN};
	char pool[POOL_NAME_MAX], why[120];
	bool fits;

	take(pool, sizeof pool, s, 1);
	take(now.node, sizeof now.node, s, 2);
	take(now.trail.head, sizeof now.trail.head, s, 4);
	take(now.trail.boot_id, sizeof now.trail.boot_id, s, 5);
	fits = !is_behind(before, &now) || trail_step(&before->trail, &now.trail) < TRAIL_CUT;
	if (!fits) {
		trail_words(why, sizeof why, &before->trail, &now.trail);
		out->trail_seq = sqlite3_column_int64(s, 0);
		snprintf(out->trail_why, sizeof out->trail_why, "pool %.30s: %.119s", pool, why);
		text_mend(out->trail_why);
	}
	if (strcmp(before->node, now.node) != 0 || now.at_ms >= before->at_ms)
		*before = now;
	return fits;
}

int trail_verify(struct chain_report *out, sqlite3 *db, const char *path, struct err *err)
{
	sqlite3_stmt *s = NULL;
	struct reading before = {.trail.seq = UNKNOWN};
	int code = schema_prepare(&s, db,
		"SELECT seq, pool, node_id, json_extract(detail, '$.audit_seq'),"
		" json_extract(detail, '$.audit_head'), json_extract(detail, '$.boot_id'), recording,"
		" at_ms FROM event NOT INDEXED WHERE kind = 'state' AND json_valid(detail)"
		" ORDER BY node_id, pool, recording, seq",
		path, err);

	if (code == 0) {
		do
			code = sqlite3_step(s);
		while (code == SQLITE_ROW && follow(out, s, &before));
		code =
			schema_result(err, db, code, "verifying the history", path) == SCHEMA_OK ? 0 : -1;
	}
	sqlite3_finalize(s);
	return code;
}
