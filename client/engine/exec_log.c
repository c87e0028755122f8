/* Exec log: lines cut out of a stream, cleaned, bounded in length and in rate. Pure: `now` is an
 * argument. */
#include "client/engine/exec_log.h"

#include "model/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PRICE_US (1000000 / EXEC_LOG_RATE) /* of a line */
#define CREDIT_MAX_US ((int64_t)EXEC_LOG_BURST * PRICE_US)

static void say_dropped(struct exec_log *l)
{
	char text[64];
	if (l->dropped == 0)
		return;
	snprintf(text, sizeof text, "(%" PRId64 " more lines were dropped)", l->dropped);
	l->dropped = 0;
	if (l->sink)
		l->sink(l->ctx, text);
}

static void end_line(struct exec_log *l)
{
	size_t len = l->len;
	l->len = 0;
	while (len > 0 && (l->line[len - 1] == '\r' || l->line[len - 1] == ' '))
		len--;
	if (len == 0)
		return;
	/* Only where the line was cut may its last character be. */
	if (len == sizeof l->line)
		len = text_whole(l->line, len);
	text_clean(l->last, sizeof l->last, l->line, len);
	if (l->credit_us < PRICE_US) {
		l->dropped++;
		return;
	}
	l->credit_us -= PRICE_US;
	say_dropped(l);
	if (l->sink)
		l->sink(l->ctx, l->last);
}

static void earn(struct exec_log *l, int64_t now_us)
{
	int64_t silence = l->fed_us == 0 ? CREDIT_MAX_US : now_us - l->fed_us;
	l->fed_us = now_us;
	l->credit_us += silence < CREDIT_MAX_US ? silence : CREDIT_MAX_US;
	if (l->credit_us > CREDIT_MAX_US)
		l->credit_us = CREDIT_MAX_US;
}

void exec_log_feed(struct exec_log *l, const char *bytes, size_t len, int64_t now_us)
{
	earn(l, now_us);
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n')
			end_line(l);
		else if (l->len < sizeof l->line)
			l->line[l->len++] = bytes[i];
	}
}

void exec_log_end(struct exec_log *l)
{
	end_line(l);
	say_dropped(l);
}
