/* cast: the file line by line, against the format. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/text.h"
#include "tui/cast.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[128], path[160];

static const struct cast_head head = {.w = 120,
	.h = 40,
	.wall_ms = 1800000000123,
	.title = "checkout \"quoted\"",
	.term = "xterm-256color"};

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");
	(void)state;
	snprintf(dir, sizeof dir, "%.64s/weir-cast-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/a.cast", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int files(void)
{
	DIR *d = opendir(dir);
	int count = 0;
	for (struct dirent *e; d && (e = readdir(d));)
		count += e->d_name[0] != '.';
	closedir(d);
	return count;
}

static struct cast *start(void)
{
	struct cast *c;
	struct err err = {0};
	if (cast_open(&c, path, &head, &err) != 0)
		fail_msg("%s", err.text);
	return c;
}

struct event {
	double at;
	char kind[4];
	char data[256];
};

/* Reads the file as a player does; fails the test where it is no asciicast. */
static size_t play(struct event *out, size_t max)
{
	char line[1024];
	FILE *file = fopen(path, "r");
	size_t n = 0;
	double last = 0;
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof line, file));
	cJSON *json = cJSON_Parse(line);
	assert_int_equal(cJSON_GetObjectItem(json, "version")->valueint, 2);
	assert_int_equal(cJSON_GetObjectItem(json, "width")->valueint, 120);
	assert_int_equal(cJSON_GetObjectItem(json, "height")->valueint, 40);
	assert_int_equal(cJSON_GetObjectItem(json, "timestamp")->valueint, 1800000000);
	assert_string_equal(cJSON_GetObjectItem(json, "title")->valuestring, head.title);
	assert_string_equal(
		cJSON_GetObjectItem(cJSON_GetObjectItem(json, "env"), "TERM")->valuestring, head.term);
	cJSON_Delete(json);
	while (fgets(line, sizeof line, file)) {
		size_t len = strlen(line);
		assert_int_equal(line[len - 1], '\n');
		assert_true(text_valid(line, len));
		for (size_t i = 0; i + 1 < len; i++)
			assert_true((unsigned char)line[i] >= ' ');
		assert_true(n < max);
		json = cJSON_Parse(line);
		assert_true(cJSON_IsArray(json) && cJSON_GetArraySize(json) == 3);
		struct event *e = &out[n++];
		e->at = cJSON_GetArrayItem(json, 0)->valuedouble;
		text_copy(e->kind, sizeof e->kind, cJSON_GetArrayItem(json, 1)->valuestring);
		text_copy(e->data, sizeof e->data, cJSON_GetArrayItem(json, 2)->valuestring);
		assert_true(strcmp(e->kind, "o") == 0 || strcmp(e->kind, "m") == 0);
		assert_true(e->at >= last);
		last = e->at;
		cJSON_Delete(json);
	}
	fclose(file);
	return n;
}

static void it_is_an_asciicast(void **state)
{
	struct event e[4];
	struct err err = {0};
	struct cast *c = start();
	(void)state;
	cast_output(c, 0, "\033[2J", 4);
	cast_mark(c, 1500, "14:02:11 rollback by \"kim\"");
	cast_output(c, 61007, "\r\n\t\\\"\007", 6);
	assert_int_equal(cast_close(c, &err), 0);
	assert_int_equal(play(e, 4), 3);
	assert_string_equal(e[0].data, "\033[2J");
	assert_string_equal(e[1].kind, "m");
	assert_string_equal(e[1].data, "14:02:11 rollback by \"kim\"");
	assert_true(e[1].at == 1.5);
	assert_string_equal(e[2].data, "\r\n\t\\\"\007");
	assert_true(e[2].at == 61.007);
	assert_int_equal(files(), 1);
}

static void a_character_in_two_outputs_is_whole(void **state)
{
	struct event e[4];
	struct err err = {0};
	struct cast *c = start();
	(void)state;
	cast_output(c, 0, "a\xe2\x96", 3);
	cast_output(c, 5, "\x8d", 1);
	cast_output(c, 6, "\xe2", 1);
	cast_output(c, 7, "\x96\x8d!", 3);
	assert_int_equal(cast_close(c, &err), 0);
	assert_int_equal(play(e, 4), 3);
	assert_string_equal(e[0].data, "a");
	assert_string_equal(e[1].data, "\xe2\x96\x8d");
	assert_string_equal(e[2].data, "\xe2\x96\x8d!");
}

static void what_is_no_utf8_is_replaced(void **state)
{
	struct event e[4];
	struct err err = {0};
	struct cast *c = start();
	(void)state;
	cast_output(c, 0, "a\xff\xfe b", 5);
	assert_int_equal(cast_close(c, &err), 0);
	assert_int_equal(play(e, 4), 1);
	assert_string_equal(e[0].data, "a\xef\xbf\xbd\xef\xbf\xbd b");
}

static void time_never_goes_back(void **state)
{
	struct event e[4];
	struct err err = {0};
	struct cast *c = start();
	(void)state;
	cast_output(c, 2000, "a", 1);
	cast_output(c, 1000, "b", 1);
	cast_mark(c, -5, "c");
	assert_int_equal(cast_close(c, &err), 0);
	assert_int_equal(play(e, 4), 3);
	assert_true(e[1].at == 2 && e[2].at == 2);
}

static void one_that_is_dropped_leaves_nothing(void **state)
{
	struct cast *c = start();
	(void)state;
	unlink(path);
	cast_output(c, 0, "a", 1);
	cast_drop(c);
	cast_drop(NULL);
	assert_int_equal(files(), 0);
}

static void what_cannot_be_written_is_said(void **state)
{
	struct cast *c;
	struct err err = {0};
	char wrong[256];
	(void)state;
	snprintf(wrong, sizeof wrong, "%s/nowhere/a.cast", dir);
	assert_int_equal(cast_open(&c, wrong, &head, &err), -1);
	assert_null(c);
	assert_non_null(strstr(err.text, "nowhere/a.cast"));
	/* a directory stands where it was to be */
	unlink(path);
	c = start();
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(cast_close(c, &err), -1);
	assert_non_null(strstr(err.text, "put in place"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(files(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_an_asciicast),
		cmocka_unit_test(a_character_in_two_outputs_is_whole),
		cmocka_unit_test(what_is_no_utf8_is_replaced),
		cmocka_unit_test(time_never_goes_back),
		cmocka_unit_test(one_that_is_dropped_leaves_nothing),
		cmocka_unit_test(what_cannot_be_written_is_said),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
