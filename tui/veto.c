/* Veto: the hook that is asked before a forward command leaves, or the one that ends the way back:
 * run once its intent is recorded, beside the loop. What its end says goes back to the flight. Not
 * asked of what goes down, holds or keeps.
 *
 *     COMMAND POOL FROM TO VERB    shares in hundredths of a percent; standard input: what
 *                                  `weir status --json` prints of the pool
 *
 * 1. Only an end with 0, in time, lets it pass: what is not known is a veto.
 * 2. What it allows is judged once more, on the newest facts: its answer took time. */
#include "tui/desk_parts.h"

#include "model/mem.h"
#include "model/text.h"
#include "tui/child.h"
#include "tui/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 20

void desk_set_veto(struct desk *d, int pool, const char *command)
{
	free(d->pools[pool].veto);
	d->pools[pool].veto = mem_copy(command);
}

bool veto_asks(const struct desk *d, int pool, enum act act)
{
	return d->pools[pool].veto && (act_is_forward(act) || act == ACT_FINALIZE);
}

static void end(struct desk *d, struct flight *f, const char *why)
{
	char words[POOL_REASON_MAX];
	err_set(&f->err, ERR_VETO, "%s", why);
	snprintf(words, sizeof words, "%s %.190s", err_name(f->err.code), f->err.text);
	flight_end(d, f, OUTCOME_NOT_SENT, words);
}

bool veto_begin(struct desk *d, struct flight *f)
{
	struct pool *p = &d->model.pools[f->pool];
	const struct decision *what = flight_decision(d, f);
	char from[16], to[16];
	if (!veto_asks(d, f->pool, f->act) || !what)
		return false;
	char verb[16];
	char *argv[] = {d->pools[f->pool].veto, p->name, from, to, verb, NULL};
	struct text facts = {0};
	snprintf(from, sizeof from, "%d", what->from_bp);
	snprintf(to, sizeof to, "%d", what->to_bp);
	snprintf(verb, sizeof verb, "%s", verb_row(f->verb)->word);
	facts_json(&facts, &d->model, p);
	text_add(&facts, "\n");
	f->phase = FLIGHT_VETO;
	f->hook = mem_new(1, sizeof *f->hook);
	int error = child_begin(f->hook, argv, &facts, true, VETO_MOST_MS, d->now);
	if (error) {
		char why[240];
		snprintf(why, sizeof why, "the veto hook '%.90s' cannot be run: %.80s", argv[0],
			strerror(error));
		veto_release(f);
		end(d, f, why);
	}
	return true;
}

/* The first line that the hook said is its reason; "" none. */
static void read_words(char *out, size_t size, const struct child *c)
{
	const char *stop = memchr(c->said, '\n', c->said_len);
	text_clean(out, size, c->said, stop ? (size_t)(stop - c->said) : c->said_len);
}

void veto_turn(struct desk *d, struct flight *f)
{
	char why[CHILD_WHY_MAX], said[140], words[300];
	if (!child_turn(f->hook, d->now, why))
		return;
	bool killed = f->hook->killed;
	read_words(said, sizeof said, f->hook);
	veto_release(f);
	if (!why[0]) {
		flight_allowed(d, f);
		return;
	}
	if (said[0] && !killed)
		snprintf(words, sizeof words, "vetoed: %s", said);
	else
		snprintf(words, sizeof words, "the veto hook '%.90s' %s", d->pools[f->pool].veto, why);
	text_mend(words);
	end(d, f, words);
}

int64_t veto_due_ms(const struct desk *d)
{
	return d->now.boot_ms + LOOK_MS;
}

void veto_release(struct flight *f)
{
	if (!f->hook)
		return;
	child_kill(f->hook);
	free(f->hook);
	f->hook = NULL;
}
