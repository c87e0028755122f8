/* HAProxy calls: commands on their way, one after the other of what is done for each. For
 * haproxy_change.c and haproxy_back.c alone. */
#ifndef WEIR_CLIENT_HAPROXY_CALL_H
#define WEIR_CLIENT_HAPROXY_CALL_H

#include "client/haproxy_parts.h"
#include "client/hostlock.h"

enum haproxy_phase { PHASE_LOCK, PHASE_READ, PHASE_WRITE, PHASE_CLEAN, PHASE_TELL };

struct haproxy_call {
	struct haproxy_call *next;
	enum haproxy_phase phase;
	enum driver_event_kind kind; /* ANSWER; RESOLVED: only the id of `cmd` is used */
	struct command cmd;
	int to_bp;    /* of a step or a rollback, once it is known */
	int asked_bp; /* what was asked; a rollback takes the nearest below */
	int back_bp;  /* of a step: where a rollback put the share meanwhile; -1: none did */
	struct hostlock *lock;
	struct haproxy_session *session;
	struct haproxy_view before;
	bool has_before;
	int64_t version; /* of the map, to write the change into; -1: none was asked for, or made */
	bool blind;      /* a rollback for which nothing could be read */
	struct haproxy_note note;
	bool has_note;
	size_t written; /* lines before those of the read-back */
	struct instant begun;
	struct answer answer;
	int cleaned_bp; /* the share, while what did not happen is cleaned away */
};

bool haproxy_call_is_share(const struct haproxy_call *c); /* a step or a rollback */
bool haproxy_call_is_rollback(const struct haproxy_call *c);
bool haproxy_call_is_step(const struct haproxy_call *c);

/* Ends a call with an answer, told at the next turn; `why` may be NULL. */
void haproxy_call_say(
	struct haproxy_call *c, enum answer_kind kind, const struct err *why, struct instant now);

/* Puts where a view stands into an answer: epoch, revision, share. */
void haproxy_call_place(struct answer *a, const struct driver *d, const struct haproxy_view *v);

/* False where v1 has a share and no server that takes work: it is nobody's. */
bool haproxy_v1_serves(const struct haproxy_view *v);

/* haproxy_back.c: a turn of a call that is read back, and of one whose note is cleaned away. */
void haproxy_read_back(struct driver *d, struct haproxy_call *c, struct instant now);
void haproxy_end_cleaning(const struct driver *d, struct haproxy_call *c, struct instant now);

#endif
