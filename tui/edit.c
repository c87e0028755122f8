/* Edit: a line being typed. Not a prompt: it draws nothing and decides nothing.
 *
 * 1. `text` is always valid UTF-8 that text_clean leaves as it is: controls, bidi and
 *    zero-width characters cannot be typed.
 * 2. `at` stands before a character, never inside one and never before a combining mark. */
#include "tui/edit.h"

#include "model/text.h"
#include "tui/term.h"

#include <string.h>

void edit_clear(struct edit *e)
{
	*e = (struct edit){0};
}

void edit_set(struct edit *e, const char *text)
{
	edit_clear(e);
	e->len = text_clean(e->text, sizeof e->text, text, strlen(text));
	e->at = e->len;
}

/* True when byte `at` begins a character that takes columns, or is the end. */
static bool is_boundary(const struct edit *e, size_t at)
{
	if (at == 0 || at >= e->len)
		return true;
	if (((unsigned char)e->text[at] & 0xc0) == 0x80)
		return false;
	uint32_t point;
	return text_decode(e->text + at, e->len - at, &point) <= 0 || text_columns(point) > 0;
}

static size_t before(const struct edit *e, size_t at)
{
	while (at > 0 && !is_boundary(e, --at))
		;
	return at;
}

static size_t after(const struct edit *e, size_t at)
{
	while (at < e->len && !is_boundary(e, ++at))
		;
	return at;
}

static size_t word_before(const struct edit *e)
{
	size_t at = e->at;
	while (at > 0 && e->text[at - 1] == ' ')
		at--;
	while (at > 0 && e->text[at - 1] != ' ')
		at--;
	return at;
}

/* Removes the bytes [from, to) and puts the cursor there. */
static void cut(struct edit *e, size_t from, size_t to)
{
	memmove(e->text + from, e->text + to, e->len - to + 1);
	e->len -= to - from;
	e->at = from;
	/* What followed may be a mark, which now belongs to what is before it. */
	while (!is_boundary(e, e->at))
		e->at++;
}

static void insert(struct edit *e, uint32_t point)
{
	char bytes[5] = {0}, trial[EDIT_MAX], clean[EDIT_MAX];
	size_t len = (size_t)text_encode(point, bytes);
	if (e->len + len >= sizeof e->text)
		return;
	memcpy(trial, e->text, e->at);
	memcpy(trial + e->at, bytes, len);
	memcpy(trial + e->at + len, e->text + e->at, e->len - e->at + 1);
	/* The line as a whole: whether a mark may stand somewhere depends on what is before it. */
	text_clean(clean, sizeof clean, trial, e->len + len);
	if (strcmp(clean, trial) != 0)
		return;
	memcpy(e->text, trial, e->len + len + 1);
	e->len += len;
	e->at += len;
	while (!is_boundary(e, e->at))
		e->at++;
}

bool edit_key(struct edit *e, uint32_t key)
{
	switch (key) {
	case KEYS_LEFT:
		e->at = before(e, e->at);
		return true;
	case KEYS_RIGHT:
		e->at = after(e, e->at);
		return true;
	case KEYS_HOME:
	case KEYS_CTRL('a'):
		e->at = 0;
		return true;
	case KEYS_END:
	case KEYS_CTRL('e'):
		e->at = e->len;
		return true;
	case KEYS_BACKSPACE:
		cut(e, before(e, e->at), e->at);
		return true;
	case KEYS_DELETE:
		cut(e, e->at, after(e, e->at));
		return true;
	case KEYS_CTRL('u'):
		cut(e, 0, e->at);
		return true;
	case KEYS_CTRL('k'):
		cut(e, e->at, e->len);
		return true;
	case KEYS_CTRL('w'):
		cut(e, word_before(e), e->at);
		return true;
	default:
		if (key < 0x20 || key == 0x7f || key > 0x10ffff || (key >= 0xd800 && key <= 0xdfff))
			return false;
		insert(e, key);
		return true;
	}
}
