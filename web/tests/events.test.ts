import { describe, expect, it } from 'vitest';
import { EventParser, EventStream, type LinkState, type LiveEvent } from '../src/api/events';

const TEXT = ': hello\n\nevent: joined\nid: 7\ndata: {"device":"a"}\n\r\nid: 8\r\nevent: samples\r\ndata: {"device":"b",\r\ndata: "samples":2}\r\n\r\nevent: odd\ndata: <no json>\n\n';

describe('the text of a stream', () => {
  it('gives the same events wherever it is split', () => {
    const whole = new EventParser().push(TEXT);
    expect(whole.map(({ type, id }) => [type, id])).toEqual([['joined', '7'], ['samples', '8'], ['odd', '8']]);
    expect(whole[1]?.data).toEqual({ device: 'b', samples: 2 });
    expect(whole[2]?.data).toEqual({});
    for (let at = 1; at < TEXT.length; at += 1) {
      const parser = new EventParser();
      expect([...parser.push(TEXT.slice(0, at)), ...parser.push(TEXT.slice(at))]).toEqual(whole);
    }
    const parser = new EventParser();
    expect([...TEXT].flatMap((character) => parser.push(character))).toEqual(whole);
  });
});

/** What a hub does at each connection, in order; the headers that it saw are kept. */
function scripted(answers: (string | number | Error)[]) {
  const seen: (string | undefined)[] = [];
  const told: LiveEvent[] = [];
  const states: LinkState[] = [];
  let reloads = 0;
  let out = false;
  let stream: EventStream;
  const fetcher = (async (_: RequestInfo | URL, init?: RequestInit) => {
    seen.push((init?.headers as Record<string, string>)['Last-Event-ID']);
    const answer = answers.shift();
    if (answer === undefined) {
      stream.stop();
      return new Response(null, { status: 503 });
    }
    if (answer instanceof Error) throw answer;
    if (typeof answer === 'number') return new Response('', { status: answer });
    return new Response(answer, { status: 200 });
  }) as typeof fetch;
  stream = new EventStream('/events', {
    event: (event) => told.push(event),
    state(state) {
      states.push(state);
      // No test waits: a lost connection is tried again at once.
      if (state === 'lost' || state === 'polling') setTimeout(() => stream.hurry());
    },
    reload: () => (reloads += 1),
    loggedOut: () => (out = true),
  }, fetcher);
  return { stream, seen, told, states, reloads: () => reloads, out: () => out };
}

describe('the connection to the hub', () => {
  it('resumes behind the event that came last, without loading all again', async () => {
    const run = scripted(['event: joined\nid: 3\ndata: {}\n\n', 'event: left\nid: 4\ndata: {}\n\n']);
    await run.stream.run();
    expect(run.seen).toEqual([undefined, '3', '4']);
    expect(run.told.map(({ type }) => type)).toEqual(['joined', 'left']);
    expect(run.reloads()).toBe(1);
  });
  it('loads all again where no event came before it was lost', async () => {
    const run = scripted([': ping\n\n', ': ping\n\n']);
    await run.stream.run();
    expect(run.reloads()).toBe(2);
  });
  it('loads all again when the hub says so', async () => {
    const run = scripted(['event: joined\nid: 3\ndata: {}\n\n', 'event: reset\nid: 900\ndata: {}\n\nevent: left\nid: 901\ndata: {}\n\n']);
    await run.stream.run();
    expect(run.reloads()).toBe(2);
    expect(run.seen.at(-1)).toBe('901');
    expect(run.told.map(({ type }) => type)).toEqual(['joined', 'left']);
  });
  it('heals by itself after refusals and broken connections', async () => {
    const run = scripted([new TypeError('failed to fetch'), 503, 'event: joined\nid: 1\ndata: {}\n\n']);
    await run.stream.run();
    expect(run.told).toHaveLength(1);
    expect(run.states.filter((state) => state === 'live')).toHaveLength(1);
  });
  it('polls a hub that has no events', async () => {
    const run = scripted([404, 404]);
    await run.stream.run();
    expect(run.states).toContain('polling');
    expect(run.reloads()).toBe(2);
  });
  it('ends where the login has ended', async () => {
    const run = scripted([401]);
    await run.stream.run();
    expect(run.out()).toBe(true);
    expect(run.seen).toHaveLength(1);
  });
});
