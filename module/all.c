// SPDX-License-Identifier: GPL-2.0
/*
 * The whole module as one translation unit. Calls go down: each file may call the files that are
 * included after it (scripts/check/check-rooms.py). The compiler inlines across files: so there is
 * less code, a segment needs fewer instructions, and a build takes a fifth of the time. Small
 * functions that run for most segments are __always_inline, although they have several callers.
 *
 * Names of functions, variables and macros must be unique in the whole module.
 * scripts/check/check-style.sh checks this, and also compiles each file by itself (SEPARATE=1).
 * trace.c creates the tracepoints, and is compiled separately.
 */

#include "main.c"

#include "socket/family.c"
#include "socket/names.c"
#include "socket/diag.c"
#include "socket/set.c"
#include "socket/sockopt.c"
#include "socket/recvmsg.c"
#include "socket/sendmsg.c"
#include "socket/local.c"
#include "socket/accept.c"
#include "socket/repair.c"

#include "netns/netns.c"
#include "netns/proc.c"

#include "in/interpose.c"
#include "in/icmp.c"
#include "in/ingress.c"

#include "listen/halfopen.c"
#include "listen/synq.c"
#include "listen/handover.c"
#include "listen/entry.c"

#include "sock/create.c"

#include "arrive/arrives.c"
#include "arrive/acks.c"

#include "expiry/expiry.c"

#include "sock/end.c"

#include "recovery/acked.c"
#include "recovery/recovery.c"

#include "ports/port.c"
#include "ports/lease.c"
#include "ports/sharing.c"

#include "timewait/timewait.c"

#include "fastopen/fastopen.c"

#include "recv/rcvq.c"

#include "send/output.c"
#include "send/mss.c"

#include "out/segment.c"
#include "out/reply.c"
#include "out/ip.c"

#include "time/timer.c"
#include "time/pace.c"

#include "loss/scoreboard.c"

#include "sendq/sndq.c"

#include "auth/verify.c"
#include "auth/keyget.c"
#include "auth/aokeys.c"
#include "auth/ao.c"

#include "lookup/early.c"
#include "lookup/listeners.c"
#include "lookup/demux.c"

#include "policy/policy.c"

#include "cong/algorithms.c"
#include "generated/algorithms_files.h"
#include "cong/cong.c"
#include "cong/resuming.c"

#include "ecn/ecn.c"

#include "window/window.c"

#include "sight/mib.c"

#include "base/state.c"
#include "base/memory.c"
#include "base/secret.c"
#include "base/options.c"

#include "sight/blackbox.c"
