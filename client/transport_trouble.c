/* Trouble: tables of libcurl's codes and OpenSSL's distrusts, and those that need a closer look.
 * It judges one transfer after its end; it neither begins nor repeats any. */
#include "client/transport_trouble.h"

#include "model/text.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>

/* How libcurl's troubles are told. `early`: no byte of the request has left by then. */
static const struct row {
	CURLcode curl;
	enum err_code code;
	bool early;
	const char *why; /* NULL: explain_tls knows */
} troubles[] = {
	{CURLE_URL_MALFORMAT, ERR_CONFIG, true, "is no address"},
	{CURLE_COULDNT_RESOLVE_HOST, ERR_UNREACHABLE, true, "has a name that cannot be resolved"},
	{CURLE_COULDNT_CONNECT, ERR_UNREACHABLE, true, "cannot be connected to"},
	{CURLE_SSL_CONNECT_ERROR, ERR_TLS, true, NULL},
	{CURLE_PEER_FAILED_VERIFICATION, ERR_TLS, true, NULL},
	{CURLE_SSL_CERTPROBLEM, ERR_TLS, true, NULL},
	{CURLE_SSL_CIPHER, ERR_TLS, true, NULL},
	{CURLE_SSL_CACERT_BADFILE, ERR_TLS, true, NULL},
	{CURLE_SSL_ISSUER_ERROR, ERR_TLS, true, NULL},
	{CURLE_SSL_INVALIDCERTSTATUS, ERR_TLS, true, NULL},
	{CURLE_PARTIAL_FILE, ERR_UNREACHABLE, false, "cut its answer short"},
	{CURLE_GOT_NOTHING, ERR_UNREACHABLE, false, "closed the connection without an answer"},
	{CURLE_RECV_ERROR, ERR_UNREACHABLE, false, "cut the connection"},
	{CURLE_SEND_ERROR, ERR_UNREACHABLE, false, "cut the connection"},
	{CURLE_UNSUPPORTED_PROTOCOL, ERR_NOT_POOL, false, "does not answer in HTTP"},
	{CURLE_WEIRD_SERVER_REPLY, ERR_NOT_POOL, false, "does not answer in HTTP"},
	{CURLE_BAD_CONTENT_ENCODING, ERR_NOT_POOL, false, "answers in an encoding not asked for"},
	/* what libcurl says of a header line longer than it takes */
	{CURLE_OUT_OF_MEMORY, ERR_TOO_LARGE, false, "sends headers without end"},
};

#define NOT_JUDGED 1 /* the chain is good, or nobody came to it: libcurl begins with this */

/* How OpenSSL's distrusts on a certificate (X509_V_ERR_*, whose header is not ours to ask for) are
 * told. */
static const struct distrust {
	long number;
	const char *why;
} distrusts[] = {
	{9, "not valid yet: the certificate, or the clock here is behind"},
	{10, "expired: the certificate, or the clock here is ahead"},
	{18, "self-signed: nobody vouches for the certificate"},
	{19, "unknown CA: nobody known here vouches for the certificate"},
	{20, "unknown CA: nobody known here vouches for the certificate"},
	{21, "unknown CA: nobody known here vouches for the certificate"},
	{23, "revoked: the certificate"},
	{26, "not a server's certificate"},
};

static long info_long(const struct trouble *x, CURLINFO info)
{
	long value = 0;
	CURLcode code = curl_easy_getinfo(x->easy, info, &value);
	assert(code == CURLE_OK);
	(void)code;
	return value;
}

static bool is_connected(const struct trouble *x)
{
	curl_off_t took_us = 0;
	return curl_easy_getinfo(x->easy, CURLINFO_CONNECT_TIME_T, &took_us) == CURLE_OK &&
		took_us > 0;
}

static const char *connect_reason(const struct trouble *x, const char *otherwise)
{
	switch (info_long(x, CURLINFO_OS_ERRNO)) {
	case ECONNREFUSED:
		return "refused the connection";
	case ENOENT:
		return "does not exist";
	case EACCES:
		return "may not be connected to: permission denied";
	default:
		return otherwise;
	}
}

/* The names that the other end's certificate is for, cleaned; "" where it sent none. */
static void certified_names(const struct trouble *x, char *out, size_t size)
{
	static const char field[] = "X509v3 Subject Alternative Name:";
	struct curl_certinfo *info = NULL;
	*out = '\0';
	if (curl_easy_getinfo(x->easy, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL ||
		info->num_of_certs < 1)
		return;
	for (struct curl_slist *line = info->certinfo[0]; line != NULL; line = line->next)
		if (strncmp(line->data, field, sizeof(field) - 1) == 0) {
			const char *names = line->data + sizeof(field) - 1;
			text_clean(out, size, names, strlen(names));
		}
}

/* Why TLS did not come about. */
static void explain_tls(const struct trouble *x, struct err *err)
{
	CURLcode code = (CURLcode)x->curl;
	const char *why = x->reason[0] != '\0' ? x->reason : curl_easy_strerror(code);
	bool untrusted = code == CURLE_PEER_FAILED_VERIFICATION;
	long verdict = info_long(x, CURLINFO_SSL_VERIFYRESULT);
	char names[128];
	for (size_t i = 0; i < sizeof(distrusts) / sizeof(distrusts[0]); i++)
		if (untrusted && distrusts[i].number == verdict)
			why = distrusts[i].why;
	if (code == CURLE_SSL_CACERT_BADFILE && x->ca_file != NULL) {
		err_set(err, ERR_TLS, "SSL_CERT_FILE \"%s\" cannot be read, or holds no certificate",
			x->ca_file);
		return;
	}
	if (!untrusted || verdict > NOT_JUDGED) {
		err_set(err, ERR_TLS, "\"%s\": TLS: %s", x->subject, why);
		return;
	}
	certified_names(x, names, sizeof(names));
	err_set(err, ERR_TLS, "\"%s\": TLS: name mismatch (certificate for %s)", x->subject,
		*names != '\0' ? names : "no name");
}

void transport_trouble_tell(const struct trouble *x, struct transport_reply *reply)
{
	CURLcode code = (CURLcode)x->curl;
	bool begun = info_long(x, CURLINFO_REQUEST_SIZE) > 0;
	if (x->too_much != NULL) {
		err_set(&reply->err, ERR_TOO_LARGE, "\"%s\" answers with more than %s", x->subject,
			x->too_much);
		return;
	}
	if (code == CURLE_OPERATION_TIMEDOUT) {
		reply->sent = begun || is_connected(x);
		err_set(&reply->err, ERR_SLOW, "\"%s\" gave no %s in %.1fs", x->subject,
			reply->sent ? "complete answer" : "connection", (double)x->timeout_ms / 1000.0);
		return;
	}
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		const struct row *row = &troubles[i];
		if (row->curl != code)
			continue;
		reply->sent = begun || !row->early;
		if (row->why == NULL)
			explain_tls(x, &reply->err);
		else
			err_set(&reply->err, row->code, "\"%s\" %s", x->subject,
				code == CURLE_COULDNT_CONNECT ? connect_reason(x, row->why) : row->why);
		return;
	}
	err_set(&reply->err, ERR_UNREACHABLE, "\"%s\": %s", x->subject, curl_easy_strerror(code));
}
