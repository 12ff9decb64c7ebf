#include "cli/config.h"

#include "cli/api.h"
#include "cli/commands.h"
#include "policy/document.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { CONFIG_MAX = 1 << 20, SETTING_SIZE = 64 };

static const struct option_row *find(const struct command *c, const char *setting)
{
	const struct option_row *row;

	for (size_t i = 0; (row = options_row(c, i)); i++)
		if (row->setting && !strcmp(row->setting, setting))
			return row;
	return NULL;
}

/* Whether settings begin with "NAME.". */
static int is_group(const struct command *c, const char *name)
{
	const struct option_row *row;
	size_t n = strlen(name);

	for (size_t i = 0; (row = options_row(c, i)); i++)
		if (row->setting && !strncmp(row->setting, name, n) && row->setting[n] == '.')
			return 1;
	return 0;
}

static int take_value(struct call *call, const struct option_row *row, const struct node *n,
		      struct arena *a, struct err *reterr)
{
	const char *text = n->string;
	char digits[32];
	struct err e;

	if (n->kind == NODE_INT) {
		snprintf(digits, sizeof(digits), "%lld", (long long)n->integer);
		text = arena_strndup(a, digits, strlen(digits));
	} else if (n->kind != NODE_STRING) {
		return node_error(n, reterr, "config.type", "is %s; a string or a number is needed",
				  node_kind_text(n));
	}
	if (options_given(call, row->name))
		return 0;
	if (options_take(call, row, text, &e) == 0)
		return 0;
	return node_error(n, reterr, "config.value", "as %s", e.message);
}

static int take_map(struct call *call, const struct node *map, const char *prefix, struct arena *a,
		    struct err *reterr)
{
	for (const struct node *n = map->first; n; n = n->next) {
		const struct option_row *row;
		char setting[SETTING_SIZE];
		struct node at;
		int r, len = snprintf(setting, sizeof(setting), "%s%s", prefix, n->key);

		if (len >= (int)sizeof(setting) - 1)
			return node_error(n, reterr, "config.unknown", "is no setting");
		row = find(call->command, setting);
		if (row) {
			r = take_value(call, row, n, a, reterr);
		} else if ((n->kind == NODE_MAP || n->kind == NODE_NULL) &&
			   is_group(call->command, setting)) { /* null: nothing stands below it */
			memcpy(setting + len, ".", 2);
			r = take_map(call, n, setting, a, reterr);
		} else {
			at = *n;
			at.line = n->key_line;
			at.column = n->key_column;
			r = node_error(&at, reterr, "config.unknown",
				       "is no setting; `cordon config` prints them all");
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int config_read(struct call *call, const char *path, struct arena *a, struct err *reterr)
{
	_cleanup_free_ char *text = NULL;
	struct node *root;
	struct err e;
	size_t len;
	int r = api_read(path, CONFIG_MAX, &text, &len, reterr);

	if (r < 0)
		return r;
	r = document_read(a, text, len, &root, &e);
	if (r == 0 && root->kind != NODE_MAP && root->kind != NODE_NULL)
		r = node_error(root, &e, "config.type", "is %s; settings are needed",
			       node_kind_text(root));
	if (r == 0 && root->kind == NODE_MAP)
		r = take_map(call, root, "", a, &e);
	return r < 0 ? err_set(reterr, EINVAL, e.code, "%s: %s", path, e.message) : 0;
}

/* `cordon config` */

static void comment(const char *text, int indent)
{
	int col = 0;

	for (const char *p = text; *p;) {
		int n = (int)strcspn(p, " ");

		if (col && col + 1 + n > 90 - indent) {
			putchar('\n');
			col = 0;
		}
		col += col ? printf(" %.*s", n, p) : printf("%*s# %.*s", indent, "", n, p);
		p += n;
		p += *p == ' ';
	}
	putchar('\n');
}

static void print_setting(const struct option_row *row, const char *name, int indent)
{
	comment(row->help, indent);
	if (row->kind == OPTION_NUMBER) {
		printf("%*s# From %llu to %llu.\n", indent, "", (unsigned long long)row->min,
		       (unsigned long long)row->max);
		printf("%*s%s: %llu\n", indent, "", name, (unsigned long long)row->fallback);
	} else if (row->preset) {
		printf("%*s%s: %s\n", indent, "", name, row->preset);
	} else {
		printf("%*s# %s: %s\n", indent, "", name, row->argument);
	}
}

static int config(const struct call *call)
{
	const struct option_row *row;
	char group[SETTING_SIZE] = "";

	(void)call;
	puts("# Every setting of `cordon up`, with its default. Give the file with --config FILE.");
	for (size_t i = 0; (row = options_row(up_commands, i)); i++) {
		const char *dot = row->setting ? strchr(row->setting, '.') : NULL;
		size_t n = dot ? (size_t)(dot - row->setting) : 0;

		if (!row->setting)
			continue;
		if (dot && (strlen(group) != n || strncmp(group, row->setting, n) != 0)) {
			snprintf(group, sizeof(group), "%.*s", (int)n, row->setting);
			printf("\n%s:\n", group);
		} else if (!dot) {
			group[0] = '\0';
			putchar('\n');
		}
		print_setting(row, dot ? dot + 1 : row->setting, dot ? 2 : 0);
	}
	return 0;
}

const struct command config_commands[] = {
	{.name = "config",
	 .what = "Prints a configuration file with every setting.",
	 .text = "Prints a file for `cordon up --config FILE` with every setting at its default, "
		 "and what each is for.",
	 .shared = options_help_only,
	 .size = sizeof(struct shared_options),
	 .run = config},
	{0}};
