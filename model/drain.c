/* Drain: the word for some workers of a node, there and back. Not the draining, which is the
 * pool's. */
#include "model/drain.h"

#include "model/unit.h"

#include <stdio.h>
#include <string.h>

/* Takes ".N" off the word. */
static bool take_index(const char **at, int *out)
{
	char digits[8];
	int64_t n;
	size_t len = **at == '.' ? strspn(*at + 1, "0123456789") : 0;
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
	if (strncmp(word, "v1", 2) != 0 && strncmp(word, "v2", 2) != 0)
		return false;
	out->arm = word[1] == '1' ? ARM_V1 : ARM_V2;
	word += 2;
	return (!*word || take_index(&word, &out->segment)) &&
		(!*word || take_index(&word, &out->worker)) && !*word;
}

void drain_write(char out[DRAIN_WORD_MAX], const struct drain *d)
{
	if (d->segment < 0)
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
	return w->arm == d->arm && (d->segment < 0 || w->segment == d->segment) &&
		(d->worker < 0 || w->index == d->worker);
}
