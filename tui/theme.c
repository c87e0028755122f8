/* Theme: the table of roles, the reader of theme files, where those are, and which one is taken
 * when nobody asks for one. Not drawing: term.c turns a style into what the terminal can do.
 *
 * 1. A theme that was read has a style for every role: what a file leaves out is its
 *    parent's, or that of the theme it inherits.
 * 2. A parent stands before its children in ROLE_INFO, so that one pass resolves them.
 * 3. The built-in themes are right and inherit none, which their test shows. */
#include "tui/theme.h"

#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 65536
#define LINE_MAX_BYTES 200
#define COLOURS_OF_ALL 256 /* what dark, light and contrast are made of */
#define WORDS_MAX 5        /* role, two colours, attributes, and one more to complain about */
#define BLANKS " \t\r"

static const struct role_row {
	const char *word;
	char letter;
	enum role parent;
} rows[ROLE_COUNT] = {
#define X(name, word, letter, parent) [ROLE_##name] = {word, letter, ROLE_##parent},
	ROLE_INFO(X)
#undef X
};

static const char *const role_words[] = {
#define X(name, word, letter, parent) word,
	ROLE_INFO(X)
#undef X
		NULL,
};

/* The first is the default. */
static const struct {
	const char *name, *text;
} built_in[] = {
#include "themes.h"
};
#define BUILT_IN_COUNT (sizeof built_in / sizeof *built_in)

static const char *const attribute_words[] = {"bold", "reverse", "underline", "dim", NULL};
static const unsigned attribute_bits[] = {
	STYLE_BOLD,
	STYLE_REVERSE,
	STYLE_UNDERLINE,
	STYLE_DIM,
};

/* A file being read. */
struct reader {
	const char *file;
	int line;
	struct theme theme;
	int given_at[ROLE_COUNT]; /* line, 0: not given */
	int braille_at, inherit_at;
};

const char *role_word(enum role r)
{
	assert((unsigned)r < ROLE_COUNT);
	return rows[r].word;
}

char role_letter(enum role r)
{
	assert((unsigned)r < ROLE_COUNT);
	return rows[r].letter;
}

/* The index of `word` in a NULL-terminated list, -1 when it is not there. */
static int index_of(const char *const *words, const char *word)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

static int refuse_word(const struct reader *r, const char *what, const char *word,
	const char *const *words, struct err *err)
{
	const char *near = text_nearest(word, words);
	if (near == NULL)
		return err_set(err, ERR_CONFIG, "%s:%d: unknown %s \"%s\"; weir-theme(5) lists them",
			r->file, r->line, what, word);
	return err_set(err, ERR_CONFIG, "%s:%d: unknown %s \"%s\"; did you mean \"%s\"", r->file,
		r->line, what, word, near);
}

static int read_colour(const struct reader *r, const char *word, short *out, struct err *err)
{
	if (strcmp(word, "default") == 0) {
		*out = -1;
		return 0;
	}
	size_t len = strlen(word);
	bool is_number = len > 0 && len <= 3 && strspn(word, "0123456789") == len;
	long number = is_number ? strtol(word, NULL, 10) : -1;
	if (number < 0 || number > 255)
		return err_set(err, ERR_CONFIG,
			"%s:%d: unknown colour \"%s\"; it is default or 0 to 255", r->file, r->line, word);
	*out = (short)number;
	return 0;
}

static int read_attributes(const struct reader *r, char *list, unsigned *out, struct err *err)
{
	*out = 0;
	char *rest = NULL;
	for (char *word = strtok_r(list, ",", &rest); word != NULL;
		 word = strtok_r(NULL, ",", &rest)) {
		int i = index_of(attribute_words, word);
		if (i < 0)
			return refuse_word(r, "attribute", word, attribute_words, err);
		*out |= attribute_bits[i];
	}
	return 0;
}

static int refuse_twice(const struct reader *r, const char *word, int first, struct err *err)
{
	return err_set(err, ERR_CONFIG, "%s:%d: \"%s\" is given twice; first in line %d", r->file,
		r->line, word, first);
}

static int read_braille(struct reader *r, char *const *words, int count, struct err *err)
{
	if (r->braille_at != 0)
		return refuse_twice(r, words[0], r->braille_at, err);
	r->braille_at = r->line;
	if (count != 2 || (strcmp(words[1], "on") != 0 && strcmp(words[1], "off") != 0))
		return err_set(err, ERR_CONFIG, "%s:%d: \"braille\" takes on or off", r->file, r->line);
	r->theme.braille = strcmp(words[1], "on") == 0;
	return 0;
}

static const char *text_of_built_in(const char *name)
{
	for (size_t i = 0; i < BUILT_IN_COUNT; i++)
		if (strcmp(built_in[i].name, name) == 0)
			return built_in[i].text;
	return NULL;
}

const char *theme_built_in(size_t i)
{
	return i < BUILT_IN_COUNT ? built_in[i].name : NULL;
}

/* "dark, ansi16 and light" */
static const char *names_of_built_in(char out[96])
{
	size_t len = 0;
	for (size_t i = 0; i < BUILT_IN_COUNT; i++) {
		const char *before = i == 0 ? "" : i + 1 == BUILT_IN_COUNT ? " and " : ", ";
		len += (size_t)snprintf(out + len, 96 - len, "%s%s", before, built_in[i].name);
		assert(len < 96);
	}
	return out;
}

static bool is_any_given(const struct reader *r)
{
	for (int role = 0; role < ROLE_COUNT; role++)
		if (r->given_at[role] != 0)
			return true;
	return r->braille_at != 0;
}

static int read_inherit(struct reader *r, char *const *words, int count, struct err *err)
{
	char names[96];
	if (r->inherit_at != 0)
		return refuse_twice(r, words[0], r->inherit_at, err);
	if (is_any_given(r))
		return err_set(err, ERR_CONFIG, "%s:%d: \"inherit\" comes first, before what it fills",
			r->file, r->line);
	r->inherit_at = r->line;
	const char *text = count == 2 ? text_of_built_in(words[1]) : NULL;
	if (text == NULL)
		return err_set(err, ERR_CONFIG, "%s:%d: \"inherit\" takes a built-in theme: %s",
			r->file, r->line, names_of_built_in(names));
	return theme_parse(&r->theme, text, words[1], err);
}

static int read_line(struct reader *r, char *line, struct err *err)
{
	char *words[WORDS_MAX];
	int count = 0;
	char *rest = NULL;
	for (char *word = strtok_r(line, BLANKS, &rest); word != NULL && count < WORDS_MAX;
		 word = strtok_r(NULL, BLANKS, &rest)) {
		if (word[0] == '#')
			break;
		words[count++] = word;
	}
	if (count == 0)
		return 0;
	if (strcmp(words[0], "braille") == 0)
		return read_braille(r, words, count, err);
	if (strcmp(words[0], "inherit") == 0)
		return read_inherit(r, words, count, err);
	int role = index_of(role_words, words[0]);
	if (role < 0)
		return refuse_word(r, "role", words[0], role_words, err);
	if (r->given_at[role] != 0)
		return refuse_twice(r, words[0], r->given_at[role], err);
	r->given_at[role] = r->line;
	if (count != 3 && count != 4)
		return err_set(err, ERR_CONFIG,
			"%s:%d: \"%s\" takes a foreground, a background and attributes joined by commas",
			r->file, r->line, words[0]);
	struct style *style = &r->theme.style[role];
	style->attrs = 0;
	if (read_colour(r, words[1], &style->fg, err) != 0)
		return -1;
	if (read_colour(r, words[2], &style->bg, err) != 0)
		return -1;
	return count == 4 ? read_attributes(r, words[3], &style->attrs, err) : 0;
}

/* "themes/dark.theme" names the theme "dark". */
static void name_from_file(struct theme *theme, const char *file)
{
	const char *slash = strrchr(file, '/');
	text_clean(theme->name, sizeof theme->name, slash == NULL ? file : slash + 1,
		strlen(slash == NULL ? file : slash + 1));
	char *dot = strrchr(theme->name, '.');
	if (dot != NULL && strcmp(dot, ".theme") == 0)
		*dot = '\0';
}

static void fill(struct reader *r)
{
	for (int role = 0; role < ROLE_COUNT; role++) {
		if (r->given_at[role] != 0)
			continue;
		if (role == ROLE_TEXT)
			r->theme.style[role] = (struct style){.fg = -1, .bg = -1};
		else
			r->theme.style[role] = r->theme.style[rows[role].parent];
	}
}

int theme_parse(struct theme *out, const char *text, const char *file, struct err *err)
{
	struct reader r = {.file = file};
	while (*text != '\0') {
		r.line++;
		size_t len = strcspn(text, "\n");
		char line[LINE_MAX_BYTES];
		if (len >= sizeof line)
			return err_set(err, ERR_CONFIG, "%s:%d: the line is longer than %d bytes", file,
				r.line, LINE_MAX_BYTES - 1);
		memcpy(line, text, len);
		line[len] = '\0';
		if (read_line(&r, line, err) != 0)
			return -1;
		text += len + (text[len] == '\n');
	}
	name_from_file(&r.theme, file);
	if (r.inherit_at == 0)
		fill(&r);
	*out = r.theme;
	return 0;
}

/* Reads and parses an open file. */
static int load_stream(struct theme *out, FILE *f, const char *path, struct err *err)
{
	char *text = mem_new(FILE_MAX + 1, 1);
	size_t len = fread(text, 1, FILE_MAX + 1, f);
	int rc;
	if (ferror(f))
		rc = err_set(err, ERR_FILE, "cannot read theme \"%s\": %s", path, strerror(errno));
	else if (len > FILE_MAX)
		rc = err_set(err, ERR_CONFIG, "theme \"%s\" is larger than %d bytes", path, FILE_MAX);
	else if (strlen(text) != len)
		rc = err_set(err, ERR_CONFIG, "theme \"%s\" is not text: it has a NUL byte", path);
	else
		rc = theme_parse(out, text, path, err);
	free(text);
	return rc;
}

static int load_path(struct theme *out, const char *path, struct err *err)
{
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return err_set(err, ERR_FILE, "cannot open theme \"%s\": %s", path, strerror(errno));
	int rc = load_stream(out, f, path, err);
	fclose(f);
	return rc;
}

static int refuse_unknown(const char *name, const struct text *tried, struct err *err)
{
	const char *words[BUILT_IN_COUNT + 1];
	char names[96];
	for (size_t i = 0; i <= BUILT_IN_COUNT; i++)
		words[i] = theme_built_in(i);
	const char *near = text_nearest(name, words);
	return err_set(err, ERR_FILE, "theme \"%s\" was not found%s%s%s: %s are built in%s", name,
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "",
		names_of_built_in(names), text_str(tried));
}

int theme_load(struct theme *out, const char *name, const char *const *dirs, struct err *err)
{
	const char *text = text_of_built_in(name);
	if (text != NULL)
		return theme_parse(out, text, name, err);
	if (strchr(name, '/') != NULL)
		return load_path(out, name, err);
	if (!text_is_name(name, sizeof out->name - 1))
		return err_set(err, ERR_CONFIG,
			"theme \"%s\" is not a name; use letters, digits and . _ : -, or a path", name);
	struct text tried = {0}, path = {0};
	int rc = -1;
	bool found = false;
	for (; *dirs != NULL && !found; dirs++) {
		text_clear(&path);
		text_addf(&path, "%s/%s.theme", *dirs, name);
		found = access(text_str(&path), F_OK) == 0;
		if (found)
			rc = load_path(out, text_str(&path), err);
		else
			text_addf(&tried, ", and there is no \"%s\"", text_str(&path));
	}
	if (!found)
		rc = refuse_unknown(name, &tried, err);
	text_free(&path);
	text_free(&tried);
	return rc;
}

void theme_dirs(struct theme_dirs *out)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *below = "";
	int count = 0;
	if (base == NULL || *base != '/') { /* the specification: a relative one is to be ignored */
		base = getenv("HOME");
		below = "/.config";
	}
	if (base != NULL && *base == '/' &&
		(size_t)snprintf(out->own, sizeof out->own, "%s%s/weir/themes", base, below) <
			sizeof out->own)
		out->list[count++] = out->own;
	out->list[count++] = WEIR_DATADIR "/themes";
	out->list[count] = NULL;
}

bool theme_has_colour(const struct theme *theme)
{
	for (int role = 0; role < ROLE_COUNT; role++)
		if (theme->style[role].fg >= 0 || theme->style[role].bg >= 0)
			return true;
	return false;
}

/* "15;0", "0;default;15": the background is the last; of the first sixteen colours white and
 * light grey are light. */
static bool is_light(const char *colorfgbg)
{
	const char *last = colorfgbg == NULL ? NULL : strrchr(colorfgbg, ';');
	return last != NULL && (strcmp(last, ";7") == 0 || strcmp(last, ";15") == 0);
}

static bool wants_colour(const struct theme_wish *w)
{
	if (w->color != NULL && strcmp(w->color, "auto") != 0)
		return strcmp(w->color, "always") == 0;
	return w->no_color == NULL || w->no_color[0] == '\0';
}

const char *theme_choose(const struct theme_wish *w)
{
	if (w->option != NULL)
		return w->option;
	if (w->config != NULL && w->config[0] != '\0')
		return w->config;
	bool few = w->colours >= 0 && w->colours < COLOURS_OF_ALL;
	if (!wants_colour(w) || w->colours == 0 || (few && is_light(w->colorfgbg)))
		return "mono";
	return few ? "ansi16" : is_light(w->colorfgbg) ? "light" : built_in[0].name;
}

bool theme_is_guessed(const struct theme_wish *w)
{
	bool named = w->option != NULL || (w->config != NULL && w->config[0] != '\0');
	return !named && w->colorfgbg == NULL && w->colours >= COLOURS_OF_ALL && wants_colour(w);
}
