/** The page. It is compiled by `bun run build` into `public/`. */
import type { Guess } from "../src/app.ts";

const form = document.querySelector("form");
const answer = document.querySelector("#answer");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const number = Number(new FormData(form).get("number"));
  const response = await fetch("/api/guess", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ number }),
  });
  if (answer === null) return;
  if (!response.ok) {
    answer.textContent = "That did not work.";
    return;
  }
  const { verdict, guesses }: Guess = await response.json();
  answer.textContent = `${number} is ${verdict} (guess ${guesses}).`;
  form.reset();
});
