// The devices, also of a hub that lists accounts alone, or devices without their latest data.
import type { Account, DataFile, Device, Latest } from './schema';
import { address, all, ApiError, get, send } from './client';

/** All devices, page by page. */
export async function listDevices(each: (devices: Device[]) => void): Promise<void> {
  try {
    await all<Device>('/api/v1/devices', {}, {}, each);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await all<Account>('/api/v1/accounts', {}, {}, (accounts) => each(accounts.map(ofAccount)));
  }
}

export async function readDevice(name: string): Promise<Device> {
  try {
    return await get<Device>('/api/v1/devices/{device}', { device: name });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  let found: Device | undefined;
  await listDevices((devices) => (found ??= devices.find((device) => device.name === name)));
  if (!found) throw new ApiError(404, `There is no device ${name}.`, 'not_found');
  return found;
}

/** The hub has no such resource at all. */
function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && error.code === 'not_offered';
}

/** What an account tells of its device. */
export function ofAccount({ name, present, key, added }: Account): Device {
  return {
    name, present, key,
    address: null, joined: null, first_seen: added, last_seen: null, sessions: present ? 1 : 0, data_files: 0, bytes: 0,
    heartbeat: null, traffic: { received: 0, sent: 0 },
  };
}

/** What the data files tell of a device that came without: their number, bytes, and the last sample. */
export async function readTotals(device: string): Promise<Pick<Device, 'data_files' | 'bytes' | 'latest'>> {
  const files = await all<DataFile>('/api/v1/devices/{device}/data', { device });
  const newest = files.reduce<DataFile | null>((newest, file) => (newest === null || (file.changed ?? '') > (newest.changed ?? '') ? file : newest), null);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { data_files: files.length, bytes, latest: newest ? await lastSample(device, newest) : null };
}

async function lastSample(device: string, file: DataFile): Promise<Latest | null> {
  if (file.samples === 0) return null;
  const url = address('/api/v1/devices/{device}/data/{file}', { device, file: file.name });
  const response = await send('GET', url, undefined, { headers: { Range: `bytes=-${LONGEST_LINE}` } });
  // A proxy may have dropped the range: a large file is not read for its last line.
  if (response.status !== 206 && file.bytes > 1_000_000) {
    await response.body?.cancel();
    return null;
  }
  const value = lastValue(await response.text());
  return value === null ? null : { file: file.name, value, time: file.summary.last };
}

/** A time, a comma, a sample and the line's end are shorter. */
const LONGEST_LINE = 128;

/** The sample of the last line of a stored data file. */
export function lastValue(text: string): string | null {
  const line = text.trimEnd().split(/[\r\n]+/).at(-1) ?? '';
  const value = line.split(',').at(-1)?.trim() ?? '';
  return /^[+-]?[\d.]+$/.test(value) ? value : null;
}
