/* Tls: certificates by GnuTLS, which comes with libmicrohttpd's headers. */
#include "tests/lib/tls.h"

#include "model/mem.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DAY_S (24 * 3600)

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "tls: %s: %s\n", what, gnutls_strerror(rc));
	exit(1);
}

/* ---- certificates ---- */

static gnutls_x509_privkey_t new_key(void)
{
	gnutls_x509_privkey_t key;
	unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
	must(gnutls_x509_privkey_init(&key), "key");
	must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, bits, 0), "key");
	return key;
}

static gnutls_x509_crt_t new_cert(
	const char *name, gnutls_x509_privkey_t key, time_t from, time_t until)
{
	static unsigned char serial = 1;
	gnutls_x509_crt_t cert;
	serial++;
	must(gnutls_x509_crt_init(&cert), "certificate");
	must(gnutls_x509_crt_set_version(cert, 3), "version");
	must(gnutls_x509_crt_set_serial(cert, &serial, sizeof serial), "serial");
	must(gnutls_x509_crt_set_activation_time(cert, from), "time");
	must(gnutls_x509_crt_set_expiration_time(cert, until), "time");
	must(gnutls_x509_crt_set_dn_by_oid(
			 cert, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name)),
		"name");
	must(gnutls_x509_crt_set_key(cert, key), "key");
	return cert;
}

static char *take(gnutls_datum_t *d)
{
	char *text = mem_copy_n((const char *)d->data, d->size);
	gnutls_free(d->data);
	return text;
}

static void write_pair(struct tls_pair *out, gnutls_x509_crt_t cert, gnutls_x509_privkey_t key)
{
	gnutls_datum_t d;
	must(gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &d), "certificate");
	out->cert = take(&d);
	must(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &d), "key");
	out->key = take(&d);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
}

void tls_make_ca(struct tls_pair *out)
{
	time_t now = time(NULL);
	gnutls_x509_privkey_t key = new_key();
	static int made;
	char name[32];
	(void)snprintf(name, sizeof name, "CA %d of tests", ++made);
	gnutls_x509_crt_t cert = new_cert(name, key, now - DAY_S, now + DAY_S);
	must(gnutls_x509_crt_set_ca_status(cert, 1), "CA");
	must(gnutls_x509_crt_set_key_usage(cert, GNUTLS_KEY_KEY_CERT_SIGN), "usage");
	must(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), "signature");
	write_pair(out, cert, key);
}

static void sign(gnutls_x509_crt_t cert, const struct tls_pair *ca)
{
	gnutls_x509_crt_t ca_cert;
	gnutls_x509_privkey_t ca_key;
	gnutls_datum_t d = {(unsigned char *)ca->cert, (unsigned)strlen(ca->cert)};
	must(gnutls_x509_crt_init(&ca_cert), "CA");
	must(gnutls_x509_crt_import(ca_cert, &d, GNUTLS_X509_FMT_PEM), "CA");
	d = (gnutls_datum_t){(unsigned char *)ca->key, (unsigned)strlen(ca->key)};
	must(gnutls_x509_privkey_init(&ca_key), "CA");
	must(gnutls_x509_privkey_import(ca_key, &d, GNUTLS_X509_FMT_PEM), "CA");
	must(gnutls_x509_crt_sign2(cert, ca_cert, ca_key, GNUTLS_DIG_SHA256, 0), "signature");
	gnutls_x509_crt_deinit(ca_cert);
	gnutls_x509_privkey_deinit(ca_key);
}

void tls_make(struct tls_pair *out, const struct tls_pair *ca, struct tls_terms terms)
{
	static const unsigned char loopback[] = {127, 0, 0, 1};
	time_t now = time(NULL);
	const char *name = terms.name ? terms.name : "localhost";
	gnutls_x509_privkey_t key = new_key();
	gnutls_x509_crt_t cert = new_cert(
		name, key, now + terms.from_days * DAY_S, now + (time_t)terms.until_days * DAY_S);
	must(gnutls_x509_crt_set_subject_alt_name(
			 cert, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name), GNUTLS_FSAN_SET),
		"name");
	if (!terms.name)
		must(gnutls_x509_crt_set_subject_alt_name(
				 cert, GNUTLS_SAN_IPADDRESS, loopback, sizeof loopback, GNUTLS_FSAN_APPEND),
			"address");
	if (ca)
		sign(cert, ca);
	else
		must(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), "signature");
	write_pair(out, cert, key);
}

void tls_release(struct tls_pair *p)
{
	free(p->cert);
	free(p->key);
	*p = (struct tls_pair){NULL, NULL};
}

/* ---- connections ---- */

struct tls {
	int fd;
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
};

struct tls *tls_dial(int port, const char *versions, int timeout_ms)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char priorities[128];
	struct tls *t = mem_new(1, sizeof *t);
	(void)snprintf(priorities, sizeof priorities, "NORMAL:%s", versions ? versions : "%COMPAT");
	must(gnutls_certificate_allocate_credentials(&t->credentials), "credentials");
	must(gnutls_init(&t->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL), "session");
	must(gnutls_priority_set_direct(t->session, priorities, NULL), "versions");
	must(gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->credentials),
		"credentials");
	t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = connect(t->fd, (struct sockaddr *)&a, sizeof a);
	gnutls_transport_set_int(t->session, t->fd);
	gnutls_handshake_set_timeout(t->session, (unsigned)timeout_ms);
	gnutls_record_set_timeout(t->session, (unsigned)timeout_ms);
	do
		rc = rc < 0 ? GNUTLS_E_PUSH_ERROR : gnutls_handshake(t->session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc == GNUTLS_E_SUCCESS)
		return t;
	tls_close(t);
	return NULL;
}

void tls_close(struct tls *t)
{
	if (!t)
		return;
	gnutls_deinit(t->session);
	gnutls_certificate_free_credentials(t->credentials);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

bool tls_send(struct tls *t, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = gnutls_record_send(t->session, data, len);
		if (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

size_t tls_receive(struct tls *t, char *out, size_t size, int timeout_ms)
{
	ssize_t n;
	gnutls_record_set_timeout(t->session, (unsigned)timeout_ms);
	do
		n = gnutls_record_recv(t->session, out, size);
	while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN);
	return n > 0 ? (size_t)n : 0;
}
