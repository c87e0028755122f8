/* The lines of a brief, a function a part. What somebody must look after has a role that says
 * so: the screen is coloured by it, the text has the words. */
#include "tui/brief.h"

#include "history/page_row.h"
#include "model/approving.h"
#include "model/forced.h"
#include "model/mem.h"
#include "model/reconcile.h"
#include "tui/asked.h"
#include "tui/facts.h"
#include "tui/timeline.h"
#include "tui/way_back.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL 11                        /* columns of plain text before the lines */
#define REASONS 3                       /* decisions without a reason that are named */
#define NODES 8                         /* lines of the way back */
#define REMEMBERED (POOL_DECISIONS / 2) /* so many a process that only looks knows */

static const char *const words[BRIEF_COUNT] = {
#define X(name, word) [BRIEF_##name] = word,
	BRIEF_INFO(X)
#undef X
};

const char *brief_word(enum brief_part part)
{
	return words[part];
}

static void add(struct brief *b, enum brief_part part, enum role role, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void add(struct brief *b, enum brief_part part, enum role role, const char *format, ...)
{
	struct text t = {0};
	va_list args;
	va_start(args, format);
	text_addv(&t, format, args);
	va_end(args);
	mem_grow(&b->line, &b->cap, b->count + 1, sizeof *b->line);
	b->line[b->count++] = (struct brief_line){part, role, text_take(&t)};
}

void brief_release(struct brief *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->line[i].text);
	free(b->line);
	*b = (struct brief){0};
}

void brief_since(struct brief_how *how, int64_t left_ms)
{
	how->left = left_ms != UNKNOWN;
	how->since_ms = how->left ? left_ms : how->now.wall_ms - BRIEF_DEFAULT_MS;
}

/* ---- how it stands ---- */

static void write_standing(struct brief *b, const struct brief_how *how)
{
	const struct pool *p = how->pool;
	const struct standing *s = &p->standing;
	char at[32], age[24] = "", asked[16], says[16], seen[16], n[32];
	enum level level = s->headline.level;
	unit_rfc3339(at, sizeof at, how->now.wall_ms);
	unit_share(asked, sizeof asked, s->intended_bp);
	unit_share(says, sizeof says, s->reported_bp);
	unit_share(seen, sizeof seen, s->measured_bp);
	unit_count(n, sizeof n, s->measured_n);
	if (s->age_ms != UNKNOWN)
		unit_age(age, sizeof age, s->age_ms);
	add(b, BRIEF_HEADLINE,
		level == LEVEL_ACT        ? ROLE_FAIL
			: level == LEVEL_LOOK ? ROLE_WARN
								  : ROLE_STRONG,
		"%s", s->headline.text);
	add(b, BRIEF_POOL, ROLE_TEXT, "%s%s%s, %s; news %s%s%s, at %.19sZ", p->env,
		p->env[0] ? " " : "", p->name, s->state_text, freshness_name(s->freshness),
		age[0] ? " " : "", age, at);
	add(b, BRIEF_SHARE, ROLE_TEXT, "asked %s, pool says %s, seen %s of %s requests", asked,
		says, seen, n);
}

/* ---- the plan ---- */

static void write_step(
	struct brief *b, const struct timeline *t, int row, const struct brief_how *how)
{
	const struct timeline_row *r = &t->row[row];
	char share[16], when[32], state[400], from[40];
	unit_share(share, sizeof share, r->share_bp);
	timeline_when(when, sizeof when, r->at_ms, how->now.wall_ms);
	timeline_state(state, sizeof state, t, row, how->pool, how->now);
	bool comes = r->is >= TIMELINE_NEXT;
	snprintf(from, sizeof from, "%s%s", comes && r->at_ms != UNKNOWN ? "from " : "", when);
	add(b, BRIEF_PLAN, ROLE_TEXT, "%s%6s  %-15s  %s%s%s",
		r->is == TIMELINE_NOW ? "now " : "    ", share, from,
		comes || !r->taken ? "" : r->taken->actor, comes || !r->taken ? "" : ": ", state);
}

/* When raises are closed, as far as it is not over. */
static void write_calendar(struct brief *b, const struct brief_how *how)
{
	const struct plan *p = &how->pool->plan;
	char from[40], until[40];
	if (p->hours[0])
		add(b, BRIEF_PLAN, ROLE_TEXT, "    raises only %s", p->hours);
	for (int i = 0; i < p->calendar.freeze_count; i++) {
		const struct calendar_freeze *f = &p->calendar.freeze[i];
		if (f->until_ms <= how->now.wall_ms)
			continue;
		calendar_when(from, sizeof from, &p->calendar, f->from_ms, how->now.wall_ms);
		calendar_when(until, sizeof until, &p->calendar, f->until_ms, how->now.wall_ms);
		add(b, BRIEF_PLAN, f->from_ms <= how->now.wall_ms ? ROLE_WARN : ROLE_TEXT,
			"    frozen %s to %s%s%s", from, until, f->why[0] ? ": " : "", f->why);
	}
}

static void write_plan(struct brief *b, const struct brief_how *how)
{
	struct timeline t;
	char over[32];
	timeline_of(&t, how->pool, how->now);
	if (t.count == 0) {
		add(b, BRIEF_PLAN, ROLE_TEXT,
			"none: steps by hand; a share stays until somebody moves it");
		return;
	}
	for (int i = 0; i < t.count; i++)
		write_step(b, &t, i, how);
	timeline_when(over, sizeof over, t.over_ms, how->now.wall_ms);
	if (t.over_ms != UNKNOWN && t.over_ms > how->now.wall_ms)
		add(b, BRIEF_PLAN, ROLE_TEXT, "    over at the earliest %s, each step taken at once",
			over);
	write_calendar(b, how);
}

/* ---- what changed ---- */

static void write_changes(struct brief *b, const struct brief_how *how)
{
	const struct pool *p = how->pool;
	char age[24], when[32];
	size_t since = 0, told = 0;
	while (since < p->decision_count &&
		p->decisions[p->decision_count - 1 - since].at_ms >= how->since_ms)
		since++;
	unit_age(age, sizeof age, how->now.wall_ms - how->since_ms);
	unit_when(when, sizeof when, how->since_ms, how->now.wall_ms);
	bool more = since == p->decision_count && since >= REMEMBERED;
	add(b, BRIEF_SINCE, ROLE_TEXT, "%s%zu change%s since %s%s%s%s%s", more ? "at least " : "",
		since, since == 1 ? "" : "s", how->left ? "you left " : "", how->left ? age : when,
		how->left ? " ago (" : "", how->left ? when : "", how->left ? ")" : "");
	for (; told < since && told < how->changes; told++) {
		struct text t = {0};
		facts_decision(&t, &p->decisions[p->decision_count - 1 - told], how->now.wall_ms);
		add(b, BRIEF_SINCE, ROLE_REMOTE, "%s", text_str(&t));
		text_free(&t);
	}
	if (told < since && how->changes > 0)
		add(b, BRIEF_SINCE, ROLE_DIM, "and %zu before those: weir log", since - told);
}

/* ---- what is open ---- */

/* "step 1 > 10 % of kim at 14:00:11" */
static void name_decision(
	struct text *out, const struct decision *d, const struct brief_how *how)
{
	char from[16], to[16], when[32];
	unit_share(from, sizeof from, d->from_bp);
	unit_share(to, sizeof to, d->to_bp);
	unit_when(when, sizeof when, d->at_ms, how->now.wall_ms);
	text_addf(out, "%s", verb_row(d->verb)->word);
	if (d->verb == VERB_STEP || d->verb == VERB_ROLLBACK)
		text_addf(out, " %.*s > %s", (int)strcspn(from, " "), from, to);
	text_addf(out, " of %s at %s", d->actor, when);
}

/* A note names what it is about by its id. */
static bool is_noted(const struct pool *p, const struct decision *d)
{
	char re[DECISION_ID_MAX + 8];
	int len = snprintf(re, sizeof re, PAGE_NOTE_RE "%s: ", d->id);
	for (size_t i = 0; i < p->decision_count; i++)
		if (p->decisions[i].verb == VERB_ANNOTATE &&
			strncmp(p->decisions[i].reason, re, (size_t)len) == 0)
			return true;
	return false;
}

/* A person moved the share, and nobody knows why. */
static bool lacks_reason(const struct pool *p, const struct decision *d)
{
	return (d->verb == VERB_STEP || d->verb == VERB_ROLLBACK) &&
		d->outcome == OUTCOME_APPLIED && strcmp(d->role, "operator") == 0 && !d->reason[0] &&
		!is_noted(p, d);
}

static void write_undecided(struct brief *b, const struct brief_how *how)
{
	const struct pool *p = how->pool;
	for (size_t i = p->decision_count; i-- > 0;) {
		const struct decision *d = &p->decisions[i];
		struct text t = {0};
		name_decision(&t, d, how);
		if (d->outcome == OUTCOME_UNRESOLVED)
			add(b, BRIEF_OPEN, ROLE_FAIL, "UNRESOLVED: %s; nobody knows whether it took",
				text_str(&t));
		else if (decision_is_open(d))
			add(b, BRIEF_OPEN, ROLE_WARN, "under way: %s", text_str(&t));
		else if (decision_awaits_verification(d))
			add(b, BRIEF_OPEN, ROLE_FAIL, "UNVERIFIED: %s; not seen on every node",
				text_str(&t));
		text_free(&t);
	}
}

static void write_unreasoned(struct brief *b, const struct brief_how *how)
{
	const struct pool *p = how->pool;
	size_t found = 0, told = 0, most = how->page ? REASONS : 1;
	for (size_t i = 0; i < p->decision_count; i++)
		found += lacks_reason(p, &p->decisions[i]);
	for (size_t i = p->decision_count; i-- > 0 && told < most;) {
		const struct decision *d = &p->decisions[i];
		struct text t = {0};
		if (!lacks_reason(p, d))
			continue;
		name_decision(&t, d, how);
		told++;
		if (told == most && found > told)
			text_addf(&t, ", and %zu more", found - told);
		add(b, BRIEF_OPEN, ROLE_WARN, "no reason: %s%s", text_str(&t),
			told == 1 ? " (6, A)" : "");
		text_free(&t);
	}
}

static void write_red(struct brief *b, const struct brief_how *how)
{
	const struct guard_latch *l = &how->pool->latch;
	char when[32];
	if (!l->red)
		return;
	unit_when(when, sizeof when, l->since_wall_ms, how->now.wall_ms);
	const char *word = l->by_pool ? how->pool->standing.pool_guard.word : l->word;
	add(b, BRIEF_OPEN, ROLE_FAIL, "RED since %s: %s; U accepts it", when,
		word[0] ? word : metric_name(l->metric));
}

static void write_nodes(struct brief *b, const struct pool *p)
{
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (n->trouble.code != ERR_NONE)
			add(b, BRIEF_OPEN, ROLE_FAIL, "%s %s", err_name(n->trouble.code), n->trouble.text);
	}
}

/* v2 has a share, and no decision that is known here gave it that. */
static void write_origin(struct brief *b, const struct brief_how *how)
{
	const struct pool *p = how->pool;
	const struct snapshot *last = p->nodes[0].last;
	char says[16], age[24];
	if (p->standing.reported_bp <= 0 ||
		reconcile_intended_bp(p->decisions, p->decision_count) >= 0)
		return;
	unit_share(says, sizeof says, p->standing.reported_bp);
	if (!last || !last->change.known || last->change.age_ms == UNKNOWN) {
		add(b, BRIEF_OPEN, ROLE_WARN,
			"%s of unknown origin: no decision is known here, and the pool names nobody", says);
		return;
	}
	unit_age(age, sizeof age, last->change.age_ms);
	add(b, BRIEF_OPEN, ROLE_WARN,
		"%s of unknown origin: no decision is known here; the pool names %s, %s ago", says,
		last->change.actor[0] ? last->change.actor : "nobody", age);
}

/* Who waits for another person's word, and how it is given. */
static void write_asks(struct brief *b, const struct brief_how *how)
{
	const struct pool *p = how->pool;
	for (size_t i = 0; i < p->decision_count; i++) {
		const struct decision *d = &p->decisions[i];
		char what[160];
		if (d->verb != VERB_ASK || !approving_stands(how->model, p, d))
			continue;
		asked_what(what, sizeof what, d);
		add(b, BRIEF_OPEN, ROLE_WARN, "%s asks for %s: weir approve %s %s", d->actor, what,
			p->name, d->id);
	}
}

/* What was done past checks in this migration, by whom and why. */
static void write_forced(struct brief *b, const struct brief_how *how)
{
	const struct decision *done[FORCED_TOLD];
	int n = forced_find(how->pool, done, FORCED_TOLD);
	for (int i = 0; i < n && i < FORCED_TOLD; i++) {
		struct text t = {0};
		forced_say(&t, done[i], how->now.wall_ms);
		add(b, BRIEF_OPEN, ROLE_WARN, "BREAK-GLASS: %s", text_str(&t));
		text_free(&t);
	}
	if (n > FORCED_TOLD)
		add(b, BRIEF_OPEN, ROLE_WARN, "BREAK-GLASS: %d times more before those: weir log",
			n - FORCED_TOLD);
}

static void write_open(struct brief *b, const struct brief_how *how)
{
	const struct standing *s = &how->pool->standing;
	size_t before = b->count;
	char asked[16], says[16], partial[16];
	unit_share(asked, sizeof asked, s->intended_bp);
	unit_share(says, sizeof says, s->reported_bp);
	unit_share(partial, sizeof partial, s->partial_bp);
	write_forced(b, how);
	write_red(b, how);
	write_undecided(b, how);
	write_nodes(b, how->pool);
	if (s->diverged)
		add(b, BRIEF_OPEN, ROLE_FAIL, "DIVERGED: the pool says %s, asked %s; nobody decided it",
			says, asked);
	write_origin(b, how);
	if (s->partial)
		add(b, BRIEF_OPEN, ROLE_WARN, "PARTIAL: %d of %d nodes took %s", s->nodes_took,
			how->pool->node_count, partial);
	if (s->hold.on)
		add(b, BRIEF_OPEN, ROLE_WARN, "held by %s%s%s%s", s->hold.actor,
			s->hold.reason[0] ? ": \"" : ", no reason given", s->hold.reason,
			s->hold.reason[0] ? "\"" : "");
	if (s->went_back)
		add(b, BRIEF_OPEN, ROLE_WARN,
			"the pool took back a raise that nobody kept; U accepts it");
	if (s->blind)
		add(b, BRIEF_OPEN, ROLE_WARN, "the guard has no data: it holds");
	write_asks(b, how);
	write_unreasoned(b, how);
	if (b->count == before)
		add(b, BRIEF_OPEN, ROLE_TEXT, "nothing");
}

/* ---- what happens by itself, and the way back ---- */

static void write_itself(struct brief *b, const struct brief_how *how)
{
	const struct standing *s = &how->pool->standing;
	char back[16], when[32], left[24];
	unit_share(back, sizeof back, s->kept_bp);
	unit_countdown(left, sizeof left, s->keep.left_ms);
	if (s->freshness == FRESHNESS_NEVER) {
		add(b, BRIEF_ITSELF, ROLE_WARN, "not known: the pool has said nothing");
		return;
	}
	if (s->keep.on && s->keep.left_ms == UNKNOWN) {
		add(b, BRIEF_ITSELF, ROLE_TEXT, "nothing goes back while it is held");
	} else if (s->keep.on) {
		bool reverts = orphan_at(s->keep.on_orphan, s->reported_bp) == ORPHAN_REVERT;
		timeline_when(when, sizeof when, how->now.wall_ms + s->keep.left_ms, how->now.wall_ms);
		add(b, BRIEF_ITSELF, ROLE_WARN, "%s%s at %s, in %s, unless it is kept",
			reverts ? "back to " : "held", reverts ? back : "", when, left);
	}
	bool nobody = s->owner == OWNER_NONE && s->reported_bp > s->baseline_bp;
	add(b, BRIEF_ITSELF, nobody ? ROLE_WARN : ROLE_TEXT, "%s%s%s", s->guard_text,
		s->keep.on ? "" : "; if all leave: ", s->keep.on ? "" : s->leave_text);
	if (how->page)
		add(b, BRIEF_ITSELF, ROLE_TEXT, "no step is taken by itself");
}

static void write_way_back(struct brief *b, const struct brief_how *how)
{
	const struct pool *p = how->pool;
	char to[16];
	struct text line = {0}, before = {0};
	if (p->standing.baseline_bp < 0)
		text_copy(to, sizeof to, "the baseline");
	else
		unit_share(to, sizeof to, p->standing.baseline_bp);
	if (p->finalized) {
		char by[FINISHED_TEXT_MAX];
		pool_finished(by, sizeof by, p);
		add(b, BRIEF_WAY_BACK, ROLE_TEXT, "none: the migration is finished%s%s",
			by[0] ? ", " : "", by);
		return;
	}
	if (p->standing.drilled.age_ms != UNKNOWN) {
		char drilled[48];
		drill_text(drilled, sizeof drilled, &p->standing.drilled);
		add(b, BRIEF_WAY_BACK, ROLE_TEXT, "last drill %s", drilled);
	}
	if (!how->page) {
		add(b, BRIEF_WAY_BACK, ROLE_TEXT,
			"R y: to %s; `weir brief` prints the line that does it without weir", to);
		return;
	}
	add(b, BRIEF_WAY_BACK, ROLE_TEXT,
		"to %s: R in the console, or weir rollback %s; without weir:", to, p->name);
	for (int k = 0; k < p->node_count && k < NODES; k++) {
		text_clear(&line);
		way_back_line(&line, &p->nodes[k], how->token_file);
		if (k > 0 && strcmp(text_str(&line), text_str(&before)) == 0)
			continue; /* one line is for all nodes */
		text_clear(&before);
		text_add(&before, text_str(&line));
		add(b, BRIEF_WAY_BACK, ROLE_TEXT, "%s",
			line.len ? text_str(&line) : "none: this pool lives in its console");
	}
	if (p->node_count > NODES)
		add(b, BRIEF_WAY_BACK, ROLE_TEXT, "and %d nodes more: weir doctor prints all",
			p->node_count - NODES);
	text_free(&line);
	text_free(&before);
}

/* ---- the whole ---- */

void brief_write(struct brief *out, const struct brief_how *how)
{
	if (how->page) {
		write_standing(out, how);
		write_plan(out, how);
	}
	write_changes(out, how);
	write_open(out, how);
	write_itself(out, how);
	write_way_back(out, how);
}

void brief_plain(struct text *out, const struct brief *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct brief_line *l = &b->line[i];
		bool first = i == 0 || b->line[i - 1].part != l->part;
		if (l->part != BRIEF_HEADLINE)
			text_addf(out, "%-*s", LABEL, first ? words[l->part] : "");
		text_addf(out, "%s\n", l->text);
	}
}

/* One blank for several: what aligns columns is no part of a string. */
static void json_line(struct text *out, const char *line)
{
	struct text t = {0};
	for (line += strspn(line, " "); *line; line++)
		if (*line != ' ' || (line[1] && line[1] != ' '))
			text_add_n(&t, line, 1);
	text_add_json(out, text_str(&t));
	text_free(&t);
}

/* A part's name in JSON: "by_itself". */
static void json_part(struct text *out, const struct brief *b, enum brief_part part)
{
	char name[24];
	bool first = true;
	text_copy(name, sizeof name, part == BRIEF_HEADLINE ? "headline" : words[part]);
	for (char *at = name; *at; at++)
		*at = *at == ' ' ? '_' : *at;
	text_json_key(out, name);
	text_add(out, "[");
	for (size_t i = 0; i < b->count; i++) {
		if (b->line[i].part != part)
			continue;
		text_add(out, first ? "" : ",");
		json_line(out, b->line[i].text);
		first = false;
	}
	text_add(out, "]");
}

void brief_json(struct text *out, const struct brief *b, const struct brief_how *how)
{
	char at[32];
	text_add(out, "{");
	text_json_str(out, "schema", "weir.brief/1");
	text_json_str(out, "name", how->pool->name);
	text_json_str(out, "level", level_name(how->pool->standing.headline.level));
	unit_rfc3339(at, sizeof at, how->now.wall_ms);
	text_json_str(out, "at", at);
	unit_rfc3339(at, sizeof at, how->since_ms);
	text_json_str(out, "since_at", at);
	for (int part = 0; part < BRIEF_COUNT; part++)
		json_part(out, b, (enum brief_part)part);
	text_add(out, "}");
}
