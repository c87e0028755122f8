/* Console seat: who sits at a console of a site: the site, the desk and the console of a test program
 * that has one of each. Who opens them, and on what, is the test's. */
#ifndef WEIR_TESTS_LIB_CONSOLE_SEAT_H
#define WEIR_TESTS_LIB_CONSOLE_SEAT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/site.h"
#include "tui/console.h"

#include <string.h>

static struct site s;
static struct desk *d;
static struct console *c;

static inline int leave(void **state)
{
	(void)state;
	console_free(c);
	c = NULL;
	site_release(&s);
	return 0;
}

/* Time passes as the loop lets it. */
static inline void pass(int64_t ms)
{
	for (; ms > 0; ms -= SITE_STEP_MS) {
		site_run(&s, SITE_STEP_MS);
		console_refresh(c, s.now);
	}
}

static inline void key(uint32_t k)
{
	console_key(c, k, s.now);
}

/* Until the next call. */
static inline const char *screen(void)
{
	static char out[64000];
	struct text chars = {0};
	surface_dump(console_draw(c, s.now), &chars, NULL);
	text_copy(out, sizeof out, text_str(&chars));
	text_free(&chars);
	return out;
}

static inline bool is_shown(const char *text)
{
	return strstr(screen(), text) != NULL;
}

static inline void shows(const char *text)
{
	if (!is_shown(text))
		fail_msg("\"%s\" is not on the screen:\n%s", text, screen());
}

static inline void shows_not(const char *text)
{
	if (is_shown(text))
		fail_msg("\"%s\" is on the screen:\n%s", text, screen());
}

#endif
