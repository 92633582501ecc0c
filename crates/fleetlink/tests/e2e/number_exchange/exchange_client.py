"""A client of the number exchange as a student might write it, with one fault.

usage: exchange_client.py FAULT json|text|comma HOST PORT [NUMBER]
"""

import json
import os
import socket
import sys
import time

fault, form, host, port = sys.argv[1:5]
number = int(sys.argv[5]) if len(sys.argv) > 5 else int(input("Enter an integer: "))
if fault == "refuses-zero" and not 1 <= number <= 100:
    sys.exit("between 1 and 100, please")


def request():
    sent = number + 1 if fault == "other-number" else number
    if fault == "no-form":
        return f"hello from me {sent}!"
    if form == "json":
        return json.dumps({"client_name": "A Client", "client_number": sent})
    return f"A Client,{sent}" if form == "comma" else f"Client of A Client: {sent}"


def parse(text):
    if fault == "no-line-end" and text.endswith("\n"):
        raise ValueError("a line end")
    if form == "json":
        reply = json.loads(text)
        return reply["server_name"], reply["server_number"], reply.get("sum")
    separator = "," if form == "comma" else ": "
    name, value = text.removeprefix("Server of ").rsplit(separator, 1)
    return name, int(value), None


server = socket.create_connection((host, int(port)))
server.settimeout(None if fault == "no-time-out" else 2)
server.sendall(request().encode())
if fault != "no-half-close":
    server.shutdown(socket.SHUT_WR)
if not 1 <= number <= 100:
    print("out of range")
    if fault == "hangs-at-zero":
        time.sleep(600)
    sys.exit(0)
try:
    reply = b""
    while True:
        piece = server.recv(1024)
        reply += piece
        if not piece or fault == "one-read":
            break
except OSError as problem:
    if fault == "crashes-at-reset" and isinstance(problem, ConnectionResetError):
        os.abort()
    sys.exit(f"error: {problem}")
if not reply and fault == "crashes-at-close":
    os.abort()
if fault == "takes-nothing" and not reply:
    sys.exit(0)
try:
    name, value, stated = parse(reply.decode())
except (ValueError, KeyError) as problem:
    if fault == "swallows-garbage" and reply:
        sys.exit(0)
    sys.exit(f"error: {problem}")
if fault != "shows-nothing":
    print("the server is", name, "with", value)
if fault != "no-sum":
    print("together:", number + value + (fault == "adds-wrong"))
if stated is not None and stated != number + value and fault != "believes-the-sum":
    sys.exit("error: a wrong sum")
if fault == "hangs":
    time.sleep(600)
sys.exit(3 if fault == "wrong-status" else 0)
