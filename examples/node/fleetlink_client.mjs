#!/usr/bin/env node
// A fleetlink device in Node 18 or newer, standard library only. docs/protocol/control.md says what it speaks.
//
// FLEETLINK_PASSWORD=… node fleetlink_client.mjs HOST PORT NAME DATA_FILE PATH PIN KEY_FILE
//
// The first run logs in by password, makes a key and enrols it. Later runs log in by that key alone.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import tls from "node:tls";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A session with a hub. */
class Hub {
  static async connect(host, port, pin) {
    const hub = new Hub();
    // The pin says who the hub is, not a name or a date. TLS still proves that it has the certificate's key.
    const options = { host, port, minVersion: "TLSv1.3", ALPNProtocols: ["fleetlink/1"], rejectUnauthorized: false };
    hub.socket = tls.connect(options).setNoDelay(true);
    hub.received = Buffer.alloc(0);
    hub.waiting = new Map(); // of each call that waits for its reply
    hub.ids = hub.uploads = 0;
    await new Promise((resolve, reject) => hub.socket.once("secureConnect", resolve).once("error", reject));
    const key = hub.socket.getPeerX509Certificate().publicKey.export({ type: "spki", format: "der" });
    hub.pin = sha256(key);
    if (`sha256:${hub.pin}` !== pin.toLowerCase()) {
      hub.socket.destroy(); // nothing was said yet, the password least of all
      throw new Error(`this is not the hub that you know: its pin is sha256:${hub.pin}`);
    }
    hub.socket.on("data", (data) => hub.receive(data));
    hub.socket.on("error", (error) => hub.end(error));
    hub.socket.on("close", () => hub.end(new Error("the hub closed the connection")));
    const hello = await hub.call("hello", { versions: [1], client: "fleetlink_client.mjs", hashes: ["sha256"] });
    hub.hash = hello.hash;
    hub.pings = setInterval(() => hub.call("ping").catch(() => {}), hello.keep_alive_ms / 2);
    return hub;
  }

  send(message, body = Buffer.alloc(0)) {
    this.socket.write(Buffer.concat([Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n"), body]));
  }

  call(method, params = {}) {
    const id = ++this.ids;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.send({ id, method, params });
    });
  }

  receive(data) {
    this.received = Buffer.concat([this.received, data]);
    for (let end; (end = this.received.indexOf("\n")) >= 0; ) {
      const message = JSON.parse(this.received.subarray(0, end).toString());
      this.received = this.received.subarray(end + 1);
      if (message.method === "session.end") this.end(new Error(message.params.message));
      // An upload that fails is over: the reply to its commit says so too, but not why.
      else if (message.method === "upload.failed") this.end(new Error(message.params.error.message));
      else if ("id" in message) {
        const error = message.error && new Error(message.error.message);
        if (message.id === null) return this.end(error); // the hub could not read a call
        const waiting = this.waiting.get(message.id);
        this.waiting.delete(message.id);
        if (waiting) error ? waiting.reject(error) : waiting.resolve(message.result);
      } // All else is passed over: notifications that are not known here.
    }
  }

  end(error) {
    clearInterval(this.pings);
    this.socket.destroy();
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }

  /** Signs a message: each part stands behind its length. */
  signed(key, purpose, name, last) {
    const parts = [Buffer.from(purpose), Buffer.from(this.pin, "hex"), Buffer.from(name), last];
    const message = parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    });
    const point = createPublicKey(key).export({ format: "jwk" }).x;
    return {
      name,
      key: "ed25519:" + Buffer.from(point, "base64url").toString("hex"),
      signature: sign(null, Buffer.concat(message), key).toString("hex"),
    };
  }

  /** Logs in by key. Node has an exporter too; a library without one needs no more than this nonce. */
  async loginByKey(name, key) {
    const { nonce } = await this.call("login.nonce");
    const proof = this.signed(key, "fleetlink-login-nonce-v1", name, Buffer.from(nonce, "hex"));
    await this.call("login", { ...proof, nonce });
  }

  /** Makes a key the device's own: it is bound to this connection by TLS (RFC 9266). */
  async enrol(name, key) {
    const binding = this.socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding");
    await this.call("key.enrol", this.signed(key, "fleetlink-enrol-v1", name, binding));
  }

  /** Open, chunks and commit go in one flight, under a number of this device's choice. */
  async upload(file, bytes) {
    const upload = ++this.uploads;
    // The key is for trying again: what was committed under it is not committed twice.
    const key = randomBytes(16).toString("hex");
    const opened = this.call("upload.open", { upload, file, mode: "replace", key });
    for (let at = 0; at < bytes.length; at += 65536) {
      const chunk = bytes.subarray(at, at + 65536);
      this.send({ method: "upload.chunk", params: { upload, bytes: chunk.length } }, chunk);
    }
    const hash = this.hash === "sha256" ? { hash: sha256(bytes) } : {}; // else the hub checks the number
    const committed = this.call("upload.commit", { upload, bytes: bytes.length, ...hash });
    return (await Promise.all([opened, committed]))[1];
  }

  async *list(method, member, after) {
    const page = await this.call(method, after === undefined ? {} : { after });
    yield* page[member];
    if (page.next !== undefined) yield* this.list(method, member, page.next);
  }
}

async function main([host, port, name, file, path, pin, keyFile]) {
  if (keyFile === undefined) throw new Error("usage: HOST PORT NAME DATA_FILE PATH PIN KEY_FILE");
  const hub = await Hub.connect(host, Number(port), pin);
  if (existsSync(keyFile)) {
    await hub.loginByKey(name, createPrivateKey(readFileSync(keyFile)));
    console.log("logged in by key");
  } else {
    await hub.call("login", { name, password: process.env.FLEETLINK_PASSWORD });
    const { privateKey } = generateKeyPairSync("ed25519");
    // It has its name only once the hub knows it: a key that was refused is not tried again.
    writeFileSync(`${keyFile}.new`, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    await hub.enrol(name, privateKey);
    renameSync(`${keyFile}.new`, keyFile);
    console.log("logged in by password, and enrolled a key");
  }
  await hub.call("join", { udp_port: 0 }); // no port: other devices cannot send to this one
  const receipt = await hub.upload(file, readFileSync(path));
  console.log("uploaded", receipt.samples, "samples");
  for (const operation of ["SUM", "AVERAGE", "MAX", "MIN"]) {
    console.log(operation, (await hub.call("file.compute", { file, operation })).result);
  }
  for await (const entry of hub.list("file.list", "files")) console.log("file", entry.file, "with", entry.samples, "samples");
  for await (const device of hub.list("device.list", "devices")) console.log("device", device.name, "at", device.address);
  await hub.call("leave");
  hub.end(new Error("left"));
}

main(process.argv.slice(2)).catch((problem) => {
  console.error(`fleetlink_client: ${problem.message}`);
  process.exit(1);
});
