/** Where notes are kept. In memory here, which lives as long as the process: put a database behind the same interface. */
export interface Note {
  id: number;
  text: string;
}

export interface Notes {
  all(): Promise<Note[]>;
  find(id: number): Promise<Note | null>;
  add(text: string): Promise<Note>;
  /** Whether there was one. */
  remove(id: number): Promise<boolean>;
}

export class MemoryNotes implements Notes {
  readonly #notes = new Map<number, Note>();
  #lastId = 0;

  async all(): Promise<Note[]> {
    return [...this.#notes.values()];
  }

  async find(id: number): Promise<Note | null> {
    return this.#notes.get(id) ?? null;
  }

  async add(text: string): Promise<Note> {
    this.#lastId += 1;
    const note = { id: this.#lastId, text };
    this.#notes.set(note.id, note);
    return note;
  }

  async remove(id: number): Promise<boolean> {
    return this.#notes.delete(id);
  }
}
