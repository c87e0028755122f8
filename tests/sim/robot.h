/* Robot: what people do at a desk: they go on where they may, press what they must not, change
 * their minds and make mistakes. */
#ifndef WEIR_TESTS_SIM_ROBOT_H
#define WEIR_TESTS_SIM_ROBOT_H

#include "tests/sim/sim.h"

/* The operator of a desk looks up, perhaps acts, and looks again later. */
void robot_look(struct sim *s, int desk);

#endif
