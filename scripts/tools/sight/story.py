# SPDX-License-Identifier: GPL-2.0
"""What happened at both ends of a connection, in order of time: segments that
leave and arrive, states, timers, what was dropped and why."""

from operator import itemgetter

from causes import cause_of
from events import SegmentEvent, settings_of
from segments import Arrival, Segment, Ways, modular

MODULUS = 1 << 32
NONE = MODULUS - 1      # an ssthresh that nothing has set yet
SOON = 0.05             # seconds between a call's new state and the segment that tells of it
WHILE = 1.0             # seconds in which what was sent should have arrived

UNKNOWN = ("arrival not in the trace", "the trace ends")   # fates that say nothing of the segment's own

LARGEST_RTO_MS = 120000     # RFC 6298 section 2, (2.5)
UNSEEN = "not seen arriving"
BY_CALL = {"SYN-SENT": "S", "FIN-WAIT-1": "F", "LAST-ACK": "F", "CLOSED": "R"}
TIMERS = {"retransmit": "retransmit timer, RTO %d ms", "probe": "tail loss probe timer",
          "persist": "zero-window probe timer", "delayed-ack": "delayed ACK timer"}
DROPS = {"TCP_CSUM": "bad checksum", "PKT_TOO_SMALL": "bad header", "SOCKET_BACKLOG": "no room on the backlog",
         "SOCKET_FILTER": "socket filter", "OTHERHOST": "for another host", "XFRM_POLICY": "IPsec policy",
         "NOT_SPECIFIED": "hop limit"}
ABORTS = {"icmp": "ICMP error", "timeout": "no answer", "keepalive": "no answer to keepalive",
          "unread-data": "closed with data unread", "late-data": "data came after close", "linger": "SO_LINGER 0",
          "linger2": "FIN-WAIT-2 has lasted long enough", "orphans": "too many orphans",
          "listener-closed": "the listener was closed", "disconnect": "connect() to AF_UNSPEC",
          "netns": "the namespace ends", "user-timeout": "no answer within the user timeout",
          "killed": "killed by an administrator", "idle": "no data for too long",
          "half-closed": "half closed for too long", "user-timeout-ms": "no answer within the user timeout",
          "keepalive-always": "no answer to keepalive"}


class Moment:
    """Something at one end (0, 1; None: at none) that is no segment."""

    def __init__(self, time, index, end, kind, words="", state=""):
        self.time, self.index, self.end, self.kind, self.words, self.state = time, index, end, kind, words, state
        self.absorbed = False


class End:
    """What is known of one end on the way."""

    def __init__(self):
        self.state = self.first = ""
        self.states_told = False
        self.is_record = False
        self.cookie = False
        self.arrival = None         # the last one, if nothing else can have caused what follows
        self.last = None            # the last thing that happened here
        self.pending = None         # a state that the next segment may tell of
        self.isn = None
        self.scale = None           # of the SYN's option; -1: it had none
        self.phase = "Open"
        self.cwnd = self.ssthresh = None


class Story:
    """.marks: (time, index, "leaves" | "arrives" | "moment", Segment | Arrival | Moment), in order of time."""

    def __init__(self, ends):
        self.names, self.elsewhere = ends, "not in this trace"
        self.traced = [False, False]
        self.heard = [False, False]     # has anything of it arrived?
        self.is_live = False            # more events are to come
        self.gaps, self.complete_from = [], None
        self.ends = (End(), End())
        self.ways = Ways()
        self.marks = []
        self.start = self.began = None
        self.fates = ["", ""]
        self.clock_wrong = False

    # ---- events

    def take(self, event):
        s = 0 if event.local == self.names[0] else 1
        if self.began is None:
            self.began = event.time
        kind = event.name
        if self.start is None and kind in ("segment_out", "segment_in"):
            self.start = event.time     # times count from the first segment
        if kind == "segment_out":
            self.traced[s] = True
            self.leaves(event, s)
        elif kind == "segment_in":
            self.traced[s] = self.heard[1 - s] = True
            self.arrives(event, s)
        elif kind in ("state", "conn_state"):
            self.changes(event, s)
        elif kind == "queue":
            self.queue(event, s)
        elif kind in ("timer", "conn_timer"):
            self.timer(event, s)
        elif kind == "drop":
            self.drop(event, s)
        elif kind == "congestion":
            self.congestion(event, s)
        elif kind == "abort":
            self.aborted(event, s)
        elif kind == "rst_diagnostic":
            self.says(event, s)
        elif kind == "set":
            # it comes from outside, so it parts nothing that belongs together
            self.mark("moment", Moment(event.time, event.index, s, "set", "an administrator sets " + settings_of(event)))

    def is_elsewhere(self, s):
        """No segment event of that end is in the trace. As long as events come, its first one may still be on the way, until
        something has arrived that was not seen leaving there."""
        return not self.traced[s] and (self.heard[s] or not self.is_live)

    def title(self, s):
        return self.names[s] + (" (%s)" % self.elsewhere if self.is_elsewhere(s) else "")

    def mark(self, what, thing):
        self.marks.append((thing.time, thing.index, what, thing))

    def moment(self, event, s, kind, words):
        end = self.ends[s]
        end.pending = end.arrival = None
        end.last = Moment(event.time, event.index, s, kind, words)
        self.mark("moment", end.last)

    def note_gap(self):
        """Events are missing here: nothing that follows is caused by what was last seen."""
        for end in self.ends:
            end.arrival = end.last = end.pending = None
            end.states_told = False

    # ---- segments

    def window(self, event, sender):
        shift, field = event.shift, event.wnd
        if "S" in event.flags:
            return field
        if shift < 0:
            scales = [end.scale for end in self.ends]
            if None not in scales:
                shift = scales[sender] if min(scales) >= 0 else 0
        if shift < 0 and field:
            return None
        return field << max(shift, 0)

    def segment(self, event, sender):
        """As it is told at either end; learns the initial sequence numbers and the shift of the windows."""
        own, other = self.ends[sender], self.ends[1 - sender]
        flags = event.flags
        if "S" in flags:
            own.isn = event.seq
            if event.options is not None:
                own.scale = next((int(word[3:]) for word in event.options.split(",") if word.startswith("ws:")), -1)
        elif own.isn is None:
            own.isn = event.seq - 1
        if "A" in flags and other.isn is None:
            other.isn = event.ack - 1
        segment = Segment(event, sender, self.window(event, sender))
        segment.origin = (own.isn, other.isn or 0)
        return segment

    def met(self, event, s):
        """The state in a segment's event counts where no event of its own tells of states."""
        end, state = self.ends[s], event.state
        if not end.first:
            end.first = end.state = state
            if state == "SYN-SENT" and event.name == "segment_out" and "S" in event.flags and "A" not in event.flags:
                end.first = "CLOSED"
                return state
        elif not end.states_told and state != end.state and not end.cookie:
            end.state = state
            return state
        return ""

    def leaves(self, event, s):
        end = self.ends[s]
        segment = self.segment(event, s)
        segment.time, segment.index = event.time, event.index
        if end.cookie and "S" in segment.flags:
            segment.note = "nothing kept: a cookie"
        else:
            segment.state = self.met(event, s)
        end.cookie = False
        if segment.resent:
            segment.note = "resent"
        pending, end.pending = end.pending, None
        if pending and BY_CALL[pending.state] in segment.flags and segment.time - pending.time < SOON:
            segment.state, pending.absorbed = pending.state, True
        self.ways.leaves(segment, event)
        self.marks.append((event.time, event.index, "leaves", segment))
        end.last = segment

    def arrives(self, event, s):
        end, sender = self.ends[s], 1 - s
        end.pending = None
        state = self.met(event, s)
        made = self.ways.arrivals(event, sender)
        if not made:
            made = [Arrival(self.segment(event, sender), event.time, event.index, event.seq, event.len)]
            made[0].segment.arrivals.append(made[0])
        for arrival in made:
            arrival.marked = event.ecn == 3
            left = arrival.segment.time
            self.clock_wrong |= left is not None and event.time < left
            self.marks.append((event.time, event.index, "arrives", arrival))
        arrival.state = state
        end.arrival = end.last = arrival

    # ---- states

    def changes(self, event, s):
        """An entry that becomes a sock and a sock that becomes a record end silently."""
        end = self.ends[s]
        new, old = event.word("new"), event.word("old")
        if event.name == "conn_state":
            if new == "CLOSED" and end.state and end.state != old:
                return
            end.is_record = new in ("TIME-WAIT", "FIN-WAIT-2")
        elif new == "CLOSED" and end.is_record:
            return
        end.first = end.first or old
        end.states_told = True
        if new == end.state:
            return
        end.state = new
        end.pending = None
        caused = end.arrival if new not in ("SYN-SENT", "FIN-WAIT-1", "LAST-ACK") else None
        if caused and new == "CLOSED" and not (caused is end.last and
                                               ("R" in caused.segment.flags or old == "LAST-ACK" or
                                                old == "TIME-WAIT" and "S" in caused.segment.flags)):
            caused = None
        if new == "CLOSED" and not caused and end.last and event.time - end.last.time < SOON and \
                (isinstance(end.last, Segment) and "R" in end.last.flags or
                 isinstance(end.last, Moment) and end.last.kind == "abort"):
            end.last.state = new
            return
        if caused:
            if caused.state not in ("", "CLOSED", "SYN-RECEIVED"):  # these are what was made to be used up
                caused.passed += (caused.state,)
            caused.state = new
            return
        moment = Moment(event.time, event.index, s, "state", state=new)
        end.last, end.arrival = moment, None
        if new in BY_CALL:
            end.pending = moment
        self.mark("moment", moment)

    # ---- the rest

    def timer(self, event, s):
        if event.name == "conn_timer":
            wait = event.number("timeout_ms")
            words = "SYN-ACK timer, the next one in %d ms" % wait if wait else "SYN-ACK timer: given up"
        else:
            which = event.word("timer")
            words = TIMERS.get(which, which + " timer")
            if "%d" in words:
                words %= min(event.number("rto_ms") << event.number("backoff"), LARGEST_RTO_MS)
        self.moment(event, s, "timer", words)

    def queue(self, event, s):
        """What the listener did with the segment that has just arrived."""
        end, reason = self.ends[s], event.word("reason")
        if reason == "cookie":
            end.cookie = True
        elif reason == "refused":
            words = "SYN queue full" if event.word("queue") == "syn" else "accept queue full"
            if isinstance(end.last, Arrival):
                end.last.dropped = end.last.dropped or words
            else:
                self.moment(event, s, "drop", words)

    def drop(self, event, s):
        reason = event.word("reason")
        words = DROPS.get(reason, reason.lower().replace("_", " "))
        if not hasattr(event, "seq"):   # it does not say which
            self.moment(event, s, "drop", "dropped: " + words)
            return
        event = SegmentEvent.of_fields(event.time, event.index, "drop", dict(event.fields, wnd="0"))
        segment = self.ways.alike(event, 1 - s) or self.segment_of_drop(event, 1 - s)
        arrival = Arrival(segment, event.time, event.index, segment.seq, segment.len)
        arrival.dropped = words
        segment.arrivals.append(arrival)
        if self.start is None:
            self.start = event.time
        self.mark("arrives", arrival)
        end = self.ends[s]
        end.last, end.arrival, end.pending = arrival, None, None

    def segment_of_drop(self, event, sender):
        """What it says may be wrong, so nothing is learnt from it."""
        own, other = self.ends[sender], self.ends[1 - sender]
        segment = Segment(event, sender, None)
        segment.origin = (event.seq - 1 if own.isn is None else own.isn, other.isn or 0)
        return segment

    def aborted(self, event, s):
        """A RST that has just left has the reason with it; one that came is the reason."""
        reason, last = event.word("reason"), self.ends[s].last
        words = ABORTS.get(reason, reason)
        if isinstance(last, Segment) and "R" in last.flags and event.time - last.time < SOON:
            last.note = words + (", " + last.note if last.note else "")
        elif reason != "reset":
            self.moment(event, s, "abort", "aborted: " + words)

    def says(self, event, s):
        """What the payload of a RST says, of the one that has just left or come. If its sender is traced, too, it is
        said there."""
        last, code = self.ends[s].last, event.number("code")
        words = "says: " + cause_of(code, event.number("pen")) if code else "malformed diagnostic payload"
        segment = last.segment if isinstance(last, Arrival) else last
        if isinstance(segment, Segment) and "R" in segment.flags and words not in segment.note:
            segment.note += (", " if segment.note else "") + words

    def congestion(self, event, s):
        """The phase when it is another one, the reason, and the windows as far as they have moved."""
        end = self.ends[s]
        if event.before:
            end.cwnd, end.ssthresh = int(event.before.get("cwnd", 0)), int(event.before.get("ssthresh", NONE))
        phase, cwnd, ssthresh = event.word("phase"), event.number("cwnd"), event.number("ssthresh", NONE)
        words = ("" if phase == end.phase else phase + ": ") + event.word("reason")
        if end.cwnd is not None and cwnd != end.cwnd:
            words += ", cwnd %d -> %d" % (end.cwnd, cwnd)
        if ssthresh not in (end.ssthresh, NONE):
            words += ", ssthresh %d" % ssthresh
        end.phase, end.cwnd, end.ssthresh = phase, cwnd, ssthresh
        keep = end.arrival
        self.moment(event, s, "congestion", words)
        end.arrival = keep

    def may_be_missing(self, begin, until):
        """May an event of these seconds be one that the trace has lost?"""
        if self.complete_from is not None and begin < self.complete_from:
            return True
        return any((gap.since is None or gap.since <= until) and (gap.time is None or begin <= gap.time)
                   for gap in self.gaps)

    def finish(self, trace):
        """The trace ends here: what has not arrived by now, what was not seen leaving, and where events are missing."""
        self.gaps, self.complete_from = [*trace.gaps, *trace.harmed], trace.complete_from()
        self.ended = trace.last_time
        for gap in trace.gaps:
            time = gap.time if gap.time is not None else trace.last_time
            if time is not None:
                words = "%s lost here (processor %d)" % (events_of(gap.count), gap.cpu)
                self.mark("moment", Moment(time, -1, None, "gap", words))
        if self.complete_from is not None and self.start is not None and self.complete_from >= self.began:
            words = "up to here %s missing, the oldest ones" % events_of(trace.overwritten(), " are")
            self.mark("moment", Moment(self.complete_from, -1, None, "gap", words))
        for what, thing in ((mark[2], mark[3]) for mark in self.marks):
            if what == "leaves":
                self.judge(thing)
            elif what == "arrives" and thing.segment.time is None and self.traced[thing.segment.sender] and \
                    not self.may_be_missing(thing.time - WHILE, thing.time):
                thing.segment.note = thing.segment.note or "not seen leaving"

    def judge(self, segment):
        """What became of a segment that left."""
        if not self.traced[1 - segment.sender]:
            segment.untold = True
        elif not segment.arrivals:
            silent = self.fates[segment.sender] == UNSEEN   # the one before has vanished, too
            if not silent and self.ways.is_under_way(segment, self.ended):
                segment.fate = "the trace ends"
            elif self.may_be_missing(segment.time, segment.time + WHILE):
                segment.fate = "arrival not in the trace"
            elif self.ways.is_overtaken(segment):
                segment.fate = "lost"
            else:
                segment.fate = UNSEEN
        self.fates[segment.sender] = segment.fate

    def ordered(self):
        """The marks in order of time, without states that stand on a segment's row."""
        marks = [mark for mark in self.marks if not (mark[2] == "moment" and mark[3].absorbed)]
        marks.sort(key=itemgetter(0, 1))
        return marks


def events_of(count, verb=""):
    if count is None:
        return "events" + verb
    return "%s event%s%s" % (format(count, ","), "" if count == 1 else "s",
                             " is" if verb and count == 1 else verb)


def relative(segment, seq):
    """@seq and ACK from the initial sequence numbers, and the SACK blocks; None: there is none."""
    own, other = segment.origin
    ack = (segment.ack - other) % MODULUS if "A" in segment.flags else None
    blocks = [[(int(edge) - other) % MODULUS for edge in block.split("-")] for block in segment.sacks.split(",")
              if "-" in block]
    return (seq - own) % MODULUS, ack, blocks


def is_duplicate(blocks, ack):
    """RFC 2883 section 4: the first block ends at or below SEG.ACK, or lies within the second one."""
    first = blocks[0]
    if ack is not None and modular(ack - first[1]) >= 0:
        return True
    return len(blocks) > 1 and modular(first[0] - blocks[1][0]) >= 0 and modular(blocks[1][1] - first[1]) >= 0
