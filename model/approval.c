/* Approvals: one text of fixed lines, and one order of reasons. Not signatures, and not where
 * asks and approvals are kept.
 *
 * Invariants:
 * 1. What reads back is byte for byte what would be written: no two texts are one claim.
 * 2. An approval is GOOD only when every field is as wanted, and nothing of it is unknown. */
#include "model/approval.h"

#include "model/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const names[APPROVAL_COUNT] = {
#define X(name, word) word,
	APPROVAL_INFO(X)
#undef X
};

const char *approval_name(enum approval_word w)
{
	assert(w < APPROVAL_COUNT);
	return names[w];
}

/* ---- the text ---- */

#define HEAD "weir.approval/1"

void approval_write(char out[APPROVAL_TEXT_MAX], const struct approval_claim *c)
{
	snprintf(out, APPROVAL_TEXT_MAX,
		HEAD "\npool %s\nplan %s\nwhat %s\nfrom %d\nto %d\nepoch %lld\nrev %lld\nevidence %s\n"
			 "asker %s\nasker_key %s\napprover %s\napprover_key %s\nexpires %lld\n",
		c->pool_id, c->plan, c->what, c->from_bp, c->to_bp, (long long)c->epoch,
		(long long)c->rev, c->evidence, c->asker, c->asker_key, c->approver, c->approver_key,
		(long long)c->expires_ms);
}

/* Names are shown to people before anything of a claim is believed. */
static bool is_clean(const char *s)
{
	char clean[APPROVAL_TEXT_MAX];
	text_clean(clean, sizeof clean, s, strlen(s));
	return strcmp(clean, s) == 0;
}

/* Takes a line "name VALUE"; false where it is another, too long, or not clean. */
static bool take(const char **at, const char *name, char *out, size_t size)
{
	size_t head = strlen(name), len = strcspn(*at, "\n");
	if (strncmp(*at, name, head) != 0 || (*at)[head] != ' ' || (*at)[len] != '\n' ||
		len - head - 1 >= size)
		return false;
	snprintf(out, size, "%.*s", (int)(len - head - 1), *at + head + 1);
	*at += len + 1;
	return is_clean(out);
}

static bool take_number(const char **at, const char *name, int64_t most, int64_t *out)
{
	char digits[24];
	return take(at, name, digits, sizeof digits) && unit_parse_int(digits, 0, most, out);
}

bool approval_read(struct approval_claim *out, const char *text)
{
	char again[APPROVAL_TEXT_MAX];
	int64_t from, to;
	const char *at = text;
	memset(out, 0, sizeof *out);
	if (strncmp(at, HEAD "\n", strlen(HEAD "\n")) != 0)
		return false;
	at += strlen(HEAD "\n");
#define TAKE(name, field) take(&at, name, out->field, sizeof out->field)
	if (!TAKE("pool", pool_id) || !TAKE("plan", plan) || !TAKE("what", what) ||
		!take_number(&at, "from", SHARE_FULL, &from) ||
		!take_number(&at, "to", SHARE_FULL, &to) ||
		!take_number(&at, "epoch", INT64_MAX, &out->epoch) ||
		!take_number(&at, "rev", INT64_MAX, &out->rev) || !TAKE("evidence", evidence) ||
		!TAKE("asker", asker) || !TAKE("asker_key", asker_key) || !TAKE("approver", approver) ||
		!TAKE("approver_key", approver_key) ||
		!take_number(&at, "expires", INT64_MAX, &out->expires_ms))
		return false;
#undef TAKE
	out->from_bp = (int)from;
	out->to_bp = (int)to;
	approval_write(again, out);
	return strcmp(again, text) == 0;
}

/* ---- what it is worth ---- */

bool approval_is_listed(const char (*keys)[POOL_HASH_MAX], int count, const char *key)
{
	for (int i = 0; i < count; i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static size_t login_length(const char **actor)
{
	*actor += strspn(*actor, " ");
	size_t len = strcspn(*actor, "@");
	while (len > 0 && (*actor)[len - 1] == ' ')
		len--;
	return len;
}

bool approval_is_same(const char *actor, const char *other)
{
	size_t len = login_length(&actor);
	return len == login_length(&other) && strncasecmp(actor, other, len) == 0;
}

/* Who only looks has no key at hand: he changes nothing either. */
static bool is_asker(const struct approval_claim *c, const struct approval_want *want)
{
	return strcmp(c->asker, want->asker) == 0 &&
		(!want->asker_key[0] || strcmp(c->asker_key, want->asker_key) == 0);
}

/* By whom, for whom. */
static enum approval_word judge_people(
	const struct approval_claim *c, const struct approval_want *want)
{
	if (approval_is_same(c->approver, c->asker) || approval_is_same(c->approver, want->asker) ||
		strcmp(c->approver_key, c->asker_key) == 0 ||
		strcmp(c->approver_key, want->asker_key) == 0)
		return APPROVAL_OWN;
	if (!approval_is_listed(want->approvers, want->approver_count, c->approver_key))
		return APPROVAL_STRANGER;
	return is_asker(c, want) ? APPROVAL_GOOD : APPROVAL_OTHER_ASKER;
}

static enum approval_word judge_change(
	const struct approval_claim *c, const struct approval_want *want)
{
	if (!want->pool_id[0] || strcmp(c->pool_id, want->pool_id) != 0)
		return APPROVAL_OTHER_POOL;
	if (strcmp(c->plan, want->plan) != 0)
		return APPROVAL_OTHER_PLAN;
	if (!want->what[0] || strcmp(c->what, want->what) != 0)
		return APPROVAL_OTHER_CHANGE;
	if (c->from_bp != want->from_bp || c->to_bp != want->to_bp)
		return APPROVAL_OTHER_SHARE;
	if (want->epoch == UNKNOWN || c->epoch != want->epoch || c->rev != want->rev)
		return APPROVAL_OTHER_REVISION;
	return APPROVAL_GOOD;
}

enum approval_word approval_judge(
	const struct approval *a, const struct approval_want *want, struct instant now)
{
	const struct approval_claim *c = &a->claim;
	if (!a->is_signed)
		return APPROVAL_EDITED;
	enum approval_word word = judge_people(c, want);
	if (word != APPROVAL_GOOD)
		return word;
	/* What it was used for has moved the revision: this says more. */
	if (want->is_used)
		return APPROVAL_USED;
	word = judge_change(c, want);
	if (word != APPROVAL_GOOD)
		return word;
	if (!a->asked[0] || strcmp(c->evidence, a->asked) != 0)
		return APPROVAL_OTHER_EVIDENCE;
	/* A wall clock that is turned back makes nothing last longer. */
	if (c->expires_ms <= now.wall_ms ||
		now.boot_ms - a->heard_ms >= APPROVAL_MS + APPROVAL_AHEAD_MS)
		return APPROVAL_EXPIRED;
	return c->expires_ms - now.wall_ms > APPROVAL_MS + APPROVAL_AHEAD_MS ? APPROVAL_FUTURE
																		 : APPROVAL_GOOD;
}

/* One that is open stands in the way by itself, and may be the very change that is judged. */
bool approval_is_used(const struct approval *a, const struct decision *list, size_t count)
{
	char names_it[POOL_HASH_MAX + 32];
	int64_t since_ms = a->claim.expires_ms - APPROVAL_MS - APPROVAL_AHEAD_MS;
	snprintf(names_it, sizeof names_it, APPROVAL_USE "\"%s\"", a->hash);
	for (size_t i = 0; i < count; i++) {
		const struct decision *d = &list[i];
		bool never = d->outcome == OUTCOME_REFUSED || d->outcome == OUTCOME_NOT_SENT ||
			d->outcome == OUTCOME_VOID;
		if (d->at_ms >= since_ms && verb_is_sent(d->verb) && !decision_is_open(d) && !never &&
			strstr(d->evidence, names_it))
			return true;
	}
	return false;
}

/* ---- asks ---- */

/* The evidence is our own JSON: what stands inside of its strings has its quotes escaped. */
bool approval_member(char *out, size_t size, const char *json, const char *name)
{
	char head[40];
	snprintf(head, sizeof head, "\"%s\":\"", name);
	const char *at = strstr(json, head);
	if (!at)
		return false;
	at += strlen(head);
	size_t len = strcspn(at, "\"\\");
	if (at[len] != '"' || len >= size)
		return false;
	memcpy(out, at, len);
	out[len] = 0;
	return true;
}

bool approval_of_ask(struct approval_claim *out, const struct decision *ask)
{
	memset(out, 0, sizeof *out);
	if (ask->verb != VERB_ASK || ask->observed || ask->from_bp < 0 || ask->to_bp < 0 ||
		!approval_member(out->plan, sizeof out->plan, ask->evidence, "plan") ||
		!approval_member(out->what, sizeof out->what, ask->evidence, "what") ||
		!approval_member(out->asker_key, sizeof out->asker_key, ask->evidence, "asker_key"))
		return false;
	text_copy(out->pool_id, sizeof out->pool_id, ask->pool_id);
	text_copy(out->asker, sizeof out->asker, ask->actor);
	out->from_bp = ask->from_bp;
	out->to_bp = ask->to_bp;
	out->epoch = ask->epoch;
	out->rev = ask->rev;
	return true;
}

bool approval_is_asked(const struct decision *ask, const struct approval_want *want)
{
	struct approval_claim c;
	return approval_of_ask(&c, ask) && is_asker(&c, want) &&
		judge_change(&c, want) == APPROVAL_GOOD;
}
