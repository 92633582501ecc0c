import { describe, expect, it } from 'vitest';
import { outcomeKind, said } from '../src/lib/audit';
import { entries, room } from '../src/lib/hub';

describe('audit events', () => {
  it('are said in words', () => {
    expect(said('ticket.issued')).toBe('Ticket issued');
    expect([outcomeKind('done'), outcomeKind('refused'), outcomeKind('failed'), outcomeKind('')]).toEqual(['good', 'warn', 'bad', '']);
  });
});

describe('the hub', () => {
  it('tells limits as values or with how often they were reached', () => {
    expect(entries({ max_sessions: 65536, uploads: { limit: 8, reached: 2 }, data_age: null })).toEqual([
      { name: 'max sessions', value: '65\u2009536', reached: 0 }, { name: 'uploads', value: '8', reached: 2 }, { name: 'data age', value: 'none', reached: 0 },
    ]);
  });
  it('says when its room gets short', () => {
    expect(room(1e9, 9e9)).toEqual({ used: 0.1, short: false });
    expect(room(1e9, 1e8)?.short).toBe(true);
    expect(room(1, null)).toBeNull();
  });
});
