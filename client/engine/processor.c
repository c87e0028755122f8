/* Processor: reads and writes the two notations. Not the pool itself: it starts nothing.
 *
 * 1. What is accepted is written back in one canonical form, and that form reads as the same.
 * 2. Where something is refused, the text quotes the whole and the part. */
#include "client/engine/processor.h"

#include "model/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define ALL "v1:simple, v1:transactional, v2, v2:N, v2:affinity or v2:N:affinity"
#define AFFINITY "affinity"
#define CANARY "canary_deployment"

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Lower case without the blanks around it; false when it is too long to be one. */
static bool trim(char *out, size_t size, const char *text)
{
	while (is_blank(*text))
		text++;
	size_t len = strlen(text);
	while (len && is_blank(text[len - 1]))
		len--;
	if (len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
	out[len] = '\0';
	return true;
}

/* 1 to `max` without sign or leading zero; -1 when it is none. */
static int number(const char *s, int max)
{
	if (!is_digit(*s) || (*s == '0' && s[1]))
		return -1;
	int n = 0;
	for (; is_digit(*s); s++) {
		n = n * 10 + (*s - '0');
		if (n > max)
			return -1;
	}
	return *s ? -1 : n;
}

static int parse_v1(struct processor *p, const char *text, const char *part, struct err *err)
{
	if (!strcmp(part, "simple"))
		*p = (struct processor){.kind = PROCESSOR_V1_SIMPLE};
	else if (!strcmp(part, "transactional"))
		*p = (struct processor){.kind = PROCESSOR_V1_TRANSACTIONAL};
	else
		return err_set(err, ERR_CONFIG,
			"processor \"%s\": v1 has no variant \"%s\", use v1:simple or v1:transactional",
			text, part);
	return 0;
}

static int parse_v2(struct processor *p, const char *text, char *part, struct err *err)
{
	char *more = strchr(part, ':');
	if (more)
		*more++ = '\0';
	struct processor read = {.kind = PROCESSOR_V2};
	if (!strcmp(part, AFFINITY)) {
		read.affinity = true;
		if (more)
			return err_set(err, ERR_CONFIG,
				"processor \"%s\": \"%s\" stands behind affinity, where nothing may: use "
				"v2:affinity or v2:N:affinity",
				text, more);
	} else {
		read.workers = number(part, PROCESSOR_WORKERS_MAX);
		if (read.workers < 1)
			return err_set(err, ERR_CONFIG,
				"processor \"%s\": \"%s\" is neither affinity nor a number of workers, 1 to %d, "
				"in plain digits",
				text, part, PROCESSOR_WORKERS_MAX);
		read.affinity = more && !strcmp(more, AFFINITY);
		if (more && !read.affinity)
			return err_set(err, ERR_CONFIG,
				"processor \"%s\": \"%s\" stands behind the number of workers, where only "
				"affinity may",
				text, more);
	}
	*p = read;
	return 0;
}

int processor_parse(struct processor *out, const char *text, struct err *err)
{
	char word[48], whole[48];
	if (!trim(word, sizeof word, text))
		return err_set(
			err, ERR_CONFIG, "processor \"%.60s…\" is too long to be one: use " ALL, text);
	text_copy(whole, sizeof whole, word);
	if (!strcmp(word, "v2")) {
		*out = (struct processor){.kind = PROCESSOR_V2};
		return 0;
	}
	if (!strncmp(word, "v1:", 3))
		return parse_v1(out, whole, word + 3, err);
	if (!strncmp(word, "v2:", 3))
		return parse_v2(out, whole, word + 3, err);
	return err_set(err, ERR_CONFIG, "processor \"%s\" is not known: use " ALL ", N 1 to %d",
		whole, PROCESSOR_WORKERS_MAX);
}

void processor_print(char out[PROCESSOR_TEXT_MAX], const struct processor *p)
{
	static const char *const words[] = {
		[PROCESSOR_V1_SIMPLE] = "v1:simple",
		[PROCESSOR_V1_TRANSACTIONAL] = "v1:transactional",
		[PROCESSOR_V2] = "v2",
	};
	char count[8] = "";
	if (p->workers)
		snprintf(count, sizeof count, ":%d", p->workers);
	snprintf(out, PROCESSOR_TEXT_MAX, "%s%s%s", words[p->kind], count,
		p->affinity ? ":" AFFINITY : "");
}

int processor_workers(const struct processor *p, int cores)
{
	assert(cores > 0);
	if (p->kind != PROCESSOR_V2)
		return 1;
	int workers = p->workers ? p->workers : cores;
	return workers < PROCESSOR_WORKERS_MAX ? workers : PROCESSOR_WORKERS_MAX;
}

int processor_share_bp(const char *primary_percent, int *share_bp, struct err *err)
{
	char word[16];
	int percent =
		trim(word, sizeof word, primary_percent) ? number(word, SHARE_FULL / 100) : -1;
	if (percent < 0)
		return err_set(err, ERR_CONFIG,
			"primary_percentage \"%.60s\" is no whole percent of v1, 0 to 100",
			primary_percent);
	*share_bp = SHARE_FULL - 100 * percent;
	return 0;
}

/* The strategies the older notation has. */
static enum strategy older(const char *word)
{
	if (!strcmp(word, CANARY))
		return STRATEGY_CANARY;
	enum strategy s = strategy_of(word);
	return s == STRATEGY_PRIMARY_WITH_FALLBACK || s == STRATEGY_AB_TEST ||
			s == STRATEGY_FULL_MIGRATION
		? s
		: STRATEGY_COUNT;
}

int processor_strategy(const char *name, const char *primary_percent, enum strategy *strategy,
	int *share_bp, struct err *err)
{
	char word[48];
	enum strategy s = trim(word, sizeof word, name) ? older(word) : STRATEGY_COUNT;
	bool has_percent = primary_percent && *primary_percent;
	if (s == STRATEGY_COUNT)
		return err_set(err, ERR_CONFIG,
			"migration strategy \"%.60s\" is not known: use primary_with_fallback, " CANARY
			", ab_test or full_migration",
			name);
	if (s == STRATEGY_CANARY) {
		if (processor_share_bp(has_percent ? primary_percent : "", share_bp, err) < 0)
			return -1;
	} else if (has_percent) {
		return err_set(err, ERR_CONFIG,
			"primary_percentage \"%.60s\" goes with " CANARY " only, not with \"%s\"",
			primary_percent, word);
	} else {
		int implied = strategy_share_bp(s);
		*share_bp = implied < 0 ? 0 : implied;
	}
	*strategy = s;
	return 0;
}

bool processor_strategy_print(
	char out[PROCESSOR_NAME_MAX], enum strategy strategy, int share_bp)
{
	if (strategy == STRATEGY_CANARY && share_bp >= 0 && share_bp <= SHARE_FULL &&
		share_bp % 100 == 0) {
		snprintf(out, PROCESSOR_NAME_MAX, CANARY " (%d%% primary)", 100 - share_bp / 100);
		return true;
	}
	snprintf(out, PROCESSOR_NAME_MAX, "%s", strategy_name(strategy));
	return older(out) != STRATEGY_COUNT;
}
