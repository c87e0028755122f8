/* Golden: a drawn surface against what a person has looked at and found good. */
#ifndef WEIR_TESTS_LIB_GOLDEN_H
#define WEIR_TESTS_LIB_GOLDEN_H

#include "tui/console.h"
#include "tui/surface.h"

#include <stdbool.h>
#include <stddef.h>

/* The sizes at which every screen and dialog is looked at, from what a screen at least is. */
#define GOLDEN_SIZES 4
struct golden_size {
	int w, h;
};
extern const struct golden_size golden_sizes[GOLDEN_SIZES];

/* The file of a name and a size, from the current directory: tests/golden/NAME-WxH.txt. */
void golden_path(char *out, size_t size, const char *name, struct golden_size of);

/* Compares with the file of the name and of the surface's size: the grid as text, a line of
 * dashes, the grid as role letters. On a difference prints both and the first row that differs.
 * With GOLDEN=write in the environment writes the file and returns true: look at the change. */
bool golden_matches(const char *name, const struct surface *s);

/* Draws a console at a size, or at each of the sizes, and compares; it is left at the last. False
 * when one differs. */
bool golden_console_at(
	struct console *c, struct instant now, const char *name, struct golden_size size);
bool golden_console(struct console *c, struct instant now, const char *name);

#endif
