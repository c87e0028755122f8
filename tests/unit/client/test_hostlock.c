/* Hostlock: who holds it, what he wrote, and the files that are not to be trusted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/hostlock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
	char dir[200], path[240], other[240];
	struct hostlock *lock;
};

static int set_up(void **state)
{
	static struct place p;
	memset(&p, 0, sizeof p);
	/* Where another user gets to as well: a run's own directory is closed to them. */
	snprintf(p.dir, sizeof p.dir, "/tmp/weir-lock-XXXXXX");
	if (!mkdtemp(p.dir))
		return -1;
	snprintf(p.path, sizeof p.path, "%s/a.guard", p.dir);
	snprintf(p.other, sizeof p.other, "%s/b.guard", p.dir);
	*state = &p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	hostlock_free(p->lock);
	unlink(p->path);
	unlink(p->other);
	return rmdir(p->dir);
}

static void take(struct place *p)
{
	struct err err = {0};
	if (hostlock_take(&p->lock, p->path, &err) < 0)
		fail_msg("%s", err.text);
}

static void refused(const char *path, enum err_code code, const char *says)
{
	struct hostlock *lock = NULL;
	struct err err = {0};
	assert_int_equal(hostlock_take(&lock, path, &err), -1);
	assert_null(lock);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, says) || !strstr(err.text, path))
		fail_msg("'%s' does not say '%s' of '%s'", err.text, says, path);
}

static bool reads(const char *path, const char *expected)
{
	char line[HOSTLOCK_LINE_MAX];
	memset(line, 'x', sizeof line);
	bool held = hostlock_read(path, NULL, line);
	assert_string_equal(line, held ? expected : "");
	return held;
}

/* Writes bytes as nobody who holds the lock does. */
static void scribble(const char *path, const char *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_the_line_of_whoever_holds_it(void **state)
{
	struct place *p = *state;
	assert_false(reads(p->path, "")); /* nobody ever held it */
	take(p);
	struct stat st;
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 022, 0);
	assert_false(reads(p->path, "")); /* held, nothing said yet */
	assert_true(hostlock_write(p->lock, "a long first line of who it is"));
	assert_true(reads(p->path, "a long first line of who it is"));
	assert_true(hostlock_write(p->lock, "short"));
	assert_true(reads(p->path, "short")); /* nothing is left of the longer one */
	refused(p->path, ERR_LOCKED, "held by another process");
	assert_true(reads(p->path, "short")); /* who asks in vain changes nothing */
	hostlock_free(p->lock);
	p->lock = NULL;
	assert_false(reads(p->path, ""));
	take(p); /* free again */
	assert_false(reads(p->path, ""));
	hostlock_free(NULL);
}

static void test_a_line_that_is_too_long(void **state)
{
	struct place *p = *state;
	char longest[HOSTLOCK_LINE_MAX + 100];
	memset(longest, 'w', sizeof longest);
	longest[sizeof longest - 1] = 0;
	take(p);
	assert_true(hostlock_write(p->lock, longest));
	longest[HOSTLOCK_LINE_MAX - 1] = 0;
	assert_true(reads(p->path, longest));
}

static enum err_code shares(const char *path, struct hostlock **lock)
{
	struct err err = {0};
	*lock = NULL;
	int rc = hostlock_share(lock, path, &err);
	assert_int_equal(rc == 0, *lock != NULL);
	return rc == 0 ? ERR_NONE : err.code;
}

/* As another user would; -1 where this one may not become another. */
static int shares_as_nobody(const char *path)
{
	struct hostlock *lock;
	if (geteuid() != 0 || seteuid(65534) != 0)
		return -1;
	int code = (int)shares(path, &lock);
	hostlock_free(lock);
	assert_int_equal(seteuid(0), 0);
	return code;
}

static void test_users_take_turns(void **state)
{
	struct place *p = *state;
	struct hostlock *lock, *other;
	struct stat st;
	mode_t umask_was = umask(077);
	assert_int_equal(chmod(p->dir, 01777), 0);
	assert_int_equal(shares(p->path, &lock), ERR_NONE);
	umask(umask_was);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644); /* nobody else writes to it */
	assert_int_equal(shares(p->path, &other), ERR_LOCKED);
	int code = shares_as_nobody(p->path);
	assert_true(code == -1 || code == ERR_LOCKED);
	hostlock_free(lock);
	code = shares_as_nobody(p->path);
	assert_true(code == -1 || code == ERR_NONE);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_size, 0);
	/* One that another has made. */
	code = shares_as_nobody(p->other);
	assert_true(code == -1 || code == ERR_NONE);
	assert_int_equal(shares(p->other, &lock), ERR_NONE);
	hostlock_free(lock);
}

/* What somebody has put there instead of a lock is not followed, waited for or written to. */
static void test_traps_are_no_locks(void **state)
{
	struct place *p = *state;
	struct hostlock *lock, *other;
	scribble(p->other, "precious", 8, 0600);
	assert_int_equal(symlink(p->other, p->path), 0);
	assert_int_equal(shares(p->path, &lock), ERR_FILE);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(mkfifo(p->path, 0666), 0);
	assert_int_equal(shares(p->path, &lock), ERR_UNSAFE_FILE);
	assert_int_equal(unlink(p->path), 0);
	/* One that was moved away under its holder is no lock of that name any more. */
	assert_int_equal(shares(p->path, &lock), ERR_NONE);
	assert_int_equal(rename(p->other, p->path), 0);
	assert_int_equal(shares(p->path, &other), ERR_NONE);
	hostlock_free(other);
	hostlock_free(lock);
	struct stat st;
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_size, 8);
}

/* Killed, its lock is gone and its last line is not: nobody believes it. */
static void test_a_stale_line_of_the_dead(void **state)
{
	struct place *p = *state;
	int told[2];
	char byte;
	assert_int_equal(pipe(told), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct hostlock *lock;
		bool good = hostlock_take(&lock, p->path, NULL) == 0 && hostlock_write(lock, "GREEN");
		byte = good ? 'y' : 'n';
		if (write(told[1], &byte, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(told[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_true(reads(p->path, "GREEN"));
	refused(p->path, ERR_LOCKED, "held by another process");
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(told[0]);
	close(told[1]);
	assert_false(reads(p->path, ""));
	take(p);
}

static void test_files_that_are_not_to_be_trusted(void **state)
{
	struct place *p = *state;
	/* A link to a lock that somebody holds. */
	take(p);
	assert_true(hostlock_write(p->lock, "GREEN"));
	assert_int_equal(symlink(p->path, p->other), 0);
	assert_false(reads(p->other, ""));
	refused(p->other, ERR_FILE, "cannot be made");
	assert_int_equal(unlink(p->other), 0);
	/* One that anybody could have written. */
	assert_int_equal(chmod(p->path, 0666), 0);
	assert_false(reads(p->path, ""));
	assert_int_equal(chmod(p->path, 0664), 0);
	assert_false(reads(p->path, ""));
	assert_int_equal(chmod(p->path, 0644), 0);
	assert_true(reads(p->path, "GREEN"));
	scribble(p->other, "GREEN", 5, 0666);
	refused(p->other, ERR_UNSAFE_FILE, "not yours alone");
	assert_int_equal(unlink(p->other), 0);
	/* No file at all. */
	assert_int_equal(mkdir(p->other, 0700), 0);
	assert_false(reads(p->other, ""));
	refused(p->other, ERR_FILE, "cannot be made");
	assert_int_equal(rmdir(p->other), 0);
	assert_int_equal(mkfifo(p->other, 0600), 0);
	assert_false(reads(p->other, "")); /* and does not wait */
	refused(p->other, ERR_UNSAFE_FILE, "not yours alone");
	refused("/nonexistent/a.guard", ERR_FILE, "cannot be made");
}

/* A file of somebody else is not ours to write a line into. */
static void test_a_foreign_owner(void **state)
{
	struct place *p = *state;
	if (geteuid() != 0)
		skip();
	scribble(p->path, "", 0, 0644);
	assert_int_equal(chown(p->path, 65534, 65534), 0);
	refused(p->path, ERR_UNSAFE_FILE, "not yours alone");
}

/* What is cut off, empty or full of bytes is a line of at most its size, never more. */
static void test_torn_lines(void **state)
{
	struct place *p = *state;
	char noise[2 * HOSTLOCK_LINE_MAX], expected[HOSTLOCK_LINE_MAX];
	take(p);
	scribble(p->path, "weir 1 GRE", 10, 0644);
	assert_true(reads(p->path, "weir 1 GRE"));
	scribble(p->path, "", 0, 0644);
	assert_false(reads(p->path, ""));
	scribble(p->path, "\0weir 1", 7, 0644);
	assert_false(reads(p->path, ""));
	memset(noise, 0xff, sizeof noise);
	scribble(p->path, noise, sizeof noise, 0644);
	memset(expected, 0xff, sizeof expected);
	expected[sizeof expected - 1] = 0;
	assert_true(reads(p->path, expected));
	/* The next line of the holder is whole. */
	assert_true(hostlock_write(p->lock, "GREEN"));
	assert_true(reads(p->path, "GREEN"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_the_line_of_whoever_holds_it),
		TEST(test_a_line_that_is_too_long),
		TEST(test_users_take_turns),
		TEST(test_traps_are_no_locks),
		TEST(test_a_stale_line_of_the_dead),
		TEST(test_files_that_are_not_to_be_trusted),
		TEST(test_a_foreign_owner),
		TEST(test_torn_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
