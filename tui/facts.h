/* Facts: a pool's standing as words and as the JSON that scripts rely on (weir.status/1). */
#ifndef WEIR_TUI_FACTS_H
#define WEIR_TUI_FACTS_H

#include "model/model.h"
#include "model/text.h"

/* One JSON object, one line, no newline. A number that is not known is null. */
void facts_json(struct text *out, const struct model *m, const struct pool *p);

/* The member "verdict": the word that counts, and what this process' judge has seen itself. */
void facts_verdict(struct text *out, const struct pool *p);

/* The facts as plain lines, the headline first. */
void facts_plain(
	struct text *out, const struct model *m, const struct pool *p, struct instant now);

/* How work is routed where that is not the usual way: "strategy shadow", "v2 gets only echo, spin";
 * "" else. */
void facts_routing(struct text *out, const struct pool *p);

/* One line for a list of pools and for --watch: state, share, errors, freshness. */
void facts_line(struct text *out, const struct pool *p);

/* The 14 checks, a line each: number, word, state, text. */
void facts_checks(struct text *out, const struct interlock *i);

/* What fails, as a JSON array of {"code","text","wait_ms"}. */
void facts_refused(struct text *out, const struct interlock *i);

/* One decision as a line for people. */
void facts_decision(struct text *out, const struct decision *d, int64_t now_wall_ms);

#endif
