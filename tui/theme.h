/* Theme: what a role looks like. Views speak of roles, never of colours. A theme file is lines
 * `role fg bg attrs`; a role that a file leaves out inherits from its parent in ROLE_INFO. */
#ifndef WEIR_TUI_THEME_H
#define WEIR_TUI_THEME_H

#include "model/err.h"

#include <stdbool.h>

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

/* Finds a theme: "dark" is embedded; else the path NAME (if it has a slash),
 * `dir`/NAME.theme for each of the NULL-terminated dirs. */
int theme_load(struct theme *out, const char *name, const char *const *dirs, struct err *err);

#endif
