// The devices.
import type { Device } from './schema';
import { all, get } from './client';

/** All devices, page by page. */
export async function listDevices(each: (devices: Device[]) => void): Promise<void> {
  await all<Device>('/api/v1/devices', {}, {}, each);
}

export function readDevice(name: string): Promise<Device> {
  return get<Device>('/api/v1/devices/{device}', { device: name });
}
