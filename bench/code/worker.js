/*
 * The guest of every benchmark: one file, run unchanged by Cordon and by its peers. It reads about
 * twenty orders, keeps those that were paid, and sums them up by region.
 *
 * `fresh` is part of the answer, so an answer from a sandbox that somebody used before is a wrong
 * answer where a cold run was asked for.
 */
let runs = 0;

function summarize(orders) {
	const regions = new Map();
	for (const order of orders) {
		if (order.status !== "paid") {
			continue;
		}
		const region = regions.get(order.region) ?? { orders: 0, cents: 0, skus: new Set() };
		region.orders += 1;
		for (const line of order.lines) {
			region.cents += line.quantity * line.cents;
			region.skus.add(line.sku);
		}
		regions.set(order.region, region);
	}
	return [...regions]
		.map(([region, sum]) => ({
			region,
			orders: sum.orders,
			cents: sum.cents,
			average: Math.round(sum.cents / sum.orders),
			skus: [...sum.skus].sort(),
		}))
		.sort((a, b) => b.cents - a.cents);
}

export default {
	async fetch(request, env, ctx) {
		const { orders } = await request.json();
		runs += 1;
		return Response.json({ fresh: runs === 1, regions: summarize(orders) });
	},
};
