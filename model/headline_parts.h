/* The inside of the headline: its table of rows, for headline*.c only.
 *
 * The first row that applies wins. Those that ask for an act come before those that ask for a
 * look. */
#ifndef WEIR_MODEL_HEADLINE_PARTS_H
#define WEIR_MODEL_HEADLINE_PARTS_H

#include "model/fit.h"
#include "model/model.h"
#include "model/text.h"

/* X(level, row) */
#define HEADLINE_INFO(X) \
	X(ACT, rollback_unseen) \
	X(ACT, rollback_sending) \
	X(ACT, both_fail) \
	X(ACT, red) \
	X(LOOK, no_history) \
	X(LOOK, foreign) \
	X(LOOK, unresolved) \
	X(LOOK, never) \
	X(LOOK, stale) \
	X(LOOK, restarted) \
	X(LOOK, diverged) \
	X(LOOK, partial) \
	X(LOOK, mixed) \
	X(LOOK, v1_fails) \
	X(LOOK, held) \
	X(LOOK, went_back) \
	X(LOOK, forbidden) \
	X(LOOK, suspected) \
	X(LOOK, blind) \
	X(LOOK, untrusted) \
	X(LOOK, approvable) \
	X(LOOK, drill_left) \
	X(LOOK, unkept) \
	X(LOOK, unguarded) \
	X(LOOK, only_holds) \
	X(LOOK, cut_short) \
	X(OK, stepping) \
	X(LOOK, guard_went_back) \
	X(LOOK, back_and_red) \
	X(OK, rolled_back) \
	X(OK, complete) \
	X(OK, finalized) \
	X(OK, leased) \
	X(OK, ready) \
	X(OK, baking) \
	X(OK, armed) \
	X(OK, planned) \
	X(OK, looking)

/* What the rows speak about, written once. */
struct headline_view {
	const struct model *m;
	const struct pool *p;
	const struct standing *s;
	const struct decision *open; /* NULL none */
	char share[24], next[24], asked[24], since[24];
	char rest[48]; /* where the pool is before a first step */
};

#define HEADLINE_RAW 1200 /* bytes of a sentence before it is made to fit */

/* Each says whether it applies, and then writes its sentence, which may have parts to fit. */
#define X(level, row) \
	bool headline_##row(const struct headline_view *v, char *out, size_t size);
HEADLINE_INFO(X)
#undef X

/* Writes a sentence; returns true. */
bool headline_say(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* True while v2 has more than it had before this migration. */
bool headline_above(const struct standing *s);

#endif
