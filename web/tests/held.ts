// A hub whose answers are held until the test gives them.
import { vi } from 'vitest';

interface Asked {
  url: string;
  signal: AbortSignal | undefined;
  answer(body: unknown, status?: number): void;
}

/** All requests so far, the oldest first. */
export function held(): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) =>
    new Promise<Response>((resolve, reject) => {
      const signal = init.signal ?? undefined;
      signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
      asked.push({ url, signal, answer: (body, status = 200) => resolve(new Response(JSON.stringify(body), { status })) });
    }));
  return asked;
}
