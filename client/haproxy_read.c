/* Readers of HAProxy's answers. There is no status: an answer that is not of the form that was
 * asked for is a refusal, and its words are all there is. */
#include "client/haproxy_read.h"

#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 16384
#define COLUMNS_MAX 256
#define NUMBER_MAX (INT64_C(1) << 53)

/* ---- refusals ---- */

static const struct {
	const char *begins;
	enum err_code code;
	const char *what;
} refusals[] = {
	{"Permission denied", ERR_READ_ONLY, "needs a stats socket of level admin"},
	{"Unknown command", ERR_NOT_POOL,
		"does not know the command: HAProxy 2.4 or newer is asked"},
	{"Unknown map", ERR_CONFIG, "has no such map: HAProxy loads it only where a rule uses it"},
	{"No such backend", ERR_CONFIG, "has no such backend"},
	{"No such proxy", ERR_CONFIG, "has no such backend"},
	{"Can't find backend", ERR_CONFIG, "has no such backend"},
	{"No such server", ERR_CONFIG, "has no such server"},
	{"entry not found", ERR_CONFIG, "has no such key in the map"},
	{"Backend is using a static", ERR_LIMIT,
		"balances by a static algorithm, which takes weights 0 % and 100 % only"},
};

int haproxy_read_done(const char *text, struct err *err)
{
	char said[120];
	text += strspn(text, "\n");
	if (text[0] == '\0')
		return 0;
	text_clean(said, sizeof(said), text, strcspn(text, "\n"));
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strncmp(text, refusals[i].begins, strlen(refusals[i].begins)) == 0)
			return err_set(
				err, refusals[i].code, "HAProxy %s (\"%s\")", refusals[i].what, said);
	return err_set(err, ERR_NOT_POOL, "HAProxy answers \"%s\"", said);
}

/* The answer is not of the form that was asked for. */
static int refused(const char *text, const char *wanted, struct err *err)
{
	if (haproxy_read_done(text, err) == 0)
		err_set(err, ERR_NOT_POOL, "HAProxy answers nothing where %s was asked for", wanted);
	return -1;
}

/* The next line without its end in `out`, cut to fit; NULL behind the last. */
static const char *next_line(const char *text, char *out, size_t size, bool *whole)
{
	if (text[0] == '\0')
		return NULL;
	size_t len = strcspn(text, "\n");
	*whole = len < size;
	size_t kept = *whole ? len : size - 1;
	memcpy(out, text, kept);
	out[kept] = '\0';
	return text + len + (text[len] == '\n');
}

/* ---- show info ---- */

int haproxy_read_info(struct haproxy_info *out, const char *text, struct err *err)
{
	char line[512];
	bool whole, has_stopping = false;
	int64_t stopping = 0;
	memset(out, 0, sizeof(*out));
	out->pid = out->start_s = out->uptime_s = UNKNOWN;
	const struct {
		const char *name;
		int64_t *value;
	} numbers[] = {{"Pid: ", &out->pid}, {"Start_time_sec: ", &out->start_s},
		{"Uptime_sec: ", &out->uptime_s}, {"Stopping: ", &stopping}};
	for (const char *at = text; (at = next_line(at, line, sizeof(line), &whole)) != NULL;) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			size_t len = strlen(numbers[i].name);
			if (strncmp(line, numbers[i].name, len) != 0)
				continue;
			if (!unit_parse_int(line + len, 0, NUMBER_MAX, numbers[i].value))
				return err_set(
					err, ERR_FIELD, "HAProxy says \"%.60s\", which is no number", line);
			has_stopping |= numbers[i].value == &stopping;
		}
		if (strncmp(line, "node: ", 6) == 0)
			text_clean(out->node, sizeof(out->node), line + 6, strlen(line + 6));
		if (strncmp(line, "Version: ", 9) == 0)
			text_clean(out->version, sizeof(out->version), line + 9, strlen(line + 9));
	}
	out->stopping = stopping != 0;
	if (out->pid == UNKNOWN || out->uptime_s == UNKNOWN)
		return refused(text, "show info", err);
	if (out->start_s == UNKNOWN || !has_stopping)
		return err_set(err, ERR_PROTOCOL,
			"HAProxy %.30s does not say when it began: 2.6 or newer is asked",
			out->version[0] != '\0' ? out->version : "of an unknown version");
	return 0;
}

/* ---- show stat ---- */

/* Cuts a line of CSV in place: quoted fields lose their quotes. Returns how many there are. */
static int cut_fields(char *line, char *field[COLUMNS_MAX])
{
	int count = 0;
	char *in = line;
	while (count < COLUMNS_MAX) {
		char *out = in;
		field[count++] = out;
		if (*in == '"') {
			for (in++; *in != '\0' && (*in != '"' || in[1] == '"'); in++) {
				in += *in == '"';
				*out++ = *in;
			}
			in += *in == '"';
		} else {
			in += strcspn(in, ",");
			out = in;
		}
		bool last = *in != ',';
		in++;
		*out = '\0';
		if (last)
			break;
	}
	return count;
}

static const struct {
	const char *name;
	size_t offset;
} columns[] = {
#define X(column, field) {column, offsetof(struct haproxy_row, field)},
	HAPROXY_COLUMN_INFO(X)
#undef X
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* Where what is read stands, by the header's names; -1: nowhere. */
struct shape {
	int proxy, server, type, status, algo, mode, check;
	int column[COLUMNS];
};

static void read_header(struct shape *s, char *line)
{
	const struct {
		const char *name;
		int *at;
	} words[] = {{"pxname", &s->proxy}, {"svname", &s->server}, {"type", &s->type},
		{"status", &s->status}, {"algo", &s->algo}, {"mode", &s->mode},
		{"last_chk", &s->check}};
	char *field[COLUMNS_MAX];
	int count = cut_fields(line, field);
	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
		*words[w].at = -1;
	for (size_t c = 0; c < COLUMNS; c++)
		s->column[c] = -1;
	for (int i = 0; i < count; i++) {
		for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
			if (strcmp(field[i], words[w].name) == 0)
				*words[w].at = i;
		for (size_t c = 0; c < COLUMNS; c++)
			if (strcmp(field[i], columns[c].name) == 0)
				s->column[c] = i;
	}
}

static const char *field_at(char *const *field, int count, int at)
{
	return at >= 0 && at < count ? field[at] : "";
}

static void take_word(char *out, size_t size, char *const *field, int count, int at)
{
	const char *word = field_at(field, count, at);
	text_clean(out, size, word, strlen(word));
}

static int read_row(struct haproxy_row *r, const struct shape *s, char *const *field, int count,
	struct err *err)
{
	int64_t type = 0;
	memset(r, 0, sizeof(*r));
	take_word(r->proxy, sizeof(r->proxy), field, count, s->proxy);
	take_word(r->server, sizeof(r->server), field, count, s->server);
	take_word(r->status, sizeof(r->status), field, count, s->status);
	take_word(r->algo, sizeof(r->algo), field, count, s->algo);
	take_word(r->mode, sizeof(r->mode), field, count, s->mode);
	take_word(r->check, sizeof(r->check), field, count, s->check);
	if (!unit_parse_int(field_at(field, count, s->type), 0, 3, &type))
		return err_set(err, ERR_FIELD, "HAProxy's row of \"%.40s/%.40s\" is of no known type",
			r->proxy, r->server);
	r->kind = (enum haproxy_kind)type;
	for (size_t c = 0; c < COLUMNS; c++) {
		int64_t *value = (int64_t *)((char *)r + columns[c].offset);
		const char *word = field_at(field, count, s->column[c]);
		*value = UNKNOWN;
		if (word[0] != '\0' && !unit_parse_int(word, 0, NUMBER_MAX, value))
			return err_set(err, ERR_FIELD,
				"HAProxy says \"%.24s\" for %s of \"%.40s/%.40s\", which is no number", word,
				columns[c].name, r->proxy, r->server);
	}
	return 0;
}

int haproxy_read_stat(const char *text, bool (*row)(void *ctx, const struct haproxy_row *r),
	void *ctx, struct err *err)
{
	struct shape shape;
	char *line = mem_new(LINE_MAX_BYTES, 1);
	int rc = 0, rows = 0;
	bool whole = true, goes_on = true;
	const char *at = next_line(text, line, LINE_MAX_BYTES, &whole);
	if (at == NULL || strncmp(line, "# ", 2) != 0) {
		free(line);
		return refused(text, "show stat", err);
	}
	read_header(&shape, line + 2);
	if (shape.proxy < 0 || shape.server < 0 || shape.type < 0)
		rc = err_set(err, ERR_NOT_POOL, "HAProxy's statistics have no columns of names");
	while (rc == 0 && goes_on && (at = next_line(at, line, LINE_MAX_BYTES, &whole)) != NULL) {
		char *field[COLUMNS_MAX];
		struct haproxy_row r;
		if (line[0] == '\0')
			continue;
		if (!whole || ++rows > HAPROXY_ROWS_MAX)
			rc = err_set(err, ERR_TOO_MANY, "HAProxy's statistics are longer than can be read");
		else
			rc = read_row(&r, &shape, field, cut_fields(line, field), err);
		if (rc == 0)
			goes_on = row(ctx, &r);
	}
	free(line);
	return rc;
}

/* ---- get map ---- */

int haproxy_read_value(int *permille, const char *text, struct err *err)
{
	static const char mark[] = " value=\"";
	char word[24] = "";
	int64_t n;
	const char *at = strstr(text, mark);
	if (strncmp(text, "type=", 5) != 0)
		return refused(text, "the key of a map", err);
	at = at != NULL ? at + strlen(mark) : "";
	size_t len = strcspn(at, "\"");
	if (at[len] == '"' && len < sizeof(word))
		memcpy(word, at, len);
	if (!unit_parse_int(word, 0, 1000, &n))
		return err_set(err, ERR_FIELD, "the map has no number of 0 to 1000 for its key");
	*permille = (int)n;
	return 0;
}

/* ---- show map ---- */

int haproxy_read_map(const char *text,
	bool (*entry)(void *ctx, const char *key, const char *value), void *ctx, struct err *err)
{
	char line[1024];
	bool whole;
	for (const char *at = text; (at = next_line(at, line, sizeof(line), &whole)) != NULL;) {
		if (line[0] == '\0')
			continue;
		if (strncmp(line, "0x", 2) != 0)
			return refused(line, "a map", err);
		char *rest = line, *key, *value;
		strsep(&rest, " ");
		key = strsep(&rest, " ");
		value = rest != NULL ? rest : "";
		/* Other keys of the same file may be of any length; ours are short. */
		if (whole && key != NULL && !entry(ctx, key, value))
			return 0;
	}
	return 0;
}
