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

/* The next name of a list of them; false behind the last, and `*good` is false at what is none. */
static bool next_name(const struct exec_json_member *list, size_t *at,
	char name[OPERATION_NAME_MAX + 1], bool *good)
{
	struct exec_json_member item;
	if (!exec_json_item(list, at, &item))
		return false;
	*good = exec_json_text(&item, name, OPERATION_NAME_MAX + 1) &&
		text_is_name(name, OPERATION_NAME_MAX - 1);
	return *good;
}

/* {"ready":true}: what it says of operations must be a list of names. */
static bool read_ready(struct exec_reply *out, const struct exec_json_member *ready,
	const struct exec_json_member *operations)
{
	char name[OPERATION_NAME_MAX + 1];
	bool good = true;
	if (!exec_json_is(ready, "true"))
		return false;
	if (!operations->value)
		return true;
	for (size_t at = 0; next_name(operations, &at, name, &good);)
		;
	out->operations = operations->value;
	out->operations_len = operations->len;
	return good && *operations->value == '[';
}

bool exec_line_knows(const struct exec_reply *ready, const char *operation)
{
	const struct exec_json_member list = {
		.value = ready->operations, .len = ready->operations_len};
	char name[OPERATION_NAME_MAX + 1];
	bool good;
	for (size_t at = 0; next_name(&list, &at, name, &good);)
		if (strcmp(name, operation) == 0)
			return true;
	return false;
}

void exec_line_read(struct exec_reply *out, const char *line, size_t len)
{
	enum { READY, PONG, ID, OK, RESULT, ERROR, OPERATIONS, COUNT };
	struct exec_json_member m[COUNT] = {[READY] = {.name = "ready"},
		[OPERATIONS] = {.name = "operations"},
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
		if (read_ready(out, &m[READY], &m[OPERATIONS]))
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
