/* Notes in a map: written, and read back from whatever else stands there.
 *
 * 1. What is written has bytes of WORD_BYTES, '@', '/' and '%' only.
 * 2. A dot within an actor's login is escaped, so that the key "a" never reads a note of "a.1".
 */
#include "client/haproxy_note.h"

#include "client/haproxy_read.h"
#include "model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
#define REV_MAX (INT64_C(1) << 53)
#define VALUE_MAX REV_MAX

static const char *const verb_words[VERB_COUNT] = {
	[VERB_STEP] = "step", [VERB_ROLLBACK] = "rollback"};

/* ---- writing ---- */

static void add_escaped(struct text *out, const char *s, const char *allowed)
{
	for (; *s != '\0'; s++) {
		if (strchr(allowed, *s) != NULL)
			text_add_n(out, s, 1);
		else
			text_addf(out, "%%%02X", (unsigned)(unsigned char)*s);
	}
}

/* Behind the last '@' is a host, which may have dots. */
static void add_actor(struct text *out, const char *actor)
{
	const char *at = strrchr(actor, '@');
	char login[POOL_ACTOR_MAX];
	snprintf(login, sizeof(login), "%.*s", (int)(at != NULL ? at - actor : 96), actor);
	add_escaped(out, login[0] != '\0' ? login : "-", WORD_BYTES);
	text_add(out, "@");
	add_escaped(out, at != NULL ? at + 1 : "", WORD_BYTES ".");
}

void haproxy_note_key(struct text *out, const char *key, const struct haproxy_note *n)
{
	const char *word = verb_words[n->verb];
	text_addf(out, "weir.%s.%lld.", key, (long long)n->rev);
	add_actor(out, n->actor);
	text_addf(out, "/%s/", word != NULL ? word : verb_words[VERB_STEP]);
	add_escaped(out, n->id, WORD_BYTES ".");
	text_addf(out, "/%lld/%lld/%lld/%lld", (long long)n->at_ms, (long long)n->uptime_s,
		(long long)n->requests[ARM_V1], (long long)n->requests[ARM_V2]);
}

void haproxy_note_hold(struct text *out, const char *key, const char *actor)
{
	text_addf(out, "weir.%s.hold.", key);
	add_actor(out, actor);
}

void haproxy_note_arm(struct text *out, const char *key, const char *plan_hash)
{
	text_addf(out, "weir.%s.arm.", key);
	add_escaped(out, plan_hash[0] != '\0' ? plan_hash : "-", WORD_BYTES);
}

/* ---- reading ---- */

static int hex(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;
	return at != NULL ? (int)(at - digits) : -1;
}

/* Reads `len` bytes that were escaped. False for what was not written so, or does not fit. */
static bool read_escaped(char *out, size_t size, const char *s, size_t len, const char *allowed)
{
	char plain[HAPROXY_KEY_MAX];
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		if (n + 1 >= sizeof(plain))
			return false;
		if (strchr(allowed, s[i]) != NULL) {
			plain[n++] = s[i];
			continue;
		}
		int high = i + 2 < len ? hex(s[i + 1]) : -1, low = high >= 0 ? hex(s[i + 2]) : -1;
		if (s[i] != '%' || low < 0)
			return false;
		plain[n++] = (char)(high * 16 + low);
		i += 2;
	}
	if (n >= size)
		return false;
	text_clean(out, size, plain, n);
	return n > 0;
}

static bool read_actor(char out[POOL_ACTOR_MAX], const char *s, size_t len)
{
	char login[POOL_ACTOR_MAX], host[POOL_ACTOR_MAX] = "";
	const char *at = memchr(s, '@', len);
	if (at == NULL || !read_escaped(login, sizeof(login), s, (size_t)(at - s), WORD_BYTES))
		return false;
	size_t rest = len - (size_t)(at + 1 - s);
	if (rest > 0 && !read_escaped(host, sizeof(host), at + 1, rest, WORD_BYTES "."))
		return false;
	int n = snprintf(out, POOL_ACTOR_MAX, "%s%s%s", login, rest > 0 ? "@" : "", host);
	return n > 0 && n < POOL_ACTOR_MAX;
}

static bool read_number(const char *s, size_t len, int64_t *n)
{
	char word[24];
	if (len == 0 || len >= sizeof(word))
		return false;
	memcpy(word, s, len);
	word[len] = '\0';
	return unit_parse_int(word, 0, REV_MAX, n);
}

#define NOTE_FIELDS 7 /* ACTOR VERB ID AT UPTIME V1 V2 */

static bool read_fields(struct haproxy_note *n, const char *s)
{
	const char *at[NOTE_FIELDS];
	size_t len[NOTE_FIELDS];
	int64_t *const numbers[] = {
		&n->at_ms, &n->uptime_s, &n->requests[ARM_V1], &n->requests[ARM_V2]};
	for (int i = 0; i < NOTE_FIELDS; i++) {
		at[i] = s;
		len[i] = strcspn(s, "/");
		s += len[i];
		if ((*s == '/') != (i + 1 < NOTE_FIELDS))
			return false;
		s += *s == '/';
	}
	n->verb = VERB_COUNT;
	for (int v = 0; v < VERB_COUNT; v++)
		if (verb_words[v] != NULL && strlen(verb_words[v]) == len[1] &&
			strncmp(at[1], verb_words[v], len[1]) == 0)
			n->verb = (enum verb)v;
	for (int i = 0; i < 4; i++)
		if (!read_number(at[3 + i], len[3 + i], numbers[i]))
			return false;
	return n->verb != VERB_COUNT && read_actor(n->actor, at[0], len[0]) &&
		read_escaped(n->id, sizeof(n->id), at[2], len[2], WORD_BYTES ".");
}

/* Keeps the newest. A revision that is noted twice is of two who met: the later line counts. */
static void keep_note(struct haproxy_map *m, const struct haproxy_note *n)
{
	int at = m->count;
	while (at > 0 && m->note[at - 1].rev > n->rev)
		at--;
	if (m->count == HAPROXY_NOTES_MAX) {
		if (at == 0)
			return;
		memmove(&m->note[0], &m->note[1], sizeof(*n) * (size_t)(at - 1));
		m->note[at - 1] = *n;
		return;
	}
	memmove(&m->note[at + 1], &m->note[at], sizeof(*n) * (size_t)(m->count - at));
	m->note[at] = *n;
	m->count++;
}

struct reading {
	struct haproxy_map *map;
	const char *key;
	const struct haproxy_group *keys;   /* NULL */
	int permille[HAPROXY_SERVICES_MAX]; /* of keys[i]; -1: not there, or no number */
	bool seen[HAPROXY_SERVICES_MAX];
};

static int permille_of(int64_t value)
{
	return value <= HAPROXY_PERMILLE ? (int)value : -1;
}

static int64_t read_value(const char *value)
{
	int64_t n;
	return unit_parse_int(value, 0, VALUE_MAX, &n) ? n : -1;
}

static void take_hold(struct haproxy_map *m, const char *key, int64_t since_ms)
{
	m->held = true;
	m->held_ms = since_ms > HAPROXY_PERMILLE ? since_ms : UNKNOWN;
	text_copy(m->hold_key, sizeof(m->hold_key), key);
}

/* What stands behind "weir.KEY.". */
static void take_note(struct haproxy_map *m, const char *line, const char *rest, int64_t value)
{
	struct haproxy_note n = {.permille = permille_of(value)};
	size_t len = strcspn(rest, ".");
	const char *word = rest[len] == '.' ? rest + len + 1 : "";
	if (value < 0 || !text_copy(n.key, sizeof(n.key), line) ||
		strspn(line, WORD_BYTES ".:/@%") != strlen(line))
		return;
	if (strncmp(rest, "hold.", 5) == 0 && read_actor(m->holder, word, strlen(word))) {
		take_hold(m, line, value);
	} else if (n.permille < 0) {
		return;
	} else if (strncmp(rest, "arm.", 4) == 0 &&
		read_escaped(m->plan_hash, sizeof(m->plan_hash), word, strlen(word), WORD_BYTES)) {
		m->armed = true;
		m->baseline_permille = n.permille;
		text_copy(m->arm_key, sizeof(m->arm_key), line);
		if (strcmp(m->plan_hash, "-") == 0)
			m->plan_hash[0] = '\0';
	} else if (read_number(rest, len, &n.rev) && n.rev > 0 && read_fields(&n, word)) {
		keep_note(m, &n);
	}
}

/* Of two lines of one key HAProxy takes the first. */
static void take_other(struct reading *r, const char *key, const char *value)
{
	for (int i = 0; r->keys != NULL && i < r->keys->count; i++) {
		if (r->seen[i] || strcmp(r->keys->name[i], key) != 0)
			continue;
		r->seen[i] = true;
		r->permille[i] = permille_of(read_value(value));
	}
}

static bool take_entry(void *ctx, const char *key, const char *value)
{
	struct reading *r = ctx;
	size_t len = strlen(r->key);
	take_other(r, key, value);
	if (strcmp(key, r->key) == 0) {
		if (r->map->has_split)
			return true;
		r->map->has_split = true;
		r->map->permille = permille_of(read_value(value));
		text_clean(r->map->value, sizeof(r->map->value), value, strlen(value));
	} else if (strncmp(key, "weir.", 5) == 0 && strncmp(key + 5, r->key, len) == 0 &&
		key[5 + len] == '.') {
		take_note(r->map, key, key + 5 + len + 1, read_value(value));
	}
	return true;
}

int haproxy_map_read(struct haproxy_map *out, const char *key, const struct haproxy_group *keys,
	const char *text, struct err *err)
{
	struct reading r = {.map = out, .key = key, .keys = keys};
	memset(out, 0, sizeof(*out));
	out->permille = -1;
	int rc = haproxy_read_map(text, take_entry, &r, err);
	for (int i = 0; keys != NULL && i < keys->count; i++)
		out->uneven |= !r.seen[i] || r.permille[i] != out->permille;
	return rc;
}

const struct haproxy_note *haproxy_map_last(const struct haproxy_map *m)
{
	return m->count > 0 ? &m->note[m->count - 1] : NULL;
}

const struct haproxy_note *haproxy_map_find(const struct haproxy_map *m, const char *id)
{
	for (int i = m->count; i-- > 0;)
		if (strcmp(m->note[i].id, id) == 0)
			return &m->note[i];
	return NULL;
}

bool haproxy_note_is_of_boot(const struct haproxy_note *n, int64_t uptime_s)
{
	return n->uptime_s <= uptime_s;
}

int64_t haproxy_note_age_ms(const struct haproxy_note *n, int64_t uptime_s, int64_t wall_ms)
{
	if (!haproxy_note_is_of_boot(n, uptime_s))
		return UNKNOWN;
	int64_t told_ms = (uptime_s - n->uptime_s) * 1000, age_ms = wall_ms - n->at_ms;
	int64_t least_ms = told_ms > 999 ? told_ms - 999 : 0;
	int64_t most_ms = told_ms + 999;
	return age_ms < least_ms ? least_ms : age_ms > most_ms ? most_ms : age_ms;
}
