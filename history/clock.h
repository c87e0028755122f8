/* Clock: the monotonic time by which the threads pace themselves. Nothing that is recorded
 * comes from here: wall times are arguments. */
#ifndef WEIR_HISTORY_CLOCK_H
#define WEIR_HISTORY_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_NEVER INT64_MAX

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t clock_monotonic_ms(void);

/* Makes a condition variable whose timeouts are read from the same clock. 0 or an errno. */
int clock_cond_init(pthread_cond_t *cond);

/* Waits for a signal until `until_ms` (CLOCK_NEVER: for ever). False when the time has come. */
bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_ms);

/* Stands still for so long. For threads that wait for a lock of another process. */
void clock_pause(int64_t ms);

#endif
