/* Theme: what a role looks like. Views speak of roles, never of colours. A theme file is lines
 * `role fg bg attrs`; a role that a file leaves out inherits from its parent in ROLE_INFO, or
 * all of them from the built-in theme that its first line names. */
#ifndef WEIR_TUI_THEME_H
#define WEIR_TUI_THEME_H

#include "model/err.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* X(name, word, letter in goldens, parent) */
#define ROLE_INFO(X) \
	X(TEXT, "text", '.', TEXT) \
	X(DIM, "dim", 'd', TEXT) \
	X(STRONG, "strong", 'b', TEXT) \
	X(TITLE, "title", 't', STRONG) \
	X(MARK, "mark", 'M', STRONG) /* DEMO, REHEARSAL, REPLAY: reverse */ \
	X(OK, "ok", 'o', TEXT) \
	X(WARN, "warn", 'w', STRONG) \
	X(FAIL, "fail", 'f', STRONG) \
	X(STALE, "stale", 's', DIM) /* old numbers */ \
	X(V1, "v1", '1', TEXT) \
	X(V2, "v2", '2', TEXT) \
	X(OVER, "over", 'O', V1) /* a point of v1 on a bar of v2 */ \
	X(AXIS, "axis", 'a', DIM) \
	X(LIMIT, "limit", 'l', WARN) \
	X(KEY, "key", 'k', STRONG)      /* a key that can be pressed */ \
	X(KEY_OFF, "key_off", 'x', DIM) /* a key that cannot act now */ \
	X(REMOTE, "remote", 'r', TEXT)  /* names and words from elsewhere */ \
	X(SHEET, "sheet", 'S', TEXT) \
	X(SHEET_TITLE, "sheet_title", 'T', TITLE) \
	X(CHOICE, "choice", 'c', STRONG) /* the highlighted button */ \
	X(INPUT, "input", 'i', TEXT) \
	X(SELECTED, "selected", 'R', STRONG)

enum role {
#define X(name, word, letter, parent) ROLE_##name,
	ROLE_INFO(X)
#undef X
		ROLE_COUNT
};

enum { STYLE_BOLD = 1, STYLE_REVERSE = 2, STYLE_UNDERLINE = 4, STYLE_DIM = 8 };

struct style {
	short fg, bg; /* 0..255 of the xterm palette, -1 the terminal's own */
	unsigned attrs;
};

struct theme {
	char name[32];
	struct style style[ROLE_COUNT];
	bool braille;
};

const char *role_word(enum role r);
char role_letter(enum role r);

/* Reads a theme's text; `file` names it in errors (file:line). Unknown role, colour or
 * attribute, or a role given twice: -1 and `out` is unchanged. */
int theme_parse(struct theme *out, const char *text, const char *file, struct err *err);

/* Finds a theme: a built-in one by its name; else the path NAME (if it has a slash), else
 * `dir`/NAME.theme for the first of the NULL-terminated dirs that has it. */
int theme_load(struct theme *out, const char *name, const char *const *dirs, struct err *err);

/* The name of the i-th built-in theme, NULL behind the last. The first is the default. */
const char *theme_built_in(size_t i);

/* Where files of themes are: weir/themes of the person's configuration, then the installed
 * ones. */
struct theme_dirs {
	const char *list[3]; /* NULL-terminated */
	char own[PATH_MAX];
};
void theme_dirs(struct theme_dirs *out);

/* False where no role has a colour. */
bool theme_has_colour(const struct theme *theme);

/* What a theme is chosen by; strings may be NULL. */
struct theme_wish {
	const char *option, *config;      /* --theme, the configuration's */
	const char *color;                /* --color */
	const char *no_color, *colorfgbg; /* of the environment */
	int colours;                      /* of the terminal; -1 unknown */
};

/* The name of the theme to load: what is asked for, else one that the terminal can show. Colours
 * of 256 are not brought down to fewer, a background is light only where COLORFGBG says so, and a
 * light one of few colours gets none. */
const char *theme_choose(const struct theme_wish *w);

/* True where that is the default since nothing says how light the background is: the terminal may
 * be asked. */
bool theme_is_guessed(const struct theme_wish *w);

#endif
