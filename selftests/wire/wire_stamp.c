// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit timestamps (SO_TIMESTAMPING) of what is acknowledged in part, is in a probe of the path MTU, or leaves again
 * in smaller segments: what the program is told has the octets that were written, and is in the way of no repetition
 * while nobody reads it. Whole writes are a matter of differential. And the time (SO_TIMESTAMPNS) of segments that are
 * read at once.
 */
#include "lib/test.h"
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include "lib/wire.h"

#define OPENED		"listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept"
#define HEAD		300	/* is stamped */
#define ALL		6900	/* in the same skb */

static uint8_t octets[ALL];

/* All in one skb, the time of whose first part is asked for. */
static int write_both(struct wire *w)
{
	const int acked = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_ACK, none = 0;

	for (size_t i = 0; i < ALL; i++)
		octets[i] = wire_segment_byte(1 + i);
	if (setsockopt(w->c.fd, SOL_SOCKET, SO_TIMESTAMPING, &acked, sizeof(acked)) ||
	    send(w->c.fd, octets, HEAD, MSG_MORE) != HEAD ||
	    setsockopt(w->c.fd, SOL_SOCKET, SO_TIMESTAMPING, &none, sizeof(none)) ||
	    send(w->c.fd, octets + HEAD, ALL - HEAD, 0) != ALL - HEAD)
		return wire_fail(w, "writing: %s", strerror(errno));
	return 0;
}

static int read_told(struct wire *w)
{
	uint8_t told[ALL], control[512];
	struct iovec iov = { told, sizeof(told) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(w->c.fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);

	if (n < HEAD)
		return wire_fail(w, "the error queue: %zd, %s", n, strerror(errno));
	return memcmp(told, octets, n) ? wire_fail(w, "%zd other octets", n) : 0;
}

static int acknowledge_part(struct wire *w)
{
	return wire_script_run(w, OPENED) ?: write_both(w) ?:
	       wire_script_run(w, "> . 1(1000) ack 1; skim; < . 1 ack 501; none");
}

static int says_what_was_written(struct wire *w)
{
	return acknowledge_part(w) ?: read_told(w) ?: wire_script_run(w, "< . 1 ack 6901; none");
}

static int is_not_in_the_way(struct wire *w)
{
	const char *script = w->stack == WIRE_KERNEL ? "pass 1500; none; < . 1 ack 6901; none" :
			     ">@1500 p. 501(500) ack 1; < . 1 ack 6901; none";

	return acknowledge_part(w) ?: wire_script_run(w, script) ?: read_told(w);
}

static int is_told_of(struct wire *w, unsigned int number)
{
	const struct sock_extended_err *ee;
	uint8_t octet, control[512];
	struct iovec iov = { &octet, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};

	if (recvmsg(w->c.fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return wire_fail(w, "the error queue: %s", strerror(errno));
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&m); cmsg; cmsg = CMSG_NXTHDR(&m, cmsg)) {
		if (cmsg->cmsg_type != (w->ip == 4 ? IP_RECVERR : IPV6_RECVERR) || cmsg->cmsg_level == SOL_SOCKET)
			continue;
		ee = (const void *)CMSG_DATA(cmsg);
		return ee->ee_data == number && ee->ee_info == SCM_TSTAMP_ACK ? 0 :
			wire_fail(w, "octet %u, want %u; stamp %u", ee->ee_data, number, ee->ee_info);
	}
	return wire_fail(w, "no stamp");
}

/* The numbers count octets, not writes, from the moment at which the program asked for them. */
static int says_which_octet(struct wire *w)
{
	const int numbered = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_ID;

	if (wire_script_run(w, OPENED "; write 10; skim; < . 1 ack 11"))
		return -1;
	if (setsockopt(w->c.fd, SOL_SOCKET, SO_TIMESTAMPING, &numbered, sizeof(numbered)))
		return wire_fail(w, "SO_TIMESTAMPING: %s", strerror(errno));
	return wire_script_run(w, "write 300; skim; < . 1 ack 311; none") ?: is_told_of(w, 299) ?:
	       wire_script_run(w, "write 100; skim; < . 1 ack 411; none") ?: is_told_of(w, 399);
}

/* A write is one skb, until its first segment goes again. The skb with the last octet has the stamp then. */
static int says_when_all_arrived(struct wire *w)
{
	const int numbered = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_ID;
	uint8_t octet;

	if (wire_script_run(w, OPENED))
		return -1;
	if (setsockopt(w->c.fd, SOL_SOCKET, SO_TIMESTAMPING, &numbered, sizeof(numbered)))
		return wire_fail(w, "SO_TIMESTAMPING: %s", strerror(errno));
	if (wire_script_run(w, "write 2500; > p. 1(1000) ack 1 x2; > P. 2001(500) ack 1; >@1500 p. 1(1000) ack 1;"
			    "< . 1 ack 1001; skim"))
		return -1;
	if (recv(w->c.fd, &octet, 1, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
		return wire_fail(w, "a stamp before all has arrived");
	return wire_script_run(w, "< . 1 ack 2501; none") ?: is_told_of(w, 2499);
}

/* Is the next message the stamp of a segment that ends with these octets of the stream? */
static int is_told_of_segment(struct wire *w, uint32_t first, size_t len)
{
	uint8_t told[2048], control[512];
	struct iovec iov = { told, sizeof(told) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(w->c.fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);

	if (n < (ssize_t)len)
		return wire_fail(w, "the error queue: %zd, %s", n, strerror(errno));
	for (size_t i = 0; i < len; i++)
		if (told[n - len + i] != wire_segment_byte(first + i))
			return wire_fail(w, "a stamp of another segment, of %zd octets", n);
	return 0;
}

/* Two segments where it was one: the second has the last octet, and its stamp. */
static int leaves_again_in_two(struct wire *w)
{
	const int leaving = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID;

	if (wire_script_run(w, OPENED))
		return -1;
	if (setsockopt(w->c.fd, SOL_SOCKET, SO_TIMESTAMPING, &leaving, sizeof(leaving)))
		return wire_fail(w, "SO_TIMESTAMPING: %s", strerror(errno));
	return wire_script_run(w, "write 1024; > P. 1(1024) ack 1") ?: is_told_of_segment(w, 1, 1024) ?:
	       wire_script_run(w, "icmp toobig seq 1 mtu 552; > . 1(512) ack 1; > P. 513(512) ack 1") ?:
	       is_told_of_segment(w, 513, 512) ?: wire_script_run(w, "< . 1 ack 1025; none");
}

/* A probe of the path MTU takes the octets of two skbs; the second has the stamp. */
static int is_in_a_probe(struct wire *w)
{
	const int numbered = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_ID;
	const int none = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID;

	if (wire_script_run(w, "connect; > S 0; pass 100; < S. 0 ack 1 $; > . 1 ack 1"))
		return -1;
	if (setsockopt(w->c.fd, SOL_SOCKET, SO_TIMESTAMPING, &numbered, sizeof(numbered)))
		return wire_fail(w, "SO_TIMESTAMPING: %s", strerror(errno));
	if (wire_script_run(w, "write 5732; > p. 1(512) ack 1 x10"))
		return -1;
	if (setsockopt(w->c.fd, SOL_SOCKET, SO_TIMESTAMPING, &none, sizeof(none)))
		return wire_fail(w, "SO_TIMESTAMPING: %s", strerror(errno));
	return wire_script_run(w, "write 3996; pass 100; < . 1 ack 5121; > p. 5121(756) ack 1; skim; < . 1 ack 9729") ?:
	       is_told_of(w, 5731);
}

/* What was received in one read has the time of its last octets. */
static int joined_has_the_later_time(struct wire *w)
{
	uint8_t came[300], control[512];
	struct iovec iov = { came, sizeof(came) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	struct timespec before, told = { 0 };

	if (wire_script_run(w, OPENED))
		return -1;
	if (stack_set(w->c.fd, SOL_SOCKET, SO_TIMESTAMPNS, 1))
		return wire_fail(w, "SO_TIMESTAMPNS: %s", strerror(errno));
	if (wire_script_run(w, "pass 50; < P. 1(100) ack 1; pass 50"))
		return -1;
	clock_gettime(CLOCK_REALTIME, &before);
	if (wire_script_run(w, "< P. 101(100) ack 1; skim"))
		return -1;
	if (recvmsg(w->c.fd, &m, MSG_DONTWAIT) != 200)
		return wire_fail(w, "not all came at once");
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&m); cmsg; cmsg = CMSG_NXTHDR(&m, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&told, CMSG_DATA(cmsg), sizeof(told));
	return told.tv_sec > before.tv_sec || (told.tv_sec == before.tv_sec && told.tv_nsec >= before.tv_nsec) ? 0 :
	       wire_fail(w, "the time of the first segment, or none");
}

static const struct wire_row rows[] = {
	{ "stamp_in_a_probe_of_the_path_mtu", "RFC 4821 7.2", .run = is_in_a_probe,
		.pre = "sysctl mtu_probing 2; sysctl base_mss 512; sysctl timestamps 0", .syn = "mss 1000,sackok",
		.want = { .state = ESTABLISHED } },
	{ "stamp_of_the_second_half_that_leaves_again", "RFC 1191 6.4", .run = leaves_again_in_two, .only = 4,
		.pre = "bundles 64", .syn = "mss 1024",
		.want = { .state = ESTABLISHED } },
	{ "stamp_of_what_came_is_the_last", "RFC 9293 3.10.3", .run = joined_has_the_later_time,
		.want = { .state = ESTABLISHED } },
	{ "stamp_is_of_the_last_segment_of_a_write", "RFC 9293 3.4", .run = says_when_all_arrived, .pre = "bundles 64",
		.want = { .state = ESTABLISHED } },
	{ "stamp_says_which_octet", "RFC 9293 3.4", .run = says_which_octet, .want = { .state = ESTABLISHED } },
	{ "stamp_of_a_part_says_what_was_written", "RFC 9293 3.4", .run = says_what_was_written,
		.want = { .state = ESTABLISHED } },
	{ "stamp_of_a_part_is_not_in_the_way", "RFC 6298 5.4", .run = is_not_in_the_way,
		.want = { .counters = "TCPTimeouts=1 TCPSpuriousRtxHostQueues=0", .state = ESTABLISHED },
		.kernel_differs = "takes what waits in the error queue for a segment that has not left yet",
		.kernel = { .counters = "RetransSegs=0", .state = ESTABLISHED } },
};

WIRE_MAIN(rows)
