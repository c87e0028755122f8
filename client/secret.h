/* Secret: tokens and keys in files, compared and wiped as secrets are. A process that has read
 * one leaves no core behind. */
#ifndef WEIR_CLIENT_SECRET_H
#define WEIR_CLIENT_SECRET_H

#include "model/err.h"
#include "model/text.h"

#define SECRET_FILE_MAX 4096
#define SECRET_TOKENS_MAX 64
#define SECRET_LEAST 16    /* characters of a token that guards a pool */
#define SECRET_MASK_MAX 16 /* of a masked token, with its NUL */

/* What a token allows. */
enum secret_grant {
	SECRET_NOTHING,
	SECRET_READS,
	SECRET_WRITES, /* and reads */
};

struct secret_token {
	const char *text; /* in the list's data */
	enum secret_grant grant;
};

/* The tokens that a pool knows; zero-initialised is none. */
struct secret_list {
	char *data; /* the file */
	struct secret_token tokens[SECRET_TOKENS_MAX];
	int count;
};

/* Reads the one token of a file: a regular file of one's own that nobody else can read (mode
 * 0600, no symbolic link), of at most SECRET_FILE_MAX bytes, printable ASCII without blanks;
 * white space at the end is cut. 0, or -1 with err: ERR_UNSAFE_FILE for what others can read,
 * ERR_FILE when reading fails, else ERR_CONFIG. *out is the caller's, for secret_free. */
int secret_read(char **out, const char *path, struct err *err);

/* Reads the tokens that a pool knows, under the same conditions: one a line, of SECRET_LEAST
 * characters or more, with "read" behind one that may only read; empty lines and lines that
 * begin with # are skipped. 0, or -1 with err. */
int secret_read_list(struct secret_list *out, const char *path, struct err *err);

/* Reads a private key, which the world must not be able to read (a symbolic link and a group
 * are allowed, as certificate tools leave them). 0, or -1 with err; secret_free. */
int secret_read_key(char **out, const char *path, struct err *err);

/* Wipes and frees. NULL is fine. */
void secret_free(char *secret);
void secret_list_free(struct secret_list *list);

/* What a token allows; all known ones are compared, each in constant time. */
enum secret_grant secret_grant(const struct secret_list *list, const char *token);

/* Names a token without telling it: "tok_...4f". */
void secret_mask(char out[SECRET_MASK_MAX], const char *token);

#endif
