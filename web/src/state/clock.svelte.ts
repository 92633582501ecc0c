// The time as the hub sees it. Relative times of the page follow it, also where this machine's clock
// is wrong.

class Clock {
  /** Milliseconds since 1970, a step a second. */
  now = $state(Date.now());
  private offset = 0;

  /** The hub said that it is this time. */
  set(hubNow: number): void {
    const offset = hubNow - Date.now();
    this.offset = Math.abs(offset) < 1500 ? 0 : offset;
    this.tick();
  }

  tick(): void {
    this.now = Date.now() + this.offset;
  }

  /** The present moment, finer than `now`. */
  exact(): number {
    return Date.now() + this.offset;
  }

  start(): () => void {
    const timer = setInterval(() => this.tick(), 1000);
    return () => clearInterval(timer);
  }
}

export const clock = new Clock();
