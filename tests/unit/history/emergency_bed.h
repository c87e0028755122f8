/* Emergency bed: a place with journals. */
#ifndef WEIR_TESTS_UNIT_HISTORY_EMERGENCY_BED_H
#define WEIR_TESTS_UNIT_HISTORY_EMERGENCY_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/history/fixture.h"
#include "history/emergency.h"
#include "history/linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define TEXTS 48
#define OUTCOME_HASH 384
#define OUTCOME 408

/* ---- a place with journals ---- */

static inline struct decision make_brake(const char *id, int64_t at_ms)
{
	struct decision d = make_decision(id, at_ms);

	d.verb = VERB_ROLLBACK;
	d.from_bp = 1000;
	d.to_bp = 0;
	return d;
}

static inline struct outcome_row applied(const char *id, int64_t at_ms)
{
	return make_outcome(id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED, at_ms);
}

static inline struct history *start_quick(const struct place *p)
{
	const struct history_options how = {
		.path = p->path, .actor = "kim@ops1", .key_dir = p->keys, .quiet = true, .lock_ms = 20};
	struct history *h = NULL;
	struct err err = {0};

	assert_int_equal(history_start(&h, &how, &err), 0);
	expect_kind(h, HISTORY_OPENED);
	return h;
}

/* How many emergency journals lie there. */
static inline int journals(const struct place *p)
{
	DIR *d = opendir(p->dir);
	int count = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		count += strstr(e->d_name, EMERGENCY_TAIL) != NULL;
	closedir(d);
	return count;
}

static inline void name_of(char *out, size_t size, const struct place *p, const char *tail)
{
	snprintf(out, size, "%s" EMERGENCY_TAIL "%s", p->path, tail);
}

/* The journal of a dead process, made by the code itself: brakes d-0, d-1, … of which the first
 * has an outcome. Its file is called "dead". */
static inline void make_dead(const struct place *p, int count, char *name, size_t size)
{
	struct emergency *e = mem_new(1, sizeof *e);

	name_of(name, size, p, "dead");
	emergency_open(e, p->path);
	assert_non_null(e->slots);
	assert_int_equal(rename(e->path, name), 0);
	for (int i = 0; i < count; i++) {
		char id[16];
		struct decision d;
		struct outcome_row row;

		snprintf(id, sizeof id, "d-%d", i);
		d = make_brake(id, T0 + i);
		row = applied(id, T0 + 700);
		assert_true(emergency_put(e, &d));
		if (i == 0)
			emergency_outcome(e, &row);
	}
	emergency_close(e); /* its own name is gone: nothing is removed */
	free(e);
}

static inline void damage(const char *name, long at, const void *bytes, size_t len)
{
	int fd = open(name, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), len);
	close(fd);
}

/* The documented hash, written anew: FNV-1a over bytes of a slot. */
static inline uint64_t fnv(uint64_t hash, const unsigned char *bytes, size_t from, size_t end)
{
	for (size_t i = from; i < end; i++)
		hash = (hash ^ bytes[i]) * 1099511628211u;
	return hash;
}

/* Gives the first slot of a file the right hashes for what it says, so that only its content is
 * wrong. */
static inline void sign(const char *name)
{
	unsigned char slot[512];
	uint64_t hash;
	int fd = open(name, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, slot, sizeof slot, 0), sizeof slot);
	hash = fnv(14695981039346656037u, slot, 8, OUTCOME_HASH);
	memcpy(slot, &hash, sizeof hash);
	hash = fnv(hash, slot, OUTCOME_HASH + 8, sizeof slot);
	memcpy(slot + OUTCOME_HASH, &hash, sizeof hash);
	assert_int_equal(pwrite(fd, slot, sizeof slot, 0), sizeof slot);
	close(fd);
}

static inline void open_and_close(const struct place *p)
{
	settle(start_quick(p));
}

static inline int64_t decisions(const struct place *p)
{
	return ask(p->path, "SELECT count(*) FROM decision");
}

static inline int64_t alarms(const struct place *p)
{
	return ask(p->path, "SELECT count(*) FROM event WHERE kind = 'emergency'");
}

/* Lets no transaction begin: what a locked or full disk looks like, and it passes. */
static inline int block(const struct place *p)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s-lock", p->path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(linux_lock(fd, 0, LINUX_EXCLUSIVE), 0);
	return fd;
}

static inline void unblock(int fd)
{
	close(fd);
}

#endif
