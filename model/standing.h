/* Standing: what follows from the facts of a pool, derived anew after each event, in this order.
 * For model/ only: everyone else reads p->standing. */
#ifndef WEIR_MODEL_STANDING_H
#define WEIR_MODEL_STANDING_H

#include "model/model.h"

/* Derives p->standing; called by model_apply. */
void standing_derive(const struct model *m, struct pool *p, struct instant now);

/* The age of a node's newest document. */
int64_t standing_age(const struct node *n, struct instant now);

/* standing_share.c: what the nodes say, what the traffic shows, what was asked. */
void standing_report(struct standing *s, const struct pool *p, struct instant now);
void standing_measure(struct standing *s, const struct pool *p);
void standing_intend(struct standing *s, const struct pool *p, struct instant now);
void standing_partial(struct standing *s, const struct pool *p);
/* Requests, or where `units` sessions, of an arm since the split last changed; UNKNOWN when
 * some node does not say. `sessions`: they are sessions on every node. */
int64_t standing_since_change(const struct pool *p, enum arm arm, bool units, bool *sessions);

/* standing_freeze.c: whether raises are closed now, by the clock or by other pools. */
void standing_rising(struct standing *s, const struct model *m, const struct pool *p, struct instant now);
void standing_freeze(struct standing *s, const struct pool *p, struct instant now);

/* standing_hands.c: who may move the share, and what moves by itself. */
void standing_hands(
	struct standing *s, const struct model *m, const struct pool *p, struct instant now);

/* standing_text.c: the words of the first and third row of every screen. */
void standing_words(struct standing *s, const struct model *m, const struct pool *p);

#endif
