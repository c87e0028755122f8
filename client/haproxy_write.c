/* What is written to HAProxy, line by line. Nothing is sent or read here.
 *
 * 1. The side that gets more is raised before the other is lowered: never are both at 0.
 * 2. Beside a share of 0 by weights v2's servers are in maintenance: weight 0 and drain leave
 *    clients that a cookie binds where they are.
 * 3. A server is raised from weight 0 through maintenance: with a queue before it, it would get
 *    nothing else.
 * 4. The note goes before what it notes: a change without one would be nobody's. Keys that step
 *    together, and their note, change at one moment: as a version of the map, which is committed.
 * 5. v1 gets no traffic without a server that takes work: where none would be, those that a person
 *    took out are put back. Nobody else's are, and v2 leaves only for a v1 that can serve. */
#include "client/haproxy_parts.h"

#include "client/haproxy_split.h"
#include "model/text.h"
#include "model/unit.h"

#include <string.h>

#define PERMILLE_BP (SHARE_FULL / HAPROXY_PERMILLE)

static void add_note(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct haproxy_note *note)
{
	struct text key = {0};
	haproxy_note_key(&key, t->key, note);
	haproxy_session_ask(s, "add map %s %s %d", t->map, text_str(&key), note->permille);
	text_free(&key);
	for (int i = 0; v != NULL && i + HAPROXY_NOTES_KEPT <= v->map.count; i++)
		haproxy_session_ask(s, "del map %s %s", t->map, v->map.note[i].key);
}

/* Ends a hold. */
static void release(
	struct haproxy_session *s, const struct haproxy_target *t, const struct haproxy_view *v)
{
	if (v->map.held)
		haproxy_session_ask(s, "del map %s %s", t->map, v->map.hold_key);
}

/* ---- servers ---- */

static const struct haproxy_server *server_of(
	const struct haproxy_view *v, enum arm arm, const char *name)
{
	for (int i = 0; v != NULL && i < v->arms[arm].count; i++)
		if (strcmp(v->arms[arm].server[i].name, name) == 0)
			return &v->arms[arm].server[i];
	return NULL;
}

/* At weight 0 it was weir, or nobody, who took it out: raising it is what puts it back. */
static bool goes_through(const struct haproxy_server *s)
{
	return s->weight == 0 && (s->maint || !s->locked);
}

/* True where no server of v1 would take work after its weights are set. */
static bool v1_is_out(const struct haproxy_target *t, const struct haproxy_view *v)
{
	for (int i = 0; v != NULL && i < v->arms[ARM_V1].count; i++) {
		const struct haproxy_server *s = &v->arms[ARM_V1].server[i];
		if (s->ready || (t->way == HAPROXY_WEIGHTS && goes_through(s)))
			return false;
	}
	return true;
}

/* True where v1 serves, once those of it that are out are back. What is not known is no reason
 * to leave a client on v2. */
static bool v1_can_serve(const struct haproxy_view *v)
{
	bool can = v == NULL;
	for (int i = 0; v != NULL && i < v->arms[ARM_V1].count; i++)
		can |= v->arms[ARM_V1].server[i].ready || v->arms[ARM_V1].server[i].locked;
	return can;
}

/* ---- by map ---- */

/* What a version leaves out of the map before it. */
struct leaving {
	const struct haproxy_map *map;
	bool releases;
};

static bool is_gone(void *ctx, const char *key)
{
	const struct leaving *x = ctx;
	if (x->releases && x->map->held && strcmp(key, x->map->hold_key) == 0)
		return true;
	for (int i = 0; i + HAPROXY_NOTES_KEPT <= x->map->count; i++)
		if (strcmp(key, x->map->note[i].key) == 0)
			return true;
	return false;
}

static void commit(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct haproxy_share *share)
{
	struct text note = {0};
	struct leaving leaving = {&v->map, share->releases};
	if (share->note != NULL)
		haproxy_note_key(&note, t->key, share->note);
	haproxy_lines_commit(s, t->map, share->version, &v->lines, &t->keys,
		share->to_bp / PERMILLE_BP, share->note != NULL ? text_str(&note) : NULL,
		share->note != NULL ? share->note->permille : 0, is_gone, &leaving);
	text_free(&note);
}

/* A rollback does without what a step is refused for. */
static int check_commit(const struct haproxy_target *t, const struct haproxy_view *v,
	const struct haproxy_share *share, struct err *err)
{
	if (share->version < 0)
		return err_set(err, ERR_LIMIT,
			"HAProxy made no version of the map \"%s\": keys of several services cannot step at "
			"one moment",
			t->map);
	if (v->lines.cut)
		return err_set(err, ERR_LIMIT,
			"services that step together need a map of their own: more than %d lines, or odd ones, "
			"are in \"%s\"",
			HAPROXY_LINES_KEPT, t->map);
	return 0;
}

static void set_one_by_one(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct haproxy_share *share)
{
	if (share->note != NULL)
		add_note(s, t, v, share->note);
	if (share->releases && v != NULL)
		release(s, t, v);
	for (int i = 0; i < t->keys.count; i++)
		haproxy_session_ask(
			s, "set map %s %s %d", t->map, t->keys.name[i], share->to_bp / PERMILLE_BP);
}

static void put_v1_back(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, int to_bp)
{
	bool put_back = to_bp < SHARE_FULL && v1_is_out(t, v);
	for (int i = 0; put_back && v != NULL && i < v->arms[ARM_V1].count; i++) {
		const struct haproxy_server *at = &v->arms[ARM_V1].server[i];
		if (at->locked && haproxy_is_name(at->name))
			haproxy_session_ask(s, "set server %s/%s state ready",
				t->backends[ARM_V1].name[at->backend], at->name);
	}
}

static int write_map(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct haproxy_share *share, struct err *err)
{
	bool together = haproxy_write_commits(t) && v != NULL;
	if (share->to_bp % PERMILLE_BP != 0)
		return err_set(err, ERR_LIMIT,
			"%.2f %% cannot be set: the map counts tenths of a percent", share->to_bp / 100.0);
	bool can = together && check_commit(t, v, share, err) == 0;
	if (together && !can && !share->brakes)
		return -1;
	put_v1_back(s, t, v, share->to_bp);
	if (can)
		commit(s, t, v, share);
	else
		set_one_by_one(s, t, v, share);
	return 0;
}

bool haproxy_write_commits(const struct haproxy_target *t)
{
	return t->keys.count > 1;
}

/* ---- by weights ---- */

static void write_group(struct haproxy_session *s, const struct haproxy_target *t, enum arm arm,
	const struct haproxy_view *v, int weight)
{
	const struct haproxy_group *g = &t->servers[arm];
	bool put_back = arm == ARM_V1 && weight > 0 && v1_is_out(t, v);
	for (int i = 0; i < g->count; i++) {
		const char *name = g->name[i];
		const struct haproxy_server *at = server_of(v, arm, name);
		bool through = weight > 0 && at != NULL && goes_through(at);
		if (through)
			haproxy_session_ask(s, "set server %s/%s state maint", t->key, name);
		haproxy_session_ask(s, "set server %s/%s weight %d", t->key, name, weight);
		if (through || put_back)
			haproxy_session_ask(s, "set server %s/%s state ready", t->key, name);
	}
}

static void count_active(
	int servers[ARM_COUNT], const struct haproxy_target *t, const struct haproxy_view *v)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		servers[arm] = v != NULL ? haproxy_view_active(&v->arms[arm]) : t->servers[arm].count;
}

static int refuse_weights(const int servers[ARM_COUNT], int to_bp, struct err *err)
{
	int weight[ARM_COUNT], least_bp, most_bp;
	int near_bp = haproxy_split_weights(weight, servers, to_bp);
	haproxy_split_range(&least_bp, &most_bp, servers);
	return err_set(err, ERR_LIMIT,
		"weights of %d and %d servers cannot give %.2f %%: the nearest is %.2f %%; in tenths of a "
		"percent they reach %.2f %% to %.2f %%, and 0 and 100 %%",
		servers[ARM_V1], servers[ARM_V2], to_bp / 100.0, near_bp / 100.0, least_bp / 100.0,
		most_bp / 100.0);
}

static int write_weights(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct haproxy_share *share, struct err *err)
{
	int weight[ARM_COUNT], servers[ARM_COUNT], to_bp = share->to_bp;
	count_active(servers, t, v);
	if (!haproxy_split_reaches(servers, to_bp))
		return refuse_weights(servers, to_bp, err);
	if (share->note != NULL)
		add_note(s, t, v, share->note);
	if (share->releases && v != NULL)
		release(s, t, v);
	haproxy_split_weights(weight, servers, to_bp);
	bool rises = v != NULL && to_bp > v->share_bp;
	enum arm first = rises ? ARM_V2 : ARM_V1, second = rises ? ARM_V1 : ARM_V2;
	write_group(s, t, first, v, weight[first]);
	write_group(s, t, second, v, weight[second]);
	bool leaves = to_bp == 0 && v1_can_serve(v);
	for (int i = 0; leaves && i < t->servers[ARM_V2].count; i++)
		haproxy_session_ask(
			s, "set server %s/%s state maint", t->key, t->servers[ARM_V2].name[i]);
	return 0;
}

int haproxy_write_floor(const struct haproxy_target *t, const struct haproxy_view *v, int to_bp)
{
	int servers[ARM_COUNT];
	if (t->way == HAPROXY_MAP)
		return to_bp - to_bp % PERMILLE_BP;
	count_active(servers, t, v);
	return haproxy_split_floor(servers, to_bp);
}

int haproxy_write_share(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct haproxy_share *share, struct err *err)
{
	return t->way == HAPROXY_MAP ? write_map(s, t, v, share, err)
								 : write_weights(s, t, v, share, err);
}

/* ---- notes ---- */

static int no_notes(const char *what, const char *instead, struct err *err)
{
	return err_set(err, ERR_LIMIT,
		"weights alone cannot keep a %s: add &map=FILE to the target, a map that HAProxy loads, "
		"or %s",
		what, instead);
}

static int write_hold(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct command *c, struct instant now, struct err *err)
{
	struct text key = {0};
	(void)err;
	if (v->map.held)
		return 0;
	haproxy_note_hold(&key, t->key, c->actor);
	haproxy_session_ask(
		s, "add map %s %s %lld", t->map, text_str(&key), (long long)now.wall_ms);
	text_free(&key);
	return 0;
}

static int write_resume(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct command *c, struct instant now, struct err *err)
{
	(void)c, (void)now, (void)err;
	release(s, t, v);
	return 0;
}

static int write_disarm(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct command *c, struct instant now, struct err *err)
{
	(void)c, (void)now, (void)err;
	if (v->map.armed)
		haproxy_session_ask(s, "del map %s %s", t->map, v->map.arm_key);
	return 0;
}

/* Over an open migration the plan changes, the baseline stays. */
static int baseline_of(const struct haproxy_view *v, const struct command *c)
{
	int open_bp = v->map.armed ? v->map.baseline_permille * PERMILLE_BP : -1;
	if (open_bp >= 0 && open_bp != v->share_bp)
		return open_bp;
	return c->baseline_bp >= 0 ? c->baseline_bp : v->share_bp;
}

static int write_arm(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct command *c, struct instant now, struct err *err)
{
	struct text key = {0};
	int baseline_bp = baseline_of(v, c);
	if (baseline_bp % PERMILLE_BP != 0)
		return err_set(err, ERR_LIMIT,
			"a baseline of %.2f %% cannot be kept: notes count tenths of a percent",
			baseline_bp / 100.0);
	if (haproxy_write_floor(t, v, baseline_bp) != baseline_bp)
		return err_set(err, ERR_LIMIT,
			"no weights of these servers give %.2f %%: a rollback could not go back to it; step to "
			"a share that they reach, then arm",
			baseline_bp / 100.0);
	write_disarm(s, t, v, c, now, err);
	haproxy_note_arm(&key, t->key, c->plan_hash);
	haproxy_session_ask(
		s, "add map %s %s %d", t->map, text_str(&key), baseline_bp / PERMILLE_BP);
	text_free(&key);
	return 0;
}

/* ---- drain ---- */

static bool is_meant(const struct drain *d, enum arm arm, int index)
{
	const struct worker_row row = {.arm = arm, .index = index};
	return drain_means(d, &row);
}

static int check_drain(const struct haproxy_view *v, const struct command *c, struct err *err)
{
	int meant = 0, stay = 0;
	const struct haproxy_arm *a = &v->arms[c->drain.arm];
	char word[DRAIN_WORD_MAX];
	drain_write(word, &c->drain);
	for (int i = 0; i < a->count; i++) {
		bool is = is_meant(&c->drain, c->drain.arm, i);
		meant += is;
		stay += !is && a->server[i].ready;
	}
	int share_bp = c->drain.arm == ARM_V2 ? v->share_bp : SHARE_FULL - v->share_bp;
	if (c->drain.residents || meant == 0)
		return err_set(err, ERR_LIMIT, "no server is \"%s\"", word);
	if (c->drains && stay == 0 && share_bp > 0)
		return err_set(err, ERR_LIMIT,
			"\"%s\" is all that serves %s, which has %.1f %% of the traffic: step first", word,
			arm_name(c->drain.arm), share_bp / 100.0);
	return 0;
}

static int write_drain(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct command *c, struct instant now, struct err *err)
{
	const struct haproxy_arm *a = &v->arms[c->drain.arm];
	(void)now;
	if (check_drain(v, c, err) != 0)
		return -1;
	for (int i = 0; i < a->count; i++)
		if (is_meant(&c->drain, c->drain.arm, i) && haproxy_is_name(a->server[i].name))
			haproxy_session_ask(s, "set server %s/%s state %s",
				t->backends[c->drain.arm].name[a->server[i].backend], a->server[i].name,
				c->drains ? "drain" : "ready");
	return 0;
}

/* Without a map what has no name here is kept by this process alone. */
static const struct {
	int (*write)(struct haproxy_session *s, const struct haproxy_target *t,
		const struct haproxy_view *v, const struct command *c, struct instant now,
		struct err *err);
	/* What it is called, and what can be done without a map; NULL: it is none */
	const char *note, *instead;
} others[VERB_COUNT] = {
	[VERB_HOLD] = {write_hold, "hold", "roll back"},
	[VERB_ADOPT] = {write_hold, NULL, NULL}, /* what it takes for asked is in the history */
	[VERB_RESUME] = {write_resume, NULL, NULL},
	[VERB_ARM] = {write_arm, "baseline", "step without a plan"},
	[VERB_DISARM] = {write_disarm, NULL, NULL},
	[VERB_DRAIN] = {write_drain, NULL, NULL},
};

int haproxy_write_other(struct haproxy_session *s, const struct haproxy_target *t,
	const struct haproxy_view *v, const struct command *c, struct instant now, struct err *err)
{
	if (c->verb == VERB_FINALIZE)
		return err_set(err, ERR_LIMIT,
			"HAProxy has nothing that would refuse a way back: the migration ends when v1's servers "
			"leave its configuration");
	if (others[c->verb].write == NULL)
		return err_set(err, ERR_LIMIT, "HAProxy has nothing that \"%s\" could change",
			verb_row(c->verb)->word);
	if (c->verb == VERB_DRAIN || t->map[0] != '\0')
		return others[c->verb].write(s, t, v, c, now, err);
	if (others[c->verb].note == NULL)
		return 0;
	return no_notes(others[c->verb].note, others[c->verb].instead, err);
}
