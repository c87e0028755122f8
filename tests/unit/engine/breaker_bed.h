/* Bed: one breaker, and work that passes it from question to word. For the tests of the breaker
 * only. */
#ifndef WEIR_TEST_ENGINE_BREAKER_BED_H
#define WEIR_TEST_ENGINE_BREAKER_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/breaker.h"

#define OPEN_US 60000000

static struct breaker b;

static inline int setup(void **state)
{
	(void)state;
	breaker_init(&b, NULL, 0);
	return 0;
}

static inline enum breaker_state state_at(int64_t now_us)
{
	return breaker_info(&b, now_us).state;
}

/* One piece of work from question to word. */
static inline enum breaker_answer pass(bool ok, int64_t now_us)
{
	struct breaker_ticket t = breaker_ask(&b, now_us);
	breaker_tell(&b, &t, ok, now_us);
	return t.answer;
}

static inline void break_by(int times, int64_t now_us)
{
	for (int i = 0; i < times; i++)
		pass(false, now_us);
}

#endif
