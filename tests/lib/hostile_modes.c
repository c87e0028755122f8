/* Hostile modes: from a mode and a good answer to bytes. No sockets and no state: the same
 * request and good answer give the same bytes. */
#include "tests/lib/hostile_modes.h"

#include "model/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 100000
#define OPERATIONS 5000
#define NAME_BYTES (10 << 20)
#define BOMB_BYTES (64 << 20)

static const struct {
	const char *name;
	int status;
	const char *headers, *body;
} plain[] = {
#define X(name, status, headers, body) {#name, status, headers, body},
	HOSTILE_PLAIN_INFO(X)
#undef X
};

static const struct {
	const char *name, *where, *what;
} spoilt[] = {
#define X(name, where, what) {#name, where, what},
	HOSTILE_SPOILT_INFO(X)
#undef X
};

#define PLAIN_COUNT (sizeof plain / sizeof *plain)

const char *hostile_name(enum hostile_mode mode)
{
	return mode < PLAIN_COUNT ? plain[mode].name : spoilt[mode - PLAIN_COUNT].name;
}

bool hostile_modes_passes(enum hostile_mode mode)
{
	return mode == HOSTILE_ANSWER || mode == HOSTILE_CLAMP || mode == HOSTILE_OLD_MATCH ||
		mode >= PLAIN_COUNT;
}

/* ---- changed bodies ---- */

/* The byte behind the JSON value that begins at `s`. */
static const char *value_end(const char *s)
{
	int depth = 0;
	for (bool in_string = false; *s != '\0'; s++) {
		if (in_string && *s == '\\' && s[1] != '\0')
			s++;
		else if (*s == '"')
			in_string = !in_string;
		else if (!in_string && (*s == '{' || *s == '['))
			depth++;
		else if (!in_string && depth == 0 && (*s == ',' || *s == '}' || *s == ']'))
			return s;
		else if (!in_string && (*s == '}' || *s == ']'))
			depth--;
	}
	return s;
}

/* Where the first value of a member begins; NULL without one. */
static const char *value_of(const char *body, const char *name)
{
	char key[64];
	snprintf(key, sizeof key, "\"%s\":", name);
	const char *at = strstr(body, key);
	return at ? at + strlen(key) : NULL;
}

static void replace(struct text *out, const char *body, const char *name, const char *value)
{
	const char *at = value_of(body, name);
	if (!at) {
		text_add(out, body);
		return;
	}
	text_add_n(out, body, (size_t)(at - body));
	text_add(out, value);
	text_add(out, value_end(at));
}

char *hostile_replaced(const char *body, const char *member, const char *value)
{
	struct text out = {0};
	replace(&out, body, member, value);
	return text_take(&out);
}

char *hostile_spoilt(enum hostile_mode mode, const char *body)
{
	const char *where = spoilt[mode - PLAIN_COUNT].where,
			   *what = spoilt[mode - PLAIN_COUNT].what;
	struct text out = {0};
	if (*where == '=') {
		text_add(&out, what);
	} else if (*where == '^') {
		text_add(&out, what);
		text_add(&out, body);
	} else if (*where == '$') {
		text_add(&out, body);
		text_add(&out, what);
	} else {
		replace(&out, body, where, what);
	}
	return text_take(&out);
}

static void nest(struct text *body)
{
	for (int i = 0; i < DEPTH; i++)
		text_add(body, "[");
}

static void crowd(struct text *body, const char *good)
{
	struct text operations = {0};
	const char *arms = value_of(good, "arms");
	text_add(&operations, "{");
	for (int i = 0; i < OPERATIONS; i++)
		text_addf(
			&operations, "%s\"op-%d\":{\"requests\":3,\"ok\":2,\"failed\":1}", i ? "," : "", i);
	text_add(&operations, "}");
	/* the first "operations" is the list of names, that of an arm comes behind it */
	if (arms) {
		text_add_n(body, good, (size_t)(arms - good));
		replace(body, arms, "operations", text_str(&operations));
	} else {
		text_add(body, good);
	}
	text_free(&operations);
}

static void long_name(struct text *body)
{
	char *name = mem_new(NAME_BYTES + 1, 1);
	memset(name, 'n', NAME_BYTES);
	text_add(body, "{\"pool\":\"");
	text_add_n(body, name, NAME_BYTES);
	text_add(body, "\"}");
	free(name);
}

/* ---- a bomb ---- */

struct bits {
	struct text *out;
	unsigned held, count;
};

static void put_bits(struct bits *b, unsigned value, unsigned count)
{
	b->held |= value << b->count;
	for (b->count += count; b->count >= 8; b->count -= 8, b->held >>= 8) {
		char byte = (char)(b->held & 0xff);
		text_add_n(b->out, &byte, 1);
	}
}

/* One block of fixed codes: a zero byte, then copies of 258 from one byte back, as long as it
 * takes. Huffman codes stand with their first bit first. Source: RFC 1951, 3.2.6; RFC 1952. */
static void bomb(struct text *body)
{
	struct bits b = {.out = body};
	text_add_n(body, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
	put_bits(&b, 1, 1);    /* the last block */
	put_bits(&b, 1, 2);    /* of fixed codes */
	put_bits(&b, 0x0c, 8); /* literal 0: 00110000 */
	for (int i = 0; i < BOMB_BYTES / 258; i++) {
		put_bits(&b, 0xa3, 8); /* length 258: code 285, 11000101 */
		put_bits(&b, 0, 5);    /* distance 1 */
	}
	put_bits(&b, 0, 7); /* the end */
	put_bits(&b, 0, 7);
	text_add_n(body, "\0\0\0\0\0\0\0\x04", 8);
}

/* ---- whole answers ---- */

static void head(
	struct text *out, int status, const char *headers, const char *more, int64_t length)
{
	text_addf(out, "HTTP/1.1 %d Whatever\r\n%s%s", status, headers, more);
	if (strstr(headers, "Content-Type") == NULL)
		text_add(out, "Content-Type: application/json\r\n");
	if (length >= 0)
		text_addf(out, "Content-Length: %lld\r\n", (long long)length);
	text_add(out, "\r\n");
}

static void say(struct hostile_words *out, int status, const char *headers,
	const struct hostile_good *good, const char *body, size_t len)
{
	head(&out->bytes, status, headers, good->headers, (int64_t)len);
	text_add_n(&out->bytes, body, len);
	out->pace = PACE_AT_ONCE;
}

static void say_body(struct hostile_words *out, const char *headers,
	const struct hostile_good *good, struct text *body)
{
	say(out, 200, headers, good, text_str(body), body->len);
	text_free(body);
}

/* Done as asked, in words alone. */
static void lie(struct hostile_words *out, const struct hostile_good *good, const char *request)
{
	long long epoch = 0, rev = 0, share = 0;
	const char *match = strstr(request, "If-Match: "), *to = value_of(request, "to_bp");
	struct text body = {0};
	if (match)
		(void)sscanf(match, "If-Match: \"%lld.%lld\"", &epoch, &rev);
	if (to)
		share = strtoll(to, NULL, 10);
	text_addf(&body, "{\"epoch\":%lld,\"rev\":%lld,\"share_bp\":%lld}", epoch, rev + 1, share);
	say_body(out, "", good, &body);
}

static void say_endless(struct hostile_words *out, const char *head_bytes)
{
	text_add(&out->bytes, head_bytes);
	out->pace = PACE_FOR_EVER;
}

static void say_half(struct hostile_words *out, const char *headers, int64_t length,
	const struct hostile_good *good)
{
	head(&out->bytes, 200, headers, good->headers, length);
	text_add_n(&out->bytes, good->body, strlen(good->body) / 2);
	out->pace = PACE_AT_ONCE;
	out->close_after = true;
}

static void say_special(struct hostile_words *out, enum hostile_mode mode,
	const struct hostile_good *good, const char *request)
{
	struct text body = {0};
	size_t len = strlen(good->body);
	switch (mode) {
	case HOSTILE_ANSWER:
	case HOSTILE_CLAMP:
	case HOSTILE_OLD_MATCH:
		say(out, good->status, "", good, good->body, len);
		break;
	case HOSTILE_DRIP:
		say(out, good->status, "", good, good->body, len);
		out->pace = PACE_DRIP;
		break;
	case HOSTILE_ENDLESS_BODY:
		say_endless(out,
			"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			"Transfer-Encoding: chunked\r\n\r\n");
		break;
	case HOSTILE_ENDLESS_HEADERS:
	case HOSTILE_ENDLESS_LINE:
		say_endless(out, "HTTP/1.1 200 OK\r\nX-Long: ");
		break;
	case HOSTILE_TRUNCATED:
		say_half(out, "", (int64_t)len + 1, good);
		break;
	case HOSTILE_TRUNCATED_OPEN:
		say_half(out, "Connection: close\r\n", -1, good);
		break;
	case HOSTILE_TWO_DOCUMENTS:
		text_add(&body, good->body);
		text_add(&body, good->body);
		say_body(out, "", good, &body);
		break;
	case HOSTILE_NOT_HTTP:
		text_add(&out->bytes, "SSH-2.0-OpenSSH_9.2\r\n");
		out->pace = PACE_AT_ONCE;
		out->close_after = true;
		break;
	case HOSTILE_DEEP:
		nest(&body);
		say_body(out, "", good, &body);
		break;
	case HOSTILE_CROWD:
		crowd(&body, good->body);
		say_body(out, "", good, &body);
		break;
	case HOSTILE_LONG_NAME:
		long_name(&body);
		say_body(out, "", good, &body);
		break;
	case HOSTILE_BOMB:
		bomb(&body);
		say_body(
			out, "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", good, &body);
		break;
	case HOSTILE_LIE:
		lie(out, good, request);
		break;
	case HOSTILE_CUT:
		out->pace = PACE_AT_ONCE;
		out->close_after = true;
		break;
	default:
		out->pace = PACE_NONE;
		break;
	}
}

void hostile_modes_say(struct hostile_words *out, enum hostile_mode mode,
	const struct hostile_good *good, const char *request)
{
	if (mode >= PLAIN_COUNT) {
		char *body = hostile_spoilt(mode, good->body);
		say(out, good->status, "", good, body, strlen(body));
		free(body);
	} else if (plain[mode].status != 0) {
		const char *body = plain[mode].body ? plain[mode].body : good->body;
		say(out, plain[mode].status, plain[mode].headers, good, body, strlen(body));
	} else {
		say_special(out, mode, good, request);
	}
}

void hostile_modes_prolong(enum hostile_mode mode, struct text *out)
{
	static const char filler[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
								 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; /* 0x40 */
	for (int i = 0; i < 256; i++) {
		if (mode == HOSTILE_ENDLESS_BODY)
			text_add(out, "40\r\n");
		text_add(out, filler);
		if (mode == HOSTILE_ENDLESS_BODY)
			text_add(out, "\r\n");
		else if (mode == HOSTILE_ENDLESS_HEADERS)
			text_add(out, "\r\nX-More: ");
	}
}

/* Asks for half of the share. */
static char *clamp(const char *request)
{
	const char *to = value_of(request, "to_bp"), *body = strstr(request, "\r\n\r\n");
	const char *length = strstr(request, "Content-Length: ");
	if (!to || !body || !length)
		return NULL;
	char half[24];
	struct text changed = {0}, out = {0};
	snprintf(half, sizeof half, "%lld", strtoll(to, NULL, 10) / 2);
	replace(&changed, body + 4, "to_bp", half);
	text_add_n(&out, request, (size_t)(length - request));
	text_addf(&out, "Content-Length: %zu\r\n", changed.len);
	const char *rest = strstr(length, "\r\n") + 2;
	text_add_n(&out, rest, (size_t)(body + 4 - rest));
	text_add(&out, text_str(&changed));
	text_free(&changed);
	return text_take(&out);
}

/* Asks as if it had not seen the last change. */
static char *match_before(const char *request)
{
	long long epoch, rev;
	const char *match = strstr(request, "If-Match: ");
	struct text out = {0};
	if (!match || sscanf(match, "If-Match: \"%lld.%lld\"", &epoch, &rev) != 2)
		return NULL;
	text_add_n(&out, request, (size_t)(match - request));
	text_addf(&out, "If-Match: \"%lld.%lld\"", epoch, rev - 1);
	text_add(&out, strstr(match, "\r\n"));
	return text_take(&out);
}

char *hostile_modes_rewrite(enum hostile_mode mode, const char *request)
{
	return mode == HOSTILE_CLAMP    ? clamp(request)
		: mode == HOSTILE_OLD_MATCH ? match_before(request)
									: NULL;
}
