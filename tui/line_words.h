/* Line words: figures short enough for a column, and a line of the roster in words. */
#ifndef WEIR_TUI_LINE_WORDS_H
#define WEIR_TUI_LINE_WORDS_H

#include "tui/line_facts.h"

/* A count in less than `width` columns: "1,234,567", then "12.3M", "12M". */
void line_count(char *out, size_t size, int width, int64_t n);

/* "2/8", "-" for what is not known, and where nothing is. */
void line_parts(char *out, size_t size, const int64_t *n, int count);

/* What memory grows by in an hour: "+61M", "-5M", "-" unknown. */
void line_growth(char *out, size_t size, int64_t bytes_hour);

/* "0.98", "-" unknown. */
void line_health(char *out, size_t size, double health);

/* Appends what a line is and does; nothing where nobody has said it yet. */
void line_words(struct text *out, const struct view *v, const struct roster_line *l,
	const struct line_facts *f);

#endif
