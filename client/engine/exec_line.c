/* Exec line: requests written, replies read. Not who waits for them: exec.c's.
 *
 * A reply is exactly one kind: a line with both an id and a pong is none at all. */
#include "client/engine/exec_line.h"

#include "client/engine/exec_json.h"

#include <string.h>

static const char *or_null(const char *s)
{
	return s && *s ? s : NULL;
}

void exec_line_request(struct text *out, int64_t id, const struct exec_request *q)
{
	text_add(out, "{");
	text_json_int(out, "id", id);
	text_json_str(out, "operation", q->operation);
	text_json_str(out, "session", or_null(q->session));
	text_json_str(out, "key", or_null(q->key));
	text_json_key(out, "payload");
	size_t from = out->len;
	text_add(out, q->payload && *q->payload ? q->payload : "null");
	for (size_t i = from; i < out->len; i++)
		if (out->data[i] == '\n' || out->data[i] == '\r')
			out->data[i] = ' ';
	text_add(out, "}\n");
}

void exec_line_ping(struct text *out, int64_t n)
{
	text_add(out, "{");
	text_json_int(out, "ping", n);
	text_add(out, "}\n");
}

/* {"category":…,"message":…}: each may be missing, none may be anything but a string. */
static bool read_error(struct exec_reply *out, const struct exec_json_member *error)
{
	enum { CATEGORY, MESSAGE, COUNT };
	struct exec_json_member m[COUNT] = {
		[CATEGORY] = {.name = "category"}, [MESSAGE] = {.name = "message"}};
	char word[64] = "", message[2 * POOL_REASON_MAX] = "";
	if (!error->value || !exec_json_read(error->value, error->len, m, COUNT))
		return false;
	for (int i = 0; i < COUNT; i++)
		if (m[i].value &&
			!exec_json_text(&m[i], i == CATEGORY ? word : message,
				i == CATEGORY ? sizeof word : sizeof message))
			return false;
	out->failure = failure_of(word);
	if (out->failure == FAILURE_COUNT)
		out->failure = FAILURE_OPERATION;
	text_clean(out->message, sizeof out->message, message, strlen(message));
	if (!out->message[0])
		text_copy(out->message, sizeof out->message, "the worker failed without a word");
	return true;
}

void exec_line_read(struct exec_reply *out, const char *line, size_t len)
{
	enum { READY, PONG, ID, OK, RESULT, ERROR, COUNT };
	struct exec_json_member m[COUNT] = {[READY] = {.name = "ready"},
		[PONG] = {.name = "pong"},
		[ID] = {.name = "id"},
		[OK] = {.name = "ok"},
		[RESULT] = {.name = "result"},
		[ERROR] = {.name = "error"}};
	memset(out, 0, sizeof *out);
	if (!exec_json_read(line, len, m, COUNT))
		return;
	if (!!m[READY].value + !!m[PONG].value + !!m[ID].value != 1)
		return;
	if (m[READY].value) {
		if (exec_json_is(&m[READY], "true"))
			out->kind = EXEC_REPLY_READY;
	} else if (m[PONG].value) {
		if (exec_json_int(&m[PONG], &out->id))
			out->kind = EXEC_REPLY_PONG;
	} else if (!exec_json_int(&m[ID], &out->id)) {
		return;
	} else if (exec_json_is(&m[OK], "true") && !m[ERROR].value) {
		out->kind = EXEC_REPLY_OK;
		out->result = m[RESULT].value;
		out->result_len = m[RESULT].len;
	} else if (exec_json_is(&m[OK], "false") && !m[RESULT].value &&
		read_error(out, &m[ERROR])) {
		out->kind = EXEC_REPLY_ERROR;
	}
}
