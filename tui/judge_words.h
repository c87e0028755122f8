/* Judge words: what the judge of a pool has found, metric by metric, as short sentences for
 * screens, sheets and scripts. The verdict over all of them is the model's. */
#ifndef WEIR_TUI_JUDGE_WORDS_H
#define WEIR_TUI_JUDGE_WORDS_H

#include "model/model.h"
#include "tui/theme.h"

#define JUDGE_WORDS_MAX 160

/* A part of a sentence and how it is drawn. */
struct judge_words {
	enum role role;
	char text[JUDGE_WORDS_MAX];
};

/* How much is said: all; without reasons; the least. */
enum judge_form { JUDGE_FULL, JUDGE_SHORT, JUDGE_LEAST };

/* What the verdict on one metric is; `why` NONE and metric JUDGED_COUNT where it is not judged. */
void judge_words_verdict(struct verdict *out, const struct pool *p, enum judged m);

/* True where harm by this metric is suspected, or proven. */
bool judge_words_suspects(const struct pool *p, enum judged m);

/* The role of a verdict's word; `looks`: harm is suspected. */
enum role judge_words_role(enum verdict_word w, bool looks);

/* Where the verdict on a metric stands among the others, 0 the worst. */
#define JUDGE_RANKS 4
int judge_words_rank(const struct pool *p, const struct verdict *v);

/* One metric: "errors 0.9x (0.5 to 1.4), verdict in 2 min", "p99 SAFE, under 1.5x v1's". */
void judge_words_metric(
	struct judge_words *out, const struct pool *p, enum judged m, enum judge_form form);

#define JUDGE_PARTS (JUDGED_COUNT + 1)

/* All of them, the worst first; before them whose word counts where that is another's. Returns
 * how many parts. `first`: the form of the worst, `rest` of the others. */
int judge_words_all(struct judge_words out[JUDGE_PARTS], const struct pool *p,
	enum judge_form first, enum judge_form rest);

/* Harm so far: "31 (12 to 40) sessions beyond v1's rate", "none seen (0 to 14 requests beyond
 * v1's rate)"; "-" where nothing was judged. Where the judge began after this bake it says so. */
void judge_words_harm(struct judge_words *out, const struct pool *p, enum judge_form form);

/* Writes the beginning "14:03" of a judge that is younger than the bake; false: it is not. */
bool judge_words_since(char *out, size_t size, const struct pool *p);

/* Whose word `standing.judge_word` is: "the pool", "the recorder". */
const char *judge_words_whose(const struct pool *p);

/* "0.9x"; beyond what can be told ">32x", "<0.1x". */
void judge_words_times(char *out, size_t size, double ratio);

/* A bound of a ratio without its sign: "0.5", "12", "0.03". */
void judge_words_bound(char *out, size_t size, double ratio);

/* "0.9x (0.5 to 1.4)", "2.8x (over 0.5)", "1.1x (under 2.4)", with `whose` behind the first; ""
 * where nothing is ruled out. */
void judge_words_ratio(char *out, size_t size, const struct ratio *r, const char *whose);

/* A time to come as people say it: "53 s", "2 min", "5 h", "3 d"; UNKNOWN "-". */
void judge_words_time(char *out, size_t size, int64_t ms);

#endif
