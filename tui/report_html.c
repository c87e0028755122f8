/* HTML that is XML as well: every element is closed, every text is escaped, nothing is fetched.
 * Light and dark follow the reader's system; cells fall under each other on a narrow screen. */
#include "tui/report_html.h"

#include "tui/report_body.h"
#include "tui/report_plot.h"

#include <stdio.h>

static const char style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1c2024;--dim:#5c6670;--rule:#d5dae0;"
	"--soft:#f4f6f8;--v1:#2f6db5;--v2:#b8560b;--bad:#b3261e;--good:#2b7a33;--warn:#fff4e0}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e4e7ea;--dim:#9aa4ae;"
	"--rule:#343b42;--soft:#1c2126;--v1:#7db3f0;--v2:#f0a35e;--bad:#ff8a80;--good:#7fcf88;"
	"--warn:#33270f}}\n"
	"*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 4rem;"
	"background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;"
	"overflow-wrap:break-word}\n"
	"h1{font-size:1.5rem;line-height:1.2;margin:0 0 1rem}"
	"h2{font-size:1.1rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--rule);"
	"padding-bottom:.2rem}h3{font-size:1rem;margin:0 0 .4rem}\n"
	"ol.lines{background:var(--soft);margin:0;padding:.8rem 1rem .8rem 2.2rem;border-radius:6px}"
	"ol.lines li{margin:.25rem 0}\n"
	"table{border-collapse:collapse;width:100%;font-size:.9rem}"
	"th,td{text-align:left;vertical-align:top;padding:.3rem .5rem;"
	"border-bottom:1px solid var(--rule)}th{color:var(--dim);font-weight:600}"
	"tr.look{background:var(--warn)}td:last-child{overflow-wrap:anywhere}.id{font:.78rem ui-monospace,monospace;"
	"color:var(--dim)}\n"
	"section.step{border:1px solid var(--rule);border-radius:6px;padding:.7rem .9rem;"
	"margin:0 0 .8rem;break-inside:avoid}dl{margin:0;display:grid;"
	"grid-template-columns:11rem 1fr;gap:.15rem .8rem}dt{color:var(--dim)}dd{margin:0}\n"
	"svg{width:100%;height:auto;display:block}svg path{fill:none;stroke:var(--dim);"
	"stroke-width:1.6;stroke-linejoin:round}svg text{font-size:11px;fill:var(--dim)}"
	"svg path.v1{stroke:var(--v1)}svg path.v2{stroke:var(--v2)}svg path.thin{stroke-width:.8}"
	"svg path.harm{stroke:var(--bad)}svg path.safe{stroke:var(--good)}"
	"svg path.grid{stroke:var(--rule);stroke-width:1}svg .name{fill:var(--fg)}"
	"svg .y{text-anchor:end}svg .x{text-anchor:middle}svg .first{text-anchor:start}"
	"svg .last{text-anchor:end}svg .mark path{stroke-dasharray:3 3;stroke-width:1}"
	"svg .mark text{text-anchor:middle}svg .back path{stroke:var(--bad)}"
	"svg .back text{fill:var(--bad)}svg .gap{fill:var(--rule);opacity:.6}\n"
	".key b{font-weight:600}.key .v1{color:var(--v1)}.key .v2{color:var(--v2)}"
	".key .harm{color:var(--bad)}.key .safe{color:var(--good)}\n"
	"@media(max-width:36rem){svg text{font-size:16px}dl{grid-template-columns:1fr;gap:0}"
	"dd{margin:0 0 .35rem}thead{position:absolute;clip-path:inset(50%)}"
	"table,tbody,tr,td{display:block;width:100%}tr{padding:.4rem 0;"
	"border-bottom:1px solid var(--rule)}td{border:0;padding:.05rem .3rem}td:empty{display:none}"
	"td::before{content:attr(data-head) ': ';color:var(--dim)}}\n"
	"@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--rule:#bbb;--soft:#f4f4f4;--v1:#2f6db5;"
	"--v2:#b8560b;--bad:#b3261e;--good:#2b7a33;--warn:#f2f2f2}body{max-width:none;padding:0;"
	"font-size:10pt}h2,h3{break-after:avoid}tr,svg,section.step{break-inside:avoid}}\n";

void report_html_add(struct text *t, const char *s)
{
	for (; *s; s++) {
		const char *as = *s == '<' ? "&lt;"
			: *s == '>'            ? "&gt;"
			: *s == '&'            ? "&amp;"
			: *s == '"'            ? "&quot;"
			: *s == '\''           ? "&#39;"
								   : NULL;
		if (as)
			text_add(t, as);
		else
			text_add_n(t, s, 1);
	}
}

static void element(struct text *t, const char *name, const char *class, const char *text)
{
	text_addf(t, class ? "<%s class=\"%s\">" : "<%s>", name, class);
	report_html_add(t, text);
	text_addf(t, "</%s>\n", name);
}

static void begin(struct text *t, const struct report *r, const char *title)
{
	(void)r;
	text_add(t,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'unsafe-inline'\"/>\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
	element(t, "title", NULL, title);
	text_addf(t, "<style>\n%s</style>\n</head>\n<body>\n<main>\n", style);
	element(t, "h1", NULL, title);
	text_add(t, "<ol class=\"lines\">\n");
}

static void end(struct text *t)
{
	text_add(t, "</main>\n</body>\n</html>\n");
}

static void line(struct text *t, int number, const char *text)
{
	element(t, "li", NULL, text);
	if (number == REPORT_LINES)
		text_add(t, "</ol>\n");
}

static void section(struct text *t, const char *title)
{
	element(t, "h2", NULL, title);
}

static void fact(struct text *t, const char *name, const char *text)
{
	element(t, "dt", NULL, name);
	element(t, "dd", NULL, text);
}

static void step(struct text *t, const char *title, const char *id)
{
	text_add(t, "<section class=\"step\">\n");
	element(t, "h3", NULL, title);
	text_add(t, "<dl>\n");
	element(t, "dt", NULL, "id");
	element(t, "dd", "id", id);
}

static void step_end(struct text *t)
{
	text_add(t, "</dl>\n</section>\n");
}

static void say(struct text *t, const char *text)
{
	element(t, "p", NULL, text);
}

static void table(struct text *t, const char *const *heads, int columns)
{
	text_add(t, "<table>\n<thead><tr>\n");
	for (int i = 0; i < columns; i++)
		element(t, "th", NULL, heads[i]);
	text_add(t, "</tr></thead>\n<tbody>\n");
}

/* A cell knows its heading: on a narrow screen it stands alone. */
static void row(
	struct text *t, const char *const *heads, const char *const *cells, int columns, bool mark)
{
	text_add(t, mark ? "<tr class=\"look\">\n" : "<tr>\n");
	for (int i = 0; i < columns; i++) {
		text_add(t, "<td data-head=\"");
		report_html_add(t, heads[i]);
		text_add(t, "\">");
		report_html_add(t, cells[i]);
		text_add(t, "</td>\n");
	}
	text_add(t, "</tr>\n");
}

static void table_end(struct text *t)
{
	text_add(t, "</tbody>\n</table>\n");
}

/* What the numbers over the lines are. */
static void add_marks(struct text *t, const struct report *r)
{
	text_add(t, "<ol class=\"key\">\n");
	for (size_t i = 0; i < r->entry_count; i++) {
		const struct page_row *w = &r->entries[i].row;
		char at[16], what[96], words[256];
		if (!report_moves(&r->entries[i]) || w->at_ms > r->until_ms)
			continue;
		unit_clock(at, sizeof at, w->at_ms);
		report_what(what, sizeof what, w);
		snprintf(words, sizeof words, "%s %s, %s", at, what, w->actor);
		text_mend(words);
		element(t, "li", NULL, words);
	}
	text_add(t, "</ol>\n");
}

static void plots(struct text *t, const struct report *r)
{
	section(t, "In pictures");
	if (r->tick_count == 0) {
		say(t, "There are no samples of this time.");
		return;
	}
	text_add(t,
		"<p class=\"key\"><b class=\"v1\">v1</b>, <b class=\"v2\">v2</b>; evidence for "
		"<b class=\"harm\">harm</b>, for its <b class=\"safe\">absence</b>; grey: nothing was "
		"recorded; numbered lines: who moved the share</p>\n");
	report_plot(t, r);
	add_marks(t, r);
}

void report_html(struct text *t, const struct report *r)
{
	static const struct report_form form = {
		begin, end, line, section, step, step_end, fact, say, table, row, table_end, plots};
	report_body(t, r, &form);
}
