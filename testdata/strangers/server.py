"""A server of the number exchange: server.py FORM NAME NUMBER

Takes what one recv brings for the request, answers, and closes. Prints its port, and each client's
name and number.
"""

import json
import socket
import struct
import sys

SEPARATORS = {"colon": ":", "comma": ",", "semicolon": ";", "pipe": "|", "blank": " "}


def answer(form, data, own_name, own):
    """Returns the client's name and number, and the reply."""
    if form == "text":
        head, number = data.decode().rsplit(": ", 1)
        name = head.removeprefix("Client of ")
        return name, int(number), f"Server of {own_name}: {own}".encode()
    if form == "json":
        request = json.loads(data)
        name, number = request["client_name"], request["client_number"]
        reply = {"server_name": own_name, "server_number": own, "sum": own + number}
        return name, number, json.dumps(reply).encode()
    if form == "json-name":
        request = json.loads(data)
        reply = json.dumps({"name": own_name, "number": own})
        return request["name"], request["number"], reply.encode()
    if form in SEPARATORS:
        separator = SEPARATORS[form]
        name, number = data.decode().rsplit(separator, 1)
        # This one also states the sum.
        reply = separator.join([own_name, str(own), str(own + int(number))])
        return name, int(number), reply.encode()
    if form == "utf-int":
        (length,) = struct.unpack_from("!H", data)
        name, number = struct.unpack(f"!{length}si", data[2:])
        reply = own_name.encode()
        return name.decode(), number, struct.pack(f"!H{len(reply)}si", len(reply), reply, own)
    if form == "utf-text":
        name, number = data[2:].decode().rsplit(";", 1)
        reply = f"{own_name};{own}".encode()
        return name, int(number), struct.pack("!H", len(reply)) + reply
    if form == "struct256":
        name, number = struct.unpack("!256si", data)
        reply = struct.pack("!256si", own_name.encode(), own)
        return name.rstrip(b"\0").decode(), number, reply
    sys.exit(f"no such form: {form}")


def main():
    form, own_name, own = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"port={listener.getsockname()[1]}")
        while True:
            connection, _ = listener.accept()
            with connection:
                name, number, reply = answer(form, connection.recv(4096), own_name, own)
                print(f"client={name} number={number}")
                connection.sendall(reply)


main()
