/* Etcd bed: a fleet of three real nodes whose plan lies in a real etcd, and one who looks at it. */
#ifndef WEIR_TESTS_E2E_ETCD_BED_H
#define WEIR_TESTS_E2E_ETCD_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/drivers.h"
#include "client/engine/control.h"
#include "client/etcd.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/etcd.h"
#include "tests/lib/world.h"
#include "tui/desk.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NODES 3
#define WAIT_MS 15000
#define INCREMENTS 25

struct fixture {
	struct world w;
	struct etcd_peer etcd;
	struct process node[NODES];
	char socket[NODES][WORLD_PATH];
	char target[80];
};

/* ---- the fleet ---- */

static inline void start_node(struct fixture *f, int i)
{
	char name[16], listen[WORLD_PATH + 8], state[WORLD_PATH];
	snprintf(name, sizeof name, "n%d", i + 1);
	snprintf(listen, sizeof listen, "unix:%s", f->socket[i]);
	world_path(&f->w, state, name);
	/* the clock of one of them is a day ahead: nothing may come of it */
	const struct world_env skewed = world_fault(&f->w, "clock=86400000", NULL);
	world_start(&f->w, &f->node[i], i == 1 ? &skewed : NULL,
		ARGS("serve", "--pool", "shop", "--node", name, "--listen", listen, "--etcd",
			f->etcd.address, "--etcd-ttl", "2s", "--state", state));
}

/* The document of a node; NULL where it does not answer. Delete it. */
static inline cJSON *document(struct fixture *f, int i)
{
	char address[WORLD_PATH + 8];
	struct http http = {.fd = -1};
	snprintf(address, sizeof address, "unix:%s", f->socket[i]);
	cJSON *doc = NULL;
	if (http_open(&http, address) &&
		http_call(&http, "GET", "/v1/state", NULL, NULL, 2000) == 200)
		doc = cJSON_Parse(http.body);
	http_close(&http);
	return doc;
}

/* A number of a node's document; -1 where there is none. */
static inline int64_t fact(struct fixture *f, int i, const char *name)
{
	cJSON *doc = document(f, i);
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, name);
	int64_t n = cJSON_IsNumber(item) ? (int64_t)item->valuedouble : -1;
	cJSON_Delete(doc);
	return n;
}

/* True when a word of a node's document has these words in it. */
static inline bool says(struct fixture *f, int i, const char *path, const char *words)
{
	cJSON *doc = document(f, i);
	bool there = strstr(world_word(doc, path), words) != NULL;
	cJSON_Delete(doc);
	return there;
}

static inline bool is_held(struct fixture *f, int i, const char *words)
{
	return says(f, i, "hold.reason", words);
}

static inline bool all_have(struct fixture *f, const char *name, int64_t value)
{
	for (int i = 0; i < NODES; i++)
		if (fact(f, i, name) != value)
			return false;
	return true;
}

/* All have the same last change, not only the same place, and nobody misses etcd. */
static inline bool all_agree(struct fixture *f)
{
	cJSON *first = document(f, 0);
	const char *head = world_word(first, "audit_head");
	bool same = head[0] && says(f, 1, "audit_head", head) && says(f, 2, "audit_head", head);
	cJSON_Delete(first);
	if (!same)
		return false;
	for (int i = 0; i < NODES; i++)
		if (fact(f, i, "epoch") != fact(f, 0, "epoch") ||
			fact(f, i, "rev") != fact(f, 0, "rev") ||
			fact(f, i, "audit_seq") != fact(f, 0, "audit_seq") ||
			is_held(f, i, "etcd not seen"))
			return false;
	return true;
}

/* Where all stand, for whoever reads why a test failed. */
static inline void tell(struct fixture *f)
{
	for (int i = 0; i < NODES; i++) {
		cJSON *doc = document(f, i);
		fprintf(stderr, "n%d: epoch %lld rev %lld seq %lld share %lld hold '%s'; %s", i + 1,
			(long long)fact(f, i, "epoch"), (long long)fact(f, i, "rev"),
			(long long)fact(f, i, "audit_seq"), (long long)fact(f, i, "share_bp"),
			doc ? world_word(doc, "hold.reason") : "no answer", f->node[i].err.text);
		cJSON_Delete(doc);
	}
}

#define UNTIL(f, truth) \
	do { \
		int64_t end_ms_ = process_clock_ms() + WAIT_MS; \
		while (!(truth)) { \
			if (process_clock_ms() > end_ms_) { \
				tell(f); \
				fail_msg("not within %d ms: %s", WAIT_MS, #truth); \
			} \
			process_wait(&(f)->node[0], 20); \
		} \
	} while (0)

static inline bool is_listed(struct fixture *f, const char *node)
{
	char *list =
		etcd_peer_ctl(&f->etcd, ARGS("get", "weir/shop/nodes/", "--prefix", "--keys-only"));
	bool there = strstr(list, node) != NULL;
	free(list);
	return there;
}

/* Who waits for a fleet looks at it often here. */
static inline void configure(struct fixture *f)
{
	char text[256];
	snprintf(
		text, sizeof text, "pools:\n  shop:\n    target: %s\n    interval: 100ms\n", f->target);
	world_write(f->w.config, text);
}

static inline int set_up_all(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	*state = &f;
	if (!etcd_peer_is_here())
		return 0;
	world_open(&f.w);
	etcd_peer_start(&f.etcd, f.w.dir);
	snprintf(f.target, sizeof f.target, "etcd://%s/shop", f.etcd.address);
	configure(&f);
	for (int i = 0; i < NODES; i++) {
		char name[16];
		snprintf(name, sizeof name, "s%d", i);
		world_path(&f.w, f.socket[i], name);
		start_node(&f, i);
	}
	for (int i = 0; i < NODES; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i + 1);
		UNTIL(&f, is_listed(&f, name));
	}
	UNTIL(&f, all_agree(&f));
	return 0;
}

static inline int tear_down_all(void **state)
{
	struct fixture *f = *state;
	if (!f->w.dir[0])
		return 0;
	for (int i = 0; i < NODES; i++)
		process_release(&f->node[i]);
	etcd_peer_stop(&f->etcd);
	world_close(&f->w);
	return 0;
}

static inline struct fixture *begin(void **state)
{
	struct fixture *f = *state;
	if (!f->w.dir[0])
		skip();
	return f;
}

/* Runs weir with a history of its own; its status. What it said is in `p`. */
static inline int run(struct fixture *f, struct process *p, const char *const *args)
{
	const char *all[24];
	size_t n = 0;
	for (; args[n]; n++)
		all[n] = args[n];
	const char *const more[] = {"--history", f->w.history, "--config", f->w.config, NULL};
	memcpy(all + n, more, sizeof more);
	return world_run(&f->w, p, NULL, all);
}

static inline void step_to(struct fixture *f, const char *share, int status, const char *says)
{
	struct process p;
	int got = run(f, &p, ARGS("step", "shop", share, "--confirm", "shop", "--wait"));
	if (got != status || !(strstr(p.out.text, says) || strstr(p.err.text, says)))
		fail_msg("step to %s: status %d: %s%s", share, got, p.out.text, p.err.text);
	process_release(&p);
}

static inline void roll_back(struct fixture *f, const char *says)
{
	struct process p;
	int got = run(f, &p, ARGS("rollback", "shop", "--wait"));
	if (got != 0 || !strstr(p.out.text, says))
		fail_msg("rollback: status %d: %s%s", got, p.out.text, p.err.text);
	process_release(&p);
}

static inline struct instant now(void)
{
	struct timespec boot, wall;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct instant){boot.tv_sec * 1000 + boot.tv_nsec / 1000000,
		wall.tv_sec * 1000 + wall.tv_nsec / 1000000};
}

#endif
