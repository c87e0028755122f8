/* weir approve: the asker's sheet, a y, a signature, a row in the history and a token. It needs the
 * history (or the ask's own text) and one's own key, and nothing from the pool. */
#include "history/approval.h"
#include "model/text.h"
#include "tui/asked.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/setup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOAD_MS 5000 /* until the history is read, or written */

struct approving {
	struct setup s;
	const struct options *o;
	struct act_request request;
	struct act_result result;
};

static int print_key(struct approving *a, struct err *err)
{
	char key[POOL_HASH_MAX];
	if (setup_keys(&a->s, err) < 0 || approval_key(key, a->s.state_dir, err) < 0)
		return setup_fail(err);
	puts(key);
	return EXIT_DONE;
}

static bool loaded(void *ctx)
{
	const struct approving *a = ctx;
	return desk_loaded(a->s.desk, 0);
}

static bool recorded(void *ctx)
{
	const struct approving *a = ctx;
	struct act_view view;
	return !desk_progress(a->s.desk, a->result.id, &view) || view.progress == PROGRESS_DONE;
}

static const struct pool *the_pool(const struct approving *a)
{
	return &desk_model(a->s.desk)->pools[0];
}

/* By its id, or whole: then this history has it from now on only in memory. */
static const struct decision *find_ask(struct approving *a, struct err *err)
{
	const char *word = a->o->args[1];
	struct decision whole;
	if (approval_unpack_ask(&whole, word)) {
		desk_remember(a->s.desk, 0, &whole, loop_now());
		word = whole.id;
	}
	const struct decision *ask =
		text_is_name(word, DECISION_ID_MAX - 1) ? pool_decision(the_pool(a), word) : NULL;
	if (ask && ask->verb == VERB_ASK) {
		text_copy(a->request.of, sizeof a->request.of, ask->id);
		return ask;
	}
	err_set(err, ERR_USAGE,
		"nobody asks '%.40s' of '%s' here; weir log --verb ask lists who does", word,
		the_pool(a)->name);
	return NULL;
}

static void print_sheet(const struct approving *a, const struct decision *ask)
{
	struct asked_row rows[ASKED_ROWS];
	int n = asked_rows(rows, ask, loop_now().wall_ms);
	FILE *to = a->o->json ? stderr : stdout;
	fprintf(to, "%s:\n", the_pool(a)->name);
	for (int i = 0; i < n; i++)
		fprintf(to, "  %-9s %s\n", rows[i].label, rows[i].text);
	fflush(to);
}

static int confirm(const struct approving *a, struct err *err)
{
	const char *pool = the_pool(a)->name, *given = a->o->confirm;
	char line[16] = "";
	if (given && strcmp(given, pool) != 0)
		return err_set(
			err, ERR_USAGE, "--confirm '%s' is not '%s': nothing was done", given, pool);
	if (given)
		return 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return err_set(err, ERR_USAGE,
			"approve allows a change of '%s': name it with --confirm %s", pool, pool);
	fprintf(stderr, "approve it? y: ");
	if (!loop_input(STDIN_FILENO) || !fgets(line, sizeof line, stdin) ||
		strcmp(line, "y\n") != 0)
		return err_set(err, ERR_USAGE, "not approved: nothing was done");
	return 0;
}

static int report(const struct approving *a, struct err *err)
{
	struct act_view view;
	char token[APPROVAL_TOKEN_MAX] = "", until[40], age[24];
	desk_progress(a->s.desk, a->result.id, &view);
	if (!view.recorded) {
		err_set(err, ERR_HISTORY, "%s", view.err.code ? view.err.text : "not recorded in time");
		return setup_fail(err);
	}
	approval_member(token, sizeof token, view.decision.evidence, "token");
	unit_duration(age, sizeof age, APPROVAL_MS);
	unit_rfc3339(until, sizeof until, view.decision.at_ms + APPROVAL_MS);
	if (a->o->json) {
		struct text t = {0};
		text_add(&t, "{");
		text_json_str(&t, "id", view.decision.id);
		text_json_str(&t, "pool", view.decision.pool);
		text_json_str(&t, "of", a->request.of);
		text_json_str(&t, "valid_until", until);
		text_json_str(&t, "token", token);
		text_add(&t, "}");
		puts(text_str(&t));
		text_free(&t);
		return EXIT_DONE;
	}
	fprintf(stderr,
		"weir: approved for %s; whoever asks finds it in this history, elsewhere with "
		"--approval TOKEN:\n",
		age);
	puts(token);
	return EXIT_DONE;
}

static int approve(struct approving *a, struct err *err)
{
	const char *target = a->o->args[0];
	if (setup_open(&a->s, a->o, &target, 1, SETUP_ACT, false, err) < 0)
		return setup_fail(err);
	loop_until(a->s.desk, loaded, a, LOAD_MS);
	const struct decision *ask = find_ask(a, err);
	if (!ask)
		return setup_fail(err);
	print_sheet(a, ask);
	/* what can come to nothing is not asked for */
	desk_judge(a->s.desk, &a->request, &a->result);
	if (a->result.status == ACT_REFUSED)
		return setup_fail(&a->result.err);
	if (confirm(a, err) < 0)
		return setup_fail(err);
	desk_act(a->s.desk, &a->request, loop_now(), &a->result);
	if (a->result.status != ACT_BEGUN)
		return setup_fail(&a->result.err);
	loop_finish(a->s.desk, recorded, a, LOAD_MS);
	return report(a, err);
}

int cmd_approve(const struct options *o)
{
	struct err err = {0};
	struct approving a = {.o = o, .request = {.verb = VERB_APPROVE, .to_bp = -1}};
	if (!o->key && o->arg_count < 2) {
		err_set(&err, ERR_USAGE, "weir approve needs TARGET ID; --key prints your public key");
		return setup_fail(&err);
	}
	text_copy(a.request.reason, sizeof a.request.reason, o->reason ? o->reason : "");
	int status = setup_init(&a.s, o, &err) < 0 && !o->key ? setup_fail(&err)
		: o->key                                          ? print_key(&a, &err)
														  : approve(&a, &err);
	setup_release(&a.s);
	return status;
}
