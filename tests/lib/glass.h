/* Glass: a console on a terminal and what it says it has drawn (--screen-file), compared. */
#ifndef WEIR_TESTS_LIB_GLASS_H
#define WEIR_TESTS_LIB_GLASS_H

#include "tests/lib/world.h"

struct glass {
	struct pty pty;
	char screen_file[WORLD_PATH];
	char *chars, *roles; /* of the last frame read; NULL before */
};

/* Starts `weir ARGS --screen-file …` on a terminal. */
void glass_open(struct glass *g, struct world *w, int width, int height,
	const struct world_env *env, const char *const *args);
void glass_close(struct glass *g);

/* Waits until the terminal shows what the program says it has drawn, cell by cell as text;
 * prints both when that does not come. */
bool glass_agrees(struct glass *g, int timeout_ms);

/* Sends keys and waits until both agree again. */
bool glass_press(struct glass *g, const char *keys);

/* Waits until a row of the frame shows `text`, in roles that are letters of `roles` (NULL: any)
 * at its first cell; prints the screen when that does not come. */
bool glass_wait(struct glass *g, const char *text, const char *roles, int timeout_ms);

/* The role letter of the first cell of `text` in the last frame; 0 where it is not shown. */
char glass_role(struct glass *g, const char *text);

#endif
