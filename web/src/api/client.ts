// The typed client of the hub's API. Every request goes to this origin and carries the CSRF header.
import { isDots } from '../lib/route';
import type { Paths, Problem } from './schema';

/** The hub refused a request, or could not be reached (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
  ) {
    super(message);
  }
}

type Method = 'get' | 'post' | 'put' | 'delete' | 'head';
type With<M extends Method> = { [P in keyof Paths]: M extends Paths[P] ? P : never }[keyof Paths];
export type Parameters = Record<string, string | number>;
export type Query = Record<string, string | number | boolean | null | undefined>;

/** The address of a resource; each parameter is one path segment. */
export function address(path: keyof Paths, parameters: Parameters = {}, query: Query = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    segment(String(parameters[name] ?? '')),
  );
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  if (pairs.length === 0) return filled;
  return `${filled}?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}

/** One segment. Browsers take `.` and `..`, also as `%2E`, for a step in the path: it would lead elsewhere. */
function segment(text: string): string {
  if (isDots(text)) throw new ApiError(0, `${text} is no name.`, 'invalid_params');
  return encodeURIComponent(text);
}

/** What to do when the hub says that nobody is logged in. */
let loggedOut: () => void = () => {};
export function whenLoggedOut(action: () => void): void {
  loggedOut = action;
}

export async function send(method: string, url: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('X-Fleetlink', '1');
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  let response: Response;
  try {
    response = await fetch(url, {
      ...init,
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'The hub did not answer. Is it running?', 'unreachable');
  }
  if (response.ok) return response;
  const error = await problem(response);
  if (error.status === 401 && !url.endsWith('/login')) loggedOut();
  throw error;
}

async function problem(response: Response): Promise<ApiError> {
  let text = `The hub answered ${response.status}.`;
  let code: string | null = null;
  try {
    const told = (await response.json()) as Partial<Problem>;
    text = told.detail ?? told.title ?? text;
    code = told.code ?? null;
  } catch {
    // A proxy's own page, or nothing: the status has to do.
  }
  if (response.status === 404 && text.startsWith('there is nothing at this path')) {
    text = 'This version of the hub does not offer this.';
    code = 'not_offered';
  }
  return new ApiError(response.status, text, code);
}

export async function get<T>(path: With<'get'>, parameters?: Parameters, query?: Query, signal?: AbortSignal): Promise<T> {
  const response = await send('GET', address(path, parameters, query), undefined, signal ? { signal } : {});
  return (await response.json()) as T;
}

export async function post<T>(path: With<'post'>, body: unknown, parameters?: Parameters): Promise<T> {
  const response = await send('POST', address(path, parameters), body);
  // A change without a result has no body.
  return (response.status === 204 ? null : await response.json()) as T;
}

export async function put(path: With<'put'>, body: unknown, parameters?: Parameters): Promise<void> {
  await send('PUT', address(path, parameters), body);
}

export async function remove(path: With<'delete'>, parameters?: Parameters, query?: Query): Promise<void> {
  await send('DELETE', address(path, parameters, query));
}

interface Page<T> {
  items: T[];
  next: string | null;
}

/** All items of a list, page by page; `each` sees them as they come. */
export async function all<T>(
  path: With<'get'>,
  parameters: Parameters = {},
  query: Query = {},
  each: (items: T[]) => void = () => {},
): Promise<T[]> {
  const items: T[] = [];
  let after: string | null = null;
  do {
    const page: Page<T> = await get<Page<T>>(path, parameters, { ...query, after });
    items.push(...page.items);
    each(page.items);
    after = page.next;
  } while (after !== null && items.length < MOST_ITEMS);
  return items;
}

/** More items than this are not held by a page. */
const MOST_ITEMS = 100_000;

/** One page of a list. */
export async function some<T>(path: With<'get'>, parameters: Parameters, query: Query): Promise<Page<T>> {
  return get<Page<T>>(path, parameters, query);
}

/** The sentence to show for a failure. */
export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
