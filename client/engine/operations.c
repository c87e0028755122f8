/* Operations: names and numbers. Not what a builtin one does: task.c.
 *
 * 1. A number is below OPERATION_MAX, and no two names have the same. */
#include "client/engine/operations.h"

#include "model/scenario.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

_Static_assert(OPERATION_COUNT <= OPERATION_MAX, "the router tells them apart by a bit");

#define IDEMPOTENT ":idempotent"

static const struct operations builtin = {.count = OPERATION_COUNT,
	.each = {
#define X(name, word, idempotent, work_us) [OPERATION_##name] = {word, idempotent},
		OPERATION_INFO(X)
#undef X
	}};

const struct operations *operations_builtin(void)
{
	return &builtin;
}

/* ---- lists ---- */

/* The next item of a list with commas, without the blanks around it; false behind the last. What
 * does not fit is cut, and then no name. */
static bool next_item(const char **list, char *out, size_t size)
{
	if (!*list)
		return false;
	const char *from = *list + strspn(*list, " ");
	size_t len = strcspn(from, ",");
	*list = from[len] ? from + len + 1 : NULL;
	while (len > 0 && from[len - 1] == ' ')
		len--;
	snprintf(out, size, "%.*s", (int)(len < size ? len : size), from);
	return true;
}

static bool is_name(const char *name)
{
	return text_is_name(name, OPERATION_NAME_MAX - 1) && !strchr(name, ':');
}

static int declare(struct operations *o, char *item, struct err *err)
{
	size_t len = strlen(item), end = sizeof IDEMPOTENT - 1;
	bool idempotent = len > end && strcmp(item + len - end, IDEMPOTENT) == 0;
	if (idempotent)
		item[len - end] = '\0';
	if (!is_name(item))
		return err_set(err, ERR_CONFIG,
			"\"%.60s\" is no operation: write NAME or NAME" IDEMPOTENT
			", a name of 1 to %d letters, digits and . _ -",
			item, OPERATION_NAME_MAX - 1);
	if (operations_find(o, item) >= 0)
		return err_set(err, ERR_CONFIG, "the operation \"%s\" is there twice", item);
	if (o->count == OPERATION_MAX)
		return err_set(err, ERR_CONFIG, "\"%s\" is one operation too many: a pool has %d", item,
			OPERATION_MAX);
	struct operation_entry *e = &o->each[o->count++];
	text_copy(e->name, sizeof e->name, item);
	e->idempotent = idempotent;
	return 0;
}

int operations_read(struct operations *out, const char *list, struct err *err)
{
	char item[OPERATION_NAME_MAX + sizeof IDEMPOTENT];
	*out = builtin;
	if (!list)
		return 0;
	*out = (struct operations){.declared = true};
	while (next_item(&list, item, sizeof item))
		if (declare(out, item, err) < 0)
			return -1;
	return 0;
}

int operations_read_set(
	const struct operations *o, struct operation_set *out, const char *list, struct err *err)
{
	char item[OPERATION_NAME_MAX + 1];
	*out = (struct operation_set){.limited = true};
	while (next_item(&list, item, sizeof item)) {
		if (operations_find(o, item) < 0)
			return err_set(err, ERR_CONFIG, "the operation \"%.60s\" is not known here", item);
		for (int i = 0; i < out->count; i++)
			if (strcmp(out->name[i], item) == 0)
				return err_set(err, ERR_CONFIG, "the operation \"%s\" is there twice", item);
		text_copy(out->name[out->count++], OPERATION_NAME_MAX, item);
	}
	return 0;
}

/* ---- looking ---- */

int operations_find(const struct operations *o, const char *name)
{
	for (int i = 0; i < o->count; i++)
		if (strcmp(o->each[i].name, name) == 0)
			return i;
	return -1;
}

void operations_known(const struct operations *o, struct operation_set *out)
{
	*out = (struct operation_set){.limited = true};
	for (int i = 0; i < o->count; i++)
		text_copy(out->name[out->count++], OPERATION_NAME_MAX, o->each[i].name);
}

unsigned operations_bits(const struct operations *o, const struct operation_set *s)
{
	unsigned bits = 0;
	for (int i = 0; i < s->count; i++) {
		int number = operations_find(o, s->name[i]);
		bits |= number < 0 ? 0 : 1u << number;
	}
	return s->limited ? bits : ROUTER_ALL;
}

int operations_play(const struct operations *o, const struct scenario *s, struct err *err)
{
	for (int i = 0; i < s->operation_count; i++) {
		const char *name = s->operations[i].name;
		struct text all = {0};
		if (operations_find(o, name) < 0) {
			for (int k = 0; k < o->count; k++)
				text_addf(&all, "%s%s", k ? ", " : "", o->each[k].name);
			err_set(err, ERR_CONFIG,
				"the scenario's operation \"%s\" is not known; use one of %s", name,
				text_str(&all));
			text_free(&all);
			return -1;
		}
		if (!o->declared && operation_of(name) == OPERATION_TALLY && s->keys <= 0)
			return err_set(err, ERR_CONFIG,
				"the scenario's operation \"%s\" is keyed work: say how many keys", name);
	}
	return 0;
}

/* ---- the builtin ones ---- */

const char *operation_name(enum operation o)
{
	return builtin.each[o].name;
}

enum operation operation_of(const char *word)
{
	int number = operations_find(&builtin, word);
	return number < 0 ? OPERATION_COUNT : (enum operation)number;
}

bool operation_is_idempotent(enum operation o)
{
	return builtin.each[o].idempotent;
}

void operation_known(struct operation_set *out)
{
	operations_known(&builtin, out);
}

unsigned operation_bits(const struct operation_set *s)
{
	return operations_bits(&builtin, s);
}
