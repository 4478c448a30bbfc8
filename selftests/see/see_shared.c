// SPDX-License-Identifier: GPL-2.0
/* What the files of see and ladders share: two namespaces, connections between them, and a SYN that no socket sent. */
#include "see.h"
#include "test.h"
#include "tun.h"
#include "wire.h"

const struct see_view see_views[SEE_VIEWS] = {
	{ "kernel TCP over IPv4", KERNEL, "/proc/net/tcp", NS_B4, HOLE4, "0200090A" },
	{ "kernel TCP over IPv6", KERNEL, "/proc/net/tcp6", NS_B6, HOLE6,
	  "090000FD000000000000000002000000" },
	{ "xtcp over IPv4", XTCP, "/proc/net/xtcp", NS_B4, HOLE4, "0200090A" },
	{ "xtcp over IPv6", XTCP, "/proc/net/xtcp6", NS_B6, HOLE6,
	  "090000FD000000000000000002000000" },
};

struct ns_pair see_net;
unsigned int see_problems;

/* The head of the program's output, and the two namespaces. */
void see_begin(unsigned int plan)
{
	test_begin(plan);
	see_must(ns_pair_make(&see_net), "namespaces");
}

/* The namespaces go, and the totals are printed. Return: an exit status of kselftest. */
int see_end(void)
{
	ns_pair_close(&see_net);
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}

/* The result of the case that ran. @about: of what; NULL: of no view. */
void see_report(const char *what, const char *about)
{
	ksft_test_result(!see_problems, "%s%s%s\n", what, about ? ": " : "", about ?: "");
	see_problems = 0;
}

/* A step without which nothing else makes sense. Return: @ret. */
int see_must(int ret, const char *what)
{
	if (ret < 0) {
		ksft_print_msg("%s: %s\n", what, strerror(errno));
		ksft_exit_fail();
	}
	return ret;
}

/* A port that no case has used. Return: host order. */
unsigned int see_new_port(void)
{
	static unsigned int next = 4000;

	return next++;
}

/* A listener with LIMIT. Return: the socket. */
int see_listen(int ns, const struct see_view *view, const char *addr, unsigned int port)
{
	int fd = see_must(stack_bound(ns, view->stack, addr, port, false), "bind");

	see_must(listen(fd, LIMIT), "listen");
	return fd;
}

/* A connection. @port: of the other end, host order. Return: the socket. */
int see_connect(int ns, const struct see_view *view, const char *addr, unsigned int port)
{
	return see_must(stack_connected(ns, view->stack, addr, port), "connect");
}

/* What stands in /proc for a socket. Return: its inode's number. */
unsigned long see_inode(int fd)
{
	struct stat stat;

	see_must(fstat(fd, &stat), "fstat");
	return stat.st_ino;
}

/*
 * TIME-WAIT and FIN-WAIT-2 without a socket are small rows; on the way there a full one may be seen. Kernel TCP leaves
 * it full in FIN-WAIT-2 if the ACK of the FIN came while close() held the socket.
 */
static bool is_settled(const struct see_view *view, const struct row *row)
{
	return row->columns == 16 || (row->state != TCP_FIN_WAIT2 && row->state != TCP_TIME_WAIT) ||
	       (row->state == TCP_FIN_WAIT2 && view->stack != XTCP && row->timer == 2);
}

/* The row as soon as it is in @state, else a problem and the row as it is. @peer: port; 0: any. */
struct row see_wait_row(int ns, const struct see_view *view, unsigned int local, unsigned int peer, unsigned int state)
{
	struct row row = {};
	int found = 0;

	CHECK(WAIT_FOR((found = rows_find(ns, view->proc, local, peer, &row)) == 1 && row.state == state &&
		       is_settled(view, &row), SOON),
	      "%s: %d rows with ports %u and %u, state %u instead of %u", view->name, found, local, peer,
	      row.state, state);
	return row;
}

/* What the events say of a SYN's options, and why it is dropped. */

#define MOST_OPTIONS	40	/* octets */

/*
 * As see_send_syn(), with @len octets of options, a multiple of 4. The header claims to have @claimed words more, and
 * the checksum is wrong or not.
 */
static void send_odd_syn(const struct see_view *view, const char *sender, unsigned int sender_port, unsigned int port,
			 const void *options, unsigned int len, int claimed, bool wrong)
{
	struct wire_segment syn = { .sport = sender_port, .dport = port, .seq = 12345, .flags = WIRE_SYN, .win = 1000,
				    .optlen = len, .doff = 5 + len / 4 + claimed, .badsum = wrong };
	const union stack_addr to = stack_addr(view->b, 0);
	int fd = see_must(ns_socket(see_net.a, to.sa.sa_family, SOCK_RAW, IPPROTO_RAW), "raw socket");
	unsigned char packet[WIRE_PACKET_MAX];

	memcpy(syn.opt, options, len);
	see_must(sendto(fd, packet, tun_lay_out(packet, sender, view->b, &syn), 0, &to.sa, stack_addr_len(&to)),
		 "send a SYN");
	close(fd);
}

static void send_syn(const struct see_view *view, const char *sender, unsigned int sender_port, unsigned int port,
		     const void *options, unsigned int len)
{
	send_odd_syn(view, sender, sender_port, port, options, len, 0, false);
}

/* A SYN without a socket at its sender. @sender: its source, no host's; @port: a listener's in b. */
void see_send_syn(const struct see_view *view, const char *sender, unsigned int sender_port, unsigned int port)
{
	send_syn(view, sender, sender_port, port, "", 0);
}

/* A result: a SYN's event names its options in order. Twenty of two octets make the longest text. */
void see_syn_options(const struct see_view *view)
{
	static const struct {
		const char *octets;
		unsigned int len;
		const char *says;
	} syns[] = {
		{ "", 0, "options=[]" },
		{ "\2\4\5\264\375\6\1\2\3\4\1\1\3\3\7\1", 16, "options=[mss:1460,opt253:6,ws:7]" },
		{ "\42\2\1\1\4\2\2\3\0\1\1\1", 12, "options=[opt34:2,sackok,opt2:3]" },
		{ "\4\2\0\2\2\4\5\264", 8, "options=[sackok]" },
		{ "\4\2\375\1\2\4\5\264", 8, "options=[sackok]" },
		{ "\4\2\375\7", 4, "options=[sackok]" },
		{ "\376\4\0\254\4\2\1\1", 8, "options=[tarr,sackok]" },
		{ "\376\5\0\254\20\1\1\1", 8, "options=[tarr:8]" },
		{ "\376\4\0\255\376\2\375\4\0\254\1\1", 12, "options=[opt254:4,opt254:2,opt253:4]" },
	};
	unsigned char most[MOST_OPTIONS];
	char says[MOST_OPTIONS / 2 * sizeof("opt255:2,")] = "options=[";
	unsigned int i, port = see_new_port();
	int listener;

	tracing_start("options");
	tracing_set("events/xtcp/xtcp_segment_in/enable", "1");
	listener = see_must(stack_bound(see_net.b, view->stack, view->b, port, false), "bind");
	see_must(listen(listener, LIMIT), "listen");
	for (i = 0; i < sizeof(syns) / sizeof(*syns); i++) {
		tracing_forget();
		send_syn(view, view->hole, 2000 + i, port, syns[i].octets, syns[i].len);
		CHECK(WAIT_FOR(tracing_count(syns[i].says, "", ""), SOON), "%s", syns[i].says);
	}
	for (i = 0; i < MOST_OPTIONS; i += 2) {
		most[i] = 255;
		most[i + 1] = 2;
		strcat(says, i ? ",opt255:2" : "opt255:2");
	}
	strcat(says, "]");
	send_syn(view, view->hole, 2000, port, most, sizeof(most));
	CHECK(WAIT_FOR(tracing_count(says, "", ""), SOON), "%s", says);
	close(listener);
	tracing_set("events/xtcp/xtcp_segment_in/enable", "0");
	tracing_stop();
	see_report("the events name the options of a SYN", view->name);
}

/* Gives a result: the event of a SYN that is dropped says why. */
void see_syn_dropped(const struct see_view *view)
{
	static const struct {
		int claimed;
		bool wrong;
		const char *says;
	} syns[] = {
		{ -1, false, "reason=PKT_TOO_SMALL" },
		{ 10, false, "reason=PKT_TOO_SMALL" },
		{ 0, true, "reason=TCP_CSUM" },
	};
	unsigned int i, port = see_new_port();
	char says[80];
	int listener;

	tracing_start("dropped");
	tracing_set("events/xtcp/xtcp_drop/enable", "1");
	listener = see_must(stack_bound(see_net.b, view->stack, view->b, port, false), "bind");
	see_must(listen(listener, LIMIT), "listen");
	for (i = 0; i < sizeof(syns) / sizeof(*syns); i++) {
		tracing_forget();
		send_odd_syn(view, view->hole, 2000 + i, port, "", 0, syns[i].claimed, syns[i].wrong);
		snprintf(says, sizeof(says), ":%u state=CLOSED ", 2000 + i);
		CHECK(WAIT_FOR(tracing_count(says, syns[i].says, ""), SOON), "%s", syns[i].says);
	}
	close(listener);
	tracing_set("events/xtcp/xtcp_drop/enable", "0");
	tracing_stop();
	see_report("the events say why a SYN is dropped", view->name);
}
