import { describe, expect, it } from 'vitest';
import { address } from '../src/api/client';
import { fixed, isLive, resolve } from '../src/lib/range';
import { href, parse, parseSeries, seriesText } from '../src/lib/route';

const NAMES = ['porch-camera', 'a/b', '100%', '..', '<img src=x>', 'x?y#z', 'ünï 温度', 'a&s=b', "o'neil"];

describe('addresses of the page', () => {
  it('come back as they were written, whatever the names', () => {
    for (const name of NAMES) {
      const route = parse(href(['devices', name], { tab: 'key', s: NAMES }));
      expect(route.path).toEqual(['devices', name]);
      expect(route.query.get('tab')).toBe('key');
      expect(route.query.getAll('s')).toEqual(NAMES);
    }
  });
  it('leave out what is empty, and survive nonsense', () => {
    expect(href([], { q: '', sort: null })).toBe('#/');
    expect(parse('').path).toEqual([]);
    expect(parse('#/devices/%E0%A4%A?x').path).toEqual(['devices', '%E0%A4%A']);
  });
  it('keep a data file with its device', () => {
    for (const device of NAMES.filter((name) => name !== '..')) for (const file of ['temperature', 'lab/room-1/co2', '1']) {
      expect(parseSeries(seriesText({ device, file }))).toEqual({ device, file });
    }
    expect([parseSeries(''), parseSeries('/x'), parseSeries('x/'), parseSeries('x')]).toEqual([null, null, null, null]);
    expect([parseSeries('../x'), parseSeries('x/..'), parseSeries('%2E/x'), parseSeries('x/../y')]).toEqual([null, null, null, { device: 'x', file: '../y' }]);
  });
});

describe('addresses of the API', () => {
  it('have one segment for each name', () => {
    expect(address('/api/v1/devices/{device}/data/{file}', { device: 'a/b', file: 'lab/room 1' })).toBe('/api/v1/devices/a%2Fb/data/lab%2Froom%201');
  });
  it('never lead to another folder', () => {
    for (const device of NAMES.filter((name) => name !== '..')) {
      const url = new URL(address('/api/v1/devices/{device}/data', { device }), 'http://hub');
      expect(url.pathname).toBe(`/api/v1/devices/${encodeURIComponent(device)}/data`);
    }
    expect(address('/api/v1/devices/{device}', { device: '../../x' })).toBe('/api/v1/devices/..%2F..%2Fx');
  });
  it('leave out values that are empty', () => {
    expect(address('/api/v1/devices', {}, { limit: 500, after: null, q: '' })).toBe('/api/v1/devices?limit=500');
  });
});

describe('ranges', () => {
  it('move with the clock', () => {
    expect(resolve('now-1h', 7_200_000)).toEqual({ from: 3_600_000, to: 7_200_000 });
    expect(isLive('now-15m')).toBe(true);
    expect(isLive('1..2')).toBe(false);
  });
  it('are what a zoom made, and never lose its ends', () => {
    expect(resolve(fixed(1000.7, 2000.2), 0)).toEqual({ from: 1000, to: 2001 });
    expect(resolve('-5..10', 0)).toEqual({ from: -5, to: 10 });
  });
  it('are open where the text says nothing', () => {
    for (const text of ['all', '', '9..1', 'now-0h', 'now-1y', 'x..y', '1..']) expect(resolve(text, 5)).toEqual({ from: null, to: null });
  });
});
