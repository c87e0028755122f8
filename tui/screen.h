/* Screen: the names of what a console shows. */
#ifndef WEIR_TUI_SCREEN_H
#define WEIR_TUI_SCREEN_H

/* X(name, word after `:screen`) */
#define SCREEN_INFO(X) \
	X(FLOW, "flow") \
	X(FLEET, "fleet") \
	X(WORKERS, "workers") \
	X(GUARDS, "guards") \
	X(PLAN, "plan") \
	X(JOURNAL, "journal")

enum screen {
#define X(name, word) SCREEN_##name,
	SCREEN_INFO(X)
#undef X
		SCREEN_COUNT
};

/* "flow". */
const char *screen_word(enum screen s);

/* Sets of screens, as bits. */
#define SCREEN_ON(name) (1u << SCREEN_##name)
#define SCREEN_ON_ALL ((1u << SCREEN_COUNT) - 1)

#endif
