/* Page: a stretch of what happened, decisions and events as one stream, newest first; and one of
 * them whole. Synchronous: for the reader thread, and for what is read in the loop (replay). */
#ifndef WEIR_HISTORY_PAGE_H
#define WEIR_HISTORY_PAGE_H

#include "history/page_row.h"
#include "history/recheck.h"

#include <stddef.h>

struct page_request {
	uint64_t number; /* comes back with the answer */
	struct page_filter filter;
	int64_t before_seq; /* only rows before it; 0: from the newest */
	int64_t known_seq;  /* where the chain stood at the answer before: nothing is read while it
	                       stands there; UNKNOWN: read in any case */
	size_t limit;       /* rows */
};

struct page_rows {
	uint64_t number;
	int64_t before_seq;    /* of the request */
	int64_t head_seq;      /* where the chain stands */
	bool same;             /* it stands where it was known to: no row was read */
	int64_t reached_seq;   /* what was asked for from here on is in the rows; 0: to the first */
	struct page_row *rows; /* newest first; owned */
	size_t count;
};

/* One row whole. */
struct page_fact {
	char name[64]; /* as the evidence has it: "v2.p99_us" */
	char value[POOL_REASON_MAX];
};

struct page_check {
	int number; /* of the predicate, from 1 */
	char is[24];
	char text[POOL_REASON_MAX];
};

struct page_detail {
	uint64_t number;
	char id[DECISION_ID_MAX]; /* what was asked for */
	bool found;
	struct page_row row;
	int64_t epoch, rev, latency_ms;
	char pool_id[POOL_ID_MAX], hash[POOL_HASH_MAX], signer[POOL_ACTOR_MAX];
	struct outcome_row *outcomes; /* in the order in which they were recorded; owned */
	size_t outcome_count;
	struct page_fact *facts; /* of the evidence, or of an event's detail; owned */
	size_t fact_count;
	struct page_check *checks; /* of the evidence; owned */
	size_t check_count;
	struct page_row *notes; /* that name it, oldest first; owned */
	size_t note_count;
	struct recheck_result recheck; /* id "": nobody asked, or it has no verdict */
};

void page_rows_release(struct page_rows *p);
void page_detail_release(struct page_detail *d);

/* A file that pages are read from. */
struct page_file; /* opaque */
int page_open(struct page_file **out, const char *path, struct err *err);
void page_close(struct page_file *f); /* NULL: nothing */

/* Reads what is asked for; one request looks at no more than some 20,000 rows: reached_seq says
 * how far it came. 0, or -1 with err; release it in both cases. */
int page_read(struct page_file *f, const struct page_request *what, struct page_rows *out,
	struct err *err);

/* Reads one row whole, as it was known before `until_ms` (0: as it is known now). 0, also when
 * there is none, or -1 with err; release it in both cases. */
int page_read_detail(struct page_file *f, const char *id, int64_t until_ms,
	struct page_detail *out, struct err *err);

/* Judges its verdict anew where it rests on `rows_most` rows at most. 0, or -1 with err. */
int page_recheck(
	struct page_file *f, struct page_detail *d, int64_t rows_most, struct err *err);

/* recheck_open over the file, which it must not outlive. */
int page_recheck_open(struct recheck **out, struct page_file *f,
	const struct recheck_wish *what, struct err *err);

#endif
