/* A history from the command line: log, export, import, beside whoever writes it, on a terminal,
 * and by somebody who may only read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOON_MS 10000
#define ROWS 6 /* lines of a CSV until counts are known: they are differences */
#define NOBODY "65534"

struct fixture {
	struct world w;
	struct process p;     /* of the last command */
	struct process other; /* of one that runs beside it */
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_config(&f.w, f.w.target, "    interval: 100ms\n");
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	chmod(f->w.dir, 0700);
	process_release(&f->other);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

static int run(struct fixture *f, const char *const *args)
{
	const char *all[32];
	size_t n = 0;
	for (; args[n] && n < 28; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, NULL, all);
}
#define WEIR(f, ...) run(f, ARGS(__VA_ARGS__))

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text))
		fail_msg("'%s' is not in\n%s", text, f->p.err.text);
}

static size_t lines_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static char *text_of(const char *path)
{
	FILE *file = fopen(path, "r");
	struct text t = {0};
	char part[4096];
	assert_non_null(file);
	for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;)
		text_add_n(&t, part, n);
	fclose(file);
	return text_take(&t);
}

/* The files of the world's directory whose name begins so. */
static size_t files_like(const struct fixture *f, const char *begin)
{
	DIR *d = opendir(f->w.dir);
	size_t n = 0;
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += strncmp(e->d_name, begin, strlen(begin)) == 0;
	closedir(d);
	return n;
}

static void annotate(struct fixture *f, const char *text)
{
	assert_int_equal(WEIR(f, "annotate", text, "--pool", "checkout"), 0);
}

/* Starts a recorder and waits until rows of it are in the file. */
static void start_recorder(struct fixture *f)
{
	world_start(&f->w, &f->other, NULL,
		ARGS("record", "checkout", "--progress", "never", "--config", f->w.config));
	for (int64_t end_ms = process_clock_ms() + SOON_MS; process_clock_ms() < end_ms;)
		if (WEIR(f, "export", "--format", "csv") == 0 && lines_of(f->p.out.text) > ROWS)
			return;
	fail_msg("the recorder wrote no sample: %s", f->other.err.text);
}

static void stop_recorder(struct fixture *f)
{
	process_signal(&f->other, SIGTERM);
	assert_true(process_wait(&f->other, SOON_MS) == 0);
}

/* ---- export and import ---- */

static void test_what_is_exported_can_be_imported(void **state)
{
	struct fixture *f = *state;
	char first[WORLD_PATH], second[WORLD_PATH], made[WORLD_PATH];
	world_path(&f->w, first, "first.jsonl");
	world_path(&f->w, second, "second.jsonl");
	world_path(&f->w, made, "made.db");
	world_pool(&f->w, false, ARGS("--share", "0%"));
	assert_int_equal(
		WEIR(f, "step", "checkout", "10%", "--confirm", "checkout", "-m", "go"), 0);
	annotate(f, "a \"note\" \xe2\x82\xac");
	start_recorder(f);
	assert_int_equal(WEIR(f, "export", "--out", first), 0); /* beside the recorder */
	stop_recorder(f);
	char *beside = text_of(first);
	assert_non_null(strstr(beside, "{\"table\":\"sample\""));
	assert_non_null(strstr(beside, "{\"table\":\"end\""));
	free(beside);
	world_path(&f->w, second, "beside.db");
	assert_int_equal(WEIR(f, "import", first, "--history", second), 0);
	world_path(&f->w, second, "second.jsonl");
	assert_int_equal(unlink(first), 0);
	assert_int_equal(WEIR(f, "export", f->w.history, "--out", first), 0);
	assert_int_equal(WEIR(f, "export", "--out", first), 1);
	assert_says(f, "exists already");
	assert_int_equal(WEIR(f, "import", first, "--history", made, "--json"), 0);
	cJSON *said = cJSON_Parse(f->p.out.text);
	assert_int_equal(WEIR(f, "verify", "--head", world_word(said, "head"), made), 0);
	cJSON_Delete(said);
	assert_int_equal(WEIR(f, "export", made, "--format", "jsonl", "--out", second), 0);
	char *before = text_of(first), *after = text_of(second);
	assert_string_equal(before, after);
	free(before);
	free(after);
	cJSON *log = world_log(&f->w, made);
	assert_int_equal(cJSON_GetArraySize(log), 2);
	cJSON_Delete(log);
	assert_int_equal(WEIR(f, "import", first, "--history", made), 1);
	assert_says(f, "exists already");
	assert_int_equal(WEIR(f, "import", first), 2);
	assert_says(f, "--history NEW");
}

static void test_a_hostile_import_leaves_no_file(void **state)
{
	struct fixture *f = *state;
	static const char begin[] =
		"{\"table\":\"weir\",\"schema\":\"weir.history/1\",\"user_version\":1,\"whole\":true}\n";
	char lines[WORLD_PATH], made[WORLD_PATH], text[400];
	world_path(&f->w, lines, "bad.jsonl");
	world_path(&f->w, made, "made.db");
	snprintf(text, sizeof text, "%s{\"table\":\"key\",\"id\":1e9}\n", begin);
	world_write(lines, text);
	assert_int_equal(WEIR(f, "import", lines, "--history", made), 1);
	assert_says(f, "bad.jsonl:2:21: \"id\" is no integer");
	assert_says(f, "W175");
	assert_int_equal(files_like(f, "made.db"), 0);
	world_write(lines, begin);
	assert_int_equal(WEIR(f, "import", lines, "--history", made), 1);
	assert_says(f, "bad.jsonl:2:1: the last line");
	assert_int_equal(files_like(f, "made.db"), 0);
	assert_int_equal(WEIR(f, "import", "/nonexistent", "--history", made), 1);
	assert_int_equal(WEIR(f, "import", f->w.dir, "--history", made), 1);
	assert_says(f, "not a regular file");
	assert_int_equal(mkfifo(made, 0600), 0); /* what would keep it waiting */
	assert_int_equal(WEIR(f, "import", made, "--history", lines), 1);
	assert_says(f, "not a regular file");
}

static void test_export_formats(void **state)
{
	struct fixture *f = *state;
	char metrics[WORLD_PATH];
	world_pool(&f->w, false, ARGS("--share", "0%"));
	start_recorder(f);
	stop_recorder(f);
	assert_int_equal(WEIR(f, "export", "--format", "csv", "--pool", "checkout"), 0);
	assert_true(lines_of(f->p.out.text) > 2);
	assert_int_equal(WEIR(f, "export", "--format", "csv", "--until", "1d"), 0);
	assert_int_equal(lines_of(f->p.out.text), 1);
	assert_int_equal(WEIR(f, "export", "--format", "csv", "--pool", "chekcout"), 0);
	assert_int_equal(lines_of(f->p.out.text), 1);
	assert_says(f, "did you mean 'checkout'?");
	assert_int_equal(WEIR(f, "export", "--since", "1h"), 0);
	assert_non_null(strstr(f->p.out.text, "\"whole\":false"));
	assert_int_equal(WEIR(f, "export", "--format", "opnmetrics"), 2);
	assert_says(f, "did you mean 'openmetrics'?");
	assert_int_equal(WEIR(f, "export", "--format", "xml"), 2);
	assert_int_equal(WEIR(f, "export", "/nonexistent"), 1);
	world_path(&f->w, metrics, "metrics.txt");
	assert_int_equal(WEIR(f, "export", "/nonexistent", "--out", metrics), 1);
	assert_int_equal(files_like(f, "metrics.txt"), 0);
	assert_int_equal(WEIR(f, "export", "--format", "openmetrics", "--out", metrics), 0);
	char *text = text_of(metrics);
	assert_non_null(strstr(text, "\n# EOF\n"));
	assert_non_null(strstr(text, "weir_requests_total{pool=\"checkout\""));
	free(text);
}

/* What Prometheus says of it, where its tool is installed; an interval of a second has the times
 * that its older text format takes, too. */
static void test_promtool_takes_the_metrics(void **state)
{
	struct fixture *f = *state;
	char metrics[WORLD_PATH], command[3 * WORLD_PATH];
	struct process tool;
	world_path(&f->w, metrics, "metrics.txt");
	world_config(&f->w, f->w.target, "    interval: 1s\n");
	world_pool(&f->w, false, ARGS("--share", "0%"));
	start_recorder(f);
	stop_recorder(f);
	assert_int_equal(WEIR(f, "export", "--format", "openmetrics", "--out", metrics), 0);
	snprintf(command, sizeof command,
		"command -v promtool >/dev/null || { echo absent; exit 0; };"
		" promtool check metrics <%s && promtool tsdb create-blocks-from openmetrics %s %s/blocks",
		metrics, metrics, f->w.dir);
	int status = process_run(&tool, ARGS("sh", "-c", command), NULL, SOON_MS);
	bool absent = strncmp(tool.out.text, "absent", 6) == 0;
	if (status != 0)
		fail_msg("promtool: %s%s", tool.out.text, tool.err.text);
	process_release(&tool);
	if (absent) {
		print_message("promtool is not installed: what it says of the metrics is not tried\n");
		skip();
	}
}

/* ---- log ---- */

static void test_log_chooses_and_suggests(void **state)
{
	static const struct {
		const char *args[4];
		size_t rows;
		const char *says;
	} cases[] = {
		{{"--limit", "2"}, 2, ""},
		{{"--limit", "2", "--actor", "nobody@here"}, 0, "no actor 'nobody@here'"},
		{{"--until", "1h"}, 0, ""},
		{{"--until", "2999-01-01T00:00:00Z"}, 3, ""},
		{{"--since", "1h", "--until", "0"}, 3, ""},
		{{"--outcome", "APPLIED"}, 3, ""},
		{{"--pool", "chekout"}, 0,
			"the history has no pool 'chekout'; did you mean 'checkout'?"},
	};
	static const struct {
		const char *option, *value, *says;
	} wrong[] = {
		{"--verb", "rolback", "did you mean 'rollback'?"},
		{"--verb", "undo", "did you mean 'rollback'?"},
		{"--outcome", "REFUSD", "did you mean 'REFUSED'?"},
		{"--outcome", "x", "PENDING, APPLIED, REFUSED"},
		{"--limit", "0", "'0' is no number of decisions"},
		{"--limit", "all", "'all' is no number"},
		{"--until", "now", "--until 'now' is neither a duration"},
	};
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	annotate(f, "one");
	annotate(f, "two");
	annotate(f, "three");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *args[8] = {"log", "--json"};
		memcpy(args + 2, cases[i].args, sizeof cases[i].args);
		assert_int_equal(run(f, args), 0);
		assert_int_equal(lines_of(f->p.out.text), cases[i].rows);
		assert_says(f, cases[i].says);
	}
	assert_int_equal(WEIR(f, "log", "--limit", "1"), 0);
	assert_non_null(strstr(f->p.out.text, "three"));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(WEIR(f, "log", wrong[i].option, wrong[i].value), 2);
		assert_says(f, wrong[i].says);
	}
}

/* A decision comes when it is made, and again with what became of it. */
static void test_log_follows_decisions_and_outcomes(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	annotate(f, "before");
	world_start(&f->w, &f->other, NULL,
		ARGS("log", "--follow", "--json", "--limit", "1", "--config", f->w.config));
	assert_true(process_wait_out(&f->other, "\"reason\":\"before\"", SOON_MS));
	assert_int_equal(WEIR(f, "step", "checkout", "10%", "--confirm", "checkout", "--wait"), 0);
	annotate(f, "after");
	assert_true(process_wait_out(&f->other, "\"reason\":\"after\"", SOON_MS));
	process_signal(&f->other, SIGINT);
	assert_int_equal(process_wait(&f->other, SOON_MS), 0);
	cJSON *lines = world_lines(f->other.out.text), *line;
	const char *last = "";
	int64_t notes = 0;
	cJSON_ArrayForEach(line, lines)
	{
		if (strcmp(world_word(line, "verb"), "step") != 0)
			notes++;
		else
			last = world_word(line, "outcome");
	}
	assert_string_equal(last, "APPLIED");
	assert_int_equal(notes, 2); /* nothing comes twice of which nothing is new */
	cJSON_Delete(lines);
}

/* ---- a terminal ---- */

static void show_log(
	struct fixture *f, struct pty *p, int height, const char *pager, const char *option)
{
	struct world_env env = world_env(&f->w, ARGS(pager));
	world_console(&f->w, p, 100, height, &env,
		ARGS("log", "--config", f->w.config, option ? option : "--ascii"));
	assert_true(pty_wait_exit(p, SOON_MS) == 0);
}

static bool shows(const struct pty *p, const char *text)
{
	return simulator_shows(&p->screen, text);
}

static void test_a_long_log_is_paged(void **state)
{
	static const struct {
		const char *pager, *option;
		int height;
		bool paged;
	} cases[] = {
		{"PAGER=sed s/note/PAGED/", NULL, 5, true},
		{"PAGER=  sed s/note/PAGED/", NULL, 5, true},
		{"PAGER=sed s/note/PAGED/", "--no-pager", 5, false},
		{"PAGER=sed s/note/PAGED/", NULL, 24, false}, /* it fits */
		{"PAGER=no-such-pager s/note/PAGED/", NULL, 5, false},
		{"PAGER=/nonexistent/sed s/note/PAGED/", NULL, 5, false}, {"PAGER=", NULL, 5, false},
		{"PAGER=cat", NULL, 5, false},
		{"PAGER=true", NULL, 5, true}, /* it reads nothing: no error of ours */
	};
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	for (int i = 0; i < 6; i++)
		annotate(f, "note");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pty p;
		show_log(f, &p, cases[i].height, cases[i].pager, cases[i].option);
		if (shows(&p, "note") == cases[i].paged)
			fail_msg("%s in %d rows", cases[i].pager, cases[i].height);
		if (cases[i].paged && strstr(cases[i].pager, "PAGED"))
			assert_true(shows(&p, "PAGED"));
		pty_release(&p);
	}
	/* elsewhere it is never paged */
	struct world_env env = world_env(&f->w, ARGS("PAGER=sed s/note/PAGED/"));
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, &env, ARGS("log", "--config", f->w.config)), 0);
	assert_null(strstr(f->p.out.text, "PAGED"));
}

/* ---- somebody else's file ---- */

/* Whether another user gets at the program and the history: not below a private directory. */
static bool reaches(struct fixture *f, const char *const *as, size_t count)
{
	const char *args[16];
	struct process p;
	memcpy(args, as, count * sizeof *as);
	memcpy(args + count, ARGS("sh", "-c", "test -x \"$0\" && test -r \"$1\"", world_weir()),
		5 * sizeof *args);
	args[count + 4] = f->w.history;
	args[count + 5] = NULL;
	bool good = process_run(&p, args, NULL, SOON_MS) == 0;
	process_release(&p);
	return good;
}

/* Runs weir as somebody who may not write there: root as another user, or without its powers, so
 * that modes hold for it as for everybody. */
static int run_as_reader(struct fixture *f, const char *const *args)
{
	static const char *const nobody[] = {
		"setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"};
	static const char *const powerless[] = {
		"setpriv", "--bounding-set=-all", "--inh-caps=-all"};
	const char *all[32];
	size_t n = 0;
	if (geteuid() == 0 && reaches(f, nobody, sizeof nobody / sizeof *nobody)) {
		memcpy(all, nobody, sizeof nobody);
		n = sizeof nobody / sizeof *nobody;
	} else if (geteuid() == 0) {
		memcpy(all, powerless, sizeof powerless);
		n = sizeof powerless / sizeof *powerless;
	}
	all[n++] = world_weir();
	for (; *args && n < 30; args++)
		all[n++] = *args;
	all[n] = NULL;
	process_release(&f->p);
	return process_run(
		&f->p, all, ARGS("HOME=/nonexistent", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), SOON_MS);
}

static void assert_readable(struct fixture *f)
{
	assert_int_equal(chmod(f->w.dir, 0555), 0);
	if (run_as_reader(f, ARGS("log", "--history", f->w.history)) != 0)
		fail_msg("%s", f->p.err.text);
	assert_non_null(strstr(f->p.out.text, "note"));
	if (run_as_reader(f, ARGS("export", f->w.history)) != 0)
		fail_msg("%s", f->p.err.text);
	assert_non_null(strstr(f->p.out.text, "{\"table\":\"end\""));
	assert_int_equal(run_as_reader(f, ARGS("verify", f->w.history)), 0);
	assert_int_equal(chmod(f->w.dir, 0755), 0);
}

static void test_another_users_file_is_read(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	annotate(f, "note");
	assert_int_equal(chmod(f->w.history, 0444), 0);
	assert_readable(f); /* nobody has it open */
	assert_int_equal(chmod(f->w.history, 0644), 0);
	start_recorder(f);
	assert_readable(f); /* somebody writes to it */
	stop_recorder(f);
	assert_readable(f); /* readers have left -wal and -shm behind, or not */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_what_is_exported_can_be_imported),
		TEST(test_a_hostile_import_leaves_no_file),
		TEST(test_export_formats),
		TEST(test_promtool_takes_the_metrics),
		TEST(test_log_chooses_and_suggests),
		TEST(test_log_follows_decisions_and_outcomes),
		TEST(test_a_long_log_is_paged),
		TEST(test_another_users_file_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
