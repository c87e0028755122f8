/* Lines of counts. A column is that of a byte, from 1; nothing that is read is believed before
 * it was looked at. Not the judge. */
#include "tui/counts_in.h"

#include "tui/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TOTAL_MAX ((int64_t)1 << 53)
#define UNITS_MAX ((int64_t)1 << 52)
#define FIELDS 4
#define HEADER "n1,x1,n2,x2"
#define BLANKS " \t"

static const char *const names[FIELDS] = {"n1", "x1", "n2", "x2"};

void counts_in_init(struct counts_in *in, int fd, const char *name)
{
	memset(in, 0, sizeof *in);
	in->fd = fd;
	in->name = name;
}

/* ---- lines ---- */

/* Waits for bytes. Returns false when a signal came that ends the program. */
static bool wait_for_bytes(const struct counts_in *in)
{
	struct pollfd fds[2] = {
		{.fd = in->fd, .events = POLLIN}, {.fd = loop_signal_fd(), .events = POLLIN}};
	while (!loop_interrupted()) {
		int ready = poll(fds, 2, -1);
		if (ready > 0 && fds[1].revents)
			loop_signal();
		else if (ready > 0 || errno != EINTR)
			return true;
	}
	return false;
}

/* Reads more behind what is there. 0, or -1 with err. */
static int read_more(struct counts_in *in, struct err *err)
{
	memmove(in->bytes, in->bytes + in->from, in->len);
	in->from = 0;
	if (!wait_for_bytes(in)) {
		in->ended = true;
		in->len = 0;
		return 0;
	}
	ssize_t n = read(in->fd, in->bytes + in->len, sizeof in->bytes - in->len);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0)
		return err_set(err, ERR_FILE, "'%s' cannot be read: %s", in->name, strerror(errno));
	in->ended = n == 0;
	in->len += (size_t)n;
	return 0;
}

/* The next line without its end, to a NUL. 1, 0 at the end, -1 with err. */
static int next_line(struct counts_in *in, char out[COUNTS_LINE_MAX + 1], struct err *err)
{
	const char *end;
	while (!(end = memchr(in->bytes + in->from, '\n', in->len)) && !in->ended &&
		in->len <= COUNTS_LINE_MAX)
		if (read_more(in, err) < 0)
			return -1;
	if (in->len == 0)
		return 0;
	in->line++;
	const char *line = in->bytes + in->from;
	size_t len = end ? (size_t)(end - line) : in->len;
	if (len > COUNTS_LINE_MAX)
		return err_set(err, ERR_FIELD, "%s:%lld:%d: the line is longer than %d bytes", in->name,
			(long long)in->line, COUNTS_LINE_MAX + 1, COUNTS_LINE_MAX);
	const char *nul = memchr(line, 0, len);
	if (nul)
		return err_set(err, ERR_FIELD, "%s:%lld:%d: a NUL byte: this is not text", in->name,
			(long long)in->line, (int)(nul - line) + 1);
	memcpy(out, line, len);
	in->from += len + (end != NULL);
	in->len -= len + (end != NULL);
	len -= len > 0 && out[len - 1] == '\r';
	out[len] = 0;
	return 1;
}

/* ---- what stands in a line ---- */

struct cursor {
	const struct counts_in *in;
	const char *line, *at;
	struct err *err;
	int64_t value[FIELDS];
	const char *place[FIELDS]; /* of each value; NULL: not there yet */
};

static int fail(const struct cursor *c, const char *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(const struct cursor *c, const char *where, const char *format, ...)
{
	char says[240];
	va_list args;
	va_start(args, format);
	vsnprintf(says, sizeof says, format, args);
	va_end(args);
	return err_set(c->err, ERR_FIELD, "%s:%lld:%d: %s", c->in->name, (long long)c->in->line,
		(int)(where - c->line) + 1, says);
}

static void skip_blanks(struct cursor *c)
{
	c->at += strspn(c->at, BLANKS);
}

static int read_count(struct cursor *c, int field)
{
	char word[48];
	skip_blanks(c);
	size_t len = strcspn(c->at, ",}" BLANKS);
	snprintf(word, sizeof word, "%.*s", len < 40 ? (int)len : 40, c->at);
	c->place[field] = c->at;
	if (len == 0)
		return fail(c, c->at, "%s is missing: a line is " HEADER, names[field]);
	if (len >= 40 || *word == '-' || !unit_parse_int(word, 0, UNITS_MAX, &c->value[field]))
		return fail(
			c, c->at, "%s is '%s': write a whole number from 0 to 2^52", names[field], word);
	c->at += len;
	skip_blanks(c);
	return 0;
}

static int read_csv(struct cursor *c)
{
	for (int i = 0; i < FIELDS; i++) {
		if (i > 0 && *c->at++ != ',')
			return fail(
				c, c->at - 1, "a comma and %s are missing: a line is " HEADER, names[i]);
		if (read_count(c, i) < 0)
			return -1;
	}
	return 0;
}

/* "x1", with its quotes; -1 with err. */
static int read_name(struct cursor *c)
{
	skip_blanks(c);
	for (int i = 0; i < FIELDS; i++) {
		size_t len = strlen(names[i]);
		if (*c->at != '"' || strncmp(c->at + 1, names[i], len) != 0 || c->at[len + 1] != '"')
			continue;
		if (c->place[i])
			return fail(c, c->at, "%s is there twice", names[i]);
		c->at += len + 2;
		return i;
	}
	return fail(c, c->at, "write {\"n1\":900,\"x1\":1,\"n2\":100,\"x2\":0} and nothing else");
}

static int read_object(struct cursor *c)
{
	for (int i = 0; i < FIELDS; i++) {
		char before = i == 0 ? '{' : ',';
		if (*c->at != before)
			return fail(c, c->at, "'%c' is missing: an object has n1, x1, n2 and x2", before);
		c->at++;
		int field = read_name(c);
		if (field < 0)
			return -1;
		skip_blanks(c);
		if (*c->at != ':')
			return fail(c, c->at, "':' is missing");
		c->at++;
		if (read_count(c, field) < 0)
			return -1;
	}
	if (*c->at != '}')
		return fail(c, c->at, "'}' is missing: an object has n1, x1, n2 and x2");
	c->at++;
	skip_blanks(c);
	return 0;
}

static int read_line(struct cursor *c)
{
	int rc = *c->at == '{' ? read_object(c) : read_csv(c);
	if (rc == 0 && *c->at)
		rc = fail(c, c->at, "more than n1, x1, n2 and x2");
	for (int i = 0; rc == 0 && i < FIELDS; i += 2)
		if (c->value[i + 1] > c->value[i])
			rc = fail(c, c->place[i + 1], "%s is %lld: more than all %s %lld", names[i + 1],
				(long long)c->value[i + 1], names[i], (long long)c->value[i]);
	return rc;
}

static bool is_header(const char *line)
{
	char bare[sizeof HEADER + 1];
	size_t len = 0;
	for (; *line; line++) {
		if (strchr(BLANKS, *line))
			continue;
		if (len == sizeof bare - 1)
			return false;
		bare[len++] = *line;
	}
	bare[len] = 0;
	return strcmp(bare, HEADER) == 0;
}

int counts_in_next(struct counts_in *in, struct units out[ARM_COUNT], struct err *err)
{
	char line[COUNTS_LINE_MAX + 1];
	for (;;) {
		int rc = next_line(in, line, err);
		if (rc <= 0)
			return rc;
		struct cursor c = {
			.in = in, .line = line, .at = line + strspn(line, BLANKS), .err = err};
		bool first = !in->begun;
		if (!*c.at)
			continue;
		in->begun = true;
		if (first && is_header(line))
			continue;
		if (read_line(&c) < 0)
			return -1;
		in->total += c.value[0] + c.value[2];
		if (in->total > TOTAL_MAX)
			return fail(&c, line, "with this line there are more than 2^53 units: begin anew");
		out[ARM_V1] = (struct units){.n = c.value[0], .bad = c.value[1]};
		out[ARM_V2] = (struct units){.n = c.value[2], .bad = c.value[3]};
		return 1;
	}
}
