/* Veil: stands between a program and a pool and hides one member of their JSON from both, by
 * giving it a name of the same length that nobody knows: a pool then seems to lack what it has.
 * A thread of its own; everything else passes as it is. */
#ifndef WEIR_TESTS_LIB_VEIL_H
#define WEIR_TESTS_LIB_VEIL_H

struct veil;

/* Listens on the unix socket `path`, delivers to `to` ("unix:PATH" or "127.0.0.1:PORT"); `member`
 * is the name to hide. NULL when it cannot. */
struct veil *veil_start(const char *path, const char *to, const char *member);
void veil_stop(struct veil *v); /* may be NULL */

/* "unix:PATH"; borrowed. */
const char *veil_target(const struct veil *v);

#endif
