// The same job as worker.js, as code mode has it.
async ({ input }) => {
	const regions = new Map();
	for (const order of input.orders) {
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
