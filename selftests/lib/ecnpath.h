/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network that can mark instead of dropping, between two namespaces, and what came of it: how much was marked,
 * whether something was lost. What fails ends the program, but where a function says whether all is well.
 */
#pragma once

#include "sides.h"

/* Two new namespaces that know each other's addresses. */
struct ns_pair ecnpath_make(void);

/*
 * What goes through a veth comes out in another order when two processors send. Not so through the ring of one that
 * does GRO, which takes no bundles: those are cut behind netem. For what goes from a to b.
 */
void ecnpath_keep_order(const struct ns_pair *pair);
void ecnpath_set(int ns, enum stack stack, int value);

/* Congestion that arrived in @ns, in segments. */
long long ecnpath_marks(int ns, const struct sides *s);

/* Segments that reached the server before what was in front of them. */
long long ecnpath_holes(const struct ns_pair *pair, const struct sides *s);

/*
 * Are there more of these than there were before? That was lost then, as the order does not change
 * (ecnpath_keep_order()); but for a sender that stood still so long that it timed out, and goes by another queue of the
 * device from then on.
 */
bool ecnpath_is_lost(const struct ns_pair *pair, const struct sides *s, long long holes_before);

/*
 * A stream of so many octets without its end: a FIN says no ECT, so it may be lost. False when an octet is wrong, or
 * nothing moves for ECNPATH_STALL_MS.
 */
#define ECNPATH_STALL_MS 20000
bool ecnpath_stream(int from, int to, int octets);

/* The same by writes that end at each @piece octets, fewer than 65536; before that only full segments leave. */
bool ecnpath_stream_by(int from, int to, int octets, int piece);
