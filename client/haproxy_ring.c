/* The reader of a ring. It waits for nobody: a ring that is not there leaves latencies unknown.
 *
 * 1. The name is the target's, or found once per process of HAProxy.
 * 2. A view's requests are compared with the lines of one view later: by then they have come. */
#include "client/haproxy_ring.h"

#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIND_MS 3000
#define AGAIN_MS 2000 /* between two tries to read */
#define LOST_PART 20  /* a twentieth of an interval's lines may be lost */
#define LATENCY_MAX_MS 86400000

/* ---- lines ---- */

/* The next word of a line; NULL at its end. */
static char *next_word(char **rest)
{
	char *word;
	do
		word = strsep(rest, " ");
	while (word != NULL && word[0] == '\0');
	return word;
}

static bool read_ms(const char *word, int64_t *ms)
{
	return word != NULL && unit_parse_int(word, -1, LATENCY_MAX_MS, ms);
}

static bool read_names(struct haproxy_event *out, char *word)
{
	char *server = word;
	const char *backend = strsep(&server, "/");
	return server != NULL && haproxy_is_name(backend) &&
		text_copy(out->backend, sizeof(out->backend), backend) &&
		text_copy(out->server, sizeof(out->server), server);
}

bool haproxy_event_read(struct haproxy_event *out, const char *line)
{
	char copy[512], *rest = copy;
	int64_t tr, tw, tc, answer, active, status;
	memset(out, 0, sizeof(*out));
	if (!text_copy(copy, sizeof(copy), line))
		return false;
	const char *mark = next_word(&rest), *time = mark != NULL ? next_word(&rest) : NULL;
	char *names = time != NULL ? next_word(&rest) : NULL;
	if (names == NULL || strcmp(mark, "W1") != 0 || !read_names(out, names))
		return false;
	const char *code = next_word(&rest);
	if (code == NULL || !unit_parse_int(code, -1, 999, &status) ||
		!read_ms(next_word(&rest), &tr) || !read_ms(next_word(&rest), &tw) ||
		!read_ms(next_word(&rest), &tc) || !read_ms(next_word(&rest), &answer) ||
		!read_ms(next_word(&rest), &active))
		return false;
	const char *end = next_word(&rest);
	if (end == NULL || strlen(end) < 2)
		return false;
	out->status = (int)status;
	out->timed_out = end[0] == 's';
	bool answered = tw >= 0 && tc >= 0 && answer >= 0;
	int64_t ms = answered ? tw + tc + answer : active;
	out->latency_us = ms < 0 ? UNKNOWN : ms * 1000;
	return true;
}

bool haproxy_ring_find(char out[HAPROXY_NAME_MAX], const char *text)
{
	int found = 0;
	for (const char *at = text; *at != '\0';) {
		char line[256], *rest = line;
		size_t len = strcspn(at, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)(len < 255 ? len : 255), at);
		at += len + (at[len] == '\n');
		const char *name = next_word(&rest), *mark = name != NULL ? next_word(&rest) : NULL;
		if (mark == NULL || strcmp(mark, ":") != 0 || rest == NULL ||
			strncmp(rest, "type=buffer", 11) != 0 || strcmp(name, "buf0") == 0 ||
			!haproxy_is_name(name))
			continue;
		found++;
		text_copy(out, HAPROXY_NAME_MAX, name);
	}
	return found == 1;
}

/* ---- the reader ---- */

struct lines {
	int64_t count; /* with a status */
	int64_t timeouts;
	struct histogram latency;
};

struct haproxy_ring {
	int epoll_fd;
	struct haproxy_target target;
	char name[HAPROXY_NAME_MAX]; /* "" not known */
	bool is_none;                /* looked for in this process, and not found */
	struct haproxy_session *finding, *reading;
	int64_t again_ms; /* boot time of the next try */
	struct lines arms[ARM_COUNT];
	bool has_base;
	int64_t base_done, base_lines; /* when reading began */
	int64_t seen_done, seen_lines; /* of the last view */
	int64_t lost;
	bool is_whole; /* enough of the last interval's lines came */
};

struct haproxy_ring *haproxy_ring_new(int epoll_fd, const struct haproxy_target *t)
{
	struct haproxy_ring *r = mem_new(1, sizeof(*r));
	r->epoll_fd = epoll_fd;
	r->target = *t;
	text_copy(r->name, sizeof(r->name), t->ring);
	return r;
}

void haproxy_ring_free(struct haproxy_ring *r)
{
	if (r == NULL)
		return;
	haproxy_session_free(r->finding);
	haproxy_session_free(r->reading);
	free(r);
}

static int arm_of(const struct haproxy_target *t, const struct haproxy_event *e)
{
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		if (!haproxy_group_has(&t->backends[arm], e->backend))
			continue;
		if (t->way == HAPROXY_MAP)
			return arm;
		for (int i = 0; i < t->servers[arm].count; i++)
			if (strcmp(e->server, t->servers[arm].name[i]) == 0)
				return arm;
	}
	return ARM_COUNT;
}

static void take_line(struct haproxy_ring *r, const char *line)
{
	struct haproxy_event e;
	int arm = haproxy_event_read(&e, line) ? arm_of(&r->target, &e) : ARM_COUNT;
	if (arm == ARM_COUNT)
		return;
	struct lines *a = &r->arms[arm];
	a->count += e.status >= 100;
	a->timeouts += e.timed_out;
	if (e.latency_us != UNKNOWN && e.status >= 100)
		histogram_add(&a->latency, e.latency_us, 1);
}

static void read_lines(struct haproxy_ring *r, struct instant now)
{
	bool cut;
	enum haproxy_progress progress = haproxy_session_turn(r->reading, now);
	for (const char *line; (line = haproxy_session_line(r->reading, &cut)) != NULL;)
		if (!cut)
			take_line(r, line);
	if (progress != HAPROXY_FAILED)
		return;
	haproxy_session_free(r->reading);
	r->reading = NULL;
	r->has_base = false;
	r->again_ms = now.boot_ms + AGAIN_MS;
}

static void find(struct haproxy_ring *r, struct instant now)
{
	enum haproxy_progress progress = haproxy_session_turn(r->finding, now);
	if (progress == HAPROXY_WAITS)
		return;
	r->is_none = progress == HAPROXY_FAILED ||
		!haproxy_ring_find(r->name, haproxy_session_answer(r->finding, 0));
	haproxy_session_free(r->finding);
	r->finding = NULL;
}

static void begin_reading(struct haproxy_ring *r, struct instant now)
{
	if (now.boot_ms < r->again_ms)
		return;
	r->reading = haproxy_session_new(r->epoll_fd, &r->target, true, 0, now);
	haproxy_session_ask(r->reading, "show events %s -w -n", r->name);
	r->has_base = false;
	read_lines(r, now);
}

void haproxy_ring_turn(struct haproxy_ring *r, struct instant now)
{
	if (r->reading != NULL)
		read_lines(r, now);
	else if (r->finding != NULL)
		find(r, now);
}

static int64_t done_of(const struct haproxy_view *v)
{
	int64_t sum = 0;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		sum += v->arms[arm].ok + v->arms[arm].server_errors;
	return sum;
}

/* What was done until the last view against the lines until this one. */
static void compare(struct haproxy_ring *r, int64_t done)
{
	int64_t lines = r->arms[ARM_V1].count + r->arms[ARM_V2].count;
	if (!r->has_base) {
		r->has_base = true;
		r->base_done = r->seen_done = done;
		r->base_lines = r->seen_lines = lines;
		r->lost = 0;
		r->is_whole = true;
		return;
	}
	int64_t lost = (r->seen_done - r->base_done) - (lines - r->base_lines);
	int64_t more = lost > r->lost ? lost - r->lost : 0;
	r->is_whole = more * LOST_PART <= lines - r->seen_lines + more;
	r->lost += more;
	r->seen_done = done;
	r->seen_lines = lines;
}

void haproxy_ring_see(
	struct haproxy_ring *r, const struct haproxy_view *v, bool reloaded, struct instant now)
{
	if (reloaded) {
		haproxy_session_free(r->finding);
		haproxy_session_free(r->reading);
		r->finding = r->reading = NULL;
		r->has_base = r->is_none = false;
		r->again_ms = now.boot_ms;
		r->lost = 0;
		memset(r->arms, 0, sizeof(r->arms));
		text_copy(r->name, sizeof(r->name), r->target.ring);
	}
	if (r->reading != NULL) {
		compare(r, done_of(v));
	} else if (r->name[0] != '\0') {
		begin_reading(r, now);
	} else if (r->finding == NULL && !r->is_none) {
		r->finding = haproxy_session_new(r->epoll_fd, &r->target, false, FIND_MS, now);
		haproxy_session_ask(r->finding, "show events");
		find(r, now);
	}
}

void haproxy_ring_fill(const struct haproxy_ring *r, struct snapshot *s)
{
	bool has_lines = r->reading != NULL && r->has_base && r->is_whole &&
		r->arms[ARM_V1].count + r->arms[ARM_V2].count > 0;
	for (int arm = 0; arm < ARM_COUNT && has_lines; arm++) {
		s->arms[arm].has_latency = true;
		s->arms[arm].latency = r->arms[arm].latency;
		s->arms[arm].timeouts = r->arms[arm].timeouts;
	}
}
