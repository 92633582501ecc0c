#!/usr/bin/env python3
"""A fleetlink device in Python 3.11, standard library only. docs/protocol/control.md says what it speaks.

FLEETLINK_PASSWORD=… python3 fleetlink_client.py HOST PORT NAME FILE PATH --pin sha256:…
It logs in by password, as the standard library has no Ed25519; ../node logs in by key.
"""
import argparse, hashlib, itertools, json, os, secrets, socket, ssl, sys


class Hub:
    """A session with a hub: one call at a time, which is all that a simple device needs."""

    def __init__(self, host, port, pin):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["fleetlink/1"])
        context.check_hostname = False       # The pin says who the hub is, not a name or a date.
        context.verify_mode = ssl.CERT_NONE  # TLS still proves that it has the certificate's key.
        plain = socket.create_connection((host, port), timeout=10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket, self.received, self.ids = context.wrap_socket(plain), b"", itertools.count(1)
        found = pin_of(self.socket.getpeercert(binary_form=True))
        if found != pin.lower():  # the end: nothing was said yet, the password least of all
            raise ConnectionError(f"this is not the hub that you know: its pin is {found}")
        hello = self.call("hello", versions=[1], client="fleetlink_client.py", hashes=["sha256"])
        self.socket.settimeout(hello["keep_alive_ms"] / 1000 / 2)  # in seconds; see receive()
        self.hash = hello.get("hash")

    def send(self, method, body=b"", **members):
        line = json.dumps({"jsonrpc": "2.0", "method": method, **members})
        self.socket.sendall(line.encode() + b"\n" + body)

    def receive(self):
        """The hub's next message. While there is none, pings say that this device is alive."""
        silences = 0
        while b"\n" not in self.received:
            try:
                data = self.socket.recv(65536)
                if not data:
                    raise ConnectionError("the hub closed the connection")
                self.received, silences = self.received + data, 0
            except TimeoutError:  # half a keep-alive went by; after four the hub is gone
                silences += 1
                if silences == 4:
                    raise
                self.send("ping", id=next(self.ids), params={})
        line, _, self.received = self.received.partition(b"\n")
        return json.loads(line)

    def call(self, method, **params):
        number = next(self.ids)
        self.send(method, id=number, params=params)
        while True:
            match self.receive():
                case {"id": id, "result": result} if id == number:
                    return result
                case {"id": id, "error": error} if id in (number, None):  # null: not understood
                    raise RuntimeError(error["message"])
                case {"method": "upload.failed", "params": {"error": error}}:
                    raise RuntimeError(error["message"])
                case {"method": "session.end", "params": end}:
                    raise ConnectionError(end["message"])
            # All else is passed over: answers to pings, and notifications that are not known here.

    def upload(self, file, source):
        key, hash = secrets.token_hex(16), hashlib.sha256()  # under one key there is one commit
        upload = self.call("upload.open", file=file, mode="replace", key=key)["upload"]
        while chunk := source.read(65536):
            self.send("upload.chunk", chunk, params={"upload": upload, "bytes": len(chunk)})
            hash.update(chunk)
        agreed = self.hash and hash.hexdigest()
        return self.call("upload.commit", upload=upload, bytes=source.tell(), hash=agreed)

    def list(self, method, member, **after):
        page = self.call(method, **after)
        yield from page[member]
        if "next" in page:
            yield from self.list(method, member, after=page["next"])


def pin_of(certificate):
    """The pin is the hash of the certificate's SubjectPublicKeyInfo, which is found in its DER."""
    def content(at):  # where the content of the element at this place starts and ends
        start, length = at + 2, certificate[at + 1]
        if length >= 0x80:  # the long form: the length itself is in that many further bytes
            start += length - 0x80
            length = int.from_bytes(certificate[at + 2:start], "big")
        return start, start + length
    at = content(content(0)[0])[0]  # into the Certificate, and into the TBSCertificate in it,
    for _ in ("version", "serialNumber", "signature", "issuer", "validity", "subject"):
        _, at = content(at)  # and past these
    return "sha256:" + hashlib.sha256(certificate[at:content(at)[1]]).hexdigest()


def main():
    parser = argparse.ArgumentParser(description="Upload numbers to a hub and compute on them.")
    for name, kind in (("host", str), ("port", int), ("name", str), ("file", str), ("path", str)):
        parser.add_argument(name, type=kind)
    parser.add_argument("--pin", required=True, help="sha256:…, as the hub prints it")
    given = parser.parse_args()
    hub = Hub(given.host, given.port, given.pin)
    hub.call("login", name=given.name, password=os.environ["FLEETLINK_PASSWORD"])
    hub.call("join", udp_port=0)  # no port: other devices cannot send to this one
    with open(given.path, "rb") as source:
        print("uploaded", hub.upload(given.file, source)["samples"], "samples")
    for operation in ("SUM", "AVERAGE", "MAX", "MIN"):
        print(operation, hub.call("file.compute", file=given.file, operation=operation)["result"])
    for file in hub.list("file.list", "files"):
        print("file", file["file"], "with", file["samples"], "samples since", file["changed"])
    for device in hub.list("device.list", "devices"):
        print("device", device["name"], "at", device["address"], "since", device["since"])
    hub.call("leave")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError) as problem:
        sys.exit(f"fleetlink_client: {problem}")
