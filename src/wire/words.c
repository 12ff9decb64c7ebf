#include "wire/words.h"

#include "base/macros.h"

#include <errno.h>
#include <string.h>

#define ENTRY(n, U, t) [n] = t,
static const char *const engines[] = {ENGINE_MODES(ENTRY)};
static const char *const classes[] = {TASK_CLASSES(ENTRY)};
static const char *const outcomes[] = {OUTCOMES(ENTRY)};
static const char *const reasons[] = {TERMINATION_REASONS(ENTRY)};
static const char *const values[] = {VALUE_KINDS(ENTRY)};
static const char *const answers[] = {ANSWER_STATUSES(ENTRY)};
static const char *const levels[] = {LOG_LEVELS(ENTRY)};

#define TEXT(name, table)                                                                          \
	const char *words_##name(uint8_t value)                                                    \
	{                                                                                          \
		return value < ARRAY_SIZE(table) ? table[value] : "?";                             \
	}
TEXT(engine, engines)
TEXT(class, classes)
TEXT(outcome, outcomes)
TEXT(reason, reasons)
TEXT(value, values)
TEXT(answer, answers)
TEXT(level, levels)

static int parse(const char *const *table, size_t n, const char *text, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(table[i], text)) {
			*ret = (uint8_t)i;
			return 0;
		}
	return -EINVAL;
}

int words_engine_parse(const char *text, uint8_t *ret)
{
	return parse(engines, ARRAY_SIZE(engines), text, ret);
}

int words_class_parse(const char *text, uint8_t *ret)
{
	return parse(classes, ARRAY_SIZE(classes), text, ret);
}
