// A list of the API, as a view shows it.
import { all, message, some } from '../api/client';
import type { Parameters, Query } from '../api/client';
import type { Paths } from '../api/schema';
import { coalesced } from '../lib/pace';
import { Told } from '../lib/told';

type Listed = { [P in keyof Paths]: 'get' extends Paths[P] ? P : never }[keyof Paths];

export class List<T> {
  items = $state.raw<T[]>([]);
  loaded = $state(false);
  failure = $state<string | null>(null);
  /** What events tell of the items. */
  readonly told = new Told<T>();
  /** What is asked for now, and how. */
  private question = '';
  private reader: () => Promise<void> = async () => {};

  constructor(
    private readonly path: Listed,
    private readonly ask: () => { parameters?: Parameters; query?: Query } = () => ({}),
    /** Whether the first page is enough. */
    private readonly first = false,
  ) {}

  /** Reads the list. Calls during a reading make it read once more, unless they ask for another list. */
  load(): Promise<void> {
    const { parameters = {}, query = {} } = this.ask();
    const question = JSON.stringify([parameters, query]);
    if (question !== this.question) {
      this.question = question;
      this.reader = coalesced(() => this.read(question, parameters, query));
    }
    return this.reader();
  }

  /** The items as they are after what was told while they were read. */
  protected merged(items: T[], _told: ReadonlyMap<string, T>): T[] {
    return items;
  }

  private async read(question: string, parameters: Parameters, query: Query): Promise<void> {
    const told = this.told.begin();
    try {
      const items = this.first ? (await some<T>(this.path, parameters, query)).items : await all<T>(this.path, parameters, query);
      // An answer that another question has overtaken is dropped.
      if (question !== this.question) return;
      this.items = this.merged(items, told);
      this.failure = null;
    } catch (error) {
      if (question !== this.question) return;
      this.failure = message(error);
    } finally {
      this.told.end(told);
    }
    this.loaded = true;
  }
}
