// SPDX-License-Identifier: GPL-2.0
/*
 * BBR on the wire (draft-ietf-ccwg-bbr): the window after repairs. Its filters and its state machine are tested in
 * unit/, what it does to a network in bbr.
 */
#include "lib/wire.h"

/* RFC 5682's two segments after a timeout would be others. */
#define BBR		"sysctl frto 0; listen; set CONGESTION bbr"
/* Segments that the window lets out wait for their time, so nobody says how many leave at once. */
#define TWENTY_IN_FLIGHT	"< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; write 10000; skim; < . 1 ack 10001;" \
				"write 20000; skim; info unacked = 20; info snd_cwnd = 20;"
/* Without SACK a repair is over when more than it was for is acknowledged. */
#define PASSED		"write 1000; > P. 30001(1000) ack 1; < . 1 ack 31001;"

static const struct wire_row rows[] = {
	{
		.name = "bbr_window_after_a_timeout", .rfc = "BBR 5.6.4.4", .pre = BBR,
		.want = {
			.script = TWENTY_IN_FLIGHT ">@1500 . 10001(1000) ack 1; info snd_cwnd = 1; < . 1 ack 30001;"
				  PASSED "info snd_cwnd >= 20",
		},
	},
	/* the second one finds a window that the first one has made small */
	{
		.name = "bbr_window_after_two_timeouts", .rfc = "BBR 5.6.4.4", .pre = BBR,
		.want = {
			.script = TWENTY_IN_FLIGHT ">@1500 . 10001(1000) ack 1; info snd_cwnd = 1;"
				  "< . 1 ack 20001; skim; >@1500 . 20001(1000) ack 1; info snd_cwnd = 1;"
				  "< . 1 ack 30001;"
				  PASSED "info snd_cwnd >= 20",
		},
	},
};

int main(int argc, char **argv)
{
	return wire_main_xtcp(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
