/* Whole: a text as a file that is there whole or not at all, whoever reads it and whatever ends us. */
#ifndef WEIR_TUI_WHOLE_H
#define WEIR_TUI_WHOLE_H

#include "model/err.h"
#include "model/text.h"

/* Writes the file, in place of one that is there. 0, or -1 with err (FILE) and nothing changed. */
int whole_write(const char *path, const struct text *t, struct err *err);

#endif
