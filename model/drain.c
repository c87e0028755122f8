/* Drain: the word for some workers of a node, there and back, and whom it means. Not the
 * draining, which is the pool's. */
#include "model/drain.h"

#include "model/unit.h"

#include <stdio.h>
#include <string.h>

/* Takes "N" off the word, behind the byte `before`. */
static bool take_index(const char **at, char before, int *out)
{
	char digits[8];
	int64_t n;
	size_t len = **at == before ? strspn(*at + 1, "0123456789") : 0;
	if (len == 0 || len >= sizeof digits || (len > 1 && (*at)[1] == '0'))
		return false;
	memcpy(digits, *at + 1, len);
	digits[len] = '\0';
	*at += len + 1;
	if (!unit_parse_int(digits, 0, DRAIN_INDEX_MAX, &n))
		return false;
	*out = (int)n;
	return true;
}

bool drain_read(struct drain *out, const char *word)
{
	*out = (struct drain){.segment = -1, .worker = -1};
	if (word[0] == 'r') {
		out->residents = true;
		return take_index(&word, 'r', &out->node) &&
			(!*word || take_index(&word, '.', &out->segment)) && !*word;
	}
	if (strncmp(word, "v1", 2) != 0 && strncmp(word, "v2", 2) != 0)
		return false;
	out->arm = word[1] == '1' ? ARM_V1 : ARM_V2;
	word += 2;
	return (!*word || take_index(&word, '.', &out->segment)) &&
		(!*word || take_index(&word, '.', &out->worker)) && !*word;
}

void drain_write(char out[DRAIN_WORD_MAX], const struct drain *d)
{
	if (d->residents && d->segment < 0)
		snprintf(out, DRAIN_WORD_MAX, "r%d", d->node);
	else if (d->residents)
		snprintf(out, DRAIN_WORD_MAX, "r%d.%d", d->node, d->segment);
	else if (d->segment < 0)
		snprintf(out, DRAIN_WORD_MAX, "%s", arm_name(d->arm));
	else if (d->worker < 0)
		snprintf(out, DRAIN_WORD_MAX, "%s.%d", arm_name(d->arm), d->segment);
	else
		snprintf(out, DRAIN_WORD_MAX, "%s.%d.%d", arm_name(d->arm), d->segment, d->worker);
}

/* The evidence is our own JSON: what stands inside of its strings has its quotes escaped. */
void drain_tell(char out[DRAIN_TOLD_MAX], const struct decision *d)
{
	static const char key[] = "\"target\":\"";
	struct drain read;
	char word[DRAIN_WORD_MAX] = "";
	const char *at = d->verb == VERB_DRAIN ? strstr(d->evidence, key) : NULL;
	size_t len = at ? strcspn(at + sizeof key - 1, "\"") : 0;
	out[0] = '\0';
	if (len == 0 || len >= sizeof word)
		return;
	memcpy(word, at + sizeof key - 1, len);
	if (drain_read(&read, word))
		snprintf(out, DRAIN_TOLD_MAX, "%s%s", word,
			strstr(d->evidence, "\"on\":false") ? " off" : "");
}

bool drain_means(const struct drain *d, const struct worker_row *w)
{
	return !d->residents && w->arm == d->arm && (d->segment < 0 || w->segment == d->segment) &&
		(d->worker < 0 || w->index == d->worker);
}

const struct resident_place *drain_place(
	const struct drain *d, const struct resident_crew *crew)
{
	const struct resident_place *rows = d->segment < 0 ? crew->node : crew->segment;
	int count = d->segment < 0 ? crew->node_count : crew->segment_count;
	for (int i = 0; d->residents && crew->known && i < count; i++)
		if (rows[i].node == d->node && rows[i].segment == d->segment)
			return &rows[i];
	return NULL;
}
