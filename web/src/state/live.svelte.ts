// The live connection to the hub, and who is told of its events.
import { get, message } from '../api/client';
import { EventStream, type LinkState, type LiveEvent } from '../api/events';
import type { Hub } from '../api/schema';
import { parse } from '../lib/time';
import { clock } from './clock.svelte';
import { login } from './session.svelte';

export interface Subscriber {
  event?(event: LiveEvent): void;
  reload?(): void;
}

class Live {
  state = $state<LinkState>('connecting');
  /** The hub as it was told last. */
  hub = $state.raw<Hub | null>(null);
  /** Why the hub told nothing of itself. */
  failure = $state<string | null>(null);
  private subscribers = new Set<Subscriber>();
  private stream: EventStream | null = null;

  /** Listens until the returned function is called. */
  start(): () => void {
    const stream = new EventStream('/api/v1/events', {
      event: (event) => this.tell(event),
      state: (state) => this.changed(state),
      reload: () => this.reload(),
      loggedOut: () => login.ended(),
    });
    this.stream = stream;
    void stream.run();
    const hurry = () => {
      if (document.visibilityState === 'visible') stream.hurry();
    };
    addEventListener('online', hurry);
    document.addEventListener('visibilitychange', hurry);
    const health = setInterval(() => void this.askHub(), 30_000);
    return () => {
      clearInterval(health);
      removeEventListener('online', hurry);
      document.removeEventListener('visibilitychange', hurry);
      stream.stop();
    };
  }

  hurry(): void {
    this.stream?.hurry();
  }

  /** Tells this subscriber of events until the returned function is called. */
  subscribe(subscriber: Subscriber): () => void {
    this.subscribers.add(subscriber);
    return () => void this.subscribers.delete(subscriber);
  }

  async askHub(): Promise<void> {
    const before = this.hub?.started;
    try {
      const hub = await get<Hub>('/api/v1/hub');
      this.hub = hub;
      this.failure = null;
      const now = parse(hub.now);
      if (now !== null) clock.set(now);
      // A hub that started again may count its events anew.
      if (before !== undefined && before !== hub.started) this.reload();
    } catch (error) {
      this.failure = message(error);
    }
  }

  private changed(state: LinkState): void {
    this.state = state;
    if (state === 'live') void this.askHub();
  }

  private tell(event: LiveEvent): void {
    for (const subscriber of this.subscribers) subscriber.event?.(event);
  }

  private reload(): void {
    if (this.hub === null) void this.askHub();
    for (const subscriber of this.subscribers) subscriber.reload?.();
  }
}

export const live = new Live();
