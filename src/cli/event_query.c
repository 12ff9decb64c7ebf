#include "cli/event_query.h"

#include "cli/api.h"

#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int event_query_path(const struct event_query *q, const char *tenant, struct buf *path,
		     struct err *reterr)
{
	buf_adds(path, "/v1/events");
	client_query(path, "tenant", tenant);
	client_query(path, "subject", q->run);
	client_query(path, "event", q->event);
	client_query(path, "reason", q->reason);
	client_query(path, "destination", q->destination);
	client_query(path, "decision", q->decision);
	client_query(path, "lease", q->lease);
	client_query(path, "session", q->session);
	client_query(path, "trace", q->trace);
	client_query(path, "artifact", q->artifact);
	client_query(path, "profile", q->profile);
	if (api_moment(path, "since", q->since, reterr) < 0)
		return -EINVAL;
	return api_moment(path, "until", q->until, reterr);
}

void event_page_done(struct event_page *p)
{
	reply_done(&p->reply);
}

static int no_page(struct err *reterr)
{
	return err_set(reterr, EIO, "client.answer",
		       "the daemon's answer is no page of events: check the URL, and that daemon "
		       "and command are of one version");
}

int event_page_get(const struct client *c, const char *path, const char *after, uint64_t limit,
		   struct event_page *ret, struct err *reterr)
{
	_cleanup_buf_ struct buf whole = BUF_INIT(EVENT_PATH_SIZE * 4);
	struct jsonview v, next;
	char number[24];
	int r;

	*ret = (struct event_page){.reply = {0}};
	snprintf(number, sizeof(number), "%llu", (unsigned long long)limit);
	buf_adds(&whole, path);
	client_query(&whole, "limit", number);
	client_query(&whole, "after", after && *after ? after : NULL);
	r = client_call(c, &(struct request){.method = "GET", .path = buf_str(&whole)}, &ret->reply,
			reterr);
	if (r < 0)
		return r;
	if (json_check(ret->reply.body.data, ret->reply.body.len, NULL) < 0 ||
	    jsonview_open(&v, ret->reply.body.data, ret->reply.body.len) < 0)
		return no_page(reterr);
	ret->events = jsonview_get(v, "events");
	ret->more = jsonview_is(jsonview_get(v, "more"), "true");
	next = jsonview_get(v, "next");
	jsonview_copy(next, ret->next, sizeof(ret->next));
	if (!ret->events.len || *ret->events.p != '[' || next.len > sizeof(ret->next))
		return no_page(reterr);
	/* Who would ask for the same again and again must not. */
	if (ret->more && (!*ret->next || (after && !strcmp(ret->next, after))))
		return no_page(reterr);
	return 0;
}

int event_cursor(struct jsonview item, char out[EVENT_CURSOR_SIZE])
{
	uint64_t entry = jsonview_u64(jsonview_get(item, "entry"), UINT64_MAX);
	uint64_t line = jsonview_u64(jsonview_get(item, "line"), UINT64_MAX);
	struct jsonview event = jsonview_get(item, "event");

	if (entry == UINT64_MAX || line == UINT64_MAX || !event.len || *event.p != '{')
		return -EBADMSG;
	snprintf(out, EVENT_CURSOR_SIZE, "%llu.%llu", (unsigned long long)entry,
		 (unsigned long long)line);
	return 0;
}
