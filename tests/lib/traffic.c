/* Traffic: paced by a timer that is polled beside the wish to stop. */
#include "tests/lib/traffic.h"

#include "model/mem.h"
#include "tests/lib/http.h"
#include "tests/lib/process.h"

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 2000

struct traffic {
	struct http http;
	char address[160];
	int sessions, next, timer, stop;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t news;
	unsigned char *served; /* per session: bit 0 by v1, bit 1 by v2 */
	struct traffic_seen seen;
};

static void note(struct traffic *t, int session, int status, const char *body)
{
	bool v2 = strstr(body, "\"arm\":\"v2\"") != NULL;
	pthread_mutex_lock(&t->mutex);
	if (status != 200 || (!v2 && !strstr(body, "\"arm\":\"v1\""))) {
		t->seen.lost++;
	} else {
		unsigned char bit = v2 ? 2 : 1;
		t->seen.requests++;
		t->seen.failed += strstr(body, "\"ok\":false") != NULL;
		t->seen.sessions[v2] += !(t->served[session] & bit);
		t->seen.torn += t->served[session] == (bit ^ 3);
		t->served[session] |= bit;
	}
	pthread_cond_broadcast(&t->news);
	pthread_mutex_unlock(&t->mutex);
}

static void one(struct traffic *t)
{
	char body[128];
	int session = t->next++ % t->sessions;
	snprintf(body, sizeof body,
		"{\"operation\":\"echo\",\"session\":\"visitor-%d\",\"payload\":1}", session);
	if (t->http.fd < 0)
		http_open(&t->http, t->address);
	int status = http_call(&t->http, "POST", "/v1/execute", NULL, body, ANSWER_MS);
	note(t, session, status, t->http.body);
	if (status == 0)
		http_close(&t->http);
}

static void *run(void *arg)
{
	struct traffic *t = arg;
	struct pollfd fds[] = {
		{.fd = t->stop, .events = POLLIN}, {.fd = t->timer, .events = POLLIN}};
	for (;;) {
		uint64_t due = 0;
		poll(fds, 2, -1);
		if (fds[0].revents)
			return NULL;
		if (read(t->timer, &due, sizeof due) != sizeof due)
			continue;
		/* What a busy machine let pass is made up for, but not in a flood. */
		for (uint64_t i = 0; i < due && i < 20; i++)
			one(t);
	}
}

struct traffic *traffic_start(const char *address, int rate, int sessions)
{
	struct traffic *t = mem_new(1, sizeof *t);
	struct timespec pace = {.tv_nsec = 1000000000L / rate};
	snprintf(t->address, sizeof t->address, "%s", address);
	if (!http_open(&t->http, address)) {
		free(t);
		return NULL;
	}
	t->sessions = sessions;
	t->served = mem_new((size_t)sessions, 1);
	t->stop = eventfd(0, EFD_CLOEXEC);
	t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	timerfd_settime(t->timer, 0, &(struct itimerspec){pace, pace}, NULL);
	pthread_mutex_init(&t->mutex, NULL);
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&t->news, &clock);
	pthread_condattr_destroy(&clock);
	pthread_create(&t->thread, NULL, run, t);
	return t;
}

void traffic_stop(struct traffic *t)
{
	uint64_t one_more = 1;
	if (!t)
		return;
	if (write(t->stop, &one_more, sizeof one_more) == sizeof one_more)
		pthread_join(t->thread, NULL);
	close(t->stop);
	close(t->timer);
	pthread_cond_destroy(&t->news);
	pthread_mutex_destroy(&t->mutex);
	http_close(&t->http);
	free(t->served);
	free(t);
}

void traffic_mark(struct traffic *t)
{
	pthread_mutex_lock(&t->mutex);
	memset(t->served, 0, (size_t)t->sessions);
	t->seen = (struct traffic_seen){0};
	pthread_mutex_unlock(&t->mutex);
}

void traffic_seen(struct traffic *t, struct traffic_seen *out)
{
	pthread_mutex_lock(&t->mutex);
	*out = t->seen;
	pthread_mutex_unlock(&t->mutex);
}

bool traffic_wait(struct traffic *t, int sessions, int timeout_ms)
{
	int64_t end_ms = process_clock_ms() + timeout_ms;
	struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
	pthread_mutex_lock(&t->mutex);
	int late = 0;
	while (t->seen.sessions[0] + t->seen.sessions[1] < sessions && late == 0)
		late = pthread_cond_timedwait(&t->news, &t->mutex, &end);
	bool enough = t->seen.sessions[0] + t->seen.sessions[1] >= sessions;
	pthread_mutex_unlock(&t->mutex);
	return enough;
}
