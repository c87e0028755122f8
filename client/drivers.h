/* The drivers of this folder. The table of schemes is tui's, since replay comes from history.
 */
#ifndef WEIR_CLIENT_DRIVERS_H
#define WEIR_CLIENT_DRIVERS_H

#include "model/driver.h"

extern const struct driver_ops driver_local;   /* local:[SCENARIO] */
extern const struct driver_ops driver_sim;     /* sim:[SCENARIO], on the desk's clock */
extern const struct driver_ops driver_http;    /* http://host:port */
extern const struct driver_ops driver_https;   /* https://host:port */
extern const struct driver_ops driver_unix;    /* unix:/path */
extern const struct driver_ops driver_haproxy; /* haproxy:/path, haproxy://host:port */
extern const struct driver_ops driver_etcd;    /* etcd://host:port/pool#node */

struct scenario;

/* Whether the embedded engine has all that a scenario asks for. 0, or -1 with err (CONFIG). */
int driver_local_plays(const struct scenario *s, struct err *err);

/* True for an operation of the embedded engine that works a while and then is done. */
bool driver_local_does(const char *operation);

#endif
