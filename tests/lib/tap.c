#include "lib/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

static struct {
	int count, failed;
} * tap;

void tap_begin(void)
{
	tap = mmap(NULL, sizeof(*tap), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tap == MAP_FAILED)
		abort();
	setvbuf(stdout, NULL, _IOLBF, 0); /* a forked child must not print our lines again */
	puts("TAP version 13");
}

static void line(int ok, const char *why, const char *format, va_list ap)
{
	printf("%s %d - ", ok ? "ok" : "not ok", ++tap->count);
	vprintf(format, ap);
	if (why)
		printf(" # SKIP %s", why);
	putchar('\n');
	tap->failed += !ok;
}

int tap_ok(int ok, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	line(ok, NULL, format, ap);
	va_end(ap);
	return ok;
}

void tap_skip(const char *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	line(1, why, format, ap);
	va_end(ap);
}

void tap_note(const char *format, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

int tap_end(void)
{
	printf("1..%d\n", tap->count);
	return tap->failed || !tap->count;
}
