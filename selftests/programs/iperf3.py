# SPDX-License-Identifier: GPL-2.0
"""iperf3: four streams, then the other way round. Octets are counted and not compared: with -F, which takes them from a
file, it sends others as soon as a write takes but a part of them, on kernel TCP as well."""

import json

from stage import Running, must, run

PORT = 5201


def serve(stack):
    return Running("server", stack, "iperf3", "-s")


def use(stack, host):
    for more in ([], ["-R"]):
        out = json.loads(run("client", stack, "iperf3", "-c", host, "-n", "4M", "-P", "4", "-J", *more))
        # what is under way when the sender has done its part does not count as received
        must("error" not in out and out["end"]["sum_sent"]["bytes"] >= 4000000 and
             out["end"]["sum_received"]["bytes"] >= 1000000, json.dumps(out.get("end"))[:500])
