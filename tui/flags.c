/* Flags at a desk: looked at each poll and before each step; and what a recorder that guards does
 * about the one that asks to roll back.
 *
 * 1. A file rolls back once: which one it was is in the decision's evidence, so that the next
 *    process knows it too.
 * 2. A file that lies there keeps raises closed at every desk; none but the pool's guard on this
 *    host rolls back. */
#include "tui/desk_parts.h"

#include "model/text.h"
#include "tui/flag_file.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS 1000
#define AGAIN_MS 5000

void flags_look(struct desk *d, int pool)
{
	const struct pool *p = &d->model.pools[pool];
	struct flags now;
	if (!d->how.flags_dir)
		return;
	flag_file_read(&now, d->how.flags_dir, p->name, d->how.shared);
	d->pools[pool].flags_due_ms =
		d->now.boot_ms + (p->interval_ms < LOOK_MS ? p->interval_ms : LOOK_MS);
	if (memcmp(&now, &p->flags, sizeof now) != 0)
		desk_apply(d, &(struct model_event){.kind = MODEL_FLAGS, .pool = pool, .flags = &now});
}

static bool is_done(const struct desk *d, int pool)
{
	const struct pool *p = &d->model.pools[pool];
	char mark[FLAG_ID_MAX + 16];
	if (strcmp(d->pools[pool].flag_done, p->flags.rollback) == 0)
		return true;
	snprintf(mark, sizeof mark, "\"flag\":\"%s\"", p->flags.rollback);
	for (size_t i = 0; i < p->decision_count; i++)
		if (p->decisions[i].verb == VERB_ROLLBACK && strstr(p->decisions[i].evidence, mark))
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
	snprintf(r.reason, sizeof r.reason, "flag %s%s%s", p->flags.name,
		p->flags.reason[0] ? ": " : "", p->flags.reason);
	text_mend(r.reason);
	own->flag_due_ms = d->now.boot_ms + AGAIN_MS;
	desk_act(d, &r, d->now, &result);
	if (result.status == ACT_BEGUN || result.status == ACT_REPLAYED)
		text_copy(own->flag_done, sizeof own->flag_done, p->flags.rollback);
}

void flags_turn(struct desk *d, int pool)
{
	const struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	if (d->now.boot_ms >= own->flags_due_ms)
		flags_look(d, pool);
	if (p->flags.rollback[0] && d->how.guard && own->loaded && p->owner_line.mine &&
		d->now.boot_ms >= own->flag_due_ms && !is_done(d, pool))
		roll_back(d, pool);
}
