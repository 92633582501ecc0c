import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { coalesced, throttled } from '../src/lib/pace';

describe('work that many ask for', () => {
  it('runs one at a time, and once more for all calls that came meanwhile', async () => {
    const ends: (() => void)[] = [];
    const ask = coalesced(() => new Promise((end) => ends.push(end)));
    const first = ask();
    const others = [ask(), ask(), ask()];
    expect(ends).toHaveLength(1);
    ends[0]?.();
    await first;
    await vi.waitFor(() => expect(ends).toHaveLength(2));
    const last = ask();
    ends[1]?.();
    await Promise.all(others);
    await vi.waitFor(() => expect(ends).toHaveLength(3));
    ends[2]?.();
    await last;
    expect(ends).toHaveLength(3);
  });
  it('goes on after a failure', async () => {
    let runs = 0;
    const ask = coalesced(async () => {
      runs += 1;
      if (runs === 1) throw new Error('no');
    });
    const [first, second] = [ask(), ask()];
    await expect(first).rejects.toThrow('no');
    await second;
    await ask();
    expect(runs).toBe(3);
  });
});

describe('throttled work', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is done while calls keep coming', () => {
    const work = vi.fn();
    const ask = throttled(work, 300);
    for (let at = 0; at < 3000; at += 100) {
      ask();
      vi.advanceTimersByTime(100);
    }
    expect(work.mock.calls.length).toBeGreaterThan(5);
  });
  it('can be taken back', () => {
    const work = vi.fn();
    const ask = throttled(work, 300);
    ask();
    ask.stop();
    vi.advanceTimersByTime(1000);
    expect(work).not.toHaveBeenCalled();
    ask();
    vi.advanceTimersByTime(300);
    expect(work).toHaveBeenCalledOnce();
  });
});
