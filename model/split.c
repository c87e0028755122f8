/* Split: routing arithmetic. Not a router: it knows no queues, breakers or backends, only which
 * arm a bucket belongs to. */
#define XXH_INLINE_ALL
#include "model/split.h"

#include <string.h>
#include <xxhash.h>

static const struct {
	const char *word;
	int share_bp;
	bool falls_back;
	const char *help;
} rows[STRATEGY_COUNT] = {
#define X(name, word, share, fallback, help) [STRATEGY_##name] = {word, share, fallback, help},
	STRATEGY_INFO(X)
#undef X
};

const char *strategy_name(enum strategy s)
{
	return rows[s].word;
}

const char *strategy_help(enum strategy s)
{
	return rows[s].help;
}

enum strategy strategy_of(const char *word)
{
	for (int i = 0; i < STRATEGY_COUNT; i++)
		if (strcmp(rows[i].word, word) == 0)
			return (enum strategy)i;
	return STRATEGY_COUNT;
}

int strategy_share_bp(enum strategy s)
{
	return rows[s].share_bp;
}

int split_bucket(const char *id, size_t len, uint64_t salt)
{
	return (int)(XXH64(id, len, salt) % SHARE_FULL);
}

enum arm split_arm(enum strategy s, int share_bp, int bucket)
{
	int implied_bp = rows[s].share_bp;

	return bucket < (implied_bp < 0 ? share_bp : implied_bp) ? ARM_V2 : ARM_V1;
}

bool split_may_fall_back(
	enum strategy s, int share_bp, enum arm failed, bool idempotent, enum failure why)
{
	/* a session that is not there is the caller's own error on either arm */
	if (!rows[s].falls_back || !idempotent || why == FAILURE_SESSION)
		return false;
	return failed == ARM_V2 || share_bp > 0;
}
