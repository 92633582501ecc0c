// The hub's live events. Not EventSource: this one sees a 401, notices a silent connection, and
// resumes by Last-Event-ID also after a refusal.

export interface LiveEvent {
  type: string;
  id: string | null;
  data: Record<string, unknown>;
}

/** Takes the text of a stream in any pieces and gives whole events. */
export class EventParser {
  private rest = '';
  private type = '';
  private data: string[] = [];
  /** The id of the event that came last. */
  lastId: string | null = null;

  push(text: string): LiveEvent[] {
    const events: LiveEvent[] = [];
    this.rest += text;
    // A CR at the end may be half of a CRLF: it waits.
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = this.line(line);
      if (event) events.push(event);
    }
    return events;
  }

  private line(line: string): LiveEvent | null {
    if (line === '') return this.end();
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.type = value;
    else if (name === 'data') this.data.push(value);
    else if (name === 'id' && !value.includes('\0')) this.lastId = value;
    return null;
  }

  private end(): LiveEvent | null {
    const { type, data } = this;
    this.type = '';
    this.data = [];
    if (type === '' && data.length === 0) return null;
    return { type: type || 'message', id: this.lastId, data: object(data.join('\n')) };
  }
}

function object(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export type LinkState = 'connecting' | 'live' | 'lost' | 'polling';

export interface Listener {
  event(event: LiveEvent): void;
  state(state: LinkState): void;
  /** Everything may have changed: the first connection, a gap, or the hub has no events. */
  reload(): void;
  loggedOut(): void;
}

/** Without a byte for this long the connection counts as lost. */
export const SILENCE = 45_000;
/** How often a hub without events is asked. */
export const POLL = 5_000;
const FIRST_WAIT = 300;
const LONGEST_WAIT = 5_000;

/** Listens until it is stopped. */
export class EventStream {
  private stopped = false;
  private aborter = new AbortController();
  private wake: () => void = () => {};
  private parser = new EventParser();

  constructor(
    private readonly url: string,
    private readonly listener: Listener,
    private readonly fetcher: typeof fetch = (...a) => fetch(...a),
  ) {}

  async run(): Promise<void> {
    let wait = FIRST_WAIT;
    let first = true;
    this.listener.state('connecting');
    while (!this.stopped) {
      const outcome = await this.once(first);
      if (this.stopped) return;
      if (outcome === 'logged out') return this.listener.loggedOut();
      if (outcome === 'none') {
        this.listener.state('polling');
        this.listener.reload();
        await this.sleep(POLL);
        continue;
      }
      first = false;
      if (outcome === 'was live') wait = FIRST_WAIT;
      this.listener.state('lost');
      await this.sleep(wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  /** Tries at once: the browser says that the network is back, or the page is seen again. */
  hurry(): void {
    this.wake();
  }

  stop(): void {
    this.stopped = true;
    this.aborter.abort();
    this.wake();
  }

  /** One connection, from the request to its end. */
  private async once(first: boolean): Promise<'was live' | 'failed' | 'none' | 'logged out'> {
    this.aborter = new AbortController();
    const resumed = this.parser.lastId;
    const headers: Record<string, string> = { Accept: 'text/event-stream', 'X-Fleetlink': '1' };
    if (resumed !== null) headers['Last-Event-ID'] = resumed;
    let timer = setTimeout(() => this.aborter.abort(), SILENCE);
    let live = false;
    try {
      const init = { headers, signal: this.aborter.signal, credentials: 'same-origin', cache: 'no-store' } as const;
      const response = await this.fetcher(this.url, init);
      if (response.status === 401) return 'logged out';
      if (response.status === 404 || response.status === 501) return 'none';
      if (!response.ok || !response.body) return 'failed';
      live = true;
      this.listener.state('live');
      // The hub replays what came after `resumed`, or says `reset`.
      if (first || resumed === null) this.listener.reload();
      const parser = new EventParser();
      parser.lastId = resumed;
      this.parser = parser;
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        clearTimeout(timer);
        timer = setTimeout(() => this.aborter.abort(), SILENCE);
        for (const event of parser.push(decoder.decode(value, { stream: true }))) this.take(event);
      }
    } catch {
      // Lost: the caller waits and tries again.
    } finally {
      clearTimeout(timer);
      this.aborter.abort();
    }
    return live ? 'was live' : 'failed';
  }

  private take(event: LiveEvent): void {
    if (event.type === 'reset') this.listener.reload();
    else this.listener.event(event);
  }

  private sleep(time: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
