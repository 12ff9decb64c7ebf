/* `cordon log …`: the log that all receipts stand in. */
#include "cli/log.h"

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/safe.h"
#include "evidence/dsse.h"

#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int log_get(const struct client *c, const char *path, const char *type, struct reply *ret,
	    struct err *reterr)
{
	return client_call(c, &(struct request){.method = "GET", .path = path, .accept = type}, ret,
			   reterr);
}

int log_read_keys(const struct option_list *list, struct log_keys *ret, struct err *reterr)
{
	ret->n = 0;
	for (size_t i = 0; i < list->n; i++) {
		struct note_key *k = &ret->key[ret->n];

		if (ret->n == LOG_KEYS_MAX)
			return err_set(reterr, EINVAL, "usage", "--log-key: at most %d are taken",
				       LOG_KEYS_MAX);
		if (note_key_read(list->v[i], k) < 0 || k->kind != NOTE_LOG)
			return err_set(reterr, EINVAL, "usage",
				       "--log-key %s: a verifier key of the log, NAME+HASH+KEY, is "
				       "needed; `cordon log trusted-root --verifier-keys` prints "
				       "them",
				       list->v[i]);
		if (i && strcmp(k->name, ret->key[0].name) != 0)
			return err_set(reterr, EINVAL, "usage",
				       "--log-key names two logs, %s and %s", ret->key[0].name,
				       k->name);
		ret->n++;
	}
	return 0;
}

void log_root_text(const struct hash *root, char out[LOG_ROOT_SIZE])
{
	_cleanup_buf_ struct buf b = BUF_INIT(LOG_ROOT_SIZE);

	base64_add(&b, root, sizeof(*root));
	snprintf(out, LOG_ROOT_SIZE, "%s", buf_str(&b));
}

static int check_signature(const struct buf *note, const struct checkpoint *p,
			   const struct log_keys *keys, struct err *reterr)
{
	if (strcmp(keys->key[0].name, p->origin) != 0)
		return err_set(reterr, EPERM, "log.signature",
			       "the checkpoint is of the log %s, not of %s", p->origin,
			       keys->key[0].name);
	for (size_t i = 0; i < keys->n; i++)
		if (note_verify(note->data, note->len, &keys->key[i], NULL) == 0)
			return 0;
	return err_set(reterr, EPERM, "log.signature",
		       "the checkpoint of %s is not signed by the key that was given; if the log's "
		       "keys were rotated, give the new one as a further --log-key",
		       p->origin);
}

int log_get_checkpoint(const struct client *c, const struct log_keys *keys, struct buf *note,
		       struct checkpoint *ret, struct err *reterr)
{
	_cleanup_reply_ struct reply r = {0};
	int e = log_get(c, "/v1/log/checkpoint", "text/plain", &r, reterr);

	if (e < 0)
		return e;
	if (checkpoint_read(r.body.data, r.body.len, ret) < 0)
		return err_set(reterr, EIO, "client.answer",
			       "the daemon's answer is no signed checkpoint (C2SP "
			       "tlog-checkpoint)");
	e = keys->n ? check_signature(&r.body, ret, keys, reterr) : 0;
	if (e < 0)
		return e;
	note->len = 0;
	buf_add(note, r.body.data, r.body.len);
	return 0;
}

/* The verifier key of one log in a trusted root. -EBADMSG: it is none. */
static int print_verifier_key(struct jsonview log)
{
	_cleanup_buf_ struct buf spki = BUF_INIT(DSSE_SPKI), out = BUF_INIT(NOTE_MAX);
	struct jsonview raw = jsonview_get(jsonview_get(log, "publicKey"), "rawBytes");
	char url[sizeof("https://") + NOTE_NAME_MAX];
	uint8_t public[NOTE_PUBLIC];
	struct note_key k;

	jsonview_copy(jsonview_get(log, "baseUrl"), url, sizeof(url));
	if (strncmp(url, "https://", 8) != 0 || jsonview_base64(raw, &spki) < 0 ||
	    dsse_spki_read(spki.data, spki.len, public) < 0 ||
	    note_key_init(&k, NOTE_LOG, url + 8, public) < 0)
		return -EBADMSG;
	note_key_write(&k, &out);
	puts(buf_str(&out));
	return 0;
}

static int trusted_root(const struct call *call)
{
	const struct log_options *o = call->options;
	struct jsonview v, at = {0}, key, log;
	_cleanup_reply_ struct reply r = {0};
	int status = api_do(call, "GET", "/v1/log/trusted-root", &r);

	if (status || !o->verifier_keys)
		return status ? status : api_print_json(&r);
	if (api_view(&r, &v))
		return EXIT_PLATFORM;
	v = jsonview_get(jsonview_get(v, "trustedRoot"), "tlogs");
	while (jsonview_next(v, &at, &key, &log))
		if (print_verifier_key(log) < 0)
			return api_no_answer();
	return 0;
}

static void print_checkpoint_json(const struct checkpoint *p, const struct buf *note)
{
	_cleanup_buf_ struct buf b = BUF_INIT(NOTE_MAX * 8);
	char root[LOG_ROOT_SIZE];

	log_root_text(&p->root, root);
	buf_adds(&b, "{\"origin\":");
	json_quote_str(&b, p->origin);
	buf_addf(&b, ",\"size\":%llu,\"root\":\"%s\",\"checkpoint\":", (unsigned long long)p->size,
		 root);
	json_quote(&b, note->data, note->len);
	buf_addc(&b, '}');
	puts(buf_str(&b));
}

static int checkpoint(const struct call *call)
{
	_cleanup_buf_ struct buf note = BUF_INIT(NOTE_MAX);
	const struct log_options *o = call->options;
	_cleanup_client_ struct client c = {0};
	struct checkpoint p;
	struct log_keys keys;
	struct err e;

	if (log_read_keys(&o->log_keys, &keys, &e) < 0 || client_init(&c, &o->shared, &e) < 0)
		return api_usage(call, &e);
	if (log_get_checkpoint(&c, &keys, &note, &p, &e) < 0)
		return client_complain(&e);
	if (o->shared.json)
		print_checkpoint_json(&p, &note);
	else
		safe_print(stdout, buf_str(&note), note.len);
	return 0;
}

static int rotate(const struct call *call)
{
	static const struct api_column columns[] = {
		{"GENERATION", "generation", 0},
		{"STATEMENT-KEY", "statement_key", 0},
		{"FIRST-ENTRY", "first_entry", 0},
	};
	_cleanup_reply_ struct reply r = {0};
	int status = api_do(call, "POST", "/v1/log/rotate", &r);

	return status ? status : api_print_card(call, &r, columns, ARRAY_SIZE(columns));
}

#define AT(m) offsetof(struct log_options, m)
#define LOG_KEY_ROW                                                                                \
	{                                                                                          \
		.name = "log-key", .argument = "VKEY", .kind = OPTION_REPEATED,                    \
		.offset = AT(log_keys),                                                            \
		.help = "The log's verifier key (C2SP signed-note, NAME+HASH+KEY), by which the "  \
			"checkpoint must be signed. Several, after a rotation: by any of them."    \
	}
static const struct option_row root_rows[] = {
	{.name = "verifier-keys",
	 .kind = OPTION_FLAG,
	 .offset = AT(verifier_keys),
	 .help = "Print the log's verifier keys alone (C2SP signed-note, NAME+HASH+KEY), one a "
		 "line, as --log-key takes them."},
	{0}};
static const struct option_row key_rows[] = {LOG_KEY_ROW, {0}};
static const struct option_row witness_rows[] = {
	{.name = "key",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(key),
	 .help = "The witness's own key, as --new-key made it."},
	{.name = "state",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(state),
	 .help = "Where it keeps the checkpoint that it signed last. Made if it is missing: then "
		 "the log is believed once."},
	LOG_KEY_ROW,
	{.name = "new-key",
	 .argument = "NAME",
	 .kind = OPTION_TEXT,
	 .offset = AT(new_key),
	 .help = "Make a key of this name in --key FILE, print its verifier key, and end."},
	{0}};
#undef AT

#define COMMON .shared = options_daemon, .size = sizeof(struct log_options)
const struct command log_commands[] = {
	{.name = "log trusted-root",
	 .what = "Prints the keys by which others verify receipts.",
	 .text = "Prints what a verifier of receipts must be given once, by a way that it trusts: "
		 "the keys of the log and of statements, as a Sigstore trusted root v0.2 and keys "
		 "by their hints.",
	 .rows = root_rows,
	 .run = trusted_root,
	 COMMON},
	{.name = "log checkpoint",
	 .what = "Prints the newest signed tree head of the log.",
	 .rows = key_rows,
	 .run = checkpoint,
	 COMMON},
	{.name = "log rotate",
	 .what = "Makes a new generation of signing keys; over the socket only.",
	 .run = rotate,
	 COMMON},
	{.name = "log export",
	 .operands = "DIR",
	 .operands_min = 1,
	 .operands_max = 1,
	 .surplus = "one DIR holds the mirror",
	 .what = "Mirrors the log to a directory, and checks it.",
	 .text = "Mirrors the log to DIR, in the layout of C2SP tlog-tiles: checkpoint, tile/…, "
		 "tile/entries/…. Whole tiles that are there are kept. Everything is checked "
		 "before it is kept: entries against their hashes, these against the checkpoint, "
		 "and the one mirrored before against this one: a log that shrank or forked is "
		 "refused.",
	 .rows = key_rows,
	 .run = log_mirror,
	 COMMON},
	{.name = "log witness",
	 .what = "Cosigns the newest checkpoint, if the log only grew.",
	 .text = "Acts as an independent witness, once: fetches the newest checkpoint, checks the "
		 "log's signature and that the log only grew since the checkpoint it signed last, "
		 "cosigns it (C2SP tlog-cosignature) and gives it back to the log. A log that "
		 "shrank or forked is an error, and its checkpoint is kept beside --state as "
		 "evidence.",
	 .rows = witness_rows,
	 .run = log_witness,
	 COMMON},
	{.name = "log check",
	 .what = "Recomputes everything in the ledger's database, on the machine where it is.",
	 .text = "Recomputes everything in the ledger's database, on the machine where it is; the "
		 "daemon may run meanwhile. Each entry's statement, journal, leaf and index "
		 "columns, each tile, the root and signatures of each checkpoint, and the keys are "
		 "compared with what they must be; what is wrong is listed, the first entry "
		 "first.\n"
		 "It shows that the log agrees with itself and with the keys that it names. That "
		 "it is the log that others have seen, only a checkpoint shows that was kept "
		 "elsewhere. Exit status: 0 all is well, 1 it is not, 5 the database cannot be "
		 "read.",
	 .rows = log_check_rows,
	 .run = log_check,
	 .shared = options_local,
	 .size = sizeof(struct log_options)},
	{0}};
