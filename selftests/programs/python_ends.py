#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""python_ends.py WHAT WORD...: ends of connections, by Python's own modules.

  echo PORT PORT PORT                       servers: asyncio, socketserver with threads, with processes; what comes goes
                                            back, until the client has sent all
Clients, which say "the same" when each answer is what it should be:
  ask HOST PORT...                          such servers: 12 connections at once by asyncio, 12 by threads
  http HOST PORT FILE                       asks http.server for a file, which is in FILE, too
  pipelined HOST PORT FOLDER                asks nginx for the files of a folder, many requests in one write"""

import asyncio
import concurrent.futures
import hashlib
import http.client
import os
import random
import socket
import socketserver
import sys
import threading
import urllib.request

PIECE = 30000


def sha(data):
    return hashlib.sha256(data).digest()


def contents():
    return [os.urandom(1 + 900 * i * i) for i in range(12)]


def file_of(path):
    with open(path, "rb") as file:
        return file.read()


async def echo(reader, writer):
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def asyncio_server(port):
    async with await asyncio.start_server(echo, None, port) as server:
        await server.serve_forever()


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        while data := self.rfile.read1(PIECE):
            self.wfile.write(data)


class Threading(socketserver.ThreadingTCPServer):
    address_family, allow_reuse_address, request_queue_size = socket.AF_INET6, True, 50


class Forking(socketserver.ForkingTCPServer):
    address_family, allow_reuse_address, request_queue_size = socket.AF_INET6, True, 50


def serve(server, port):
    with server(("::", port), Echo) as made:
        made.serve_forever()


def servers(*ports):
    """A process for each: the one that forks has no threads."""
    for server, port in zip((Threading, Forking), map(int, ports[1:])):
        if not os.fork():
            serve(server, port)
    asyncio.run(asyncio_server(int(ports[0])))


async def by_stream(host, port, data):
    reader, writer = await asyncio.open_connection(host, port)

    async def send():
        for i in range(0, len(data), PIECE):
            writer.write(data[i:i + PIECE])
            await writer.drain()
        writer.write_eof()

    _, back = await asyncio.gather(send(), reader.read())
    assert sha(back) == sha(data), "%d octets of %d" % (len(back), len(data))
    writer.close()
    await writer.wait_closed()


async def streams(host, port):
    await asyncio.gather(*(by_stream(host, port, data) for data in contents()))


def by_socket(host, port, data):
    with socket.create_connection((host, port)) as peer:

        def send():
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        back = b"".join(iter(lambda: peer.recv(PIECE), b""))
        sender.join()
    assert sha(back) == sha(data), "%d octets of %d" % (len(back), len(data))


def sockets(host, port):
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda data: by_socket(host, port, data), contents()))


def ask(host, *ports):
    for port in map(int, ports):
        asyncio.run(streams(host, port))
        sockets(host, port)


def http_client(host, port, path):
    """One connection that stays, then one by urllib."""
    want, name = sha(file_of(path)), "/" + os.path.basename(path)
    peer = http.client.HTTPConnection(host, int(port))
    peer.connect()
    first = peer.sock
    for _ in range(10):
        peer.request("GET", name)
        assert sha(peer.getresponse().read()) == want and peer.sock is first
    peer.close()
    url = "http://%s:%s%s" % ("[%s]" % host if ":" in host else host, port, name)
    with urllib.request.urlopen(url) as answer:
        assert sha(answer.read()) == want


def answer_of(stream):
    status, headers = stream.readline(), {}
    assert status.startswith(b"HTTP/1.1 200"), status
    while line := stream.readline().strip():
        key, value = line.split(b":", 1)
        headers[key.lower()] = value
    return stream.read(int(headers[b"content-length"]))


def pipelined(host, port, folder):
    """150 requests in one write; then in pieces that end anywhere. The answers come in the order of the requests."""
    names = sorted(os.listdir(folder)) * 3
    want = {name: sha(file_of(folder + "/" + name)) for name in names}
    with socket.create_connection((host, int(port))) as peer, peer.makefile("rb") as stream:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for pieces in (False, True):
            random.shuffle(names)
            text = b"".join(b"GET /p/%s HTTP/1.1\r\nHost: server\r\n\r\n" % name.encode() for name in names)
            while text:
                part = text[:random.randrange(1, 300)] if pieces else text
                assert peer.send(part) == len(part)
                text = text[len(part):]
            for name in names:
                assert sha(answer_of(stream)) == want[name], "another file in place of " + name


def main():
    what, words = sys.argv[1], sys.argv[2:]
    {"echo": servers, "ask": ask, "http": http_client, "pipelined": pipelined}[what](*words)
    print("the same")


if __name__ == "__main__":
    main()
