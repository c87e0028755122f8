/* Markup: whether a text is well-formed XML, and whether a page of it asks for anything beyond
 * itself. Small on purpose: of what XML has it knows elements, attributes, the five entities and
 * numbers, comments and a document type without a body. */
#ifndef WEIR_TESTS_LIB_MARKUP_H
#define WEIR_TESTS_LIB_MARKUP_H

#include <stdbool.h>
#include <stddef.h>

/* True for one element with what belongs into it, all closed, quoted and escaped; else `why` says
 * what is wrong in which line. */
bool markup_is_whole(const char *text, char *why, size_t size);

/* The first thing that would be fetched when the page is shown (src, href, url(), @import,
 * a script); NULL: nothing. Borrowed from `text`. */
const char *markup_fetches(const char *text);

#endif
