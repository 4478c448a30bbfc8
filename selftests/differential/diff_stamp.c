// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: when what was written left, and when it was acknowledged (SO_TIMESTAMPING). */
#include <time.h>
#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include "lib/diff.h"
#include "lib/netem.h"
#include "lib/ns.h"

#define SOFT	SOF_TIMESTAMPING_SOFTWARE
#define ID	SOF_TIMESTAMPING_OPT_ID
#define BARE	SOF_TIMESTAMPING_OPT_TSONLY
#define NEXT	0x10000	/* SOF_TIMESTAMPING_OPT_ID_TCP */
#define SCHED	SOF_TIMESTAMPING_TX_SCHED
#define SENT	SOF_TIMESTAMPING_TX_SOFTWARE
#define ACKED	SOF_TIMESTAMPING_TX_ACK

static const char *kind_text(int kind)
{
	static const char * const texts[] = { "sent", "queued", "acknowledged" };

	return kind >= 0 && kind < 3 ? texts[kind] : "?";
}

static bool read_stamp(int fd, struct msghdr *m, ssize_t *n)
{
	*n = recvmsg(fd, m, MSG_ERRQUEUE | MSG_DONTWAIT);
	return *n >= 0;
}

/* The next message of the error queue; @text: the last octets that came with it are compared with these. */
static void next_stamp(int fd, const char *text)
{
	char b[4096], control[512];
	struct iovec iov = { b, sizeof(b) };
	struct msghdr m = MESSAGE(iov, control);
	struct sock_extended_err *ee = NULL;
	struct scm_timestamping *at = NULL;
	size_t len = strlen(text);
	bool statistics = false;
	ssize_t n = -1;

	diff_must(WAIT_FOR(read_stamp(fd, &m, &n), DIFF_DEADLINE_MS), "no timestamp");
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(&m); cm; cm = CMSG_NXTHDR(&m, cm)) {
		if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_TIMESTAMPING)
			at = (void *)CMSG_DATA(cm);
		else if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_TIMESTAMPING_OPT_STATS)
			statistics = true;
		else
			ee = (void *)CMSG_DATA(cm);
	}
	diff_must(ee, "no error");
	diff_say("%s: errno %u, origin %u, a time %d", kind_text(ee->ee_info), ee->ee_errno, ee->ee_origin,
		 at && at->ts[0].tv_sec);
	diff_say("number: %u", ee->ee_data);
	diff_say("statistics: %d", statistics);
	/* they are what has been read then */
	diff_say("octets: %zd, the last ones are '%s': %d", statistics ? 0 : n, text,
		 n >= (ssize_t)len && !memcmp(b + n - len, text, len));
}

static struct sock_extended_err next_error(int fd)
{
	char control[512];
	struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n;

	diff_must(WAIT_FOR(read_stamp(fd, &m, &n), DIFF_DEADLINE_MS), "no timestamp");
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(&m); cm; cm = CMSG_NXTHDR(&m, cm))
		if (cm->cmsg_level != SOL_SOCKET)
			return *(struct sock_extended_err *)CMSG_DATA(cm);
	diff_die("no error");
}

static void no_stamp(int fd)
{
	char b[16];

	RET(recv(fd, b, sizeof(b), MSG_ERRQUEUE | MSG_DONTWAIT));
}

/* Of a device that queues nothing the first two come within the call. */
SCENARIO_OF_PAIR(stamp_each)
{
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | SCHED | SENT | ACKED);
	GET(c, SOL_SOCKET, SO_TIMESTAMPING);
	diff_put(c, "hello");
	BITS(c, POLLERR);
	next_stamp(c, "");
	next_stamp(c, "");
	next_stamp(c, "");
	READ(s, 10, 0);
	diff_put(c, "goodbye");
	next_stamp(c, "");
	next_stamp(c, "");
	next_stamp(c, "");
	no_stamp(c);
	BITS(c, 0);
	GET(c, SOL_SOCKET, SO_ERROR);
	diff_put(s, "not asked");
	no_stamp(s);
	READ(c, 20, 0);
}

SCENARIO_OF_PAIR(stamp_with_data)
{
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | SCHED | SENT | ACKED);
	diff_put(c, "hello");
	next_stamp(c, "hello");
	next_stamp(c, "hello");
	next_stamp(c, "hello");
	READ(s, 10, 0);
}

SCENARIO_OF_PAIR(stamp_without_number)
{
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | BARE | SENT);
	diff_put(c, "hello");
	next_stamp(c, "");
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, BARE | ACKED);
	diff_put(c, "more");
	next_stamp(c, "");
	no_stamp(c);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, 0);
	diff_put(c, "none");
	QUEUES(c, -1, 0);
	no_stamp(c);
	QUEUES(s, 13, -1);
}

/* Numbers begin anew when they are asked for anew. */
SCENARIO_OF_PAIR(stamp_number)
{
	diff_put(c, "before");
	QUEUES(c, -1, 0);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | ACKED);
	diff_put(c, "abc");
	next_stamp(c, "");
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE);
	diff_put(c, "defg");
	QUEUES(c, -1, 0);
	no_stamp(c);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | ACKED);
	diff_put(c, "h");
	next_stamp(c, "");
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, 0);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | ACKED);
	diff_put(c, "ij");
	next_stamp(c, "");
	QUEUES(s, 16, -1);
}

/* What waits when numbers are asked for. */
SCENARIO_OF_PAIR(stamp_number_late)
{
	SET(c, IPPROTO_TCP, TCP_CORK, 1);
	diff_put(c, "before");
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | ACKED);
	diff_put(c, "abc");
	SET(c, IPPROTO_TCP, TCP_CORK, 0);
	next_stamp(c, "");
	QUEUES(s, 9, -1);
}

/* The same with numbers from what is written next, which Linux 6.1 has not. */
SCENARIO_OF_PAIR(stamp_number_tcp)
{
	SET(c, IPPROTO_TCP, TCP_CORK, 1);
	diff_put(c, "before");
	if (SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | ACKED | NEXT))
		return;
	diff_put(c, "abc");
	SET(c, IPPROTO_TCP, TCP_CORK, 0);
	next_stamp(c, "");
	QUEUES(s, 9, -1);
}

/* Of writes that leave together the last one counts, unless a record ends before it. */
SCENARIO_OF_PAIR(stamp_together)
{
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | SCHED | SENT | ACKED);
	SET(c, IPPROTO_TCP, TCP_CORK, 1);
	diff_put(c, "abc");
	diff_put(c, "def");
	no_stamp(c);
	SET(c, IPPROTO_TCP, TCP_CORK, 0);
	next_stamp(c, "");
	next_stamp(c, "");
	next_stamp(c, "");
	no_stamp(c);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | ACKED);
	SET(c, IPPROTO_TCP, TCP_CORK, 1);
	RET(send(c, "ghi", 3, MSG_EOR));
	diff_put(c, "jkl");
	SET(c, IPPROTO_TCP, TCP_CORK, 0);
	next_stamp(c, "");
	next_stamp(c, "");
	no_stamp(c);
	QUEUES(s, 12, -1);
}

static void small_segments(int c, int l)
{
	SET(l, IPPROTO_TCP, TCP_MAXSEG, 1000);
	SET(c, IPPROTO_TCP, TCP_MAXSEG, 1000);
}

static char large[100000];

static size_t drain_all(int fd, size_t want)
{
	static char b[65536];
	size_t all = 0;
	ssize_t n;

	while (all < want && (n = recv(fd, b, sizeof(b), 0)) > 0)
		all += n;
	return all;
}

/* The last octet of a write in several segments. */
SCENARIO(stamp_bundle)
{
	int c, s;

	diff_pair_with(&c, &s, small_segments);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | SCHED | SENT | ACKED);
	RET(send(c, large, 5400, 0));
	diff_say("all of it comes: %d", drain_all(s, 5400) == 5400);
	next_stamp(c, "");
	next_stamp(c, "");
	next_stamp(c, "");
	no_stamp(c);
}

static void drain_it(void *arg)
{
	if (drain_all(*(int *)arg, sizeof(large)) != sizeof(large))
		_exit(1);
}

/* More than the first window has room for: the rest of the write is cut off, more than once. */
SCENARIO(stamp_large)
{
	pid_t pid;
	int c, s;

	diff_pair_with(&c, &s, small_segments);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | ACKED);
	pid = diff_fork(drain_it, &s);
	RET(send(c, large, sizeof(large), 0));
	diff_join(pid);
	next_stamp(c, "");
	no_stamp(c);
}

/*
 * Where IP cuts the bundle the segment with the last octet is the one that is meant. Both messages have the octets of
 * the bundle that it left in. How many segments make one is a question of the round trip in Linux: after a slow
 * handshake the fifth segment was in it, too. With at least five, which is half of the first congestion window, these
 * leave at once, and the rest after them.
 */
SCENARIO(stamp_cut)
{
	struct ethtool_value off = { .cmd = ETHTOOL_STSO };
	struct ifreq ifr = { .ifr_name = "lo", .ifr_data = (void *)&off };
	int c, s;

	diff_must(!ns_sysctl_set(diff_own_namespace(), "net.ipv4.tcp_min_tso_segs", "5"), "tcp_min_tso_segs");
	c = socket(AF_INET, SOCK_DGRAM, 0);
	diff_must(!ioctl(c, SIOCETHTOOL, &ifr), "ETHTOOL_STSO");
	close(c);
	memcpy(large + 5396, "last", 4);
	diff_pair_with(&c, &s, small_segments);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | SENT | ACKED);
	RET(send(c, large, 5400, 0));
	diff_say("all of it comes: %d", drain_all(s, 5400) == 5400);
	next_stamp(c, "last");
	next_stamp(c, "last");
	no_stamp(c);
}

/* For one write, by a control message; and such that are none. */
SCENARIO(stamp_control)
{
	char control[CMSG_SPACE(sizeof(__u32))] = {};
	struct iovec iov = { "ab", 2 };
	struct msghdr m = MESSAGE(iov, control);
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	int c, s;

	diff_pair(&c, &s);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE);
	diff_put(c, "none");
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SO_TIMESTAMPING;
	cm->cmsg_len = CMSG_LEN(sizeof(__u32));
	*(__u32 *)CMSG_DATA(cm) = SENT | ACKED;
	RET(sendmsg(c, &m, 0));
	next_stamp(c, "");
	next_stamp(c, "");
	diff_put(c, "none");
	QUEUES(c, -1, 0);
	no_stamp(c);
	*(__u32 *)CMSG_DATA(cm) = SENT | SOFT;
	RET(sendmsg(c, &m, 0));
	*(__u32 *)CMSG_DATA(cm) = -1;
	RET(sendmsg(c, &m, 0));
	*(__u32 *)CMSG_DATA(cm) = SENT;
	cm->cmsg_len--;
	RET(sendmsg(c, &m, 0));
	/* what the socket has asked for does not count for a write that asks itself */
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | SENT | ACKED);
	cm->cmsg_len++;
	*(__u32 *)CMSG_DATA(cm) = 0;
	RET(sendmsg(c, &m, 0));
	QUEUES(c, -1, 0);
	no_stamp(c);
	QUEUES(s, 12, -1);
}

/* SCM_TS_OPT_ID, of newer kernels. */
SCENARIO(stamp_control_number)
{
	char control[CMSG_SPACE(sizeof(__u32))] = {};
	struct iovec iov = { "ab", 2 };
	struct msghdr m = MESSAGE(iov, control);
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	int c, s;

	diff_pair(&c, &s);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | ACKED);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = 81;
	cm->cmsg_len = CMSG_LEN(sizeof(__u32));
	RET(sendmsg(c, &m, 0));
	QUEUES(s, 0, -1);
}

SCENARIO_OF_PAIR(stamp_statistics)
{
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | ACKED | SOF_TIMESTAMPING_OPT_STATS);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | ACKED | SOF_TIMESTAMPING_OPT_STATS);
	diff_put(c, "abc");
	next_stamp(c, "");
	QUEUES(s, 3, -1);
}

/* What is lost leaves again, and is told each time it comes to the device's queue; it is acknowledged once. */
SCENARIO(stamp_resent)
{
	int ns = diff_own_namespace(), c, s, kind, i, n[3] = {};

	diff_pair(&c, &s);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | SCHED | SENT | ACKED);
	diff_must(!netem_gate(ns, "lo", false), "netem");
	diff_put(c, "hello");
	for (i = 0; i < 2; i++)
		n[next_error(c).ee_info]++;
	diff_must(!netem_gate(ns, "lo", true), "netem");
	do {
		kind = next_error(c).ee_info;
		n[kind]++;
	} while (kind != SCM_TSTAMP_ACK);
	diff_say("queued more than once: %d, sent: %d, acknowledged: %d", n[SCM_TSTAMP_SCHED] > 1,
		 n[SCM_TSTAMP_SND], n[SCM_TSTAMP_ACK]);
	no_stamp(c);
	READ(s, 10, 0);
}

static void one_segment_of_window(int c, int l)
{
	small_segments(c, l);
	SET(l, SOL_SOCKET, SO_RCVBUF, 2304);
}

/* All that the call could take has left when it meets an address that is none: there is still the ACK to be told of. */
SCENARIO(stamp_left_already)
{
	struct iovec iov[2] = { { large, 0 }, { (void *)8, 1000 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	int c, s, mss;
	socklen_t len = sizeof(mss);

	diff_pair_with(&c, &s, one_segment_of_window);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | SENT | ACKED);
	GET(c, IPPROTO_TCP, TCP_MAXSEG);
	diff_must(!getsockopt(c, IPPROTO_TCP, TCP_MAXSEG, &mss, &len), "TCP_MAXSEG");
	iov[0].iov_len = mss;
	RET(sendmsg(c, &m, 0));
	next_stamp(c, "");
	no_stamp(c);
	diff_put(c, "more");
	next_stamp(c, "");
	next_stamp(c, "");
	QUEUES(s, mss + 4, -1);
}

/* Of what nobody reads as much is kept as the receive buffer has room for. The others are lost, and nothing else. */
SCENARIO_OF_PAIR(stamp_unread)
{
	int i, left, n = 0;
	char b[16];

	SET(c, SOL_SOCKET, SO_RCVBUF, 8000);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | SENT);
	SET(c, IPPROTO_TCP, TCP_NODELAY, 1);
	/* each has left before the next one: what waits for the window would leave as one, with one stamp */
	for (i = 0; i < 100; i++)
		if (send(c, "x", 1, 0) != 1 || !WAIT_FOR(!ioctl(c, SIOCOUTQ, &left) && !left, DIFF_DEADLINE_MS))
			diff_die("send");
	QUEUES(s, 100, -1);
	QUEUES(c, -1, 0);
	while (recv(c, b, sizeof(b), MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
		n++;
	diff_say("messages: %d", n);
	diff_put(c, "y");
	next_stamp(c, "");
	no_stamp(c);
	diff_put(s, "answer");
	READ(c, 10, 0);
}

/* Another connection of the same socket; and one that never asked, which may get the memory of what was lost. */
SCENARIO(stamp_next_connection)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	int l = diff_listener(1), c = diff_connected(1), s = diff_accepted(l), other, i;

	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | SENT | ACKED);
	SET(c, IPPROTO_TCP, TCP_CORK, 1);
	diff_put(c, "abc");
	RET(connect(c, &nobody, sizeof(nobody)));
	no_stamp(c);
	for (i = 0; i < 16; i++) {
		other = diff_connected(1);
		diff_accepted(l);
		diff_put(other, "d");
		QUEUES(other, -1, 0);
		no_stamp(other);
	}
	SET(c, IPPROTO_TCP, TCP_CORK, 0);
	RET(connect(c, LO(1), ALEN));
	s = diff_accepted(l);
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | ACKED);
	diff_put(c, "ef");
	diff_say("it counts from its first octet: %d", next_error(c).ee_data == 1);
	READ(s, 10, 0);
}

/* The end of the connection takes with it what was not acknowledged. */
SCENARIO_OF_PAIR(stamp_reset)
{
	SET(c, SOL_SOCKET, SO_TIMESTAMPING, SOFT | ID | BARE | SENT | ACKED);
	SET(c, IPPROTO_TCP, TCP_CORK, 1);
	diff_put(c, "abc");
	diff_reset(s);
	BITS(c, POLLHUP);
	no_stamp(c);
}
