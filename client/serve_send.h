/* Sending: messages to addressable workers, and the look at them, as JSON. Knows neither HTTP's
 * bytes nor who waits in which thread. */
#ifndef WEIR_CLIENT_SERVE_SEND_H
#define WEIR_CLIENT_SERVE_SEND_H

#include "client/engine/residents.h"
#include "model/text.h"

#define SERVE_SEGMENTS_MAX 1000 /* of one answer; what is left out is counted */

/* Reads the body of POST /v1/send:
 *
 *     {"recipient":{"type":T,"id":I}, "message":{…}, "kind":"call"|"cast", "spawn":…, "ack":…,
 *      "timeout_ms":1..60000, "id":…, "sticky":true, "at":{"node":0,"segment":0}}
 *
 * where all but the recipient may be left out. 0, or -1 with err (FIELD, DOCUMENT). What the
 * message says is read when it is sent. */
int serve_read_send(struct envelope *out, const char *body, size_t len, struct err *err);

/* Appends the answer; its status is answer->status. */
void serve_write_sent(
	struct text *out, const struct envelope *e, const struct send_answer *answer);

/* Reads the body of POST /v1/residents, {"node":0,"segment":0,"on":true}, where the segment may be
 * left out (-1: the whole node): locked, a place takes no new worker. 0, or -1 with err. */
int serve_read_lock(
	int *node, int *segment, bool *on, const char *body, size_t len, struct err *err);

/* Appends nodes, segments and counts, all of one moment. */
void serve_write_residents(struct text *out, struct residents *r);

#endif
