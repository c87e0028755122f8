/* HAProxy sessions: lines asked on one connection to a runtime socket, and their answers.
 *
 * Each question has a connection of its own, since a kept one goes on talking to the old process
 * when HAProxy was reloaded. It is HAProxy's prompt mode: one command a line, an answer ends
 * before the prompt. Nothing here waits: `haproxy_session_turn` does what can be done now, and the
 * epoll descriptor given at the start says when there is more. */
#ifndef WEIR_CLIENT_HAPROXY_SESSION_H
#define WEIR_CLIENT_HAPROXY_SESSION_H

#include "client/haproxy_target.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stddef.h>

#define HAPROXY_ANSWER_MAX (4 * 1024 * 1024) /* bytes of all answers of a question */
#define HAPROXY_LINES_MAX 256                /* of a question */

struct haproxy_session;

enum haproxy_progress {
	HAPROXY_WAITS,
	HAPROXY_ANSWERED, /* every line that was asked has its answer */
	HAPROXY_FAILED,   /* haproxy_session_err says why */
};

/* Begins a connection. Nothing fails here: what does is told by the first turn. It ends by itself
 * timeout_ms after `now`. `epoll_fd` is the caller's and outlives it; `stream`: the one line that
 * is asked is answered without end, and taken by haproxy_session_line. The caller frees it. */
struct haproxy_session *haproxy_session_new(int epoll_fd, const struct haproxy_target *t,
	bool stream, int64_t timeout_ms, struct instant now);
void haproxy_session_free(struct haproxy_session *s); /* NULL is allowed */

/* Asks one more line. It holds no control byte and no `;` (asserted: names are checked when they
 * are read). */
void haproxy_session_ask(struct haproxy_session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* How many lines were asked since the start or the last `next`. */
size_t haproxy_session_asked(const struct haproxy_session *s);

/* What has become of all that was asked. */
enum haproxy_progress haproxy_session_turn(struct haproxy_session *s, struct instant now);

/* The answer to the i-th line since the start or the last `next`; "" for one that says nothing.
 * Borrowed until the next line is asked. */
const char *haproxy_session_answer(const struct haproxy_session *s, size_t i);

/* Forgets the answers: what is asked from now on counts from 0. */
void haproxy_session_next(struct haproxy_session *s);

/* Of a stream: the next line that has come, without its end; NULL none. Borrowed until the next
 * call. `cut` is set for one that was longer than may be. */
const char *haproxy_session_line(struct haproxy_session *s, bool *cut);

const struct err *haproxy_session_err(const struct haproxy_session *s);

/* True when a byte of the lines since the last `next` may have reached HAProxy. */
bool haproxy_session_sent(const struct haproxy_session *s);

/* Milliseconds until it ends by itself. */
int64_t haproxy_session_left_ms(const struct haproxy_session *s, struct instant now);

#endif
