/* Glass: the terminal simulator against the screen file. */
#include "tests/lib/glass.h"

#include "model/mem.h"
#include "model/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGREE_MS 4000

void glass_open(struct glass *g, struct world *w, int width, int height,
	const struct world_env *env, const char *const *args)
{
	const char *all[48];
	size_t n = 0;
	memset(g, 0, sizeof *g);
	world_path(w, g->screen_file, "screen");
	for (; *args && n < 44; args++)
		all[n++] = *args;
	all[n++] = "--screen-file";
	all[n++] = g->screen_file;
	all[n] = NULL;
	world_console(w, &g->pty, width, height, env, all);
}

void glass_close(struct glass *g)
{
	if (g->pty.screen.cells)
		pty_release(&g->pty);
	free(g->chars);
	free(g->roles);
	g->chars = g->roles = NULL;
}

/* The frame as it was last written; it is renamed into place, so it is whole. */
static bool read_frame(struct glass *g)
{
	struct text t = {0};
	char part[4096];
	FILE *f = fopen(g->screen_file, "r");
	if (!f)
		return false;
	for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
		text_add_n(&t, part, n);
	fclose(f);
	char *line = t.len ? strstr(t.data, "----\n") : NULL;
	if (line) {
		free(g->chars);
		free(g->roles);
		g->roles = mem_copy(line + strlen("----\n"));
		*line = 0;
		g->chars = mem_copy(t.data);
	}
	text_free(&t);
	return line != NULL;
}

struct wanted {
	struct glass *g;
	const char *text, *roles;
};

/* pty_wait gives the argument back as const; the frame that is read belongs to it. */
static struct glass *glass_of(const void *arg)
{
	struct wanted w;
	memcpy(&w, arg, sizeof w);
	return w.g;
}

static bool agrees(const struct simulator *screen, const void *arg)
{
	struct glass *g = glass_of(arg);
	if (!read_frame(g))
		return false;
	char *shown = simulator_text(screen);
	bool equal = strcmp(shown, g->chars) == 0;
	free(shown);
	return equal;
}

static void print(struct glass *g, const char *what)
{
	char *shown = simulator_text(&g->pty.screen);
	fprintf(stderr, "%s; the terminal shows\n%sthe program has drawn\n%s\n", what, shown,
		g->chars ? g->chars : "(nothing)");
	free(shown);
}

bool glass_agrees(struct glass *g, int timeout_ms)
{
	struct wanted w = {.g = g};
	if (pty_wait(&g->pty, agrees, &w, timeout_ms))
		return g->pty.screen.errors == 0;
	print(g, "terminal and program differ");
	return false;
}

bool glass_press(struct glass *g, const char *keys)
{
	pty_send(&g->pty, keys);
	return glass_agrees(g, AGREE_MS);
}

/* The cell where `text` begins, in text and in roles: rows agree, and bytes before it that
 * continue a character are no cells. */
char glass_role(struct glass *g, const char *text)
{
	const char *at = g->chars ? strstr(g->chars, text) : NULL;
	if (!at)
		return 0;
	size_t row = 0, column = 0;
	for (const char *c = g->chars; c < at; c++) {
		if (*c == '\n') {
			row++;
			column = 0;
		} else {
			column += (*c & 0xc0) != 0x80;
		}
	}
	const char *roles = g->roles;
	for (; row > 0 && roles; row--) {
		roles = strchr(roles, '\n');
		roles += roles != NULL;
	}
	return roles && strcspn(roles, "\n") > column ? roles[column] : 0;
}

static bool shows(const struct simulator *screen, const void *arg)
{
	struct wanted w;
	memcpy(&w, arg, sizeof w);
	if (!simulator_shows(screen, w.text) || !read_frame(w.g))
		return false;
	char role = glass_role(w.g, w.text);
	return role && (!w.roles || strchr(w.roles, role));
}

bool glass_wait(struct glass *g, const char *text, const char *roles, int timeout_ms)
{
	struct wanted w = {.g = g, .text = text, .roles = roles};
	if (pty_wait(&g->pty, shows, &w, timeout_ms))
		return true;
	char what[200];
	snprintf(what, sizeof what, "no row shows \"%.100s\"%s%s%s", text, roles ? " in role " : "",
		roles ? roles : "", g->pty.closed ? ", the program is gone" : "");
	print(g, what);
	return false;
}
