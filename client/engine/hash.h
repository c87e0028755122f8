/* Hash: one 64-bit hash for sessions, stored lines and command bodies. Not for secrets. */
#ifndef WEIR_CLIENT_ENGINE_HASH_H
#define WEIR_CLIENT_ENGINE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a over the bytes, then mixed, so that low and high bits are both usable. Chains are made
 * by passing the last result as `seed`; 0 begins one. */
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

/* The next number of a seeded sequence (splitmix64). */
uint64_t hash_next(uint64_t *state);

/* The same as a fraction, 0 <= x < 1. */
double hash_next_fraction(uint64_t *state);

#endif
