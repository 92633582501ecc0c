// Events that come while a list is read.

/** Remembers what events told of each item while a list is read: a page of the list can be older. */
export class Told<T> {
  private noted: Map<string, T> | null = null;

  /** Begins a reading; what is told from now on is in the map that is returned. */
  begin(): ReadonlyMap<string, T> {
    return (this.noted = new Map());
  }

  /** Notes what was told of this item; unless it is `over` what was told before, that stays. */
  note(id: string, told: T, over = true): void {
    if (this.noted && (over || !this.noted.has(id))) this.noted.set(id, told);
  }

  /** Ends this reading, unless another one has begun. */
  end(reading: ReadonlyMap<string, T>): void {
    if (this.noted === reading) this.noted = null;
  }
}
