// A real hub for the tests: the program itself, with a folder of its own, on ports of its own.
import { spawn, execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const TARGET = fileURLToPath(new URL('../../target/', import.meta.url));
// A program that is named is the one that is tested, or none.
const PROGRAMS = process.env.FLEETLINK ? [process.env.FLEETLINK] : [`${TARGET}release/fleetlink`, `${TARGET}debug/fleetlink`];
const PROGRAM = PROGRAMS.find((path) => existsSync(path));

/** The password of every account. */
const PASSWORD = 'a-password-for-devices';

export class RealHub {
  /** Starts a hub in a new folder. */
  static async start() {
    if (!PROGRAM) throw new Error(`no program at ${PROGRAMS.join(' or ')}: cargo build --release, or set FLEETLINK`);
    const hub = new RealHub();
    hub.folder = mkdtempSync(join(tmpdir(), 'fleetlink-page-'));
    hub.devices = [];
    await hub.run('127.0.0.1:0', '127.0.0.1:0');
    return hub;
  }

  environment() {
    const { PATH } = process.env;
    return { PATH, HOME: this.folder, XDG_CONFIG_HOME: this.folder, XDG_STATE_HOME: this.folder, XDG_DATA_HOME: this.folder };
  }

  async run(listen, http) {
    const options = ['hub', '--data', join(this.folder, 'hub'), '--listen', listen, '--http', http, '--print-login'];
    this.process = spawn(PROGRAM, options, { env: this.environment(), stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: this.process.stdout });
    let url = null;
    for await (const line of lines) {
      this.control = /listening on (\S+)/.exec(line)?.[1] ?? this.control;
      this.pin = /pin (sha256:\S+)/.exec(line)?.[1] ?? this.pin;
      url = /page at (http\S+)/.exec(line)?.[1] ?? url;
      const link = /(http\S+#\/login\?token=\S+)/.exec(line)?.[1];
      if (link) {
        this.link = link;
        break;
      }
      // A hub that has logins already prints no link.
      if (this.url && url) break;
    }
    this.process.stdout.resume();
    this.url = url;
  }

  /** Ends the hub and starts it again at the same addresses. */
  async restart() {
    await this.endProcess();
    await this.run(this.control, this.url.replace('http://', ''));
  }

  async endProcess() {
    if (this.process.exitCode !== null) return;
    const exit = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await exit;
  }

  /** Runs a command of the program to its end. */
  async command(...options) {
    const { stdout } = await promisify(execFile)(PROGRAM, options, { env: this.environment(), cwd: this.folder });
    return stdout;
  }

  /** Adds accounts with a password. */
  async account(...names) {
    writeFileSync(join(this.folder, 'password'), `${PASSWORD}\n`);
    const options = ['--data', join(this.folder, 'hub'), '--password-file', join(this.folder, 'password')];
    for (const name of names) await this.command('account', 'add', name, ...options);
  }

  /** A command of a device, which runs until it ends; its process. */
  device(name, command, ...options) {
    const own = mkdtempSync(join(this.folder, 'device-'));
    const env = { ...this.environment(), HOME: own, XDG_CONFIG_HOME: own, XDG_STATE_HOME: own, XDG_DATA_HOME: own, FLEETLINK_PASSWORD: PASSWORD };
    const given = [command, '--hub', this.control, '--pin', this.pin, '--device', name, ...options];
    const process = spawn(PROGRAM, given, { env, cwd: this.folder, stdio: ['ignore', 'ignore', 'inherit'] });
    this.devices.push(process);
    return process;
  }

  /** A token of an administrator. */
  async token() {
    const text = await this.command('token', 'add', 'test', '--role', 'administrator', '--data', join(this.folder, 'hub'), '--json');
    return JSON.parse(text).token;
  }

  /** A request of a device with its password. */
  async as(device, method, path, body) {
    const authorization = `Basic ${Buffer.from(`${device}:${PASSWORD}`).toString('base64')}`;
    const response = await fetch(`${this.url}/api/v1/${path}`, { method, body, headers: { Authorization: authorization } });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  /** A device that joins by this ticket, and stays until it is told to leave. */
  join(ticket) {
    const device = spawn(PROGRAM, ['join', ticket], { env: this.environment(), cwd: this.folder, stdio: ['pipe', 'ignore', 'inherit'] });
    this.devices.push(device);
    return {
      async leave() {
        const exit = once(device, 'exit');
        device.stdin.end('OUT\n');
        await exit;
      },
    };
  }

  async stop() {
    for (const device of this.devices) if (device.exitCode === null) device.kill();
    await this.endProcess();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
