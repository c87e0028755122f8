/* The line that rolls back without weir: what the pool itself takes over HTTP, or over HAProxy's
 * socket. */
#include "tui/way_back.h"

#include "client/haproxy_advice.h"
#include "client/haproxy_target.h"

#include <string.h>

/* The target in single quotes, as a shell takes it. */
static void quote(struct text *out, const char *word)
{
	text_add(out, "'");
	for (; *word; word++) {
		if (*word == '\'')
			text_add(out, "'\\''");
		else
			text_add_n(out, word, 1);
	}
	text_add(out, "'");
}

void way_back_line(struct text *out, const struct node *n, const char *token_file)
{
	struct text url = {0};
	const char *target = n->target;
	if (haproxy_is_target(target))
		haproxy_advise_way_back(out, target, n->last ? n->last->baseline_bp : -1);
	bool is_unix = strncmp(target, "unix:", 5) == 0;
	if (!is_unix && strncmp(target, "http", 4) != 0)
		return;
	text_addf(&url, "%s/v1/rollback", is_unix ? "http://localhost" : target);
	text_add(out,
		"curl -fsS -X POST -H 'Content-Type: application/json' "
		"-H \"Idempotency-Key: by-hand-$(date +%s)\" ");
	if (is_unix) {
		text_add(out, "--unix-socket ");
		quote(out, target + 5);
		text_add(out, " ");
	}
	if (token_file) {
		text_add(out, "-H \"Authorization: Bearer $(head -n 1 ");
		quote(out, token_file);
		text_add(out, ")\" ");
	}
	text_add(out, "-d '{\"actor\":\"by hand\"}' ");
	quote(out, text_str(&url));
	text_free(&url);
}
