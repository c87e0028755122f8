/* Pool: the words of what a pool says of itself. Its documents are read and written by the wire.
 */
#include "model/pool.h"

#include <string.h>

static const char *const orphan_names[ORPHAN_COUNT] = {
#define X(name, word, help) [ORPHAN_##name] = word,
	ORPHAN_INFO(X)
#undef X
};

const char *orphan_name(enum orphan o)
{
	return orphan_names[o];
}

enum orphan orphan_of(const char *word)
{
	for (int i = 0; i < ORPHAN_COUNT; i++)
		if (strcmp(orphan_names[i], word) == 0)
			return (enum orphan)i;
	return ORPHAN_COUNT;
}

enum orphan orphan_at(enum orphan o, int share_bp)
{
	if (o != ORPHAN_DEFAULT)
		return o;
	return share_bp <= SHARE_FULL / 2 ? ORPHAN_REVERT : ORPHAN_HOLD;
}

static const char *const worker_state_names[WORKER_STATE_COUNT] = {
#define X(name, word) [WORKER_##name] = word,
	WORKER_STATE_INFO(X)
#undef X
};

const char *worker_state_name(enum worker_state s)
{
	return worker_state_names[s];
}
