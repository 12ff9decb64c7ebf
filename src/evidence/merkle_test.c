#include "evidence/merkle.h"

#include "evidence/sample_log.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SMALL = 600, LARGE = 70000 };

static void unhex(const char *hex, struct hash *ret)
{
	assert_int_equal(sodium_hex2bin(ret->b, HASH_SIZE, hex, strlen(hex), NULL, NULL, NULL), 0);
}

static void assert_hash(const struct hash *got, const char *hex)
{
	struct hash wanted;

	unhex(hex, &wanted);
	assert_memory_equal(got, &wanted, HASH_SIZE);
}

/* Roots of perfect subtrees, or the test takes minutes. */
static struct {
	const struct hash *d;
	struct hash h;
} known[10][1024];

static void fill(struct sample_log *l, unsigned n)
{
	struct hash leaf;

	memset(known, 0, sizeof(known));
	sample_log_init(l, 1);
	for (unsigned i = 0; i < n; i++) {
		merkle_leaf(&i, sizeof(i), &leaf);
		sample_log_add(l, &leaf);
	}
}

/* Certificate transparency's own: the leaves, and the roots of the first 1 to 8 of them. */
static const char *const vector_leaves[] = {
	"",
	"\0",
	"\x10",
	"\x20\x21",
	"\x30\x31",
	"\x40\x41\x42\x43",
	"\x50\x51\x52\x53\x54\x55\x56\x57",
	"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
};
static const size_t vector_sizes[] = {0, 1, 1, 2, 2, 4, 8, 16};
static const char *const vector_roots[] = {
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void vectors_of_certificate_transparency(void **state)
{
	struct hash leaf, root, proof[MERKLE_PROOF_MAX];
	struct sample_log l;
	size_t n;

	(void)state;
	sample_log_init(&l, 1);
	merkle_root(&l.range, &root);
	assert_hash(&root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_int_equal(merkle_root_at(0, sample_log_tile, &l, &root), 0);
	assert_hash(&root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (unsigned i = 0; i < ARRAY_SIZE(vector_roots); i++) {
		merkle_leaf(vector_leaves[i], vector_sizes[i], &leaf);
		sample_log_add(&l, &leaf);
		merkle_root(&l.range, &root);
		assert_hash(&root, vector_roots[i]);
		assert_int_equal(merkle_root_at(i + 1, sample_log_tile, &l, &root), 0);
		assert_hash(&root, vector_roots[i]);
	}
	assert_int_equal(merkle_inclusion(5, 8, sample_log_tile, &l, proof, &n), 0);
	assert_int_equal(n, 3);
	assert_hash(&proof[0], "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b");
	assert_hash(&proof[1], "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
	assert_hash(&proof[2], "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
	assert_int_equal(merkle_consistency(6, 8, sample_log_tile, &l, proof, &n), 0);
	assert_int_equal(n, 3);
	assert_hash(&proof[0], "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a");
	assert_hash(&proof[1], "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
	assert_hash(&proof[2], "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
	assert_int_equal(merkle_consistency(2, 5, sample_log_tile, &l, proof, &n), 0);
	assert_int_equal(n, 2);
	assert_hash(&proof[0], "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e");
	assert_hash(&proof[1], "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b");
	sample_log_done(&l);
}

/* The definitions of RFC 6962, section 2.1, word for word. */
static uint64_t largest_power_below(uint64_t n)
{
	uint64_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

static void mth(const struct hash *d, uint64_t n, struct hash *ret)
{
	unsigned height = (unsigned)__builtin_ctzll(n), slot = (uintptr_t)d / sizeof(*d) % 1024;
	int perfect = (n & (n - 1)) == 0 && height < ARRAY_SIZE(known);
	struct hash left, right;
	uint64_t k;

	if (n == 1) {
		*ret = *d;
		return;
	}
	if (perfect && known[height][slot].d == d) {
		*ret = known[height][slot].h;
		return;
	}
	k = largest_power_below(n);
	mth(d, k, &left);
	mth(d + k, n - k, &right);
	merkle_node(&left, &right, ret);
	if (perfect) {
		known[height][slot].d = d;
		known[height][slot].h = *ret;
	}
}

static size_t path(uint64_t m, const struct hash *d, uint64_t n, struct hash *ret)
{
	uint64_t k;
	size_t have;

	if (n == 1)
		return 0;
	k = largest_power_below(n);
	have = m < k ? path(m, d, k, ret) : path(m - k, d + k, n - k, ret);
	if (m < k)
		mth(d + k, n - k, &ret[have]);
	else
		mth(d, k, &ret[have]);
	return have + 1;
}

static size_t subproof(uint64_t m, const struct hash *d, uint64_t n, int whole, struct hash *ret)
{
	uint64_t k;
	size_t have;

	if (m == n) {
		if (!whole)
			mth(d, n, ret);
		return !whole;
	}
	k = largest_power_below(n);
	if (m <= k) {
		have = subproof(m, d, k, whole, ret);
		mth(d + k, n - k, &ret[have]);
	} else {
		have = subproof(m - k, d + k, n - k, 0, ret);
		mth(d, k, &ret[have]);
	}
	return have + 1;
}

static void all_small_trees_are_as_the_rfc_defines_them(void **state)
{
	struct hash got[MERKLE_PROOF_MAX], wanted[MERKLE_PROOF_MAX], root, old;
	struct merkle_range range = {.size = 0};
	struct sample_log l;
	size_t n, m;

	(void)state;
	fill(&l, SMALL);
	for (uint64_t size = 1; size <= SMALL; size++) {
		struct merkle_view *v = merkle_view_new(size, sample_log_tile, &l);

		merkle_append(&range, &l.levels[0][size - 1]);
		mth(l.levels[0], size, &root);
		merkle_root(&range, &got[0]);
		assert_memory_equal(got, &root, HASH_SIZE);
		assert_int_equal(merkle_view_root(v, &got[0]), 0);
		assert_memory_equal(got, &root, HASH_SIZE);
		for (uint64_t i = 0; i < size; i++) {
			assert_int_equal(merkle_view_inclusion(v, i, got, &n), 0);
			m = path(i, l.levels[0], size, wanted);
			assert_int_equal(n, m);
			assert_memory_equal(got, wanted, n * HASH_SIZE);
			assert_int_equal(
				merkle_check_inclusion(i, size, &l.levels[0][i], got, n, &root), 0);
			assert_int_equal(merkle_view_consistency(v, i + 1, got, &n), 0);
			m = subproof(i + 1, l.levels[0], size, 1, wanted);
			assert_int_equal(n, m);
			assert_memory_equal(got, wanted, n * HASH_SIZE);
			mth(l.levels[0], i + 1, &old);
			assert_int_equal(merkle_check_consistency(i + 1, size, &old, &root, got, n),
					 0);
		}
		merkle_view_free(v);
	}
	sample_log_done(&l);
}

static void samples_of_large_trees(void **state)
{
	static const uint64_t sizes[] = {255,	256,   257,   511,   512,   513,
					 1000,	4096,  4097,  65535, 65536, 65537,
					 65791, 65792, 65793, 69999, LARGE};
	struct hash proof[MERKLE_PROOF_MAX], root, old;
	struct sample_log l;
	size_t n;

	(void)state;
	fill(&l, LARGE);
	merkle_root(&l.range, &old);
	assert_int_equal(merkle_root_at(LARGE, sample_log_tile, &l, &root), 0);
	assert_memory_equal(&old, &root, HASH_SIZE);
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		assert_int_equal(merkle_root_at(sizes[s], sample_log_tile, &l, &root), 0);
		for (uint64_t i = 0; i < sizes[s]; i = i * 3 / 2 + 1) {
			uint64_t at = sizes[s] - 1 - i;

			assert_int_equal(
				merkle_inclusion(at, sizes[s], sample_log_tile, &l, proof, &n), 0);
			assert_int_equal(merkle_check_inclusion(at, sizes[s], &l.levels[0][at],
								proof, n, &root),
					 0);
			assert_int_equal(
				merkle_consistency(i + 1, sizes[s], sample_log_tile, &l, proof, &n),
				0);
			assert_int_equal(merkle_root_at(i + 1, sample_log_tile, &l, &old), 0);
			assert_int_equal(
				merkle_check_consistency(i + 1, sizes[s], &old, &root, proof, n),
				0);
		}
	}
	sample_log_done(&l);
}

/* Runs `check` on the proof with each bit changed, each hash left out, twice, or one more. */
static void every_change_is_refused(int (*check)(void *arg, const struct hash *p, size_t n),
				    void *arg, const struct hash *proof, size_t n)
{
	struct hash p[MERKLE_PROOF_MAX + 1];

	memcpy(p, proof, n * HASH_SIZE);
	assert_int_equal(check(arg, p, n), 0);
	for (size_t bit = 0; bit < n * HASH_SIZE * 8; bit++) {
		p[bit / 256].b[bit / 8 % HASH_SIZE] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(check(arg, p, n), -EBADMSG);
		p[bit / 256].b[bit / 8 % HASH_SIZE] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t i = 0; i < n; i++) {
		memcpy(p, proof, i * HASH_SIZE);
		memcpy(p + i, proof + i + 1, (n - i - 1) * HASH_SIZE);
		assert_int_equal(check(arg, p, n - 1), -EBADMSG);
	}
	for (size_t i = 0; i <= n; i++) {
		memcpy(p, proof, i * HASH_SIZE);
		memcpy(p + i + 1, proof + i, (n - i) * HASH_SIZE);
		p[i] = proof[i < n ? i : 0];
		assert_int_equal(check(arg, p, n + 1), -EBADMSG);
	}
	for (size_t i = 0; i + 1 < n; i++) {
		memcpy(p, proof, n * HASH_SIZE);
		p[i] = proof[i + 1];
		p[i + 1] = proof[i];
		assert_int_equal(check(arg, p, n), -EBADMSG);
	}
}

struct claim {
	uint64_t a, b;
	struct hash x, y;
};

static int inclusion(void *arg, const struct hash *p, size_t n)
{
	struct claim *c = arg;

	return merkle_check_inclusion(c->a, c->b, &c->x, p, n, &c->y);
}

static int consistency(void *arg, const struct hash *p, size_t n)
{
	struct claim *c = arg;

	return merkle_check_consistency(c->a, c->b, &c->x, &c->y, p, n);
}

static void wrong_proofs_are_refused(void **state)
{
	static const uint64_t sizes[] = {1, 2, 3, 5, 7, 8, 13, 21};
	struct hash proof[MERKLE_PROOF_MAX];
	struct sample_log l;
	size_t n;

	(void)state;
	fill(&l, 21);
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
		for (uint64_t i = 0; i < sizes[s]; i++) {
			struct claim c = {.a = i, .b = sizes[s], .x = l.levels[0][i]};

			mth(l.levels[0], sizes[s], &c.y);
			assert_int_equal(
				merkle_inclusion(i, sizes[s], sample_log_tile, &l, proof, &n), 0);
			every_change_is_refused(inclusion, &c, proof, n);
			for (c.a = 0; c.a < sizes[s] + 2; c.a++) /* nor is it one of another leaf */
				assert_int_equal(inclusion(&c, proof, n), c.a == i ? 0 : -EBADMSG);
			c.a = i;
			c.b = sizes[s] * 2 + 1;
			assert_int_equal(inclusion(&c, proof, n), -EBADMSG);
			c.b = sizes[s];
			c.y.b[31] ^= 1;
			assert_int_equal(inclusion(&c, proof, n), -EBADMSG);
			c.y.b[31] ^= 1;
			c.x.b[0] ^= 1;
			assert_int_equal(inclusion(&c, proof, n), -EBADMSG);

			c.a = i + 1;
			mth(l.levels[0], i + 1, &c.x);
			assert_int_equal(
				merkle_consistency(i + 1, sizes[s], sample_log_tile, &l, proof, &n),
				0);
			every_change_is_refused(consistency, &c, proof, n);
			c.b = sizes[s] * 2 + 1;
			assert_int_equal(consistency(&c, proof, n), -EBADMSG);
			c.b = sizes[s];
			c.y.b[31] ^= 1;
			assert_int_equal(consistency(&c, proof, n), -EBADMSG);
			c.y.b[31] ^= 1;
			c.x.b[0] ^= 1;
			assert_int_equal(consistency(&c, proof, n), -EBADMSG);
		}
	sample_log_done(&l);
}

static void questions_without_an_answer(void **state)
{
	struct hash proof[MERKLE_PROOF_MAX], root = {{7}};
	struct sample_log l;
	size_t n = 99;

	(void)state;
	fill(&l, 10);
	assert_int_equal(merkle_inclusion(10, 10, sample_log_tile, &l, proof, &n), -EINVAL);
	assert_int_equal(merkle_inclusion(0, 0, sample_log_tile, &l, proof, &n), -EINVAL);
	assert_int_equal(merkle_consistency(0, 10, sample_log_tile, &l, proof, &n), -EINVAL);
	assert_int_equal(merkle_consistency(11, 10, sample_log_tile, &l, proof, &n), -EINVAL);
	assert_int_equal(merkle_root_at(UINT64_MAX, sample_log_tile, &l, &root), -EINVAL);
	assert_int_equal(merkle_inclusion(3, 11, sample_log_tile, &l, proof, &n), -ENOENT);
	assert_int_equal(merkle_root_at(11, sample_log_tile, &l, &root), -ENOENT);
	assert_int_equal(n, 99);
	assert_int_equal(root.b[0], 7);
	assert_int_equal(merkle_check_consistency(0, 10, &root, &root, proof, 0), -EBADMSG);
	assert_int_equal(merkle_check_inclusion(0, 0, &root, proof, 0, &root), -EBADMSG);
	sample_log_done(&l);
}

static int count_tile(void *arg, unsigned level, uint64_t n, unsigned width, struct hash *out)
{
	(*(unsigned *)arg)++;
	memset(out, (int)(level + n), width * sizeof(*out));
	return 0;
}

static void a_proof_reads_few_tiles(void **state)
{
	const uint64_t size = 10000019;
	struct hash proof[MERKLE_PROOF_MAX];
	size_t n;

	(void)state;
	for (uint64_t i = 0; i < size; i = i * 2 + 3) {
		unsigned reads = 0;

		assert_int_equal(
			merkle_inclusion(size - 1 - i, size, count_tile, &reads, proof, &n), 0);
		assert_true(reads <= 6); /* two for each of three levels */
		reads = 0;
		assert_int_equal(merkle_consistency(size - i, size, count_tile, &reads, proof, &n),
				 0);
		assert_true(reads <= 6);
	}
}

static void tile_paths(void **state)
{
	static const struct {
		const char *path;
		uint64_t n;
		int level;
		unsigned width;
	} good[] = {
		{"0/000", 0, 0, 256},
		{"0/x001/x234/067", 1234067, 0, 256},
		{"1/003.p/17", 3, 1, 17},
		{"entries/000", 0, -1, 256},
		{"entries/x001/000.p/1", 1000, -1, 1},
		{"63/999.p/255", 999, 63, 255},
		{"7/x018/x446/x744/x073/x709/x551/615", UINT64_MAX, 7, 256},
	};
	static const char *const bad[] = {
		"",
		"0",
		"0/",
		"0/0",
		"0/00",
		"0/0000",
		"00/000",
		"64/000",
		"-1/000",
		"a/000",
		"0/x000/000",
		"0/x001",
		"0/x001/",
		"0/x1/000",
		"0/001/000",
		"0/000/",
		"0/000.p",
		"0/000.p/",
		"0/000.p/0",
		"0/000.p/256",
		"0/000.p/01",
		"0/000.p/1/",
		"0/000.p/-1",
		"0/x001/x000",
		"entries",
		"entries/",
		"entries/0",
		"Entries/000",
		"/0/000",
		"0/000 ",
		"0/x018/x446/x744/x073/x709/x551/616",
		"0/../000",
		"0/000.p/1.p/1",
		"tile/0/000",
		"18446744073709551616/000",
	};
	char out[TILE_PATH_SIZE];
	unsigned width;
	uint64_t n;
	int level;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		merkle_tile_path(good[i].level, good[i].n, good[i].width, out);
		assert_string_equal(out, good[i].path);
		assert_int_equal(merkle_tile_parse(out, &level, &n, &width), 0);
		assert_int_equal(level, good[i].level);
		assert_true(n == good[i].n);
		assert_int_equal(width, good[i].width);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (merkle_tile_parse(bad[i], &level, &n, &width) != -EINVAL)
			fail_msg("%s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_certificate_transparency),
		cmocka_unit_test(all_small_trees_are_as_the_rfc_defines_them),
		cmocka_unit_test(samples_of_large_trees),
		cmocka_unit_test(wrong_proofs_are_refused),
		cmocka_unit_test(questions_without_an_answer),
		cmocka_unit_test(a_proof_reads_few_tiles),
		cmocka_unit_test(tile_paths),
	};

	return cmocka_run_group_tests_name("merkle", tests, NULL, NULL);
}
