/* Flags at a desk: looked at each poll and for each step, by a thread of their own (lookout.c); and
 * what a recorder that guards does about the one that asks to roll back.
 *
 * 1. A file rolls back once: which one it was is in the decision's evidence, so that the next
 *    process knows it too; or, where only the pool's log told the history of it, in its reason.
 * 2. A file that lies there keeps raises closed at every desk; none but the pool's guard on this
 *    host rolls back.
 * 3. Nothing here waits. A directory that does not answer is not known, and what is not known is
 *    not open; a raise leaves only after a look that began later than it. */
#include "tui/desk_parts.h"

#include "model/text.h"
#include "tui/flag_file.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS 1000
#define AGAIN_MS 5000

static bool are_same(const struct flags *a, const struct flags *b)
{
	return strcmp(a->unknown, b->unknown) == 0 && strcmp(a->name, b->name) == 0 &&
		strcmp(a->reason, b->reason) == 0 && strcmp(a->rollback, b->rollback) == 0;
}

static void tell(struct desk *d, int pool, const struct flags *now)
{
	if (!are_same(now, &d->model.pools[pool].flags))
		desk_apply(d, &(struct model_event){.kind = MODEL_FLAGS, .pool = pool, .flags = now});
}

void flags_begin(struct desk *d)
{
	const struct flag_place place = {d->how.flags_dir, d->how.flags_named, d->how.shared};
	if (d->how.flags_dir)
		d->lookout = lookout_new(&place, flag_file_read);
}

void flags_add(struct desk *d, int pool)
{
	struct flags now = {0};
	if (!d->lookout)
		return;
	lookout_add(d->lookout, d->model.pools[pool].name);
	text_copy(now.unknown, sizeof now.unknown, "not looked at yet");
	tell(d, pool, &now);
	flags_ask(d);
}

void flags_ask(struct desk *d)
{
	if (!d->lookout)
		return;
	lookout_ask(d->lookout, d->now.boot_ms);
	d->flags_due_ms = d->now.boot_ms + LOOK_MS;
	for (int i = 0; i < d->model.pool_count; i++) {
		int64_t due_ms = d->now.boot_ms + d->model.pools[i].interval_ms;
		d->flags_due_ms = due_ms < d->flags_due_ms ? due_ms : d->flags_due_ms;
	}
}

/* For how long a look has been awaited; UNKNOWN: not long enough to say so. */
static int64_t silent_ms(const struct desk *d)
{
	int64_t since_ms = lookout_waits_ms(d->lookout);
	bool silent = since_ms != UNKNOWN && d->now.boot_ms - since_ms >= FLAGS_SILENT_MS;
	return silent ? d->now.boot_ms - since_ms : UNKNOWN;
}

static void write_silence(struct flags *out, const char *dir, int64_t ms)
{
	char clean[60], since[24];
	text_clean(clean, sizeof clean, dir, strlen(dir));
	unit_duration(since, sizeof since, ms / 1000 * 1000);
	*out = (struct flags){0};
	snprintf(out->unknown, sizeof out->unknown, "no answer for %s from '%s'", since, clean);
}

void flags_hear(struct desk *d)
{
	struct flags now;
	if (!d->lookout)
		return;
	int64_t ms = silent_ms(d), looks = lookout_looks(d->lookout);
	if (ms == UNKNOWN && looks == d->flags_heard)
		return;
	d->flags_heard = looks;
	for (int i = 0; i < d->model.pool_count; i++) {
		bool known = lookout_read(d->lookout, i, &now) != UNKNOWN;
		if (ms != UNKNOWN)
			write_silence(&now, d->how.flags_dir, ms);
		if (known || ms != UNKNOWN)
			tell(d, i, &now);
	}
}

bool flags_answered(const struct desk *d, int pool, int64_t since_ms)
{
	struct flags now;
	if (!d->lookout || silent_ms(d) != UNKNOWN)
		return true;
	int64_t as_of_ms = lookout_read(d->lookout, pool, &now);
	return as_of_ms != UNKNOWN && as_of_ms >= since_ms;
}

static void write_reason(char out[POOL_REASON_MAX], const struct flags *f)
{
	snprintf(out, POOL_REASON_MAX, FLAG_ROLE " %s%s%s", f->name, f->reason[0] ? ": " : "",
		f->reason);
	text_mend(out);
}

static bool is_for(const struct decision *what, const struct flags *f)
{
	char mark[FLAG_ID_MAX + 16], reason[POOL_REASON_MAX];
	if (what->verb != VERB_ROLLBACK)
		return false;
	snprintf(mark, sizeof mark, "\"flag\":\"%s\"", f->rollback);
	write_reason(reason, f);
	return strstr(what->evidence, mark) ||
		(what->observed && what->at_ms >= f->laid_ms && strcmp(what->reason, reason) == 0);
}

static bool is_done(const struct desk *d, int pool)
{
	const struct pool *p = &d->model.pools[pool];
	if (strcmp(d->pools[pool].flag_done, p->flags.rollback) == 0)
		return true;
	for (size_t i = 0; i < p->decision_count; i++)
		if (is_for(&p->decisions[i], &p->flags))
			return true;
	return false;
}

static void roll_back(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	struct act_request r = {.verb = VERB_ROLLBACK,
		.pool = pool,
		.to_bp = -1,
		.role = FLAG_ROLE,
		.flag = p->flags.rollback,
		.shown_epoch = p->standing.epoch,
		.shown_rev = p->standing.rev};
	struct act_result result;
	write_reason(r.reason, &p->flags);
	own->flag_due_ms = d->now.boot_ms + AGAIN_MS;
	desk_act(d, &r, d->now, &result);
	if (result.status == ACT_BEGUN || result.status == ACT_REPLAYED)
		text_copy(own->flag_done, sizeof own->flag_done, p->flags.rollback);
}

void flags_turn(struct desk *d, int pool)
{
	const struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	if (d->now.boot_ms >= d->flags_due_ms)
		flags_ask(d);
	if (p->flags.rollback[0] && d->how.guard && own->loaded && p->owner_line.mine &&
		d->now.boot_ms >= own->flag_due_ms && !is_done(d, pool))
		roll_back(d, pool);
}
