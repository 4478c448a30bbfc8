// SPDX-License-Identifier: GPL-2.0
/*
 * The short way between two ends on one machine (net.xtcp.local): a write goes into the peer's receive queue. It counts
 * as a segment. While something looks at packets, each write is a packet. Every octet comes, once and in order,
 * whichever way it took and whatever the peer does. The differential scenarios of one IP version take it, too.
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <sys/sendfile.h>
#include "lib/aoopt.h"
#include "lib/tap.h"
#include "lib/tcpstate.h"
#include "lib/test.h"
#include "lib/zerocopy.h"

NEEDS_PROGRAMS("ip nft tc");

#define PORT	5630
#define WRITES	10
#define PIECE	1000
#define STREAM	(2 << 20)
#define PAGE_SIZE	4096

static int net;
static const char *here;
/* the connection, and the descriptor of somebody who looks at it */
static int client, server, looking;
/* this kernel has no such hook */
static bool cannot;

static long long local(void)
{
	return counter_now(net, "/proc/net/xtcp_netstat", "TcpExt:TCPLocal");
}

static void connect_both(void)
{
	stack_pair_or_die(net, XTCP, net, XTCP, here, PORT, &client, &server);
}

static char octet(long n)
{
	return n * 7 + (n >> 8) * 13 + (n >> 16) * 31;
}

/* @n octets of a stream, from @at on: sent and received. */
static bool carries_with(int from, int to, int n, long *at, int flags)
{
	static char out[STREAM], in[STREAM];

	for (int i = 0; i < n; i++)
		out[i] = octet(*at + i);
	*at += n;
	return send(from, out, n, flags) == n && recv(to, in, n, MSG_WAITALL) == n && !memcmp(in, out, n);
}

static bool carries(int from, int to, int n, long *at)
{
	return carries_with(from, to, n, at, 0);
}

/* Packets and octets that lo has carried. */
static void carried_by_lo(long long *packets, long long *octets)
{
	char *text = ns_read_file(net, "/proc/net/dev"), *at = text ? strstr(text, "lo:") : NULL;

	must(at && sscanf(at, "lo: %lld %lld", octets, packets) == 2, "/proc/net/dev");
	free(text);
}

/* Ten writes, and what they count. */
static void counts(void)
{
	static const char *const names[] = {
		"Tcp:OutSegs", "Tcp:InSegs", "TcpExt:TCPOrigDataSent", "TcpExt:TCPDelivered", "TcpExt:TCPLocal",
	};
	struct counters before, after;
	long long packets[2], octets[2];
	struct tcp_info sent, got;
	bool right = true;
	long at = 0;

	connect_both();
	sent = info_of(client);
	got = info_of(server);
	carried_by_lo(&packets[0], &octets[0]);
	must(!counters_read_xtcp(&before, net), "counters");
	for (size_t i = 0; i < WRITES; i++)
		right = carries(client, server, PIECE, &at) && right;
	must(!counters_read_xtcp(&after, net), "counters");
	carried_by_lo(&packets[1], &octets[1]);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (counters_diff(&before, &after, names[i]) != WRITES) {
			ksft_print_msg("%s: %lld\n", names[i], counters_diff(&before, &after, names[i]));
			right = false;
		}
	ksft_test_result(right, "%s: each write counts as one segment out and in, delivered\n", here);
	ksft_test_result(packets[1] - packets[0] == WRITES &&
			 octets[1] - octets[0] == WRITES * (PIECE + 32 + (strchr(here, ':') ? 40 : 20)),
			 "%s: lo has carried them\n", here);
	ksft_test_result(info_of(client).tcpi_bytes_sent - sent.tcpi_bytes_sent == WRITES * PIECE &&
			 info_of(client).tcpi_bytes_acked - sent.tcpi_bytes_acked == WRITES * PIECE &&
			 info_of(client).tcpi_data_segs_out - sent.tcpi_data_segs_out == WRITES &&
			 info_of(client).tcpi_segs_in == sent.tcpi_segs_in && !info_of(client).tcpi_unacked &&
			 info_of(server).tcpi_bytes_received - got.tcpi_bytes_received == WRITES * PIECE &&
			 info_of(server).tcpi_data_segs_in - got.tcpi_data_segs_in == WRITES &&
			 info_of(server).tcpi_segs_out == got.tcpi_segs_out,
			 "%s: TCP_INFO of both ends says so\n", here);
	close_each(client, server);
}

/* The trace of all events has such a write, no segment, and what its ACK would have told. */
static void is_traced(void)
{
	char ends[64], acked[64];
	long at = 0;
	bool right;

	connect_both();
	tracing_forget();
	tracing_set("events/xtcp/enable", "1");
	right = carries(client, server, PIECE, &at);
	tracing_set("events/xtcp/enable", "0");
	snprintf(ends, sizeof(ends), ":%d peer=", stack_port(client));
	snprintf(acked, sizeof(acked), " acked=%d sacked=0 lost=0 delivered=%d pipe=0 ", PIECE, PIECE);
	right = tracing_count(": xtcp_local: ", ends, " state=ESTABLISHED flags=[PA] ") == 1 && right;
	right = tracing_count(": xtcp_local: ", ends, " len=1000 shift=") == 1 && right;
	right = tracing_count(": xtcp_ack: ", ends, acked) == 1 && right;
	ksft_test_result(right && !tracing_count(": xtcp_segment_", "", ""), "%s: a trace shows the short way\n", here);
	close_each(client, server);
}

/* Who looks at it, or at lo: what he does to begin and, if that ends before the connection, to end. */
struct looker {
	const char *name;
	void (*begin)(void);
	void (*end)(void);
	int flags;	/* of the write */
	/* instead of begin() and end(): lines for the shell, or an option of a socket, whose value is 0 at the end */
	const char *line, *undo;
	const int *fd;
	int option, value;
	bool stays;	/* to the end of the connection */
};

static void tap_all(void)
{
	looking = tap_open(net, "lo");
}

static void tap_ip(void)
{
	looking = ns_socket(net, AF_PACKET, SOCK_DGRAM, htons(strchr(here, ':') ? ETH_P_IPV6 : ETH_P_IP));
}

static void raw(void)
{
	looking = ns_socket(net, strchr(here, ':') ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_TCP);
}

static void looks_away(void)
{
	must(looking >= 0, "the socket that looks");
	close(looking);
}

static void shell(const char *line)
{
	must(!ns_shell(net, "%s", line), line);
}

static void nft_away(void)
{
	shell("nft flush ruleset");
}

static void nft_ingress(void)
{
	cannot = ns_shell(net, "nft add table netdev t 2>/dev/null");
	if (!cannot)
		shell("nft 'add chain netdev t c { type filter hook ingress device lo priority 0; }'");
}

static void option(int fd, int level, int name, int value)
{
	must(!setsockopt(fd, level, name, &value, sizeof(value)), "setsockopt");
}

static void filter(void)
{
	struct sock_filter pass = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	struct sock_fprog program = { .len = 1, .filter = &pass };

	must(!setsockopt(server, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), "filter");
}

static void filter_away(void)
{
	option(server, SOL_SOCKET, SO_DETACH_FILTER, 0);
}

static int pass_by_xdp(void *unused)
{
	const struct bpf_insn pass[] = {
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS },
		{ BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_XDP, .insns = (uintptr_t)pass, .insn_cnt = 2, .license = (uintptr_t)"GPL",
	};
	union bpf_attr link = { .link_create = {
		.prog_fd = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load)),
		.target_ifindex = 1, .attach_type = BPF_XDP,
	} };

	return syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof(link));
}

static void xdp(void)
{
	looking = ns_call(net, pass_by_xdp, NULL);
	cannot = looking < 0 && errno == ENOSYS;
	must(cannot || looking >= 0, "BPF_LINK_CREATE");
}

static void least_ttl(int ttl)
{
	if (strchr(here, ':'))
		option(server, IPPROTO_IPV6, IPV6_MINHOPCOUNT, ttl);
	else
		option(server, IPPROTO_IP, IP_MINTTL, ttl);
}

static void ttl(void)
{
	least_ttl(2);
}

static void ttl_away(void)
{
	least_ttl(0);
}

static void zerocopy(void)
{
	zerocopy_on(client);
}

static const struct looker lookers[] = {
	{ "a tap on lo", tap_all, looks_away, 0 },
	{ "a packet socket for IP alone", tap_ip, looks_away, 0 },
	{ "a raw socket for TCP", raw, looks_away, 0 },
	{ "a chain of nft on output", .undo = "nft flush ruleset",
		.line = "nft 'add table inet t; add chain inet t c { type filter hook output priority 0; }'" },
	{ "a chain of nft before routing, at an LSM's priority", .undo = "nft flush ruleset",
		.line = "nft 'add table inet t; add chain inet t c { type filter hook prerouting priority -225; }'" },
	{ "a chain of nft on ingress of lo", nft_ingress, nft_away, 0 },
	{ "a filter of tc on lo", .undo = "tc qdisc del dev lo clsact",
		.line = "tc qdisc add dev lo clsact && tc filter add dev lo egress matchall action pass" },
	{ "a program of XDP on lo", xdp, looks_away, 0 },
	{ "a queue on lo", .line = "tc qdisc add dev lo root pfifo", .undo = "tc qdisc del dev lo root" },
	{ "a policy of IPsec", .undo = "ip xfrm policy flush",
		.line = "ip xfrm policy add src 192.0.2.1/32 dst 192.0.2.2/32 dir in" },
	{ "net.xtcp.local 0", .line = "echo 0 >/proc/sys/net/xtcp/local", .undo = "echo 1 >/proc/sys/net/xtcp/local" },
	{ "a socket filter of the reader", filter, filter_away, 0 },
	{ "SO_TIMESTAMPNS of the reader", .fd = &server, .option = SO_TIMESTAMPNS, .value = 1 },
	{ "SO_TIMESTAMPING of the writer", .fd = &client, .option = SO_TIMESTAMPING,
		.value = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE },
	{ "a minimum TTL of the reader", ttl, ttl_away, 0 },
	{ "MSG_ZEROCOPY", zerocopy, NULL, MSG_ZEROCOPY, .stays = true },
	{ "pacing of the writer", .fd = &client, .option = SO_MAX_PACING_RATE, .value = 1 << 30, .stays = true },
};

#define LOOKERS ((int)(sizeof(lookers) / sizeof(*lookers)))

static void change(const struct looker *looker, bool begins)
{
	if (looker->line || looker->undo)
		shell(begins ? looker->line : looker->undo);
	else if (looker->fd)
		option(*looker->fd, SOL_SOCKET, looker->option, begins ? looker->value : 0);
	else
		(begins ? looker->begin : looker->end)();
}

/* While he looks, each write is a segment; before and afterwards none is. */
static void somebody_looks(const struct looker *looker)
{
	long long begun, looked, ended;
	bool right;
	long at = 0;

	connect_both();
	begun = local();
	right = carries(client, server, PIECE, &at) && local() == begun + 1;
	change(looker, true);
	if (cannot) {
		ksft_test_result_skip("the kernel cannot: %s: %s\n", here, looker->name);
		cannot = false;
		close_each(client, server);
		return;
	}
	looked = local();
	right = carries_with(client, server, PIECE, &at, looker->flags) && right;
	right = carries_with(client, server, 1, &at, looker->flags) && right;
	right = local() == looked && right;
	if (!looker->stays) {
		change(looker, false);
		ended = local();
		/* the ACK of the last segment may be late: it is taken with the text */
		right = carries(client, server, PIECE, &at) && carries(server, client, PIECE, &at) && right;
		right = local() == ended + 2 && right;
	}
	ksft_test_result(right, "%s: %s sees all segments%s\n", here, looker->name,
			 looker->stays ? "" : ", until it goes");
	close_each(client, server);
}

/* What a connection has from its beginning: each write is a segment. */
static void is_agreed(const char *what, const char *sysctl, int value, int before)
{
	long long begun = local();
	bool right;
	long at = 0;

	must(!ns_sysctl_set(net, sysctl, "%d", value), sysctl);
	connect_both();
	must(!ns_sysctl_set(net, sysctl, "%d", before), sysctl);
	right = carries(client, server, PIECE, &at) && carries(server, client, PIECE, &at);
	ksft_test_result(right && local() == begun, "%s: a connection with %s takes segments\n", here, what);
	close_each(client, server);
}

static void is_signed(void)
{
	const int listener = stack_listener(net, XTCP, here, PORT, true);
	const long long begun = local();
	bool right;
	long at = 0;

	client = stack_socket(net, XTCP, here);
	must(!md5_set(listener, here, "abc") && !md5_set(client, here, "abc") && !stack_connect(client, here, PORT),
	     "keys");
	server = stack_accept_or_die(listener);
	right = carries(client, server, PIECE, &at) && carries(server, client, PIECE, &at);
	ksft_test_result(right && local() == begun, "%s: a connection with keys takes segments\n", here);
	close_each(listener, client, server);
}

/* Hooks of netfilter that are xtcp's own look at nothing. */
static void own_hooks(void)
{
	long long begun;
	long at = 0;
	bool right;

	connect_both();
	looking = must_have(stack_socket(net, XTCP, here), "socket");
	if (*here == ':')
		option(looking, IPPROTO_IPV6, IPV6_TRANSPARENT, 1);
	else
		option(looking, IPPROTO_IP, IP_TRANSPARENT, 1);
	begun = local();
	right = carries(client, server, PIECE, &at) && local() == begun + 1;
	ksft_test_result(right, "%s: hooks for a socket with IP_TRANSPARENT see no segment\n", here);
	close_each(looking, client, server);
}

static bool is_ready(int fd, short events, int ms)
{
	return poll(&(struct pollfd){ .fd = fd, .events = events }, 1, ms) == 1;
}

/*
 * As much is written as @to takes, which does not read until then. Its buffer binds as it does for segments: text
 * within the window that was offered may take twice of it. After @shrinks pieces, which may take more, it is smaller.
 */
static bool stops_and_goes_on(int from, int to, int shrinks)
{
	static char out[PIECE], in[PIECE];
	unsigned int memory[SK_MEMINFO_VARS], had = 0;
	socklen_t len = sizeof(memory);
	long written = 0, read = 0;
	bool right;
	ssize_t n;

	if (!shrinks)
		option(to, SOL_SOCKET, SO_RCVBUF, 16384);
	option(from, SOL_SOCKET, SO_SNDBUF, 16384);
	must(!fcntl(from, F_SETFL, O_NONBLOCK), "fcntl");
	do {
		if (shrinks && written == shrinks * PIECE) {
			must(!getsockopt(to, SOL_SOCKET, SO_MEMINFO, memory, &len), "SO_MEMINFO");
			had = memory[SK_MEMINFO_RMEM_ALLOC];
			option(to, SOL_SOCKET, SO_RCVBUF, 4096);
		}
		for (int i = 0; i < PIECE; i++)
			out[i] = octet(written + i);
		n = send(from, out, PIECE, 0);
		written += n > 0 ? n : 0;
	} while (n > 0);
	must(errno == EAGAIN && !getsockopt(from, SOL_SOCKET, SO_MEMINFO, memory, &len), "send");
	right = (int)memory[SK_MEMINFO_FWD_ALLOC] >= 0;
	must(!getsockopt(to, SOL_SOCKET, SO_MEMINFO, memory, &len), "SO_MEMINFO");
	if (had < 2 * memory[SK_MEMINFO_RCVBUF])
		had = 2 * memory[SK_MEMINFO_RCVBUF];
	right = right && memory[SK_MEMINFO_RMEM_ALLOC] <= had + PAGE_SIZE && (int)memory[SK_MEMINFO_FWD_ALLOC] >= 0;
	if (!right)
		ksft_print_msg("%u octets of memory, SO_RCVBUF %u, or memory that is charged to nobody\n",
			       memory[SK_MEMINFO_RMEM_ALLOC], memory[SK_MEMINFO_RCVBUF]);
	while (read < written && is_ready(to, POLLIN, STACK_DEADLINE_MS)) {
		n = recv(to, in, PIECE, 0);
		for (int i = 0; i < n; i++)
			right = in[i] == octet(read + i) && right;
		read += n > 0 ? n : 0;
	}
	return right && read == written;
}

/* no write waits for the next one, so each skb is of one piece, and takes less than a page */
static void nobody_reads(void)
{
	must(!ns_sysctl_set(net, "net.xtcp.coalesce_usecs", "0"), "coalesce_usecs");
	connect_both();
	ksft_test_result(stops_and_goes_on(client, server, 0), "%s: a reader that stops, and goes on\n", here);
	close_each(client, server);
	connect_both();
	ksft_test_result(stops_and_goes_on(client, server, 20), "%s: a reader whose buffer shrinks\n", here);
	close_each(client, server);
	must(!ns_sysctl_set(net, "net.xtcp.coalesce_usecs", "50"), "coalesce_usecs");
}

/* Each write is news to who waits for edges, and so is room for who could not write. */
static void edges(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET }, room = { .events = EPOLLOUT | EPOLLET };
	int epoll[2] = { epoll_create1(EPOLL_CLOEXEC), epoll_create1(EPOLL_CLOEXEC) }, i;
	static char piece[PIECE];
	bool right = true;
	long long was;

	/* no write waits for the next one */
	must(!ns_sysctl_set(net, "net.xtcp.coalesce_usecs", "0"), "coalesce_usecs");
	connect_both();
	must(!epoll_ctl(epoll[0], EPOLL_CTL_ADD, server, &event) &&
	     !epoll_ctl(epoll[1], EPOLL_CTL_ADD, client, &room), "epoll_ctl");
	was = local();
	for (i = 0; i < WRITES; i++)
		right = send(client, piece, 1, 0) == 1 && epoll_wait(epoll[0], &event, 1, 0) == 1 &&
			!epoll_wait(epoll[0], &event, 1, 0) && right;
	right = local() == was + WRITES && epoll_wait(epoll[1], &room, 1, 0) == 1 && right;
	while (send(client, piece, sizeof(piece), MSG_DONTWAIT) > 0)
		;
	right = errno == EAGAIN && !epoll_wait(epoll[1], &room, 1, 0) && right;
	while (recv(server, piece, sizeof(piece), MSG_DONTWAIT) > 0)
		;
	right = epoll_wait(epoll[1], &room, 1, STACK_DEADLINE_MS) == 1 && room.events & EPOLLOUT && right;
	ksft_test_result(right, "%s: edges\n", here);
	close_each(epoll[0], epoll[1], client, server);
	must(!ns_sysctl_set(net, "net.xtcp.coalesce_usecs", "50"), "coalesce_usecs");
}

/* The pages of a file are in the reader's queue: he gets them after they have left the file, too. */
static void file(void)
{
	static char out[2 * PAGE_SIZE], in[2 * PAGE_SIZE];
	int fd = memfd_create("text", MFD_CLOEXEC), pipes[2];
	long long was;
	bool right;

	for (long i = 0; i < (long)sizeof(out); i++)
		out[i] = octet(i);
	must(fd >= 0 && write(fd, out, sizeof(out)) == sizeof(out) && !pipe2(pipes, O_CLOEXEC), "file");
	connect_both();
	was = local();
	right = sendfile(client, fd, (off_t[]){ 0 }, sizeof(out)) == sizeof(out) && local() > was;
	must(!ftruncate(fd, 0), "ftruncate");
	right = splice(server, NULL, pipes[1], NULL, PAGE_SIZE, 0) == PAGE_SIZE && right;
	right = read(pipes[0], in, PAGE_SIZE) == PAGE_SIZE &&
		recv(server, in + PAGE_SIZE, PAGE_SIZE, MSG_WAITALL) == PAGE_SIZE && right;
	ksft_test_result(right && !memcmp(in, out, sizeof(in)), "%s: sendfile() and splice()\n", here);
	close_each(fd, pipes[0], pipes[1], client, server);
}

/* Text for an end that only a message holds (SCM_RIGHTS), by a process that is killed; the end comes behind it. */
static void under_way(void)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} rights = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char in[8] = "x";
	struct iovec one = { in, 1 };
	struct msghdr msg = {
		.msg_iov = &one, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof(rights)
	};
	int holds[2], status;
	long long was;
	pid_t child;

	connect_both();
	must(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, holds), "socketpair");
	memcpy(CMSG_DATA(&rights.head), &server, sizeof(server));
	must(sendmsg(holds[0], &msg, 0) == 1 && !close(server), "SCM_RIGHTS");
	was = local();
	fflush(stdout);
	child = fork();
	if (!child)
		_exit(send(client, "abcdef", 6, 0) == 6 ? kill(getpid(), SIGKILL) : 1);
	must(child > 0 && !close(client) && waitpid(child, &status, 0) == child, "fork");
	must(recvmsg(holds[1], &msg, MSG_CMSG_CLOEXEC) == 1, "recvmsg");
	memcpy(&server, CMSG_DATA(&rights.head), sizeof(server));
	ksft_test_result(WIFSIGNALED(status) && local() == was + 1 && recv(server, in, sizeof(in), MSG_WAITALL) == 6 &&
			 !memcmp(in, "abcdef", 6), "%s: a writer that is killed, a reader under way\n", here);
	close_each(holds[0], holds[1], server);
}

/* A connection that waits in the queue of @listener. */
static bool writes_to_queued(int listener)
{
	long long was = local();

	client = stack_connected(net, XTCP, here, PORT + 2);
	must(client >= 0 && is_ready(listener, POLLIN, STACK_DEADLINE_MS), "connect");
	return send(client, "abc", 3, 0) == 3 && local() == was + 1;
}

/* Nobody has accepted the reader: its text waits for accept(), and the end of the listener resets it. */
static void not_accepted(void)
{
	int listener = must_have(stack_listener(net, XTCP, here, PORT + 2, true), "listener");
	char in[8];
	bool right = writes_to_queued(listener);

	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	right = recv(server, in, sizeof(in), 0) == 3 && !memcmp(in, "abc", 3) && right;
	close_each(client, server);
	right = writes_to_queued(listener) && right;
	close(listener);
	right = is_ready(client, POLLIN, STACK_DEADLINE_MS) && recv(client, in, sizeof(in), 0) < 0 &&
		errno == ECONNRESET && right;
	ksft_test_result(right, "%s: a reader that nobody has accepted\n", here);
	close(client);
}

/* Small writes to a slow reader become one, for coalesce_usecs at most; not while the reader keeps up. */
static void small_writes(void)
{
	static char out[WRITES * 64], in[WRITES * 64];
	long long was;
	bool right;
	long at = 0;

	for (int i = 0; i < (int)sizeof(out); i++)
		out[i] = octet(i);
	must(!ns_sysctl_set(net, "net.xtcp.coalesce_usecs", "1000000"), "coalesce_usecs");
	connect_both();
	was = local();
	for (int i = 0; i < WRITES; i++)
		must(send(client, out + i * 64, 64, 0) == 64, "send");
	/* the first finds nothing unread, two more tell that the reader lags */
	right = local() == was + 3;
	must(recv(client, in, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN, "recv");
	right = recv(server, in, sizeof(in), MSG_WAITALL) == sizeof(in) && !memcmp(in, out, sizeof(in)) && right;
	/* its own time ends the wait, too */
	for (int i = 0; i < WRITES; i++)
		must(send(client, out + i * 64, 64, 0) == 64, "send");
	right = recv(server, in, sizeof(in), MSG_WAITALL) == sizeof(in) && !memcmp(in, out, sizeof(in)) && right;
	close_each(client, server);
	connect_both();
	was = local();
	for (int i = 0; i < WRITES; i++)
		right = carries(client, server, 64, &at) && right;
	ksft_test_result(right && local() == was + WRITES, "%s: small writes wait for a reader that lags\n", here);
	close_each(client, server);
	must(!ns_sysctl_set(net, "net.xtcp.coalesce_usecs", "50"), "coalesce_usecs");
}

struct way {
	int fd;
	const char *text;
};

static void *write_all(void *arg)
{
	const struct way *way = arg;
	long at = 0, sizes[] = { 1, 100, 1448, 5000, 70000 };

	for (int i = 0; at < STREAM; i++) {
		ssize_t n = send(way->fd, way->text + at, sizes[i % 5] < STREAM - at ? sizes[i % 5] : STREAM - at,
				 MSG_NOSIGNAL | (i % 7 ? 0 : MSG_MORE));

		if (n <= 0)
			return "send";
		at += n;
	}
	return shutdown(way->fd, SHUT_WR) ? "shutdown" : NULL;
}

/* A tap comes and goes beside text of all sizes in both directions: either way is taken, as it says. */
static void changes_over(void)
{
	int i, n, rounds = short_rounds(1000);
	bool right = true;
	long at[2] = {};
	long long was;

	connect_both();
	for (i = 0; i < rounds && right; i++) {
		if (i % 2)
			tap_all();
		was = local();
		n = 1 + i * 37 % 3000;
		right = i % 3 ? carries(client, server, n, &at[0]) : carries(server, client, n, &at[1]);
		right = local() - was == !(i % 2) && right;
		if (i % 2)
			looks_away();
	}
	ksft_test_result(right, "%s: a tap that comes and goes %d times\n", here, rounds / 2);
	close_each(client, server);
}

/* More than half of all sequence numbers, without a segment: the update that opens a window has to be newer. */
static void two_gigabytes(void)
{
	static char piece[65536];
	long at[2] = {}, left;
	bool right = true;
	ssize_t n;
	int held = 0;

	connect_both();
	option(client, SOL_SOCKET, SO_RCVBUF, 16384);
	while ((n = info_of(server).tcpi_snd_wnd) > 0 && held < STREAM) {
		must(send(server, piece, n, 0) == n, "send");
		held += n;
	}
	for (left = 0x80000000L + sizeof(piece); left > 0 && right; left -= sizeof(piece)) {
		right = send(client, piece, sizeof(piece), 0) == sizeof(piece);
		for (n = 0; n < (ssize_t)sizeof(piece) && right; n += recv(server, piece, sizeof(piece), 0))
			right = is_ready(server, POLLIN, STACK_DEADLINE_MS);
	}
	right = right && !info_of(server).tcpi_snd_wnd;
	for (; held > 0; held -= n)
		must((n = recv(client, piece, sizeof(piece), 0)) > 0, "recv");
	right = WAIT_FOR(info_of(server).tcpi_snd_wnd > 0, STACK_DEADLINE_MS) && right;
	tap_all();
	right = right && carries(client, server, PIECE, &at[0]) && carries(server, client, PIECE, &at[1]);
	looks_away();
	ksft_test_result(right && carries(client, server, PIECE, &at[0]), "%s: two gigabytes without a segment\n",
			 here);
	close_each(client, server);
}

/* Both ways at once, by four threads, beside a tap that comes and goes. */
static void streams(void)
{
	static char text[STREAM];
	struct bulk_reader readers[2] = {};
	struct way ways[2];
	pthread_t writers[2];
	void *failed[2];
	bool right;

	for (int i = 0; i < STREAM; i++)
		text[i] = octet(i);
	connect_both();
	for (int i = 0; i < 2; i++) {
		readers[i].fd = i ? server : client;
		ways[i] = (struct way) { .fd = readers[i].fd, .text = text };
		bulk_compare(&readers[i], text, STREAM);
		must(!pthread_create(&writers[i], NULL, write_all, &ways[i]), "thread");
	}
	while (info_of(client).tcpi_bytes_received < STREAM || info_of(server).tcpi_bytes_received < STREAM) {
		tap_all();
		looks_away();
	}
	for (int i = 0; i < 2; i++)
		pthread_join(writers[i], &failed[i]);
	right = bulk_is_right(&readers[0]);
	right = bulk_is_right(&readers[1]) && right;
	ksft_test_result(right && !failed[0] && !failed[1], "%s: two streams at once\n", here);
	close_each(client, server);
}

#define RESULTS (4 + LOOKERS + 13 + !release_is_debug())

int main(void)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };

	test_begin(2 * RESULTS);
	net = must_have(ns_make(), "namespace");
	tracing_start("local");
	for (int i = 0; i < 2; i++) {
		here = addresses[i];
		counts();
		is_traced();
		for (int j = 0; j < LOOKERS; j++)
			somebody_looks(&lookers[j]);
		is_agreed("a black box", "net.xtcp.blackbox", 1, 0);
		is_agreed("ECN", "net.xtcp.ecn", 1, 2);
		is_signed();
		own_hooks();
		nobody_reads();
		small_writes();
		edges();
		file();
		under_way();
		not_accepted();
		changes_over();
		streams();
		if (!release_is_debug())
			two_gigabytes();
	}
	tracing_stop();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
