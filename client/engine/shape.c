/* Shape: reads words and refuses what contradicts. It starts nothing. */
#define _GNU_SOURCE
#include "client/engine/shape.h"

#include <sched.h>

#define V2_WORKERS 8 /* where nobody says how many */

/* The processors that this process may run on. */
static int count_cores(void)
{
	cpu_set_t all;
	int count = sched_getaffinity(0, sizeof all, &all) == 0 ? CPU_COUNT(&all) : 1;
	return count > 0 ? count : 1;
}

static int read_v1(struct shape *s, const char *word, struct err *err)
{
	if (processor_parse(&s->v1, word ? word : "v1:simple", err) < 0)
		return -1;
	if (s->v1.kind == PROCESSOR_V2)
		return err_set(
			err, ERR_CONFIG, "v1 cannot be \"%s\": use v1:simple or v1:transactional", word);
	return 0;
}

static int read_v2(struct shape *s, const struct engine_options *how, struct err *err)
{
	const char *word = how->v2_processor;
	s->v2 = (struct processor){PROCESSOR_V2, how->v2_workers ? how->v2_workers : V2_WORKERS, 0};
	if (word && processor_parse(&s->v2, word, err) < 0)
		return -1;
	if (s->v2.kind != PROCESSOR_V2)
		return err_set(err, ERR_CONFIG,
			"v2 cannot be \"%s\": use v2, v2:N, v2:affinity or v2:N:affinity", word);
	s->v2_workers = how->no_v2 ? 0 : processor_workers(&s->v2, count_cores());
	s->v2_pinned = s->v2.affinity;
	s->v2_threads = s->v2.affinity && !how->exec;
	if (s->v2_threads && how->affinity)
		return err_set(err, ERR_CONFIG,
			"affinity \"%s\" binds sessions to workers, which \"%s\" gives to threads instead: "
			"leave out one of the two",
			how->affinity, word);
	return 0;
}

int shape_read(struct shape *out, const struct engine_options *how, struct err *err)
{
	*out = (struct shape){0};
	if (read_v1(out, how->v1_processor, err) < 0 || read_v2(out, how, err) < 0 ||
		partition_of(how->partition, &out->partition, err) < 0)
		return -1;
	return 0;
}
