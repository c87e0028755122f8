/* A stream of lines into a file that is there whole or not at all. */
#include "tui/cast.h"

#include "model/mem.h"
#include "model/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUT_MAX 4 /* bytes of a character that is not whole */

struct cast {
	char *path, *beside;
	FILE *file;
	int why; /* errno of the first failure; 0 none */
	int64_t at_ms;
	char cut[CUT_MAX];
	size_t cut_len;
	struct text line;
};

static int fail(const struct cast *c, const char *what, int why, struct err *err)
{
	return err_set(err, ERR_FILE, "'%s' cannot be %s: %s", c->path, what, strerror(why));
}

static void put_line(struct cast *c)
{
	text_add(&c->line, "\n");
	if (c->why == 0 && fwrite(c->line.data, 1, c->line.len, c->file) != c->line.len)
		c->why = errno;
	text_clear(&c->line);
}

static void put_head(struct cast *c, const struct cast_head *head)
{
	text_add(&c->line, "{");
	text_json_int(&c->line, "version", 2);
	text_json_int(&c->line, "width", head->w);
	text_json_int(&c->line, "height", head->h);
	text_json_int(&c->line, "timestamp", head->wall_ms / 1000);
	text_json_str(&c->line, "title", head->title);
	text_json_key(&c->line, "env");
	text_add(&c->line, "{");
	text_json_str(&c->line, "TERM", head->term);
	text_add(&c->line, "}}");
	put_line(c);
}

int cast_open(
	struct cast **out, const char *path, const struct cast_head *head, struct err *err)
{
	struct cast *c = mem_new(1, sizeof *c);
	struct text beside = {0};
	*out = NULL;
	c->path = mem_copy(path);
	text_addf(&beside, "%s.XXXXXX", path);
	c->beside = text_take(&beside);
	int fd = mkstemp(c->beside);
	int why = errno;
	if (fd >= 0 && (fchmod(fd, 0644) < 0 || !(c->file = fdopen(fd, "w")))) {
		why = errno;
		close(fd);
		unlink(c->beside);
	}
	if (!c->file) {
		fail(c, "made", why, err);
		free(c->beside);
		c->beside = NULL;
		cast_drop(c);
		return -1;
	}
	put_head(c, head);
	*out = c;
	return 0;
}

static void begin_event(struct cast *c, int64_t at_ms, char kind)
{
	if (at_ms > c->at_ms)
		c->at_ms = at_ms;
	text_addf(&c->line, "[%lld.%03d,\"%c\",", (long long)(c->at_ms / 1000),
		(int)(c->at_ms % 1000), kind);
}

static void add_output(struct cast *c, int64_t at_ms, const char *bytes, size_t len)
{
	char *whole = mem_copy_n(bytes, len);
	begin_event(c, at_ms, 'o');
	text_add_json(&c->line, whole);
	text_add(&c->line, "]");
	put_line(c);
	free(whole);
}

void cast_output(struct cast *c, int64_t at_ms, const char *bytes, size_t len)
{
	struct text all = {0};
	text_add_n(&all, c->cut, c->cut_len);
	text_add_n(&all, bytes, len);
	size_t whole = text_whole(text_str(&all), all.len);
	c->cut_len = all.len - whole;
	if (c->cut_len > sizeof c->cut) { /* no UTF-8 at all: it is shown as what it is */
		whole = all.len;
		c->cut_len = 0;
	}
	memcpy(c->cut, text_str(&all) + whole, c->cut_len);
	if (whole > 0)
		add_output(c, at_ms, text_str(&all), whole);
	text_free(&all);
}

void cast_mark(struct cast *c, int64_t at_ms, const char *label)
{
	begin_event(c, at_ms, 'm');
	text_add_json(&c->line, label);
	text_add(&c->line, "]");
	put_line(c);
}

int cast_close(struct cast *c, struct err *err)
{
	int rc = 0;
	if (c->why == 0 && (fflush(c->file) != 0 || fsync(fileno(c->file)) < 0))
		c->why = errno;
	if (fclose(c->file) != 0 && c->why == 0)
		c->why = errno;
	c->file = NULL;
	if (c->why != 0)
		rc = fail(c, "written", c->why, err);
	else if (rename(c->beside, c->path) < 0)
		rc = fail(c, "put in place", errno, err);
	if (rc == 0) {
		free(c->beside);
		c->beside = NULL;
	}
	cast_drop(c);
	return rc;
}

void cast_drop(struct cast *c)
{
	if (!c)
		return;
	if (c->file)
		fclose(c->file);
	if (c->beside)
		unlink(c->beside);
	text_free(&c->line);
	free(c->beside);
	free(c->path);
	free(c);
}
