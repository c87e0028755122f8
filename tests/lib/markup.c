/* A reader of tags with a stack of names. It keeps nothing of what it reads. */
#include "tests/lib/markup.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 64
#define NAME_MAX_LEN 64
#define ATTRIBUTES_MAX 32

struct reading {
	const char *text, *at;
	const char *why; /* NULL: well so far */
	char open[DEPTH_MAX][NAME_MAX_LEN];
	int depth, roots;
};

static bool fail(struct reading *r, const char *why)
{
	r->why = why;
	return false;
}

static bool begins(const struct reading *r, const char *s)
{
	return strncmp(r->at, s, strlen(s)) == 0;
}

static bool take_name(struct reading *r, char out[NAME_MAX_LEN])
{
	size_t n = 0;
	if (!isalpha((unsigned char)*r->at))
		return fail(r, "a name is missing");
	while (isalnum((unsigned char)*r->at) || (*r->at && strchr("-_:.", *r->at))) {
		if (n == NAME_MAX_LEN - 1)
			return fail(r, "a name is too long");
		out[n++] = *r->at++;
	}
	out[n] = '\0';
	return true;
}

static bool take_entity(struct reading *r)
{
	static const char *const names[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (begins(r, names[i])) {
			r->at += strlen(names[i]);
			return true;
		}
	size_t digits = begins(r, "&#") ? strspn(r->at + 2, "0123456789") : 0;
	if (digits == 0 || r->at[2 + digits] != ';')
		return fail(r, "a & stands for nothing");
	r->at += digits + 3;
	return true;
}

static bool take_character(struct reading *r)
{
	if (*r->at == '&')
		return take_entity(r);
	if ((unsigned char)*r->at < 0x20 && !isspace((unsigned char)*r->at))
		return fail(r, "a control character");
	r->at++;
	return true;
}

static void skip_space(struct reading *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

static bool take_attribute(struct reading *r, char name[NAME_MAX_LEN])
{
	if (!take_name(r, name))
		return false;
	if (*r->at++ != '=' || (*r->at != '"' && *r->at != '\''))
		return fail(r, "an attribute without a quoted value");
	char quote = *r->at++;
	while (*r->at && *r->at != quote) {
		if (*r->at == '<')
			return fail(r, "a < in an attribute");
		if (!take_character(r))
			return false;
	}
	return *r->at++ ? true : fail(r, "an attribute does not end");
}

static bool take_attributes(struct reading *r)
{
	char names[ATTRIBUTES_MAX][NAME_MAX_LEN];
	int n = 0;
	for (;;) {
		bool space = isspace((unsigned char)*r->at);
		skip_space(r);
		if (*r->at == '>' || begins(r, "/>"))
			return true;
		if (!space || n == ATTRIBUTES_MAX)
			return fail(r, "a tag that is none");
		if (!take_attribute(r, names[n]))
			return false;
		for (int i = 0; i < n; i++)
			if (strcmp(names[i], names[n]) == 0)
				return fail(r, "an attribute twice");
		n++;
	}
}

static bool take_open(struct reading *r)
{
	r->at++;
	if (r->depth == DEPTH_MAX)
		return fail(r, "too deep");
	if (r->depth == 0 && r->roots++ > 0)
		return fail(r, "a second root");
	if (!take_name(r, r->open[r->depth]) || !take_attributes(r))
		return false;
	if (*r->at == '/')
		r->at++;
	else
		r->depth++;
	r->at++;
	return true;
}

static bool take_close(struct reading *r)
{
	char name[NAME_MAX_LEN];
	r->at += 2;
	if (!take_name(r, name))
		return false;
	skip_space(r);
	if (*r->at++ != '>')
		return fail(r, "a closing tag does not end");
	if (r->depth == 0 || strcmp(r->open[r->depth - 1], name) != 0)
		return fail(r, "another element is open");
	r->depth--;
	return true;
}

static bool skip_past(struct reading *r, const char *end)
{
	const char *found = strstr(r->at, end);
	if (!found)
		return fail(r, "a comment or a document type does not end");
	r->at = found + strlen(end);
	return true;
}

static bool take_one(struct reading *r)
{
	if (begins(r, "<!--"))
		return skip_past(r, "-->");
	if (begins(r, "<!DOCTYPE "))
		return r->roots == 0 ? skip_past(r, ">") : fail(r, "a document type behind the root");
	if (begins(r, "</"))
		return take_close(r);
	if (*r->at == '<')
		return take_open(r);
	if (r->depth == 0 && !isspace((unsigned char)*r->at))
		return fail(r, "text outside the root");
	return take_character(r);
}

bool markup_is_whole(const char *text, char *why, size_t size)
{
	struct reading r = {.text = text, .at = text};
	while (*r.at && !r.why)
		take_one(&r);
	if (!r.why && (r.depth > 0 || r.roots == 0))
		r.why = "something stays open";
	int line = 1;
	for (const char *c = text; c < r.at; c++)
		line += *c == '\n';
	if (r.why)
		snprintf(why, size, "line %d: %s", line, r.why);
	return !r.why;
}

const char *markup_fetches(const char *text)
{
	static const char *const words[] = {
		" src=", " href=", " xlink:href=", " srcset=", " data=", " action=", "url(", "@import",
		"<script", "<link", "<object", "<embed", "<iframe", "<base"};
	const char *first = NULL;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const char *found = strstr(text, words[i]);
		if (found && (!first || found < first))
			first = found;
	}
	return first;
}
