/* `weir report` end to end: a real migration on the engine, whose v2 fails, is recorded, rolled
 * back and reviewed in every form by real processes; and what happens to the file that is written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/markup.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON_MS 30000
#define BAD_MIN 60 /* requests of v2 that fail before somebody acts */

struct fixture {
	struct world w;
	struct process p;   /* of the last command */
	struct process rec; /* the recorder */
	char load[WORLD_PATH], page[WORLD_PATH];
};

static int run(struct fixture *f, const char *const *args)
{
	const char *all[24];
	size_t n = 0;
	struct world_env env = world_env(&f->w, ARGS("WEIR_ACTOR=kim@e2e"));
	for (; args[n] && n < 20; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

static void expect(struct fixture *f, int status, const char *const *args)
{
	int got = run(f, args);
	if (got != status)
		fail_msg(
			"%s: status %d, not %d:\n%s%s", args[0], got, status, f->p.out.text, f->p.err.text);
}
#define EXPECT(f, status, ...) expect(f, status, ARGS(__VA_ARGS__))

/* What v2 has failed since its boot. */
static int64_t bad_of_v2(struct fixture *f)
{
	cJSON *state = world_state(&f->w);
	const cJSON *failed = cJSON_GetObjectItem(
		cJSON_GetObjectItem(cJSON_GetObjectItem(state, "arms"), "v2"), "failed");
	int64_t sum = 0;
	const cJSON *one;
	cJSON_ArrayForEach(one, failed) sum += (int64_t)cJSON_GetNumberValue(one);
	if (cJSON_IsNumber(failed))
		sum = (int64_t)cJSON_GetNumberValue(failed);
	cJSON_Delete(state);
	return sum;
}

/* A migration that goes wrong: raised, seen to fail, taken back. */
static void migrate(struct fixture *f)
{
	world_pool(&f->w, false, ARGS("--scenario", f->load, "--unit", "200ms", "--share", "0%"));
	world_start(&f->w, &f->rec, NULL,
		ARGS("record", "checkout", "--progress", "never", "--config", f->w.config));
	EXPECT(f, 0, "wait", "checkout", "--for", "IDLE", "--timeout", "20s");
	EXPECT(f, 0, "step", "checkout", "25%", "--confirm", "checkout", "-m", "<b>first</b>",
		"--wait");
	for (int64_t until = process_clock_ms() + SOON_MS; bad_of_v2(f) < BAD_MIN;)
		assert_true(process_clock_ms() < until);
	EXPECT(f, 0, "rollback", "checkout", "-m", "v2 fails", "--wait");
	process_signal(&f->rec, SIGTERM);
	assert_int_equal(process_wait(&f->rec, SOON_MS), 0);
}

static int set_up(void **state)
{
	static struct fixture f;
	world_open(&f.w);
	world_path(&f.w, f.load, "load.yaml");
	world_path(&f.w, f.page, "review.html");
	world_write(f.load,
		"name: load\nrate: 300\nsessions: 100\nsession_requests: 2\nunit: 200ms\n"
		"operations: [{name: echo, work: 0}]\n"
		"phases:\n  - {at: 0s, arm: v2, error_rate: 60%}\n");
	world_config(&f.w, f.w.target, "    interval: 100ms\n");
	migrate(&f);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	process_release(&f->p);
	process_release(&f->rec);
	world_close(&f->w);
	return 0;
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

static void a_person_reads_it_on_standard_output(void **state)
{
	struct fixture *f = *state;
	EXPECT(f, 0, "report", f->w.history);
	const char *md = f->p.out.text;
	assert_int_equal(strncmp(md, "# Migration of checkout, ", 25), 0);
	assert_non_null(strstr(md, "0 % > 25 % > 0 %"));
	assert_non_null(strstr(md, "rolled back to 0 % by kim@e2e, VERIFIED in "));
	assert_non_null(strstr(md, "First bad "));
	assert_null(strstr(md, "<b>"));
	assert_string_equal(f->p.err.text, "");
}

static void a_page_is_whole_and_takes_the_place_of_an_older_one(void **state)
{
	struct fixture *f = *state;
	char why[120];
	world_write(f->page, "an older one");
	EXPECT(f, 0, "report", f->w.history, "--format", "html", "--out", f->page);
	assert_string_equal(f->p.out.text, "");
	char *html = text_of(f->page);
	if (!markup_is_whole(html, why, sizeof why))
		fail_msg("%s", why);
	assert_null(markup_fetches(html));
	assert_non_null(strstr(html, "<svg "));
	free(html);
	assert_int_equal(files_like(f, "review.html"), 1);
}

static void a_program_reads_it_as_json(void **state)
{
	struct fixture *f = *state;
	EXPECT(f, 0, "report", f->w.history, "--json");
	cJSON *json = cJSON_Parse(f->p.out.text);
	assert_non_null(json);
	assert_string_equal(world_word(json, "schema"), "weir.report/1");
	assert_string_equal(world_word(json, "end"), "rolled back");
	assert_int_equal(world_number(json, "top_bp"), 2500);
	const cJSON *v2 = cJSON_GetObjectItem(
		cJSON_GetObjectItem(cJSON_GetObjectItem(json, "harm"), "in_all"), "v2");
	assert_true(world_number(v2, "bad") > 0);
	/* as many decisions as the log has, each with its id */
	cJSON *log = world_log(&f->w, f->w.history);
	const cJSON *d;
	cJSON_ArrayForEach(d, log) assert_non_null(strstr(f->p.out.text, world_word(d, "id")));
	cJSON_Delete(log);
	cJSON_Delete(json);
}

static void what_cannot_be_done_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	char nowhere[WORLD_PATH + 16];
	snprintf(nowhere, sizeof nowhere, "%s/none/review.md", f->w.dir);
	EXPECT(f, 2, "report", f->w.history, "--format", "pdf");
	EXPECT(f, 2, "report", f->w.history, "--migration", "00000000-none");
	EXPECT(f, 1, "report", f->w.config);
	EXPECT(f, 1, "report", f->w.history, "--pool", "search");
	EXPECT(f, 1, "report", f->w.history, "--out", nowhere);
	assert_non_null(strstr(f->p.err.text, "cannot be made"));
	assert_int_equal(files_like(f, "none"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_person_reads_it_on_standard_output),
		cmocka_unit_test(a_page_is_whole_and_takes_the_place_of_an_older_one),
		cmocka_unit_test(a_program_reads_it_as_json),
		cmocka_unit_test(what_cannot_be_done_leaves_nothing_behind),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
