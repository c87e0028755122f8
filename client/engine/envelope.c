/* Envelope: its words, and the reader of messages. Not where it goes: that is residents_send.c.
 *
 * 1. What was read here can be executed: a mailbox never holds a message that is none. */
#include "client/engine/envelope.h"

#include "client/engine/exec_json.h"
#include "model/text.h"
#include "model/unit.h"

#include <inttypes.h>
#include <string.h>

/* ---- words ---- */

static const char *const type_words[] = {
#define X(name, word) word,
	ENVELOPE_TYPE_INFO(X)
#undef X
};

static const char *const spawn_words[] = {
#define X(name, word, help) word,
	SPAWN_MODE_INFO(X)
#undef X
};

static const char *const ack_words[] = {
#define X(name, word, help) word,
	ACK_INFO(X)
#undef X
};

static int find(const char *word, const char *const *words, int count)
{
	int i = 0;
	while (i < count && strcmp(word, words[i]) != 0)
		i++;
	return i;
}

const char *envelope_type_name(enum envelope_type t)
{
	return type_words[t];
}

const char *spawn_mode_name(enum spawn_mode s)
{
	return spawn_words[s];
}

const char *ack_name(enum ack a)
{
	return ack_words[a];
}

const char *send_status_name(enum send_status s)
{
	static const struct {
		enum send_status status;
		const char *word;
	} words[] = {
#define X(name, status, word, help) {SEND_##name, word},
		SEND_INFO(X)
#undef X
	};
	size_t i = 0;
	while (words[i].status != s)
		i++;
	return words[i].word;
}

enum envelope_type envelope_type_of(const char *word)
{
	return (enum envelope_type)find(word, type_words, ENVELOPE_TYPE_COUNT);
}

enum spawn_mode spawn_mode_of(const char *word)
{
	return (enum spawn_mode)find(word, spawn_words, SPAWN_MODE_COUNT);
}

enum ack ack_of(const char *word)
{
	return (enum ack)find(word, ack_words, ACK_COUNT);
}

enum ack envelope_ack(const struct envelope *e)
{
	if (e->ack != ACK_UNSET)
		return e->ack;
	return e->type == ENVELOPE_CALL ? ACK_RESPONSE : ACK_NONE;
}

/* ---- orders ---- */

static const struct {
	const char *member, *value;
	int64_t least, most;
	bool wakes;
} orders[ORDER_COUNT] = {
#define X(name, member, value, least, most, wakes) {member, value, least, most, wakes},
	ORDER_INFO(X)
#undef X
};

bool order_wakes(enum order_kind kind)
{
	return orders[kind].wakes;
}

/* A whole number, also below 0; JSON's grammar was checked before. */
static bool number(const struct exec_json_member *m, int64_t least, int64_t most, int64_t *out)
{
	char digits[24];
	if (m->len >= sizeof digits)
		return false;
	memcpy(digits, m->value, m->len);
	digits[m->len] = '\0';
	return unit_parse_int(digits, least, most, out);
}

/* True when the member, which is there, is what this order asks for. */
static bool is_meant(enum order_kind kind, const struct exec_json_member *m, int64_t *out)
{
	*out = 0;
	if (orders[kind].value)
		return exec_json_is(m, orders[kind].value);
	return number(m, orders[kind].least, orders[kind].most, out);
}

static int no_value(enum order_kind kind, struct err *err)
{
	if (kind == ORDER_FETCH_STATE || kind == ORDER_FETCH_PROCESS)
		return err_set(err, ERR_FIELD, "member \"fetch\": want \"state\" or \"process\"");
	if (orders[kind].value)
		return err_set(
			err, ERR_FIELD, "member \"%s\": want %s", orders[kind].member, orders[kind].value);
	return err_set(err, ERR_FIELD,
		"member \"%s\": want a whole number from %" PRId64 " to %" PRId64, orders[kind].member,
		orders[kind].least, orders[kind].most);
}

static int read_message(const char *message, size_t len, struct order *out, struct err *err)
{
	struct exec_json_member given[ORDER_COUNT];
	int members = 0, unmeant = ORDER_COUNT;
	for (int i = 0; i < ORDER_COUNT; i++)
		given[i].name = orders[i].member;
	if (!exec_json_read(message, len, given, ORDER_COUNT))
		return err_set(err, ERR_FIELD, "field \"message\": want exactly one JSON object");
	for (int i = 0; i < ORDER_COUNT; i++) {
		int64_t n;
		if (!given[i].value)
			continue;
		members += i == 0 || strcmp(given[i].name, given[i - 1].name) != 0;
		unmeant = i;
		if (is_meant((enum order_kind)i, &given[i], &n))
			*out = (struct order){(enum order_kind)i, n};
	}
	if (members != 1)
		return err_set(err, ERR_FIELD,
			"field \"message\": want one thing that a worker can be told, not %d", members);
	if (out->kind == ORDER_COUNT)
		return no_value((enum order_kind)unmeant, err);
	return 0;
}

/* ---- envelopes ---- */

int envelope_read(const struct envelope *e, struct order *out, struct err *err)
{
	const char *end = memchr(e->message, '\0', sizeof e->message);
	*out = (struct order){ORDER_COUNT, 0};
	if (!ref_is_good(&e->recipient))
		return err_set(err, ERR_FIELD,
			"field \"recipient\": want a type of 1 to %d and an id of "
			"1 to %d letters, digits or any of . _ : -",
			REF_TYPE_MAX - 1, POOL_ID_MAX - 1);
	if (!memchr(e->identifier, '\0', sizeof e->identifier) ||
		(*e->identifier && !text_is_name(e->identifier, sizeof e->identifier - 1)))
		return err_set(
			err, ERR_FIELD, "field \"id\": want a name of at most %d bytes", POOL_ID_MAX - 1);
	if ((unsigned)e->type >= ENVELOPE_TYPE_COUNT || (unsigned)e->spawn >= SPAWN_MODE_COUNT ||
		(unsigned)e->ack >= ACK_COUNT)
		return err_set(
			err, ERR_FIELD, "field \"kind\", \"spawn\" or \"ack\": want one of its words");
	if (e->timeout_ms < 0 || e->timeout_ms > ENVELOPE_TIMEOUT_MAX_MS)
		return err_set(
			err, ERR_FIELD, "field \"timeout_ms\": want 1 to %d", ENVELOPE_TIMEOUT_MAX_MS);
	if (!end)
		return err_set(err, ERR_FIELD, "field \"message\": want at most %d bytes",
			ENVELOPE_MESSAGE_MAX - 1);
	if (end == e->message)
		return e->spawn != SPAWN_NO
			? 0
			: err_set(err, ERR_FIELD, "field \"message\": want one, or to spawn a worker");
	return read_message(e->message, (size_t)(end - e->message), out, err);
}
