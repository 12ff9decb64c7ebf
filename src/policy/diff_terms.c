/* The terms of a request that both policies allow: what is wider? */
#include "policy/diff.h"

#include <stdio.h>
#include <string.h>

static void add_term(struct findings *f, const char *method, const char *url, const char *name,
		     const struct policy_decision *d_from, const struct policy_decision *d_to,
		     const char *from, const char *to)
{
	struct finding *found =
		findings_add(f, FOUND_TERM, name, diff_rule(d_from), diff_rule(d_to), xstrdup(url));

	if (!found)
		return;
	found->method = method;
	finding_change(found, f, from, to);
}

/* Whether the rules reach the same addresses, told without looking at addresses. */
static bool same_addresses(const struct rule *a, const struct rule *b)
{
	if (a->n_cidrs || b->n_cidrs)
		return a->n_cidrs == b->n_cidrs &&
		       !memcmp(a->cidrs, b->cidrs, a->n_cidrs * sizeof(*a->cidrs));
	if (a->host.address || b->host.address)
		return a->host.address == b->host.address &&
		       !memcmp(a->host.bytes, b->host.bytes, 16);
	return true;
}

static bool is_wider_at(const struct policy_decision *from, const struct policy_decision *to,
			const uint8_t address[16], uint8_t ret[16])
{
	if (!policy_decide_address(to, address) || policy_decide_address(from, address))
		return false;
	memcpy(ret, address, 16);
	return true;
}

static bool block_is_wider(const struct policy_decision *from, const struct policy_decision *to,
			   const struct cidr *block, uint8_t ret[16])
{
	uint8_t after[16];

	return is_wider_at(from, to, block->first, ret) ||
	       (cidr_next(block, after) && is_wider_at(from, to, after, ret));
}

/*
 * An address that only `to` reaches. What a set of rules reaches changes only where one of their
 * blocks begins, or right after its end; so these addresses stand for all.
 */
static bool find_address(const struct policy_decision *from, const struct policy_decision *to,
			 uint8_t ret[16])
{
	size_t n_special;
	const struct cidr *special = cidr_special(&n_special);

	for (unsigned i = 0; i < from->n_budgets + to->n_budgets; i++) {
		const struct rule *r = i < from->n_budgets ? from->budgets[i].terms
							   : to->budgets[i - from->n_budgets].terms;
		struct cidr host = {.prefix = 128};

		for (unsigned k = 0; k < r->n_cidrs; k++)
			if (block_is_wider(from, to, &r->cidrs[k], ret))
				return true;
		memcpy(host.first, r->host.bytes, 16);
		if (r->host.address && block_is_wider(from, to, &host, ret))
			return true;
	}
	for (size_t i = 0; i < n_special; i++)
		if (block_is_wider(from, to, &special[i], ret))
			return true;
	return false;
}

static void compare_addresses(struct findings *f, const char *method, const char *url,
			      const struct policy_decision *from, const struct policy_decision *to)
{
	char address[CIDR_TEXT], text[96];
	uint8_t bytes[16];
	bool same = true;

	for (unsigned i = 0; same && i < from->n_budgets; i++) {
		same = false;
		for (unsigned k = 0; !same && k < to->n_budgets; k++)
			same = same_addresses(from->budgets[i].terms, to->budgets[k].terms);
	}
	f->work += same ? 1 : 1000;
	if (same || !find_address(from, to, bytes))
		return;
	cidr_address_text(bytes, address);
	snprintf(text, sizeof(text), "with %s", address);
	add_term(f, method, url, "addresses", from, to, "without", text);
}

void diff_terms(struct findings *f, const char *method, const char *url,
		const struct policy_decision *from, const struct policy_decision *to)
{
	char x[AMOUNT_TEXT], y[AMOUNT_TEXT];

	if (to->max_request > from->max_request)
		add_term(f, method, url, "maxRequest", from, to,
			 amount_size_text(from->max_request, x),
			 amount_size_text(to->max_request, y));
	if (to->max_response > from->max_response)
		add_term(f, method, url, "maxResponse", from, to,
			 amount_size_text(from->max_response, x),
			 amount_size_text(to->max_response, y));
	if (to->credential && (!from->credential || strcmp(from->credential, to->credential) != 0))
		add_term(f, method, url, "credential", from, to,
			 from->credential ? from->credential : "none", to->credential);
	compare_addresses(f, method, url, from, to);
}
