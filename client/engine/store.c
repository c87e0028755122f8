/* Store: a queue of lines and the thread that writes them to the control log. What a line is,
 * store_record.c says; how it gets onto the disk, store_file.c.
 *
 * Invariants:
 * 1. Lines reach the file in the order they were begun in: a brake that could not be written is
 *    tried before all that came after it.
 * 2. No lock is held while the disk is asked, and the file is the thread's alone.
 * 3. A change that was given up while it was written is followed by its void before any other
 *    line is.
 * 4. The queue is bounded: beyond its limit the oldest brake goes, since each line holds all
 *    that a restart must know. */
#include "client/engine/store.h"

#include "client/engine/store_file.h"
#include "client/engine/threads.h"
#include "model/mem.h"

#include <stdlib.h>

#define PATIENCE_MS 1000
#define BRAKE_MS 200
#define AGAIN_MS 1000
#define QUEUE_MAX 4096

struct line {
	uint64_t ticket;
	bool brakes;
	struct text text;
	struct text undo; /* follows when this one is on the disk; empty: nothing does */
	struct line *next;
};

struct store {
	struct store_file file;
	int64_t patience_ms, brake_ms, again_ms;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock;
	pthread_cond_t work;  /* the queue has one more, or it is over */
	pthread_cond_t moved; /* a line has left the queue, or changed what it is */
	bool over, news, begun, late;
	struct line *first, **last;
	int queued;
	uint64_t tickets, stored, failed; /* the newest given, on the disk, failed */
	uint64_t missed; /* up to here all have been tried, or wait behind one that was */
};

/* ---- the queue; all under the lock ---- */

static void line_free(struct line *l)
{
	text_free(&l->text);
	text_free(&l->undo);
	free(l);
}

/* Takes the line that `at` points to out of the queue. */
static void drop(struct store *s, struct line **at)
{
	struct line *l = *at;
	*at = l->next;
	if (!*at)
		s->last = at;
	s->queued--;
	s->late = s->late && s->first;
	line_free(l);
}

static void fail(struct store *s, struct line **at)
{
	s->failed = (*at)->ticket;
	drop(s, at);
}

/* The first line is on the disk. */
static void settle(struct store *s)
{
	struct line *l = s->first;
	if (l->undo.len) {
		text_free(&l->text);
		l->text = l->undo;
		l->undo = (struct text){0};
		l->brakes = true;
		return;
	}
	s->stored = l->ticket;
	drop(s, &s->first);
}

/* The first line could not be written: it is dropped, or all that may be refused are and it
 * waits for its next try. */
static void miss(struct store *s)
{
	if (!s->first->brakes) {
		fail(s, &s->first);
		return;
	}
	for (struct line **at = &s->first->next; *at;) {
		if ((*at)->brakes)
			at = &(*at)->next;
		else
			fail(s, at);
	}
	int64_t until_us = threads_us() + s->again_ms * 1000;
	s->news = false;
	s->missed = s->tickets;
	pthread_cond_broadcast(&s->moved);
	while (!s->over && !s->news && threads_wait(&s->work, &s->lock, until_us))
		;
}

static void *run(void *arg)
{
	struct store *s = arg;
	pthread_mutex_lock(&s->lock);
	for (bool ending = false; !ending;) {
		while (!s->first && !s->over)
			pthread_cond_wait(&s->work, &s->lock);
		struct line *l = s->first;
		if (!l)
			break;
		/* What is tried when it is over is tried for the last time. */
		bool last_try = s->over;
		s->begun = true;
		pthread_mutex_unlock(&s->lock);
		bool done = (l->brakes || store_file_has_room(&s->file)) &&
			store_file_append(&s->file, l->text.data, l->text.len);
		pthread_mutex_lock(&s->lock);
		s->begun = false;
		if (done)
			settle(s);
		else
			miss(s);
		ending = !done && last_try;
		pthread_cond_broadcast(&s->moved);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- for control ---- */

uint64_t store_begin(struct store *s, const struct store_record *r, bool brakes)
{
	struct line *l = mem_new(1, sizeof *l);
	store_record_line(&l->text, r);
	l->brakes = brakes;
	pthread_mutex_lock(&s->lock);
	uint64_t ticket = l->ticket = ++s->tickets;
	/* The first one may be in the thread's hands. */
	if (s->queued >= QUEUE_MAX)
		drop(s, &s->first->next);
	*s->last = l;
	s->last = &l->next;
	s->queued++;
	s->news = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	return ticket;
}

static enum store_fate fate(const struct store *s, uint64_t ticket)
{
	if (ticket == s->failed)
		return STORE_FAILED;
	return ticket <= s->stored ? STORE_STORED : STORE_WAITING;
}

enum store_fate store_fate(struct store *s, uint64_t ticket)
{
	pthread_mutex_lock(&s->lock);
	enum store_fate f = fate(s, ticket);
	pthread_mutex_unlock(&s->lock);
	return f;
}

enum store_fate store_wait(struct store *s, uint64_t ticket, bool brakes)
{
	int64_t until_us = threads_us() + (brakes ? s->brake_ms : s->patience_ms) * 1000;
	pthread_mutex_lock(&s->lock);
	while (fate(s, ticket) == STORE_WAITING && ticket > s->missed &&
		threads_wait(&s->moved, &s->lock, until_us))
		;
	enum store_fate f = fate(s, ticket);
	s->late = s->late || (f == STORE_WAITING && ticket > s->missed);
	pthread_mutex_unlock(&s->lock);
	return f;
}

enum store_fate store_abandon(struct store *s, uint64_t ticket, const struct store_record *undo)
{
	pthread_mutex_lock(&s->lock);
	struct line **at = &s->first;
	while (*at && (*at)->ticket != ticket)
		at = &(*at)->next;
	if (*at && at == &s->first && s->begun)
		store_record_line(&(*at)->undo, undo);
	else if (*at)
		fail(s, at);
	enum store_fate f = fate(s, ticket);
	pthread_mutex_unlock(&s->lock);
	return f;
}

bool store_is_stalled(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	bool stalled = s->late;
	pthread_mutex_unlock(&s->lock);
	return stalled;
}

bool store_append(struct store *s, const struct store_record *r)
{
	return store_wait(s, store_begin(s, r, false), false) == STORE_STORED;
}

/* ---- opening ---- */

int store_open(
	struct store **out, const char *dir, const struct store_options *how, struct err *err)
{
	static const struct store_options plain;
	how = how ? how : &plain;
	struct store *s = mem_new(1, sizeof *s);
	s->patience_ms = how->patience_ms ? how->patience_ms : PATIENCE_MS;
	s->brake_ms = how->brake_ms ? how->brake_ms : BRAKE_MS;
	s->again_ms = how->again_ms ? how->again_ms : AGAIN_MS;
	s->file.sync = how->sync;
	s->file.ctx = how->ctx;
	s->last = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	threads_cond_init(&s->work);
	threads_cond_init(&s->moved);
	if (store_file_open(&s->file, dir, how->now_wall_ms, err) ||
		threads_start(&s->thread, run, s, err)) {
		store_close(s);
		return -1;
	}
	s->has_thread = true;
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->has_thread) {
		pthread_mutex_lock(&s->lock);
		s->over = true;
		pthread_cond_signal(&s->work);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	while (s->first)
		drop(s, &s->first);
	store_file_close(&s->file);
	pthread_cond_destroy(&s->moved);
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

const char *store_note(const struct store *s)
{
	return s->file.note;
}

const struct store_record *store_record_at(const struct store *s, size_t i)
{
	return i < s->file.count ? &s->file.records[i] : NULL;
}

void store_forget(struct store *s)
{
	store_file_forget(&s->file);
}
