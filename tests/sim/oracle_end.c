/* Oracle, the end of a day: when everything is well again, all that was begun comes to its end,
 * and what is written down is what happened.
 *
 * Where a node lied or forgot, what was true there is not asked any more. */
#include "tests/sim/ledger.h"
#include "tests/sim/oracle_parts.h"

#include <string.h>

/* From the end of all faults until all has followed: a minute, plus what the rules themselves
 * take: a brake that was found open rests a minute, a question to a log that differs 5 s, the
 * longest distance of two tries 30 s. */
#define LIVENESS_MS (60000 + 60000 + 5000 + 30000)
#define CALM_LEAST_MS 10000 /* so long everything is watched anyway */

static bool is_superseded(struct sim *s, const struct decision *d)
{
	for (int k = 0; k < s->node_count; k++)
		if (strcmp(s->pool[s->node[k].pool].name, d->pool) == 0 &&
			fake_share_bp(s->node[k].fake) != d->to_bp)
			return true;
	return false;
}

static bool is_lied_about(struct sim *s, const char *id)
{
	const struct fact *f = oracle_fact(s->oracle, id);
	if (!f)
		return false;
	EACH_NODE(s, k, f->pool)
	if (f->node[k].lied)
		return true;
	return false;
}

/* A brake that its desk lost, and a node's log has. */
static bool is_lost(struct sim *s, const struct fact *f)
{
	bool told = false;
	if (!f->unrecorded || ledger_find(s->file[s->desk[f->desk].file], f->id))
		return false;
	EACH_NODE(s, k, f->pool)
	told |= f->node[k].applied && f->node[k].boots == s->node[k].boots;
	return told;
}

/* The first thing that has not followed yet; false when everything has. */
static bool lacks(struct sim *s, const struct decision **what, const char **why)
{
	for (int i = 0; i < s->file_count; i++)
		for (size_t r = 0; r < s->file[i]->count; r++) {
			const struct decision *d = *what = s->file[i]->rows[r];
			if (d->observed)
				continue;
			*why = "has no outcome";
			if (decision_is_open(d))
				return true;
			*why = "is not verified";
			if (decision_awaits_verification(d) && !is_superseded(s, d) &&
				!is_lied_about(s, d->id))
				return true;
		}
	*what = NULL;
	*why = "a brake that power took from its desk is not found in the pool's log";
	for (size_t i = 0; i < s->oracle->count; i++)
		if (is_lost(s, &s->oracle->facts[i]))
			return true;
	*why = "the journals of the dead wait";
	for (int i = 0; i < s->file_count; i++)
		if (ledger_owed(s->file[i], s) > 0)
			return true;
	return false;
}

/* I10: what reached a node is in the file of whoever sent it, once; where it is but what others
 * observed, it is a brake, which does not wait for its record. */
static void i10_nothing_lost(struct sim *s, const struct fact *f)
{
	const struct ledger_file *file = s->file[s->desk[f->desk].file];
	int rows = 0;
	bool sent = false;
	for (size_t i = 0; i < file->count; i++)
		rows += strcmp(file->rows[i]->id, f->id) == 0;
	EACH_NODE(s, k, f->pool)
	sent |= f->node[k].sent;
	const struct decision *d = ledger_find(file, f->id);
	if (d && d->observed && !verb_is_brake(f->verb))
		sim_fail(s, "I10 %s %s of desk %d is known from a log alone", verb_row(f->verb)->word,
			f->id, f->desk);
	if (rows > 1 || (sent && rows == 0 && !f->unrecorded))
		sim_fail(s, "I10 %s %s of desk %d has %d rows", verb_row(f->verb)->word, f->id, f->desk,
			rows);
}

/* I2: each intent has one final outcome, and it is what truly happened. (A second one finds no
 * place: the file keeps the first.) */
static void i2_outcome_is_true(struct sim *s, const struct fact *f, const struct decision *d)
{
	bool everywhere = true;
	EACH_NODE(s, k, f->pool)
	{
		const struct truth *t = &f->node[k];
		if (t->lied || t->lost || s->node[k].boots != (t->applied ? t->boots : 0))
			return; /* nobody can know any more */
		everywhere &= t->applied;
	}
	bool partial = strncmp(d->answer, "PARTIAL", 7) == 0;
	/* A copy of what was refused, and carries no revision, may find a pool that takes it; so may
	 * one of what was voided, where the pool has forgotten its keys in a restart. */
	bool matches = verb_is(f->verb, VERB_MATCHES) || f->verb == VERB_KEEP;
	bool says_no = d->outcome == OUTCOME_VOID || d->outcome == OUTCOME_NOT_SENT ||
		(d->outcome == OUTCOME_REFUSED && matches);
	EACH_NODE(s, k, f->pool)
	if (says_no && !partial && f->node[k].applied && (matches || s->node[k].boots == 0))
		sim_fail(s, "I2 %s %s is %s (%s), and node %d did it", verb_row(f->verb)->word, f->id,
			outcome_name(d->outcome), d->answer, k);
	if (d->outcome == OUTCOME_APPLIED && !d->observed && !everywhere &&
		!(f->has_act && f->act == ACT_COMPLETE) && verb_is_sent(f->verb))
		sim_fail(s, "I2 %s %s is APPLIED, and not every node did it", verb_row(f->verb)->word,
			f->id);
}

static void check_all(struct sim *s)
{
	for (size_t i = 0; i < s->oracle->count; i++) {
		const struct fact *f = &s->oracle->facts[i];
		const struct decision *d = ledger_find(s->file[s->desk[f->desk].file], f->id);
		i10_nothing_lost(s, f);
		if (d)
			i2_outcome_is_true(s, f, d);
	}
}

bool oracle_is_over(struct sim *s)
{
	struct oracle *o = s->oracle;
	const struct decision *what;
	const char *why;
	int64_t calm_ms = s->now.boot_ms - s->end_ms;
	if (s->now.boot_ms < o->check_ms || calm_ms < CALM_LEAST_MS)
		return false;
	o->check_ms = s->now.boot_ms + 1000;
	if (!lacks(s, &what, &why)) {
		check_all(s);
		return true;
	}
	if (calm_ms > LIVENESS_MS)
		sim_fail(s, "liveness: %s %s of %s %s", what ? verb_row(what->verb)->word : "",
			what ? what->id : "", what ? what->actor : "", why);
	return false;
}
