/* The version of weir, as `--version`, recordings and documents say it. */
#ifndef WEIR_MODEL_VERSION_H
#define WEIR_MODEL_VERSION_H

#define WEIR_VERSION "0.1.0"

#endif
