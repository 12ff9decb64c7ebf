#include "cli/api.h"

#include "base/clock.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/moment.h"
#include "cli/safe.h"
#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { PATH_MAX_BYTES = 64 << 10 };

int api_ask(const struct call *call, const struct request *q, struct reply *ret)
{
	const struct shared_options *o = call->options;
	_cleanup_client_ struct client c = {0};
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct request with_tenant = *q;
	struct err e;

	*ret = (struct reply){0};
	if (client_init(&c, o, &e) < 0)
		return api_usage(call, &e);
	buf_adds(&path, q->path);
	client_query(&path, "tenant", o->tenant);
	with_tenant.path = buf_str(&path);
	return client_call(&c, &with_tenant, ret, &e) < 0 ? client_complain(&e) : 0;
}

int api_do(const struct call *call, const char *method, const char *path, struct reply *ret)
{
	return api_ask(call, &(struct request){.method = method, .path = path}, ret);
}

int api_no_answer(void)
{
	fputs("cordon: the daemon's answer is not what its API gives: check the URL, and that "
	      "daemon and command are of one version (client.answer)\n",
	      stderr);
	return EXIT_PLATFORM;
}

int api_print_json(const struct reply *r)
{
	size_t len = r->body.len;

	if (json_check(r->body.data, len, NULL) < 0)
		return api_no_answer();
	if (len && r->body.data[len - 1] == '\n')
		len--;
	safe_json(stdout, (const char *)r->body.data, len);
	putchar('\n');
	return 0;
}

int api_view(const struct reply *r, struct jsonview *ret)
{
	if (jsonview_open(ret, r->body.data, r->body.len) == 0 && *ret->p == '{')
		return 0;
	return api_no_answer();
}

static void add_cells(struct table *t, struct jsonview object, const struct api_column *columns,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jsonview v = jsonview_get(object, columns[i].member);

		if (columns[i].is_time)
			table_add_time(t, v);
		else
			table_add_view(t, v);
	}
}

static void start_table(struct table *t, const struct api_column *columns, size_t n)
{
	const char *names[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < n; i++)
		names[i] = columns[i].header;
	table_init(t, names, n);
}

int api_print_list(const struct call *call, const struct reply *r, const char *list,
		   const struct api_column *columns, size_t n)
{
	const struct shared_options *o = call->options;
	struct jsonview v, at = {0}, key, item;
	_cleanup_table_ struct table t;

	start_table(&t, columns, n);
	if (o->json)
		return api_print_json(r);
	if (api_view(r, &v))
		return EXIT_PLATFORM;
	v = jsonview_get(v, list);
	if (!v.len || *v.p != '[')
		return api_no_answer();
	while (jsonview_next(v, &at, &key, &item))
		add_cells(&t, item, columns, n);
	table_print(&t);
	return 0;
}

int api_print_card(const struct call *call, const struct reply *r, const struct api_column *columns,
		   size_t n)
{
	const struct shared_options *o = call->options;
	_cleanup_table_ struct table t;
	struct jsonview v;

	start_table(&t, columns, n);
	t.cell_max = TABLE_CARD_CELL_MAX;
	if (o->json)
		return api_print_json(r);
	if (api_view(r, &v))
		return EXIT_PLATFORM;
	add_cells(&t, v, columns, n);
	table_print_card(&t);
	return 0;
}

int api_usage(const struct call *call, const struct err *e)
{
	fprintf(stderr, "cordon %s: ", call->command->name);
	safe_print(stderr, e->message, strlen(e->message));
	fputc('\n', stderr);
	return EXIT_USAGE;
}

int api_refuse(const struct call *call, const char *what)
{
	struct err e;

	err_set(&e, EINVAL, "usage", "%s", what);
	return api_usage(call, &e);
}

void api_path(struct buf *path, const char *things, const char *id, const char *after)
{
	buf_addf(path, "/v1/%s/", things);
	client_escape(path, id);
	buf_adds(path, after);
}

int api_moment(struct buf *path, const char *name, const char *text, struct err *reterr)
{
	char number[32];
	int64_t ms = 0;

	if (!text)
		return 0;
	if (moment_parse(text, clock_wall_ms(), &ms) < 0 || ms < 0)
		return err_set(reterr, EINVAL, "usage",
			       "--%s %s: a time such as 2026-01-31T12:00:00Z, milliseconds since "
			       "1970, or how long ago, such as 90s, 15m, 2h or 7d, is needed",
			       name, text);
	snprintf(number, sizeof(number), "%lld", (long long)ms);
	client_query(path, name, number);
	return 0;
}

int api_print_secret(const struct reply *r, const char *member)
{
	_cleanup_buf_ struct buf text = BUF_INIT(r->body.len);
	struct jsonview v;

	if (api_view(r, &v))
		return EXIT_PLATFORM;
	jsonview_text(jsonview_get(v, member), &text);
	if (!text.len)
		return api_no_answer();
	safe_print(stdout, buf_str(&text), text.len);
	putchar('\n');
	explicit_bzero(text.data, text.len);
	return 0;
}

int api_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *reterr)
{
	_cleanup_fd_ int fd =
		strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	int r = fd < 0 ? -errno : fd_read_file(fd, max, ret, ret_len);

	if (r == -EFBIG)
		return err_set(reterr, EFBIG, "usage", "%s has more than %zu bytes", path, max);
	if (r < 0)
		return err_set(reterr, -r, "usage", "cannot read '%s': %s", path, strerror(-r));
	return 0;
}

const char *api_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int api_pair(struct buf *object, const char *option, const char *pair, struct err *reterr)
{
	const char *eq = strchr(pair, '=');

	if (!eq || eq == pair)
		return err_set(reterr, EINVAL, "usage", "--%s %s: KEY=VALUE is needed", option,
			       pair);
	if (object->len && object->data[object->len - 1] != '{')
		buf_addc(object, ',');
	json_quote(object, pair, (size_t)(eq - pair));
	buf_addc(object, ':');
	return json_quote_str(object, eq + 1);
}
