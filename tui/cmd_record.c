/* weir record: poll, judge and write down without a screen. It commands only with --guard: what
 * a desk does by itself. */
#include "model/mem.h"
#include "tui/commands.h"
#include "tui/facts.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINUTE_MS 60000
#define SURE_MS 1000 /* how long what is said of the guard has been so */

/* What a recorder that was asked to guard can do for a pool. */
enum guarding {
	GUARDS_UNKNOWN,
	GUARDS_BEHIND,
	GUARDS,
	GUARDS_UNPLANNED,
	GUARDS_TAKEN,
	GUARDS_NOT
};

struct duty {
	enum guarding is, told;
	int64_t since_ms; /* boot time */
};

struct recording {
	struct setup s;
	const struct options *o;
	int64_t for_ms; /* UNKNOWN: until a signal */
	int64_t end_ms, said_ms;
	bool terminal, gap, stopped;
	bool written;          /* the history could be written at some time */
	bool *strange;         /* one a pool: it was said that another one answers there */
	struct duty *duties;   /* one a pool; NULL: not asked to guard */
	struct notify *notify; /* the same */
};

/* Before the first answer only trouble is a gap. */
static bool is_silent(const struct pool *p)
{
	if (p->standing.freshness != FRESHNESS_NEVER)
		return p->standing.freshness >= FRESHNESS_STALE;
	for (int k = 0; k < p->node_count; k++)
		if (p->nodes[k].trouble.code != ERR_NONE)
			return true;
	return false;
}

static bool any_gap(const struct recording *r)
{
	const struct model *m = desk_model(r->s.desk);
	for (int i = 0; i < m->pool_count; i++)
		if (is_silent(&m->pools[i]))
			return true;
	return false;
}

/* On a terminal one line that is rewritten; elsewhere a line a minute. */
static void say(struct recording *r, struct instant now)
{
	if (r->o->progress && strcmp(r->o->progress, "never") == 0)
		return;
	int64_t every = r->terminal ? 1000 : MINUTE_MS;
	if (now.boot_ms - r->said_ms < every)
		return;
	r->said_ms = now.boot_ms;
	const struct model *m = desk_model(r->s.desk);
	for (int i = 0; i < m->pool_count; i++) {
		struct text t = {0};
		facts_line(&t, &m->pools[i]);
		fprintf(stderr, r->terminal && m->pool_count == 1 ? "\r\033[K%.100s" : "%s\n",
			text_str(&t));
		text_free(&t);
	}
	fflush(stderr);
}

/* ---- the guard ---- */

static enum guarding guarding(const struct pool *p)
{
	if (!p->pool_id[0])
		return GUARDS_UNKNOWN;
	if (!p->has_plan)
		return GUARDS_UNPLANNED;
	if (p->owner_line.held && !p->owner_line.mine)
		return GUARDS_TAKEN;
	if (!p->owner_line.mine)
		return GUARDS_NOT;
	return p->standing.owner == OWNER_POOL ? GUARDS_BEHIND : GUARDS;
}

static void tell_guarding(const struct pool *p, enum guarding is)
{
	const char *by = p->owner_line.actor[0] ? p->owner_line.actor : "another process";
	switch (is) {
	case GUARDS_UNKNOWN:
		return;
	case GUARDS_BEHIND:
		fprintf(stderr,
			"weir: '%s' guards itself; this recorder keeps raises and carries rollbacks on\n",
			p->name);
		return;
	case GUARDS:
		fprintf(stderr, "weir: guards '%s'\n", p->name);
		return;
	case GUARDS_UNPLANNED:
		fprintf(stderr, "weir: '%s' has no plan: there is nothing to guard by\n", p->name);
		return;
	case GUARDS_TAKEN:
		fprintf(stderr,
			"weir: %s '%s' is guarded by %s on this host already: only recording, until that "
			"ends\n",
			err_name(ERR_LOCKED), p->name, by);
		return;
	case GUARDS_NOT:
		fprintf(stderr,
			"weir: %s '%s' is not guarded: its lock cannot be made; WEIR_LOCK_DIR says where\n",
			err_name(ERR_FILE), p->name);
		return;
	}
}

/* Said when it turns out, and when it changes. */
static void watch_duties(struct recording *r, struct instant now)
{
	const struct model *m = desk_model(r->s.desk);
	for (int i = 0; r->duties && i < m->pool_count; i++) {
		struct duty *d = &r->duties[i];
		enum guarding is = guarding(&m->pools[i]);
		if (is != d->is)
			d->since_ms = now.boot_ms;
		d->is = is;
		if (is == d->told || now.boot_ms - d->since_ms < SURE_MS)
			continue;
		d->told = is;
		if (r->terminal)
			fprintf(stderr, "\r\033[K");
		tell_guarding(&m->pools[i], is);
	}
}

/* Whose rows nobody will find: said once, as soon as it answers. */
static void tell_strangers(struct recording *r)
{
	const struct model *m = desk_model(r->s.desk);
	for (int i = 0; i < m->pool_count; i++)
		for (int k = 0; k < m->pools[i].node_count && !r->strange[i]; k++) {
			const struct node *n = &m->pools[i].nodes[k];
			r->strange[i] = n->foreign;
			if (n->foreign)
				fprintf(stderr, "%sweir: %s '%s' is not recorded: %s\n",
					r->terminal ? "\r\033[K" : "", err_name(n->trouble.code), m->pools[i].name,
					n->trouble.text);
		}
}

static void tell_others(struct recording *r, struct instant now)
{
	char said[200];
	if (!r->notify)
		return;
	notify_turn(r->notify, desk_model(r->s.desk), now);
	if (notify_complaint(r->notify, said, sizeof said))
		fprintf(stderr, "%sweir: %s\n", r->terminal ? "\r\033[K" : "", said);
}

/* ---- until it is over ---- */

static bool over(void *ctx)
{
	struct recording *r = ctx;
	struct instant now = loop_now();
	struct history *h = desk_history(r->s.desk);
	const struct model *m = desk_model(r->s.desk);
	say(r, now);
	watch_duties(r, now);
	tell_others(r, now);
	tell_strangers(r);
	r->gap |= any_gap(r);
	bool dead = m->history_known && !m->history_writable;
	r->written |= m->history_known && m->history_writable;
	/* What could never be written is no recording; later the recorder goes on, unless strict.
	 */
	r->stopped = (dead && !r->written) || (r->o->strict && (dead || history_dropped(h) > 0));
	return r->stopped || (r->for_ms != UNKNOWN && now.boot_ms >= r->end_ms);
}

static int finish(struct recording *r)
{
	struct history *h = desk_history(r->s.desk);
	const struct model *m = desk_model(r->s.desk);
	bool unwritten = (m->history_known && !m->history_writable) || history_dropped(h) > 0;
	int64_t dropped = history_dropped(h);
	char why[120], path[4096];
	text_copy(why, sizeof why, m->history_why);
	text_copy(path, sizeof path, r->s.history_path);
	if (r->terminal)
		fprintf(stderr, "\r\033[K");
	bool never = !r->written && unwritten;
	free(r->duties);
	free(r->strange);
	notify_free(r->notify);
	int64_t lost = setup_release(&r->s);
	if (never) {
		fprintf(stderr, "weir: %s history '%s' cannot be written: %s\n", err_name(ERR_HISTORY),
			path, why);
		return EXIT_FAILED;
	}
	if (unwritten || lost > 0) {
		fprintf(stderr,
			"weir: %s not everything was recorded: %s%s%lld samples dropped, %lld rows lost\n",
			err_name(ERR_NOT_RECORDED), why, why[0] ? ", " : "", (long long)dropped,
			(long long)lost);
		return EXIT_GAPS;
	}
	fprintf(stderr, "weir: recorded in %s\n", path);
	if (r->gap)
		fprintf(stderr, "weir: with gaps: not every node answered all the time\n");
	return r->gap ? EXIT_GAPS : EXIT_DONE;
}

static void begin_guarding(struct recording *r)
{
	int pools = desk_model(r->s.desk)->pool_count;
	r->duties = mem_new((size_t)pools, sizeof *r->duties);
	r->notify = notify_new(&r->s.config.notify, pools, true);
}

int cmd_record(const struct options *o)
{
	struct recording r = {.o = o, .for_ms = UNKNOWN, .terminal = isatty(STDERR_FILENO)};
	struct err err = {0};
	if (o->await && !unit_parse_duration(o->await, &r.for_ms)) {
		err_set(&err, ERR_USAGE, "--for '%s' is no duration; write 90s, 10m, 1h30m", o->await);
		return setup_fail(&err);
	}
	if (setup_init(&r.s, o, &err) < 0 ||
		setup_open(&r.s, o, o->args, o->arg_count, o->guard ? SETUP_GUARD : SETUP_RECORD, false,
			&err) < 0) {
		int status = setup_fail(&err);
		setup_release(&r.s);
		return status;
	}
	r.strange = mem_new((size_t)desk_model(r.s.desk)->pool_count, sizeof *r.strange);
	if (o->guard)
		begin_guarding(&r);
	r.said_ms = loop_now().boot_ms;
	r.end_ms = r.said_ms + (r.for_ms == UNKNOWN ? 0 : r.for_ms);
	loop_until(r.s.desk, over, &r, -1);
	return finish(&r);
}
