/* One line, written over itself. */
#include "tui/progress.h"

#include "model/unit.h"
#include "tui/loop.h"

#include <stdio.h>
#include <unistd.h>

#define PATIENCE_MS 200
#define LINE_MS 100

void progress_begin(struct progress *p, const char *what, bool wanted)
{
	*p = (struct progress){.what = what,
		.began_ms = loop_now().boot_ms,
		.terminal = wanted && isatty(STDERR_FILENO)};
}

void progress_tell(struct progress *p, int64_t done_ms, int64_t total_ms)
{
	int64_t now_ms = p->terminal ? loop_now().boot_ms : 0, spent_ms = now_ms - p->began_ms;
	if (!p->terminal || spent_ms < PATIENCE_MS || now_ms < p->told_ms + LINE_MS ||
		done_ms <= 0 || total_ms <= 0)
		return;
	char left[24], rate[24];
	p->told_ms = now_ms;
	p->shown = true;
	unit_countdown(left, sizeof left,
		(int64_t)((double)spent_ms * (double)(total_ms - done_ms) / (double)done_ms));
	unit_rate(rate, sizeof rate, (double)done_ms / (double)spent_ms);
	fprintf(stderr, "\r\033[K%.60s: %lld %%, %sx as fast as it was, %s left", p->what,
		(long long)(done_ms * 100 / total_ms), rate, left);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K");
	p->shown = false;
}
