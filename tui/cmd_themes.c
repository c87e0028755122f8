/* weir themes [NAME]: the themes there are, each with a few rows of a console drawn in its looks.
 * Not the console's own drawing: rows that never change, and escape sequences of ECMA-48 written
 * straight out, since no screen is taken over. */
#include "model/mem.h"
#include "model/text.h"
#include "tui/commands.h"
#include "tui/graph.h"
#include "tui/setup.h"
#include "tui/surface.h"
#include "tui/theme.h"

#include <dirent.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".theme"
#define LISTED_MAX 256
#define SAMPLE_W 68
#define SAMPLE_H 11

struct listed {
	struct theme theme;
	char *path;  /* NULL: built in */
	char *error; /* NULL: it is right */
};

struct list {
	struct listed *rows;
	int count;
};

/* ---- what there is ---- */

static bool is_listed(const struct list *l, const char *name)
{
	for (int i = 0; i < l->count; i++)
		if (strcmp(l->rows[i].theme.name, name) == 0)
			return true;
	return false;
}

static void add(struct list *l, const char *name, const char *path)
{
	static const char *const none[] = {NULL};
	struct err err = {0};
	l->rows = mem_resize(l->rows, (size_t)l->count + 1, sizeof *l->rows);
	struct listed *row = &l->rows[l->count++];
	*row = (struct listed){.path = path ? mem_copy(path) : NULL};
	if (theme_load(&row->theme, path ? path : name, none, &err) == 0)
		return;
	text_copy(row->theme.name, sizeof row->theme.name, name);
	row->error = mem_copy(err.text);
}

static int is_theme(const struct dirent *e)
{
	size_t len = strlen(e->d_name), end = sizeof SUFFIX - 1;
	bool may_be_file = e->d_type == DT_REG || e->d_type == DT_LNK || e->d_type == DT_UNKNOWN;
	return may_be_file && len > end && strcmp(e->d_name + len - end, SUFFIX) == 0;
}

/* A name that is taken already would never be loaded from here, nor one that is no name. */
static void add_directory(struct list *l, const char *dir)
{
	struct dirent **found;
	struct text path = {0};
	int count = scandir(dir, &found, is_theme, alphasort);
	for (int i = 0; i < count; i++) {
		char name[sizeof l->rows->theme.name];
		snprintf(name, sizeof name, "%.*s", (int)(strlen(found[i]->d_name) - sizeof SUFFIX + 1),
			found[i]->d_name);
		bool is_whole = strlen(name) + sizeof SUFFIX - 1 == strlen(found[i]->d_name);
		if (is_whole && text_is_name(name, sizeof name - 1) && !is_listed(l, name) &&
			l->count < LISTED_MAX) {
			text_clear(&path);
			text_addf(&path, "%s/%s", dir, found[i]->d_name);
			add(l, name, text_str(&path));
		}
		free(found[i]);
	}
	if (count >= 0)
		free(found);
	text_free(&path);
}

static void find_all(struct list *l)
{
	struct theme_dirs dirs;
	theme_dirs(&dirs);
	for (size_t i = 0; theme_built_in(i) != NULL; i++)
		add(l, theme_built_in(i), NULL);
	for (int i = 0; dirs.list[i] != NULL; i++)
		add_directory(l, dirs.list[i]);
}

static void release(struct list *l)
{
	for (int i = 0; i < l->count; i++) {
		free(l->rows[i].path);
		free(l->rows[i].error);
	}
	free(l->rows);
}

/* ---- a sample of the console ---- */

struct words {
	int x, y;
	enum role role;
	const char *text;
};

/* A migration at its worst moment, so that every state is there. */
static const struct words sample[] = {
	{1, 0, ROLE_MARK, "PROD"},
	{6, 0, ROLE_REMOTE, "checkout"},
	{16, 0, ROLE_TEXT, "v1>v2"},
	{24, 0, ROLE_FAIL, "BAKING at 10 %, a limit is broken"},
	{60, 0, ROLE_OK, "LIVE 0.4s"},
	{1, 1, ROLE_FAIL, "v2 fails 6 times as often as v1 on predict. R rolls back"},
	{23, 2, ROLE_DIM, "seen %    req/s   errors %   p99 ms"},
	{1, 3, ROLE_V1, "v1"},
	{25, 3, ROLE_TEXT, "90.1      812       0.21      182"},
	{1, 4, ROLE_V2, "v2"},
	{26, 4, ROLE_TEXT, "9.9       90       "},
	{45, 4, ROLE_FAIL, "1.24"},
	{55, 4, ROLE_STALE, "171"},
	{1, 5, ROLE_TITLE, "GUARDS"},
	{14, 5, ROLE_DIM, "v2 of limit"},
	{1, 6, ROLE_FAIL, "RED"},
	{6, 6, ROLE_TEXT, "errors  1.24 of 1 %"},
	{35, 6, ROLE_LIMIT, "- - - - - - - - limit 1 %"},
	{1, 7, ROLE_WARN, "look"},
	{6, 7, ROLE_TEXT, "memory  1.9G of 2G"},
	{33, 7, ROLE_AXIS, "0"},
	{1, 8, ROLE_OK, "ok"},
	{6, 8, ROLE_TEXT, "p99     171 of 1000 ms"},
	{35, 8, ROLE_SELECTED, "> r0.1  v2  busy    "},
	{1, 9, ROLE_SHEET_TITLE, " STEP checkout 10 > 50 % "},
	{28, 9, ROLE_CHOICE, "[Esc cancel]"},
	{42, 9, ROLE_KEY, "m reason"},
	{52, 9, ROLE_INPUT, "day 4, quiet"},
	{1, 10, ROLE_KEY, "H"},
	{3, 10, ROLE_TEXT, "hold"},
	{9, 10, ROLE_KEY, "R"},
	{11, 10, ROLE_TEXT, "roll back"},
	{22, 10, ROLE_KEY_OFF, "S step (locked)"},
};

static void draw_sample(struct surface *s)
{
	static const double rises[] = {1, 1, 2, 1, 2, 3, 2, 4, 5, 4, 6, 7, 7, 8, 8};
	struct rect all = surface_all(s);
	surface_fill(s, all, ROLE_TEXT, ' ');
	for (size_t i = 0; i < sizeof sample / sizeof *sample; i++)
		surface_text(s, all, sample[i].x, sample[i].y, sample[i].role, sample[i].text);
	graph_bar(s, (struct rect){4, 3, 16, 1}, ROLE_V1, 0.901);
	graph_bar(s, (struct rect){4, 4, 16, 1}, ROLE_V2, 0.099);
	graph_sparkline(s, (struct rect){35, 7, 15, 1}, ROLE_V1, rises, 15, 24);
	graph_sparkline(s, (struct rect){52, 7, 15, 1}, ROLE_V2, rises, 15, 8);
}

/* ---- looks as escape sequences ---- */

static const struct {
	unsigned bit;
	const char *word;
	int code; /* of ECMA-48's SGR */
} attributes[] = {
	{STYLE_BOLD, "bold", 1},
	{STYLE_DIM, "dim", 2},
	{STYLE_UNDERLINE, "underline", 4},
	{STYLE_REVERSE, "reverse", 7},
};
#define ATTRIBUTE_COUNT (sizeof attributes / sizeof *attributes)

/* `base` is 30 for the foreground, 40 for the background. */
static void add_colour(struct text *t, int base, int colour)
{
	if (colour < 0)
		return;
	if (colour < 8)
		text_addf(t, ";%d", base + colour);
	else if (colour < 16)
		text_addf(t, ";%d", base + 60 + colour - 8);
	else
		text_addf(t, ";%d;5;%d", base + 8, colour);
}

static void begin_look(struct text *t, const struct style *style)
{
	text_add(t, "\033[0");
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		if ((style->attrs & attributes[i].bit) != 0)
			text_addf(t, ";%d", attributes[i].code);
	add_colour(t, 30, style->fg);
	add_colour(t, 40, style->bg);
	text_add(t, "m");
}

static void end_look(struct text *t)
{
	text_add(t, "\033[0m");
}

static void add_cell(struct text *t, const struct cell *cell)
{
	char bytes[4];
	text_add_n(t, bytes, (size_t)text_encode(cell->point, bytes));
}

static void add_sample(struct text *t, const struct theme *theme, bool ascii)
{
	struct surface s;
	surface_init(&s, SAMPLE_W + 1, SAMPLE_H, ascii);
	draw_sample(&s);
	for (int y = 0; y < s.h; y++) {
		enum role now = ROLE_COUNT;
		for (int x = 0; x < s.w; x++) {
			const struct cell *cell = &s.cells[y * s.w + x];
			if (cell->role != now)
				begin_look(t, &theme->style[cell->role]);
			now = cell->role;
			add_cell(t, cell);
		}
		end_look(t);
		text_add(t, "\n");
	}
	surface_release(&s);
}

/* ---- words ---- */

static void colour_word(char out[8], short colour)
{
	if (colour < 0)
		text_copy(out, 8, "default");
	else
		snprintf(out, 8, "%d", colour);
}

static void add_attributes(struct text *t, unsigned set, const char *quote)
{
	const char *before = "";
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		if ((set & attributes[i].bit) != 0) {
			text_addf(t, "%s%s%s%s", before, quote, attributes[i].word, quote);
			before = ",";
		}
}

/* The line of a theme file that gives the role this look. */
static void add_role(struct text *t, enum role r, const struct style *style, bool painted)
{
	char fg[8], bg[8];
	colour_word(fg, style->fg);
	colour_word(bg, style->bg);
	if (painted)
		begin_look(t, style);
	text_add(t, role_word(r));
	if (painted)
		end_look(t);
	text_addf(t, "%*s%-7s ", 13 - (int)strlen(role_word(r)), "", fg);
	text_addf(t, style->attrs == 0 ? "%s" : "%-7s ", bg);
	add_attributes(t, style->attrs, "");
	text_add(t, "\n");
}

static void add_theme(struct text *t, const struct theme *theme, bool painted)
{
	text_addf(t, "# %s\n", theme->name);
	if (theme->braille)
		text_add(t, "braille on\n");
	for (int r = 0; r < ROLE_COUNT; r++)
		add_role(t, (enum role)r, &theme->style[r], painted);
}

static void add_roles_json(struct text *t, const struct theme *theme)
{
	text_json_key(t, "roles");
	text_add(t, "{");
	for (int r = 0; r < ROLE_COUNT; r++) {
		const struct style *style = &theme->style[r];
		text_json_key(t, role_word((enum role)r));
		text_add(t, "{");
		text_json_int(t, "fg", style->fg < 0 ? UNKNOWN : style->fg);
		text_json_int(t, "bg", style->bg < 0 ? UNKNOWN : style->bg);
		text_json_key(t, "attributes");
		text_add(t, "[");
		add_attributes(t, style->attrs, "\"");
		text_add(t, "]}");
	}
	text_add(t, "}");
}

static void add_json(struct text *t, const struct listed *row)
{
	text_add(t, "{");
	text_json_str(t, "name", row->theme.name);
	text_json_str(t, "path", row->path);
	text_json_str(t, "error", row->error);
	if (row->error == NULL) {
		text_json_bool(t, "braille", row->theme.braille);
		add_roles_json(t, &row->theme);
	}
	text_add(t, "}\n");
}

/* ---- the command ---- */

/* How it is told. */
struct manner {
	bool json, painted, ascii;
};

/* Paints where colours are wanted: on a terminal, unless the environment says no. */
static bool wants_paint(const struct options *o)
{
	const char *no = getenv("NO_COLOR"), *type = getenv("TERM");
	if (o->color != NULL && strcmp(o->color, "auto") != 0)
		return strcmp(o->color, "always") == 0;
	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') && type != NULL &&
		*type != '\0' && strcmp(type, "dumb") != 0;
}

static void add_listed(struct text *t, const struct listed *row, const struct manner *how)
{
	if (how->json) {
		add_json(t, row);
		return;
	}
	char path[512];
	const char *from = row->path == NULL ? "built in" : row->path;
	text_clean(path, sizeof path, from, strlen(from));
	text_addf(t, "%-12s %s%s%s\n", row->theme.name, path, row->error ? "\n  wrong: " : "",
		row->error ? row->error : "");
	if (row->error != NULL || !how->painted)
		return;
	add_sample(t, &row->theme, how->ascii);
	text_add(t, "\n");
}

static int list_all(struct text *t, const struct manner *how)
{
	struct list l = {0};
	int status = EXIT_DONE;
	find_all(&l);
	for (int i = 0; i < l.count; i++) {
		add_listed(t, &l.rows[i], how);
		if (l.rows[i].error != NULL)
			status = EXIT_USAGE;
	}
	release(&l);
	return status;
}

static int show_one(struct text *t, const char *name, const struct manner *how)
{
	struct theme_dirs dirs;
	struct listed row = {0};
	struct err err = {0};
	theme_dirs(&dirs);
	if (theme_load(&row.theme, name, dirs.list, &err) < 0)
		return setup_fail(&err);
	if (how->json) {
		add_json(t, &row);
		return EXIT_DONE;
	}
	if (how->painted)
		add_sample(t, &row.theme, how->ascii);
	add_theme(t, &row.theme, how->painted);
	return EXIT_DONE;
}

int cmd_themes(const struct options *o)
{
	struct manner how = {.json = o->json,
		.painted = wants_paint(o),
		.ascii = o->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0};
	struct text t = {0};
	int status = o->arg_count > 0 ? show_one(&t, o->args[0], &how) : list_all(&t, &how);
	fputs(text_str(&t), stdout);
	text_free(&t);
	return status;
}
