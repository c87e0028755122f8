/* Marks: decisions in time. Not the clock (replay.c), not the rules of outcomes
 * (model/decision.c).
 *
 * Invariant: a row about a decision comes at or after it, whatever the wall clocks said. */
#include "history/marks.h"

#include "model/mem.h"

#include <stdlib.h>
#include <string.h>

struct mark {
	int64_t at_ms;
	size_t decision;
	bool is_decision;
	struct outcome_row row;
};

static struct mark *add(struct marks *m, int64_t at_ms, size_t decision)
{
	struct mark *mark;

	mem_grow(&m->list, &m->cap, m->count + 1, sizeof *m->list);
	mark = &m->list[m->count++];
	*mark = (struct mark){.at_ms = at_ms, .decision = decision};
	return mark;
}

static bool take_decision(void *ctx, const struct decision *found)
{
	struct marks *m = ctx;
	struct decision *d;

	mem_grow(&m->made, &m->decision_cap, m->decision_count + 1, sizeof *m->made);
	d = &m->made[m->decision_count++];
	*d = *found;
	d->outcome = OUTCOME_PENDING;
	d->outcome_ms = d->verified_ms = d->closed_ms = d->latency_ms = UNKNOWN;
	d->answer[0] = '\0';
	return true;
}

static bool take_outcome(void *ctx, const struct outcome_row *row)
{
	struct marks *m = ctx;

	for (size_t i = m->decision_count; i-- > 0;)
		if (strcmp(m->made[i].id, row->decision) == 0) {
			const int64_t made_ms = m->made[i].at_ms;

			add(m, row->at_ms > made_ms ? row->at_ms : made_ms, i)->row = *row;
			break;
		}
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct decision *x = a, *y = b;

	return x->at_ms != y->at_ms ? (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms)
								: (x->seq > y->seq) - (x->seq < y->seq);
}

/* Of one moment: decisions before rows, rows of one decision as they follow from each other. */
static int by_moment(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
	if (x->is_decision != y->is_decision)
		return x->is_decision ? -1 : 1;
	if (x->decision != y->decision)
		return (x->decision > y->decision) - (x->decision < y->decision);
	return (x->row.row > y->row.row) - (x->row.row < y->row.row);
}

int marks_load(
	struct marks *m, struct query *q, const char *pool, int64_t until_ms, struct err *err)
{
	const struct query_filter f = {.pool = pool, .until_ms = until_ms};

	if (query_decisions(q, &f, take_decision, m, err) < 0)
		return -1;
	if (m->decision_count > 0)
		qsort(m->made, m->decision_count, sizeof *m->made, by_time);
	for (size_t i = 0; i < m->decision_count; i++)
		add(m, m->made[i].at_ms, i)->is_decision = true;
	if (query_outcomes(q, pool, until_ms, take_outcome, m, err) < 0)
		return -1;
	if (m->count > 0)
		qsort(m->list, m->count, sizeof *m->list, by_moment);
	m->standing = mem_new(m->decision_count, sizeof *m->standing);
	marks_seek(m, INT64_MIN);
	return 0;
}

void marks_release(struct marks *m)
{
	free(m->made);
	free(m->standing);
	free(m->list);
	*m = (struct marks){0};
}

int64_t marks_due_ms(const struct marks *m)
{
	return m->next < m->count ? m->list[m->next].at_ms : INT64_MAX;
}

int64_t marks_last_ms(const struct marks *m)
{
	return m->count > 0 ? m->list[m->count - 1].at_ms : INT64_MIN;
}

const struct decision *marks_take(struct marks *m)
{
	const struct mark *mark = &m->list[m->next++];
	struct decision *d = &m->standing[mark->decision];

	return mark->is_decision || decision_add_outcome(d, &mark->row) ? d : NULL;
}

size_t marks_seek(struct marks *m, int64_t at_ms)
{
	size_t made = 0;

	for (size_t i = 0; i < m->decision_count; i++)
		m->standing[i] = m->made[i];
	for (m->next = 0; marks_due_ms(m) < at_ms;) {
		made += m->list[m->next].is_decision;
		marks_take(m);
	}
	return made;
}
