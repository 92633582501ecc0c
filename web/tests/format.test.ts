import { describe, expect, it } from 'vitest';
import { bytes, exact, percent, plural, short, whole } from '../src/lib/format';
import { fileName, folded, shown } from '../src/lib/text';

describe('numbers', () => {
  it('shows bytes with three digits', () => {
    expect([0, 999, 1000, 1536, 99_949, 999_499_999, 999_500_000].map(bytes)).toEqual(['0 B', '999 B', '1.00 kB', '1.54 kB', '99.9 kB', '999 MB', '1.00 GB']);
    expect(bytes(null)).toBe('–');
  });
  it('loses no digit of an exact decimal', () => {
    expect(exact('123456789012345678901.000000001')).toBe('123\u2009456\u2009789\u2009012\u2009345\u2009678\u2009901.000000001');
    expect(exact('-1000')).toBe('−1\u2009000');
    expect(exact('<b>1</b>')).toBe('<b>1</b>');
    expect(exact(null)).toBe('–');
  });
  it('shows floats short, and none where there is none', () => {
    expect(short(20.123456789)).toBe('20.12346');
    expect(short(1e-9)).toBe('1.000e−9'.replace('e−', 'e−'));
    expect(short(Number.NaN)).toBe('–');
    expect(short(-12345)).toBe('−12\u2009345');
  });
  it('says 100 percent only at the end', () => {
    expect(percent(999, 1000)).toBe(99);
    expect(percent(1000, 1000)).toBe(100);
    expect(percent(0, 0)).toBe(100);
    expect(percent(5, null)).toBeNull();
  });
  it('counts things', () => {
    expect(plural(1, 'device')).toBe('1 device');
    expect(plural(5000, 'device')).toBe('5\u2009000 devices');
    expect(whole(-1234567)).toBe('−1\u2009234\u2009567');
  });
});

describe('text from outside', () => {
  it('has no invisible character and turns no direction', () => {
    expect(shown('abc\u202egpj.exe')).toBe('abc\\u{202e}gpj.exe');
    expect(shown('\u001b[31mred\u0007\u009b')).toBe('\\x1b[31mred\\x07\\x9b');
    expect(shown('a\u0000\r\n\u2028\u200b\u2066\ufeff\u{e0041}')).toBe('a\\x00\\x0d\\x0a\\u{2028}\\u{200b}\\u{2066}\\u{feff}\\u{e0041}');
    expect(shown('<img src=x>')).toBe('<img src=x>');
    expect(shown('温度 🛰️ ünï')).toBe('温度 🛰️ ünï');
    expect(shown(null)).toBe('');
  });
  it('is found whatever its case and accents', () => {
    expect(folded('Ünï-CAM')).toBe('uni-cam');
  });
  it('gives a name that is one file of this folder', () => {
    expect(fileName('../../etc/passwd')).toBe('etc-passwd');
    expect(fileName('lab/room 1')).toBe('lab-room-1');
    expect(fileName('…')).toBe('fleetlink');
  });
});
