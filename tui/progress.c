/* One line, written over itself. */
#include "tui/progress.h"

#include "model/unit.h"
#include "tui/loop.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 200
#define LINE_MS 100
#define BAR_CELLS 20

/* At once and past any buffer: whoever reads sees a line or none. */
static void put(const char *line)
{
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		return; /* a terminal that is gone shows nothing anyway */
}

void progress_begin(struct progress *p, const char *what, enum pace pace, bool wanted)
{
	*p = (struct progress){.what = what,
		.pace = pace,
		.began_ms = loop_now().boot_ms,
		.terminal = wanted && isatty(STDERR_FILENO)};
}

static void write_rate(char *out, size_t size, enum pace pace, double per_ms)
{
	char word[24];
	switch (pace) {
	case PACE_RECORDED:
		unit_rate(word, sizeof word, per_ms);
		snprintf(out, size, "%sx as fast as it was", word);
		break;
	case PACE_ROWS:
		unit_rate(word, sizeof word, per_ms * 1000);
		snprintf(out, size, "%s rows/s", word);
		break;
	case PACE_BYTES:
		snprintf(out, size, "%.1f MB/s", per_ms / 1000);
		break;
	}
}

void progress_tell(struct progress *p, int64_t done, int64_t total)
{
	int64_t now_ms = p->terminal ? loop_now().boot_ms : 0, spent_ms = now_ms - p->began_ms;
	if (!p->terminal || spent_ms < PATIENCE_MS || now_ms < p->told_ms + LINE_MS || done <= 0 ||
		total <= 0)
		return;
	done = done < total ? done : total;
	char left[24], rate[48], cells[BAR_CELLS + 1] = "", line[200];
	p->told_ms = now_ms;
	p->shown = true;
	loop_line(true);
	for (int i = 0; i < BAR_CELLS; i++)
		cells[i] = (double)i < (double)done / (double)total * BAR_CELLS ? '#' : '.';
	unit_countdown(
		left, sizeof left, (int64_t)((double)spent_ms * (double)(total - done) / (double)done));
	write_rate(rate, sizeof rate, p->pace, (double)done / (double)spent_ms);
	snprintf(line, sizeof line, "\r\033[K%.40s [%s] %d %%, %s, %s left", p->what, cells,
		(int)((double)done / (double)total * 100), rate, left);
	put(line);
}

void progress_turn(struct progress *p, const char *what, enum pace pace)
{
	if (p->what == what)
		return;
	p->what = what;
	p->pace = pace;
	p->began_ms = loop_now().boot_ms;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		put("\r\033[K");
	loop_line(false);
	p->shown = false;
}
