/* weir doctor at a socket of HAProxy that names no split yet: what is behind it, and what to write
 * so that weir can move it. */
#ifndef WEIR_TUI_DOCTOR_HAPROXY_H
#define WEIR_TUI_DOCTOR_HAPROXY_H

#include <stdbool.h>

/* True for "haproxy:/PATH" without a split. */
bool doctor_haproxy_is_bare(const char *target);

/* Looks and says. The exit status: 0 when there is a TARGET to use, 6 when something must be
 * added first. */
int doctor_haproxy(const char *target, bool json);

#endif
