// SPDX-License-Identifier: GPL-2.0
/*
 * CUBIC on the wire (RFC 9438): what a loss leaves, by duplicate ACKs and by
 * timeout, and that a connection goes on as it is when its algorithm changes. The
 * curve itself is tested in unit/.
 */
#include "lib/wire.h"

#define CUBIC		"sysctl congestion_control cubic; listen"
#define CONNECTED	"< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"
/* A window acknowledged at once is worth a window more in slow start. */
#define TWENTY_IN_FLIGHT	CONNECTED "write 10000; > p. 1(1000) ack 1 x9;" \
				"> P. 9001(1000) ack 1; < . 1 ack 10001;" \
				"write 20000; > p. 10001(1000) ack 1 x19; > P. 29001(1000) ack 1;"
/* 200 ms away, with twenty in flight; eighteen of their ACKs, 8 ms apart, take more than 5/8 of that. */
#define FAR_TRAIN	"< S 0 $; > S. 0 ack 1; pass 200; < . 1 ack 1; accept; write 10000;" \
			"> p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1; pass 200; < . 1 ack 10001;" \
			"write 20000; > p. 10001(1000) ack 1 x19; > P. 29001(1000) ack 1; pass 200;" \
			"< . 1 ack 11001; pass 8; < . 1 ack 12001; pass 8; < . 1 ack 13001; pass 8;" \
			"< . 1 ack 14001; pass 8; < . 1 ack 15001; pass 8; < . 1 ack 16001; pass 8;" \
			"< . 1 ack 17001; pass 8; < . 1 ack 18001; pass 8; < . 1 ack 19001; pass 8;" \
			"< . 1 ack 20001; pass 8; < . 1 ack 21001; pass 8; < . 1 ack 22001; pass 8;" \
			"< . 1 ack 23001; pass 8; < . 1 ack 24001; pass 8; < . 1 ack 25001; pass 8;" \
			"< . 1 ack 26001; pass 8; < . 1 ack 27001; pass 8; < . 1 ack 28001;"
static const struct wire_row rows[] = {
	{
		.name = "cubic_slow_start", .rfc = "RFC 9438 4.10", .pre = CUBIC,
		.want = { .script = TWENTY_IN_FLIGHT "none; info snd_cwnd = 20" },
	},
	/* ACKs without a pause for five eighths of a round trip: the path is more than half full. */
	{
		.name = "cubic_a_train_ends_slow_start", .rfc = "RFC 9438 4.10", .pre = CUBIC,
		.want = {
			.script = FAR_TRAIN "none; info snd_ssthresh <= 38; info snd_ssthresh >= 28",
			.counters = "TCPHystartTrainDetect=1 TCPHystartDelayDetect=0 "
				    "TCPHystartDelayCwnd=0",
		},
		.kernel_differs = "two milliseconds are a pause on each path",
		.kernel = {
			.script = FAR_TRAIN "none; info snd_ssthresh >= 1000000",
			.counters = "TCPHystartTrainDetect=0",
		},
	},
	{
		.name = "cubic_dupacks_leave_seven_tenths", .rfc = "RFC 9438 4.6", .pre = CUBIC,
		.want = {
			.script = TWENTY_IN_FLIGHT "< . 1 ack 10001; < . 1 ack 10001; < . 1 ack 10001;"
				  "> p. 10001(1000) ack 1; info snd_ssthresh = 14",
			.counters = "TCPFastRetrans=1 TCPTimeouts=0",
		},
	},
	{
		.name = "cubic_timeout_leaves_seven_tenths", .rfc = "RFC 9438 4.8", .pre = CUBIC,
		.want = {
			.script = TWENTY_IN_FLIGHT ">@1500 p. 10001(1000) ack 1; info snd_ssthresh = 14;"
				  "info snd_cwnd = 1; < . 1 ack 11001; > p. 11001(1000) ack 1 x2; none",
			.counters = "TCPTimeouts=1",
		},
	},
	{
		.name = "cubic_loses_two_segments_at_least", .rfc = "RFC 9438 4.6", .pre = CUBIC,
		.want = {
			.script = CONNECTED "write 1000; > P. 1(1000) ack 1; >@1500 P. 1(1000) ack 1; none;"
				  "< . 1 ack 1001; write 1000; > P. 1001(1000) ack 1; >@1500 P. 1001(1000) ack 1;"
				  "info snd_ssthresh >= 2",
			.counters = "TCPTimeouts=2",
		},
	},
};

int main(int argc, char **argv)
{
	return wire_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
