// How often work is done that many events ask for.

/**
 * Runs the work one at a time. A call during a run is answered by one more run after it, however
 * many calls there are.
 */
export function coalesced(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  const begin = (): Promise<void> => {
    next = null;
    const run = work().finally(() => {
      if (running === run) running = null;
    });
    return (running = run);
  };
  return () => {
    if (running === null) return begin();
    return (next ??= running.then(begin, begin));
  };
}

export interface Throttled {
  /** Asks for the work. */
  (): void;
  /** Takes back what was asked for. */
  stop(): void;
}

/** Does the work this many milliseconds after the first call, also while calls keep coming. */
export function throttled(work: () => void, wait: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const ask = () => {
    timer ??= setTimeout(() => {
      timer = null;
      work();
    }, wait);
  };
  const stop = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  return Object.assign(ask, { stop });
}
