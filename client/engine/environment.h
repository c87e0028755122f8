/* Environment: the variables that shape a new embedded pool. Whoever starts one applies them
 * before the options of a command line, which go before them; a running pool never sees them, and
 * state that was kept goes before both.
 *
 * | variable           | value                                                              |
 * |--------------------|--------------------------------------------------------------------|
 * | PROCESSOR_CONFIG   | v2, v2:N, …: what v2 is; v1:simple, v1:transactional: what v1 is,  |
 * |                    | and there is no v2                                                 |
 * | MIGRATION_STRATEGY | a strategy by our name, or canary_deployment                       |
 * | PRIMARY_PERCENTAGE | v1's part of the work in whole percent                             |
 * | POOL_VERSION       | v1: all work to v1; v2: all to v2; gradual: as the others say      |
 *
 * An empty variable is none. */
#ifndef WEIR_CLIENT_ENGINE_ENVIRONMENT_H
#define WEIR_CLIENT_ENGINE_ENVIRONMENT_H

#include "client/engine/engine.h"

/* Reads the variables into no_v2, v1_processor, v2_processor, share_bp and strategy; what none of
 * them names stays as it is. Strings are borrowed from the environment. 0, or -1 with err (CONFIG):
 * a value that is unknown, or two that contradict each other; it names variable and value, and
 * `how` is as before. */
int environment_apply(struct engine_options *how, struct err *err);

/* The variables that say how the work is split and are set, as "A, B"; "" none. */
#define ENVIRONMENT_NAMES_MAX 64
void environment_split_names(char out[ENVIRONMENT_NAMES_MAX]);

#endif
