"""A client of the number exchange: client.py HOST PORT FORM NAME NUMBER...

Sends one request for each number over one connection, does not end its side, and takes what one
recv brings for the reply. Prints the server's name and number, and the sum where one is stated.
"""

import json
import socket
import struct
import sys

SEPARATORS = {"colon": ":", "comma": ",", "semicolon": ";", "pipe": "|", "blank": " "}


def encode(form, name, number):
    if form == "text":
        return f"Client of {name}: {number}".encode()
    if form == "json":
        return json.dumps({"client_name": name, "client_number": number}).encode()
    if form == "json-name":
        return json.dumps({"name": name, "number": number}, ensure_ascii=False).encode()
    if form in SEPARATORS:
        return f"{name}{SEPARATORS[form]}{number}".encode()
    if form == "utf-int":
        data = name.encode()
        return struct.pack(f"!H{len(data)}si", len(data), data, number)
    if form == "utf-text":
        data = f"{name};{number}".encode()
        return struct.pack("!H", len(data)) + data
    if form == "struct256":
        return struct.pack("!256si", name.encode(), number)
    sys.exit(f"no such form: {form}")


def decode(form, data):
    if form == "text":
        head, number = data.decode().rsplit(": ", 1)
        assert head.startswith("Server of "), head
        return head[len("Server of "):], int(number), None
    if form == "json":
        reply = json.loads(data)
        return reply["server_name"], reply["server_number"], reply["sum"]
    if form == "json-name":
        reply = json.loads(data)
        return reply["name"], reply["number"], reply["sum"]
    if form in SEPARATORS:
        name, number = data.decode().rsplit(SEPARATORS[form], 1)
        return name, int(number), None
    if form == "utf-int":
        (length,) = struct.unpack_from("!H", data)
        name, number = struct.unpack(f"!{length}si", data[2:])
        return name.decode(), number, None
    if form == "utf-text":
        (length,) = struct.unpack_from("!H", data)
        assert length == len(data) - 2
        name, number = data[2:].decode().rsplit(";", 1)
        return name, int(number), None
    if form == "struct256":
        name, number = struct.unpack("!256si", data)
        return name.rstrip(b"\0").decode(), number, None


def main():
    host, port, form, name, *numbers = sys.argv[1:]
    sys.stdout.reconfigure(encoding="utf-8")
    with socket.create_connection((host, int(port))) as connection:
        for number in numbers:
            connection.sendall(encode(form, name, int(number)))
            server, own, total = decode(form, connection.recv(4096))
            if total is not None:
                assert total == own + int(number), total
            print(f"server={server} number={own}")


main()
