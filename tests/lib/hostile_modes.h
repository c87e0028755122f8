/* Hostile modes: what each mode says, in bytes. Only hostile.c, which has the sockets, uses it. */
#ifndef WEIR_TESTS_LIB_HOSTILE_MODES_H
#define WEIR_TESTS_LIB_HOSTILE_MODES_H

#include "model/text.h"
#include "tests/lib/hostile.h"

/* How the bytes of an answer leave. */
enum hostile_pace { PACE_NONE, PACE_AT_ONCE, PACE_DRIP, PACE_FOR_EVER };

struct hostile_words {
	struct text bytes;
	enum hostile_pace pace;
	bool close_after;
};

/* An answer that would be good, and header lines to add to whatever is said. */
struct hostile_good {
	int status;
	const char *body, *headers;
};

/* What is said to a whole `request`. `out` is empty before. */
void hostile_modes_say(struct hostile_words *out, enum hostile_mode mode,
	const struct hostile_good *good, const char *request);

/* More of an answer that never ends. */
void hostile_modes_prolong(enum hostile_mode mode, struct text *out);

/* The request as the mode passes it on; NULL: as it is. The caller frees it. */
char *hostile_modes_rewrite(enum hostile_mode mode, const char *request);

/* True when a good answer is what the mode says, or what it is made of. */
bool hostile_modes_passes(enum hostile_mode mode);

#endif
