// Revenue per country and month from a CSV file that comes along as a module.
//
//   cordon run examples/orders.ts --module orders.csv=examples/orders.csv --input '{"top":3}'
import csv from "./orders.csv";

interface Order {
  id: string;
  month: string;
  customer: string;
  country: string;
  revenue: number; // in cents: sums of fractions would not add up
}

interface Input {
  top?: number;
}

/** RFC 4180: fields may be quoted, and then hold commas, line breaks and doubled quotes. */
function* records(text: string): Generator<string[]> {
  let fields: string[] = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') field += text[++i];
      else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === "," || c === "\n") {
      fields.push(field);
      field = "";
      if (c === "\n") {
        yield fields;
        fields = [];
      }
    } else if (c !== "\r") field += c;
  }
}

function toOrder([id, date, customer, country, , quantity, price]: string[]): Order {
  const revenue = Math.round(Number(price) * 100) * Number(quantity);
  if (!Number.isFinite(revenue)) throw new TypeError(`Order ${id}: '${quantity}' times '${price}' is no amount`);
  return { id, month: date.slice(0, 7), customer: customer.replace(/\s+/g, " "), country, revenue };
}

function sumBy<K extends string>(orders: Order[], key: (order: Order) => K): [K, number][] {
  const sums = new Map<K, number>();
  for (const order of orders) sums.set(key(order), (sums.get(key(order)) ?? 0) + order.revenue);
  return [...sums].sort((a, b) => b[1] - a[1]);
}

const euros = (cents: number): string => (cents / 100).toLocaleString("en-IE", { style: "currency", currency: "EUR" });
const print = (sums: [string, number][]) => Object.fromEntries(sums.map(([key, cents]) => [key, euros(cents)]));

export default function (input: Input | undefined) {
  const [, ...rows] = records(csv);
  const orders = rows.map(toOrder);
  const total = orders.reduce((sum, order) => sum + order.revenue, 0);
  console.log(`${orders.length} orders, ${euros(total)}`);
  const countries = sumBy(orders, (order) => order.country);
  const months = sumBy(orders, (order) => order.month).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    orders: orders.length,
    total: euros(total),
    byCountry: print(countries),
    byMonth: print(months),
    best: print(sumBy(orders, (order) => order.customer).slice(0, input?.top ?? 3)),
  };
}
