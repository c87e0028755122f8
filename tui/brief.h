/* Brief: what the next person has to know of a pool: the headline, the plan with its dates, what
 * changed since and who did it, what is open, what happens by itself, the way back. Lines of
 * text, for a chat and for the Plan screen. Pure. */
#ifndef WEIR_TUI_BRIEF_H
#define WEIR_TUI_BRIEF_H

#include "model/model.h"
#include "model/text.h"
#include "tui/theme.h"

/* X(name, word): in the order in which it is read. */
#define BRIEF_INFO(X) \
	X(HEADLINE, "") \
	X(POOL, "pool") \
	X(SHARE, "share") \
	X(PLAN, "plan") \
	X(SINCE, "since") \
	X(OPEN, "open") \
	X(ITSELF, "by itself") \
	X(WAY_BACK, "way back")

enum brief_part {
#define X(name, word) BRIEF_##name,
	BRIEF_INFO(X)
#undef X
		BRIEF_COUNT
};

/* The word before the lines of a part. */
const char *brief_word(enum brief_part part);

struct brief_line {
	enum brief_part part;
	enum role role;
	char *text; /* owned */
};

struct brief {
	struct brief_line *line;
	size_t count, cap;
};

/* What is asked for. */
struct brief_how {
	const struct model *model;
	const struct pool *pool;
	struct instant now;
	int64_t since_ms;       /* wall clock */
	bool left;              /* that is when this person left */
	bool page;              /* the whole page; else what the Plan screen does not have yet */
	size_t changes;         /* at most so many are told; of more how many they are */
	const char *token_file; /* of the pool, for the way back; NULL: none */
};

#define BRIEF_DEFAULT_MS ((int64_t)24 * 60 * 60 * 1000) /* of who never left a console */

/* Since when, and whether that is when this person left (UNKNOWN: never did). */
void brief_since(struct brief_how *how, int64_t left_ms);

/* Appends the lines to an empty brief; to be released. */
void brief_write(struct brief *out, const struct brief_how *how);
void brief_release(struct brief *b);

/* The page as text, a label before each part. */
void brief_plain(struct text *out, const struct brief *b);

/* The same as one JSON object, one line, no newline: an array of lines a part. */
void brief_json(struct text *out, const struct brief *b, const struct brief_how *how);

#endif
