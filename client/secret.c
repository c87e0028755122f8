/* Secret: files with tokens and keys. What goes over the wire is the transport's and the
 * server's.
 *
 * 1. A file is judged by the descriptor it was opened as, never by its name a second time.
 * 2. No error names a byte of what was read.
 * 3. From the first secret on the process dumps no core and nobody of the same login can look
 *    into it. */
#define _GNU_SOURCE
#include "client/secret.h"

#include "model/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MAX (64 * 1024)
#define BLANKS " \t\r"

/* ---- files ---- */

/* A kind of secret file: what is asked of it. */
struct kind {
	const char *name;
	int flags;       /* of open, beside the common ones */
	mode_t others;   /* bits that must not be set */
	bool own;        /* of nobody else */
	size_t most;     /* bytes */
	const char *how; /* what to do about one that is not safe */
};

static const struct kind token_file = {
	"token file", O_NOFOLLOW, 077, true, SECRET_FILE_MAX, "must be yours alone: chmod 600"};
static const struct kind key_file = {
	"key file", 0, 007, false, KEY_MAX, "can be read by others: chmod 600"};

static int open_secret(const struct kind *kind, const char *path, struct err *err)
{
	struct stat st;
	/* O_NONBLOCK: a pipe at the path must not be waited for */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | kind->flags);
	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_UNSAFE_FILE, "%s '%s' is a symbolic link: name the file itself",
			kind->name, path);
	if (fd < 0)
		return err_set(
			err, ERR_CONFIG, "%s '%s' cannot be read: %s", kind->name, path, strerror(errno));
	bool known = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (known && !(st.st_mode & kind->others) && (!kind->own || st.st_uid == geteuid()))
		return fd;
	(void)close(fd);
	return err_set(err, ERR_UNSAFE_FILE, "%s '%s' %s", kind->name, path,
		known ? kind->how : "is no regular file");
}

/* The whole file, NUL-terminated, in memory that was never moved. */
static int read_secret(
	char **out, const struct kind *kind, const char *path, size_t *len, struct err *err)
{
	int fd = open_secret(kind, path, err);
	if (fd < 0)
		return -1;
	(void)prctl(PR_SET_DUMPABLE, 0);
	char *data = mem_new(kind->most + 2, 1);
	ssize_t n;
	*len = 0;
	while ((n = read(fd, data + *len, kind->most + 1 - *len)) > 0)
		*len += (size_t)n;
	int failed = errno;
	(void)close(fd);
	if (n == 0 && *len <= kind->most && !memchr(data, 0, *len)) {
		*out = data;
		return 0;
	}
	explicit_bzero(data, *len);
	free(data);
	if (n < 0)
		return err_set(
			err, ERR_FILE, "%s '%s' cannot be read: %s", kind->name, path, strerror(failed));
	return err_set(err, ERR_CONFIG, "%s '%s' %s", kind->name, path,
		*len > kind->most ? "is too long" : "has a zero byte");
}

int secret_read_key(char **out, const char *path, struct err *err)
{
	size_t len;
	return read_secret(out, &key_file, path, &len, err);
}

/* ---- tokens ---- */

/* The length of the token that begins here: visible ASCII. */
static size_t token_length(const char *s)
{
	size_t len = 0;
	while (s[len] > 0x20 && s[len] < 0x7f)
		len++;
	return len;
}

int secret_read(char **out, const char *path, struct err *err)
{
	size_t len;
	char *data;
	if (read_secret(&data, &token_file, path, &len, err) < 0)
		return -1;
	while (len > 0 && strchr(BLANKS "\n", data[len - 1]))
		data[--len] = '\0';
	if (len > 0 && token_length(data) == len) {
		*out = data;
		return 0;
	}
	secret_free(data);
	return err_set(err, ERR_CONFIG, "token file '%s' %s", path,
		len == 0 ? "is empty" : "must hold one token of printable ASCII without blanks");
}

/* Reads "TOKEN" or "TOKEN read" and ends the token where it ends. What is wrong, NULL: nothing.
 */
static const char *read_line(struct secret_token *t, char *line)
{
	size_t len = token_length(line);
	char *rest = line + len + strspn(line + len, BLANKS);
	size_t word = token_length(rest);
	bool reads = word == 4 && strncmp(rest, "read", 4) == 0;
	if (len == 0 || (rest[0] && !reads) || rest[word + strspn(rest + word, BLANKS)])
		return "want TOKEN or TOKEN read, printable ASCII";
	if (len < SECRET_LEAST)
		return "a token of a pool has 16 characters or more";
	line[len] = '\0';
	*t = (struct secret_token){line, reads ? SECRET_READS : SECRET_WRITES};
	return NULL;
}

static const char *add_line(struct secret_list *list, char *line)
{
	if (!line[strspn(line, BLANKS)] || line[0] == '#')
		return NULL;
	if (list->count == SECRET_TOKENS_MAX)
		return "more than 64 tokens";
	struct secret_token *t = &list->tokens[list->count];
	const char *wrong = read_line(t, line);
	if (!wrong && secret_grant(list, t->text) != SECRET_NOTHING)
		return "the same token a second time";
	list->count += !wrong;
	return wrong;
}

int secret_read_list(struct secret_list *out, const char *path, struct err *err)
{
	const char *wrong = NULL;
	size_t len;
	int number = 0;
	memset(out, 0, sizeof *out);
	if (read_secret(&out->data, &token_file, path, &len, err) < 0)
		return -1;
	for (char *line = out->data, *next; !wrong && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		wrong = add_line(out, line);
	}
	if (!wrong && out->count > 0)
		return 0;
	secret_list_free(out);
	if (wrong)
		return err_set(err, ERR_CONFIG, "token file '%s' line %d: %s", path, number, wrong);
	return err_set(err, ERR_CONFIG, "token file '%s' has no token", path);
}

/* ---- keeping ---- */

/* How long the buffer of a secret is, only its reader knew; beyond its NUL there is none left:
 * where a token was cut, only white space was. */
void secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void secret_list_free(struct secret_list *list)
{
	if (list->data)
		explicit_bzero(list->data, SECRET_FILE_MAX);
	free(list->data);
	memset(list, 0, sizeof *list);
}

static bool equal(const char *known, const char *given)
{
	size_t len = strlen(known), given_len = strlen(given);
	volatile unsigned char differs = len != given_len;
	for (size_t i = 0; i < len; i++)
		differs |= (unsigned char)(known[i] ^ given[i < given_len ? i : given_len]);
	return !differs;
}

enum secret_grant secret_grant(const struct secret_list *list, const char *token)
{
	enum secret_grant grant = SECRET_NOTHING;
	for (int i = 0; i < list->count; i++)
		if (equal(list->tokens[i].text, token))
			grant = list->tokens[i].grant;
	return grant;
}

void secret_mask(char out[SECRET_MASK_MAX], const char *token)
{
	size_t len = strlen(token);
	(void)snprintf(
		out, SECRET_MASK_MAX, "tok_...%s", len < SECRET_LEAST ? "" : token + len - 2);
}
