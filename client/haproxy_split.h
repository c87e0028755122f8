/* HAProxy's split: which weights give a share, and which share weights give. Pure arithmetic.
 *
 * All servers of a group get one weight of 0..256. What lies between two neighbours of that grid
 * cannot be had; how far off one may be is HAPROXY_OFF_BP. */
#ifndef WEIR_CLIENT_HAPROXY_SPLIT_H
#define WEIR_CLIENT_HAPROXY_SPLIT_H

#include "model/counts.h"

#include <stdbool.h>
#include <stddef.h>

#define HAPROXY_WEIGHT_MAX 256
#define HAPROXY_OFF_BP 5 /* a share that weights miss by more is refused */

/* The weights whose share is nearest to `share_bp` (0..10000) with `servers` (>= 1) in each
 * group, of equals the smallest. Both are above 0 unless the share is 0 or 10000. Returns the
 * share that they give, in basis points. */
int haproxy_split_weights(int weight[ARM_COUNT], const int servers[ARM_COUNT], int share_bp);

/* True when weights come near enough to the share, which is one of whole tenths of a percent:
 * between these what is read back would not be known for what was set. */
bool haproxy_split_reaches(const int servers[ARM_COUNT], int share_bp);

/* The nearest share not above `share_bp` that weights reach; 0 where there is none. */
int haproxy_split_floor(const int servers[ARM_COUNT], int share_bp);

/* The smallest share above 0 and the largest below 10000 that weights give, in basis points
 * rounded to the outside. */
void haproxy_split_range(int *least_bp, int *most_bp, const int servers[ARM_COUNT]);

/* The share of summed weights: of the whole tenths of a percent the one that these very weights
 * stand for, else what they give. -1 when both sums are 0. */
int haproxy_split_share(const int servers[ARM_COUNT], const int sum[ARM_COUNT]);

#endif
