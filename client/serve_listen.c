/* Listeners: TCP and unix sockets. Off loopback only for who says that TLS and tokens are there.
 *
 * A unix socket gets its mode between bind and listen: until it listens nobody can connect, and
 * the umask, which all threads share, is left alone. */
#include "client/serve_listen.h"

#include "model/text.h"
#include "model/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024 /* a burst of connections drops nobody who asks in earnest */
#define UNIX_PREFIX "unix:"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static int refuse(struct err *err, const char *address, const char *why)
{
	return err_set(err, ERR_LISTEN, "cannot listen on \"%s\": %s", address, why);
}

static int failed(struct err *err, const char *address)
{
	if (errno == EADDRINUSE)
		return refuse(err, address, "another process listens there");
	return refuse(err, address, strerror(errno));
}

/* ---- TCP ---- */

/* Splits "HOST:PORT" or "[HOST]:PORT". */
static bool split_host(const char *address, char *host, size_t size, uint16_t *port)
{
	const char *colon = strrchr(address, ':');
	int64_t number;
	if (!colon || !unit_parse_int(colon + 1, 0, 65535, &number))
		return false;
	size_t len = (size_t)(colon - address);
	if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	if (len == 0 || len >= size)
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	*port = (uint16_t)number;
	return true;
}

/* The length of the socket address, 0 where it is none or not allowed (with err). */
static socklen_t resolve(union address *a, const char *address, bool anywhere, struct err *err)
{
	char host[64];
	uint16_t port;
	memset(a, 0, sizeof *a);
	if (!split_host(address, host, sizeof host, &port)) {
		(void)refuse(err, address,
			"want 127.0.0.1:PORT, [::1]:PORT or unix:/PATH, port 0 for any free one");
		return 0;
	}
	const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
	bool loopback = false;
	socklen_t len = 0;
	if (inet_pton(AF_INET, numeric, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(port);
		loopback = ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
		len = sizeof a->in;
	} else if (inet_pton(AF_INET6, numeric, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(port);
		loopback = IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
		len = sizeof a->in6;
	}
	if (len == 0)
		(void)refuse(err, address, "want the address in numbers");
	if (loopback || anywhere || len == 0)
		return len;
	(void)err_set(err, ERR_USAGE,
		"'%s' is not loopback: that takes --token-file, and --tls-cert with --tls-key",
		address);
	return 0;
}

static int open_tcp(
	struct serve_listener *out, const char *address, bool anywhere, struct err *err)
{
	union address a;
	int on = 1;
	socklen_t len = resolve(&a, address, anywhere, err);
	if (len == 0)
		return -1;
	out->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (out->fd < 0)
		return failed(err, address);
	(void)setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a.any.sa_family == AF_INET6)
		(void)setsockopt(out->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(out->fd, &a.any, len) || listen(out->fd, BACKLOG) ||
		getsockname(out->fd, &a.any, &len))
		return failed(err, address);
	out->port = ntohs(a.any.sa_family == AF_INET ? a.in.sin_port : a.in6.sin6_port);
	return 0;
}

/* ---- unix ---- */

/* Makes room at the path: removes a socket that nothing answers on. */
static int clear_path(const union address *a, const char *address, struct err *err)
{
	struct stat st;
	if (lstat(a->un.sun_path, &st))
		return errno == ENOENT ? 0 : failed(err, address);
	if (!S_ISSOCK(st.st_mode))
		return refuse(err, address, "a file that is no socket is there");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return failed(err, address);
	bool stale = connect(fd, &a->any, sizeof a->un) != 0 && errno == ECONNREFUSED;
	(void)close(fd);
	if (!stale)
		return refuse(err, address, "another process listens there");
	return unlink(a->un.sun_path) && errno != ENOENT ? failed(err, address) : 0;
}

static int open_unix(struct serve_listener *out, const char *address, struct err *err)
{
	const char *path = address + strlen(UNIX_PREFIX);
	union address a;
	struct stat st;
	memset(&a, 0, sizeof a);
	a.un.sun_family = AF_UNIX;
	if (*path != '/' || !text_copy(a.un.sun_path, sizeof a.un.sun_path, path))
		return refuse(err, address, "want an absolute path of at most 107 bytes");
	if (clear_path(&a, address, err))
		return -1;
	out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (out->fd < 0 || bind(out->fd, &a.any, sizeof a.un))
		return failed(err, address);
	(void)text_copy(out->path, sizeof out->path, path);
	if (lstat(path, &st))
		return failed(err, address);
	out->device = st.st_dev;
	out->inode = st.st_ino;
	if (chmod(path, 0600) || listen(out->fd, BACKLOG))
		return failed(err, address);
	return 0;
}

int serve_listener_open(
	struct serve_listener *out, const char *address, bool anywhere, struct err *err)
{
	bool is_unix = strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
	*out = (struct serve_listener){.fd = -1};
	if ((is_unix ? open_unix(out, address, err) : open_tcp(out, address, anywhere, err)) == 0)
		return 0;
	serve_listener_close(out);
	return -1;
}

void serve_listener_close(struct serve_listener *l)
{
	struct stat st;
	if (l->fd < 0)
		return;
	if (*l->path && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
		(void)unlink(l->path);
	(void)close(l->fd);
	l->fd = -1;
}
