/* Two policies over one recording: the configured one, and the one that is asked about. */
#include "tui/whatif_overlay.h"

#include "model/text.h"

#include <stdio.h>

#define SLICE_MS (20 * 1000) /* of the recording: some 4 ms of ours */

enum { CONFIGURED, TRIED, POLICIES };

static void say(struct whatif_overlay *o, const char *what)
{
	snprintf(o->line, sizeof o->line, "whatif %s: %.140s", o->name, what);
	text_mend(o->line);
}

static void say_progress(struct whatif_overlay *o)
{
	int64_t done_ms, total_ms;
	char word[32];
	whatif_progress(o->run, &done_ms, &total_ms);
	snprintf(word, sizeof word, "%lld %%",
		(long long)(total_ms > 0 ? done_ms * 100 / total_ms : 100));
	say(o, word);
}

int whatif_overlay_begin(struct whatif_overlay *o, const struct whatif_source *source,
	const struct guard_limits *limits, const char *assignment, struct err *err)
{
	struct whatif_policy policy[POLICIES] = {{.limits = *limits}, {.limits = *limits}};
	struct whatif *run;
	if (whatif_set(&policy[TRIED].limits, assignment, err) < 0)
		return -1;
	text_copy(policy[TRIED].name, sizeof policy[TRIED].name, assignment);
	if (whatif_begin(&run, source, policy, POLICIES, err) < 0)
		return -1;
	whatif_overlay_end(o);
	o->run = run;
	text_copy(o->name, sizeof o->name, assignment);
	text_copy(o->pool, sizeof o->pool, source->pool ? source->pool : "");
	say_progress(o);
	return 0;
}

/* How the fire that is asked about stands to the configured one. */
static void compare(
	char *out, size_t size, int64_t at_ms, const struct whatif_result *configured)
{
	if (configured->fires == 0) {
		snprintf(out, size, ", configured never");
		return;
	}
	int64_t apart_ms = configured->fire[0].at_ms - at_ms;
	char word[32];
	unit_duration(
		word, sizeof word, ((apart_ms < 0 ? -apart_ms : apart_ms) + 500) / 1000 * 1000);
	if (apart_ms == 0)
		snprintf(out, size, ", as configured");
	else
		snprintf(out, size, ", %s %s", word, apart_ms > 0 ? "earlier" : "later");
}

/* What nobody judges goes before what is found beside it: a narrow screen cuts the end. */
static void say_found(struct whatif_overlay *o, const char *found)
{
	const struct whatif_facts *f = whatif_facts(o->run);
	char word[192], lasted[32];
	unit_duration(lasted, sizeof lasted, (f->thinned_ms + 500) / 1000 * 1000);
	if (f->thinned_ms == 0)
		say(o, found);
	else if (f->intervals == 0)
		say(o, "not judged: all of it is thinned to minutes");
	else {
		snprintf(word, sizeof word, "%s not judged (thinned); %s", lasted, found);
		say(o, word);
	}
}

static void say_result(struct whatif_overlay *o)
{
	const struct whatif_result *r = whatif_results(o->run, NULL);
	const struct whatif_result *tried = &r[TRIED], *configured = &r[CONFIGURED];
	for (o->fires = 0; o->fires < tried->fires; o->fires++)
		o->fire_ms[o->fires] = tried->fire[o->fires].at_ms;
	char clock[16], apart[64], word[128];
	if (tried->fires == 0) {
		unit_clock(clock, sizeof clock, configured->fire[0].at_ms);
		snprintf(word, sizeof word, "would not have fired%s%s",
			configured->fires > 0   ? ", configured "
				: tried->missed > 0 ? ", a miss"
									: "",
			configured->fires > 0 ? clock : "");
		say_found(o, word);
		return;
	}
	unit_clock(clock, sizeof clock, tried->fire[0].at_ms);
	compare(apart, sizeof apart, tried->fire[0].at_ms, configured);
	snprintf(word, sizeof word, "would have fired %s%s%s", clock, apart,
		tried->fire[0].stretch < 0 ? ", a false alarm" : "");
	say_found(o, word);
}

bool whatif_overlay_turn(struct whatif_overlay *o)
{
	struct err err = {0};
	if (!o->run)
		return false;
	int rc = whatif_advance(o->run, SLICE_MS, &err);
	if (rc > 0) {
		say_progress(o);
		return true;
	}
	if (rc == 0)
		say_result(o);
	else
		say(o, err.text);
	whatif_free(o->run);
	o->run = NULL;
	return false;
}

bool whatif_overlay_fires(const struct whatif_overlay *o, int64_t from_ms, int64_t until_ms)
{
	for (size_t i = 0; o && i < o->fires; i++)
		if (o->fire_ms[i] >= from_ms && o->fire_ms[i] < until_ms)
			return true;
	return false;
}

void whatif_overlay_end(struct whatif_overlay *o)
{
	whatif_free(o->run);
	*o = (struct whatif_overlay){0};
}
