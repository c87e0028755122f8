/* Basis: what is known of a pool now, as forecasts ask for it. */
#ifndef WEIR_TUI_BASIS_H
#define WEIR_TUI_BASIS_H

#include "model/forecast.h"
#include "model/model.h"

/* Fills all of it; what the pool or its judge does not say is NaN or UNKNOWN. `policy` is that of
 * the pool's judge: it lives as long. */
void basis_of(struct forecast_basis *out, const struct pool *p);

#endif
