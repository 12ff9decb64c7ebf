async ({ input }) => {
  // As an agent writes it: one function, the data comes in as `input`, what it returns is the answer.
  const { tickets } = input;
  const open = tickets.filter((ticket) => ticket.state === "open");
  const perOwner = Object.groupBy(open, (ticket) => ticket.owner ?? "nobody");

  console.log(`${open.length} of ${tickets.length} tickets are open`);
  return Object.entries(perOwner)
    .map(([owner, list]) => ({ owner, open: list.length, oldest: Math.max(...list.map((ticket) => ticket.days)) }))
    .sort((a, b) => b.oldest - a.oldest);
}
