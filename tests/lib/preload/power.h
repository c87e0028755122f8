/* Power: what a machine that loses its power forgets. What was written to a file since its last
 * sync is remembered, and at the end lost in whole, or torn: of each sector of 512 bytes the
 * seed says whether it had reached the disk. Not seen: what is written through a mapping, and
 * names (a file made, renamed or removed stays so). */
#ifndef WEIR_TESTS_LIB_PRELOAD_POWER_H
#define WEIR_TESTS_LIB_PRELOAD_POWER_H

#include <stddef.h>
#include <sys/types.h>

/* To be called before bytes [at, at + len) of a file change; at < 0: at its end or position. */
void power_writes(int fd, off_t at, size_t len);

/* To be called before a file is cut to `len` bytes. */
void power_cuts(int fd, off_t len);

/* To be called once all of a file has been synced. */
void power_synced(int fd);

/* Undoes what was not synced; seed 0: all of it. The program must end right behind it. */
void power_lost(unsigned seed);

#endif
