// A list of the API, as a view shows it.
import { all, message } from '../api/client';
import type { Parameters, Query } from '../api/client';
import type { Paths } from '../api/schema';

type Listed = { [P in keyof Paths]: 'get' extends Paths[P] ? P : never }[keyof Paths];

export class List<T> {
  items = $state.raw<T[]>([]);
  loaded = $state(false);
  failure = $state<string | null>(null);
  private run = 0;

  constructor(
    private readonly path: Listed,
    private readonly ask: () => { parameters?: Parameters; query?: Query } = () => ({}),
  ) {}

  async load(): Promise<void> {
    const run = ++this.run;
    const { parameters, query } = this.ask();
    try {
      const items = await all<T>(this.path, parameters, query);
      // An answer that a later question has overtaken is dropped.
      if (run !== this.run) return;
      this.items = items;
      this.failure = null;
    } catch (error) {
      if (run !== this.run) return;
      this.failure = message(error);
    }
    this.loaded = true;
  }
}
