/* Clock: the one file of history/ that reads a clock. Not a source of recorded times. */
#include "history/clock.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

static struct timespec spec_of(int64_t ms)
{
	return (struct timespec){
		.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

int64_t clock_monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t how;
	int code = pthread_condattr_init(&how);

	if (code != 0)
		return code;
	code = pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
	if (code == 0)
		code = pthread_cond_init(cond, &how);
	pthread_condattr_destroy(&how);
	return code;
}

bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_ms)
{
	int code;

	if (until_ms == CLOCK_NEVER) {
		code = pthread_cond_wait(cond, mutex);
	} else {
		struct timespec until = spec_of(until_ms);
		code = pthread_cond_timedwait(cond, mutex, &until);
	}
	assert(code == 0 || code == ETIMEDOUT);
	return code == 0;
}

void clock_pause(int64_t ms)
{
	struct timespec left = spec_of(ms);

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		continue;
}
