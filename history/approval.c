/* Approvals on their way between two persons. The claim itself, and what it is worth, is
 * model/approval.h's; keys and signatures are chain.h's. */
#include "history/approval.h"

#include "history/chain.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_HEAD "weir-approval."
#define ASK_HEAD "weir-ask."

/* ---- base64url without padding, RFC 4648 section 5 ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct text *out, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t word = (uint32_t)bytes[i] << 16 | (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
			(n > 2 ? bytes[i + 2] : 0);
		char four[4];
		for (size_t k = 0; k < 4; k++)
			four[k] = digits[word >> (18 - 6 * k) & 63];
		text_add_n(out, four, n + 1);
	}
}

/* The bytes of `len` digits, which must be exactly those that encode writes; -1 for others, or
 * more than `size`. */
static int decode(unsigned char *out, size_t size, const char *text, size_t len)
{
	size_t n = 0;
	uint32_t word = 0;
	int bits = 0;
	for (size_t i = 0; i < len; i++) {
		const char *at = text[i] ? strchr(digits, text[i]) : NULL;
		if (!at)
			return -1;
		word = word << 6 | (uint32_t)(at - digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (n == size)
			return -1;
		out[n++] = (unsigned char)(word >> bits & 0xff);
	}
	/* bits left over are zero, so that no two texts are one */
	return bits < 6 && (word & ((1u << bits) - 1)) == 0 ? (int)n : -1;
}

/* The same as text. */
static bool decode_text(char *out, size_t size, const char *text, size_t len)
{
	int n = decode((unsigned char *)out, size - 1, text, len);
	if (n < 0 || memchr(out, 0, (size_t)n))
		return false;
	out[n] = 0;
	return true;
}

/* ---- keys ---- */

int approval_key(char out[POOL_HASH_MAX], const char *key_dir, struct err *err)
{
	struct chain_key key;
	if (chain_key_load(&key, key_dir, err) < 0)
		return -1;
	chain_hex(out, key.public_key, sizeof key.public_key);
	chain_key_wipe(&key);
	return 0;
}

static void digest(unsigned char out[CHAIN_HASH], const char *text)
{
	char hex[POOL_HASH_MAX];
	chain_digest(hex, text, strlen(text));
	chain_unhex(out, CHAIN_HASH, hex);
}

/* ---- tokens ---- */

int approval_sign(char token[APPROVAL_TOKEN_MAX], struct approval_claim *claim,
	const char *key_dir, struct err *err)
{
	struct chain_key key;
	struct text t = {0};
	char text[APPROVAL_TEXT_MAX];
	unsigned char hash[CHAIN_HASH], signature[CHAIN_SIGNATURE];
	if (chain_key_load(&key, key_dir, err) < 0)
		return -1;
	chain_hex(claim->approver_key, key.public_key, sizeof key.public_key);
	approval_write(text, claim);
	digest(hash, text);
	chain_sign(signature, hash, &key);
	chain_key_wipe(&key);
	text_add(&t, TOKEN_HEAD);
	encode(&t, (const unsigned char *)text, strlen(text));
	text_add(&t, ".");
	encode(&t, signature, sizeof signature);
	bool fits = text_copy(token, APPROVAL_TOKEN_MAX, text_str(&t));
	text_free(&t);
	return fits ? 0 : err_set(err, ERR_LIMIT, "the names of this change are too long to sign");
}

bool approval_open(struct approval *out, const char *token)
{
	char text[APPROVAL_TEXT_MAX];
	unsigned char hash[CHAIN_HASH], signature[CHAIN_SIGNATURE + 1], key[CHAIN_KEY];
	memset(out, 0, sizeof *out);
	if (strnlen(token, APPROVAL_TOKEN_MAX) >= APPROVAL_TOKEN_MAX ||
		strncmp(token, TOKEN_HEAD, strlen(TOKEN_HEAD)) != 0)
		return false;
	const char *at = token + strlen(TOKEN_HEAD), *dot = strchr(at, '.');
	if (!dot || !decode_text(text, sizeof text, at, (size_t)(dot - at)) ||
		!text_valid(text, strlen(text)) || !approval_read(&out->claim, text) ||
		decode(signature, sizeof signature, dot + 1, strlen(dot + 1)) != CHAIN_SIGNATURE)
		return false;
	chain_digest(out->hash, token, strlen(token));
	digest(hash, text);
	out->is_signed = chain_unhex(key, sizeof key, out->claim.approver_key) &&
		chain_signed_by(hash, signature, key);
	return true;
}

#define ASK_LINES "weir.ask/1"
#define ASK_TEXT_MAX (DECISION_EVIDENCE_MAX + 1000)

static void write_ask(struct text *out, const struct decision *d)
{
	text_addf(out,
		ASK_LINES "\nid %s\nname %s\npool %s\nat %lld\nasker %s\nfrom %d\nto %d\nepoch %lld\n"
				  "rev %lld\nreason %s\nevidence %s\n",
		d->id, d->pool, d->pool_id, (long long)d->at_ms, d->actor, d->from_bp, d->to_bp,
		(long long)d->epoch, (long long)d->rev, d->reason, d->evidence);
}

void approval_evidence(char out[POOL_HASH_MAX], const struct decision *ask)
{
	struct text t = {0};
	write_ask(&t, ask);
	chain_digest(out, text_str(&t), t.len);
	text_free(&t);
}

/* The ask that it names by its evidence, else the newest that asked for the same. */
void approval_find_ask(struct approval *a, const struct decision *list, size_t count)
{
	const struct approval_claim *c = &a->claim;
	for (size_t i = count; i-- > 0;) {
		struct approval_claim asked;
		char evidence[POOL_HASH_MAX];
		if (!approval_of_ask(&asked, &list[i]) || strcmp(asked.asker, c->asker) != 0 ||
			strcmp(asked.pool_id, c->pool_id) != 0 || asked.from_bp != c->from_bp ||
			asked.to_bp != c->to_bp || asked.epoch != c->epoch || asked.rev != c->rev)
			continue;
		approval_evidence(evidence, &list[i]);
		bool same = strcmp(evidence, c->evidence) == 0;
		if (!same && a->of[0])
			continue;
		text_copy(a->of, sizeof a->of, list[i].id);
		text_copy(a->asked, sizeof a->asked, evidence);
		if (same)
			return;
	}
}

/* ---- asks ---- */

void approval_pack_ask(struct text *out, const struct decision *ask)
{
	struct text t = {0};
	write_ask(&t, ask);
	text_add(out, ASK_HEAD);
	encode(out, (const unsigned char *)text_str(&t), t.len);
	text_free(&t);
}

static bool take(const char **at, const char *name, char *out, size_t size)
{
	size_t head = strlen(name), len = strcspn(*at, "\n");
	if (strncmp(*at, name, head) != 0 || (*at)[head] != ' ' || (*at)[len] != '\n' ||
		len - head - 1 >= size)
		return false;
	memcpy(out, *at + head + 1, len - head - 1);
	out[len - head - 1] = 0;
	*at += len + 1;
	return true;
}

static bool take_number(const char **at, const char *name, int64_t most, int64_t *out)
{
	char number[24];
	return take(at, name, number, sizeof number) && unit_parse_int(number, 0, most, out);
}

static bool read_ask(struct decision *d, const char *at)
{
	int64_t from, to;
	if (strncmp(at, ASK_LINES "\n", strlen(ASK_LINES "\n")) != 0)
		return false;
	at += strlen(ASK_LINES "\n");
#define TAKE(name, field) take(&at, name, d->field, sizeof d->field)
	if (!TAKE("id", id) || !TAKE("name", pool) || !TAKE("pool", pool_id) ||
		!take_number(&at, "at", INT64_MAX, &d->at_ms) || !TAKE("asker", actor) ||
		!take_number(&at, "from", SHARE_FULL, &from) ||
		!take_number(&at, "to", SHARE_FULL, &to) ||
		!take_number(&at, "epoch", INT64_MAX, &d->epoch) ||
		!take_number(&at, "rev", INT64_MAX, &d->rev) || !TAKE("reason", reason) ||
		!TAKE("evidence", evidence))
		return false;
#undef TAKE
	d->from_bp = (int)from;
	d->to_bp = (int)to;
	return *at == 0;
}

/* What it was cleaned to is what it must have been: else the digest would be another's. */
static bool is_clean(const char *s, size_t size)
{
	char clean[DECISION_EVIDENCE_MAX * 2];
	size_t len = strlen(s);
	return len < size && text_clean(clean, sizeof clean, s, len) == len &&
		strcmp(clean, s) == 0;
}

bool approval_unpack_ask(struct decision *out, const char *line)
{
	static const struct decision none = {.verb = VERB_ASK,
		.outcome = OUTCOME_APPLIED,
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.closed_ms = UNKNOWN,
		.latency_ms = UNKNOWN};
	char text[ASK_TEXT_MAX];
	struct approval_claim claim;
	*out = none;
	if (strnlen(line, 2 * ASK_TEXT_MAX) >= 2 * ASK_TEXT_MAX ||
		strncmp(line, ASK_HEAD, strlen(ASK_HEAD)) != 0 ||
		!decode_text(
			text, sizeof text, line + strlen(ASK_HEAD), strlen(line + strlen(ASK_HEAD))))
		return false;
	text_copy(out->role, sizeof out->role, "operator");
	return read_ask(out, text) && text_is_name(out->id, sizeof out->id - 1) &&
		is_clean(out->pool, sizeof out->pool) && is_clean(out->pool_id, sizeof out->pool_id) &&
		is_clean(out->actor, sizeof out->actor) && is_clean(out->reason, sizeof out->reason) &&
		is_clean(out->evidence, sizeof out->evidence) && approval_of_ask(&claim, out);
}
