/* Report body: what a report says and in which order, written through a form: Markdown or HTML.
 * Texts that a form gets are plain; it escapes them. */
#ifndef WEIR_TUI_REPORT_BODY_H
#define WEIR_TUI_REPORT_BODY_H

#include "model/text.h"
#include "tui/report.h"

#define REPORT_COLUMNS_MAX 8

/* How the parts of a page are written. */
struct report_form {
	void (*begin)(struct text *t, const struct report *r, const char *title);
	void (*end)(struct text *t);
	void (*line)(struct text *t, int number, const char *text); /* of the five, from 1 */
	void (*section)(struct text *t, const char *title);
	/* What one decision rested on: a heading, then its facts. */
	void (*step)(struct text *t, const char *title, const char *id);
	void (*step_end)(struct text *t);
	void (*fact)(struct text *t, const char *name, const char *text);
	void (*say)(struct text *t, const char *text); /* a paragraph */
	void (*table)(struct text *t, const char *const *heads, int columns);
	/* `mark`: a row that wants a look. `heads`: those of its table. */
	void (*row)(struct text *t, const char *const *heads, const char *const *cells, int columns,
		bool mark);
	void (*table_end)(struct text *t);
	void (*plots)(struct text *t, const struct report *r);
};

void report_body(struct text *t, const struct report *r, const struct report_form *form);

#endif
