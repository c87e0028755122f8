/* Golden: a drawn surface against what a person has looked at and found good. */
#ifndef WEIR_TESTS_LIB_GOLDEN_H
#define WEIR_TESTS_LIB_GOLDEN_H

#include "tui/surface.h"

#include <stdbool.h>

/* Compares with tests/golden/NAME.txt (from the current directory): the grid as text, a line
 * of dashes, the grid as role letters. On a difference prints both and the first row that
 * differs. With GOLDEN=write in the environment writes the file and returns true: look at
 * the change. */
bool golden_matches(const char *name, const struct surface *s);

#endif
