/* Act job: one act that a command does on one pool, and what is said of how it ended, with the exit
 * status of each end. What is said is on stdout as words or JSON, and on stderr where it failed. */
#ifndef WEIR_TUI_ACT_JOB_H
#define WEIR_TUI_ACT_JOB_H

#include "tui/setup.h"

struct act_job {
	struct setup *s;
	const struct options *o;
	enum verb verb;
	const char *word; /* of the act: the command's, "operations" of a rollback by operation */
	char words[400];  /* what is asked behind it */
	int from_bp;      /* of --from; -1 not given */
	struct act_request request;
	struct act_result result;
	struct act_view view;
	bool keeps_lease; /* it was this person's before, or is what was asked for */
};

/* The pool that it acts on. */
const struct pool *act_job_pool(const struct act_job *j);

/* Of one that was only judged: each check, and whether it would go. */
int act_job_report_judged(const struct act_job *j);

/* Of one that was refused, and what was asked of somebody else instead. */
int act_job_report_refusal(const struct act_job *j);

/* Of one that asks somebody else. */
int act_job_report_asked(const struct act_job *j);

/* Of one that had nothing to do. */
int act_job_report_already(const struct act_job *j);

/* Of one that was sent, as `view` says. */
int act_job_report(const struct act_job *j);

#endif
