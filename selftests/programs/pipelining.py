# SPDX-License-Identifier: GPL-2.0
"""nginx, and a client that writes 150 requests at once, by HTTP/1.1, before it reads an answer."""

import os

import nginx
import servers
from stage import work

PORT, SOCKETS = 8080, 2
FILES = work + "/www/p"


def serve(stack):
    os.makedirs(FILES, exist_ok=True)
    for i in range(50):
        with open("%s/%d" % (FILES, i), "wb") as file:
            file.write(os.urandom(24 * i * i))
    return nginx.serve(stack)


def use(stack, host):
    servers.same(stack, "pipelined", host, str(PORT), FILES)
