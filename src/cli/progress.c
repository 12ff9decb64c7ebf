#include "cli/progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

void progress_start(struct progress *p, const char *what)
{
	*p = (struct progress){
		.what = what, .since_ns = clock_now_ns(), .wanted = isatty(STDERR_FILENO)};
}

void progress_tick(struct progress *p)
{
	uint64_t ms = (clock_now_ns() - p->since_ns) / NS_PER_MS;

	if (!p->wanted || ms < PROGRESS_AFTER_MS)
		return;
	fprintf(stderr, "\r%s … %llu s (Ctrl-C cancels)\033[K", p->what,
		(unsigned long long)ms / 1000);
	fflush(stderr);
	p->shown = 1;
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = 0;
}
