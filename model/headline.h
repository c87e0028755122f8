/* Headline: the one sentence, of at most 78 columns, with which screen, status, notification,
 * brief and report all open. One table; the first row that applies wins. */
#ifndef WEIR_MODEL_HEADLINE_H
#define WEIR_MODEL_HEADLINE_H

#include <stdint.h>

#define HEADLINE_COLUMNS 78

/* X(name, word): what it asks of the reader. */
#define LEVEL_INFO(X) \
	X(OK, "ok") \
	X(LOOK, "look") \
	X(ACT, "act")

enum level {
#define X(name, word) LEVEL_##name,
	LEVEL_INFO(X)
#undef X
		LEVEL_COUNT
};

const char *level_name(enum level l);

struct headline {
	enum level level;
	char text[HEADLINE_COLUMNS * 4 + 1];
};

struct model;
struct pool;
struct instant;

/* Chooses and writes the headline of a pool from its standing. */
void headline_write(
	struct headline *out, const struct model *m, const struct pool *p, struct instant now);

#endif
