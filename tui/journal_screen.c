/* Journal screen: what the journal wants is read by the history's reader thread; where the desk
 * has no history (a replay, a console that only looks) from the file itself, here and now. Asked
 * for only while the screen shows. */
#include "tui/journal_screen.h"

#include "history/replay.h"
#include "model/mem.h"
#include "tui/view_journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The moment of what is shown. */
static struct instant moment(const struct console *c, struct instant now)
{
	return c->how.replay ? replay_now(c->how.replay) : now;
}

/* ---- without a reader ---- */

/* A recording is named by its target. */
char *journal_screen_file(const struct console *c)
{
	static const char scheme[] = "replay:";
	const char *file = desk_file(c->how.desk), *target = console_pool(c)->nodes[0].target;
	if (!c->how.replay)
		return mem_copy(file);
	target += strncmp(target, scheme, sizeof scheme - 1) == 0 ? sizeof scheme - 1 : 0;
	const char *option = strstr(target, "?pool=");
	return option ? mem_copy_n(target, (size_t)(option - target)) : mem_copy(target);
}

static struct page_file *file_of(struct console *c, struct err *err)
{
	if (c->journal_file)
		return c->journal_file;
	char *path = journal_screen_file(c);
	if (!path)
		err_set(err, ERR_HISTORY, "no history: nothing is recorded here");
	else
		page_open(&c->journal_file, path, err);
	free(path);
	return c->journal_file;
}

static void read_now(struct console *c, const struct page_request *what, struct instant now)
{
	struct page_rows p = {.number = what->number};
	struct err err = {0};
	struct page_file *f = file_of(c, &err);
	if (f && page_read(f, what, &p, &err) < 0)
		p.number = what->number;
	journal_take(&c->journal, &p, &err, now);
	page_rows_release(&p);
}

#define RECHECK_ROWS 600 /* ten minutes: within a frame */

/* A replay judges anew by itself, bit by bit. */
static void recheck_now(const struct console *c, struct page_file *f, struct page_detail *d)
{
	struct err err;
	const struct recheck_result *known =
		c->how.replay ? replay_recheck(c->how.replay, d->id) : NULL;
	if (known)
		d->recheck = *known;
	else if (!c->how.replay)
		page_recheck(f, d, RECHECK_ROWS, &err);
}

static void read_detail_now(struct console *c)
{
	struct page_detail d = {0};
	struct err err = {0};
	struct journal *j = &c->journal;
	struct page_file *f = file_of(c, &err);
	if (f && page_read_detail(f, j->selected, j->filter.until_ms, &d, &err) == 0)
		recheck_now(c, f, &d);
	d.number = j->detail_number;
	journal_take_detail(j, &d);
	page_detail_release(&d);
}

/* ---- what the journal wants ---- */

static void add_own(void *ctx, const struct decision *what)
{
	struct page_row row;
	page_row_of(&row, what);
	journal_own_add(ctx, &row);
}

void journal_screen_look(struct console *c, struct instant now)
{
	struct journal *j = &c->journal;
	struct history *h = desk_history(c->how.desk);
	struct page_request what;
	if (c->screen != SCREEN_JOURNAL)
		return;
	c->journal_now = moment(c, now);
	journal_of(j, c->journal_all ? "" : console_pool(c)->name,
		c->how.replay ? c->journal_now.wall_ms : 0);
	/* Without a thread every page that is wanted comes at once; a few of them a frame. */
	for (int i = 0; i < 4 && journal_wants(j, now, &what); i++) {
		if (h) {
			history_page(h, &what);
			break;
		}
		read_now(c, &what, now);
	}
	journal_own_begin(j);
	desk_each_unrecorded(c->how.desk, add_own, j);
	journal_own_end(j);
	if (!h && j->detail.recheck.id[0] && j->detail.recheck.kind == RECHECK_WAITING)
		j->detail_stale = true;
	if (!journal_wants_detail(j))
		return;
	if (h)
		history_detail(h, j->detail_number, j->selected);
	else
		read_detail_now(c);
}

void journal_screen_answer(void *console, struct history_answer *a)
{
	struct console *c = console;
	if (a->kind == HISTORY_PAGE)
		journal_take(&c->journal, a->page, &a->err, c->journal_now);
	else if (a->kind == HISTORY_DETAIL)
		journal_take_detail(&c->journal, a->detail);
}

/* ---- keys ---- */

bool journal_screen_move(struct console *c, int by)
{
	struct journal *j = &c->journal;
	if (!j->open) {
		size_t from = j->at;
		journal_move(j, by);
		return j->at != from;
	}
	int64_t most = view_journal_scroll(j, c->surface.w, c->surface.h, c->journal_now.wall_ms);
	int64_t at = (int64_t)j->scroll + by;
	at = at > most ? most : at;
	at = at > 0 ? at : 0;
	bool moved = j->scroll != at;
	j->scroll = (int)at;
	return moved;
}

void journal_screen_enter(struct console *c, struct instant now)
{
	c->journal.open = journal_selected(&c->journal) != NULL;
	if (!c->journal.open)
		console_say(c, now, ROLE_TEXT, "enter: there is nothing to open");
	c->journal.scroll = 0;
}

void journal_screen_filter(struct console *c, const char *text)
{
	journal_narrow(&c->journal, text);
}

bool journal_screen_back(struct console *c)
{
	struct journal *j = &c->journal;
	if (j->open)
		j->open = false;
	else if (j->typed[0])
		journal_narrow(j, "");
	else if (c->journal_all)
		c->journal_all = false;
	else
		return false;
	return true;
}

int journal_screen_about(const struct console *c, char *out, size_t size)
{
	const struct journal *j = &c->journal;
	const struct page_detail *d = journal_detail(j);
	const struct page_row *r = d ? &d->row : journal_selected(j);
	if (!r)
		return -1;
	text_copy(out, size, r->id);
	int pool = model_find(desk_model(c->how.desk), r->pool);
	return pool < 0 ? c->pool : pool;
}

void journal_screen_widen(struct console *c)
{
	c->journal_all = !c->journal_all;
}
