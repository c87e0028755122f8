/* Theme: the table of roles and the reader of theme files. Not drawing: term.c turns a style
 * into what the terminal can do.
 *
 * 1. A theme that was read has a style for every role: what a file leaves out is its
 *    parent's.
 * 2. A parent stands before its children in ROLE_INFO, so that one pass resolves them. */
#include "tui/theme.h"

#include "model/mem.h"
#include "model/text.h"
#include "theme_dark.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 65536
#define LINE_MAX_BYTES 200
#define WORDS_MAX 5 /* role, two colours, attributes, and one more to complain about */
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
	int braille_at;
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

static void inherit(struct reader *r)
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
	inherit(&r);
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

int theme_load(struct theme *out, const char *name, const char *const *dirs, struct err *err)
{
	if (strcmp(name, "dark") == 0)
		return theme_parse(out, theme_dark_text, "dark", err);
	if (strchr(name, '/') != NULL) {
		FILE *f = fopen(name, "re");
		if (f == NULL)
			return err_set(
				err, ERR_FILE, "cannot open theme \"%s\": %s", name, strerror(errno));
		int rc = load_stream(out, f, name, err);
		fclose(f);
		return rc;
	}
	if (!text_is_name(name, sizeof out->name - 1))
		return err_set(err, ERR_CONFIG,
			"theme \"%s\" is not a name; use letters, digits and . _ : -, or a path", name);
	struct text tried = {0};
	for (; *dirs != NULL; dirs++) {
		struct text path = {0};
		text_addf(&path, "%s/%s.theme", *dirs, name);
		FILE *f = fopen(text_str(&path), "re");
		if (f != NULL) {
			int rc = load_stream(out, f, text_str(&path), err);
			fclose(f);
			text_free(&path);
			text_free(&tried);
			return rc;
		}
		text_addf(&tried, ", not \"%s\"", text_str(&path));
		text_free(&path);
	}
	int rc = err_set(
		err, ERR_FILE, "theme \"%s\" was not found: it is not dark%s", name, text_str(&tried));
	text_free(&tried);
	return rc;
}
