/* The rows of the guide, each with the fact that completes it. Not a lock: every key does what it
 * always does, in any order. */
#include "tui/guide.h"

#include <stdio.h>

static bool was_decided(const struct pool *p, enum verb verb)
{
	for (size_t i = 0; i < p->decision_count; i++)
		if (p->decisions[i].verb == verb)
			return true;
	return false;
}

static bool has_stepped(const struct pool *p, bool journal_seen)
{
	(void)journal_seen;
	return was_decided(p, VERB_STEP);
}

static bool has_held(const struct pool *p, bool journal_seen)
{
	(void)journal_seen;
	return was_decided(p, VERB_HOLD);
}

static bool has_gone_back(const struct pool *p, bool journal_seen)
{
	(void)journal_seen;
	return was_decided(p, VERB_ROLLBACK);
}

static bool has_seen_journal(const struct pool *p, bool journal_seen)
{
	(void)p;
	return journal_seen;
}

static const struct {
	const char *text;
	bool (*done)(const struct pool *p, bool journal_seen);
} rows[] = {
	{"S shows what the first step would do; y, a second later, takes it", has_stepped},
	{"H holds: nobody steps any more, the share stays where it is", has_held},
	{"R, then y: back to where it began, held or not", has_gone_back},
	{"6 shows what was decided and what became of it; Enter the evidence", has_seen_journal},
	{"weir doctor TARGET looks at a pool of yours. Esc ends this", NULL},
};

int guide_count(void)
{
	return (int)(sizeof rows / sizeof *rows);
}

int guide_next(const struct pool *p, bool journal_seen)
{
	int row = 0;
	while (rows[row].done && rows[row].done(p, journal_seen))
		row++;
	return row;
}

const char *guide_text(int row)
{
	return rows[row].text;
}

void guide_draw(struct surface *s, struct rect r, int row)
{
	bool end = row + 1 == guide_count();
	surface_fill(s, r, ROLE_SHEET, ' ');
	int x = end ? surface_text(s, r, r.x + 1, r.y, ROLE_MARK, "DONE")
				: surface_textf(s, r, r.x + 1, r.y, ROLE_MARK, "TRY %d of %d", row + 1,
					  guide_count() - 1);
	surface_text(s, r, x + 1, r.y, ROLE_STRONG, rows[row].text);
}
