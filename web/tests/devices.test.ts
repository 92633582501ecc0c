import { describe, expect, it } from 'vitest';
import { lastValue, ofAccount } from '../src/api/devices';

describe('a device of a hub that tells little', () => {
  it('has the last sample of its stored text, with and without a time', () => {
    expect(lastValue('2022-09-30T10:31:13Z,21.5\n2022-09-30T10:31:14Z,-3.25\n')).toBe('-3.25');
    expect(lastValue('5\r\n12345678901234567890.000000001')).toBe('12345678901234567890.000000001');
    expect(lastValue('0:31:13Z,7\n')).toBe('7');
  });
  it('has none where the text is none', () => {
    for (const text of ['', '\n', '<b>', 'a,b']) expect(lastValue(text)).toBeNull();
  });
  it('is what its account says', () => {
    const device = ofAccount({ name: 'a', present: true, added: '2026-01-01T00:00:00Z', locked_out_for_ms: null, key: { fingerprint: 'k', since: 's' } });
    expect(device).toMatchObject({ name: 'a', present: true, key: { fingerprint: 'k', since: 's' }, sessions: 1 });
    expect(device.latest).toBeUndefined();
  });
});
