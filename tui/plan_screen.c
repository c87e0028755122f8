/* Plan screen: the selection is of a share, so that it stays where it is when a step is taken.
 * What Enter opens is only looked at: with it keys of one case could both open and accept. */
#include "tui/plan_screen.h"

#include "tui/timeline.h"

bool plan_screen_move(struct console *c, int by)
{
	struct timeline t;
	timeline_of(&t, console_pool(c), (struct instant){0});
	if (t.count == 0)
		return false;
	int from = timeline_selected(&t, c->plan_bp);
	int64_t at = (int64_t)from + by;
	at = at < t.count ? at : t.count - 1;
	at = at > 0 ? at : 0;
	c->plan_bp = t.row[at].share_bp;
	return at != from;
}

void plan_screen_enter(struct console *c, struct instant now)
{
	struct timeline t;
	char share[16];
	timeline_of(&t, console_pool(c), now);
	int at = timeline_selected(&t, c->plan_bp);
	if (at < 0) {
		console_say(c, now, ROLE_TEXT, "no plan, so no step: `:step 10%%` takes one by hand");
		return;
	}
	if (t.row[at].share_bp != console_pool(c)->standing.next_bp) {
		unit_share(share, sizeof share, t.row[at].share_bp);
		console_say(c, now, ROLE_TEXT,
			"%s is not the next step; 6 shows the decisions about those taken", share);
		return;
	}
	console_key(c, 'S', now);
	if (c->sheet.kind != SHEET_STEP)
		return;
	c->sheet.looks = true;
	console_say(c, now, ROLE_TEXT, "only to look: S opens the sheet that y accepts");
}
