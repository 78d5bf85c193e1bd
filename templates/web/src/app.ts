/** The API. The page in `page/` asks it; the two share nothing but this. */
import { Hono } from "hono";

/** Guesses are from 1 to this. */
const highest = 100;

export interface Guess {
  verdict: "too low" | "too high" | "right";
  guesses: number;
}

/** @param secret the number to be guessed; default: another one each time it was found */
export function createApp(secret: () => number = randomNumber): Hono {
  const app = new Hono();
  let wanted = secret();
  let guesses = 0;

  app.get("/api/health", (context) => context.json({ ok: true }));

  app.post("/api/guess", async (context) => {
    const { number } = (await context.req.json().catch(() => ({}))) as { number?: unknown };
    if (typeof number !== "number" || !Number.isInteger(number)) {
      return context.json({ error: 'send { "number": … }' }, 400);
    }
    guesses += 1;
    const verdict = number === wanted ? "right" : number < wanted ? "too low" : "too high";
    const answer: Guess = { verdict, guesses };
    if (verdict === "right") {
      wanted = secret();
      guesses = 0;
    }
    return context.json(answer);
  });

  app.notFound((context) => context.json({ error: "there is nothing here" }, 404));
  return app;
}

function randomNumber(): number {
  return 1 + Math.floor(Math.random() * highest);
}
