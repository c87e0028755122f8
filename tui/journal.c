/* Journal: the list grows at its end as one scrolls, at its head as things happen. What is read
 * again replaces what it covers, so that a row whose fate has changed says so.
 *
 * Invariants:
 * 1. One page and one detail are under way at most; an answer to what is no longer asked changes
 *    nothing.
 * 2. Rows are in falling order of seq, each once: so they are read. Lines are in falling order of
 *    time, so people read them: what was written down late, or seen in a pool's own log, stands
 *    where it happened. */
#include "tui/journal.h"

#include "model/mem.h"
#include "model/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 100       /* of a page */
#define ROWS_AGAIN 500 /* that are read again when something has happened */
#define ROWS_BEHIND 50 /* that are there behind the selected one, where there are any */
#define AGAIN_MS 500
#define AGAIN_FAILED_MS 3000

void journal_release(struct journal *j)
{
	free(j->rows);
	free(j->order);
	free(j->own);
	page_detail_release(&j->detail);
	*j = (struct journal){0};
}

/* ---- lines ---- */

size_t journal_count(const struct journal *j)
{
	return j->own_count + j->count;
}

const struct page_row *journal_row(const struct journal *j, size_t line)
{
	return line < j->own_count ? &j->own[line] : &j->rows[j->order[line - j->own_count]];
}

/* The rows by time; of one moment the later row is above. Most are in order as they come. */
static void sort_lines(struct journal *j)
{
	mem_grow(&j->order, &j->order_cap, j->count, sizeof *j->order);
	for (size_t i = 0; i < j->count; i++) {
		size_t at = i;
		for (; at > 0 && j->rows[j->order[at - 1]].at_ms < j->rows[i].at_ms; at--)
			j->order[at] = j->order[at - 1];
		j->order[at] = i;
	}
}

const struct page_row *journal_selected(const struct journal *j)
{
	return j->at < journal_count(j) ? journal_row(j, j->at) : NULL;
}

static void select_line(struct journal *j, size_t line)
{
	j->at = line;
	const struct page_row *r = journal_selected(j);
	text_copy(j->selected, sizeof j->selected, r ? r->id : "");
	j->scroll = 0;
}

/* After lines have come or gone: the row where it is now; where it has gone, its neighbour. */
static void find_selected(struct journal *j)
{
	size_t lines = journal_count(j);
	for (size_t i = 0; i < lines; i++)
		if (strcmp(journal_row(j, i)->id, j->selected) == 0) {
			j->at = i;
			return;
		}
	if (!j->open && (lines > 0 || j->fresh))
		select_line(j, j->at < lines ? j->at : lines ? lines - 1 : 0);
}

void journal_move(struct journal *j, int by)
{
	int64_t last = (int64_t)journal_count(j) - 1, at = (int64_t)j->at + by;
	at = at > last ? last : at;
	select_line(j, at > 0 ? (size_t)at : 0);
}

size_t journal_since(const struct journal *j, int64_t wall_ms)
{
	size_t i = journal_count(j);
	while (i > 0 && journal_row(j, i - 1)->at_ms <= wall_ms)
		i--;
	return i;
}

/* ---- what is asked for ---- */

/* What was read is of something else. */
static void restart(struct journal *j)
{
	j->fresh = j->asked = false;
	j->number++;
	j->detail_stale = true;
}

void journal_of(struct journal *j, const char *pool, int64_t until_ms)
{
	bool back = until_ms<j->until_ms, on = until_ms> j->until_ms;
	bool other = strcmp(pool, j->pool) != 0;
	j->until_ms = until_ms;
	if (other) {
		text_copy(j->pool, sizeof j->pool, pool);
		j->open = false;
		j->count = j->at = 0;
		j->selected[0] = 0;
	}
	if (other || back)
		restart(j);
	if (on)
		j->moved = true;
	j->detail_stale |= on || back;
}

struct word {
	const char *name;
	char *out;
	size_t size;
};

/* Takes a word of a filter; false where its time cannot be read. */
static bool take_word(struct page_filter *f, const char *word, int64_t now_ms)
{
	const struct word names[] = {{"pool:", f->named, sizeof f->named},
		{"actor:", f->actor, sizeof f->actor}, {"verb:", f->what, sizeof f->what},
		{"outcome:", f->fate, sizeof f->fate}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i].name);
		if (strncmp(word, names[i].name, len) != 0)
			continue;
		text_copy(names[i].out, names[i].size, word + len);
		if (names[i].out == f->named)
			f->pool[0] = 0; /* whoever names one means it, wherever it is */
		return true;
	}
	bool since = strncmp(word, "since:", 6) == 0;
	if (!since && strncmp(word, "until:", 6) != 0) {
		size_t len = strlen(f->text);
		snprintf(f->text + len, sizeof f->text - len, "%s%s", len ? " " : "", word);
		text_mend(f->text);
		return true;
	}
	int64_t *at = since ? &f->since_ms : &f->until_ms, ms;
	if (unit_parse_duration(word + 6, &ms))
		*at = now_ms - ms;
	else if (!unit_parse_rfc3339(word + 6, at))
		return false;
	return true;
}

/* The filter as it is now: times that are said as ages move on. */
static void read_filter(struct journal *j, int64_t now_ms)
{
	struct page_filter f = {.now_ms = now_ms};
	char word[EDIT_MAX];
	text_copy(f.pool, sizeof f.pool, j->pool);
	j->complaint[0] = 0;
	for (const char *at = j->typed + strspn(j->typed, " "); *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		snprintf(word, sizeof word, "%.*s", (int)len, at);
		at += len;
		if (!take_word(&f, word, now_ms)) {
			snprintf(j->complaint, sizeof j->complaint,
				"'%.24s': write 2h, or 2026-11-21T14:03:22Z", word);
			text_mend(j->complaint);
		}
	}
	if (j->until_ms != 0 && (f.until_ms == 0 || f.until_ms > j->until_ms + 1))
		f.until_ms = j->until_ms + 1;
	j->filter = f;
}

void journal_narrow(struct journal *j, const char *typed)
{
	text_copy(j->typed, sizeof j->typed, typed);
	j->open = false;
	restart(j);
}

bool journal_wants(struct journal *j, struct instant now, struct page_request *what)
{
	if (j->asked)
		return false;
	bool waits = now.boot_ms < j->due_ms;
	bool older = j->fresh && j->reached_seq != 0 && j->at + ROWS_BEHIND >= journal_count(j);
	if ((j->fresh || j->err.code != ERR_NONE) && waits && !older)
		return false;
	if (j->err.code != ERR_NONE && waits)
		return false;
	read_filter(j, j->until_ms ? j->until_ms : now.wall_ms);
	*what = (struct page_request){
		.number = ++j->number, .filter = j->filter, .known_seq = UNKNOWN, .limit = ROWS};
	if (older) {
		what->before_seq = j->reached_seq;
	} else if (j->fresh) {
		what->known_seq = j->moved ? UNKNOWN : j->head_seq;
		what->limit = j->count > ROWS_AGAIN ? ROWS_AGAIN : j->count > ROWS ? j->count : ROWS;
	}
	if (!older)
		j->moved = false;
	j->asked = true;
	return true;
}

/* ---- what comes ---- */

/* The newest: they stand for all that they cover. */
static void take_newest(struct journal *j, const struct page_rows *p)
{
	size_t kept = 0;
	/* What lies between is not known: it is asked for as one scrolls. */
	if (j->count == 0 || p->reached_seq > j->rows[0].seq)
		j->fresh = false;
	while (j->fresh && p->reached_seq != 0 && kept < j->count &&
		j->rows[j->count - 1 - kept].seq < p->reached_seq)
		kept++;
	size_t from = j->count - kept, count = p->count + kept;
	mem_grow(&j->rows, &j->cap, count > j->count ? count : j->count, sizeof *j->rows);
	if (kept)
		memmove(j->rows + p->count, j->rows + from, kept * sizeof *j->rows);
	if (p->count)
		memcpy(j->rows, p->rows, p->count * sizeof *j->rows);
	j->count = count;
	if (!j->fresh || p->reached_seq == 0)
		j->reached_seq = p->reached_seq;
	else if (j->reached_seq > p->reached_seq)
		j->reached_seq = p->reached_seq;
	j->fresh = true;
}

static void take_older(struct journal *j, const struct page_rows *p)
{
	mem_grow(&j->rows, &j->cap, j->count + p->count, sizeof *j->rows);
	if (p->count)
		memcpy(j->rows + j->count, p->rows, p->count * sizeof *j->rows);
	j->count += p->count;
	j->reached_seq = p->reached_seq;
}

void journal_take(
	struct journal *j, const struct page_rows *p, const struct err *err, struct instant now)
{
	if (p->number != j->number)
		return;
	j->asked = false;
	j->err = *err;
	j->due_ms = now.boot_ms + (err->code == ERR_NONE ? AGAIN_MS : AGAIN_FAILED_MS);
	if (err->code != ERR_NONE || p->same)
		return;
	if (p->before_seq != 0) {
		take_older(j, p);
		sort_lines(j);
		find_selected(j);
		return; /* what is older is no news of what is newest */
	}
	take_newest(j, p);
	sort_lines(j);
	j->detail_stale |= p->head_seq != j->head_seq;
	j->head_seq = p->head_seq;
	find_selected(j);
}

/* ---- what the file does not have ---- */

void journal_own_begin(struct journal *j)
{
	j->own_count = 0;
}

void journal_own_add(struct journal *j, const struct page_row *row)
{
	if (!page_matches(&j->filter, row))
		return;
	for (size_t i = 0; i < j->count; i++)
		if (strcmp(j->rows[i].id, row->id) == 0)
			return;
	mem_grow(&j->own, &j->own_cap, j->own_count + 1, sizeof *j->own);
	j->own[j->own_count++] = *row;
}

void journal_own_end(struct journal *j)
{
	find_selected(j);
}

/* ---- the selected one whole ---- */

const struct page_detail *journal_detail(const struct journal *j)
{
	return j->detail.found && strcmp(j->detail.id, j->selected) == 0 ? &j->detail : NULL;
}

bool journal_wants_detail(struct journal *j)
{
	const struct page_row *r = journal_selected(j);
	bool known = strcmp(j->detail.id, j->selected) == 0 && !j->detail_stale;
	if (!r || r->seq == 0 || j->detail_asked || known)
		return false;
	j->detail_asked = true;
	j->detail_stale = false;
	j->detail_number++;
	return true;
}

void journal_take_detail(struct journal *j, struct page_detail *d)
{
	if (d->number != j->detail_number)
		return;
	j->detail_asked = false;
	page_detail_release(&j->detail);
	j->detail = *d;
	*d = (struct page_detail){0};
}
