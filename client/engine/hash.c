/* Hash: FNV-1a with a final mix, and the splitmix64 sequence built on the same mix.
 * Not cryptographic: it finds torn lines and equal bodies, it proves nothing. */
#include "client/engine/hash.h"

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325u ^ seed;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return mix(h);
}

uint64_t hash_next(uint64_t *state)
{
	return mix(*state += 0x9e3779b97f4a7c15u);
}

double hash_next_fraction(uint64_t *state)
{
	return (double)(hash_next(state) >> 11) * 0x1p-53;
}
