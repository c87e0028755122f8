#define _GNU_SOURCE
/* Http: requests and answers over one socket. */
#include "tests/lib/http.h"

#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int dial_unix(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (!text_copy(a.sun_path, sizeof a.sun_path, path))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int dial_tcp(const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

bool http_open(struct http *h, const char *address)
{
	*h = (struct http){.fd = -1, .body = ""};
	h->fd = strncmp(address, "unix:", 5) == 0 ? dial_unix(address + 5)
											  : dial_tcp(strrchr(address, ':') + 1);
	return h->fd >= 0;
}

void http_close(struct http *h)
{
	if (h->fd >= 0)
		close(h->fd);
	free(h->data);
	*h = (struct http){.fd = -1, .body = ""};
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Reads more; false at the deadline or the end. */
static bool receive(struct http *h, int64_t end_ms)
{
	int64_t left = end_ms - process_clock_ms();
	struct pollfd wait = {.fd = h->fd, .events = POLLIN};
	if (left <= 0 || poll(&wait, 1, (int)left) != 1)
		return false;
	mem_grow(&h->data, &h->cap, h->len + 4097, 1);
	ssize_t n = recv(h->fd, h->data + h->len, 4096, 0);
	if (n <= 0)
		return false;
	h->len += (size_t)n;
	h->data[h->len] = 0;
	return true;
}

int http_call_raw(struct http *h, const char *request, size_t len, int timeout_ms)
{
	int64_t end_ms = process_clock_ms() + timeout_ms;
	const char *head = NULL;
	int status = 0;
	h->len = 0;
	h->body = "";
	if (h->fd < 0 || !send_all(h->fd, request, len))
		return 0;
	while (!head) {
		if (!receive(h, end_ms))
			return 0;
		head = strstr(h->data, "\r\n\r\n");
	}
	size_t start = (size_t)(head - h->data) + 4;
	const char *field = strcasestr(h->data, "\r\nContent-Length: ");
	size_t length = field && field < h->data + start
		? strtoul(field + strlen("\r\nContent-Length: "), NULL, 10)
		: 0;
	while (h->len < start + length)
		if (!receive(h, end_ms))
			return 0;
	h->body = h->data + start;
	return sscanf(h->data, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

int http_call(struct http *h, const char *method, const char *path, const char *headers,
	const char *body, int timeout_ms)
{
	struct text t = {0};
	text_addf(
		&t, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s", method, path, headers ? headers : "");
	if (body)
		text_addf(
			&t, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	text_addf(&t, "\r\n%s", body ? body : "");
	int status = http_call_raw(h, text_str(&t), t.len, timeout_ms);
	text_free(&t);
	return status;
}
