/* The names of screens. */
#include "tui/screen.h"

const char *screen_word(enum screen s)
{
	static const char *const words[] = {
#define X(name, word) word,
		SCREEN_INFO(X)
#undef X
	};
	return words[s];
}
