// A module in the style of Workers: a Request in, a Response out. Input of the run describes the request.
const routes = {
  "/hello": (url) => ({ hello: url.searchParams.get("name") ?? "world" }),
  "/time": () => ({ now: new Date().toISOString() }),
};

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    const route = routes[url.pathname];
    ctx.waitUntil(Promise.resolve().then(() => console.log(`${request.method} ${url.pathname}`)));
    if (!route) return Response.json({ error: `no route ${url.pathname}` }, { status: 404 });
    return Response.json(route(url), { headers: { "cache-control": "no-store" } });
  },
};
