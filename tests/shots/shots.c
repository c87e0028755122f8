/* Shots: a dumped frame (a golden, or what --screen-file writes) as SVG on standard output.
 * Usage: shots THEME dark|light FILE. Prints its size in pixels on standard error. */
#include "tests/lib/picture.h"

#include <stdio.h>
#include <string.h>

static void read_all(struct text *out, const char *path)
{
	char buffer[4096];
	FILE *f = fopen(path, "re");
	for (size_t n; f && (n = fread(buffer, 1, sizeof buffer, f)) > 0;)
		text_add_n(out, buffer, n);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	static const struct picture_ground dark = {0xd4d4d4, 0x16191d},
									   light = {0x1c1c1c, 0xffffff};
	struct theme theme;
	struct err err;
	struct text dump = {0}, svg = {0};
	int columns, rows;
	if (argc != 4 || theme_load(&theme, argv[1], NULL, &err) < 0) {
		fprintf(stderr, "usage: shots THEME dark|light FILE\n");
		return 2;
	}
	read_all(&dump, argv[3]);
	bool ok = picture_svg(
		&svg, text_str(&dump), &theme, strcmp(argv[2], "light") == 0 ? light : dark);
	if (ok) {
		picture_size(text_str(&dump), &columns, &rows);
		fprintf(stderr, "%d,%d\n", columns * PICTURE_CELL_W, rows * PICTURE_CELL_H);
		fputs(text_str(&svg), stdout);
	} else {
		fprintf(stderr, "shots: '%s' is no dumped frame\n", argv[3]);
	}
	text_free(&dump);
	text_free(&svg);
	return ok ? 0 : 1;
}
