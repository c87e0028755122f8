/* Storage bed: a program that writes a history, and what must hold of it afterwards. */
#ifndef WEIR_TESTS_E2E_STORAGE_BED_H
#define WEIR_TESTS_E2E_STORAGE_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/glass.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LATER_MS "61000" /* then what is found open has no living sender */
#define STEP "step", "checkout", "10%", "--confirm", "checkout"
#define ROLLBACK "rollback", "checkout"
#define KEY_MS 2000

struct fixture {
	struct world w;
	struct glass g;
	struct process p;
	char history[WORLD_PATH]; /* the one that commands are given */
	char gate_path[WORLD_PATH], bell_path[WORLD_PATH];
	int gate, bell;
};

static inline int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	f.gate = f.bell = -1;
	world_open(&f.w);
	world_path(&f.w, f.gate_path, "gate");
	world_path(&f.w, f.bell_path, "bell");
	text_copy(f.history, sizeof f.history, f.w.history);
	*state = &f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->gate >= 0)
		close(f->gate);
	if (f->bell >= 0)
		close(f->bell);
	glass_close(&f->g);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

static inline void manual_pool(struct fixture *f)
{
	world_config(&f->w, f->w.target, "    interval: 100ms\n");
	world_pool(&f->w, false, ARGS("--share", "0%"));
}

/* Runs `weir ARGS` on the fixture's history; `rules` may be NULL. */
static inline int run(struct fixture *f, const char *rules, const char *const *args)
{
	const char *all[24];
	size_t n = 0;
	for (; args[n] && n < 18; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n++] = "--history";
	all[n++] = f->history;
	all[n] = NULL;
	struct world_env env = rules ? world_fault(&f->w, rules, NULL) : world_env(&f->w, NULL);
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

static inline bool says(const struct fixture *f, const char *text)
{
	return strstr(f->p.out.text, text) || strstr(f->p.err.text, text);
}

static inline void assert_says(const struct fixture *f, const char *text)
{
	if (!says(f, text))
		fail_msg("'%s' is not said: %s%s", text, f->p.out.text, f->p.err.text);
}

/* A macro, so that a failure names the line. */
#define assert_status(f, is, wanted) \
	do { \
		int status_ = (is); \
		if (status_ != (wanted)) \
			fail_msg( \
				"status %d, not %d: %s%s", status_, wanted, (f)->p.out.text, (f)->p.err.text); \
	} while (0)

/* ---- what must hold afterwards ---- */

static inline int count_of(const cJSON *list, const char *member, const char *value)
{
	const cJSON *item;
	int n = 0;
	cJSON_ArrayForEach(item, list) n += strcmp(world_word(item, member), value) == 0;
	return n;
}

static inline int count_done(struct fixture *f, const char *verb)
{
	cJSON *audit = world_audit(&f->w, 0);
	int n = count_of(audit, "what", verb);
	cJSON_Delete(audit);
	return n;
}

/* A step is refused and nothing leaves. */
static inline void check_refused(struct fixture *f, const char *rules, const char *share)
{
	int64_t done = world_fact(&f->w, "audit_seq");
	assert_status(
		f, run(f, rules, ARGS("step", "checkout", share, "--confirm", "checkout")), 6);
	assert_says(f, "W200");
	assert_int_equal(world_fact(&f->w, "audit_seq"), done);
}

/* The brakes work; what could not be recorded is said. */
static inline void check_brakes(struct fixture *f, const char *rules)
{
	int holds = count_done(f, "hold"), rollbacks = count_done(f, "rollback");
	int status = run(f, rules, ARGS("hold", "checkout"));
	if (status != 0 && status != 3)
		fail_msg("hold: status %d: %s", status, f->p.err.text);
	assert_int_equal(status == 3, says(f, "NOT RECORDED") || says(f, "W207"));
	status = run(f, rules, ARGS(ROLLBACK));
	if (status != 0 && status != 3)
		fail_msg("rollback: status %d: %s", status, f->p.err.text);
	assert_int_equal(status == 3, says(f, "NOT RECORDED") || says(f, "W207"));
	assert_int_equal(count_done(f, "hold"), holds + 1);
	assert_int_equal(count_done(f, "rollback"), rollbacks + 1);
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
}

#endif
