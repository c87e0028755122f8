/* The table of keys. */
#include "tui/keymap.h"

#include "tui/term.h"

const struct keymap_row keymap_rows[] = {
#define X(key, label, command, when, screens, help) {key, label, command, when, screens, help},
	KEYMAP_INFO(X)
#undef X
};
const size_t keymap_row_count = sizeof keymap_rows / sizeof *keymap_rows;

static bool works(const struct keymap_row *row, bool replay, enum screen screen)
{
	return (row->when == 'b' || (row->when == 'r') == replay) && row->screens >> screen & 1;
}

const char *keymap_command(uint32_t key, bool replay, enum screen screen)
{
	for (size_t i = 0; i < keymap_row_count; i++)
		if (keymap_rows[i].key == key && works(&keymap_rows[i], replay, screen))
			return keymap_rows[i].command;
	return NULL;
}

const struct keymap_row *keymap_elsewhere(uint32_t key, bool replay, enum screen *at)
{
	for (size_t i = 0; i < keymap_row_count; i++)
		for (int s = 0; s < SCREEN_COUNT && keymap_rows[i].key == key; s++) {
			if (!works(&keymap_rows[i], replay, (enum screen)s))
				continue;
			*at = (enum screen)s;
			return &keymap_rows[i];
		}
	return NULL;
}

enum verb keymap_verb(uint32_t key)
{
	for (int v = 0; v < VERB_COUNT; v++)
		if ((uint32_t)verb_row((enum verb)v)->key == key)
			return (enum verb)v;
	return VERB_COUNT;
}

enum verb keymap_meant(uint32_t key)
{
	return key >= 'a' && key <= 'z' ? keymap_verb(key - 'a' + 'A') : VERB_COUNT;
}
