/* Power: an undo log of what the files would have lost. The newest change is undone first, so
 * that each file ends as it was at its last sync, but for the sectors that a seed lets through.
 *
 * Invariants:
 * 1. Nothing is remembered unless a rule is to cut the power, and only of files that it names.
 * 2. The log that processes share by a mapping (-shm) is left alone: others live on it.
 * 3. Files are opened only at the end: closing one would drop the program's own locks on it. */
#define _GNU_SOURCE
#include "tests/lib/preload/power.h"

#include "tests/lib/preload/rule.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECTOR 512

struct change {
	struct change *older;
	dev_t device;
	ino_t inode;
	char path[192];
	off_t size, at; /* of the file before it; where */
	size_t len;     /* of the bytes that stood there */
	unsigned char bytes[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct change *newest;

static bool is_meant(int fd)
{
	static const struct rule shared = {.path = "-shm"};
	for (size_t i = 0; i < rule_count; i++)
		if (rules[i].action == ACTION_POWER && rule_has_path(&rules[i], fd, NULL))
			return !rule_has_path(&shared, fd, NULL);
	return false;
}

static void remember(int fd, off_t at, size_t len)
{
	struct stat st;
	char name[64];
	if (!is_meant(fd) || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	if (at < 0)
		at = (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? st.st_size : lseek(fd, 0, SEEK_CUR);
	size_t there = at >= st.st_size ? 0 : (size_t)(st.st_size - at);
	there = there < len ? there : len;
	struct change *c = malloc(sizeof *c + there);
	if (!c)
		abort();
	*c = (struct change){.device = st.st_dev, .inode = st.st_ino, .size = st.st_size, .at = at};
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	syscall(SYS_readlink, name, c->path, sizeof c->path - 1);
	ssize_t n = syscall(SYS_pread64, fd, c->bytes, there, at);
	c->len = n > 0 ? (size_t)n : 0;
	pthread_mutex_lock(&mutex);
	c->older = newest;
	newest = c;
	pthread_mutex_unlock(&mutex);
}

void power_writes(int fd, off_t at, size_t len)
{
	remember(fd, at, len);
}

void power_cuts(int fd, off_t len)
{
	remember(fd, len, SIZE_MAX / 4);
}

void power_synced(int fd)
{
	struct stat st;
	if (!newest || fstat(fd, &st) < 0)
		return;
	pthread_mutex_lock(&mutex);
	for (struct change **at = &newest; *at;) {
		struct change *c = *at;
		if (c->inode != st.st_ino || c->device != st.st_dev) {
			at = &c->older;
			continue;
		}
		*at = c->older;
		free(c);
	}
	pthread_mutex_unlock(&mutex);
}

/* Whether a sector had reached the disk; the same for each change of it. */
static bool is_kept(unsigned seed, off_t sector)
{
	uint64_t x = ((uint64_t)seed << 32) + (uint64_t)sector;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return seed != 0 && (x >> 40 & 1) != 0;
}

/* Torn, a file keeps its length: what is kept may lie behind its old end. */
static void undo(const struct change *c, int fd, unsigned seed)
{
	if (seed == 0)
		syscall(SYS_ftruncate, fd, c->size);
	for (size_t i = 0; i < c->len;) {
		off_t at = c->at + (off_t)i;
		size_t n = SECTOR - (size_t)(at % SECTOR);
		n = n < c->len - i ? n : c->len - i;
		if (!is_kept(seed, at / SECTOR))
			syscall(SYS_pwrite64, fd, c->bytes + i, n, at);
		i += n;
	}
}

/* Torn: the sectors that a file has beyond what it had are zeroes where they are lost. */
static void tear(const struct change *c, int fd, unsigned seed)
{
	static const unsigned char zeroes[SECTOR];
	struct stat st;
	if (seed == 0 || fstat(fd, &st) < 0)
		return;
	for (off_t at = c->size; at < st.st_size;) {
		size_t n = SECTOR - (size_t)(at % SECTOR);
		n = (off_t)n < st.st_size - at ? n : (size_t)(st.st_size - at);
		if (!is_kept(seed, at / SECTOR))
			syscall(SYS_pwrite64, fd, zeroes, n, at);
		at += (off_t)n;
	}
}

void power_lost(unsigned seed)
{
	pthread_mutex_lock(&mutex); /* for good: nobody writes any more through here */
	for (struct change *c = newest; c; c = c->older) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, c->path, O_RDWR | O_CLOEXEC, 0);
		tear(c, fd, seed);
		undo(c, fd, seed);
		syscall(SYS_close, fd);
	}
}
