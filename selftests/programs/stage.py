# SPDX-License-Identifier: GPL-2.0
"""Where programs are tried, in the virtual machine:

  namespace "client"  10.77.0.1, fd77::1  ----veth----  10.77.0.2, fd77::2  namespace "server"

Programs run in either, on kernel TCP or under xtcp_run. What each end's counters say in between
proves on which of the two stacks its octets went."""

import hashlib
import os
import select
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
RUN = TOP + "/scripts/tools/xtcp_run"
SERVER4, SERVER6 = "10.77.0.2", "fd77::2"
CLIENT4, CLIENT6 = "10.77.0.1", "fd77::1"
SECONDS = int(os.environ.get("PATIENCE", "120"))
TRACE = "/sys/kernel/tracing/instances/stage/"
# after which something that is waited for may be so; a module that nobody uses counts 1
EVENTS = (("syscalls/sys_exit_listen", "ret == 0"), ("syscalls/sys_exit_accept", "ret >= 0"),
          ("syscalls/sys_exit_accept4", "ret >= 0"), ("module/module_put", 'name == "xtcp" && refcnt <= 1'))
work = "/tmp/stage"
failed = 0
number = 0
happens = None
short = False
places = []
between = []  # what is called after each case


def say(text):
    print("# " + text.replace("\n", "\n# "), flush=True)


def result(ok, name):
    global failed, number
    number += 1
    failed += not ok
    print("%s %d %s" % ("ok" if ok else "not ok", number, name), flush=True)


def pairs():
    """Who is on which stack, and where the server is: all of it; or each pair of stacks once, if that is to be short."""
    stacks = (("xtcp", "xtcp"), ("xtcp", "kernel"), ("kernel", "xtcp"))
    if short:
        return [(*pair, host) for pair, host in zip(stacks, (SERVER4, SERVER6, SERVER4))]
    return [(*pair, host) for pair in stacks for host in (SERVER4, SERVER6)]


def who(server, client, host):
    return "server on %s, client on %s, %s" % (server, client, "IPv6" if ":" in host else "IPv4")


def in_url(host):
    return "[%s]" % host if ":" in host else host


class Wrong(Exception):
    """What was not as it should be; the case has failed."""


def must(condition, text):
    if not condition:
        raise Wrong(text)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def in_laboratory():
    """There time is virtual, and the kernel has no events of system calls."""
    return not os.path.exists("/sys/kernel/tracing/events/syscalls")


def watch():
    """What can be read when one of EVENTS comes."""
    global happens
    if in_laboratory():
        return
    os.mkdir(TRACE)
    settings = [("buffer_percent", "0")]  # each event wakes us, not half a buffer of them
    for event, condition in EVENTS:
        settings += [("events/%s/filter" % event, condition), ("events/%s/enable" % event, "1")]
    for path, text in settings:
        with open(TRACE + path, "w") as file:
            file.write(text)
    happens = os.open(TRACE + "trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def place(client, server):
    """Two namespaces with a link, and the addresses that all such have."""
    batches = [([], "netns add {0}\nnetns add {1}\nlink add veth0 netns {0} type veth peer name veth0 netns {1}\n".format(
        client, server))]
    for where, digit in ((client, 1), (server, 2)):
        batches.append((["-n", where], "addr add 10.77.0.%d/24 dev veth0\naddr add fd77::%d/64 dev veth0 nodad\n"
                                       "link set lo up\nlink set veth0 up\n" % (digit, digit)))
    for where, lines in batches:
        subprocess.run(["ip", *where, "-batch", "-"], input=lines, text=True, check=True)
    places.extend((client, server))


def make():
    watch()
    os.makedirs(work, exist_ok=True)
    os.chmod(work, 0o777)
    place("client", "server")
    with open("/etc/hosts", "a") as hosts:  # no name server here
        hosts.write("10.77.0.1 client\n10.77.0.2 server\n")
    with open("/etc/nsswitch.conf", "w") as file:
        file.write("passwd: files\ngroup: files\nshadow: files\nhosts: files\n")


def command(where, stack, words):
    """What runs these words in a namespace, on a stack: kernel, xtcp (by xtcp_run), bare (it asks itself)."""
    return ["ip", "netns", "exec", where] + ([RUN] if stack == "xtcp" else []) + list(words)


class Running:
    """A program in the background, with what it prints in a file."""

    def __init__(self, where, stack, *words, **options):
        self.name = os.path.basename(words[0])
        self.log = "%s/%s.%s.log" % (work, self.name, where)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command(where, stack, words),
                                            stdin=options.pop("stdin", subprocess.DEVNULL), stdout=log, stderr=log,
                                            start_new_session=True, **options)

    def stop(self):
        """With all that it has started."""
        for what in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, what)
                self.process.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def said(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-2000:]


def run(where, stack, *words, data=None, status=0, seconds=SECONDS, **options):
    """A program, until it ends, with this status or, for None, any. What it printed."""
    if data is None:
        options["stdin"] = subprocess.DEVNULL
    done = subprocess.run(command(where, stack, words), input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=seconds, **options)
    must(status is None or done.returncode == status, "%s: status %d\n%s" % (" ".join(words), done.returncode,
                                                           done.stderr.decode(errors="replace")[-1500:]))
    return done.stdout


def drained(fd):
    try:
        while os.read(fd, 65536):
            pass
    except BlockingIOError:
        pass


def wait(condition, what, seconds=None, running=None, events=None):
    """Until the condition holds: it is asked again after one of EVENTS, or when @events can be read instead; and when
    the program ends, which it may do with status 0, if others of it stay. Without events: each 10 ms."""
    deadline = time.monotonic() + (seconds or SECONDS)
    events = happens if events is None else events
    poll = select.poll()
    if events is not None:
        poll.register(events, select.POLLIN)
    ends = os.pidfd_open(running.process.pid) if running and running.process.poll() is None else None
    if ends is not None:
        poll.register(ends, select.POLLIN)
    try:
        while not condition():
            must(not running or running.process.poll() in (None, 0),
                 "ended: %s\n%s" % (what, running and running.said()))
            left = max(0, deadline - time.monotonic())
            ready = [fd for fd, _ in poll.poll((left if events is not None else min(left, 0.01)) * 1000)]
            must(ready or left and events is None, "never came: %s%s" % (what, "\n" + running.said() if running else ""))
            if events in ready:
                drained(events)
            if ends in ready:
                poll.unregister(ends)
    finally:
        if ends is not None:
            os.close(ends)


_in = {}


def read(where, path):
    """A file of /proc/net as a namespace has it: by a process that stays there, for /proc/net is the reader's."""
    if where not in _in:
        _in[where] = subprocess.Popen(command(where, "kernel", ["sh", "-c", "echo; exec sleep infinity"]),
                                      stdout=subprocess.PIPE)
        must(_in[where].stdout.read(1), "nobody is in namespace " + where)
    with open("/proc/%d/net/%s" % (_in[where].pid, path)) as file:
        return file.read()


def listens(where, stack, port, sockets=1):
    prefix = "tcp" if stack == "kernel" else "xtcp"
    lines = [line.split() for name in (prefix, prefix + "6") for line in read(where, name).splitlines()[1:]]
    return sum(line[1].endswith(":%04X" % port) and line[3] == "0A" for line in lines) >= sockets


def counters(where):
    """{"kernel": Tcp's counters, "xtcp": the same of xtcp}."""
    found = {}
    for stack, path in (("kernel", "snmp"), ("xtcp", "xtcp_snmp")):
        names, values = [line.split()[1:] for line in read(where, path).splitlines() if line.startswith("Tcp:")][:2]
        found[stack] = dict(zip(names, map(int, values)))
    return found


COUNTED = ("ActiveOpens", "PassiveOpens", "InSegs", "OutSegs")


class Proof:
    """From here to check(): all that was opened was on the stack that each end was given, and carried segments there. A
    segment that comes when its connection has gone is kernel TCP's to answer, as a FIN's second ACK is; so those are not
    counted."""

    def __init__(self, **stacks):
        self.stacks = stacks
        self.before = {where: counters(where) for where in stacks}

    def check(self, opens=1):
        for where, stack in self.stacks.items():
            now = counters(where)
            moved = {of: [now[of][name] - self.before[where][of][name] for name in COUNTED] for of in now}
            mine = "kernel" if stack == "kernel" else "xtcp"
            other = "xtcp" if mine == "kernel" else "kernel"
            must(moved[other][:2] == [0, 0], "%s: on %s, too: %s" % (where, other, dict(zip(COUNTED, moved[other]))))
            must(moved[mine][0] + moved[mine][1] >= opens and moved[mine][2] > opens and moved[mine][3] > opens,
                 "%s: not on %s: %s" % (where, mine, dict(zip(COUNTED, moved[mine]))))


def case(name, steps, *args):
    """One result: steps(*args), and why not."""
    started = time.monotonic()
    try:
        steps(*args)
        ok = True
    except (Wrong, OSError, subprocess.SubprocessError) as wrong:
        say("%s: %s" % (type(wrong).__name__, wrong))
        ok = False
    result(ok, name)
    if os.environ.get("TIMES"):
        say("%.1f s" % (time.monotonic() - started))
    for steps in between:
        steps()


def end():
    """Everybody out; the module has to go."""
    for process in _in.values():
        process.kill()
        process.wait()
    for where in places:
        subprocess.run(["ip", "netns", "del", where], check=False)

    def gone():
        return subprocess.run(["scripts/xtcp", "unload"], stdout=subprocess.DEVNULL, check=False).returncode == 0

    case("the module goes", lambda: wait(gone, "unload", 20))
    print("1..%d" % number, flush=True)
    sys.exit(failed > 0)
