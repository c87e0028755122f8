/* Completion in real shells: the script of each, asked as its line editor asks it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEADLINE_MS 20000

struct fixture {
	struct world w;
	struct process p;
	struct pty pty;
	char bin[WORLD_PATH], script[WORLD_PATH];
	char path[4096 + WORLD_PATH], file[WORLD_PATH + 16], dir[WORLD_PATH + 16];
	struct world_env env;
};

/* A directory first in PATH in which `weir` is the program under test. */
static int set_up(void **state)
{
	static struct fixture f;
	char at[WORLD_PATH + 8], program[4096];
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_write(
		f.w.config, "pools:\n  apples: {target: \"local:\"}\n  pears: {target: \"local:\"}\n");
	world_path(&f.w, f.script, "completion");
	world_path(&f.w, f.bin, "bin");
	assert_int_equal(0, mkdir(f.bin, 0700));
	snprintf(at, sizeof at, "%s/weir", f.bin);
	assert_non_null(realpath(world_weir(), program));
	assert_int_equal(0, symlink(program, at));
	snprintf(f.path, sizeof f.path, "PATH=%s:%s", f.bin, getenv("PATH"));
	snprintf(f.file, sizeof f.file, "SCRIPT=%s", f.script);
	snprintf(f.dir, sizeof f.dir, "CONFIG=%s", f.w.config);
	f.env = world_env(&f.w, ARGS(f.path, f.file, f.dir, "PS1=ready> ", "INPUTRC=/dev/null"));
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	process_release(&f->p);
	pty_release(&f->pty);
	world_close(&f->w);
	return 0;
}

static void write_script(struct fixture *f, const char *shell)
{
	assert_int_equal(0, world_run(&f->w, &f->p, NULL, ARGS("completion", shell)));
	world_write(f->script, f->p.out.text);
	process_release(&f->p);
}

/* What a shell prints for a program of its own. */
static const char *run(struct fixture *f, const char *const *argv)
{
	process_release(&f->p);
	int status = process_run(&f->p, argv, f->env.list, DEADLINE_MS);
	if (status != 0 || f->p.err.len > 0)
		fail_msg("%s: status %d: %s", argv[0], status, f->p.err.text);
	return f->p.out.text;
}

static const char *bash(struct fixture *f, const char *words)
{
	char code[1024];
	snprintf(code, sizeof code,
		"set -u; . \"$SCRIPT\"; complete -p weir >/dev/null; COMP_WORDS=(weir %s); "
		"COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _weir; echo \"${COMPREPLY[*]-}\"",
		words);
	return run(f, ARGS("bash", "--norc", "--noprofile", "-c", code));
}

static void bash_completes(void **state)
{
	struct fixture *f = *state;
	write_script(f, "bash");
	assert_string_equal(bash(f, "stat"), "status\n");
	assert_string_equal(bash(f, "--color = a"), "auto always\n");
	assert_string_equal(bash(f, "rollback --config \"$CONFIG\" ''"), "apples pears\n");
	assert_string_equal(bash(f, "rollback --config /no/such ''"), "\n");
	assert_string_equal(bash(f, "wait --for ROLLED"), "ROLLED_BACK\n");
	assert_string_equal(bash(f, "step pears --dry"), "--dry-run\n");
	assert_string_equal(bash(f, "replay ''"), "\n"); /* files are bash's own */
	assert_string_equal(bash(f, "'$(touch oops)' '`x' ''"), "\n");
}

static void bash_completes_while_typing(void **state)
{
	struct fixture *f = *state;
	write_script(f, "bash");
	assert_true(
		pty_start(&f->pty, 80, 24, ARGS("bash", "--norc", "--noprofile", "-i"), f->env.list));
	assert_true(pty_wait_text(&f->pty, "ready>", DEADLINE_MS));
	pty_send(&f->pty, ". \"$SCRIPT\"; echo sour''ced\r");
	assert_true(pty_wait_text(&f->pty, "sourced", DEADLINE_MS));
	pty_send(&f->pty, "weir comp\t");
	assert_true(pty_wait_text(&f->pty, "weir completion", DEADLINE_MS));
	pty_send(&f->pty, "z\t");
	assert_true(pty_wait_text(&f->pty, "weir completion zsh", DEADLINE_MS));
	pty_send(&f->pty, "\025weir --color=n\t --read\t ");
	assert_true(pty_wait_text(&f->pty, "weir --color=never", DEADLINE_MS));
	assert_true(pty_wait_text(&f->pty, "--read-only", DEADLINE_MS));
}

static bool is_there(const char *shell)
{
	struct process p;
	char code[64];
	snprintf(code, sizeof code, "command -v %s", shell);
	bool there = process_run(&p, ARGS("sh", "-c", code), NULL, DEADLINE_MS) == 0;
	process_release(&p);
	if (!there)
		print_message("%s is not installed: its script is not tried\n", shell);
	return there;
}

/* `-u`: who installs shells on a test machine does not own their functions as zsh wants it. */
#define ZSH_BEGIN "autoload -Uz compinit && compinit -D -u && . \"$SCRIPT\""

static void zsh_completes_while_typing(void **state)
{
	struct fixture *f = *state;
	char line[WORLD_PATH + 40];
	write_script(f, "zsh");
	if (!is_there("zsh"))
		skip();
	run(f, ARGS("zsh", "-f", "-c", ZSH_BEGIN));
	assert_true(pty_start(&f->pty, 100, 24, ARGS("zsh", "-f", "-i"), f->env.list));
	assert_true(pty_wait_text(&f->pty, "ready>", DEADLINE_MS));
	pty_send(&f->pty, ZSH_BEGIN "; echo sour''ced\r");
	assert_true(pty_wait_text(&f->pty, "sourced", DEADLINE_MS));
	pty_send(&f->pty, "weir comp\t");
	assert_true(pty_wait_text(&f->pty, "weir completion", DEADLINE_MS));
	pty_send(&f->pty, "z\t");
	assert_true(pty_wait_text(&f->pty, "weir completion zsh", DEADLINE_MS));
	pty_send(&f->pty, "\025weir --color=n\t");
	assert_true(pty_wait_text(&f->pty, "weir --color=never", DEADLINE_MS));
	snprintf(line, sizeof line, "\025weir rollback --config %s p\t", f->w.config);
	pty_send(&f->pty, line);
	assert_true(pty_wait_text(&f->pty, "pears", DEADLINE_MS));
	pty_send(&f->pty, "\025weir st\t");
	assert_true(pty_wait_text(&f->pty, "-- the headline, then the facts", DEADLINE_MS));
}

static const char *fish(struct fixture *f, const char *line)
{
	char code[512];
	snprintf(code, sizeof code, ". $SCRIPT; complete -C %s", line);
	return run(f, ARGS("fish", "--no-config", "-c", code));
}

static void fish_completes(void **state)
{
	struct fixture *f = *state;
	write_script(f, "fish");
	if (!is_there("fish"))
		skip();
	const char *said = fish(f, "'weir rollback --config '$CONFIG' '");
	assert_non_null(strstr(said, "apples"));
	assert_non_null(strstr(said, "pears"));
	assert_non_null(strstr(fish(f, "'weir stat'"), "status\tthe headline, then the facts\n"));
	assert_non_null(strstr(fish(f, "'weir --color=a'"), "always"));
	assert_non_null(strstr(fish(f, "'weir wait --for ROLLED'"), "ROLLED_BACK"));
	assert_null(strstr(fish(f, "'weir completion z'"), "bash"));
}

static void a_shell_that_is_not_known_is_named(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(2, world_run(&f->w, &f->p, NULL, ARGS("completion", "tcsh")));
	assert_non_null(strstr(f->p.err.text, "W001 completion: 'tcsh' is no shell"));
	process_release(&f->p);
	assert_int_equal(2, world_run(&f->w, &f->p, NULL, ARGS("completion", "bash", "more")));
	assert_non_null(strstr(f->p.err.text, "'more'"));
	process_release(&f->p);
	assert_int_equal(2, world_run(&f->w, &f->p, NULL, ARGS("completion")));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(bash_completes),
		CASE(bash_completes_while_typing),
		CASE(zsh_completes_while_typing),
		CASE(fish_completes),
		CASE(a_shell_that_is_not_known_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
