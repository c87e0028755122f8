/* Report: what happened in one migration, from its recording alone: the decisions as they are in
 * the history, the counts of its samples, and what a console would have shown at each moment. The
 * facts; how they are written is report_text.h, report_html.h and report_json.h. */
#ifndef WEIR_TUI_REPORT_H
#define WEIR_TUI_REPORT_H

#include "history/chain.h"
#include "history/page.h"
#include "model/histogram.h"
#include "model/odds.h"
#include "tui/config.h"
#include "tui/terms.h"

#define REPORT_BINS_MAX 360
#define REPORT_LINES 5
#define REPORT_LONG 7200 /* intervals beyond which not all of a recording is judged anew */

/* How a migration ended. */
enum report_end { REPORT_OPEN, REPORT_BACK, REPORT_COMPLETE };

/* Something that was decided or happened, oldest first. */
struct report_entry {
	struct page_row row;
	struct page_detail detail; /* of a decision: outcomes, evidence, checks, notes */
	struct report_known {
		bool is; /* the recording has that moment; of decisions only */
		char state[96], headline[VERDICT_TEXT_MAX], guard[64];
		char verdict[VERDICT_TEXT_MAX]; /* what counted then */
		bool cited;                     /* it was another's word */
		char own[VERDICT_TEXT_MAX];     /* the judge's, computed anew from the samples */
		struct harm harm;
	} known;
	struct recheck_result recheck; /* its verdict from the stored rows; id "": it has none */
};

/* A part of the time axis: what both sides did in it. */
struct report_bin {
	int64_t requests[ARM_COUNT], failed[ARM_COUNT], done[ARM_COUNT];
	int64_t p50_us[ARM_COUNT], p99_us[ARM_COUNT]; /* UNKNOWN: nothing was done */
	double log10_harm, log10_safe;                /* at its end; NaN: not judged */
};

/* A time at one share. */
struct report_bake {
	int64_t from_ms, until_ms;
	int share_bp; /* -1: not known */
	struct units units[ARM_COUNT];
	struct harm harm; /* bad units of v2 beyond v1's rate, 95 %; NaN not known */
};

/* A time of which nothing was recorded. */
struct report_gap {
	int64_t from_ms, until_ms;
	char node[POOL_ID_MAX];
};

/* What the judge found, when. */
struct report_flip {
	int64_t at_ms;
	bool recorded,
		recomputed; /* who says so: the recorder then, the judge over the samples now */
	bool cited;     /* recomputed: another's word, the pool's or a recorder's */
	char text[POOL_REASON_MAX];
};

#define REPORT_POLICIES 4

/* What another policy would have done. */
struct report_policy {
	char name[96], line[400];
	int64_t fired_ms;                    /* UNKNOWN: never */
	int64_t failed_before, failed_after; /* requests of v2, before and after it fired */
	int false_alarms;
};

/* An interval of a node. */
struct report_tick {
	int64_t at_ms;
	struct units units[ARM_COUNT];
};

struct report {
	char path[256];
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX];
	char id[DECISION_ID_MAX]; /* of its first decision */
	int migrations;           /* that the file has of this pool */
	int number;               /* this one of them, from 1 */
	enum report_end end;
	int64_t first_ms, last_ms;  /* of the migration */
	int64_t start_ms, until_ms; /* of the time axis, which has some time around it */
	int base_bp, last_bp, top_bp;
	int64_t next_ms; /* when the next one began; 0 none */

	struct report_entry *entries;
	size_t entry_count, entry_cap;
	int64_t entries_left; /* that had no room */

	bool sessions;           /* units are sessions, else requests */
	struct report_bin *bins; /* all of one length */
	size_t bin_count;
	struct report_bake *bakes;
	size_t bake_count, bake_cap;
	struct report_bake all; /* while v2 had a share of this migration */
	struct report_gap *gaps;
	size_t gap_count, gap_cap;
	struct report_gap *thinned; /* times of which no more than minutes are kept */
	size_t thinned_count, thinned_cap;
	struct report_tick *ticks; /* in time order */
	size_t tick_count, tick_cap;
	int64_t interval_ms;
	char (*nodes)[POOL_ID_MAX];
	size_t node_count;

	struct report_flip *flips;
	size_t flip_count, flip_cap;
	double log10_found, log10_safe; /* the bars of HARM and SAFE */
	bool replayed;
	bool partly; /* only the ten minutes before each move of the share: the rest is too long */
	struct terms terms;   /* under which it was judged */
	char replay_why[400]; /* why not */

	/* UNKNOWN: there was none */
	int64_t bad_ms;       /* the first bad unit of the worst stretch beyond v1's rate */
	int64_t sign_ms;      /* something showed it */
	int64_t harm_ms;      /* HARM */
	bool harm_recomputed; /* nobody had said it then */
	int64_t decided_ms;   /* a person or a guard braked */
	int64_t verified_ms;  /* and that was seen */
	char decided_by[POOL_ACTOR_MAX], sign[96];

	struct report_policy policies[REPORT_POLICIES];
	size_t policy_count;
	char policies_why[400]; /* why there is none */

	struct recheck_sum rechecked; /* of the entries */

	struct chain_report chain;
	bool chain_read;
	char chain_why[400];

	char line[REPORT_LINES][640];
};

/* Whose report, and who hears how far it is. */
struct report_how {
	const char *path;
	const char *pool, *migration; /* NULL: the last one */
	const struct config *config;  /* of now, where the recording does not say; NULL none */
	const struct options *options; /* --policy and --set; NULL none */
	/* Called now and then; NULL: nobody asks. */
	void (*progress)(void *ctx, const char *what, int64_t done, int64_t total);
	void *ctx;
};

/* Reads a history file and fills `r`. 0, or -1 with err; release it in both cases. */
int report_make(struct report *r, const struct report_how *how, struct err *err);
void report_release(struct report *r);

/* ---- parts of report_make, each in a file of its own ---- */

struct query;

/* Which migration: its pool, ids, moments and shares. */
int report_find(
	struct report *r, struct query *q, const struct report_how *how, struct err *err);

/* The samples of the span: bins, bakes, gaps, ticks, the worst stretch. */
int report_samples(
	struct report *r, struct query *q, const struct report_how *how, struct err *err);

/* The verdicts that stand with the decisions, from the rows that they name. 0, or -1 with err. */
int report_recheck(struct report *r, const struct report_how *how, struct err *err);

/* What a console would have shown: verdicts, evidence, `known` of each decision. 0, or -1 with
 * err: what is tried over the terms is wrong. */
int report_replay(struct report *r, const struct report_how *how, struct err *err);

/* What two stricter policies and a laxer one would have done, beside the one of then. */
void report_policies(struct report *r, const struct report_how *how);

/* The five lines. */
void report_lines(struct report *r);

/* ---- for the forms ---- */

/* The moment of a bin's beginning. */
int64_t report_bin_ms(const struct report *r, size_t bin);

/* True for a check of a decision that was asked and failed: somebody went on all the same. */
bool report_forced(const struct report_entry *e);

/* True for an act that accepts what a check would refuse, or tells a guard not to act. */
bool report_relaxes(const struct report_entry *e);

/* True for a decision that moved the share, or was meant to. */
bool report_moves(const struct report_entry *e);

/* The fact of a decision's evidence by its name ("verdict.word"), "" where there is none. */
const char *report_fact(const struct report_entry *e, const char *name);

/* "session", "request". */
const char *report_unit(const struct report *r);

/* A lapse of time: "0.4 s", "12 s", "2 min 14 s", "3 h 05 min"; UNKNOWN "-". */
void report_lapse(char *out, size_t size, int64_t ms);

/* "31 (12 to 47)", "none seen (0 to 14)", "not known". */
void report_harm(char *out, size_t size, const struct harm *h);

/* What was done, with shares: "step 10 % > 25 %". */
void report_what(char *out, size_t size, const struct page_row *row);

/* What became of it: "VERIFIED in 0.4 s", "REFUSED"; "" of what has no outcome. */
void report_fate(char *out, size_t size, const struct report *r, const struct page_row *row);

/* "whole: 41 rows, 2 checkpoints …", or what is broken. */
void report_chain(char *out, size_t size, const struct report *r);

#endif
