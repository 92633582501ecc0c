"""A lease client as a student might write it, with one fault.

usage: lease_client.py FAULT udp|tcp HOST PORT ID [TIMEOUT]
"""

import os
import socket
import sys
import time

fault, transport, host, port, first = sys.argv[1:6]
timeout = float(sys.argv[6]) if len(sys.argv) > 6 else 15.0
server = (host, int(port))
tries = {"two-tries": 2, "endless-tries": 50, "no-retry": 1}.get(fault, 3)
kept = None


def new_socket():
    global kept
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    if fault == "same-socket" and kept:
        return kept
    kept = socket.socket(socket.AF_INET, kind)
    if fault != "no-time-out":
        kept.settimeout(timeout / 4 if fault == "short-time-out" else timeout)
    return kept


def exchange(id):
    client = new_socket()
    client.connect(server)
    request = f"hello {id}" if fault == "lower-case" else f"HELLO {id}"
    if fault == "other-id-first":
        request = f"HELLO {(int(id) + 1) % 10000:04}"
    client.send(request.encode())
    if transport == "udp":
        return client.recv(1024)
    reply = client.recv(1024)
    if reply.startswith(b"RESET") or fault == "one-read":
        return reply
    if not reply and fault == "crashes-at-close":
        os.abort()
    while True:
        more = client.recv(1024)
        if not more:
            return reply
        reply += more


def parse(reply, id):
    """Returns the words of a grant of this id, or None."""
    if fault == "takes-anything":
        words = reply.decode(errors="replace").split() + ["?", "?", "?", "?"]
        return words[:4] if not reply.startswith(b"RESET") else None
    if fault == "crashes-at-garbage" and reply.startswith(b"\xff"):
        os.abort()
    text = reply.decode(errors="replace")
    if fault == "no-line-end" and text.endswith("\n"):
        return None
    words = text.split()
    if len(words) == 4 and words[0] == "OK":
        if words[1] == id or fault == "takes-any-id":
            return words
    return None


id = first
for attempt in range(tries):
    try:
        words = parse(exchange(id), id)
    except OSError:
        words = None
    if words:
        name = "Connected" if fault == "wrong-line" else "Connection established"
        shown = first if fault == "first-id-again" else words[1]
        print(name, shown, words[2], words[3], flush=True)
        if fault == "hangs":
            time.sleep(600)
        sys.exit(3 if fault == "wrong-status" else 0)
    if fault != "no-error-line":
        print("Connection Error", id)
    if attempt + 1 < tries and fault != "same-id":
        id = input("Another connection ID: ").strip()
if fault != "no-failure-line":
    print("Connection Failure")
sys.exit(0 if fault == "success-at-failure" else 1)
