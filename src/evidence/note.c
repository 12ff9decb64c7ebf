#include "evidence/note.h"

#include "base/json.h"
#include "evidence/base64.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum {
	KEY_ID = 4,		     /* bytes of the ID that stand in a signature */
	LINE_HEAD = 4,		     /* the dash and a space */
	BLOB_MAX = NOTE_MAX / 4 * 3, /* other people's signatures may be large */
	TIME = 8,
	COSIGNED = KEY_ID + TIME + NOTE_SIGNATURE,
	VKEY_DATA = 1 + NOTE_PUBLIC,
};

static const char line_head[] = "\xe2\x80\x94 ";

/* A signature line, read. */
struct line {
	const char *start, *name;
	size_t len, name_len; /* len: with the line feed */
	uint8_t blob[BLOB_MAX];
	size_t blob_len;
};

/* The bytes of the character at p if it is white space in Unicode, else 0. */
static size_t space_at(const uint8_t *p, size_t len)
{
	if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		return 1;
	if (len >= 2 && p[0] == 0xc2 && (p[1] == 0x85 || p[1] == 0xa0))
		return 2;
	if (len < 3)
		return 0;
	if (!memcmp(p, "\xe1\x9a\x80", 3) || !memcmp(p, "\xe3\x80\x80", 3))
		return 3;
	if (p[0] != 0xe2)
		return 0;
	if (p[1] == 0x80) /* U+2000..200A, 2028, 2029, 202F */
		return p[2] <= 0x8a || p[2] == 0xa8 || p[2] == 0xa9 || p[2] == 0xaf ? 3 : 0;
	return p[1] == 0x81 && p[2] == 0x9f ? 3 : 0; /* U+205F */
}

static int name_valid(const char *name, size_t len)
{
	const uint8_t *p = (const uint8_t *)name;

	if (len == 0 || len > NOTE_NAME_MAX || !utf8_valid(name, len))
		return 0;
	for (size_t i = 0; i < len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f || p[i] == '+' || space_at(p + i, len - i))
			return 0;
	return 1;
}

int note_key_init(struct note_key *k, enum note_kind kind, const char *name,
		  const uint8_t public[NOTE_PUBLIC])
{
	const uint8_t mark[2] = {'\n', (uint8_t)kind};
	crypto_hash_sha256_state s;
	size_t len = strlen(name);

	if (!name_valid(name, len))
		return -EINVAL;
	*k = (struct note_key){.kind = kind};
	memcpy(k->name, name, len);
	memcpy(k->public, public, NOTE_PUBLIC);
	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const uint8_t *)name, len);
	crypto_hash_sha256_update(&s, mark, sizeof(mark));
	crypto_hash_sha256_update(&s, public, NOTE_PUBLIC);
	crypto_hash_sha256_final(&s, k->id);
	return 0;
}

int note_key_write(const struct note_key *k, struct buf *out)
{
	uint8_t data[VKEY_DATA] = {(uint8_t)k->kind};
	char hex[KEY_ID * 2 + 1];
	size_t before = out->len;
	int r;

	memcpy(data + 1, k->public, NOTE_PUBLIC);
	sodium_bin2hex(hex, sizeof(hex), k->id, KEY_ID);
	r = buf_addf(out, "%s+%s+", k->name, hex);
	if (r == 0)
		r = base64_add(out, data, sizeof(data));
	if (r < 0)
		out->len = before;
	return r;
}

int note_key_read(const char *text, struct note_key *ret)
{
	const char *id = strchr(text, '+'), *key = id ? strchr(id + 1, '+') : NULL;
	char name[NOTE_NAME_MAX + 1] = "", hex[KEY_ID * 2 + 1];
	uint8_t data[VKEY_DATA];
	struct note_key k;
	size_t n;

	if (!key || id - text > NOTE_NAME_MAX || key - id != sizeof(hex))
		return -EINVAL;
	memcpy(name, text, (size_t)(id - text));
	if (base64_read(key + 1, strlen(key + 1), data, sizeof(data), &n) < 0 ||
	    n != sizeof(data) || (data[0] != NOTE_LOG && data[0] != NOTE_COSIGNATURE) ||
	    note_key_init(&k, (enum note_kind)data[0], name, data + 1) < 0)
		return -EINVAL;
	sodium_bin2hex(hex, sizeof(hex), k.id, KEY_ID);
	if (memcmp(hex, id + 1, sizeof(hex) - 1) != 0)
		return -EINVAL;
	*ret = k;
	return 0;
}

/* Reads the signature line that begins at p: 0 or -EBADMSG. */
static int line_read(const char *p, const char *end, struct line *l)
{
	const char *stop = memchr(p, '\n', (size_t)(end - p)), *space;

	if (!stop || stop - p < LINE_HEAD || memcmp(p, line_head, LINE_HEAD) != 0)
		return -EBADMSG;
	l->start = p;
	l->len = (size_t)(stop + 1 - p);
	l->name = p + LINE_HEAD;
	space = memchr(l->name, ' ', (size_t)(stop - l->name));
	if (!space)
		return -EBADMSG;
	l->name_len = (size_t)(space - l->name);
	if (!name_valid(l->name, l->name_len) ||
	    base64_read(space + 1, (size_t)(stop - space - 1), l->blob, sizeof(l->blob),
			&l->blob_len) < 0 ||
	    l->blob_len <= KEY_ID)
		return -EBADMSG;
	return 0;
}

/* Length of the text before the last empty line, with its line feed; 0: there is no such line. */
static size_t text_length(const char *note, size_t len)
{
	const char *at = len > 2 ? memrchr(note, '\n', len - 1) : NULL;

	while (at && at > note && at[-1] != '\n')
		at = memrchr(note, '\n', (size_t)(at - note));
	return at && at > note ? (size_t)(at - note) : 0;
}

static int text_valid(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 && text[i] != '\n')
			return 0;
	return len && text[len - 1] == '\n' && utf8_valid(text, len);
}

/*
 * Whether it is a note: the form of all of it. *ret_text is the length of the text. Each of up to
 * NOTE_SIGNATURES_MAX lines is decoded, which `l` is used for.
 */
static int note_check(const char *note, size_t len, struct line *l, size_t *ret_text,
		      unsigned *ret_lines)
{
	const char *end = note + len;
	size_t text;
	unsigned n = 0;

	if (len > NOTE_MAX || !text_valid(note, len))
		return -EBADMSG;
	text = text_length(note, len);
	if (!text)
		return -EBADMSG;
	for (const char *p = note + text + 1; p < end; p += l->len)
		if (++n > NOTE_SIGNATURES_MAX || line_read(p, end, l) < 0)
			return -EBADMSG;
	if (!n)
		return -EBADMSG;
	*ret_text = text;
	*ret_lines = n;
	return 0;
}

static int line_by(const struct line *l, const struct note_key *k)
{
	return l->name_len == strlen(k->name) && !memcmp(l->name, k->name, l->name_len) &&
	       !memcmp(l->blob, k->id, KEY_ID);
}

/* What a key signs of a text: for a log the text itself. */
static int signed_message(const struct note_key *k, const char *text, size_t len, uint64_t time_s,
			  struct buf *ret)
{
	int r = 0;

	if (k->kind == NOTE_COSIGNATURE)
		r = buf_addf(ret, "cosignature/v1\ntime %llu\n", (unsigned long long)time_s);
	return r ? r : buf_add(ret, text, len);
}

static uint64_t get_be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < TIME; i++)
		v = v << 8 | p[i];
	return v;
}

static int line_verify(const struct line *l, const struct note_key *k, const char *text, size_t len,
		       uint64_t *ret_time)
{
	_cleanup_buf_ struct buf message = BUF_INIT(NOTE_MAX + 64);
	size_t head = KEY_ID + (k->kind == NOTE_COSIGNATURE ? TIME : 0);
	uint64_t time_s = head > KEY_ID && l->blob_len == COSIGNED ? get_be64(l->blob + KEY_ID) : 0;

	if (l->blob_len != head + NOTE_SIGNATURE || time_s > INT64_MAX ||
	    signed_message(k, text, len, time_s, &message) < 0 ||
	    crypto_sign_verify_detached(l->blob + head, message.data, message.len, k->public) != 0)
		return -EBADMSG;
	*ret_time = time_s;
	return 0;
}

int note_verify(const void *note, size_t len, const struct note_key *k, uint64_t *ret_time_s)
{
	const char *start = note, *end = start + len;
	uint64_t newest = 0, time_s;
	int found = -ENOENT;
	struct line l;
	size_t text;
	unsigned n;

	if (note_check(note, len, &l, &text, &n) < 0)
		return -EBADMSG;
	for (const char *p = start + text + 1; p < end; p += l.len) {
		if (line_read(p, end, &l) < 0)
			return -EBADMSG;
		if (!line_by(&l, k))
			continue;
		if (line_verify(&l, k, start, text, &time_s) < 0)
			return -EBADMSG;
		newest = MAX_U64(newest, time_s);
		found = 0;
	}
	if (found == 0 && ret_time_s)
		*ret_time_s = newest;
	return found;
}

int note_find(const void *note, size_t len, const struct note_key *k, const char **ret_line,
	      size_t *ret_len)
{
	const char *start = note, *end = start + len;
	struct line l;
	size_t text;
	unsigned n;

	if (note_check(note, len, &l, &text, &n) < 0)
		return -EBADMSG;
	for (const char *p = start + text + 1; p < end; p += l.len) {
		if (line_read(p, end, &l) < 0)
			return -EBADMSG;
		if (line_by(&l, k)) {
			*ret_line = l.start;
			*ret_len = l.len;
			return 0;
		}
	}
	return -ENOENT;
}

int note_sign(struct buf *note, const struct note_key *k, const uint8_t secret[NOTE_SECRET],
	      uint64_t time_s)
{
	_cleanup_buf_ struct buf message = BUF_INIT(NOTE_MAX + 64), line = BUF_INIT(NOTE_MAX);
	uint8_t blob[COSIGNED];
	size_t text = note->len, at = KEY_ID;
	unsigned n = 0;
	struct line l;

	if (!text_valid((const char *)note->data, note->len) || time_s > INT64_MAX)
		return -EINVAL;
	note_check((const char *)note->data, note->len, &l, &text, &n);
	if (n == NOTE_SIGNATURES_MAX ||
	    signed_message(k, (const char *)note->data, text, time_s, &message) < 0)
		return -ENOSPC;
	memcpy(blob, k->id, KEY_ID);
	if (k->kind == NOTE_COSIGNATURE)
		for (int i = TIME - 1; i >= 0; i--)
			blob[at++] = (uint8_t)(time_s >> (8 * i));
	crypto_sign_detached(blob + at, NULL, message.data, message.len, secret);
	if (buf_addf(&line, "%s%s%s ", n ? "" : "\n", line_head, k->name) < 0 ||
	    base64_add(&line, blob, at + NOTE_SIGNATURE) < 0 || buf_addc(&line, '\n') < 0 ||
	    note->len + line.len > NOTE_MAX)
		return -ENOSPC;
	return buf_add(note, line.data, line.len);
}

int checkpoint_write(const char *origin, uint64_t size, const struct hash *root, struct buf *out)
{
	size_t before = out->len;
	int r;

	if (!name_valid(origin, strlen(origin)) || size > INT64_MAX)
		return -EINVAL;
	r = buf_addf(out, "%s\n%llu\n", origin, (unsigned long long)size);
	if (r == 0)
		r = base64_add(out, root, HASH_SIZE);
	if (r == 0)
		r = buf_addc(out, '\n');
	if (r < 0)
		out->len = before;
	return r;
}

/* Decimal digits without leading zeros, at most 2^63-1. */
static int size_read(const char *p, const char *end, uint64_t *ret)
{
	uint64_t v = 0;

	if (p == end || (*p == '0' && end - p > 1) || end - p > 19)
		return -EBADMSG;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return -EBADMSG;
		v = v * 10 + (uint64_t)(*p - '0'); /* 19 digits fit 64 bits */
	}
	if (v > INT64_MAX)
		return -EBADMSG;
	*ret = v;
	return 0;
}

int checkpoint_read(const void *note, size_t len, struct checkpoint *ret)
{
	struct checkpoint c = {.size = 0};
	const char *origin = note, *size, *root, *rest, *end; /* each but the first: a line feed */
	struct line l;
	unsigned lines;
	size_t n;

	if (note_check(note, len, &l, &c.text_len, &lines) < 0)
		return -EBADMSG;
	end = origin + c.text_len;
	size = memchr(origin, '\n', c.text_len);
	root = size ? memchr(size + 1, '\n', (size_t)(end - size - 1)) : NULL;
	rest = root ? memchr(root + 1, '\n', (size_t)(end - root - 1)) : NULL;
	if (!rest || !name_valid(origin, (size_t)(size - origin)) ||
	    size_read(size + 1, root, &c.size) < 0 ||
	    base64_read(root + 1, (size_t)(rest - root - 1), c.root.b, HASH_SIZE, &n) < 0 ||
	    n != HASH_SIZE)
		return -EBADMSG;
	if (memmem(rest, (size_t)(end - rest), "\n\n", 2))
		return -EBADMSG; /* extension lines are not empty */
	memcpy(c.origin, origin, (size_t)(size - origin));
	*ret = c;
	return 0;
}
