/* Partition: one function a strategy, chosen by a table. Not the partitions themselves.
 *
 * 1. What can be refused is refused when it is set up; a record is refused only for what it is.
 * 2. A refused record changes nothing. */
#include "client/engine/partition.h"

#include "client/engine/hash.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const char *const words[] = {
#define X(name, word, others, needs, help) word,
	PARTITION_INFO(X)
#undef X
};

const char *partition_name(enum partition_strategy s)
{
	assert(s < PARTITION_COUNT);
	return words[s];
}

const char *partition_help(enum partition_strategy s)
{
	static const char *const helps[] = {
#define X(name, word, others, needs, help) help,
		PARTITION_INFO(X)
#undef X
	};
	assert(s < PARTITION_COUNT);
	return helps[s];
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* True when `word` is one of `list`, which blanks part. */
static bool is_among(const char *word, const char *list)
{
	size_t len = strlen(word);
	while (*list) {
		size_t i = 0, end = strcspn(list, " ");
		while (i < end && i < len && lower(word[i]) == list[i])
			i++;
		if (i == end && i == len)
			return true;
		list += end + (list[end] != '\0');
	}
	return false;
}

int partition_of(const char *word, enum partition_strategy *out, struct err *err)
{
	static const char *const others[] = {
#define X(name, word, others, needs, help) word " " others,
		PARTITION_INFO(X)
#undef X
	};
	if (!word || !*word) {
		*out = PARTITION_DEFAULT;
		return 0;
	}
	for (int s = 0; s < PARTITION_COUNT; s++) {
		if (is_among(word, others[s])) {
			*out = (enum partition_strategy)s;
			return 0;
		}
	}
	char all[160] = "";
	for (int s = 0; s < PARTITION_COUNT; s++) {
		strncat(all, s ? ", " : "", sizeof all - strlen(all) - 1);
		strncat(all, words[s], sizeof all - strlen(all) - 1);
	}
	return err_set(err, ERR_CONFIG,
		"partitioning strategy \"%.80s\" is not known: use one of %s", word, all);
}

static int columns_of(const char *const *columns)
{
	int n = 0;
	while (columns && columns[n])
		n++;
	return n;
}

static bool is_aligned(const struct partition_options *how, int columns)
{
	if (!columns || columns_of(how->source) != columns)
		return false;
	for (int i = 0; i < columns; i++)
		if (strcmp(how->columns[i], how->source[i]))
			return false;
	return true;
}

static int check(const struct partition *p, struct err *err)
{
	static const bool needs_columns[] = {
#define X(name, word, others, needs, help) needs,
		PARTITION_INFO(X)
#undef X
	};
	const struct partition_options *how = &p->how;
	const char *word = partition_name(how->strategy);
	if (how->count < 1 || how->count > PARTITIONS_MAX)
		return err_set(
			err, ERR_CONFIG, "partitions are 1 to %d, not \"%d\"", PARTITIONS_MAX, how->count);
	if (needs_columns[how->strategy] && !p->columns)
		return err_set(err, ERR_CONFIG,
			"\"%s\" needs columns that the work is grouped by: name them, or use \"%s\"", word,
			partition_name(PARTITION_STICKY));
	if (how->strategy == PARTITION_ROUND_ROBIN && p->columns)
		return err_set(err, ERR_CONFIG,
			"\"%s\" would tear grouped work apart: the records of one \"%.60s\" must meet in "
			"one partition, use \"%s\"",
			word, how->columns[0], partition_name(PARTITION_DEFAULT));
	if (how->strategy == PARTITION_STICKY && p->columns && !p->aligned)
		return err_set(err, ERR_CONFIG,
			"\"%s\" would tear grouped work apart: its source is not parted by \"%.60s\", use "
			"\"%s\" or \"%s\"",
			word, how->columns[0], partition_name(PARTITION_DEFAULT),
			partition_name(PARTITION_SMART_REPARTITION));
	if (how->strategy == PARTITION_FAN_IN && (how->target < 0 || how->target >= how->count))
		return err_set(err, ERR_CONFIG,
			"\"%s\" has no partition \"%d\" to go to: with %d they are 0 to %d", word,
			how->target, how->count, how->count - 1);
	return 0;
}

int partition_init(struct partition *p, const struct partition_options *how, struct err *err)
{
	assert(how->strategy < PARTITION_COUNT);
	*p = (struct partition){.how = *how, .columns = columns_of(how->columns)};
	p->aligned = is_aligned(how, p->columns);
	return check(p, err);
}

static int by_hash(
	const struct partition *p, const struct partition_record *record, struct err *err)
{
	assert(!p->columns || record->count == p->columns);
	if (!record->count)
		return err_set(
			err, ERR_FIELD, "the record has neither a partition nor a key to choose one by");
	uint64_t hash = 0;
	for (int i = 0; i < record->count; i++) {
		const struct partition_value *v = &record->values[i];
		if (!v->data)
			return err_set(err, ERR_FIELD, "the record lacks the column \"%.80s\"",
				p->columns ? p->how.columns[i] : "key");
		hash = hash_bytes(v->data, v->len, hash);
	}
	return (int)(hash % (uint64_t)p->how.count);
}

static int natural_or_hash(
	struct partition *p, const struct partition_record *record, bool trusted, struct err *err)
{
	if (trusted && record->partition >= 0) {
		p->natural++;
		return (int)(record->partition % p->how.count);
	}
	int at = by_hash(p, record, err);
	p->repartitioned += at >= 0;
	return at;
}

int partition_pick(struct partition *p, const struct partition_record *record, struct err *err)
{
	switch (p->how.strategy) {
	case PARTITION_SMART_REPARTITION:
		return natural_or_hash(p, record, p->aligned, err);
	case PARTITION_STICKY:
		return natural_or_hash(p, record, true, err);
	case PARTITION_ROUND_ROBIN:
		return (int)(p->turn++ % (uint64_t)p->how.count);
	case PARTITION_FAN_IN:
		return p->how.target;
	case PARTITION_ALWAYS_HASH:
	case PARTITION_COUNT:
		break;
	}
	return by_hash(p, record, err);
}

double partition_alignment(const struct partition *p)
{
	int64_t all = p->natural + p->repartitioned;
	return all ? (double)p->natural / (double)all : NAN;
}
