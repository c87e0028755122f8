/* Binomial: whether what was counted may be a share. */
#ifndef WEIR_TESTS_LIB_BINOMIAL_H
#define WEIR_TESTS_LIB_BINOMIAL_H

#include <stdbool.h>

/* True when k of n lies within the central 99.9 % of a binomial with share p, 0 to 1. */
bool binomial_holds(int n, int k, double p);

#endif
