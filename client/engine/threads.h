/* Threads: the clocks, the randomness, the waits and the threads of the engine, in one place.
 */
#ifndef WEIR_CLIENT_ENGINE_THREADS_H
#define WEIR_CLIENT_ENGINE_THREADS_H

#include "model/err.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Microseconds of CLOCK_MONOTONIC: for latencies and for the deadlines of every wait. */
int64_t threads_us(void);

/* Lets at least that much time pass. Only for the end of things. */
void threads_pause(int64_t us);

/* A moment of a loop that waits busily. */
void threads_relax(void);

/* Pins a process, or the calling thread (0), to one of the processors that this one may run on,
 * counted from 0 and around. False where the system refuses. */
bool threads_pin(pid_t pid, int cpu);

/* Fills `out` with random bytes of the kernel. */
void threads_random(void *out, size_t len);

/* Starts a thread that takes no signals (they belong to the loop) and is woken when it asked to
 * be, not up to 50 us later. 0, or -1 with err. */
int threads_start(pthread_t *out, void *(*run)(void *), void *arg, struct err *err);

/* Waits while a word has that value, until `until_us` of threads_us at the most (INT64_MAX: for
 * ever). False when that time has passed; true for whatever else: look at the word. */
bool threads_word_wait(atomic_int *word, int value, int64_t until_us);

/* Wakes all who wait at a word. Its memory may be gone already: nothing is read there. */
void threads_word_wake(atomic_int *word);

/* A condition variable on CLOCK_MONOTONIC. */
void threads_cond_init(pthread_cond_t *cond);

/* Waits for `cond` until `until_us` of threads_us. False when that time has passed. */
bool threads_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_us);

/* Gate: open while the engine lives. Work that passes time waits here, so that closing it ends
 * every wait at once. */
struct gate {
	atomic_int closed; /* a word to wait at: who waits here shares no lock with others who do */
};

void gate_init(struct gate *g);
/* Nobody waits there any more, and whoever comes now does not. */
void gate_release(struct gate *g);
void gate_close(struct gate *g);
bool gate_is_closed(struct gate *g);
/* Passes time until `until_us`; true when the gate was closed before. */
bool gate_wait(struct gate *g, int64_t until_us);

#endif
