#define _GNU_SOURCE /* F_OFD_SETLK */
/* Linux: eventfd, open file description locks, threads without signals. Not a policy: who locks
 * what is lock.c's. */
#include "history/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int linux_event(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void linux_event_raise(int fd)
{
	const uint64_t one = 1;

	while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
}

void linux_event_clear(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
		continue;
}

int linux_lock(int fd, long byte, enum linux_lock how)
{
	static const short types[] = {
		[LINUX_UNLOCK] = F_UNLCK, [LINUX_SHARED] = F_RDLCK, [LINUX_EXCLUSIVE] = F_WRLCK};
	struct flock lock = {
		.l_type = types[how], .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	int code;

	while ((code = fcntl(fd, F_OFD_SETLK, &lock)) < 0 && errno == EINTR)
		continue;
	return code < 0 ? -1 : 0;
}

int linux_thread(pthread_t *out, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(out, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}
