/* Weather: what goes wrong in a day, and when it is well again. */
#ifndef WEIR_TESTS_SIM_WEATHER_H
#define WEIR_TESTS_SIM_WEATHER_H

#include "tests/sim/sim.h"

/* Draws which faults there are (within the mask) and how often. */
void weather_draw(struct sim *s, unsigned mask);
/* Sets the first of each. */
void weather_begin(struct sim *s);
/* One happens, and the next of its kind is set; one ends. */
void weather_fault(struct sim *s, enum trouble f);
void weather_well(struct sim *s, enum trouble f, int what);
/* Everything is well from here on; whoever is dead starts anew. */
void weather_end(struct sim *s);

#endif
