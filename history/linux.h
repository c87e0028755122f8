/* Linux: the two calls that POSIX lacks, an event descriptor and locks that belong to an open
 * file description (so that two handles of one process exclude each other too); and threads that
 * leave signals alone. */
#ifndef WEIR_HISTORY_LINUX_H
#define WEIR_HISTORY_LINUX_H

#include <pthread.h>
#include <stdbool.h>

/* A descriptor that is readable while raised; -1 with errno. */
int linux_event(void);
void linux_event_raise(int fd);
void linux_event_clear(int fd);

enum linux_lock { LINUX_UNLOCK, LINUX_SHARED, LINUX_EXCLUSIVE };

/* Locks or unlocks one byte of a file at once. 0, or -1 with errno (EAGAIN: another has it). */
int linux_lock(int fd, long byte, enum linux_lock how);

/* Starts a thread that takes no signals: they belong to the loop. 0 or an errno. */
int linux_thread(pthread_t *out, void *(*run)(void *), void *arg);

#endif
