/** Runs in the browser. */
const element = (id: string) => document.getElementById(id)!;

async function show(method: "GET" | "POST"): Promise<void> {
  const response = await fetch("/api/loaves", { method });
  const { baked } = (await response.json()) as { baked: number };
  element("baked").textContent = String(baked);
}

element("bake").addEventListener("click", () => void show("POST"));
void show("GET");
