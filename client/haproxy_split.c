/* Weights and shares, by search: 65,536 pairs are few. */
#include "client/haproxy_split.h"

#include "model/unit.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define WHOLE_WEIGHT 100 /* of the side that has everything */
#define GRID_BP 10       /* shares are asked for in tenths of a percent */

static double share_of(const int sum[ARM_COUNT])
{
	return (double)sum[ARM_V2] * SHARE_FULL / (double)(sum[ARM_V1] + sum[ARM_V2]);
}

/* Off by so much, of one whole; the same numbers everywhere, since only integers are compared. */
static int64_t off_by(
	const int servers[ARM_COUNT], int w1, int w2, int share_bp, int64_t *whole)
{
	int64_t v1 = (int64_t)servers[ARM_V1] * w1, v2 = (int64_t)servers[ARM_V2] * w2;
	*whole = v1 + v2;
	return llabs(v2 * SHARE_FULL - (int64_t)share_bp * *whole);
}

int haproxy_split_weights(int weight[ARM_COUNT], const int servers[ARM_COUNT], int share_bp)
{
	assert(servers[ARM_V1] > 0 && servers[ARM_V2] > 0);
	assert(share_bp >= 0 && share_bp <= SHARE_FULL);
	weight[ARM_V1] = share_bp == SHARE_FULL ? 0 : WHOLE_WEIGHT;
	weight[ARM_V2] = share_bp == 0 ? 0 : WHOLE_WEIGHT;
	if (share_bp == 0 || share_bp == SHARE_FULL)
		return share_bp;
	int64_t best = INT64_MAX, best_whole = 1;
	for (int sum = 2; sum <= 2 * HAPROXY_WEIGHT_MAX; sum++) {
		int first = sum > HAPROXY_WEIGHT_MAX ? sum - HAPROXY_WEIGHT_MAX : 1;
		for (int w1 = first; w1 <= HAPROXY_WEIGHT_MAX && w1 < sum; w1++) {
			int64_t whole, off = off_by(servers, w1, sum - w1, share_bp, &whole);
			if (best != INT64_MAX && off * best_whole >= best * whole)
				continue;
			best = off;
			best_whole = whole;
			weight[ARM_V1] = w1;
			weight[ARM_V2] = sum - w1;
		}
	}
	const int sums[ARM_COUNT] = {
		servers[ARM_V1] * weight[ARM_V1], servers[ARM_V2] * weight[ARM_V2]};
	return (int)lround(share_of(sums));
}

bool haproxy_split_reaches(const int servers[ARM_COUNT], int share_bp)
{
	int weight[ARM_COUNT];
	if (share_bp % GRID_BP != 0)
		return false;
	int off = haproxy_split_weights(weight, servers, share_bp) - share_bp;
	return off >= -HAPROXY_OFF_BP && off <= HAPROXY_OFF_BP;
}

int haproxy_split_floor(const int servers[ARM_COUNT], int share_bp)
{
	int least_bp, most_bp;
	haproxy_split_range(&least_bp, &most_bp, servers);
	share_bp -= share_bp % GRID_BP;
	while (share_bp >= least_bp && !haproxy_split_reaches(servers, share_bp))
		share_bp -= GRID_BP;
	return share_bp >= least_bp ? share_bp : 0;
}

void haproxy_split_range(int *least_bp, int *most_bp, const int servers[ARM_COUNT])
{
	const int least[ARM_COUNT] = {servers[ARM_V1] * HAPROXY_WEIGHT_MAX, servers[ARM_V2]};
	const int most[ARM_COUNT] = {servers[ARM_V1], servers[ARM_V2] * HAPROXY_WEIGHT_MAX};
	*least_bp = (int)ceil(share_of(least));
	*most_bp = (int)floor(share_of(most));
}

/* True when these weights are the ones that are set for the share. */
static bool stands_for(const int servers[ARM_COUNT], const int sum[ARM_COUNT], int share_bp)
{
	int weight[ARM_COUNT];
	haproxy_split_weights(weight, servers, share_bp);
	return sum[ARM_V1] == servers[ARM_V1] * weight[ARM_V1] &&
		sum[ARM_V2] == servers[ARM_V2] * weight[ARM_V2];
}

int haproxy_split_share(const int servers[ARM_COUNT], const int sum[ARM_COUNT])
{
	if (sum[ARM_V1] + sum[ARM_V2] <= 0)
		return -1;
	if (sum[ARM_V1] == 0 || sum[ARM_V2] == 0)
		return sum[ARM_V1] == 0 ? SHARE_FULL : 0;
	int exact_bp = (int)lround(share_of(sum));
	int near_bp = (exact_bp + GRID_BP / 2) / GRID_BP * GRID_BP;
	bool inside = near_bp > 0 && near_bp < SHARE_FULL;
	if (inside && near_bp != exact_bp && stands_for(servers, sum, near_bp))
		return near_bp;
	return exact_bp;
}
