/* Environment: reads four variables, each in one place, then what they say together. Not the
 * options of a command line.
 *
 * 1. Nothing is changed before everything is read and agrees. */
#include "client/engine/environment.h"

#include "client/engine/processor.h"
#include "model/text.h"

#include <stdlib.h>
#include <string.h>

#define PROCESSOR "PROCESSOR_CONFIG"
#define STRATEGY "MIGRATION_STRATEGY"
#define PERCENTAGE "PRIMARY_PERCENTAGE"
#define VERSION "POOL_VERSION"

static const char *or_null(const char *value)
{
	return value && *value ? value : NULL;
}

static int read_processor(struct engine_options *how, struct err *err)
{
	struct processor p;
	const char *word = or_null(getenv("PROCESSOR_CONFIG"));
	if (!word)
		return 0;
	if (processor_parse(&p, word, err) < 0)
		return err_prefix(err, PROCESSOR);
	if (p.kind == PROCESSOR_V2) {
		how->v2_processor = word;
		return 0;
	}
	how->v1_processor = word;
	how->no_v2 = true;
	return 0;
}

/* Our own name, or one of the older notation in whatever letters. */
static int read_strategy(enum strategy *out, const char *word, struct err *err)
{
	int share_bp;
	*out = strategy_of(word);
	if (*out != STRATEGY_COUNT || processor_strategy(word, "100", out, &share_bp, NULL) == 0)
		return 0;
	return processor_strategy(word, NULL, out, &share_bp, err) < 0 ? err_prefix(err, STRATEGY)
																   : 0;
}

/* The share that POOL_VERSION says, -1 for none. */
static int read_version(int *share_bp, struct err *err)
{
	static const struct {
		const char *word;
		int share_bp;
	} versions[] = {{"v1", 0}, {"v2", SHARE_FULL}, {"gradual", -1}};
	const char *word = or_null(getenv("POOL_VERSION"));
	*share_bp = -1;
	for (size_t i = 0; word && i < sizeof versions / sizeof *versions; i++) {
		if (strcmp(word, versions[i].word) != 0)
			continue;
		*share_bp = versions[i].share_bp;
		return 0;
	}
	return word
		? err_set(err, ERR_CONFIG, VERSION " \"%.60s\" is none of v1, v2, gradual", word)
		: 0;
}

/* Two of the three that say a share: both must say the same. */
static int agree(
	int *share_bp, const char **by, int other_bp, const char *other, struct err *err)
{
	if (other_bp < 0)
		return 0;
	if (*share_bp >= 0 && *share_bp != other_bp)
		return err_set(err, ERR_CONFIG,
			"%s \"%.60s\" gives %d %% to v2, and %s \"%.60s\" gives %d %%: leave out one of them",
			*by, getenv(*by), *share_bp / 100, other, getenv(other), other_bp / 100);
	*share_bp = other_bp;
	*by = other;
	return 0;
}

static int read_split(struct engine_options *how, struct err *err)
{
	int share_bp = -1, percent_bp = -1, version_bp;
	const char *by = NULL;
	enum strategy strategy = how->strategy;
	const char *word = or_null(getenv("MIGRATION_STRATEGY"));
	const char *percent = or_null(getenv("PRIMARY_PERCENTAGE"));
	if (word && read_strategy(&strategy, word, err) < 0)
		return -1;
	if (percent && processor_share_bp(percent, &percent_bp, err) < 0)
		return err_prefix(err, PERCENTAGE);
	if (read_version(&version_bp, err) < 0)
		return -1;
	if (word && agree(&share_bp, &by, strategy_share_bp(strategy), STRATEGY, err) < 0)
		return -1;
	if (agree(&share_bp, &by, percent_bp, PERCENTAGE, err) < 0 ||
		agree(&share_bp, &by, version_bp, VERSION, err) < 0)
		return -1;
	how->strategy = strategy;
	how->share_bp = share_bp >= 0 ? share_bp : how->share_bp;
	return 0;
}

int environment_apply(struct engine_options *how, struct err *err)
{
	struct engine_options read = *how;
	if (read_processor(&read, err) < 0 || read_split(&read, err) < 0)
		return -1;
	*how = read;
	return 0;
}

void environment_split_names(char out[ENVIRONMENT_NAMES_MAX])
{
	static const char *const names[] = {STRATEGY, PERCENTAGE, VERSION};
	*out = '\0';
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!or_null(getenv(names[i])))
			continue;
		strncat(out, *out ? ", " : "", ENVIRONMENT_NAMES_MAX - strlen(out) - 1);
		strncat(out, names[i], ENVIRONMENT_NAMES_MAX - strlen(out) - 1);
	}
}
