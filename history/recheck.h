/* Recheck: what the judge said at a decision, computed anew from the rows that the decision names
 * as its evidence (`judged`), by a judge that begins where that one began and has the policy of
 * that recording. The clock of the moment is evidence too: how old the news was is taken as it
 * was recorded. */
#ifndef WEIR_HISTORY_RECHECK_H
#define WEIR_HISTORY_RECHECK_H

#include "model/decision.h"
#include "model/err.h"
#include "model/judging.h"
#include "model/verdict.h"

/* X(name, word): what came of it. */
#define RECHECK_INFO(X) \
	X(WAITING, "waiting") /* its turn has not come */ \
	X(SAME, "same")       /* word, looks and e-values */ \
	X(DIFFERS, "differs") \
	X(PENDING, "not_stored_yet") /* its last rows are not in the file */ \
	X(UNKEPT, "not_kept")        /* rows are gone: thinned, or dropped */ \
	X(UNNAMED, "not_named")      /* it names none: nothing is to be compared */ \
	X(UNREADABLE, "unreadable")  /* what it names cannot be read */

enum recheck_kind {
#define X(name, word) RECHECK_##name,
	RECHECK_INFO(X)
#undef X
		RECHECK_KINDS
};

const char *recheck_word(enum recheck_kind kind); /* "same" */

/* What a judge said. */
struct recheck_saying {
	enum verdict_word word; /* its own, whatever counted */
	int64_t looks;
	double e_harm, e_safe; /* NaN: it has not looked */
};

struct recheck_result {
	char id[DECISION_ID_MAX]; /* of the decision */
	int64_t at_ms;
	enum recheck_kind kind;
	bool cited; /* the word that counted was another's: the pool's or its recorder's */
	struct recheck_saying recorded, recomputed; /* recomputed: of SAME and DIFFERS */
	char text[320]; /* for people: "recomputed: same, SAFE after 812 looks" */
};

struct sqlite3;
struct recheck; /* opaque */

/* Which decisions: those of a pool with evidence of a verdict. */
struct recheck_wish {
	const char *pool;
	const char *id;              /* only this one; NULL all */
	int64_t from_ms, until_ms;   /* both included */
	int64_t rows_most;           /* of one recording; more are UNREADABLE here; 0: any number */
	const struct recheck *known; /* what it found out is not looked for again; NULL nothing */
};

/* Finds the decisions; nothing is recomputed yet. 0, or -1 with err; `*out` is NULL then. The
 * connection is borrowed, as is `path` for errors. */
int recheck_open(struct recheck **out, struct sqlite3 *db, const char *path,
	const struct recheck_wish *what, struct err *err);
void recheck_close(struct recheck *r); /* NULL: nothing */

/* Goes on by `most` rows at most. True when all is done. What a file cannot give is said by the
 * results. */
bool recheck_step(struct recheck *r, int most);

size_t recheck_count(const struct recheck *r);
size_t recheck_done(const struct recheck *r); /* how many of them have had their turn */
const struct recheck_result *recheck_at(const struct recheck *r, size_t i);

/* The result of a decision; NULL: it is none of them. `r` may be NULL. */
const struct recheck_result *recheck_of(const struct recheck *r, const char *id);

/* How many there are in all. */
struct recheck_sum {
	size_t named;      /* decisions that name rows */
	size_t recomputed; /* of these; the rest waits, or lacks rows */
	size_t differ;     /* of the recomputed */
};
void recheck_add(struct recheck_sum *sum, const struct recheck_result *r);

/* "3 of 3 verdicts recomputed from the stored rows, all equal" */
void recheck_sum_text(char *out, size_t size, const struct recheck_sum *sum);

/* The flags of a row, beside its gaps: how its interval was judged. */
unsigned recheck_flags(const struct judging_mark *m);

#endif
