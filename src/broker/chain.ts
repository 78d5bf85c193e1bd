/** A list whose items carry its links: adding and removing cost some assignments and no memory. */

/** An item is in one chain at a time; both links are null while it is in none. */
export interface Linked<Item> {
  prev: Item | null;
  next: Item | null;
}

export class Chain<Item extends Linked<Item>> {
  first: Item | null = null;
  last: Item | null = null;
  /** Items in it. */
  count = 0;

  addFirst(item: Item): void {
    item.next = this.first;
    if (this.first === null) this.last = item;
    else this.first.prev = item;
    this.first = item;
    this.count += 1;
  }

  addLast(item: Item): void {
    item.prev = this.last;
    if (this.last === null) this.first = item;
    else this.last.next = item;
    this.last = item;
    this.count += 1;
  }

  /** It is in this chain: the caller knows. */
  remove(item: Item): void {
    if (item.prev === null) this.first = item.next;
    else item.prev.next = item.next;
    if (item.next === null) this.last = item.prev;
    else item.next.prev = item.prev;
    item.prev = null;
    item.next = null;
    this.count -= 1;
  }
}
