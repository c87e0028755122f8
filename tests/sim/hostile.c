/* Hostile: written as an honest pool writes it, with marks for what a hostile one says; the
 * marks are replaced in the bytes that travel, and the wire reads them. Names by which things
 * are known from document to document, and to other nodes, stay what they were first. */
#include "tests/sim/hostile.h"

#include "client/engine/control.h"
#include "client/wire.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

#define MARK '@' /* and a letter: which of the words */
#define GARBAGE_ONE_IN 64

/* As bytes in a JSON string. */
static const char *const words[] = {
	"\\u001b[2J\\u001b]0;root\\u0007",
	"\\u009b31mred\\u0085",
	"\\u202egnp.exe",
	"a\\r\\nGREEN",
	"\xc2\x9b"
	"2J",
	"\xe2\x80\xae"
	"drow",
	"e\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301",
	"\\u200b\\ufeff\\u2066x",
	"\\u007f\\t\\b",
	"\\ue000\\udb40\\udc41",
};
#define WORDS (int)(sizeof words / sizeof *words)

/* No strict reader takes these. */
static const char *const garbage[] = {
	"\xff\xfe", "\xc0\xaf", "\x1b[2J", "\\ud800", "\xed\xa0\x80"};
#define GARBAGES (int)(sizeof garbage / sizeof *garbage)

static bool is_hostile(const struct sim *s, int pool)
{
	return sim_has(s, FAULT_HOSTILE) && (s->seed + (uint64_t)pool) % 2 == 0;
}

/* Puts a mark into a text: before it, in it or behind it. */
static void mark(char *text, size_t size, uint64_t which)
{
	char was[POOL_REASON_MAX];
	int word = (int)(which % (uint64_t)WORDS);
	text_copy(was, sizeof was, text);
	if (which % 3 == 0)
		snprintf(text, size, "%c%c%.*s", MARK, 'a' + word, (int)size - 3, was);
	else
		snprintf(text, size, "%.*s%c%c", (int)size - 3, was, MARK, 'a' + word);
}

static uint64_t draw(struct sim *s)
{
	return sim_draw(&s->random_fault[FAULT_HOSTILE], 1u << 20);
}

static void mark_some(struct sim *s, char *text, size_t size)
{
	if (text[0])
		mark(text, size, draw(s));
}

/* Of a person or a program; what the pool says of itself stays. */
static void mark_actor(struct sim *s, char *text, size_t size)
{
	if (strcmp(text, POOL_ACTOR) != 0)
		mark_some(s, text, size);
}

/* What is sent in place of what an honest pool sends. */
static void spoil(struct sim *s, struct text *body, struct text *out)
{
	const char *bad = !s->calm && draw(s) % GARBAGE_ONE_IN == 0
		? garbage[draw(s) % (uint64_t)GARBAGES]
		: NULL;
	const char *at = text_str(body);
	for (const char *to; (to = strchr(at, MARK)) != NULL; at = to) {
		int word = to[1] - 'a';
		bool marked = word >= 0 && word < WORDS;
		text_add_n(out, at, (size_t)(to - at) + !marked);
		if (marked)
			text_add(out, bad ? bad : words[word]);
		to += 1 + marked;
	}
	text_add(out, at);
	text_free(body);
}

bool hostile_document(struct sim *s, int pool, struct snapshot *d)
{
	struct text body = {0}, bytes = {0};
	struct err err;
	uint64_t fixed = s->seed / 2 + (uint64_t)pool;
	if (!is_hostile(s, pool))
		return true;
	s->kinds |= 1u << FAULT_HOSTILE;
	mark(d->node, sizeof d->node, fixed);
	mark(d->build, sizeof d->build, fixed + 1);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int i = 0; i < d->arms[arm].operation_count; i++)
			mark(d->arms[arm].operations[i].name, OPERATION_NAME_MAX, fixed + (uint64_t)i);
	mark_some(s, d->guard.word, sizeof d->guard.word);
	mark_some(s, d->hold.reason, sizeof d->hold.reason);
	mark_actor(s, d->hold.actor, sizeof d->hold.actor);
	wire_write_state(&body, d);
	spoil(s, &body, &bytes);
	int read = wire_read_state(d, text_str(&bytes), bytes.len, &err);
	text_free(&bytes);
	if (read < 0 && s->calm)
		sim_fail(s, "the wire refuses a hostile document: %s", err.text);
	return read == 0;
}

void hostile_audit(struct sim *s, int pool, struct audit_entry *entries, size_t *count)
{
	struct text body = {0}, bytes = {0};
	struct err err;
	size_t most = *count;
	if (!is_hostile(s, pool))
		return;
	for (size_t i = 0; i < *count; i++) {
		mark_some(s, entries[i].reason, sizeof entries[i].reason);
		mark_actor(s, entries[i].actor, sizeof entries[i].actor);
	}
	wire_write_audit(&body, entries, *count);
	spoil(s, &body, &bytes);
	if (wire_read_audit(entries, most, count, text_str(&bytes), bytes.len, &err) < 0)
		*count = 0;
	text_free(&bytes);
}

bool hostile_answer(struct sim *s, int pool, struct answer *out, const struct control_answer *a,
	const struct command *asked)
{
	struct text body = {0}, bytes = {0};
	struct control_answer says = *a;
	struct err err;
	if (!is_hostile(s, pool) || a->status == 200)
		return false;
	mark_some(s, says.message, sizeof says.message);
	mark_some(s, says.changed_by, sizeof says.changed_by);
	wire_write_answer(&body, &says);
	spoil(s, &body, &bytes);
	int read = wire_read_answer(out, asked, says.status, text_str(&bytes), bytes.len, &err);
	text_free(&bytes);
	/* What cannot be read says nothing of what was done. */
	if (read < 0)
		*out = (struct answer){
			.kind = ANSWER_LOST, .err = err, .epoch = UNKNOWN, .rev = UNKNOWN, .share_bp = -1};
	return true;
}
