// SPDX-License-Identifier: GPL-2.0
/*
 * What a program's calls leave behind inside: receive memory charged and given back, the bound of the receive buffer,
 * counters of ways to abort, statistics that add up. What kernel TCP does differs in such figures, so the differential
 * runner cannot compare them.
 *
 * Every case runs over IPv4 and IPv6 on the loopback of a namespace of its own.
 */
#include "sockcalls.h"
#include "test.h"

#define NOBODY		65534
#define ONE_SKB		(128 * 1024)	/* what the last skb may go over the buffer: a bundle of 64 KB with its head */

TEST_F_TIMEOUT(sock, memory_after_transfer, TIMEOUT_S)
{
	size_t len = stuff(self->c, 65536, SIZE_MAX);

	ASSERT_GT(len, 0);
	EXPECT_TRUE(WAIT_FOR(queue(self->s, SIOCINQ) > 0, DEADLINE_MS));
	EXPECT_GT(meminfo(self->s, SK_MEMINFO_RMEM_ALLOC), 0);
	EXPECT_EQ(drain(self->s, len, 65536), len);
	EXPECT_EQ(meminfo(self->s, SK_MEMINFO_RMEM_ALLOC), 0);
	EXPECT_TRUE(WAIT_FOR(queue(self->c, SIOCOUTQ) == 0, DEADLINE_MS));
	EXPECT_EQ(meminfo(self->c, SK_MEMINFO_WMEM_QUEUED), 0);
	EXPECT_EQ(queue(self->s, SIOCINQ), 0);
}

/* Between messages each end keeps a page that tcp_mem has given, and not for long after the last one. */
TEST_F_TIMEOUT(sock, memory_after_requests, TIMEOUT_S)
{
	int ends[] = { self->c, self->s };
	char octet = 0;

	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(write(ends[i % 2], &octet, 1), 1);
		ASSERT_EQ(read(ends[(i + 1) % 2], &octet, 1), 1);
	}
	for (int i = 0; i < 2; i++)
		EXPECT_TRUE(WAIT_FOR(meminfo(ends[i], SK_MEMINFO_FWD_ALLOC) < (uint32_t)getpagesize(), DEADLINE_MS));
}

/* Nobody reads: memory stays within the buffer that was set, whatever the size of the writes. */
static void check_bound(struct __test_metadata *_metadata, int c, int s, int wanted, size_t piece, size_t most)
{
	unsigned int rcvbuf;
	size_t len;

	set(s, SOL_SOCKET, SO_RCVBUF, wanted);
	set(c, IPPROTO_TCP, TCP_NODELAY, 1);
	rcvbuf = meminfo(s, SK_MEMINFO_RCVBUF);
	EXPECT_EQ(rcvbuf, 2 * wanted);
	len = stuff(c, piece, most);
	ASSERT_GT(len, 0);
	EXPECT_TRUE(WAIT_FOR(queue(s, SIOCINQ) > 0, DEADLINE_MS));
	EXPECT_LE(meminfo(s, SK_MEMINFO_RMEM_ALLOC), rcvbuf + ONE_SKB);
	EXPECT_EQ(meminfo(s, SK_MEMINFO_RCVBUF), rcvbuf);
	EXPECT_EQ(drain(s, len, 997), len);
	EXPECT_EQ(meminfo(s, SK_MEMINFO_RMEM_ALLOC), 0);
}

TEST_F_TIMEOUT(sock, buffer_bound_large_writes, TIMEOUT_S)
{
	check_bound(_metadata, self->c, self->s, 32768, 65536, SIZE_MAX);
}

TEST_F_TIMEOUT(sock, buffer_bound_small_writes, TIMEOUT_S)
{
	check_bound(_metadata, self->c, self->s, 32768, 100, 60000);
}

/* Their skbs cost hundreds of times what the window, which was offered before the buffer shrank, counts for them. */
TEST_F_TIMEOUT(sock, buffer_bound_tiny_writes, TIMEOUT_S)
{
	check_bound(_metadata, self->c, self->s, 8192, 1, 2000);
}

/* All that was sent is acknowledged; what is left waits for a window. */
static bool window_is_full(int fd)
{
	int all = queue(fd, SIOCOUTQ);

	return all > 0 && all == queue(fd, SIOCOUTQNSD);
}

/* A window counts on bundles, nearly all text. Small segments come instead, and nobody reads: they are taken, too. */
TEST_F_TIMEOUT(sock, what_was_offered_is_taken, TIMEOUT_S)
{
	static struct counters before, after;
	size_t large, small;

	set(self->s, SOL_SOCKET, SO_RCVBUF, 131072);
	set(self->c, SOL_SOCKET, SO_SNDBUF, 1048576);
	set(self->c, IPPROTO_TCP, TCP_NODELAY, 1);
	for (int i = 0; i < 64; i++) {
		ASSERT_EQ(stuff(self->c, 65536, 65536), 65536);
		ASSERT_EQ(drain(self->s, 65536, 65536), 65536);
	}
	ASSERT_EQ(counters_read_xtcp(&before, self->ns), 0);
	large = stuff(self->c, 65536, 131072);
	ASSERT_TRUE(WAIT_FOR(queue(self->c, SIOCOUTQ) == 0, DEADLINE_MS));
	small = stuff(self->c, 1000, 300000);
	EXPECT_TRUE(WAIT_FOR(window_is_full(self->c), DEADLINE_MS));
	ASSERT_EQ(counters_read_xtcp(&after, self->ns), 0);
	EXPECT_EQ(counters_diff(&before, &after, "TcpExt:TCPRcvQDrop"), 0);
	EXPECT_EQ(counters_diff(&before, &after, "TcpExt:TCPOFODrop"), 0);
	EXPECT_EQ(drain(self->s, large, 65536), large);
	EXPECT_EQ(drain(self->s, small, 65536), small);
}

TEST_F_TIMEOUT(sock, window_reopens_after_slow_reader, TIMEOUT_S)
{
	struct tcp_info info;
	size_t len = stuff(self->c, 65536, SIZE_MAX);

	/* more was written than the peer's window takes */
	ASSERT_GT(queue(self->c, SIOCOUTQ), 0);
	get_info(self->s, &info);
	EXPECT_LE(info.tcpi_bytes_received, len);
	EXPECT_EQ(drain(self->s, len, 4001), len);
	get_info(self->s, &info);
	EXPECT_EQ(info.tcpi_bytes_received, len);
}

TEST_F_TIMEOUT(sock, info_adds_up, TIMEOUT_S)
{
	struct tcp_info c, s;
	size_t len = 0;
	int i;

	for (i = 0; i < 100; i++) {
		unsigned char bytes[1000];

		fill(bytes, sizeof(bytes), len);
		ASSERT_EQ(send(self->c, bytes, sizeof(bytes), 0), (ssize_t)sizeof(bytes));
		len += sizeof(bytes);
	}
	EXPECT_EQ(drain(self->s, len, 65536), len);
	EXPECT_TRUE(WAIT_FOR(queue(self->c, SIOCOUTQ) == 0, DEADLINE_MS));
	get_info(self->c, &c);
	get_info(self->s, &s);
	EXPECT_EQ(c.tcpi_state, 1);
	EXPECT_EQ(s.tcpi_state, 1);
	EXPECT_EQ(c.tcpi_bytes_sent - c.tcpi_bytes_retrans, len);
	EXPECT_EQ(s.tcpi_bytes_received, len);
	/* Linux counts our SYN as well */
	EXPECT_GE(c.tcpi_bytes_acked, len);
	EXPECT_LE(c.tcpi_bytes_acked, len + 1);
	EXPECT_EQ(c.tcpi_notsent_bytes, 0);
	EXPECT_EQ(c.tcpi_unacked, 0);
	EXPECT_GE(c.tcpi_data_segs_out, 1);
	EXPECT_GE(s.tcpi_data_segs_in, 1);
	EXPECT_GE(s.tcpi_segs_in, s.tcpi_data_segs_in);
	EXPECT_GT(c.tcpi_rtt, 0);
	EXPECT_GE(c.tcpi_rto, 200000);
	EXPECT_GE(c.tcpi_snd_cwnd, 1);
	EXPECT_EQ(c.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_WSCALE), TCPI_OPT_TIMESTAMPS | TCPI_OPT_WSCALE);
	EXPECT_TRUE(c.tcpi_snd_wscale == s.tcpi_rcv_wscale);
	EXPECT_TRUE(c.tcpi_rcv_wscale == s.tcpi_snd_wscale);
	EXPECT_GT(c.tcpi_snd_mss, 0);
}

/* Peeks, cut reads and dropped octets (MSG_TRUNC) in any order find the stream where it should be. */
TEST_F_TIMEOUT(sock, reads_of_all_kinds_agree, TIMEOUT_S)
{
	const char *given = getenv("SEED");
	unsigned int seed = given ? strtoul(given, NULL, 0) : (unsigned int)time(NULL) ^ getpid();
	static unsigned char bytes[20000], want[20000];
	size_t sent = 0, at = 0;
	int i;

	TH_LOG("SEED=%u", seed);
	srandom(seed);
	for (i = 0; i < 2000; i++) {
		size_t len = random() % (random() % 8 ? 2000 : 20000) + 1;
		int flags = MSG_DONTWAIT;
		ssize_t n;

		if (random() & 1) {
			fill(bytes, len, sent);
			n = send(self->c, bytes, len, MSG_DONTWAIT);
			if (n > 0)
				sent += n;
			continue;
		}
		if (random() % 3 == 0)
			flags |= MSG_PEEK;
		if (random() % 5 == 0)
			flags |= MSG_TRUNC;
		n = recv(self->s, bytes, len, flags);
		if (n < 0) {
			ASSERT_EQ(errno, EAGAIN);
			continue;
		}
		ASSERT_LE(at + n, sent);
		fill(want, n, at);
		if (!(flags & MSG_TRUNC))
			ASSERT_EQ(memcmp(bytes, want, n), 0);
		if (!(flags & MSG_PEEK))
			at += n;
	}
	while (at < sent) {
		ASSERT_EQ(poll(&(struct pollfd){ self->s, POLLIN, 0 }, 1, DEADLINE_MS), 1);
		i = recv(self->s, bytes, sizeof(bytes), 0);
		ASSERT_GT(i, 0);
		fill(want, i, at);
		ASSERT_EQ(memcmp(bytes, want, i), 0);
		at += i;
	}
	EXPECT_EQ(meminfo(self->s, SK_MEMINFO_RMEM_ALLOC), 0);
}

/* Which of the counters of aborts has moved, by one; none other may. */
static void expect_abort(struct __test_metadata *_metadata, int ns, const struct counters *before, const char *which)
{
	static const char * const names[] = {
		"TcpExt:TCPAbortOnData", "TcpExt:TCPAbortOnClose", "TcpExt:TCPAbortOnMemory",
		"TcpExt:TCPAbortOnTimeout", "TcpExt:TCPAbortOnLinger", "TcpExt:TCPAbortFailed",
	};
	struct counters after;
	size_t i;

	ASSERT_EQ(counters_read_xtcp(&after, ns), 0);
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		EXPECT_EQ(counters_diff(before, &after, names[i]), !strcmp(names[i], which))
			TH_LOG("%s", names[i]);
	EXPECT_EQ(counters_diff(before, &after, "Tcp:OutRsts"), 1);
}

static int read_error(int fd)
{
	char byte;

	poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, DEADLINE_MS);
	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 ? errno : 0;
}

TEST_F_TIMEOUT(sock, linger_zero_resets, TIMEOUT_S)
{
	struct linger linger = { .l_onoff = 1 };
	struct counters before, after;

	ASSERT_EQ(counters_read_xtcp(&before, self->ns), 0);
	ASSERT_EQ(setsockopt(self->s, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	ASSERT_EQ(close(self->s), 0);
	EXPECT_EQ(read_error(self->c), ECONNRESET);
	expect_abort(_metadata, self->ns, &before, "TcpExt:TCPAbortOnData");
	ASSERT_EQ(counters_read_xtcp(&after, self->ns), 0);
	EXPECT_EQ(counters_diff(&before, &after, "TcpExt:TCPLingerZero"), 1);
	self->s = -1;
}

TEST_F_TIMEOUT(sock, linger2_negative_resets_in_fin_wait_2, TIMEOUT_S)
{
	struct counters before;
	struct tcp_info info;

	set(self->s, IPPROTO_TCP, TCP_LINGER2, -1);
	ASSERT_EQ(shutdown(self->s, SHUT_WR), 0);
	ASSERT_TRUE(WAIT_FOR((get_info(self->s, &info), info.tcpi_state == 5), DEADLINE_MS));
	ASSERT_EQ(counters_read_xtcp(&before, self->ns), 0);
	ASSERT_EQ(close(self->s), 0);
	/* the FIN was before the RST: an end of the stream, and then the error of CLOSE-WAIT */
	EXPECT_EQ(read_error(self->c), 0);
	expect_abort(_metadata, self->ns, &before, "TcpExt:TCPAbortOnLinger");
	self->s = -1;
}

/* A socket that disconnects is as new, and can connect again. */
TEST_F_TIMEOUT(sock, disconnected_socket_is_reusable, TIMEOUT_S)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct tcp_info info;
	int again, i;

	ASSERT_EQ(getsockname(self->listener, (void *)&ss, &len), 0);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(send(self->c, "abc", 3, 0), 3);
		ASSERT_EQ(stack_disconnect(self->c), 0);
		get_info(self->c, &info);
		EXPECT_EQ(info.tcpi_state, 7);
		EXPECT_EQ(info.tcpi_bytes_sent, 0);
		EXPECT_EQ(meminfo(self->c, SK_MEMINFO_WMEM_QUEUED), 0);
		EXPECT_EQ(meminfo(self->c, SK_MEMINFO_RMEM_ALLOC), 0);
		ASSERT_EQ(connect(self->c, (void *)&ss, len), 0) TH_LOG("round %d: %s", i, strerror(errno));
		again = accept(self->listener, NULL, NULL);
		ASSERT_GE(again, 0);
		close(self->s);
		self->s = again;
	}
	ASSERT_EQ(send(self->c, "abc", 3, 0), 3);
	EXPECT_TRUE(WAIT_FOR(queue(self->s, SIOCINQ) == 3, DEADLINE_MS));
}

/* So does one of a user who is not root, whose waits for lookups have a budget of their own. */
TEST_F_TIMEOUT(sock, anybody_disconnects, TIMEOUT_S)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int c, s, i;
	char octets[4];

	ASSERT_EQ(getsockname(self->listener, (void *)&ss, &len), 0);
	ASSERT_EQ(syscall(SYS_setresuid, -1, NOBODY, -1), 0);
	c = socket(AF_XTCP, SOCK_STREAM, variant->protocol);
	ASSERT_EQ(syscall(SYS_setresuid, -1, 0, -1), 0);
	ASSERT_GE(c, 0);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(connect(c, (void *)&ss, len), 0) TH_LOG("round %d: %s", i, strerror(errno));
		s = accept(self->listener, NULL, NULL);
		ASSERT_GE(s, 0);
		ASSERT_EQ(send(c, "abc", 3, 0), 3);
		EXPECT_EQ(recv(s, octets, sizeof(octets), 0), 3);
		ASSERT_EQ(stack_disconnect(c), 0);
		close(s);
	}
	close(c);
}

struct urgent_write {
	int fd;
	atomic_int tid;
	ssize_t sent;
};

static void *write_urgent(void *arg)
{
	static const char text[1 << 22];
	struct urgent_write *w = arg;

	atomic_store(&w->tid, gettid());
	w->sent = send(w->fd, text, sizeof(text), MSG_OOB | MSG_NOSIGNAL);
	return NULL;
}

/* A thread sleeps in the middle of an urgent write, another one disconnects: nothing of the write is left behind. */
TEST_F_TIMEOUT(sock, disconnect_ends_an_urgent_write, TIMEOUT_S)
{
	struct urgent_write w = { .fd = self->c };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	pthread_t thread;
	char octets[4];

	ASSERT_EQ(getsockname(self->listener, (void *)&ss, &len), 0);
	ASSERT_EQ(pthread_create(&thread, NULL, write_urgent, &w), 0);
	EXPECT_TRUE(WAIT_FOR(atomic_load(&w.tid) && asleep_in(atomic_load(&w.tid), SYS_sendto), DEADLINE_MS));
	EXPECT_EQ(stack_disconnect(self->c), 0);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	/* a part of it was queued */
	EXPECT_GT(w.sent, 0);
	EXPECT_LT(w.sent, 1 << 22);

	ASSERT_EQ(connect(self->c, (void *)&ss, len), 0);
	close(self->s);
	self->s = accept(self->listener, NULL, NULL);
	ASSERT_GE(self->s, 0);
	ASSERT_EQ(send(self->c, "abc", 3, 0), 3);
	EXPECT_EQ(recv(self->s, octets, sizeof(octets), 0), 3);
	EXPECT_EQ(recv(self->s, octets, sizeof(octets), MSG_OOB), -1);
	EXPECT_EQ(errno, EINVAL);
}

static int sockets_counted(int ns, const char *name)
{
	return protocol_counts(ns, name, false);
}

TEST_F_TIMEOUT(sock, nothing_is_counted_after_close, TIMEOUT_S)
{
	const char *name = variant->family == AF_INET ? "XTCP" : "XTCPv6";

	EXPECT_EQ(sockets_counted(self->ns, name), 3);
	stuff(self->c, 65536, SIZE_MAX);
	close_each(self->c, self->s, self->listener);
	EXPECT_TRUE(WAIT_FOR(sockets_counted(self->ns, name) == 0, DEADLINE_MS));
	self->c = -1;
	self->s = -1;
	self->listener = -1;
}

TEST_HARNESS_MAIN
