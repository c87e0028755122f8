/* Notices: what is an event, whose it is, and when a command tells of it. Not a queue: while a
 * command of a pool runs, one more event of it waits, and is told as things stand then. How a
 * command runs is child.c's. */
#include "tui/notify.h"

#include "model/mem.h"
#include "model/text.h"
#include "tui/child.h"
#include "tui/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct telling {
	bool is_known, is_bad, due, shown;
	bool told;         /* of the last time that it was bad */
	int64_t better_ms; /* boot time since which it is better */
	struct child child;
};

struct notify {
	struct notify_config how;
	bool recorder;
	int begun, failed;
	char complaint[200];
	int pool_count;
	struct telling *pools;
};

enum notify_terminal notify_terminal_of(const char *term, const char *program)
{
	static const struct {
		const char *name;
		bool is_program;
		enum notify_terminal how;
	} known[] = {
		{"iTerm.app", true, NOTIFY_OSC9},
		{"WezTerm", true, NOTIFY_OSC777},
		{"ghostty", true, NOTIFY_OSC777},
		{"xterm-ghostty", false, NOTIFY_OSC777},
		{"xterm-kitty", false, NOTIFY_OSC9},
		{"foot", false, NOTIFY_OSC777},
		{"foot-extra", false, NOTIFY_OSC777},
		{"contour", false, NOTIFY_OSC777},
		{"rxvt-unicode", false, NOTIFY_OSC777},
		{"rxvt-unicode-256color", false, NOTIFY_OSC777},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const char *is = known[i].is_program ? program : term;
		if (is && strcmp(is, known[i].name) == 0)
			return known[i].how;
	}
	return NOTIFY_NEVER;
}

struct notify *notify_new(const struct notify_config *how, int pool_count, bool recorder)
{
	struct notify *n = mem_new(1, sizeof *n);
	n->how = *how;
	n->how.command = how->command ? mem_copy(how->command) : NULL;
	n->recorder = recorder;
	n->pool_count = pool_count;
	n->pools = mem_new((size_t)pool_count, sizeof *n->pools);
	for (int i = 0; i < pool_count; i++)
		n->pools[i].child = CHILD_NONE;
	return n;
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	for (int i = 0; i < n->pool_count; i++)
		child_let_go(&n->pools[i].child);
	free(n->pools);
	free(n->how.command);
	free(n);
}

/* ---- commands ---- */

static void complain(struct notify *n, const char *what)
{
	n->failed++;
	snprintf(n->complaint, sizeof n->complaint, "notify: '%.80s' %.80s", n->how.command, what);
	text_mend(n->complaint);
}

static void begin(struct notify *n, struct telling *t, const struct model *m,
	const struct pool *p, struct instant now)
{
	char headline[sizeof p->standing.headline.text];
	char *argv[] = {n->how.command, headline, NULL};
	struct text facts = {0};
	text_copy(headline, sizeof headline, p->standing.headline.text);
	t->due = false;
	t->told = true;
	n->begun++;
	facts_json(&facts, m, p);
	text_add(&facts, "\n");
	int error = child_begin(&t->child, argv, &facts, false, NOTIFY_MOST_MS, now);
	if (error)
		complain(n, strerror(error));
}

static void follow(struct notify *n, struct telling *t, struct instant now)
{
	char why[CHILD_WHY_MAX];
	if (child_turn(&t->child, now, why) && why[0])
		complain(n, why);
}

/* ---- events ---- */

/* Whoever owns the guard tells. Where the pool guards itself, or nobody does, a console tells,
 * unless a recorder here stands behind. */
static bool is_ours(const struct notify *n, const struct pool *p)
{
	return n->recorder ? p->owner_line.mine : !p->owner_line.held;
}

static void look(
	struct telling *t, const struct notify *n, const struct pool *p, struct instant now)
{
	static const enum level levels[] = {
#define X(name, word, level) [NOTIFY_ON_##name] = level,
		NOTIFY_ON_INFO(X)
#undef X
	};
	bool bad = p->standing.headline.level >= levels[n->how.on];
	/* A person who comes sees what is so; who records alone tells it. */
	if (!n->recorder && !t->is_known) {
		t->is_known = p->standing.freshness != FRESHNESS_NEVER;
		t->is_bad = t->shown = bad;
		return;
	}
	if (!bad && t->is_bad)
		t->better_ms = now.boot_ms;
	bool again = !t->told || now.boot_ms - t->better_ms >= NOTIFY_QUIET_MS;
	if (bad && !t->is_bad && again) {
		t->due = true;
		t->shown = false;
	}
	t->is_bad = bad;
}

void notify_turn(struct notify *n, const struct model *m, struct instant now)
{
	for (int i = 0; i < n->pool_count; i++) {
		struct telling *t = &n->pools[i];
		const struct pool *p = &m->pools[i];
		look(t, n, p, now);
		if (t->child.pid)
			follow(n, t, now);
		/* A recorder may still be taking the guard; a console leaves it to who guarded. */
		if (!t->is_bad || (!n->recorder && !is_ours(n, p)))
			t->due = false;
		if (t->due && !t->child.pid && n->how.command && is_ours(n, p))
			begin(n, t, m, p, now);
	}
}

bool notify_event(struct notify *n, const struct model *m, const struct pool **out)
{
	for (int i = 0; i < n->pool_count; i++) {
		if (!n->pools[i].is_bad || n->pools[i].shown)
			continue;
		n->pools[i].shown = true;
		*out = &m->pools[i];
		return true;
	}
	return false;
}

bool notify_complaint(struct notify *n, char *out, size_t size)
{
	if (!n->complaint[0])
		return false;
	text_copy(out, size, n->complaint);
	n->complaint[0] = 0;
	return true;
}

int notify_begun(const struct notify *n)
{
	return n->begun;
}

int notify_failed(const struct notify *n)
{
	return n->failed;
}
