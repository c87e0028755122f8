/* Mailbox: a list. Not the wait for an answer, nor the counting: residents_run.c.
 *
 * 1. A letter is in the list if and only if it is not taken. */
#include "client/engine/mailbox.h"

#include <assert.h>

bool mailbox_put(struct mailbox *m, struct letter *l, int max)
{
	if (m->count >= max)
		return false;
	l->taken = false;
	l->after = NULL;
	l->before = m->last;
	*(m->last ? &m->last->after : &m->first) = l;
	m->last = l;
	m->count++;
	return true;
}

void mailbox_take(struct mailbox *m, struct letter *l)
{
	assert(!l->taken && m->count > 0);
	*(l->before ? &l->before->after : &m->first) = l->after;
	*(l->after ? &l->after->before : &m->last) = l->before;
	l->before = l->after = NULL;
	l->taken = true;
	m->count--;
}

struct letter *mailbox_next(struct mailbox *m)
{
	struct letter *l = m->first;
	if (l)
		mailbox_take(m, l);
	return l;
}

struct letter *mailbox_late(struct mailbox *m, int64_t now_us)
{
	struct letter *l = m->first;
	while (l && now_us < l->deadline_us)
		l = l->after;
	if (l)
		mailbox_take(m, l);
	return l;
}
