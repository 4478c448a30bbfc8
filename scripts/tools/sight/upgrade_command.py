# SPDX-License-Identifier: GPL-2.0
"""What xtcp-upgrade does: it hands over what programs have open in one build of the module to another build."""

import contextlib
import ctypes
import errno
import fcntl
import glob
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import change
import owners
import program
from diag import attribute
from program import Wrong

FREE_FAMILIES = 27, 28, 43, 44, 45  # numbers of Linux that most machines do not use
AF_XTCP = 25
TCP_REPAIR, REPAIR_ON, XTCP_TAKE_OVER, XTCP_BUILD = 19, 1, 2506, 2507
SO_ATTACH_FILTER, SO_DOMAIN, SO_BINDTOIFINDEX, SO_BUF_LOCK = 26, 39, 62, 72
BUFFERS = (1, socket.SO_SNDBUF, 32), (2, socket.SO_RCVBUF, 33)  # bit of SO_BUF_LOCK, option, the same without a limit
PARAMETERS = "blackbox_mem", "chains", "guest_timewait", "guest_unaccepted", "half_open"  # that go along
SIOCGSKNS = 0x894c  # the network namespace of a socket
LEVELS = socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.SOL_TCP
# Reading SO_ERROR changes it, a filter is not set as it is read, TCP_REPAIR and its queues are our own means
NOT_COPIED = {(socket.SOL_SOCKET, option) for option in (socket.SO_ERROR, SO_ATTACH_FILTER, 7, 8, 32, 33)} | \
             {(socket.SOL_TCP, option) for option in (19, 20, 21, 22, 29)}
OPTIONS = [(level, option) for level in LEVELS for option in (*range(1, 80), *range(2500, 2506))]
LEAST_S, MOST_S = 2, 64     # how long what is half-open may become a connection of the old build
CALL_S = 5                  # how long a program's call may own a socket
HANG_S, EACH_S = 10, 1      # and all those that do not end together, but each has a second
PATHS_ADD, PATH = 6, 1      # XTCP_CMD_PATHS_ADD, XTCP_PATHS_PATH
LOCK = "/run/xtcp-upgrade.lock"
IDLE_S = 0.5                # between two looks at a build whose connections run out
# Calls that may have the old sock of a descriptor, their first argument, while they sleep: bind, listen, connect,
# getsockname, setsockopt, getsockopt, shutdown, ioctl
CALLS = {"x86_64": {49, 50, 42, 51, 54, 55, 48, 16}, "aarch64": {200, 201, 203, 204, 208, 209, 210, 29}}


def libc(call, *arguments):
    result = getattr(ctypes.CDLL(None, use_errno=True), call)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def option_of(fd, level, option, room):
    """Without a call that waits for the program's own calls, as Python's socket() makes one."""
    value, length = ctypes.create_string_buffer(room), ctypes.c_uint(room)
    libc("getsockopt", fd, level, option, value, ctypes.byref(length))
    return value.raw[:length.value]


def set_take_over(fd, value):
    libc("setsockopt", fd, socket.SOL_TCP, XTCP_TAKE_OVER, ctypes.byref(ctypes.c_int(value)), 4)


def enter(namespace):
    libc("setns", namespace, program.CLONE_NEWNET)


def family_of(name, value=None):
    """Of a build, which it gets if there is one."""
    path = "/sys/module/%s/parameters/family" % name
    if not os.path.exists(path):
        raise Wrong(program.missing(name, "sockets"))
    with open(path, "r" if value is None else "w", encoding="ascii") as file:
        return int(file.read()) if value is None else file.write(str(value))


def move_protocol(old, new):
    """The number by which AF_INET makes sockets: the newer build stands before the other one that has it, too."""
    paths = ["/sys/module/%s/parameters/protocol" % name for name in (new, old)]
    if all(map(os.path.exists, paths)):
        with open(paths[1], encoding="ascii") as file:
            number = int(file.read())
        for path, value in zip(paths, (number, 0)) if number else ():
            with open(path, "w", encoding="ascii") as file:
                file.write(str(value))


def load(what, old):
    """The name of a build, of a file or one that is installed or loaded, and whether it was not loaded. It gets a family
    that is free, and the limits of @old."""
    name = os.path.basename(what).partition(".")[0]
    if not re.fullmatch("xtcp(_[a-z0-9]+)?", name):
        raise Wrong("'%s' is no build of xtcp: xtcp, xtcp_WORD, or its file" % what)
    if os.path.isdir("/sys/module/" + name):
        return name, False
    command = ["insmod" if what.endswith(".ko") else "modprobe", what]
    for parameter in PARAMETERS:
        with contextlib.suppress(OSError), open("/sys/module/%s/parameters/%s" % (old, parameter), encoding="ascii") as file:
            command.append(parameter + "=" + file.read().strip())
    for family in FREE_FAMILIES:
        done = subprocess.run([*command, "family=%d" % family], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if not done.returncode:
            return name, True
    raise Wrong(done.stdout.strip())


def exchange_names(new, name):
    """What users know as net.NAME is the new build's from now on. No program may be in it at that moment."""
    until = time.monotonic() + MOST_S
    while program.shown(new) != name:
        try:
            with open("/sys/module/%s/parameters/name" % new, "w", encoding="ascii") as file:
                file.write(name)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > until:
                print("net.%s and /proc/net/%s are not those of %s: %s" % (name, name, new, error.strerror))
                return False
            time.sleep(0.1)
    return True


def namespaces(old):
    """Each network namespace that has a process, a name of ip netns, a descriptor, or a socket of the build."""
    for path in glob.glob("/proc/[0-9]*/ns/net") + glob.glob("/run/netns/*") + glob.glob("/proc/[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if "/fd/" not in path or os.readlink(path).startswith("net:["):
                with open(path, "rb") as file:
                    yield file.fileno()
    for _, _, sock in sockets(old):
        with open(fcntl.ioctl(sock, SIOCGSKNS), "rb") as file:
            os.close(sock)
            yield file.fileno()


def enter_each(old):
    seen = set()
    for namespace in namespaces(old):
        inode = os.stat(namespace).st_ino
        if inode not in seen:
            seen.add(inode)
            enter(namespace)
            yield inode


def copy_settings(old, new, tools):
    """Are all rules of policy in @new, and the congestion controls?"""
    names, good = [program.shown(build) for build in (old, new)], True
    for namespace in enter_each(old):
        for sysctl in os.listdir("/proc/sys/net/" + names[0]):
            copy_sysctl(*("/proc/sys/net/%s/%s" % (name, sysctl) for name in names))
        copy_paths(*names)
        default, present = map(default_of, names)
        if default != present:
            print("net:[%d]: %s has no congestion control %s: xtcp cong load" % (namespace, new, default))
            good = False
        if rules(names[0]) != rules(names[1]):
            policy = [tools + "/xtcp-policy", "--name"]
            listed = subprocess.run([*policy, names[0], "list"], stdout=subprocess.PIPE, check=False).stdout
            subprocess.run([*policy, names[1], "replace", "-"], input=listed, check=False)
            if rules(names[0]) != rules(names[1]):
                print("net:[%d]: %s has not all rules of xtcp policy" % (namespace, new))
                good = False
    return good


def rules(name):
    """None of a build that knows no policy."""
    with contextlib.suppress(FileNotFoundError), \
         open("/proc/net/%s_policy" % name, encoding="utf-8", errors="surrogateescape") as file:
        return sorted([word for word in row.split() if not word.startswith("hits=")] for row in file)
    return []


def copy_sysctl(old, new):
    with contextlib.suppress(OSError):      # only to be read, or not known to the other build
        with open(old, encoding="ascii") as one, open(new, encoding="ascii") as other:
            value, present = one.read(), other.read()
        if value != present:
            with open(new, "w", encoding="ascii") as file:
                file.write(value)


def path_of(line):
    """A struct xtcp_path, of a line of /proc; a device that has gone is listed by its number."""
    path = dict(word.split("=", 1) for word in line.rstrip("\n").split(" "))
    try:
        index = socket.if_nametoindex(path["dev"])
    except OSError:
        index = int(path["dev"][2:])
    ends = (path[end] if ":" in path[end] else "::ffff:" + path[end] for end in ("from", "to"))
    return b"".join(socket.inet_pton(socket.AF_INET6, end) for end in ends) + \
        struct.pack("=4I", index, *(int(path[word]) for word in ("cwnd", "rtt_us", "age")))


def copy_paths(old, new):
    """What Careful Resume has saved. A build of another version may know nothing of it."""
    with contextlib.suppress(OSError), \
         open("/proc/net/%s_paths" % old, encoding="utf-8", errors="surrogateescape") as file:
        lines, requests = file.readlines(), change.Requests(new)
        for line in lines if requests.id else ():
            with contextlib.suppress(KeyError, ValueError):
                requests.ask(PATHS_ADD, attribute(PATH, path_of(line)))


def default_of(name):
    with open("/proc/sys/net/%s/congestion_control" % name, encoding="ascii") as file:
        return file.read().strip()


def is_newer(new, old):
    """Was it loaded later? Segments come to it first then."""
    with open("/proc/modules", encoding="ascii") as file:
        names = [row.split()[0] for row in file]
    return names.index(new) < names.index(old)


def build_of(sock):
    return option_of(sock, socket.SOL_TCP, XTCP_BUILD, 64).rstrip(b"\0").decode()


def sockets(old):
    """(pid, descriptor, a copy of it) of each socket of the build, once."""
    seen = set()
    for pid, fd, inode in owners.descriptors():
        with contextlib.suppress(OSError):
            # as the socket was made; after an upgrade it is another build's
            if pid == os.getpid() or inode in seen or not os.getxattr("/proc/%s/fd/%s" % (pid, fd), "system.sockprotoname").startswith(b"XTCP"):
                continue
            sock = owners.descriptor_of(pid, fd)
            if build_of(sock) == old:
                seen.add(inode)
                yield pid, fd, sock
            else:
                os.close(sock)


def copy_options(old, new):
    """Each that both know, and in which they differ."""
    for level, option in OPTIONS:
        with contextlib.suppress(OSError):
            if (level, option) not in NOT_COPIED:
                value = old.getsockopt(level, option, 64)
                if value != new.getsockopt(level, option, 64):
                    new.setsockopt(level, option, value)
    locked = old.getsockopt(socket.SOL_SOCKET, SO_BUF_LOCK)
    for bit, option, forced in BUFFERS:
        if locked & bit:
            new.setsockopt(socket.SOL_SOCKET, forced, old.getsockopt(socket.SOL_SOCKET, option) // 2)


def beside(old, family):
    """A socket of the other build for the place of @old."""
    libc("setfsuid", os.fstat(old).st_uid)     # members of a group of SO_REUSEPORT have one owner
    try:
        is_v6 = int.from_bytes(option_of(old, socket.SOL_SOCKET, SO_DOMAIN, 4), sys.byteorder) == socket.AF_INET6
        return socket.socket(family, socket.SOCK_STREAM, int(is_v6)).detach()
    finally:
        libc("setfsuid", 0)


def hand_over(theirs, ours):
    """What @theirs is goes on in @ours, which gets the same options."""
    old, new = socket.socket(fileno=theirs), socket.socket(fileno=ours)
    copy_options(old, new)
    new.setsockopt(socket.SOL_TCP, TCP_REPAIR, REPAIR_ON)
    new.bind(old.getsockname())
    until = time.monotonic() + CALL_S
    while True:
        try:
            return set_take_over(ours, theirs)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
        time.sleep(0.01)


class Deadline:
    """Of several pieces of work, each by a process of its own: a call of a socket waits for those of its program, and no
    signal ends that. Those that hang share one."""

    def __init__(self):
        self.left = HANG_S

    def run(self, work, keep, close=()):
        """Its errno, 0: none. Its process has only the descriptors in @keep; those in @close are closed here then."""
        begun, child = time.monotonic(), os.fork()
        if not child:
            status = 255
            try:
                for before, after in zip((-1, *sorted(keep)), (*sorted(keep), 1 << 20)):
                    os.closerange(before + 1, after)
                work()
                status = 0
            except OSError as error:
                status = error.errno
            finally:
                os._exit(status)
        for fd in close:
            os.close(fd)
        for seconds in max(self.left, EACH_S), EACH_S:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                ended, status = os.waitpid(child, os.WNOHANG)
                if ended:
                    error = os.waitstatus_to_exitcode(status)
                    self.left -= time.monotonic() - begun if error else 0
                    return errno.EAGAIN if error < 0 else error
                time.sleep(0.001)
            os.kill(child, signal.SIGKILL)
        self.left -= time.monotonic() - begun
        return errno.EAGAIN


def places(old):
    """(address, port) of each listener in this network namespace by inode; an IPv4 address in one of IPv6 is IPv4."""
    found = {}
    for end in "", "6":
        with contextlib.suppress(OSError), open("/proc/net/%s%s" % (program.shown(old), end), encoding="ascii") as file:
            for words in map(str.split, file):
                if words[3:4] == ["0A"]:
                    address, port = words[1].split(":")
                    found[int(words[9])] = re.sub("^0{16}(FFFF0000|0000FFFF)", "", address), port
    return found


def listeners(old):
    """(place, namespace, pid, descriptor, a copy of it) of each, the most specific place first: the new build gets all SYNs
    that one of its listeners may take. The place: namespace, port, address, how specific."""
    found, known = [], {}
    for pid, fd, sock in sockets(old):
        if any(option_of(sock, socket.SOL_SOCKET, socket.SO_ACCEPTCONN, 4)):
            found.append((pid, fd, sock))
        else:
            os.close(sock)
    for at, (pid, fd, sock) in enumerate(found):
        namespace = fcntl.ioctl(sock, SIOCGSKNS)
        inode = os.fstat(namespace).st_ino
        if inode in known:
            os.close(namespace)
        else:
            enter(namespace)
            known[inode] = namespace, places(old)
        namespace, places_here = known[inode]
        address, port = places_here.get(os.fstat(sock).st_ino, ("", ""))
        device = option_of(sock, socket.SOL_SOCKET, SO_BINDTOIFINDEX, 4)
        specific = bool(address.strip("0")), any(device), len(address) == 8
        found[at] = (inode, port, address, specific), namespace, pid, fd, sock
    return sorted(found, key=lambda each: each[0][3], reverse=True)


def is_wider(place, other):
    """May a listener there take SYNs that are for the other one?"""
    (*where, address, specific), (*there, narrow, more) = place, other
    return where == there and specific < more and \
           (address == narrow or (not address.strip("0") and len(address) >= len(narrow)))


def take_over(old, new, family):
    """(namespace, pid, descriptor, a copy of it, ours, which is the old listener now) of each. And how many have stayed."""
    drain, stay, deadline = [], [], Deadline()
    for place, namespace, pid, fd, sock in listeners(old):
        mine, why = None, "one of a more specific address stays"
        if not any(is_wider(place, other) for other in stay):
            try:
                enter(namespace)
                mine = beside(sock, family)
                error = deadline.run(lambda pair=(sock, mine): hand_over(*pair), (sock, mine))
            except OSError as failed:
                error = failed.errno
            if not error or build_of(sock) != old:
                drain.append((namespace, pid, fd, sock, mine))
                continue
            why = "it is in a call that does not end" if error == errno.EAGAIN else os.strerror(error)
        print("process %d, descriptor %d: stays in %s: %s" % (pid, fd, old, why))
        for each in (sock, mine) if mine else (sock,):
            os.close(each)
        stay.append(place)
    print("%d listener%s in %s" % (len(drain), " is" if len(drain) == 1 else "s are", new))
    return drain, len(stay)


def is_half_open(namespace, old):
    """Has anything in it a half-open entry?"""
    enter(namespace)
    for end in "", "6":
        with contextlib.suppress(OSError), open("/proc/net/%s%s" % (program.shown(old), end), encoding="ascii") as file:
            if any(row.split()[3:4] == ["03"] for row in file):
                return True
    return False


def wait_for(drain, old):
    """Until what was half-open is a connection, or its time is over."""
    begun = time.monotonic()
    while time.monotonic() < begun + LEAST_S or \
            (time.monotonic() < begun + MOST_S and any(is_half_open(namespace, old) for namespace, *_ in drain)):
        time.sleep(0.1)


def is_in_call(pid, fds):
    """May a thread have begun a call with the old sock of one of these descriptors, and not ended it? Also if that is not
    to be seen."""
    calls = CALLS.get(os.uname().machine)
    try:
        with open("/proc/%s/exe" % pid, "rb") as file:
            is_64_bits = file.read(5)[4:] == b"\2"
        if not calls or not is_64_bits or any("[io_uring]" in os.readlink(path) for path in glob.glob("/proc/%s/fd/*" % pid)):
            return True
        for path in glob.glob("/proc/%s/task/*/syscall" % pid):
            with open(path, encoding="ascii") as file:
                words = file.read().split()
            if words == ["running"] or (int(words[0]) in calls and int(words[1], 16) in fds):
                return True
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def end_old(drain, old):
    """The old listeners end, and what of @drain has. A close waits for the program's call, too."""
    ended, deadline = [], Deadline()
    for each in drain:
        _, pid, fd, _, mine = each
        closed, closes = os.pipe()

        def close(pair=(closed, mine)):
            os.read(pair[0], 1)     # ours is not the last one
            os.close(pair[1])

        if not deadline.run(close, (closed, mine), (mine, closed, closes)):
            ended.append(each)
            continue
        print("process %d, descriptor %d: is in a call that does not end: holds %s until it closes the socket" % (pid, fd, old))
    return ended


def let_go(drain, old):
    """The old build may go as soon as no program is in a call that began before. How many listeners hold it."""
    holders = {}
    for pid, fd, inode in owners.descriptors():
        holders.setdefault(inode, {}).setdefault(pid, set()).add(fd)
    held = 0
    for _, pid, fd, sock, _ in drain:
        programs = holders.get(os.fstat(sock).st_ino, {})
        until = time.monotonic() + LEAST_S
        while any(is_in_call(*each) for each in programs.items() if each[0] != os.getpid()) and time.monotonic() < until:
            time.sleep(0.05)
        try:
            if time.monotonic() < until:
                set_take_over(sock, -1)
                continue
        except OSError as error:
            if error.errno != errno.EAGAIN:
                continue    # it has ended
        print("process %d, descriptor %d: holds %s until it closes the socket" % (pid, fd, old))
        held += 1
    return held


def algorithms(build):
    return [os.path.basename(path) for path in glob.glob("/sys/module/%s_cong_*" % build)]


def free_algorithms(old, tools):
    """What is for new connections uses none of them any more."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    for _ in enter_each(old):
        name = program.shown(old)
        with open("/proc/sys/net/%s/congestion_control" % name, "w", encoding="ascii") as file:
            file.write("reno")
        subprocess.run([tools + "/xtcp-policy", "--name", name, "replace", "-"], stdin=subprocess.DEVNULL, check=False)
    enter(home)
    os.close(home)


def references_of(module):
    with open("/sys/module/%s/refcnt" % module, encoding="ascii") as file:
        return int(file.read())


def unload(build, tools):
    """Has it gone, with its congestion controls? Nothing happens while something of them is open."""
    inner = algorithms(build)
    if references_of(build) != len(inner):
        return False
    if any(map(references_of, inner)):
        free_algorithms(build, tools)
    return not any(map(references_of, inner)) and \
        all([not subprocess.run(["rmmod", each], check=False).returncode for each in (*inner, build)])


def lock_upgrades(lock):
    """Nobody else can take it. Who waits for the end of a build shares it while that is unloaded."""
    until = time.monotonic() + CALL_S
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Wrong("another xtcp upgrade is running") from None
            fcntl.flock(lock, fcntl.LOCK_UN)
            if time.monotonic() > until:
                raise Wrong("xtcp upgrade wait is unloading a build, which takes long") from None
            time.sleep(0.05)


def lock_of(build):
    """A file of this module, until it is unloaded, and of no later one that has its name."""
    return open(os.open("/sys/module/%s/parameters/unloading" % build, os.O_WRONLY | os.O_CLOEXEC), "wb")


def is_waited_for(build):
    """Or gone."""
    with contextlib.suppress(BlockingIOError, FileNotFoundError), lock_of(build) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    return True


def wait_to_unload(name, old, lock, tools):
    """Unloads @old when nothing of it is open. Returns when it is gone; others may unload it, too. Wrong: it has the name."""
    with lock_of(old) as waits, open("/sys/module/%s/parameters/name" % old, "rb") as file:
        fcntl.flock(waits, fcntl.LOCK_SH)
        while True:
            with contextlib.suppress(BlockingIOError, FileNotFoundError):
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                try:
                    shown = os.pread(file.fileno(), 64, 0).decode().strip()
                except OSError as error:
                    if error.errno == errno.ENODEV:
                        return 0
                    raise
                if shown == name:
                    raise Wrong("net.%s is that of %s again" % (name, old))
                unload(old, tools)
            fcntl.flock(lock, fcntl.LOCK_UN)
            time.sleep(IDLE_S)


def leave_waiting(name, old, tools):
    """A process that unloads the old build. With systemd it is not of this session or service, which may end."""
    if is_waited_for(old):
        return
    command = [tools + "/xtcp-upgrade", "--name", name, "wait", old]
    nothing = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    systemd = ["systemd-run", "--quiet", "--collect", "--description=xtcp upgrade waits for the end of " + old]
    if not os.path.isdir("/run/systemd/system") or not shutil.which("systemd-run") or \
       subprocess.run([*systemd, *command], **nothing, check=False).returncode:
        subprocess.Popen(command, **nothing, cwd="/", start_new_session=True)
    until = time.monotonic() + MOST_S   # a busy machine starts it late
    while not is_waited_for(old):
        if time.monotonic() > until:
            raise Wrong("nobody waits for the end of %s: xtcp upgrade wait %s" % (old, old), 1)
        time.sleep(0.05)


def upgrade(name, what, tools):
    old = program.module_of(name)
    family = family_of(old)
    new, fresh = load(what, old)
    if new == old:      # again, after the names were exchanged
        old = program.module_of(new)
        family = family_of(old)
    if new == old:
        raise Wrong("%s is loaded; build the other one under another name: make NAME=xtcp_b" % new)
    if not is_newer(new, old):
        raise Wrong("%s was loaded before %s" % (new, old))
    good = True
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if fresh or family == AF_XTCP:      # otherwise it was done before
        good = copy_settings(old, new, tools)
        try:
            family_of(new, family)
        except OSError:
            raise Wrong("%s and %s do not know each other: their versions are too far apart" % (new, old)) from None
    move_protocol(old, new)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    drain, stay = take_over(old, new, family_of(new))
    named = exchange_names(new, name)
    wait_for(drain, old)
    ended = end_old(drain, old)
    stay += len(drain) - len(ended) + let_go(ended, old)
    if named:
        enter(home)
        leave_waiting(name, old, tools)
        print("%s is unloaded when nothing of it is open: xtcp upgrade status; xtcp upgrade finish ends it" % old)
    return int(not good or not named or bool(stay))


def older(name):
    """The builds that were loaded before the one that has the name, which must be the newest."""
    found = [path.split("/")[3] for path in sorted(glob.glob("/sys/module/xtcp*/parameters/unloading"))]
    new = program.module_of(name)
    if new not in found:
        raise Wrong(program.missing(name, "older build"))
    for module in found:
        if module != new and is_newer(module, new):
            raise Wrong("net.%s is not that of %s, the newest build: xtcp upgrade %s" % (name, module, module))
    return [module for module in found if module != new]


def status(name, tools):
    for module in older(name):
        how = "is unloaded when this is closed" if is_waited_for(module) else "stays until xtcp upgrade finish"
        shown = program.shown(module)
        done = subprocess.run([tools + "/xtcp-holders", module], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if os.path.isdir("/sys/module/" + module):      # it may go meanwhile
            print("%s, net.%s, %s:\n%s" % (module, shown, how, done.stdout.decode(errors="replace")), end="")
    return 0


def finish(name, tools):
    """Whether one stays."""
    stay = 0
    for module in older(name):
        for _ in enter_each(module):
            subprocess.run([tools + "/xtcp-ss", "--name", program.shown(module), "-HaK"], check=False, stdout=subprocess.DEVNULL)
        stay |= subprocess.run([tools + "/xtcp-holders", "--unload", module], check=False).returncode
    return stay


def main(doc, tools):
    def run():
        parser = program.Parser("xtcp-upgrade", doc)
        parser.add_argument("--name", default="xtcp", help="the sysctls of the build whose listeners go on in the other one are net.NAME")
        parser.add_argument("build", metavar="BUILD", help="the other build: its file, or its name if it is installed or loaded; or status, or finish, or wait")
        parser.add_argument("old", metavar="OLD", nargs="?", help="the build that wait unloads")
        args = parser.parse_args()
        if (args.build == "wait") != (args.old is not None):
            parser.error("wait needs a build" if args.old is None else "one build is enough")
        if os.geteuid():
            raise Wrong("only root can")
        if args.build == "status":
            return status(args.name, tools)
        # one for the machine, that nobody else can take
        with open(os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "rb") as lock:
            if args.build == "wait":
                return wait_to_unload(args.name, args.old, lock, tools)
            lock_upgrades(lock)
            return finish(args.name, tools) if args.build == "finish" else upgrade(args.name, args.build, tools)

    return program.ends("xtcp-upgrade", run)
