/**
 * All that the shop knows. It is kept in memory and nowhere else: a process that is frozen and woken still has it, one
 * that is started anew does not.
 */

export interface Product {
  id: string;
  name: string;
  note: string;
  priceCents: number;
}

export interface CartItem extends Product {
  count: number;
}

export interface Cart {
  items: CartItem[];
  /** Pieces of all items. */
  count: number;
  totalCents: number;
}

export const PRODUCTS: readonly Product[] = [
  { id: "country", name: "Country loaf", note: "Wheat, a little rye", priceCents: 640 },
  { id: "baguette", name: "Baguette", note: "Two days cold", priceCents: 290 },
  { id: "brioche", name: "Brioche", note: "Butter, and more butter", priceCents: 580 },
  { id: "seeded", name: "Seeded rye", note: "Sunflower, flax, pumpkin", priceCents: 720 },
  { id: "croissant", name: "Croissant", note: "27 layers", priceCents: 260 },
  { id: "rolls", name: "Morning rolls", note: "Four, still warm", priceCents: 340 },
];

/** What the oven holds: pieces of one product in the cart. */
export const piecesMax = 24;

export class Bakery {
  readonly #pieces = new Map<string, number>();
  /** Times the starter was fed. */
  fed = 0;

  get cart(): Cart {
    const items = PRODUCTS.flatMap((product) => {
      const count = this.#pieces.get(product.id) ?? 0;
      return count === 0 ? [] : [{ ...product, count }];
    });
    return {
      items,
      count: items.reduce((sum, { count }) => sum + count, 0),
      totalCents: items.reduce((sum, { count, priceCents }) => sum + count * priceCents, 0),
    };
  }

  /** Returns false when there is no room for another piece of it. */
  add(product: Product): boolean {
    const count = this.#pieces.get(product.id) ?? 0;
    if (count >= piecesMax) return false;
    this.#pieces.set(product.id, count + 1);
    return true;
  }

  /** Takes one piece out; a product that is not in the cart stays out. */
  remove(product: Product): void {
    const count = this.#pieces.get(product.id) ?? 0;
    if (count > 1) this.#pieces.set(product.id, count - 1);
    else this.#pieces.delete(product.id);
  }

  empty(): void {
    this.#pieces.clear();
  }
}

export function findProduct(id: unknown): Product | undefined {
  return PRODUCTS.find((product) => product.id === id);
}

export function showMoney(cents: number): string {
  return `€${(cents / 100).toFixed(2)}`;
}
