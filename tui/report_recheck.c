/* The verdicts of a report's decisions, computed anew from the rows that they name. What is judged,
 * and how it is compared, is history/recheck.h's. */
#include "tui/report.h"

#include <string.h>

#define STEP_ROWS 4096 /* between two words of progress */

static void take(struct report *r, const struct recheck *all)
{
	for (size_t i = 0; i < r->entry_count; i++) {
		struct report_entry *e = &r->entries[i];
		const struct recheck_result *is = e->row.is_event ? NULL : recheck_of(all, e->row.id);
		if (!is)
			continue;
		e->recheck = *is;
		recheck_add(&r->rechecked, is);
	}
}

int report_recheck(struct report *r, const struct report_how *how, struct err *err)
{
	struct recheck_wish what = {.pool = r->pool, .from_ms = INT64_MAX, .until_ms = INT64_MIN};
	struct page_file *f;
	struct recheck *all = NULL;
	for (size_t i = 0; i < r->entry_count; i++) {
		int64_t at_ms = r->entries[i].row.at_ms;
		what.from_ms = at_ms < what.from_ms ? at_ms : what.from_ms;
		what.until_ms = at_ms > what.until_ms ? at_ms : what.until_ms;
	}
	if (page_open(&f, how->path, err) < 0)
		return -1;
	int rc = page_recheck_open(&all, f, &what, err);
	while (rc == 0 && !recheck_step(all, STEP_ROWS))
		if (how->progress)
			how->progress(how->ctx, "recomputing verdicts",
				recheck_at(all, recheck_done(all))->at_ms - what.from_ms,
				what.until_ms - what.from_ms);
	if (rc == 0)
		take(r, all);
	recheck_close(all);
	page_close(f);
	return rc;
}
