/* Journal: decisions and events as a list, newest first by the time that is shown: what of it is loaded, which line is
 * selected, by what it is narrowed, and the selected one whole. It reads no file and draws
 * nothing: it says what it wants read, and takes what comes.
 *
 * The selection is of a row, not of a line: it stays with it while rows come on top. */
#ifndef WEIR_TUI_JOURNAL_H
#define WEIR_TUI_JOURNAL_H

#include "history/page.h"
#include "tui/edit.h"

struct journal {
	char pool[POOL_NAME_MAX]; /* whose rows; "" of all pools */
	char typed[EDIT_MAX];     /* the filter as it was typed */
	struct page_filter filter;
	char complaint[80];    /* about a word of it that cannot be read; "" none */
	struct page_row *rows; /* from the file, as the chain has them, newest first */
	size_t count, cap;
	size_t *order; /* the rows as lines, by time */
	size_t order_cap;
	struct page_row *own; /* what this console did and the file does not have, newest first */
	size_t own_count, own_cap;
	bool fresh;          /* the rows are those of this filter */
	int64_t head_seq;    /* where the chain stood then */
	bool moved;          /* the moment of a replay has: they are read again all the same */
	int64_t reached_seq; /* older rows begin before it; 0: there are none */
	int64_t until_ms;    /* of a replay: its moment; 0 live */
	uint64_t number;     /* of the last request; answers to older ones are dropped */
	bool asked;          /* it is under way */
	int64_t due_ms;      /* boot time at which the newest are asked for again */
	struct err err;      /* why nothing can be read; code 0 */
	char selected[DECISION_ID_MAX];
	size_t at;  /* its line */
	bool open;  /* it is shown whole */
	int scroll; /* of that, in rows */
	struct page_detail detail;
	uint64_t detail_number;
	bool detail_asked, detail_stale;
};

void journal_release(struct journal *j);

/* Whose rows, and in a replay up to which moment (0: live). */
void journal_of(struct journal *j, const char *pool, int64_t until_ms);

/* Narrows to what has `typed`: words, each of which is pool:NAME actor:NAME verb:WORD
 * outcome:WORD since:TIME until:TIME (a duration back from now, or a moment), the rest a text
 * that a row has. A name or word may be the beginning of one. */
void journal_narrow(struct journal *j, const char *typed);

/* What of this console the file does not have, anew with each look: newest first. Those that the
 * file has got by now, or that are not asked for, are left out. */
void journal_own_begin(struct journal *j);
void journal_own_add(struct journal *j, const struct page_row *row);
void journal_own_end(struct journal *j);

/* True when something is to be read: `what` says it, and the answer goes to journal_take (with the
 * err of one that failed). */
bool journal_wants(struct journal *j, struct instant now, struct page_request *what);
void journal_take(
	struct journal *j, const struct page_rows *p, const struct err *err, struct instant now);

/* The same of the selected row, whole: by this number and its id. Moves what `d` owns. */
bool journal_wants_detail(struct journal *j);
void journal_take_detail(struct journal *j, struct page_detail *d);

/* The lines: own ones first. */
size_t journal_count(const struct journal *j);
const struct page_row *journal_row(const struct journal *j, size_t line);

/* The selected row; NULL where there is none. */
const struct page_row *journal_selected(const struct journal *j);

/* Moves the selection by so many lines; it stops at the ends. */
void journal_move(struct journal *j, int by);

/* How many of the lines came after a moment: the line under them is where somebody left then. */
size_t journal_since(const struct journal *j, int64_t wall_ms);

/* The selected row whole, as far as it is there; NULL while it is not. */
const struct page_detail *journal_detail(const struct journal *j);

#endif
