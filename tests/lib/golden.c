/* Golden: a drawn surface against a file. Not a screenshot: roles stand for colours, so that
 * one file serves every theme. */
#include "tests/lib/golden.h"

#include "model/mem.h"
#include "model/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_COLUMNS 13

const struct golden_size golden_sizes[GOLDEN_SIZES] = {
	{60, 16}, {80, 24}, {120, 40}, {200, 50}};

static bool is_digit(uint32_t point)
{
	return (point >= '0' && point <= '9') || (point >= 'a' && point <= 'f');
}

/* The head of a history ("#0123456789ab" in the first row) is another one each time: it is no
 * part of the picture. */
static void hide_head(struct cell *row, int w)
{
	for (int x = 1; x + HEAD_COLUMNS < w; x++) {
		int n = 1;
		while (row[x].point == '#' && n < HEAD_COLUMNS && is_digit(row[x + n].point))
			n++;
		for (int i = 0; n == HEAD_COLUMNS && i < n; i++)
			row[x + i] = row[x - 1];
	}
}

static void draw(const struct surface *drawn, struct text *out)
{
	struct text roles = {0};
	struct surface copy = *drawn, *s = &copy;
	size_t count = (size_t)s->w * (size_t)s->h;
	s->cells = mem_new(count, sizeof *s->cells);
	memcpy(s->cells, drawn->cells, count * sizeof *s->cells);
	if (s->h > 0)
		hide_head(s->cells, s->w);
	surface_dump(s, out, &roles);
	for (int x = 0; x < s->w; x++)
		text_add(out, "-");
	text_add(out, "\n");
	text_add_n(out, text_str(&roles), roles.len);
	text_free(&roles);
	free(s->cells);
}

static bool read_file(const char *path, struct text *out)
{
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false;
	char bytes[4096];
	size_t got;
	while ((got = fread(bytes, 1, sizeof bytes, f)) > 0)
		text_add_n(out, bytes, got);
	fclose(f);
	return true;
}

static bool write_file(const char *path, const struct text *drawn)
{
	FILE *f = fopen(path, "we");
	bool good = f != NULL && fwrite(text_str(drawn), 1, drawn->len, f) == drawn->len;
	if (f != NULL && fclose(f) != 0)
		good = false;
	if (!good)
		fprintf(stderr, "cannot write \"%s\": %s\n", path, strerror(errno));
	return good;
}

/* Prints the first line, from 1, in which two texts differ. */
static void print_first_difference(const char *a, const char *b)
{
	for (int line = 1;; line++) {
		size_t a_len = strcspn(a, "\n"), b_len = strcspn(b, "\n");
		if (a_len != b_len || memcmp(a, b, a_len) != 0 || a[a_len] != b[b_len]) {
			fprintf(stderr,
				"first difference in line %d:\n  expected |%.*s|\n  drawn    |%.*s|\n", line,
				(int)a_len, a, (int)b_len, b);
			return;
		}
		if (a[a_len] == '\0')
			return;
		a += a_len + 1;
		b += b_len + 1;
	}
}

void golden_path(char *out, size_t size, const char *name, struct golden_size of)
{
	snprintf(out, size, "tests/golden/%s-%dx%d.txt", name, of.w, of.h);
}

bool golden_matches(const char *name, const struct surface *s)
{
	char path[256];
	golden_path(path, sizeof path, name, (struct golden_size){s->w, s->h});
	struct text drawn = {0}, expected = {0};
	draw(s, &drawn);
	const char *mode = getenv("GOLDEN");
	bool same;
	if (mode != NULL && strcmp(mode, "write") == 0) {
		same = write_file(path, &drawn);
	} else if (!read_file(path, &expected)) {
		fprintf(stderr, "no golden \"%s\": %s; GOLDEN=write makes it. Drawn:\n%s", path,
			strerror(errno), text_str(&drawn));
		same = false;
	} else {
		same = strcmp(text_str(&expected), text_str(&drawn)) == 0;
		if (!same) {
			fprintf(stderr, "golden \"%s\" differs\nexpected:\n%s\ndrawn:\n%s\n", path,
				text_str(&expected), text_str(&drawn));
			print_first_difference(text_str(&expected), text_str(&drawn));
		}
	}
	text_free(&drawn);
	text_free(&expected);
	return same;
}

bool golden_console_at(
	struct console *c, struct instant now, const char *name, struct golden_size size)
{
	console_resize(c, size.w, size.h);
	return golden_matches(name, console_draw(c, now));
}

bool golden_console(struct console *c, struct instant now, const char *name)
{
	bool same = true;
	for (int i = 0; i < GOLDEN_SIZES; i++)
		same &= golden_console_at(c, now, name, golden_sizes[i]);
	return same;
}
