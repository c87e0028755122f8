/* Envelope: what somebody sends to an addressable worker, and what comes back. */
#ifndef WEIR_CLIENT_ENGINE_ENVELOPE_H
#define WEIR_CLIENT_ENGINE_ENVELOPE_H

#include "client/engine/registry.h"
#include "model/counts.h"
#include "model/err.h"

#define ENVELOPE_MESSAGE_MAX 1024
#define ENVELOPE_TIMEOUT_MS 5000 /* of one that names none */
#define ENVELOPE_TIMEOUT_MAX_MS 60000
#define ENVELOPE_RESULT_MAX 256

/* X(name, word) */
#define ENVELOPE_TYPE_INFO(X) \
	X(CALL, "call") \
	X(CAST, "cast")

/* What becomes of a message to nobody. X(name, word, help) */
#define SPAWN_MODE_INFO(X) \
	X(NO, "no", "it is refused") \
	X(LAZY, "lazy", "a worker is registered, and started when its first message is due") \
	X(ASYNC, "async", "a worker is started in the background; the message waits for it") \
	X(SYNC, "sync", "a worker is started first, by the sender itself")

/* What the sender waits for. X(name, word, help) */
#define ACK_INFO(X) \
	X(UNSET, "unset", "response for a call, none for a cast") \
	X(NONE, "none", "nothing: it only hears of a refusal") \
	X(RECEIPT, "receipt", "the message's number in the mailbox's order") \
	X(PROCESS, "process", "where the worker runs, once it begins with the message") \
	X(RESPONSE, "response", "what the worker answers")

/* X(name, HTTP status, word, what it means) */
#define SEND_INFO(X) \
	X(DONE, 200, "done", "executed, with a result or a failure") \
	X(ACCEPTED, 202, "accepted", "in the mailbox, or begun") \
	X(NOT_REGISTERED, 404, "not_registered", "there is no such worker and none was wanted") \
	X(BAD, 422, "bad", "the envelope or its message is not one") \
	X(FULL, 429, "full", "no room: in the mailbox, in all of them, or for a new worker") \
	X(UNAVAILABLE, 503, "unavailable", "no new workers here now, or the pool stops") \
	X(LATE, 504, "timeout", "its deadline came first")

enum envelope_type {
#define X(name, word) ENVELOPE_##name,
	ENVELOPE_TYPE_INFO(X)
#undef X
		ENVELOPE_TYPE_COUNT
};

enum spawn_mode {
#define X(name, word, help) SPAWN_##name,
	SPAWN_MODE_INFO(X)
#undef X
		SPAWN_MODE_COUNT
};

enum ack {
#define X(name, word, help) ACK_##name,
	ACK_INFO(X)
#undef X
		ACK_COUNT
};

enum send_status {
#define X(name, status, word, help) SEND_##name = status,
	SEND_INFO(X)
#undef X
};

const char *envelope_type_name(enum envelope_type t);
const char *spawn_mode_name(enum spawn_mode s);
const char *ack_name(enum ack a);
const char *send_status_name(enum send_status s);
/* The count for an unknown word. */
enum envelope_type envelope_type_of(const char *word);
enum spawn_mode spawn_mode_of(const char *word);
enum ack ack_of(const char *word);

/* Where a worker is, or is believed to be. */
struct address {
	bool known;
	int node, segment; /* from 0 */
};

/* Zeroed but for recipient and message it is a call that spawns nobody. */
struct envelope {
	char identifier[POOL_ID_MAX]; /* the sender's own, "" none; it comes back */
	enum envelope_type type;
	struct ref recipient;
	enum spawn_mode spawn;
	enum ack ack;
	int64_t timeout_ms; /* 0: ENVELOPE_TIMEOUT_MS */
	bool sticky;        /* a new worker goes to the node of `at`, if that one may take it */
	struct address at;  /* an address from an earlier answer; one that is out of date is
	                     * corrected on the way */
	char message[ENVELOPE_MESSAGE_MAX]; /* one JSON object; "": only spawn */
};

/* What a worker can be told: {"add":2}, {"ping":true}, {"fetch":"state"}. X(name, member, its
 * value or NULL for a number, least, most, it wakes a hibernated worker) */
#define ORDER_VALUE_MAX ((INT64_C(1) << 53) - 1)
#define ORDER_SLEEP_MAX_US 60000000
#define ORDER_INFO(X) \
	X(ADD, "add", NULL, -ORDER_VALUE_MAX, ORDER_VALUE_MAX, true) \
	X(SET, "set", NULL, -ORDER_VALUE_MAX, ORDER_VALUE_MAX, true) \
	X(GET, "get", "true", 0, 0, true) \
	X(FAIL, "fail", "true", 0, 0, true) \
	X(SLEEP, "sleep_us", NULL, 0, ORDER_SLEEP_MAX_US, true) \
	X(PING, "ping", "true", 0, 0, false) \
	X(FETCH_STATE, "fetch", "\"state\"", 0, 0, true) \
	X(FETCH_PROCESS, "fetch", "\"process\"", 0, 0, false) \
	X(KILL, "kill", "true", 0, 0, false) \
	X(CRASH, "crash", "true", 0, 0, false) \
	X(HIBERNATE, "hibernate", "true", 0, 0, false) \
	X(PERSIST, "persist", "true", 0, 0, true) \
	X(RELOAD, "reload", "true", 0, 0, true)

enum order_kind {
#define X(name, member, value, least, most, wakes) ORDER_##name,
	ORDER_INFO(X)
#undef X
		ORDER_COUNT
};

struct order {
	enum order_kind kind; /* ORDER_COUNT: nothing but to spawn */
	int64_t number;
};

/* A hibernated worker must wake for it. */
bool order_wakes(enum order_kind kind);

/* Understands an envelope before anything is done with it. 0 with the order; -1 with err
 * (FIELD), which says what is wrong. */
int envelope_read(const struct envelope *e, struct order *out, struct err *err);

/* What the sender waits for, with UNSET resolved. */
enum ack envelope_ack(const struct envelope *e);

struct send_answer {
	enum send_status status;
	bool ok;              /* DONE and it did not fail, or ACCEPTED */
	enum failure failure; /* when !ok */
	bool begun;           /* LATE: the worker has it and goes on; else it was never executed */
	struct address at;
	int64_t number; /* of the message among all that were accepted, from 1; 0 none */
	char message[POOL_REASON_MAX];    /* when !ok */
	char result[ENVELOPE_RESULT_MAX]; /* JSON, "" none */
};

#endif
