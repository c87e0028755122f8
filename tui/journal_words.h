/* Journal words: a decision or an event as people read it: what was done, what became of it, and
 * all that the record has of it, line by line. Nothing is drawn here. */
#ifndef WEIR_TUI_JOURNAL_WORDS_H
#define WEIR_TUI_JOURNAL_WORDS_H

#include "history/page.h"
#include "tui/theme.h"

/* "step 1 > 10 %", "drain v2.0.3", "guard" of an event. */
void journal_what(char *out, size_t size, const struct page_row *r);

/* "VERIFIED in 0.4s", "NOT RECORDED, REFUSED"; "" of an event or a note. Returns its role. */
enum role journal_fate(char *out, size_t size, const struct page_row *r, int64_t now_wall_ms);

/* The text of a row in one line: what an event says, who says "late", a reason in quotes, why
 * it was refused. Returns its role. */
enum role journal_text(char *out, size_t size, const struct page_row *r);

/* One line of a row shown whole. */
struct journal_line {
	enum role role; /* of the text; ROLE_TITLE: a title, with no label */
	char label[28];
	char text[2 * POOL_REASON_MAX];
};

struct journal_lines {
	struct journal_line *line; /* owned */
	size_t count, cap;
};

/* All that is known of a row: intent, outcome at every node, evidence and checks with their
 * numbers, notes, the record. `d` may be NULL: not read yet, or not in the file. */
void journal_whole(struct journal_lines *out, const struct page_row *r,
	const struct page_detail *d, int64_t now_wall_ms);
void journal_lines_release(struct journal_lines *l);

#endif
