/* Page row: one decision or event of a journal, what became of it as people read it, and which of
 * them are asked for. Pure. */
#ifndef WEIR_HISTORY_PAGE_ROW_H
#define WEIR_HISTORY_PAGE_ROW_H

#include "model/decision.h"

/* X(name, word): what became of a row, as people read it. */
#define PAGE_FATE_INFO(X) \
	X(NONE, "") /* an event, a note: nothing to become of */ \
	X(UNDER_WAY, "UNDER WAY") \
	X(UNRESOLVED, "UNRESOLVED") /* nobody knows what became of it */ \
	X(APPLIED, "APPLIED") \
	X(VERIFIED, "VERIFIED") \
	X(UNVERIFIED, "UNVERIFIED") /* a rollback that was acknowledged and not seen everywhere */ \
	X(REFUSED, "REFUSED") \
	X(SUPERSEDED, "SUPERSEDED") \
	X(NOT_SENT, "NOT SENT") \
	X(VOID, "VOID") \
	X(CLOSED, "CLOSED")

enum page_fate {
#define X(name, word) PAGE_##name,
	PAGE_FATE_INFO(X)
#undef X
		PAGE_FATE_COUNT
};

const char *page_fate_word(enum page_fate f);

/* One decision or event. */
struct page_row {
	int64_t seq;              /* in the chain; 0: not in the file */
	char id[DECISION_ID_MAX]; /* of an event "#SEQ" */
	int64_t at_ms;
	bool is_event, observed, late;
	bool is_sent;            /* a verb that goes to the pool */
	bool forced;             /* done by break-glass */
	char what[24];           /* the verb, or the kind of an event */
	char about[POOL_ID_MAX]; /* of a drain, a close: what it names; "" none */
	char pool[POOL_NAME_MAX], actor[POOL_ACTOR_MAX], role[24];
	int from_bp, to_bp;         /* -1: not known */
	char text[POOL_REASON_MAX]; /* the reason, the note, what an event says */
	enum outcome_kind outcome;
	int64_t outcome_ms, verified_ms, closed_ms; /* UNKNOWN: it has not come */
	char answer[POOL_REASON_MAX];
};

/* A decision that is not read from a file as such a row; its seq is 0. */
void page_row_of(struct page_row *out, const struct decision *d);

/* What became of a row, seen at a moment: what is open for long is UNRESOLVED. */
enum page_fate page_fate(const struct page_row *r, int64_t now_wall_ms);

/* What rows are asked for. Zero: all. */
struct page_filter {
	char pool[POOL_NAME_MAX];
	char named[POOL_NAME_MAX];  /* how the pool's name begins */
	char actor[POOL_ACTOR_MAX]; /* the whole name, or all before its '@' */
	char what[24];              /* how the verb or kind begins */
	char fate[24];              /* how the word begins; "NOT RECORDED" is one, too */
	int64_t since_ms;           /* wall clock, inclusive; 0 any */
	int64_t until_ms;           /* exclusive, of rows and of what became of them; 0 any */
	char text[64];              /* stands in a name, a word or the text of it */
	int64_t now_ms;             /* when it is asked: what is open for long is UNRESOLVED */
};

/* True for a row that is asked for. Words are compared whatever case their letters have. */
bool page_matches(const struct page_filter *f, const struct page_row *r);

/* What a note begins with that is about a row: "re ID: ". */
#define PAGE_NOTE_RE "re "

#endif
