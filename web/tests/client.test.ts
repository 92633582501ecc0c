import { afterEach, describe, expect, it, vi } from 'vitest';
import { address, all, ApiError, get, post, whenLoggedOut } from '../src/api/client';

function answers(...responses: Response[]) {
  const fetcher = vi.fn(async (_url: string, _init: RequestInit) => responses.shift() ?? Response.error());
  vi.stubGlobal('fetch', fetcher);
  return fetcher;
}
afterEach(() => vi.unstubAllGlobals());
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const refusal = async (promise: Promise<unknown>) => (await promise.catch((error: unknown) => error)) as ApiError;

describe('a request to the hub', () => {
  it('carries the header that other sites cannot send, and the cookie of this one alone', async () => {
    const fetcher = answers(json({}));
    await get('/api/v1/hub');
    const init = fetcher.mock.calls[0]?.[1];
    expect(new Headers(init?.headers).get('X-Fleetlink')).toBe('1');
    expect(init?.credentials).toBe('same-origin');
  });
  it('may have no result', async () => {
    answers(new Response(null, { status: 204 }));
    expect(await post('/api/v1/accounts', {})).toBeNull();
  });
  it('fails with the sentence of the hub', async () => {
    answers(json({ title: 'Conflict', detail: 'the account exists already', code: 'account_exists' }, 409));
    expect(await refusal(get('/api/v1/hub'))).toMatchObject({ status: 409, message: 'the account exists already', code: 'account_exists' });
  });
  it('fails with a sentence where a proxy answers, or nobody', async () => {
    answers(new Response('<html>Bad gateway</html>', { status: 502 }));
    expect((await refusal(get('/api/v1/hub'))).message).toBe('The hub answered 502.');
    vi.stubGlobal('fetch', async () => { throw new TypeError('failed to fetch'); });
    expect(await refusal(get('/api/v1/hub'))).toMatchObject({ status: 0, code: 'unreachable' });
  });
  it('ends the login where the hub knows nobody, but not at a wrong password', async () => {
    let ended = 0;
    whenLoggedOut(() => (ended += 1));
    answers(json({}, 401), json({}, 401));
    await refusal(get('/api/v1/hub'));
    await refusal(post('/api/v1/login', {}));
    expect(ended).toBe(1);
  });
  it('stays in its path: what a browser takes for a step is no name', () => {
    for (const device of ['.', '..']) expect(() => address('/api/v1/devices/{device}', { device })).toThrow('is no name');
    expect(address('/api/v1/devices/{device}/data/{file}', { device: '.a', file: '../b' })).toBe('/api/v1/devices/.a/data/..%2Fb');
  });
  it('follows a list to its end', async () => {
    const fetcher = answers(json({ items: [1, 2], next: 'b/c' }), json({ items: [3], next: null }));
    const seen: number[][] = [];
    expect(await all<number>('/api/v1/devices', {}, {}, (items) => seen.push(items))).toEqual([1, 2, 3]);
    expect(seen).toEqual([[1, 2], [3]]);
    expect(fetcher.mock.calls.map(([url]) => url)).toEqual(['/api/v1/devices', '/api/v1/devices?after=b%2Fc']);
  });
});
