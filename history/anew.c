/* Anew: a recheck that waits its turn. What is compared, and how, is recheck.c's. */
#include "history/anew.h"

#include "model/unit.h"

int anew_load(struct anew *a, struct sqlite3 *db, const char *path, const char *pool,
	int64_t from_ms, int64_t until_ms, struct err *err)
{
	struct recheck *next;
	const struct recheck_wish what = {
		.pool = pool, .from_ms = from_ms, .until_ms = until_ms, .known = a->all};

	/* Half of a long judgement is none: a file that grows each second would never have one. */
	if (a->all != NULL && !a->done) {
		a->stale = true;
		return 0;
	}
	if (recheck_open(&next, db, path, &what, err) < 0)
		return -1;
	anew_release(a);
	a->all = next;
	return 0;
}

void anew_release(struct anew *a)
{
	recheck_close(a->all);
	*a = (struct anew){0};
}

void anew_mark(const struct anew *a, struct moments *m)
{
	moments_clear(m, MOMENT_DIFFERENCE);
	for (size_t i = 0; a->all != NULL && i < recheck_count(a->all); i++)
		if (recheck_at(a->all, i)->kind == RECHECK_DIFFERS)
			moments_add(m, MOMENT_DIFFERENCE, recheck_at(a->all, i)->at_ms);
}

void anew_turn(struct anew *a, struct moments *m, int most)
{
	if (a->done || a->all == NULL)
		return;
	a->done = recheck_step(a->all, most);
	anew_mark(a, m);
}
