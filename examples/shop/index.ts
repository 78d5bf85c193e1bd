/**
 * A bakery with everything an app can ask of a platform: a page, a JSON API, a WebSocket that all visitors share, and a
 * clock as server-sent events. One process, one file of state, no database.
 */
import { type Context, Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { Bakery, type Cart, findProduct, PRODUCTS, showMoney } from "./bakery.ts";
import { NapWatch } from "./nap-watch.ts";
import page from "./page.html" with { type: "text" };

type Server = Bun.Server<undefined>;
type ShopContext = Context<{ Bindings: { server: Server } }>;

/** What everybody who has the page open hears about. */
type News = { type: "cart"; cart: Cart } | { type: "starter"; fed: number; visitors: number };

const NEWS = "news";
const clockIntervalMs = 1000;

const bakery = new Bakery();
const naps = new NapWatch();
const startedAt = new Date();
let requests = 0;

const app = new Hono<{ Bindings: { server: Server } }>();

app.use(async (_context, next) => {
  requests += 1;
  naps.look();
  await next();
});

app.get("/", (context) => context.html(page as unknown as string));

app.get("/api/products", (context) => context.json({ products: PRODUCTS }));

app.get("/api/cart", (context) => context.json(bakery.cart));

app.post("/api/cart", async (context) => {
  const body: unknown = await context.req.json().catch(() => null);
  const product = findProduct((body as { product?: unknown } | null)?.product);
  if (product === undefined) {
    return context.json({ error: "Send { product } with the id of a product" }, 400);
  }
  if (!bakery.add(product)) return context.json({ error: `No more ${product.name} today` }, 409);
  return cartChanged(context, `1 × ${product.name} into the cart`, 201);
});

app.delete("/api/cart/:id", (context) => {
  const product = findProduct(context.req.param("id"));
  if (product === undefined) return context.json({ error: "No such product" }, 404);
  bakery.remove(product);
  return cartChanged(context, `1 × ${product.name} out of the cart`);
});

app.delete("/api/cart", (context) => {
  bakery.empty();
  return cartChanged(context, "everything out of the cart");
});

app.get("/api/state", (context) =>
  context.json({
    app: process.env["LEVAIN_APP"] ?? "shop",
    branch: process.env["LEVAIN_BRANCH"] ?? "main",
    version: process.env["LEVAIN_VERSION"] ?? "here",
    bun: Bun.version,
    pid: process.pid,
    startedAt: startedAt.toISOString(),
    requests,
    naps: naps.naps,
    asleepMs: Math.round(naps.asleepMs),
    fed: bakery.fed,
    visitors: context.env.server.subscriberCount(NEWS),
    cart: bakery.cart,
  }),
);

app.get("/api/clock", (context) =>
  streamSSE(context, async (stream) => {
    while (!stream.aborted) {
      await stream.writeSSE({ event: "tick", data: new Date().toISOString() });
      await stream.sleep(clockIntervalMs);
    }
  }),
);

app.get("/live", (context) => {
  if (context.env.server.upgrade(context.req.raw)) return new Response(null);
  return context.text("This is a WebSocket", 426, { upgrade: "websocket" });
});

app.notFound((context) => context.json({ error: `Nothing at ${context.req.path}` }, 404));

function cartChanged(context: ShopContext, what: string, status: 200 | 201 = 200): Response {
  const { cart } = bakery;
  console.log(`${what}, which now holds ${cart.count} for ${showMoney(cart.totalCents)}`);
  tell(context.env.server, { type: "cart", cart });
  return context.json(cart, status);
}

function starterNews(server: Server): News {
  return { type: "starter", fed: bakery.fed, visitors: server.subscriberCount(NEWS) };
}

function tell(server: Server, news: News): void {
  server.publish(NEWS, JSON.stringify(news));
}

/** The WebSocket handlers get no server; the first request brings it. */
let server: Server;

export default {
  fetch(request: Request, own: Server) {
    server = own;
    return app.fetch(request, { server });
  },
  websocket: {
    maxPayloadLength: 1024,
    open(socket: Bun.ServerWebSocket<undefined>) {
      socket.subscribe(NEWS);
      tell(server, starterNews(server));
    },
    message(_socket: Bun.ServerWebSocket<undefined>, message: string | Buffer) {
      if (message !== "feed") return;
      bakery.fed += 1;
      console.log(`the starter was fed: feeding ${bakery.fed}`);
      tell(server, starterNews(server));
    },
    close(socket: Bun.ServerWebSocket<undefined>) {
      socket.unsubscribe(NEWS);
      tell(server, starterNews(server));
    },
  },
};

console.log(`the bakery opens with ${PRODUCTS.length} products`);
