/* Markdown. Whatever is not ours is escaped: a reason cannot make a heading, a link or a cell. */
#include "tui/report_text.h"

#include "tui/report_body.h"

#include <string.h>

static void add(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			text_add(t, "&lt;");
		else if (*s == '&')
			text_add(t, "&amp;");
		else if (strchr("\\`*_[]|#~", *s))
			text_addf(t, "\\%c", *s);
		else
			text_add_n(t, s, 1);
	}
}

static void begin(struct text *t, const struct report *r, const char *title)
{
	(void)r;
	text_add(t, "# ");
	add(t, title);
	text_add(t, "\n\n");
}

static void end(struct text *t)
{
	(void)t;
}

static void line(struct text *t, int number, const char *text)
{
	text_addf(t, "%d. ", number);
	add(t, text);
	text_add(t, number == REPORT_LINES ? "\n\n" : "\n");
}

static void section(struct text *t, const char *title)
{
	text_addf(t, "## %s\n\n", title);
}

static void step(struct text *t, const char *title, const char *id)
{
	text_add(t, "### ");
	add(t, title);
	text_add(t, "\n\n- id: ");
	add(t, id);
	text_add(t, "\n");
}

static void step_end(struct text *t)
{
	text_add(t, "\n");
}

static void fact(struct text *t, const char *name, const char *text)
{
	text_add(t, "- ");
	add(t, name);
	text_add(t, ": ");
	add(t, text);
	text_add(t, "\n");
}

static void say(struct text *t, const char *text)
{
	add(t, text);
	text_add(t, "\n\n");
}

static void add_cells(struct text *t, const char *const *cells, int columns)
{
	for (int i = 0; i < columns; i++) {
		text_add(t, i ? " | " : "| ");
		add(t, cells[i]);
	}
	text_add(t, " |\n");
}

static void row(
	struct text *t, const char *const *heads, const char *const *cells, int columns, bool mark)
{
	(void)heads;
	(void)mark;
	add_cells(t, cells, columns);
}

static void table(struct text *t, const char *const *heads, int columns)
{
	add_cells(t, heads, columns);
	for (int i = 0; i < columns; i++)
		text_add(t, i ? " | ---" : "| ---");
	text_add(t, " |\n");
}

static void table_end(struct text *t)
{
	text_add(t, "\n");
}

/* Text has no pictures. */
static void plots(struct text *t, const struct report *r)
{
	(void)t;
	(void)r;
}

void report_text(struct text *t, const struct report *r)
{
	static const struct report_form form = {
		begin, end, line, section, step, step_end, fact, say, table, row, table_end, plots};
	report_body(t, r, &form);
}
