/* Trouble: the words for a transfer that libcurl could not complete, and whether a byte of its
 * request can have left. For the transport alone. */
#ifndef WEIR_CLIENT_TRANSPORT_TROUBLE_H
#define WEIR_CLIENT_TRANSPORT_TROUBLE_H

#include "client/transport.h"

/* What is known of such a transfer. All borrowed. */
struct trouble {
	void *easy;           /* libcurl's handle, not reset since */
	int curl;             /* libcurl's code, not 0 */
	const char *subject;  /* the address it went to, without a path */
	const char *reason;   /* what libcurl wrote about it, "" nothing */
	const char *ca_file;  /* whom TLS trusts; NULL: the system's */
	const char *too_much; /* what went beyond its limit; NULL: nothing */
	int64_t timeout_ms;   /* the deadline that it had */
};

/* Sets reply->err, and reply->sent, which is true before. */
void transport_trouble_tell(const struct trouble *x, struct transport_reply *reply);

#endif
