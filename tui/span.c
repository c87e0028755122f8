/* Span: the moments and names by which commands choose rows. Nothing is guessed: a name that the
 * history lacks chooses nothing, and is said. */
#include "tui/span.h"

#include "model/mem.h"
#include "tui/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int span_read(const char *option, const char *given, int64_t *at_ms, struct err *err)
{
	int64_t ms;
	if (!given)
		return 0;
	if (unit_parse_duration(given, &ms)) {
		*at_ms = loop_now().wall_ms - ms;
		return 0;
	}
	if (unit_parse_rfc3339(given, at_ms))
		return 0;
	return err_set(err, ERR_USAGE,
		"--%s '%s' is neither a duration (12h) nor an RFC 3339 time, as 2026-11-21T14:03:22Z",
		option, given);
}

struct names {
	char **list; /* NULL-terminated */
	size_t count, cap;
};

static bool add_name(void *ctx, const char *name)
{
	struct names *n = ctx;
	mem_grow(&n->list, &n->cap, n->count + 2, sizeof *n->list);
	n->list[n->count++] = mem_copy(name);
	n->list[n->count] = NULL;
	return true;
}

static void say_doubt(const struct names *n, const char *what, const char *given)
{
	char clean[POOL_ACTOR_MAX];
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->list[i], given) == 0)
			return;
	const char *near = n->count ? text_nearest(given, (const char *const *)n->list) : NULL;
	text_clean(clean, sizeof clean, given, strlen(given));
	fprintf(stderr, "weir: the history has no %s '%s'", what, clean);
	if (near)
		fprintf(stderr, "; did you mean '%s'?", near);
	fputs("\n", stderr);
}

static int doubt(
	struct query *q, enum query_word word, const char *what, const char *given, struct err *err)
{
	struct names n = {0};
	if (!given)
		return 0;
	int rc = query_words(q, word, add_name, &n, err);
	if (rc == 0)
		say_doubt(&n, what, given);
	for (size_t i = 0; i < n.count; i++)
		free(n.list[i]);
	free(n.list);
	return rc;
}

int span_doubt(struct query *q, const char *pool, const char *actor, struct err *err)
{
	return doubt(q, QUERY_POOL, "pool", pool, err) < 0 ||
			doubt(q, QUERY_ACTOR, "actor", actor, err) < 0
		? -1
		: 0;
}
