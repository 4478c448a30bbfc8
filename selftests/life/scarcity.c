// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of all sockets (net.ipv4.tcp_mem) is used up: each connection still gets its text through, what it gets is
 * counted and given back, and the word that says that memory is scarce is written only when that changes.
 */
#include "kernel.h"
#include "sockcalls.h"
#include "stall.h"

#define CROWD		200	/* connections that get something when nothing is left */
#define HOLDERS		4	/* connections that hold more memory than a processor keeps to itself */
#define FILLS		(release_is_debug() ? 4 : 20)	/* of a buffer, by 64 KB; a watchpoint makes each slow there */

/* Others hold the memory of all sockets (it counts in MB): text still gets through both ways, as with kernel TCP. */
TEST_F_TIMEOUT(sock, goes_on_beyond_tcp_mem, TIMEOUT_S)
{
	char *limit = ns_read_file(ns_home(), "/proc/sys/net/ipv4/tcp_mem"), octets[100] = {};
	struct timeval patience = { .tv_sec = 5 };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int c, s, i, answers = 0;

	limit[strcspn(limit, "\n")] = 0;
	ASSERT_EQ(getsockname(self->listener, (void *)&ss, &len), 0);
	c = socket(AF_XTCP, SOCK_STREAM, variant->protocol);
	ASSERT_GE(c, 0);
	ASSERT_EQ(connect(c, (void *)&ss, len), 0);
	s = accept(self->listener, NULL, NULL);
	ASSERT_GE(s, 0);
	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	stuff(self->c, 65536, SIZE_MAX);
	stuff(self->s, 65536, SIZE_MAX);
	ASSERT_EQ(ns_sysctl_set(ns_home(), "net.ipv4.tcp_mem", "1 1 1"), 0);
	for (i = 0; i < 10; i++)
		answers += send(c, octets, 100, 0) == 100 && recv(s, octets, 100, MSG_WAITALL) == 100 &&
			   send(s, octets, 100, 0) == 100 && recv(c, octets, 100, MSG_WAITALL) == 100;
	EXPECT_EQ(ns_sysctl_set(ns_home(), "net.ipv4.tcp_mem", "%s", limit), 0);
	EXPECT_EQ(answers, 10);
	free(limit);
	close(c);
	close(s);
}

static long memory_counted(int ns)
{
	return protocol_counts(ns, "XTCP", true) * sysconf(_SC_PAGESIZE);
}

/* What sockets get beyond that is counted at both ends and given back; a processor keeps up to 1 MB to itself. */
TEST_F_TIMEOUT(sock, memory_beyond_tcp_mem_is_counted, TIMEOUT_S)
{
	char *limit = ns_read_file(ns_home(), "/proc/sys/net/ipv4/tcp_mem");
	long uncounted = sysconf(_SC_NPROCESSORS_ONLN) << 20, before, held = 0, counted;
	int c[CROWD], s[CROWD], i, served = 0;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	limit[strcspn(limit, "\n")] = 0;
	ASSERT_EQ(getsockname(self->listener, (void *)&ss, &len), 0);
	/* a namespace's own choice buys nothing that is not counted */
	ASSERT_EQ(ns_sysctl_set(self->ns, "net.xtcp.wmem", "4194304 4194304 4194304"), 0);
	for (i = 0; i < CROWD; i++) {
		c[i] = socket(AF_XTCP, SOCK_STREAM, variant->protocol);
		ASSERT_GE(c[i], 0);
		ASSERT_EQ(connect(c[i], (void *)&ss, len), 0);
		s[i] = accept(self->listener, NULL, NULL);
		ASSERT_GE(s[i], 0);
	}
	stuff(self->c, 65536, SIZE_MAX);
	stuff(self->s, 65536, SIZE_MAX);
	before = memory_counted(self->ns);
	ASSERT_GE(before, 0);
	ASSERT_EQ(ns_sysctl_set(ns_home(), "net.ipv4.tcp_mem", "1 1 1"), 0);
	for (i = 0; i < CROWD; i++) {
		stuff(c[i], 65536, SIZE_MAX);
		served += WAIT_FOR(queue(s[i], SIOCINQ) > 0, DEADLINE_MS);
		held += meminfo(c[i], SK_MEMINFO_WMEM_QUEUED) + meminfo(s[i], SK_MEMINFO_RMEM_ALLOC);
	}
	counted = memory_counted(self->ns) - before;
	EXPECT_EQ(ns_sysctl_set(ns_home(), "net.ipv4.tcp_mem", "%s", limit), 0);
	free(limit);
	EXPECT_EQ(served, CROWD);
	EXPECT_GT(held, 4 * uncounted);
	EXPECT_GE(counted + uncounted, held);
	for (i = 0; i < CROWD; i++) {
		close(c[i]);
		close(s[i]);
	}
	close(self->c);
	close(self->s);
	EXPECT_TRUE(WAIT_FOR(memory_counted(self->ns) <= before + uncounted, DEADLINE_MS));
	self->c = -1;
	self->s = -1;
}

/* All processors ask one word at nearly every message whether memory is scarce: it is written when it changes. */
TEST_F_TIMEOUT(sock, memory_pressure_is_written_when_it_changes, TIMEOUT_S)
{
	char *text = ns_read_file(ns_home(), "/proc/sys/net/ipv4/tcp_mem");
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct counters before, after;
	struct watch watch;
	long limits[3];
	size_t sent;
	int found = sscanf(text, "%ld %ld %ld", &limits[0], &limits[1], &limits[2]), c[HOLDERS], s[HOLDERS], i;

	ASSERT_EQ(found, 3);
	free(text);
	ASSERT_EQ(getsockname(self->listener, (void *)&ss, &len), 0);
	ASSERT_EQ(ns_sysctl_set(self->ns, "net.xtcp.wmem", "4194304 4194304 4194304"), 0);
	for (i = 0; i < HOLDERS; i++) {
		c[i] = socket(AF_XTCP, SOCK_STREAM, variant->protocol);
		ASSERT_GE(c[i], 0);
		ASSERT_EQ(connect(c[i], (void *)&ss, len), 0);
		s[i] = accept(self->listener, NULL, NULL);
		ASSERT_GE(s[i], 0);
	}
	ASSERT_EQ(counters_read_xtcp(&before, self->ns), 0);
	ASSERT_EQ(watch_start(&watch, "memory_pressure"), 0) TH_LOG("no watchpoint: %s", strerror(errno));
	for (i = 0; i < FILLS; i++) {
		sent = stuff(self->c, 65536, SIZE_MAX);
		ASSERT_EQ(drain(self->s, sent, 65536), sent);
	}
	for (i = 1; i < HOLDERS; i++)
		stuff(c[i], 65536, SIZE_MAX);
	EXPECT_EQ(watch_writes(&watch), 0);
	/* what they hold is more than that */
	ASSERT_EQ(ns_sysctl_set(ns_home(), "net.ipv4.tcp_mem", "1 1 %ld", limits[2]), 0);
	stuff(c[0], 65536, SIZE_MAX);
	EXPECT_EQ(watch_writes(&watch), 1);
	ASSERT_EQ(ns_sysctl_set(ns_home(), "net.ipv4.tcp_mem", "%ld %ld %ld", limits[0], limits[1], limits[2]), 0);
	for (i = 0; i < FILLS; i++) {
		sent = stuff(self->c, 65536, SIZE_MAX);
		ASSERT_EQ(drain(self->s, sent, 65536), sent);
	}
	EXPECT_EQ(watch_writes(&watch), 2);
	ASSERT_EQ(counters_read_xtcp(&after, self->ns), 0);
	EXPECT_EQ(counters_diff(&before, &after, "TcpExt:TCPMemoryPressures"), 1);
	EXPECT_GT(counters_diff(&before, &after, "TcpExt:TCPMemoryPressuresChrono"), 0);
	watch_end(&watch);
	for (i = 0; i < HOLDERS; i++) {
		close(c[i]);
		close(s[i]);
	}
}

TEST_HARNESS_MAIN
