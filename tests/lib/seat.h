/* Seat: who sits at a desk of a site: the site, its first node and the desk of a test program that has
 * one of each. */
#ifndef WEIR_TESTS_LIB_SEAT_H
#define WEIR_TESTS_LIB_SEAT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/site.h"

static struct site s;
static struct desk *d;    /* NULL until a test opens one */
static struct fake *node; /* the first */

static inline void sit_down_at_nodes(int count)
{
	site_init(&s, count, 1);
	node = s.node[0];
	d = NULL;
}

static inline int sit_down(void **state)
{
	(void)state;
	sit_down_at_nodes(1);
	return 0;
}

static inline int sit_down_at_three(void **state)
{
	(void)state;
	sit_down_at_nodes(3);
	return 0;
}

static inline int sit_down_at_two_pools(void **state)
{
	(void)state;
	sit_down_at_nodes(2);
	s.apart = true;
	fake_become(s.node[1], "shop-2");
	return 0;
}

static inline int leave(void **state)
{
	(void)state;
	site_release(&s);
	return 0;
}

static inline enum state now_is(void)
{
	return site_standing(d)->state;
}

#endif
