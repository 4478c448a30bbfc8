/* SPDX-License-Identifier: GPL-2.0 */
/* What rows about the reason of an end have in common: wire_abort, wire_rstdiag, wire_giveup, wire_keepalive. */
#pragma once

/* A RST comes: these are the steps of SO_ERROR, and of XTCP_ABORT before and after it. */
#define RESET_BY(rst, why)	"< " rst "; none; why " why "; err ECONNRESET"

/* The counters of the row are xtcp's own; kernel TCP has those of @deltas. */
#define NO_OWN(deltas)	.kernel_differs = "has no counters of these", .kernel.counters = deltas

/* Why kernel TCP differs: a knob that only xtcp has, and how it tells that it was this knob. */
#define NO_KNOB		"has no such knob"
#define NO_REASON	"has no XTCP_ABORT, and no counter of such a knob"

/* The socket connects to its peer again, and the reason of its last end is gone. */
#define CONNECTED_AGAIN	"connect; why none none - none; abort; skim"
