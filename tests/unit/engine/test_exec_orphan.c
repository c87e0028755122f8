/* Tests of the register of workers: an entry is there while its worker is, what a dead pool left
 * is killed, and nobody else, whatever an entry says. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/exec_orphan.h"
#include "tests/unit/engine/exec_bed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define TOKEN "00112233445566778899aabbccddeeff"
#define OTHER "ffeeddccbbaa99887766554433221100"

static char base[256], dir[272];

static int setup(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	snprintf(base, sizeof base, "%.200s/weir-run-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(base));
	snprintf(dir, sizeof dir, "%s/run", base);
	return 0;
}

static int entries(void)
{
	int count = 0;
	DIR *d = opendir(dir);
	for (const struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d))
		count += f->d_name[0] != '.';
	if (d)
		closedir(d);
	return count;
}

static int teardown(void **state)
{
	(void)state;
	DIR *d = opendir(dir);
	for (const struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d))
		if (f->d_name[0] != '.')
			unlinkat(dirfd(d), f->d_name, 0);
	if (d)
		closedir(d);
	unlink(dir);
	rmdir(dir);
	return rmdir(base);
}

static struct exec_swept sweep(void)
{
	struct exec_swept swept;
	struct err err = {0};
	if (exec_sweep(dir, &swept, &err))
		fail_msg("%s", err.text);
	return swept;
}

/* ---- forging ---- */

/* A pid that was somebody's and is nobody's. */
static pid_t dead_pid(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static int64_t start_of(pid_t pid)
{
	struct resource_stat s;
	assert_true(resource_stat(&s, pid));
	return s.start_ticks;
}

static void write_text(const char *token, const char *text)
{
	char path[320];
	mkdir(dir, 0700);
	snprintf(path, sizeof path, "%s/%s.worker", dir, token);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* An entry of here and now, as a real one names it. */
static void forge(
	const char *token, pid_t owner, int64_t owner_start, pid_t child, int64_t child_start)
{
	struct exec_entry e = {0};
	char text[300] = "", boot[64], space[64];
	assert_int_equal(exec_entry_reserve(&e, dir, NULL), 0);
	int fd = open(e.path, O_RDONLY);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	assert_int_equal(sscanf(text, "weir-worker 1 %63s %63s", boot, space), 2);
	exec_entry_release(&e);
	snprintf(text, sizeof text, "weir-worker 1 %s %s %d %" PRId64 " %d %" PRId64 "\n", boot,
		space, (int)owner, owner_start, (int)child, child_start);
	write_text(token, text);
}

/* A process in a group of its own that has this token (NULL: none) and stays. */
static pid_t stranger(const char *token)
{
	char variable[80], *argv[] = {"tail", "-f", "/dev/null", NULL};
	char *env[] = {"A=b", variable, NULL};
	int ready[2];
	char byte;
	snprintf(
		variable, sizeof variable, token ? "WEIR_WORKER=%s" : "NOTHING=%s", token ? token : "");
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		execve("/usr/bin/tail", argv, env);
		_exit(127);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0); /* closed by exec */
	close(ready[0]);
	return pid;
}

static bool was_killed(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, WNOHANG) == pid, true);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void end(pid_t pid)
{
	assert_true(bed_lives(pid));
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- one's own entries ---- */

static void an_entry_lives_with_its_worker(void **state)
{
	(void)state;
	struct exec *x;
	struct err err = {0};
	struct stat st;
	const struct exec_options how = {.run_dir = dir};
	if (bed_sh(&x,
			READY "read -r x; echo \"{\\\"id\\\":1,\\\"ok\\\":true,\\\"result\\\":"
				  "\\\"$WEIR_WORKER\\\"}\"; read -r x",
			&how, &err))
		fail_msg("%s", err.text);
	assert_int_equal(entries(), 1);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* Its token is its entry's name. */
	struct exec_answer a;
	char path[320];
	assert_int_equal(
		exec_run(x, &(struct exec_request){.operation = "echo"}, SOON_US, &a), EXEC_OK);
	snprintf(path, sizeof path, "%s/%.32s.worker", dir, a.result + 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Its owner lives: nobody touches it. */
	struct exec_swept s = sweep();
	assert_int_equal(s.alive, 1);
	assert_int_equal(s.killed + s.removed + s.left, 0);
	assert_true(bed_lives(exec_pid(x)));
	exec_stop(x, false);
	assert_int_equal(entries(), 0);
}

static void a_failed_start_leaves_no_entry(void **state)
{
	(void)state;
	struct exec *x;
	const char *none[] = {"/no/such/program", NULL};
	const struct exec_options how = {.run_dir = dir, .argv = none};
	assert_int_equal(exec_start(&x, &how, NULL), -1);
	/* However fast it ends, the error is its own. */
	for (int i = 0; i < 20; i++) {
		struct err err = {0};
		const struct exec_options quick = {.run_dir = dir};
		assert_int_equal(bed_sh(&x, "exit 5", &quick, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
	}
	assert_int_equal(entries(), 0);
}

static void a_directory_of_others_is_refused(void **state)
{
	(void)state;
	struct exec *x;
	struct exec_swept s;
	struct err err = {0};
	const struct exec_options how = {.run_dir = dir};
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(bed_sh(&x, READY STAY, &how, &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_FILE);
	assert_int_equal(exec_sweep(dir, &s, &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_FILE);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(symlink("/tmp", dir), 0);
	assert_int_equal(exec_sweep(dir, &s, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
	assert_int_equal(unlink(dir), 0);
	assert_int_equal(exec_sweep("/no/such/dir", &s, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
}

/* ---- orphans ---- */

static void what_a_dead_pool_left_is_killed(void **state)
{
	(void)state;
	int pipes[2];
	pid_t left[2] = {0, 0};
	assert_int_equal(pipe(pipes), 0);
	pid_t pool = fork();
	if (pool == 0) {
		struct exec *x;
		struct exec_answer a;
		const struct exec_options how = {.run_dir = dir};
		if (bed_sh(&x,
				READY "tail -f /dev/null & read -r x; echo \"{\\\"id\\\":1,\\\"ok\\\":true,"
					  "\\\"result\\\":$!}\"; wait",
				&how, NULL) == 0 &&
			exec_run(x, &(struct exec_request){.operation = "echo"}, SOON_US, &a) == EXEC_OK) {
			left[0] = exec_pid(x);
			left[1] = (pid_t)strtol(a.result, NULL, 10);
			if (write(pipes[1], left, sizeof left) == (ssize_t)sizeof left)
				pause();
		}
		_exit(1);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], left, sizeof left), sizeof left);
	close(pipes[0]);
	int worker = bed_pidfd(left[0]), started = bed_pidfd(left[1]);
	kill(pool, SIGKILL);
	waitpid(pool, NULL, 0);
	/* The worker died with its pool; what it had started did not. */
	assert_true(bed_ends(worker));
	assert_true(bed_lives(left[1]));
	struct exec_swept s = sweep();
	assert_int_equal(s.killed, 1);
	assert_int_equal(s.removed, 1);
	assert_int_equal(s.left + s.alive, 0);
	assert_true(bed_ends(started));
	assert_int_equal(entries(), 0);
}

static void a_worker_that_outlived_its_pool_is_killed(void **state)
{
	(void)state;
	pid_t it = stranger(TOKEN);
	forge(TOKEN, dead_pid(), 1, it, start_of(it));
	struct exec_swept s = sweep();
	assert_int_equal(s.killed, 1);
	assert_int_equal(s.removed, 1);
	assert_true(was_killed(it));
	s = sweep();
	assert_int_equal(s.killed + s.removed + s.left + s.alive, 0);
}

static void a_reserved_entry_finds_its_worker(void **state)
{
	(void)state;
	/* The pool died between the start and the note of the pid. */
	pid_t it = stranger(TOKEN), other = stranger(OTHER), none = stranger(NULL);
	forge(TOKEN, dead_pid(), 1, 0, 0);
	struct exec_swept s = sweep();
	assert_int_equal(s.killed, 1);
	assert_int_equal(s.removed, 1);
	assert_true(was_killed(it));
	end(other);
	end(none);
}

static void an_owner_s_pid_that_is_another_s_is_dead(void **state)
{
	(void)state;
	pid_t it = stranger(TOKEN);
	forge(TOKEN, getpid(), start_of(getpid()) + 1, it, start_of(it));
	assert_int_equal(sweep().killed, 1);
	assert_true(was_killed(it));
}

static void a_living_stranger_is_never_killed(void **state)
{
	(void)state;
	pid_t none = stranger(NULL), other = stranger(OTHER), late = stranger(TOKEN);
	/* This very process, named exactly, and three more: without a token, with another's, and
	 * with the token but the pid is not the noted process any more. */
	forge(TOKEN, dead_pid(), 1, getpid(), start_of(getpid()));
	assert_int_equal(sweep().killed, 0);
	forge(TOKEN, dead_pid(), 1, none, start_of(none));
	assert_int_equal(sweep().killed, 0);
	forge(TOKEN, dead_pid(), 1, other, start_of(other));
	assert_int_equal(sweep().killed, 0);
	forge(TOKEN, dead_pid(), 1, late, start_of(late) - 1);
	struct exec_swept s = sweep();
	assert_int_equal(s.killed, 0);
	/* There is nothing left of it, so the entry goes. */
	assert_int_equal(s.removed, 1);
	assert_int_equal(entries(), 0);
	end(none);
	end(other);
	end(late);
}

static void an_entry_of_elsewhere_kills_nobody(void **state)
{
	(void)state;
	char text[200];
	pid_t it = stranger(TOKEN);
	/* Before this boot: nothing can be left. */
	snprintf(text, sizeof text, "weir-worker 1 another-boot pid:[1] 1 1 %d %" PRId64 "\n",
		(int)it, start_of(it));
	write_text(TOKEN, text);
	struct exec_swept s = sweep();
	assert_int_equal(s.removed, 1);
	assert_int_equal(s.killed + s.left, 0);
	/* This boot, where pids mean other processes: not to be judged from here. */
	forge(TOKEN, dead_pid(), 1, it, start_of(it));
	char path[320], boot[64];
	snprintf(path, sizeof path, "%s/" TOKEN ".worker", dir);
	FILE *f = fopen(path, "r");
	assert_int_equal(fscanf(f, "weir-worker 1 %63s", boot), 1);
	fclose(f);
	snprintf(text, sizeof text, "weir-worker 1 %s pid:[1] 1 1 %d %" PRId64 "\n", boot, (int)it,
		start_of(it));
	write_text(TOKEN, text);
	s = sweep();
	assert_int_equal(s.left, 1);
	assert_int_equal(s.killed + s.removed, 0);
	end(it);
}

static void what_is_no_entry_is_left(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"weir-worker",
		"weir-worker 1 b p 1 1 1 1",
		"weir-worker 2 b p 1 1 1 1\n",
		"other 1 b p 1 1 1 1\n",
		"weir-worker 1 b p 0 1 1 1\n",
		"weir-worker 1 b p 1 -1 1 1\n",
		"weir-worker 1 b p 1 1 99999999999 1\n",
		"weir-worker 1 b p 1 1 1 1 1\n",
		"weir-worker 1 b p 1 1 1 1\nmore",
		"weir-worker 1 b  1 1 1 1\n",
		"weir-worker 1 bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
		"p 1 1 1 1\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		write_text(TOKEN, texts[i]);
		struct exec_swept s = sweep();
		assert_int_equal(s.left, 1);
		assert_int_equal(s.killed + s.removed + s.alive, 0);
	}
	/* Files that are not called as entries are not looked at. */
	write_text("notes", "weir-worker 1 b p 1 1 1 1\n");
	write_text("00112233445566778899AABBCCDDEEFF", "weir-worker 1 b p 1 1 1 1\n");
	assert_int_equal(sweep().left, 1);
	assert_int_equal(entries(), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_entry_lives_with_its_worker),
		TEST(a_failed_start_leaves_no_entry),
		TEST(a_directory_of_others_is_refused),
		TEST(what_a_dead_pool_left_is_killed),
		TEST(a_worker_that_outlived_its_pool_is_killed),
		TEST(a_reserved_entry_finds_its_worker),
		TEST(an_owner_s_pid_that_is_another_s_is_dead),
		TEST(a_living_stranger_is_never_killed),
		TEST(an_entry_of_elsewhere_kills_nobody),
		TEST(what_is_no_entry_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
