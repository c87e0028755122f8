/* Way back: the line of a shell that rolls a node back when weir cannot. Text alone. */
#ifndef WEIR_TUI_WAY_BACK_H
#define WEIR_TUI_WAY_BACK_H

#include "model/model.h"
#include "model/text.h"

/* Appends the line; nothing for a node that no other program reaches. `token_file` (NULL: none)
 * is the file that has the pool's token. */
void way_back_line(struct text *out, const struct node *n, const char *token_file);

/* The same at the node itself, where the way of its pool is gone; nothing where there is no other
 * way. */
void way_back_direct(struct text *out, const struct node *n, const char *token_file);

#endif
