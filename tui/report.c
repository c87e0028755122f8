/* The facts of a report: what was decided and happened, when somebody braked, whether the file is
 * whole. Which migration is report_find.c, samples are report_samples.c, verdicts report_replay.c,
 * the opening report_lines.c.
 *
 * Invariants:
 * 1. What is not in the file is not known: no other source is asked. */
#include "tui/report.h"

#include "history/inspection.h"
#include "history/query.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 4000
#define AROUND_MS (60 * 1000) /* shown before and behind a migration */
#define CHAIN_ROWS 100000     /* samples that are held against the chain: a second's work */

void report_release(struct report *r)
{
	for (size_t i = 0; i < r->entry_count; i++)
		page_detail_release(&r->entries[i].detail);
	free(r->entries);
	free(r->bins);
	free(r->bakes);
	free(r->gaps);
	free(r->thinned);
	free(r->ticks);
	free(r->nodes);
	free(r->flips);
	*r = (struct report){0};
}

/* ---- what was decided and happened ---- */

/* Events that a review is about; those of the judge have a table of their own. */
static bool tells(const struct page_row *row)
{
	static const char *const kinds[] = {"guard", "silence", "restart", "cut", "log",
		"clock_jump", "owner", "end", "breaker", "drift"};
	if (!row->is_event)
		return true;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(row->what, kinds[i]) == 0)
			return true;
	return false;
}

static void add_flip(struct report *r, const struct page_row *row)
{
	mem_grow(&r->flips, &r->flip_cap, r->flip_count + 1, sizeof *r->flips);
	struct report_flip *f = &r->flips[r->flip_count++];
	*f = (struct report_flip){.at_ms = row->at_ms, .recorded = true};
	text_copy(f->text, sizeof f->text, row->text);
}

static void take_row(struct report *r, const struct page_row *row)
{
	if (row->is_event && strcmp(row->what, "verdict") == 0)
		add_flip(r, row);
	/* Events go on as long as somebody records; the migration does not. */
	if (!tells(row) || (row->is_event && row->at_ms > r->until_ms))
		return;
	if (r->entry_count == ENTRIES_MAX) {
		r->entries_left++;
		return;
	}
	mem_grow(&r->entries, &r->entry_cap, r->entry_count + 1, sizeof *r->entries);
	r->entries[r->entry_count++] = (struct report_entry){.row = *row};
}

static int by_seq(const void *a, const void *b)
{
	const struct report_entry *x = a, *y = b;
	if (x->row.at_ms != y->row.at_ms)
		return x->row.at_ms < y->row.at_ms ? -1 : 1;
	return (x->row.seq > y->row.seq) - (x->row.seq < y->row.seq);
}

static int flip_order(const void *a, const void *b)
{
	const struct report_flip *x = a, *y = b;
	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

static int read_rows(struct report *r, struct page_file *f, struct err *err)
{
	struct page_request ask = {.limit = 500, .known_seq = UNKNOWN};
	text_copy(ask.filter.pool, sizeof ask.filter.pool, r->pool);
	ask.filter.since_ms = r->first_ms;
	ask.filter.until_ms = r->next_ms;
	for (;;) {
		struct page_rows page;
		int rc = page_read(f, &ask, &page, err);
		for (size_t i = 0; i < page.count; i++)
			take_row(r, &page.rows[i]);
		ask.before_seq = page.reached_seq;
		page_rows_release(&page);
		if (rc < 0 || ask.before_seq == 0)
			return rc;
	}
}

/* Some of its names come in quotes. */
static void plain_names(struct page_detail *d)
{
	for (size_t i = 0; i < d->fact_count; i++) {
		char *out = d->facts[i].name;
		for (const char *in = out; *in; in++)
			if (*in != '"')
				*out++ = *in;
		*out = '\0';
	}
}

static int read_entries(struct report *r, const char *path, struct err *err)
{
	struct page_file *f;
	if (page_open(&f, path, err) < 0)
		return -1;
	int rc = read_rows(r, f, err);
	if (r->entry_count)
		qsort(r->entries, r->entry_count, sizeof *r->entries, by_seq);
	if (r->flip_count)
		qsort(r->flips, r->flip_count, sizeof *r->flips, flip_order);
	for (size_t i = 0; i < r->entry_count && rc == 0; i++) {
		struct report_entry *e = &r->entries[i];
		if (e->row.is_event)
			continue;
		rc = page_read_detail(f, e->row.id, 0, &e->detail, err);
		plain_names(&e->detail);
	}
	page_close(f);
	return rc;
}

/* ---- the span ---- */

struct newest {
	int64_t at_ms;
};

static bool see_recording(void *ctx, const struct query_recording *rec)
{
	struct newest *n = ctx;
	if (rec->last_tick == UNKNOWN)
		return true;
	int64_t last = rec->started_ms + (rec->last_tick + 1) * rec->interval_ms;
	if (last > n->at_ms)
		n->at_ms = last;
	return true;
}

/* A migration that went back is over; any other goes on to the next one, or to the last sample. */
static int find_span(struct report *r, struct query *q, struct err *err)
{
	struct newest n = {r->last_ms};
	if (r->end != REPORT_BACK && query_recordings(q, see_recording, &n, err) < 0)
		return -1;
	r->start_ms = r->first_ms - AROUND_MS;
	r->until_ms = r->end == REPORT_BACK ? r->last_ms + AROUND_MS : n.at_ms;
	if (r->next_ms && r->until_ms > r->next_ms)
		r->until_ms = r->next_ms;
	if (r->until_ms <= r->last_ms)
		r->until_ms = r->last_ms + 1;
	return 0;
}

int64_t report_bin_ms(const struct report *r, size_t bin)
{
	return r->start_ms + (r->until_ms - r->start_ms) * (int64_t)bin / (int64_t)r->bin_count;
}

/* ---- the braking decision ---- */

static bool brakes(const struct report_entry *e)
{
	const struct page_row *w = &e->row;
	bool lowers = strcmp(w->what, "step") == 0 && w->to_bp >= 0 && w->to_bp < w->from_bp;
	return !w->is_event && w->outcome == OUTCOME_APPLIED &&
		(lowers || strcmp(w->what, "rollback") == 0 || strcmp(w->what, "hold") == 0);
}

/* The first one behind the bad stretch began; without such a stretch, the last. */
static void find_brake(struct report *r)
{
	r->decided_ms = r->verified_ms = UNKNOWN;
	for (size_t i = 0; i < r->entry_count; i++) {
		const struct report_entry *e = &r->entries[i];
		if (!brakes(e) || (r->bad_ms != UNKNOWN && e->row.at_ms < r->bad_ms))
			continue;
		r->decided_ms = e->row.at_ms;
		r->verified_ms = e->row.verified_ms;
		text_copy(r->decided_by, sizeof r->decided_by, e->row.actor);
		if (r->bad_ms != UNKNOWN)
			return;
	}
}

static bool says_harm(const struct report_flip *f)
{
	return strstr(f->text, "HARM") != NULL;
}

/* What the recorder said then counts; what only the samples say is told as that. */
static void find_harm(struct report *r)
{
	r->harm_ms = UNKNOWN;
	for (int recorded = 1; recorded >= 0 && r->harm_ms == UNKNOWN; recorded--)
		for (size_t i = 0; i < r->flip_count && r->harm_ms == UNKNOWN; i++) {
			const struct report_flip *f = &r->flips[i];
			if (f->recorded != (recorded == 1) || !says_harm(f) ||
				(r->bad_ms != UNKNOWN && f->at_ms < r->bad_ms))
				continue;
			r->harm_ms = f->at_ms;
			r->harm_recomputed = !f->recorded;
		}
	if (r->harm_ms != UNKNOWN && (r->sign_ms == UNKNOWN || r->sign_ms > r->harm_ms)) {
		r->sign_ms = r->harm_ms;
		text_copy(r->sign, sizeof r->sign, "HARM itself");
	}
}

/* One verdict that both say within a few seconds is one line. */
static void merge_flips(struct report *r)
{
	const int64_t near_ms = 5000;
	size_t kept = 0;
	if (r->flip_count)
		qsort(r->flips, r->flip_count, sizeof *r->flips, flip_order);
	for (size_t i = 0; i < r->flip_count; i++) {
		struct report_flip *f = &r->flips[i];
		bool merged = false;
		for (size_t k = kept; k-- > 0 && f->at_ms - r->flips[k].at_ms <= near_ms;) {
			struct report_flip *g = &r->flips[k];
			if (g->recorded == f->recorded || strcmp(g->text, f->text) != 0)
				continue;
			g->recorded = g->recomputed = merged = true;
			g->cited |= f->cited;
			break;
		}
		if (!merged)
			r->flips[kept++] = *f;
	}
	r->flip_count = kept;
}

/* ---- the chain ---- */

/* The checkpoint of a decision has what was seen before it; the last moves matter most. */
static struct inspection *begin_chain(const struct report *r, const char *path)
{
	int64_t *moments = mem_new(r->entry_count + 1, sizeof *moments);
	struct chain_scope scope = {.moments_ms = moments, .rows_max = CHAIN_ROWS};
	for (int moves = 1; moves >= 0; moves--)
		for (size_t i = r->entry_count; i-- > 0;)
			if (!r->entries[i].row.is_event && report_moves(&r->entries[i]) == (moves == 1))
				moments[scope.moment_count++] = r->entries[i].row.at_ms;
	struct inspection *check = inspection_begin(path, &scope);
	free(moments);
	return check;
}

static void end_chain(struct report *r, struct inspection *check)
{
	struct err err;
	r->chain_read = inspection_end(check, &r->chain, &err) == 0;
	if (!r->chain_read)
		text_copy(r->chain_why, sizeof r->chain_why, err.text);
}

/* What the decisions say, from the samples. */
static int read_rest(
	struct report *r, struct query *q, const struct report_how *how, struct err *err)
{
	if (report_samples(r, q, how, err) < 0 || report_replay(r, how, err) < 0 ||
		report_recheck(r, how, err) < 0)
		return -1;
	report_policies(r, how);
	return 0;
}

int report_make(struct report *r, const struct report_how *how, struct err *err)
{
	struct query *q;
	*r = (struct report){.bad_ms = UNKNOWN, .sign_ms = UNKNOWN, .harm_ms = UNKNOWN};
	text_clean(r->path, sizeof r->path, how->path, strlen(how->path));
	if (query_open(&q, how->path, err) < 0)
		return -1;
	int rc = report_find(r, q, how, err);
	if (rc == 0)
		rc = find_span(r, q, err);
	if (rc == 0)
		rc = read_entries(r, how->path, err);
	if (rc == 0) {
		struct inspection *check = begin_chain(r, how->path);
		rc = read_rest(r, q, how, err);
		end_chain(r, check);
	}
	query_close(q);
	if (rc < 0)
		return -1;
	merge_flips(r);
	find_harm(r);
	find_brake(r);
	report_lines(r);
	return 0;
}
