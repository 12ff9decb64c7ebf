/*
 * The journal of a run: one JSON object per line, numbered without gaps. The number is the decision
 * ID within the run ("d7" is decision 7 of this run). Written before what it records takes effect.
 */
#include "base/clock.h"
#include "base/json.h"
#include "node/node.h"

#include <stdarg.h>
#include <stdio.h>

int journal_add(struct run *r, const char *event, const char *format, ...)
{
	char time[CLOCK_TEXT_SIZE];
	_cleanup_free_ char *more = NULL;
	size_t at = r->journal.len;
	va_list ap;
	int n, e;

	r->seq++;
	if (!(r->flags & RUN_JOURNAL))
		return 0; /* nobody will read it: numbered and metered all the same */
	va_start(ap, format);
	n = vasprintf(&more, format, ap);
	va_end(ap);
	if (n < 0)
		abort();
	clock_text(clock_wall_ms(), time);
	e = buf_addf(
		&r->journal,
		"{\"seq\":%llu,\"event\":\"%s\",\"run\":\"%s\",\"time\":\"%s\",\"clock_ms\":%lld",
		(unsigned long long)r->seq, event, r->id, time, (long long)r->now_ms);
	if (!e)
		e = buf_add(&r->journal, r->spec.context.data, r->spec.context.len);
	if (!e)
		e = buf_add(&r->journal, more, (size_t)n);
	if (!e)
		e = buf_adds(&r->journal, "}\n");
	if (e < 0) {
		r->journal.len = at;
		r->seq--;
	} else if (r->flags & RUN_LIVE) {
		run_send_journal(r);
	}
	return e;
}
