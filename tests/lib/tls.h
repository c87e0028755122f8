/* Tls: throw-away certificates, and a bare TLS connection to a server on loopback. Not a client
 * that verifies: that is the program's part. What cannot be made ends the program. */
#ifndef WEIR_TESTS_LIB_TLS_H
#define WEIR_TESTS_LIB_TLS_H

#include <stdbool.h>
#include <stddef.h>

/* Certificate and key, PEM. */
struct tls_pair {
	char *cert, *key;
};

/* A CA, which no machine trusts. */
void tls_make_ca(struct tls_pair *out);

/* A certificate of a server: for `name` and 127.0.0.1 (NULL: for localhost), valid from and
 * until so many days from now; signed by `ca`, by itself for NULL. */
struct tls_terms {
	const char *name;
	int from_days, until_days;
};
void tls_make(struct tls_pair *out, const struct tls_pair *ca, struct tls_terms terms);
void tls_release(struct tls_pair *p);

struct tls;

/* Connects to 127.0.0.1 and shakes hands; NULL when the other end does not agree in time.
 * `versions` in GnuTLS's words ("-VERS-ALL:+VERS-TLS1.1"), NULL for the usual ones. */
struct tls *tls_dial(int port, const char *versions, int timeout_ms);
void tls_close(struct tls *t);

/* Sends all; false when that cannot be. */
bool tls_send(struct tls *t, const char *data, size_t len);

/* Reads some bytes; 0 at the end, and when none come in time. */
size_t tls_receive(struct tls *t, char *out, size_t size, int timeout_ms);

#endif
