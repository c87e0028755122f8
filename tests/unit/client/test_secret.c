/* Tests of client/secret: which files are read, which tokens are known, what is left behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "canary-0123456789abcdef"

struct fixture {
	char dir[64], path[96], link[96];
};

static int set_up(void **state)
{
	static struct fixture f;
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(
		f.dir, sizeof f.dir, "%s/weir-secret-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(f.dir));
	(void)snprintf(f.path, sizeof f.path, "%s/token", f.dir);
	(void)snprintf(f.link, sizeof f.link, "%s/link", f.dir);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	const struct fixture *f = *state;
	(void)unlink(f->path);
	(void)unlink(f->link);
	return rmdir(f->dir);
}

static void write_file(const struct fixture *f, const char *data, size_t len, mode_t mode)
{
	int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static void write_text(const struct fixture *f, const char *text)
{
	write_file(f, text, strlen(text), 0600);
}

/* The error of reading one token: it names the file and never the token. */
static enum err_code refused(const char *path, const char *why)
{
	struct err err = {0};
	char *token = NULL;
	assert_int_equal(secret_read(&token, path, &err), -1);
	assert_null(token);
	if (!strstr(err.text, path) || !strstr(err.text, why) || strstr(err.text, "canary"))
		fail_msg("%s", err.text);
	return err.code;
}

static void reads_one_token(void **state)
{
	const struct fixture *f = *state;
	static const char *const texts[] = {TOKEN, TOKEN "\n", TOKEN " \r\n\t\n"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct err err = {0};
		char *token;
		write_text(f, texts[i]);
		assert_int_equal(secret_read(&token, f->path, &err), 0);
		assert_string_equal(token, TOKEN);
		secret_free(token);
	}
	/* what another kind of pool gave out may be short, and read-only for oneself */
	char *token;
	write_file(f, "ab", 2, 0400);
	assert_int_equal(secret_read(&token, f->path, NULL), 0);
	assert_string_equal(token, "ab");
	secret_free(token);
	secret_free(NULL);
}

/* Row 67: a token file that others can read, or that is not the file it seems. */
static void row_67_token_file_modes(void **state)
{
	const struct fixture *f = *state;
	static const mode_t bad[] = {0640, 0604, 0644, 0620, 0602, 0610, 0601, 0666};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		write_file(f, TOKEN, strlen(TOKEN), bad[i]);
		assert_int_equal(refused(f->path, "chmod 600"), ERR_UNSAFE_FILE);
	}
	write_text(f, TOKEN);
	assert_int_equal(symlink(f->path, f->link), 0);
	assert_int_equal(refused(f->link, "symbolic link"), ERR_UNSAFE_FILE);
	assert_int_equal(refused(f->dir, "no regular file"), ERR_UNSAFE_FILE);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(refused(f->path, "No such file"), ERR_CONFIG);
	/* a pipe that nobody writes to is not waited for */
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(refused(f->path, "no regular file"), ERR_UNSAFE_FILE);
	if (geteuid() != 0)
		return;
	assert_int_equal(unlink(f->path), 0);
	write_text(f, TOKEN);
	assert_int_equal(chown(f->path, 1, 1), 0);
	assert_int_equal(refused(f->path, "yours alone"), ERR_UNSAFE_FILE);
}

static void refuses_what_is_no_token(void **state)
{
	const struct fixture *f = *state;
	char longest[SECRET_FILE_MAX + 1];
	static const struct {
		const char *text, *why;
		size_t len;
	} rows[] = {
		{"", "is empty", 0},
		{" \n", "is empty", 2},
		{"canary x", "without blanks", 8},
		{" canary", "without blanks", 7},
		{"canary\ncanary", "without blanks", 13},
		{"canary\x1b[31m", "printable", 11},
		{"canary\x7f", "printable", 7},
		{"canary\xc3\xa9", "printable", 8},
		{"canary\0x", "zero byte", 8},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		write_file(f, rows[i].text, rows[i].len, 0600);
		assert_int_equal(refused(f->path, rows[i].why), ERR_CONFIG);
	}
	memset(longest, 'x', sizeof longest);
	write_file(f, longest, sizeof longest, 0600);
	assert_int_equal(refused(f->path, "too long"), ERR_CONFIG);
	char *token;
	write_file(f, longest, SECRET_FILE_MAX, 0600);
	assert_int_equal(secret_read(&token, f->path, NULL), 0);
	assert_int_equal(strlen(token), SECRET_FILE_MAX);
	secret_free(token);
}

static void a_list_grants(void **state)
{
	const struct fixture *f = *state;
	struct secret_list list;
	struct err err = {0};
	write_text(f,
		"# of the operators\n\naaaaaaaaaaaaaaaa\nbbbbbbbbbbbbbbbb read\r\n"
		"cccccccccccccccc \t read \ndddddddddddddddd");
	if (secret_read_list(&list, f->path, &err))
		fail_msg("%s", err.text);
	static const struct {
		const char *token;
		enum secret_grant grant;
	} rows[] = {
		{"aaaaaaaaaaaaaaaa", SECRET_WRITES},
		{"bbbbbbbbbbbbbbbb", SECRET_READS},
		{"cccccccccccccccc", SECRET_READS},
		{"dddddddddddddddd", SECRET_WRITES},
		{"", SECRET_NOTHING},
		{"aaaaaaaaaaaaaaa", SECRET_NOTHING},
		{"aaaaaaaaaaaaaaaaa", SECRET_NOTHING},
		{"aaaaaaaaaaaaaaab", SECRET_NOTHING},
		{"Aaaaaaaaaaaaaaaa", SECRET_NOTHING},
		{"bbbbbbbbbbbbbbbb read", SECRET_NOTHING},
		{"# of the operators", SECRET_NOTHING},
		{"of", SECRET_NOTHING},
	};
	assert_int_equal(list.count, 4);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(secret_grant(&list, rows[i].token), rows[i].grant);
	secret_list_free(&list);
	assert_int_equal(secret_grant(&list, ""), SECRET_NOTHING);
	secret_list_free(&list);
}

static void a_list_is_refused_as_a_whole(void **state)
{
	const struct fixture *f = *state;
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "no token"},
		{"# none\n\n", "no token"},
		{"canary-too-short", ""}, /* 16: just long enough */
		{"canary-too-shor", "line 1: a token of a pool has 16"},
		{"\ncanary-0123456789 write", "line 2: want TOKEN"},
		{"canary-0123456789 reads", "line 1: want TOKEN"},
		{"canary-0123456789 read write", "line 1: want TOKEN"},
		{" canary-0123456789", "line 1: want TOKEN"},
		{"canary-0123456789\xff", "line 1: want TOKEN"},
		{"canary-0123456789\ncanary-0123456789 read", "line 2: the same token"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct secret_list list;
		struct err err = {0};
		write_text(f, rows[i].text);
		int rc = secret_read_list(&list, f->path, &err);
		assert_int_equal(rc, *rows[i].why ? -1 : 0);
		if (rc < 0 && (!strstr(err.text, rows[i].why) || strstr(err.text, "canary")))
			fail_msg("%s", err.text);
		assert_int_equal(err.code, rc < 0 ? ERR_CONFIG : ERR_NONE);
		secret_list_free(&list);
	}
	struct text many = {0};
	for (int i = 0; i < SECRET_TOKENS_MAX + 1; i++)
		text_addf(&many, "canary-0123456789-%d\n", i);
	struct secret_list list;
	struct err err = {0};
	write_text(f, text_str(&many));
	assert_int_equal(secret_read_list(&list, f->path, &err), -1);
	assert_non_null(strstr(err.text, "line 65: more than 64"));
	text_free(&many);
	write_file(f, TOKEN, strlen(TOKEN), 0644);
	assert_int_equal(secret_read_list(&list, f->path, &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_FILE);
}

static void a_key_may_be_a_link_but_not_the_worlds(void **state)
{
	const struct fixture *f = *state;
	struct err err = {0};
	char *key;
	write_file(f, "key", 3, 0640);
	assert_int_equal(symlink(f->path, f->link), 0);
	assert_int_equal(secret_read_key(&key, f->link, &err), 0);
	assert_string_equal(key, "key");
	secret_free(key);
	write_file(f, "key", 3, 0644);
	assert_int_equal(secret_read_key(&key, f->path, &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_FILE);
}

/* Row 67: a core of a process that knows a token would hold it. */
static void row_67_no_core(void **state)
{
	const struct fixture *f = *state;
	char *token;
	assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
	write_text(f, TOKEN);
	assert_int_equal(secret_read(&token, f->path, NULL), 0);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	secret_free(token);
}

/* Row 67: a token that must be named is masked. */
static void row_67_mask(void **state)
{
	char name[SECRET_MASK_MAX];
	(void)state;
	secret_mask(name, "aaaaaaaaaaaaaaaaaaaaaa4f");
	assert_string_equal(name, "tok_...4f");
	secret_mask(name, "short");
	assert_string_equal(name, "tok_...");
	secret_mask(name, "");
	assert_string_equal(name, "tok_...");
}

int main(void)
{
#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_FILES(reads_one_token),
		WITH_FILES(row_67_token_file_modes),
		WITH_FILES(refuses_what_is_no_token),
		WITH_FILES(a_list_grants),
		WITH_FILES(a_list_is_refused_as_a_whole),
		WITH_FILES(a_key_may_be_a_link_but_not_the_worlds),
		WITH_FILES(row_67_no_core),
		cmocka_unit_test(row_67_mask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
