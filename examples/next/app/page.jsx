import { Counter } from "./counter";

export default function Page() {
  return (
    <main>
      <h1>Fresh bread from Next.js</h1>
      <Counter />
    </main>
  );
}
