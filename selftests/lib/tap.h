/* SPDX-License-Identifier: GPL-2.0 */
/* A tap on a link: which segments leave by it, and when. */
#pragma once

#include <stdbool.h>

struct tap_segment {
	int from_port;
	int to_port;
	int text;		/* octets behind the TCP header */
	long long time_of_day_us;
};

/* From now on everything is noted that leaves @ns by @device; a descriptor to close, or -1 with errno. */
int tap_open(int ns, const char *device);

/* The next segment that left, over either IP without options; false when there is none. Does not wait. */
bool tap_next(int tap, struct tap_segment *segment);
