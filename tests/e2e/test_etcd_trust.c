/* An etcd that is asked over TLS and wants to know who asks: a real one, a node and the
 * program. And the end of a migration whose plan lies there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/etcd.h"
#include "tests/lib/tls.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WAIT_MS 15000

struct fixture {
	struct world w;
	struct etcd_peer etcd;
	struct process node;
	struct process p; /* of the last command */
	char auth[WORLD_PATH], load[WORLD_PATH], trust[WORLD_PATH + 32], stranger[WORLD_PATH + 32];
	char target[600];
};

/* ---- the fleet of one ---- */

static void write_pem(struct fixture *f, char *path, const char *name, const char *pem)
{
	world_path(&f->w, path, name);
	world_write(path, pem);
	chmod(path, 0600);
}

/* Who is asked as; the file is the same, so that whoever has read it reads it anew. */
static void ask_as(struct fixture *f, const char *who)
{
	world_path(&f->w, f->auth, "auth");
	world_write(f->auth, who);
	chmod(f->auth, 0600);
}

static void start_etcd(struct fixture *f)
{
	struct tls_pair ca, other, own;
	char path[WORLD_PATH];
	tls_make_ca(&ca);
	tls_make_ca(&other);
	tls_make(&own, &ca, (struct tls_terms){NULL, -1, 1});
	write_pem(f, f->etcd.ca, "ca.pem", ca.cert);
	write_pem(f, f->etcd.cert, "cert.pem", own.cert);
	write_pem(f, f->etcd.key, "key.pem", own.key);
	write_pem(f, path, "other.pem", other.cert);
	snprintf(f->trust, sizeof f->trust, "SSL_CERT_FILE=%s", f->etcd.ca);
	snprintf(f->stranger, sizeof f->stranger, "SSL_CERT_FILE=%s", path);
	tls_release(&ca);
	tls_release(&other);
	tls_release(&own);
	etcd_peer_start(&f->etcd, f->w.dir);
	static const char *const orders[][8] = {{"user", "add", "root:top"},
		{"user", "grant-role", "root", "root"}, {"role", "add", "weir"},
		{"role", "grant-permission", "weir", "--prefix=true", "readwrite", "weir/"},
		{"user", "add", "ann:a:b\"c"}, {"user", "grant-role", "ann", "weir"},
		{"user", "add", "guest:nothing"}, {"auth", "enable"}};
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
		free(etcd_peer_ctl(&f->etcd, orders[i]));
	snprintf(f->etcd.user, sizeof f->etcd.user, "root:top");
}

static int weir(struct fixture *f, const char *trust, const char *const *args)
{
	const char *all[24];
	size_t n = 0;
	for (; args[n]; n++)
		all[n] = args[n];
	const char *const more[] = {"--history", f->w.history, "--config", f->w.config, NULL};
	memcpy(all + n, more, sizeof more);
	struct world_env env = world_env(&f->w, ARGS(trust));
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

#define DOES(status, ...) \
	do { \
		int is = weir(f, f->trust, ARGS(__VA_ARGS__)); \
		if (is != (status)) \
			fail_msg("status %d, not %d:\n%s%s", is, status, f->p.out.text, f->p.err.text); \
	} while (0)

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text) && !strstr(f->p.out.text, text))
		fail_msg("'%s' is in neither\n%s nor\n%s", text, f->p.out.text, f->p.err.text);
}

static bool is_listed(struct fixture *f)
{
	char *list = etcd_peer_ctl(&f->etcd, ARGS("get", "weir/shop/nodes/", "--prefix"));
	bool there = strstr(list, "n1") != NULL;
	free(list);
	return there;
}

#define UNTIL(f, truth) \
	do { \
		int64_t end_ms_ = process_clock_ms() + WAIT_MS; \
		while (!(truth)) { \
			if (process_clock_ms() > end_ms_) \
				fail_msg("not within %d ms: %s\n%s", WAIT_MS, #truth, (f)->node.err.text); \
			process_wait(&(f)->node, 20); \
		} \
	} while (0)

static void start_node(struct fixture *f)
{
	char listen[WORLD_PATH + 8], endpoint[64];
	snprintf(listen, sizeof listen, "unix:%s", f->w.socket);
	snprintf(endpoint, sizeof endpoint, "https://%s", f->etcd.address);
	struct world_env env = world_env(&f->w, ARGS(f->trust));
	world_start(&f->w, &f->node, &env,
		ARGS("serve", "--pool", "shop", "--node", "n1", "--listen", listen, "--etcd", endpoint,
			"--etcd-auth", f->auth, "--scenario", f->load, "--share", "0%", "--unit", "200ms"));
}

static int set_up_all(void **state)
{
	static struct fixture f;
	char text[900];
	memset(&f, 0, sizeof f);
	*state = &f;
	if (!etcd_peer_is_here())
		return 0;
	world_open(&f.w);
	start_etcd(&f);
	ask_as(&f, "ann:a:b\"c\n");
	snprintf(
		f.target, sizeof f.target, "etcd://%s/shop?tls=yes&auth=%s", f.etcd.address, f.auth);
	snprintf(text, sizeof text,
		"pools:\n  shop:\n    target: %s\n    interval: 100ms\n"
		"    plan: {steps: [50%%, 100%%], bake: 100ms, min_samples: 1, max_delta: 100%%}\n",
		f.target);
	world_write(f.w.config, text);
	world_path(&f.w, f.load, "load.yaml");
	world_write(f.load,
		"name: load\nrate: 200\nsessions: 10\nunit: 200ms\n"
		"operations: [{name: echo, weight: 1, work: 250us}]\n");
	start_node(&f);
	UNTIL(&f, is_listed(&f));
	assert_true(http_open(&f.w.http, f.w.target));
	return 0;
}

static int tear_down_all(void **state)
{
	struct fixture *f = *state;
	if (!f->w.dir[0])
		return 0;
	process_release(&f->p);
	process_release(&f->node);
	etcd_peer_stop(&f->etcd);
	world_close(&f->w);
	return 0;
}

static struct fixture *begin(void **state)
{
	struct fixture *f = *state;
	if (!f->w.dir[0])
		skip();
	return f;
}

/* ---- who asks ---- */

static void the_right_name_and_password_move_a_fleet(void **state)
{
	struct fixture *f = begin(state);
	DOES(0, "doctor", "shop");
	assert_says(f, "etcd 3.");
	assert_says(f, "the plan may be written");
	DOES(0, "step", "shop", "50%", "--confirm", "shop", "--wait");
	assert_says(f, "VERIFIED");
	/* the line that needs no weir has all that etcd asks for, and no password */
	DOES(0, "doctor", "shop");
	char *line = strstr(f->p.out.text, "ETCDCTL_API=3");
	assert_non_null(line);
	line[strcspn(line, "\n")] = '\0';
	assert_null(strstr(line, "a:b"));
	struct process by_hand;
	if (process_run(&by_hand, ARGS("/bin/sh", "-c", line), NULL, WAIT_MS) != 0)
		fail_msg("%s: %s", line, by_hand.err.text);
	process_release(&by_hand);
	UNTIL(f, world_fact(&f->w, "share_bp") == 0);
	/* neither stands in what is kept */
	DOES(0, "log", "--json");
	assert_null(strstr(f->p.out.text, "a:b"));
}

/* Each with what to do about it. */
static void whoever_may_not_is_told_why(void **state)
{
	struct fixture *f = begin(state);
	char other[600], nobody[120];
	snprintf(other, sizeof other, "etcd://%s/other?tls=yes&auth=%s", f->etcd.address, f->auth);
	ask_as(f, "ann:wrong\n");
	DOES(1, "status", other);
	assert_says(f, "W130");
	assert_says(f, "put the right NAME:PASSWORD into");
	ask_as(f, "nobody:wrong\n");
	DOES(1, "status", other);
	assert_says(f, "put the right NAME:PASSWORD into");
	ask_as(f, "guest:nothing\n");
	DOES(6, "status", other);
	assert_says(f, "W131");
	assert_says(f, "grant-permission ROLE --prefix=true readwrite weir/other/");
	ask_as(f, "made.7\n");
	DOES(1, "status", other);
	assert_says(f, "W130");
	assert_says(f, "refuses the token");
	snprintf(nobody, sizeof nobody, "etcd://%s/other?tls=yes", f->etcd.address);
	DOES(1, "status", nobody);
	assert_says(f, "asks who it is");
	ask_as(f, "ann:a:b\"c\n");
	DOES(0, "status", "shop");
	assert_null(strstr(f->p.err.text, "W130"));
}

/* The nodes that are known do it, whoever they are asked by. */
static void a_rollback_needs_no_password_of_etcd(void **state)
{
	struct fixture *f = begin(state);
	DOES(0, "step", "shop", "50%", "--confirm", "shop", "--wait");
	ask_as(f, "ann:wrong\n");
	DOES(6, "step", "shop", "100%", "--confirm", "shop");
	DOES(0, "rollback", "shop", "--wait");
	assert_says(f, "W130");
	assert_says(f, "VERIFIED");
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	ask_as(f, "ann:a:b\"c\n");
}

static void an_etcd_of_a_strange_ca_is_not_asked(void **state)
{
	struct fixture *f = begin(state);
	char other[600];
	snprintf(other, sizeof other, "etcd://%s/other?tls=yes&auth=%s", f->etcd.address, f->auth);
	if (weir(f, f->stranger, ARGS("status", other)) == 0)
		fail_msg("%s", f->p.out.text);
	assert_says(f, "unknown CA");
	/* nor without TLS, where it speaks nothing else */
	snprintf(other, sizeof other, "etcd://%s/other", f->etcd.address);
	DOES(1, "status", other);
	assert_says(f, "if it speaks TLS, say ?tls=yes");
}

/* An etcd that was started anew knows none of the tokens that it gave. */
static void a_token_that_etcd_forgot_is_renewed(void **state)
{
	struct fixture *f = begin(state);
	etcd_peer_kill(&f->etcd);
	etcd_peer_run(&f->etcd);
	/* the node follows what is asked of the plan */
	DOES(0, "step", "shop", "50%", "--confirm", "shop", "--wait");
	assert_says(f, "VERIFIED");
}

/* ---- the end of a migration ---- */

static bool stands(struct fixture *f, const char *name)
{
	cJSON *doc = world_state(&f->w);
	bool is = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(doc, name));
	cJSON_Delete(doc);
	return is;
}

static void keep(struct fixture *f, int share_bp)
{
	for (int i = 0; i < 50 && world_fact(&f->w, "kept_bp") != share_bp; i++)
		weir(f, f->trust, ARGS("keep", "shop", "--confirm", "shop"));
	assert_int_equal(world_fact(&f->w, "kept_bp"), share_bp);
}

/* On a connection of its own: one that was kept may have ended meanwhile. */
static void execute(struct fixture *f, const char *body)
{
	http_close(&f->w.http);
	assert_true(http_open(&f->w.http, f->w.target));
	assert_int_equal(http_call(&f->w.http, "POST", "/v1/execute", NULL, body, WAIT_MS), 200);
}

static bool asked_by_hand(struct fixture *f)
{
	char *there = etcd_peer_ctl(&f->etcd, ARGS("get", "weir/shop/now/rollback"));
	bool is = there[0] != '\0';
	free(there);
	return is;
}

static void row_71_a_shared_plan_ends_for_all(void **state)
{
	struct fixture *f = begin(state);
	/* a session of v1's that stays */
	DOES(0, "rollback", "shop", "--wait");
	static const char body[] =
		"{\"operation\":\"echo\",\"session\":\"rare\",\"payload\":\"1\"}";
	execute(f, body);
	DOES(0, "step", "shop", "50%", "--confirm", "shop", "--wait");
	keep(f, 5000);
	DOES(6, "finalize", "shop", "--confirm", "shop", "-m", "v1 goes off");
	assert_says(f, "v2 has 50 %");
	DOES(0, "step", "shop", "100%", "--confirm", "shop", "--wait");
	keep(f, 10000);
	DOES(6, "finalize", "shop", "--confirm", "shop", "-m", "v1 goes off");
	assert_says(f, "v1 still has ");
	assert_false(stands(f, "finalized"));
	/* it comes back, to v2 */
	execute(f, body);
	bool left = true;
	for (int i = 0; i < 200 && left; i++)
		left = weir(f, f->trust, ARGS("finalize", "shop", "--dry-run", "-m", "x")) != 0;
	DOES(0, "finalize", "shop", "--confirm", "shop", "-m", "v1 goes off", "--wait");
	assert_says(f, "VERIFIED");
	assert_true(stands(f, "finalized"));
}

static void row_71_nothing_goes_back_from_there(void **state)
{
	struct fixture *f = begin(state);
	for (int i = 0; i < 2; i++) {
		DOES(6, "rollback", "shop");
		assert_says(f, "W147");
		assert_says(f, "v1 goes off");
		DOES(6, "step", "shop", "50%", "--confirm", "shop");
		assert_says(f, "W147");
		/* what a hand asks by etcdctl is answered in the node's own words, and taken away */
		free(etcd_peer_ctl(&f->etcd, ARGS("put", "weir/shop/now/rollback", "back")));
		UNTIL(f, strstr(f->node.err.text, "rollback by hand: the migration is finished"));
		UNTIL(f, !asked_by_hand(f));
		assert_int_equal(world_fact(&f->w, "share_bp"), 10000);
		if (i > 0)
			continue;
		/* a node that knows nothing reads it in the plan */
		http_close(&f->w.http);
		process_signal(&f->node, SIGTERM);
		assert_int_equal(process_wait(&f->node, WAIT_MS), 0);
		process_release(&f->node);
		start_node(f);
		UNTIL(f, is_listed(f));
		assert_true(http_open(&f->w.http, f->w.target));
		UNTIL(f, stands(f, "finalized"));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_name_and_password_move_a_fleet),
		cmocka_unit_test(whoever_may_not_is_told_why),
		cmocka_unit_test(a_rollback_needs_no_password_of_etcd),
		cmocka_unit_test(an_etcd_of_a_strange_ca_is_not_asked),
		cmocka_unit_test(a_token_that_etcd_forgot_is_renewed),
		cmocka_unit_test(row_71_a_shared_plan_ends_for_all),
		cmocka_unit_test(row_71_nothing_goes_back_from_there),
	};
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
