/* Sending: the JSON of envelopes, answers and the look. What an envelope may say is the
 * envelope's own to judge (client/engine/envelope.h); here it is only taken apart.
 *
 * 1. Every text is bounded before it is copied; what is too long is refused, not cut. */
#include "client/serve_send.h"

#include "client/engine/exec_json.h"
#include "model/mem.h"
#include "model/unit.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static bool is_there(const struct exec_json_member *m)
{
	return m->value && !exec_json_is(m, "null");
}

/* A string that fits whole; true also where there is none, leaving `out`. */
static bool take_text(const struct exec_json_member *m, char *out, size_t size)
{
	char longer[POOL_ID_MAX + 8];
	if (!is_there(m))
		return true;
	return exec_json_text(m, longer, sizeof longer) && text_copy(out, size, longer);
}

/* One word of a list; true also where there is none. */
static bool take_word(
	const struct exec_json_member *m, int (*find)(const char *), int count, int *out)
{
	char word[32] = "";
	if (!is_there(m))
		return true;
	if (!take_text(m, word, sizeof word))
		return false;
	*out = find(word);
	return *out < count;
}

static int find_type(const char *word)
{
	return (int)envelope_type_of(word);
}

static int find_spawn(const char *word)
{
	return (int)spawn_mode_of(word);
}

static int find_ack(const char *word)
{
	return (int)ack_of(word);
}

static int no_field(const char *name, const char *want, struct err *err)
{
	return err_set(err, ERR_FIELD, "field \"%s\": want %s", name, want);
}

static int read_recipient(
	struct envelope *out, const struct exec_json_member *m, struct err *err)
{
	struct exec_json_member parts[] = {{.name = "type"}, {.name = "id"}};
	if (!is_there(m) || !exec_json_read(m->value, m->len, parts, 2) || !is_there(&parts[0]) ||
		!is_there(&parts[1]) ||
		!take_text(&parts[0], out->recipient.type, sizeof out->recipient.type) ||
		!take_text(&parts[1], out->recipient.id, sizeof out->recipient.id) ||
		!ref_is_good(&out->recipient))
		return no_field("recipient", "{\"type\":…,\"id\":…}, both names", err);
	return 0;
}

static int read_words(struct envelope *out, const struct exec_json_member *kind,
	const struct exec_json_member *spawn, const struct exec_json_member *ack, struct err *err)
{
	int n = ENVELOPE_CALL, s = SPAWN_NO, a = ACK_UNSET;
	if (!take_word(kind, find_type, ENVELOPE_TYPE_COUNT, &n))
		return no_field("kind", "call or cast", err);
	if (!take_word(spawn, find_spawn, SPAWN_MODE_COUNT, &s))
		return no_field("spawn", "no, lazy, async or sync", err);
	if (!take_word(ack, find_ack, ACK_COUNT, &a))
		return no_field("ack", "none, receipt, process or response", err);
	out->type = (enum envelope_type)n;
	out->spawn = (enum spawn_mode)s;
	out->ack = (enum ack)a;
	return 0;
}

static int read_address(struct envelope *out, const struct exec_json_member *at,
	const struct exec_json_member *sticky, struct err *err)
{
	struct exec_json_member parts[] = {{.name = "node"}, {.name = "segment"}};
	int64_t node, segment = 0;
	out->sticky = exec_json_is(sticky, "true");
	if (is_there(sticky) && !out->sticky && !exec_json_is(sticky, "false"))
		return no_field("sticky", "true or false", err);
	if (!is_there(at))
		return 0;
	if (!exec_json_read(at->value, at->len, parts, 2) || !exec_json_int(&parts[0], &node) ||
		(is_there(&parts[1]) && !exec_json_int(&parts[1], &segment)) || node > INT32_MAX ||
		segment > INT32_MAX)
		return no_field("at", "{\"node\":…,\"segment\":…}", err);
	out->at = (struct address){true, (int)node, (int)segment};
	return 0;
}

static int read_message(struct envelope *out, const struct exec_json_member *m, struct err *err)
{
	if (!is_there(m))
		return 0;
	if (m->len >= sizeof out->message)
		return no_field("message", "at most 1023 bytes of JSON", err);
	memcpy(out->message, m->value, m->len);
	out->message[m->len] = '\0';
	return 0;
}

int serve_read_send(struct envelope *out, const char *body, size_t len, struct err *err)
{
	enum { RECIPIENT, MESSAGE, KIND, SPAWN, ACK, TIMEOUT, ID, STICKY, AT, COUNT };
	struct exec_json_member m[COUNT] = {
		[RECIPIENT] = {.name = "recipient"},
		[MESSAGE] = {.name = "message"},
		[KIND] = {.name = "kind"},
		[SPAWN] = {.name = "spawn"},
		[ACK] = {.name = "ack"},
		[TIMEOUT] = {.name = "timeout_ms"},
		[ID] = {.name = "id"},
		[STICKY] = {.name = "sticky"},
		[AT] = {.name = "at"},
	};
	memset(out, 0, sizeof *out);
	if (!exec_json_read(body, len, m, COUNT))
		return err_set(err, ERR_DOCUMENT, "the body is not exactly one JSON object");
	if (read_recipient(out, &m[RECIPIENT], err) ||
		read_words(out, &m[KIND], &m[SPAWN], &m[ACK], err) ||
		read_address(out, &m[AT], &m[STICKY], err) || read_message(out, &m[MESSAGE], err))
		return -1;
	if (is_there(&m[TIMEOUT]) &&
		(!exec_json_int(&m[TIMEOUT], &out->timeout_ms) || out->timeout_ms < 1 ||
			out->timeout_ms > ENVELOPE_TIMEOUT_MAX_MS))
		return no_field("timeout_ms", "1 to 60000", err);
	if (!take_text(&m[ID], out->identifier, sizeof out->identifier))
		return no_field("id", "a name of at most 64 bytes", err);
	return 0;
}

int serve_read_lock(
	int *node, int *segment, bool *on, const char *body, size_t len, struct err *err)
{
	struct exec_json_member m[] = {{.name = "node"}, {.name = "segment"}, {.name = "on"}};
	int64_t n = -1, s = -1;
	if (!exec_json_read(body, len, m, 3))
		return err_set(err, ERR_DOCUMENT, "the body is not exactly one JSON object");
	if (!is_there(&m[0]) || !exec_json_int(&m[0], &n) || n > INT32_MAX)
		return no_field("node", "the number of a node", err);
	if (is_there(&m[1]) && (!exec_json_int(&m[1], &s) || s > INT32_MAX))
		return no_field("segment", "the number of a segment", err);
	*on = exec_json_is(&m[2], "true");
	if (!*on && !exec_json_is(&m[2], "false"))
		return no_field("on", "true or false", err);
	*node = (int)n;
	*segment = (int)s;
	return 0;
}

/* ---- writing ---- */

void serve_write_sent(
	struct text *out, const struct envelope *e, const struct send_answer *answer)
{
	text_add(out, "{");
	text_json_bool(out, "ok", answer->ok);
	text_json_str(out, "status", send_status_name(answer->status));
	text_json_str(out, "id", *e->identifier ? e->identifier : NULL);
	text_json_int(out, "number", answer->number > 0 ? answer->number : UNKNOWN);
	text_json_int(out, "node", answer->at.known ? answer->at.node : UNKNOWN);
	text_json_int(out, "segment", answer->at.known ? answer->at.segment : UNKNOWN);
	if (answer->ok) {
		text_json_key(out, "result");
		text_add(out, *answer->result ? answer->result : "null");
	} else {
		text_json_bool(out, "begun", answer->begun);
		text_json_key(out, "error");
		text_add(out, "{");
		text_json_str(out, "category", failure_name(answer->failure));
		text_json_str(out, "message", answer->message);
		text_add(out, "}");
	}
	text_add(out, "}");
}

/* The next member of an array. */
static void begin_item(struct text *out, bool first)
{
	text_add(out, first ? "{" : ",{");
}

static void write_nodes(struct text *out, const struct residents_look *look)
{
	text_json_key(out, "nodes");
	text_add(out, "[");
	for (int i = 0; i < look->nodes; i++) {
		const struct residents_node *n = &look->node[i];
		begin_item(out, i == 0);
		text_json_int(out, "node", i);
		text_json_bool(out, "locked", n->locked);
		text_json_int(out, "segments", n->segments);
		text_json_int(out, "workers", n->workers);
		text_json_real(out, "health", n->health);
		text_add(out, "}");
	}
	text_add(out, "]");
}

static void write_segment(struct text *out, const struct residents_segment *s)
{
	text_json_int(out, "node", s->node);
	text_json_int(out, "segment", s->segment);
	text_json_bool(out, "locked", s->locked);
	text_json_bool(out, "resting", s->resting);
	text_json_int(out, "workers", s->workers);
	text_json_int(out, "asleep", s->asleep);
	text_json_int(out, "down", s->down);
	text_json_int(out, "done", s->done);
	text_json_int(out, "failed", s->failed);
	text_json_int(out, "crashed", s->crashed);
	text_json_int(out, "restarted", s->restarted);
	text_json_real(out, "health", s->health);
}

static void write_counts(struct text *out, const struct residents_counts *c)
{
	text_json_key(out, "counts");
	text_add(out, "{");
#define X(name) text_json_int(out, #name, c->name);
	RESIDENTS_COUNT_INFO(X)
#undef X
	text_add(out, "}");
}

void serve_write_residents(struct text *out, struct residents *r)
{
	struct residents_look look;
	struct residents_segment *rows = mem_new(SERVE_SEGMENTS_MAX, sizeof *rows);
	residents_look(r, &look, rows, SERVE_SEGMENTS_MAX);
	text_add(out, "{");
	write_nodes(out, &look);
	text_json_key(out, "segments");
	text_add(out, "[");
	for (size_t i = 0; i < look.segments; i++) {
		begin_item(out, i == 0);
		write_segment(out, &rows[i]);
		text_add(out, "}");
	}
	text_add(out, "]");
	text_json_int(out, "dropped", (int64_t)look.dropped);
	text_json_int(out, "workers", look.workers);
	text_json_int(out, "bytes", look.bytes);
	write_counts(out, &look.counts);
	text_add(out, "}");
	free(rows);
}
