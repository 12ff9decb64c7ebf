#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static const char *name = "cordon";

void log_init(const char *process)
{
	name = process;
}

static void vline(const char *format, va_list ap)
{
	char text[1024];
	char line[sizeof(text) + 64];
	int n;

	vsnprintf(text, sizeof(text), format, ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	n = snprintf(line, sizeof(line), "%s: %s\n", name, text);
	if (n > 0)
		(void)!write(STDERR_FILENO, line, (size_t)n);
}

void log_line(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vline(format, ap);
	va_end(ap);
}

void log_fatal(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vline(format, ap);
	va_end(ap);
	exit(1);
}
