// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: recvmsg() with each flag and buffer. */
#include <linux/net_tstamp.h>
#include "lib/diff.h"
#include "stall.h"

SCENARIO_OF_PAIR(recv_plain)
{
	char b[16];

	RET(recv(s, b, sizeof(b), MSG_DONTWAIT));
	diff_put(c, "hello");
	QUEUES(s, 5, -1);
	QUEUES(c, -1, 0);
	READ(s, 2, 0);
	QUEUES(s, 3, -1);
	RET(recv(s, b, 0, 0));
	READ(s, 100, 0);
	READ(s, 100, MSG_DONTWAIT);
	RET(recv(s, b, 0, MSG_DONTWAIT));
	RET(read(s, b, 0));
	diff_put(s, "and back");
	READ(c, 100, 0);
}

SCENARIO_OF_PAIR(recv_peek)
{
	READ(s, 5, MSG_PEEK | MSG_DONTWAIT);
	diff_put(c, "abc");
	QUEUES(s, 3, -1);
	READ(s, 2, MSG_PEEK);
	READ(s, 10, MSG_PEEK);
	diff_put(c, "def");
	QUEUES(s, 6, -1);
	READ(s, 10, MSG_PEEK);
	READ(s, 4, 0);
	READ(s, 10, MSG_PEEK);
	QUEUES(s, 2, -1);
	close(c);
	BITS(s, POLLRDHUP);
	READ(s, 10, MSG_PEEK);
	READ(s, 10, 0);
	READ(s, 10, MSG_PEEK);
	READ(s, 10, 0);
}

SCENARIO_OF_PAIR(recv_peek_waitall)
{
	struct timeval tv = { .tv_usec = 50000 };

	diff_put(c, "abc");
	QUEUES(s, 3, -1);
	RET(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	READ(s, 5, MSG_PEEK | MSG_WAITALL);
	READ(s, 3, MSG_PEEK | MSG_WAITALL);
	READ(s, 5, MSG_WAITALL | MSG_DONTWAIT);
	READ(s, 5, MSG_WAITALL | MSG_DONTWAIT);
}

SCENARIO_OF_PAIR(recv_peek_offset)
{
	diff_put(c, "abcdef");
	QUEUES(s, 6, -1);
	SET(s, SOL_SOCKET, SO_PEEK_OFF, 2);
	GET(s, SOL_SOCKET, SO_PEEK_OFF);
	READ(s, 2, MSG_PEEK);
	READ(s, 10, MSG_PEEK);
	READ(s, 10, MSG_PEEK | MSG_DONTWAIT);
	diff_put(c, "ghi");
	QUEUES(s, 9, -1);
	READ(s, 10, MSG_PEEK);
	READ(s, 3, 0);
	GET(s, SOL_SOCKET, SO_PEEK_OFF);
	SET(s, SOL_SOCKET, SO_PEEK_OFF, 0);
	READ(s, 2, MSG_PEEK);
	READ(s, 3, 0);
	GET(s, SOL_SOCKET, SO_PEEK_OFF);
	READ(s, 10, MSG_PEEK);
}

/* MSG_TRUNC throws the bytes away without copying them. */
SCENARIO_OF_PAIR(recv_trunc)
{
	char b[4] = "zzz";

	diff_put(c, "abcdefgh");
	QUEUES(s, 8, -1);
	RET(recv(s, b, 2, MSG_TRUNC));
	diff_say("buffer: %s", b);
	RET(recv(s, NULL, 2, MSG_TRUNC));
	RET(recv(s, NULL, 2, MSG_TRUNC | MSG_PEEK));
	QUEUES(s, 4, -1);
	RET(recv(s, NULL, 100, MSG_TRUNC));
	QUEUES(s, 0, -1);
	RET(recv(s, NULL, 100, MSG_TRUNC | MSG_DONTWAIT));
}

static void put_pieces(void *arg)
{
	int *fd = arg;

	diff_put(fd[0], "abc");
	QUEUES(fd[1], 3, -1);
	diff_put(fd[0], "def");
}

SCENARIO(recv_waitall)
{
	int fd[2];
	pid_t pid;

	diff_pair(&fd[0], &fd[1]);
	put_pieces(fd);
	READ(fd[1], 6, MSG_WAITALL);
	diff_put(fd[0], "abc");
	RET(shutdown(fd[0], SHUT_WR));
	READ(fd[1], 6, MSG_WAITALL);
	READ(fd[1], 6, MSG_WAITALL);
	diff_pair(&fd[0], &fd[1]);
	pid = diff_fork(put_pieces, fd);
	diff_join(pid);
	READ(fd[1], 6, MSG_WAITALL);
	diff_put(fd[0], "xyz");
	QUEUES(fd[1], 3, -1);
	diff_reset(fd[0]);
	BITS(fd[1], POLLHUP);
	READ(fd[1], 6, MSG_WAITALL);
	READ(fd[1], 6, MSG_WAITALL);
	READ(fd[1], 6, MSG_WAITALL);
}

SCENARIO_OF_PAIR(recv_timeout)
{
	struct timeval tv = { .tv_usec = 200000 }, got;
	socklen_t len = sizeof(got);
	long long start;

	RET(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	RET(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &got, &len));
	diff_say("%ld s, %d", (long)got.tv_sec, got.tv_usec >= 200000);
	start = wait_now_ms();
	READ(s, 5, 0);
	diff_say("not before its time: %d", wait_now_ms() - start >= 100);
	diff_put(c, "abc");
	QUEUES(s, 3, -1);
	READ(s, 5, MSG_WAITALL);
	READ(s, 5, MSG_WAITALL);
	READ(s, 5, MSG_DONTWAIT);
	GET(s, SOL_SOCKET, SO_ERROR);
	STATE(s, 0);
}

/* A read of no octets waits, too, and has no error when its time is over or a signal comes. */
SCENARIO_OF_PAIR(recv_no_octets)
{
	struct timeval tv = { .tv_usec = 50000 };
	char b[1];

	RET(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	RET(recv(s, b, 0, MSG_DONTWAIT));
	RET(recv(s, b, 0, 0));
	RET(recv(s, b, 0, MSG_PEEK));
	RET(recv(s, b, 0, MSG_WAITALL));
	tv.tv_usec = 0;
	RET(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	diff_ticks_start(false, 20);
	RET(recv(s, b, 0, 0));
	RET(recv(s, b, 0, MSG_PEEK));
	diff_ticks_stop();
	diff_put(c, "x");
	QUEUES(s, 1, -1);
	RET(recv(s, b, 0, 0));
	READ(s, 1, 0);
}

SCENARIO_OF_PAIR(recv_lowat)
{
	struct timeval tv = { .tv_usec = 50000 };

	SET(s, SOL_SOCKET, SO_RCVLOWAT, 4);
	GET(s, SOL_SOCKET, SO_RCVLOWAT);
	RET(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	diff_put(c, "abc");
	QUEUES(s, 3, -1);
	BITS(s, 0);
	READ(s, 10, MSG_PEEK | MSG_DONTWAIT);
	READ(s, 10, 0);
	diff_put(c, "abcd");
	BITS(s, POLLIN);
	READ(s, 2, 0);
	BITS(s, 0);
	READ(s, 2, 0);
	diff_put(c, "ab");
	QUEUES(s, 2, -1);
	BITS(s, 0);
	RET(shutdown(c, SHUT_WR));
	BITS(s, POLLRDHUP);
	READ(s, 10, 0);
	SET(s, SOL_SOCKET, SO_RCVLOWAT, 0);
	GET(s, SOL_SOCKET, SO_RCVLOWAT);
	SET(s, SOL_SOCKET, SO_RCVLOWAT, -1);
	GET(s, SOL_SOCKET, SO_RCVLOWAT);
}

struct rest {
	int fd, reader;
};

static void *put_rest(void *arg)
{
	struct rest *rest = arg;

	if (WAIT_FOR(asleep_in(rest->reader, SYS_recvfrom), DIFF_DEADLINE_MS))
		diff_put(rest->fd, "efg");
	return NULL;
}

/* The reader takes four octets and waits for two; three come. */
SCENARIO_OF_PAIR(recv_lowat_rest)
{
	struct rest rest = { .fd = c, .reader = gettid() };
	struct timeval tv = { .tv_sec = 1 };
	pthread_t thread;
	long long began;

	SET(s, SOL_SOCKET, SO_RCVLOWAT, 6);
	RET(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	diff_put(c, "abcd");
	QUEUES(s, 4, -1);
	RET(pthread_create(&thread, NULL, put_rest, &rest));
	began = wait_now_ms();
	READ(s, 10, 0);
	diff_say("only when the time was over: %d", wait_now_ms() - began >= 1000);
	RET(pthread_join(thread, NULL));
}

SCENARIO_OF_PAIR(recv_vectors)
{
	char a[3] = "", b[3] = "", d[8] = "";
	struct iovec iov[4] = { { a, 2 }, { NULL, 0 }, { b, 2 }, { d, 7 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 4 };

	diff_put(c, "abcdefg");
	QUEUES(s, 7, -1);
	RET(readv(s, iov, 3));
	diff_say("%s %s", a, b);
	RET(recvmsg(s, &m, 0));
	diff_say("%s %s %s", a, b, d);
	m.msg_iovlen = 0;
	RET(recvmsg(s, &m, MSG_DONTWAIT));
	m.msg_iovlen = 5000;
	RET(recvmsg(s, &m, MSG_DONTWAIT));
	diff_put(c, "x");
	BITS(s, POLLIN);
	m.msg_iovlen = 0;
	RET(recvmsg(s, &m, 0));
	RET(readv(s, iov, 0));
	RET(readv(s, iov, -1));
}

SCENARIO_OF_PAIR(recv_header)
{
	char b[8], control[64];
	union diff_addr a;
	struct iovec iov = { b, 3 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_name = &a, .msg_namelen = sizeof(a),
		.msg_control = control, .msg_controllen = sizeof(control),
		.msg_flags = -1,
	};
	socklen_t len = sizeof(a);

	memset(&a, 0xee, sizeof(a));
	diff_put(c, "abcdef");
	QUEUES(s, 6, -1);
	RET(recvmsg(s, &m, 0));
	diff_say("name %u control %zu flags %x", m.msg_namelen, m.msg_controllen, m.msg_flags);
	diff_say("address %s", a.sa.sa_family == 0xeeee ? "untouched" : "set");
	RET(recvfrom(s, b, 1, 0, &a.sa, &len));
	diff_say("length %u", len);
	RET(recvmsg(s, &m, MSG_CMSG_CLOEXEC));
	diff_say("flags %x", m.msg_flags);
	m.msg_namelen = -1;
	RET(recvmsg(s, &m, MSG_DONTWAIT));
	RET(recvmsg(s, NULL, MSG_DONTWAIT));
}

SCENARIO_OF_PAIR(recv_odd_flags)
{
	diff_put(c, "abcdef");
	QUEUES(s, 6, -1);
	READ(s, 2, MSG_OOB);
	READ(s, 2, MSG_ERRQUEUE);
	READ(s, 1, MSG_DONTROUTE);
	READ(s, 1, MSG_NOSIGNAL);
	READ(s, 1, MSG_EOR | MSG_CONFIRM);
	READ(s, 1, 0x08000000);
	READ(s, 1, MSG_WAITFORONE);
	READ(s, 5, 0);
}

SCENARIO_OF_PAIR(recv_bad_buffer)
{
	struct iovec iov[2] = { { NULL, 2 }, { (void *)8, 2 } };
	char b[4] = "";

	diff_put(c, "abcdef");
	QUEUES(s, 6, -1);
	RET(recv(s, (void *)8, 2, 0));
	QUEUES(s, 6, -1);
	RET(recv(s, NULL, 2, MSG_PEEK));
	iov[0].iov_base = b;
	RET(readv(s, iov, 2));
	diff_say("buffer: %s", b);
	QUEUES(s, 6, -1);
	RET(recv(s, b, (size_t)-1, MSG_DONTWAIT) > 0);
	RET(recvfrom(s, b, 1, MSG_DONTWAIT, NULL, (void *)8));
}

SCENARIO_OF_PAIR(recv_many)
{
	struct mmsghdr m[3] = {};
	char b[3][3] = {};
	struct iovec iov[3];
	struct timespec ts = { .tv_nsec = 1000000 };

	diff_put(c, "abcde");
	QUEUES(s, 5, -1);
	for (int i = 0; i < 3; i++) {
		iov[i].iov_base = b[i];
		iov[i].iov_len = 2;
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	RET(recvmmsg(s, m, 3, MSG_DONTWAIT, NULL));
	for (int i = 0; i < 3; i++)
		diff_say("%u %s", m[i].msg_len, b[i]);
	RET(recvmmsg(s, m, 3, MSG_DONTWAIT, NULL));
	diff_put(c, "xy");
	BITS(s, POLLIN);
	RET(recvmmsg(s, m, 3, MSG_WAITFORONE, &ts));
}

/* Bytes that wait for a reader are read after any number of writes. */
SCENARIO_OF_PAIR(recv_coalesced)
{
	SET(c, IPPROTO_TCP, TCP_NODELAY, 1);
	for (int i = 0; i < 20; i++)
		diff_put(c, "ab");
	QUEUES(s, 40, -1);
	READ(s, 3, 0);
	READ(s, 100, 0);
	QUEUES(s, 0, -1);
	QUEUES(c, -1, 0);
}

SCENARIO_OF_PAIR(recv_inq)
{
	char b[8], control[64];
	struct iovec iov = { b, 2 };
	struct msghdr m = MESSAGE(iov, control);
	struct cmsghdr *cm;

	GET(s, IPPROTO_TCP, TCP_INQ);
	SET(s, IPPROTO_TCP, TCP_INQ, 1);
	SET(s, IPPROTO_TCP, TCP_INQ, 2);
	GET(s, IPPROTO_TCP, TCP_INQ);
	diff_put(c, "abcdef");
	QUEUES(s, 6, -1);
	RET(recvmsg(s, &m, 0));
	cm = m.msg_controllen ? CMSG_FIRSTHDR(&m) : NULL;
	if (cm)
		diff_say("cmsg level %d type %d", cm->cmsg_level, cm->cmsg_type);
	diff_say("in queue: %d", cm ? *(int *)CMSG_DATA(cm) : -1);
}

/* A message of @type with a time in it. The kernel begins to take times somewhat after the first socket wants them. */
static bool time_came(int c, int s, int type)
{
	char b[8], control[256];
	struct iovec iov = { b, 2 };
	struct msghdr m = MESSAGE(iov, control);
	struct cmsghdr *cm;

	diff_put(c, "ab");
	diff_must(recvmsg(s, &m, 0) == 2, "recvmsg");
	cm = CMSG_FIRSTHDR(&m);
	return cm && cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == type && *(time_t *)CMSG_DATA(cm) &&
	       !CMSG_NXTHDR(&m, cm);
}

SCENARIO_OF_PAIR(recv_timestamp)
{
	diff_say("without asking: %d", time_came(c, s, SO_TIMESTAMP));
	SET(s, SOL_SOCKET, SO_TIMESTAMP, 1);
	GET(s, SOL_SOCKET, SO_TIMESTAMP);
	diff_say("asked: %d", WAIT_FOR(time_came(c, s, SO_TIMESTAMP), 2000));
	SET(s, SOL_SOCKET, SO_TIMESTAMP, 0);
	diff_say("asked not to: %d", time_came(c, s, SO_TIMESTAMP));
}

SCENARIO_OF_PAIR(recv_timestampns)
{
	SET(s, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	GET(s, SOL_SOCKET, SO_TIMESTAMPNS);
	diff_say("asked: %d", WAIT_FOR(time_came(c, s, SO_TIMESTAMPNS), 2000));
	SET(s, SOL_SOCKET, SO_TIMESTAMP, 1);
	GET(s, SOL_SOCKET, SO_TIMESTAMPNS);
	diff_say("asked for microseconds: %d %d", time_came(c, s, SO_TIMESTAMP), time_came(c, s, SO_TIMESTAMPNS));
	SET(s, SOL_SOCKET, SO_TIMESTAMP, 0);
	diff_say("asked not to: %d", time_came(c, s, SO_TIMESTAMPNS));
}

SCENARIO_OF_PAIR(recv_timestamping)
{
	SET(s, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
	GET(s, SOL_SOCKET, SO_TIMESTAMPING);
	diff_say("asked: %d", WAIT_FOR(time_came(c, s, SO_TIMESTAMPING), 2000));
	SET(s, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE);
	diff_say("taken, and not asked for: %d", time_came(c, s, SO_TIMESTAMPING));
	SET(s, SOL_SOCKET, SO_TIMESTAMPING, 0);
	diff_say("asked not to: %d", time_came(c, s, SO_TIMESTAMPING));
	/* another socket has the kernel take it */
	SET(c, SOL_SOCKET, SO_TIMESTAMP, 1);
	SET(s, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_SOFTWARE);
	diff_say("asked for what others have taken: %d", WAIT_FOR(time_came(c, s, SO_TIMESTAMPING), 2000));
	SET(s, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_RAW_HARDWARE);
	diff_say("asked for the device's: %d", time_came(c, s, SO_TIMESTAMPING));
}
