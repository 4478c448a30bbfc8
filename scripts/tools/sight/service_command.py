# SPDX-License-Identifier: GPL-2.0
"""What xtcp-service does."""

import glob
import os
import re
import subprocess
import time

import program
from listing import Listing, Unreadable
from owners import descriptors
from program import Wrong

PLACE = "/etc/systemd/system/%s.d/xtcp.conf"
FALLBACK = "XTCP_RUN_FALLBACK=1"
MODULE = "/sys/module/" + program.module_of("xtcp")
FAMILIES = {25: "AF_WANPIPE", 27: "AF_IB"}      # how a unit names them
PATIENCE = 30       # seconds in which a service listens again
PAST = "its sockets are on kernel TCP"
ASKED = ("Id", "LoadState", "ActiveState", "SubState", "ControlGroup", "Environment", "RestrictAddressFamilies",
         "RootDirectory", "RootImage", "TriggeredBy")


def systemctl(*words):
    done = subprocess.run(("systemctl",) + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          encoding="utf-8", errors="replace")
    return done.returncode == 0, done.stdout.strip()


def unit_of(name):
    """What systemd says of the service, by property."""
    if not re.fullmatch(r"[\w@.:\\-]+", name):
        raise Wrong("'%s' is no name of a service" % name)
    works, said = systemctl("show", "--property", ",".join(ASKED), "--", name if name.endswith(".service") else name + ".service")
    unit = dict(line.split("=", 1) for line in said.split("\n") if "=" in line)
    if not works or "Id" not in unit:
        raise Wrong("systemd does not answer: " + said)
    if unit["LoadState"] != "loaded":
        raise Wrong("there is no service %s (%s)" % (unit["Id"], unit["LoadState"]))
    return unit


def is_of(pid, group):
    try:
        with open("/proc/%d/cgroup" % pid, encoding="utf-8") as file:
            paths = [line.rstrip("\n").split(":", 2)[2] for line in file]
    except OSError:
        return False
    return any(path == group or path.startswith(group + "/") for path in paths)


def listens(unit):
    """Where the service listens: (addresses on xtcp, addresses on kernel TCP)."""
    inodes, ours = {}, {}
    for pid, _, inode in descriptors() if unit["ControlGroup"] else ():
        if pid not in ours:
            ours[pid] = is_of(pid, unit["ControlGroup"])
        if ours[pid]:
            inodes.setdefault(pid, set()).add(inode)
    found = (set(), set())
    for pid, held in inodes.items():    # each may have a network of its own
        for addresses, name in zip(found, ("xtcp", "tcp")):
            try:
                rows = Listing(name, "/proc/%d/net" % pid).rows()
            except Unreadable:
                continue
            addresses.update(row.ends[0] for row in rows if row.state == "LISTEN" and row.inode in held)
    return found


def said_of(unit):
    """(whether it is on xtcp, that in words)"""
    on_xtcp, on_kernel = listens(unit)
    words = ["on %s: %s" % (stack, " ".join(sorted(addresses)))
             for stack, addresses in (("xtcp", on_xtcp), ("kernel TCP", on_kernel)) if addresses]
    if not words:
        words = [unit["ActiveState"] if unit["ActiveState"] != "active" else "runs, and listens nowhere"]
    return bool(on_xtcp) and not on_kernel, "; ".join(words)


def library(tools):
    for folder in ("../lib/xtcp", "../../lib/xtcp"):
        path = os.path.realpath(os.path.join(tools, folder, "xtcp_run.so"))
        if os.path.exists(path):
            return path
    raise Wrong("a service wants the library where it stays: please install xtcp")


def by_xtcp_run(unit, path):
    """Lines of a unit: what starts the service, with xtcp_run before it."""
    program_path, commands = os.path.normpath(path + "/../../../bin/xtcp_run"), []
    for command in re.findall(r"(?m)^ExecStart\s*=[ \t]*(.*)", systemctl("cat", "--", unit["Id"])[1].replace("\\\n", " ")):
        commands = commands + [command] if command else []
    # those of our own file have it already
    return ["ExecStart="] + ["ExecStart=" + re.sub("^[-:+!]*(?=[^-:+!@])", r"\g<0>%s " % program_path,
                                                   command.replace(program_path + " ", "", 1))
                             for command in commands]


def text_for(unit, path, refuse, before, commands):
    """The file's; before: what it was, which is part of what systemd says of the unit."""
    number = 25
    if os.path.isdir(MODULE):
        with open(MODULE + "/parameters/family", encoding="ascii") as file:
            number = int(file.read())
    others = re.search(r"\bLD_PRELOAD=([^\s\"']+)", unit["Environment"])
    preloaded = [one for one in (others[1].split(":") if others else ()) if os.path.basename(one) != "xtcp_run.so"]
    words = ["LD_PRELOAD=" + ":".join([path] + preloaded)] * (not commands)
    words += ["XTCP_FAMILY=%d" % number] * (number != 25) + [FALLBACK] * (not refuse)
    lines = ["# by xtcp service enable; xtcp service disable removes it", "[Unit]", "Wants=modprobe@xtcp.service",
             "After=modprobe@xtcp.service", "", "[Service]", *commands, "Environment=" + " ".join(words)]
    families = unit["RestrictAddressFamilies"]
    family = FAMILIES.get(number, "number %d" % number)
    # "~" lists those that are forbidden
    if families and (family in re.findall(r"\w+", families)) == families.startswith("~") or "\nRestrict" in before:
        if number not in FAMILIES:
            raise Wrong("the unit restricts address families, and systemd has no name for %d: load xtcp with family=25" % number)
        lines += ["# systemd's name of xtcp's address family", "RestrictAddressFamilies=" + family]
    return "\n".join(lines) + "\n"


def put(unit, text):
    """The file, or none; systemd reads it, and restarts the service if it ran at first. Return: (whether it could, words)."""
    path = PLACE % unit["Id"]
    if text is None:
        os.unlink(path)
        if not os.listdir(os.path.dirname(path)):
            os.rmdir(os.path.dirname(path))
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    systemctl("daemon-reload")
    if unit["ActiveState"] != "active":
        return systemctl("try-restart", unit["Id"])
    # it may have failed with the file before, several times in a row
    systemctl("reset-failed", unit["Id"])
    return systemctl("restart", unit["Id"])


def comes_up(name, ports):
    """Waits until it listens on these again. Return why not, or None."""
    until = time.monotonic() + PATIENCE
    while True:
        unit = unit_of(name)
        there = set.union(*listens(unit))
        if unit["ActiveState"] == "active" and ports <= there:
            return None
        if unit["ActiveState"] == "failed" or unit["SubState"] == "auto-restart":
            return "it fails"
        if time.monotonic() > until:
            return "after %d s it does not listen on %s" % (PATIENCE, " ".join(sorted(ports - there))) \
                if ports - there else "after %d s it is not active" % PATIENCE
        time.sleep(0.2)


def why_not(unit, text, there, ports):
    """Puts the file. Return why the service does not come up by it, or None."""
    works, said = put(unit, text)
    if unit["ActiveState"] != "active":
        return None
    why = comes_up(unit["Id"], ports) if works else said
    return PAST if not why and there and ports and not said_of(unit_of(unit["Id"]))[0] else why


def check_unit(unit, ports):
    """Raises what the file cannot mend."""
    for place in "RootDirectory", "RootImage":
        if unit[place]:
            raise Wrong("%s has %s=%s, where the library is not" % (unit["Id"], place, unit[place]), 1)
    for socket in unit["TriggeredBy"].split():
        if socket.endswith(".socket") and systemctl("is-active", socket)[0]:
            raise Wrong("systemd opens the sockets of %s, on kernel TCP, for %s: where the service can open them, stop "
                        "and disable that first" % (unit["Id"], socket), 1)
    if unit["SubState"] == "exited" and not ports:
        raise Wrong("%s has no process; of PostgreSQL, as an example, the service is postgresql@15-main" % unit["Id"], 1)


def do_enable(args, tools):
    unit = unit_of(args.service)
    ports = set.union(*listens(unit))
    check_unit(unit, ports)
    there = os.path.isdir(MODULE) or subprocess.run(("/sbin/modprobe", "-q", "xtcp"), check=False).returncode == 0
    if args.refuse and not there:
        raise Wrong(program.missing("xtcp", ""), 1)
    path = PLACE % unit["Id"]
    before = None
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            before = file.read()
    place = library(tools)
    commands = by_xtcp_run(unit, place) if "\nExecStart=" in (before or "") else []
    text = text_for(unit, place, args.refuse, before or "", commands)
    why = why_not(unit, text, there, ports)
    # under SELinux the service would get the domain of what xtcp_run may start
    if why == PAST and not commands and not os.path.exists("/sys/fs/selinux/enforce"):
        text = text_for(unit, place, args.refuse, before or "", by_xtcp_run(unit, place))
        why = why_not(unit, text, there, ports)
    if why:
        works, _ = put(unit, before)
        raise Wrong("%s has not come up on xtcp, and %s. journalctl -u %s tells more: %s" % (
            unit["Id"], "is as before" if works else "does not come up without it either", unit["Id"], why), 1)
    print("%s:\n%s" % (path, re.sub("(?m)^(?=.)", "    ", text)), end="")
    print("%s: %s" % (unit["Id"], said_of(unit_of(args.service))[1]))
    if not there:
        print(program.missing("xtcp", ""))


def do_disable(args, _):
    unit = unit_of(args.service)
    if not os.path.exists(PLACE % unit["Id"]):
        raise Wrong("%s is not enabled: there is no %s" % (unit["Id"], PLACE % unit["Id"]), 1)
    ports = set.union(*listens(unit))
    works, said = put(unit, None)
    why = said if not works else comes_up(unit["Id"], ports) if unit["ActiveState"] == "active" else None
    if why:
        raise Wrong("%s is not enabled any more, and has not come up: %s" % (unit["Id"], why), 1)
    print("%s: %s" % (unit["Id"], said_of(unit_of(args.service))[1]))


def do_status(args, _):
    names = [args.service] if args.service else [path.split("/")[-2][:-2] for path in sorted(glob.glob(PLACE % "*"))]
    all_are = True
    for name in names:
        unit = unit_of(name)
        is_on, words = said_of(unit)
        all_are &= is_on
        path = PLACE % unit["Id"]
        if not os.path.exists(path):
            words += "; not enabled"
        else:
            with open(path, encoding="utf-8") as file:
                falls_back = FALLBACK in file.read()
            words += "; without the module it %s" % ("falls back to kernel TCP" if falls_back else "gets no socket")
            if not is_on and os.path.isdir(MODULE) and unit["ActiveState"] == "active":
                words += "; xtcp service %s %s puts it on xtcp" % ("enable" if falls_back else "--refuse enable", unit["Id"])
        print("%s: %s" % (unit["Id"], words))
    if not all_are and not os.path.isdir(MODULE):
        print(program.missing("xtcp", ""))
    return not all_are


COMMANDS = {"enable": do_enable, "disable": do_disable, "status": do_status}


def main(doc, tools):
    def run():
        parser = program.Parser("xtcp-service", doc)
        parser.add_argument("--refuse", action="store_true", help="enable: without the module, rather fail")
        parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
        parser.add_argument("service", nargs="?", metavar="NAME")
        args = parser.parse_args()
        if not args.service and args.command != "status":
            parser.error("a NAME is missing")
        if os.geteuid():
            raise Wrong("only root sees and changes services")
        if not os.path.isdir("/run/systemd/system"):
            raise Wrong("systemd does not run this system; xtcp run puts a program on xtcp without it")
        return COMMANDS[args.command](args, tools)

    return program.ends("xtcp-service", run)
