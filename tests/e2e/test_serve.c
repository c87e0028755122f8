/* A pool with tokens and TLS, served and spoken to by the real program: who gets in, who does not,
 * and where the token is afterwards (nowhere). */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/tls.h"
#include "tests/lib/world.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANARY "canary-5d41402abc4b2a76"
#define READER "canary-reader-7c211433f0"
#define WAIT_MS 10000

struct fixture {
	struct world w;
	struct process p; /* of the last command */
	struct tls_pair ca;
	char ca_file[WORLD_PATH], cert[WORLD_PATH], key[WORLD_PATH];
	char tokens[WORLD_PATH]; /* the pool's */
	char token[WORLD_PATH];  /* the console's */
	char trust[WORLD_PATH + 16];
};

static void write_secret(const char *path, const char *text)
{
	world_write(path, text);
	assert_int_equal(chmod(path, 0600), 0);
}

/* The pool's certificate: signed by the CA, on these terms. */
static void certify(struct fixture *f, struct tls_terms terms)
{
	struct tls_pair pair;
	tls_make(&pair, &f->ca, terms);
	world_write(f->cert, pair.cert);
	write_secret(f->key, pair.key);
	tls_release(&pair);
}

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_path(&f.w, f.ca_file, "ca.pem");
	world_path(&f.w, f.cert, "cert.pem");
	world_path(&f.w, f.key, "key.pem");
	world_path(&f.w, f.tokens, "tokens");
	world_path(&f.w, f.token, "token");
	(void)snprintf(f.trust, sizeof f.trust, "SSL_CERT_FILE=%s", f.ca_file);
	tls_make_ca(&f.ca);
	world_write(f.ca_file, f.ca.cert);
	certify(&f, (struct tls_terms){NULL, -1, 1});
	write_secret(f.tokens, "# of tests\n" CANARY "\n" READER " read\n");
	write_secret(f.token, CANARY "\n");
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	process_release(&f->p);
	world_close(&f->w);
	tls_release(&f->ca);
	return 0;
}

/* Serves at an address with TLS and tokens, beside the unix socket, and tells the configuration
 * that the pool is at that port of `host`. */
static void serve_at(struct fixture *f, const char *address, const char *host)
{
	char target[WORLD_PATH], rest[2 * WORLD_PATH];
	world_pool(&f->w, false,
		ARGS("--share", "10%", "--listen", address, "--token-file", f->tokens, "--tls-cert",
			f->cert, "--tls-key", f->key));
	assert_in_range(f->w.port, 1, 65535);
	(void)snprintf(target, sizeof target, "https://%s:%d", host, f->w.port);
	(void)snprintf(rest, sizeof rest, "    interval: 100ms\n    token_file: %s\n", f->token);
	world_config(&f->w, target, rest);
}

/* Runs a command that trusts the CA; its status. */
static int run(struct fixture *f, const char *const *args)
{
	const char *all[40];
	size_t n = 0;
	struct world_env env = world_env(&f->w, ARGS(f->trust));
	for (; args[n] && n < 36; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

#define WEIR(f, ...) run(f, ARGS(__VA_ARGS__))
#define HOLD "hold", "checkout", "--reason", "row"

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text) && !strstr(f->p.out.text, text))
		fail_msg("'%s' is in neither\n%s nor\n%s", text, f->p.out.text, f->p.err.text);
}

static void assert_status(struct fixture *f, int got, int want)
{
	if (got != want)
		fail_msg("status %d, not %d\n%s%s", got, want, f->p.out.text, f->p.err.text);
}

/* Starts a console of one line a second and waits until it says why it sees nothing. */
static void assert_sees_nothing(struct fixture *f, const char *why)
{
	struct world_env env = world_env(&f->w, ARGS(f->trust));
	process_release(&f->p);
	world_start(&f->w, &f->p, &env, ARGS("status", "--watch", "--config", f->w.config));
	if (!process_wait_out(&f->p, why, WAIT_MS))
		fail_msg("'%s' is not in\n%s%s", why, f->p.out.text, f->p.err.text);
	assert_non_null(strstr(f->p.out.text, "NEVER"));
}

/* Row 6: the whole way with TLS, a token and a CA of one's own: reading and changing, and the
 * unix socket beside it. */
static void row_06_end_to_end(void **state)
{
	struct fixture *f = *state;
	static const char *const rows[][2] = {
		{"127.0.0.1:0", "localhost"}, {"0.0.0.0:0", "127.0.0.1"}};
	for (size_t i = 0; i < 2; i++) {
		serve_at(f, rows[i][0], rows[i][1]);
		assert_true(process_wait_err(&f->w.pool, "serving on https://", WAIT_MS));
		assert_status(f, WEIR(f, "status"), 0);
		assert_status(f, WEIR(f, HOLD), 0);
		assert_int_equal(world_fact(&f->w, "audit_seq"), 1); /* over the unix socket */
		process_signal(&f->w.pool, SIGTERM);
		assert_int_equal(process_wait(&f->w.pool, WAIT_MS), 0);
		http_close(&f->w.http);
	}
}

/* Row 6: what cannot be verified is not spoken to, and each is named. */
static void row_06_not_verified(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct tls_terms terms;
		const char *says;
	} rows[] = {
		{{NULL, -2, -1}, "TLS: expired"},
		{{"other.example", -1, 1}, "TLS: name mism"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		certify(f, rows[i].terms);
		serve_at(f, "127.0.0.1:0", "localhost");
		assert_sees_nothing(f, rows[i].says);
		http_close(&f->w.http);
	}
	/* a good one, whose CA nobody here knows */
	certify(f, (struct tls_terms){NULL, -1, 1});
	serve_at(f, "127.0.0.1:0", "localhost");
	struct tls_pair other;
	tls_make_ca(&other);
	world_write(f->ca_file, other.cert);
	tls_release(&other);
	assert_status(f, WEIR(f, "status"), 1);
	assert_says(f, "W110");
	assert_says(f, "unknown CA");
}

/* Row 67: a wrong token, none, one that may only read, a file that others can read. */
static void row_67_wrong_token(void **state)
{
	struct fixture *f = *state;
	serve_at(f, "127.0.0.1:0", "localhost");
	write_secret(f->token, "canary-wrong-0123456789\n");
	assert_status(f, WEIR(f, "status"), 1);
	assert_says(f, "W130");
	char url[64];
	(void)snprintf(url, sizeof url, "https://localhost:%d", f->w.port);
	assert_status(f, WEIR(f, "status", url), 1);
	assert_says(f, "W130");
	assert_says(f, "wants a token");
	write_secret(f->token, READER "\n");
	assert_status(f, WEIR(f, "status"), 0);
	assert_int_not_equal(
		WEIR(f, "step", "checkout", "20%", "--confirm", "checkout", "--reason", "row"), 0);
	assert_says(f, "W131");
	assert_int_equal(chmod(f->token, 0640), 0);
	assert_status(f, WEIR(f, "status"), 1);
	assert_says(f, "W204");
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
}

static char found[WORLD_PATH]; /* a file that holds a token; "" none */

static int look(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)ftw;
	const char *name = strrchr(path, '/') + 1;
	if (flag != FTW_F || !S_ISREG(st->st_mode) || strcmp(name, "token") == 0 ||
		strcmp(name, "tokens") == 0)
		return 0;
	FILE *file = fopen(path, "r");
	char *data = calloc(1, (size_t)st->st_size + 1);
	assert_true(file && data);
	size_t len = fread(data, 1, (size_t)st->st_size, file);
	if (memmem(data, len, "canary-", 7))
		(void)text_copy(found, sizeof found, path);
	free(data);
	fclose(file);
	return 0;
}

static void assert_no_canary(pid_t pid, const char *name)
{
	char path[64], data[65536];
	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	FILE *file = fopen(path, "r");
	if (!file)
		return; /* environ of one that cannot be looked into */
	size_t len = fread(data, 1, sizeof data, file);
	assert_true(strcmp(name, "cmdline") != 0 || len > 0);
	assert_null(memmem(data, len, "canary-", 7));
	fclose(file);
}

/* Row 67: the token is in no command line, environment, output, history, key log or core, of the
 * pool or of the console. */
static void row_67_token_nowhere(void **state)
{
	struct fixture *f = *state;
	char keys[WORLD_PATH], variable[WORLD_PATH + 16];
	struct rlimit cores, all;
	world_path(&f->w, keys, "tls-keys");
	(void)snprintf(variable, sizeof variable, "SSLKEYLOGFILE=%s", keys);
	assert_int_equal(putenv(variable), 0); /* of the pool and of all commands */
	assert_int_equal(getrlimit(RLIMIT_CORE, &cores), 0);
	all = (struct rlimit){cores.rlim_max, cores.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_CORE, &all), 0);
	serve_at(f, "127.0.0.1:0", "localhost");
	assert_status(f, WEIR(f, "status", "--json"), 0);
	assert_null(strstr(f->p.out.text, "canary-"));
	assert_status(f, WEIR(f, HOLD), 0);
	assert_null(strstr(f->p.out.text, "canary-"));
	assert_null(strstr(f->p.err.text, "canary-"));
	assert_true(process_wait_err(&f->w.pool, "tok_...76 may read and write", WAIT_MS));
	assert_true(process_wait_err(&f->w.pool, "tok_...f0 may read\n", WAIT_MS));
	assert_null(strstr(f->w.pool.err.text, "canary-"));

	struct process watch;
	struct world_env env = world_env(&f->w, ARGS(f->trust));
	world_start(&f->w, &watch, &env, ARGS("status", "--watch", "--config", f->w.config));
	assert_true(process_wait_out(&watch, "checkout", WAIT_MS));
	const pid_t pids[] = {f->w.pool.pid, watch.pid};
	for (size_t i = 0; i < 2; i++) {
		assert_no_canary(pids[i], "cmdline");
		assert_no_canary(pids[i], "environ");
		/* a crash leaves no core, wherever cores go on this machine */
		siginfo_t end = {0};
		assert_int_equal(kill(pids[i], SIGABRT), 0);
		assert_int_equal(waitid(P_PID, (id_t)pids[i], &end, WEXITED | WNOWAIT), 0);
		assert_int_equal(end.si_code, CLD_KILLED);
	}
	assert_int_equal(process_wait(&watch, WAIT_MS), 128 + SIGABRT);
	assert_null(strstr(watch.out.text, "canary-"));
	process_release(&watch);
	assert_int_equal(setrlimit(RLIMIT_CORE, &cores), 0);
	assert_int_equal(unsetenv("SSLKEYLOGFILE"), 0);
	assert_int_equal(access(keys, F_OK), -1);
	found[0] = '\0';
	assert_int_equal(nftw(f->w.dir, look, 16, FTW_PHYS), 0);
	if (*found)
		fail_msg("a token stands in %s", found);
	assert_int_equal(access(f->w.history, F_OK), 0);
}

/* Row 81: elsewhere than on loopback only with both, and never with half of them. */
static void row_81_refuses_elsewhere(void **state)
{
	struct fixture *f = *state;
	char open_key[WORLD_PATH], link[WORLD_PATH], none[WORLD_PATH];
	world_path(&f->w, open_key, "open-key");
	world_path(&f->w, link, "link");
	world_path(&f->w, none, "none");
	world_write(open_key, "key");
	assert_int_equal(chmod(open_key, 0644), 0);
	assert_int_equal(symlink(f->tokens, link), 0);
#define TOKENS "--token-file", f->tokens
#define TLS "--tls-cert", f->cert, "--tls-key", f->key
	const struct {
		const char *args[10];
		int status;
		const char *says;
	} rows[] = {
		{{"--listen", "0.0.0.0:0"}, 2, "not loopback"},
		{{"--listen", "[::]:0"}, 2, "not loopback"},
		{{"--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0", TOKENS}, 2, "not loopback"},
		{{"--listen", "0.0.0.0:0", TLS}, 2, "--token-file, and --tls-cert"},
		{{"--listen", "127.0.0.1:0", "--tls-cert", f->cert}, 2, "go together"},
		{{"--listen", "127.0.0.1:0", "--tls-key", f->key}, 2, "go together"},
		{{"--listen", "127.0.0.1:0", "--token-file", none}, 2, "W002"},
		{{"--listen", "127.0.0.1:0", "--token-file", f->cert}, 1, "W204"},
		{{"--listen", "127.0.0.1:0", "--token-file", link}, 1, "symbolic link"},
		{{"--listen", "127.0.0.1:0", "--tls-cert", none, "--tls-key", f->key}, 1, "W004"},
		{{"--listen", "127.0.0.1:0", "--tls-cert", f->cert, "--tls-key", open_key}, 1, "W204"},
		{{"--listen", "127.0.0.1:0", "--tls-cert", f->tokens, "--tls-key", f->key}, 1, "W110"},
		{{"--listen", "127.0.0.1:0", "--tls-cert", f->ca_file, "--tls-key", f->key}, 1, "W110"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *args[12] = {"serve"};
		for (size_t k = 0; k < 10 && rows[i].args[k]; k++)
			args[k + 1] = rows[i].args[k];
		process_release(&f->p);
		int status = world_run(&f->w, &f->p, NULL, args);
		if (status != rows[i].status || !strstr(f->p.err.text, rows[i].says))
			fail_msg("row %zu: status %d: %s", i, status, f->p.err.text);
	}
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_06_end_to_end),
		TEST(row_06_not_verified),
		TEST(row_67_wrong_token),
		TEST(row_67_token_nowhere),
		TEST(row_81_refuses_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
