/* Asked. All comes from the ask's own evidence: nothing is asked of the pool, and nothing is added
 * that the asker did not see. */
#include "tui/asked.h"

#include "model/approval.h"
#include "model/interlock.h"
#include "model/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLD_MS (15 * 60 * 1000) /* what was seen so long ago is said to be old */

static void add(struct asked_row *rows, int *n, bool warns, const char *label,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
static void add(
	struct asked_row *rows, int *n, bool warns, const char *label, const char *format, ...)
{
	if (*n == ASKED_ROWS)
		return;
	struct asked_row *r = &rows[(*n)++];
	va_list args;
	r->label = label;
	r->warns = warns;
	va_start(args, format);
	vsnprintf(r->text, sizeof r->text, format, args);
	va_end(args);
	text_mend(r->text);
}

void asked_what(char *out, size_t size, const struct decision *ask)
{
	char what[APPROVAL_WHAT_MAX] = "step", from[16], to[16];
	approval_member(what, sizeof what, ask->evidence, "what");
	unit_share(from, sizeof from, ask->from_bp);
	unit_share(to, sizeof to, ask->to_bp);
	if (ask->from_bp == ask->to_bp)
		snprintf(out, size, "%s at %s", what, to);
	else
		snprintf(out, size, "%s %.*s > %s", what, (int)strcspn(from, " "), from, to);
	text_mend(out);
}

/* An integer behind `"name":`; UNKNOWN for null and none. */
static int64_t number(const char *json, const char *name)
{
	char head[32], digits[24] = "";
	int64_t n;
	snprintf(head, sizeof head, "\"%s\":", name);
	const char *at = json ? strstr(json, head) : NULL;
	at = at ? at + strlen(head) : "";
	size_t len = strspn(at, "0123456789");
	if (len == 0 || len >= sizeof digits)
		return UNKNOWN;
	memcpy(digits, at, len);
	return unit_parse_int(digits, 0, INT64_MAX, &n) ? n : UNKNOWN;
}

static void add_arm(struct asked_row *rows, int *n, const char *json, enum arm arm)
{
	char head[16], done[24], failed[24], p99[24];
	snprintf(head, sizeof head, "\"%s\":{", arm_name(arm));
	const char *of = strstr(json, head);
	unit_count(done, sizeof done, number(of, "done"));
	unit_count(failed, sizeof failed, number(of, "failed"));
	unit_ms(p99, sizeof p99, number(of, "p99_us"));
	add(rows, n, false, arm_name(arm), "%s failed of %s, p99 %s ms", failed, done, p99);
}

/* How many of the checks held, and what did not but for the approval itself. */
static void add_checks(struct asked_row *rows, int *n, const char *json)
{
	int held = 0, failed = 0, forced = 0;
	const char *at = strstr(json, "\"checks\":[");
	for (; at && (at = strstr(at, "\"is\":\"")); at += 6) {
		held += strncmp(at + 6, "holds\"", 6) == 0;
		failed += strncmp(at + 6, "fails\"", 6) == 0;
		forced += strncmp(at + 6, "forced\"", 7) == 0;
	}
	add(rows, n, forced > 0, "held then", "%d, %d not (the approval), %d forced", held,
		failed, forced);
}

/* What break-glass would go past, as it stood when it was asked for. */
static void add_forced(struct asked_row *rows, int *n, const char *json)
{
	const char *at = strstr(json, "\"checks\":[");
	for (int p = 0; at && p < PREDICATE_COUNT && (at = strstr(at, "\"is\":\"")); p++) {
		char text[200] = "";
		at += 6;
		if (strncmp(at, "forced\"", 7) != 0)
			continue;
		approval_member(text, sizeof text, at, "text");
		add(rows, n, true, "FORCES", "%s: %s", predicate_name((enum predicate)p), text);
	}
}

int asked_rows(
	struct asked_row out[ASKED_ROWS], const struct decision *ask, int64_t now_wall_ms)
{
	char age[24], what[160], state[24] = "?", guard[24] = "?", word[24] = "?", plan[80] = "-";
	const char *json = ask->evidence, *verdict = strstr(json, "\"verdict\":");
	int n = 0;
	unit_age(age, sizeof age, now_wall_ms - ask->at_ms);
	asked_what(what, sizeof what, ask);
	approval_member(state, sizeof state, json, "state");
	approval_member(guard, sizeof guard, json, "guard");
	approval_member(plan, sizeof plan, json, "plan");
	if (verdict)
		approval_member(word, sizeof word, verdict, "word");
	bool old = now_wall_ms - ask->at_ms > OLD_MS;
	add(out, &n, false, "asks", "%s, %s ago%s", ask->actor, age,
		old ? ": what follows is as old" : "");
	out[n - 1].warns = old;
	add(out, &n, false, "for", "%s", what);
	add(out, &n, !ask->reason[0], "why", "%s",
		ask->reason[0] ? ask->reason : "no reason is given");
	add(out, &n, strcmp(guard, "GREEN") != 0, "then", "%s, guard %s, judge %s", state, guard,
		word);
	add_arm(out, &n, json, ARM_V1);
	add_arm(out, &n, json, ARM_V2);
	add_checks(out, &n, json);
	add_forced(out, &n, json);
	add(out, &n, false, "bound to", "pool %s, revision %lld.%lld, plan %.12s",
		ask->pool_id[0] ? ask->pool_id : "?", (long long)ask->epoch, (long long)ask->rev, plan);
	return n;
}
