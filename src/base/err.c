#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int number, const char *code, const char *format, ...)
{
	if (e) {
		va_list ap;

		e->number = number;
		snprintf(e->code, sizeof(e->code), "%s", code);
		va_start(ap, format);
		vsnprintf(e->message, sizeof(e->message), format, ap);
		va_end(ap);
	}
	return number ? -number : -EINVAL;
}

void err_prefix(struct err *e, const char *format, ...)
{
	char prefix[256], whole[sizeof(e->message) + sizeof(prefix) + 2];
	va_list ap;

	if (!e)
		return;
	va_start(ap, format);
	vsnprintf(prefix, sizeof(prefix), format, ap);
	va_end(ap);
	snprintf(whole, sizeof(whole), "%s: %s", prefix, e->message);
	memcpy(e->message, whole, sizeof(e->message) - 1);
	e->message[sizeof(e->message) - 1] = '\0';
}
