// SPDX-License-Identifier: GPL-2.0
/*
 * The black boxes of connections: net.xtcp.blackbox chooses who gets one, what stands in it and in which order, which
 * boxes are kept and which are freed, the bound for all of them, and who may read them.
 */
#include "boxes.h"
#include "test.h"

NEEDS_SCRIPTS;

#define KNOB	"net.xtcp.blackbox"
#define EVENTS	64
#define BOX	3208	/* octets of a box */
#define NOBODY	65534
#define ROOM	8	/* boxes; half of them are kept */
#define CROWD	20	/* connections of one who wants all boxes */
#define OTHER_B4 "10.9.1.2"	/* the same peer in another network */
#define OTHER_B6 "fd00:91::2"

static struct ns_pair net;
static const char *peer_addr;
static int next_port = 7400;
static const char *version;

static void result(bool ok, const char *name)
{
	ksft_test_result(ok, "%s, %s\n", name, version);
}

static void knob(int ns, const char *value)
{
	must(!ns_sysctl_set(ns, KNOB, "%s", value), "net.xtcp.blackbox");
}

static long long count(int ns, const char *name)
{
	return counter_now(ns, "/proc/net/xtcp_netstat", name);
}

static int lines_in(const char *text)
{
	int n = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		n++;
	}
	return n;
}

static void pair(enum stack client, enum stack server, int *c, int *s)
{
	stack_pair_or_die(net.a, client, net.b, server, peer_addr, next_port++, c, s);
}

static bool is_closed(int fd)
{
	return WAIT_FOR(stack_state(fd) == TCP_CLOSE, STACK_DEADLINE_MS);
}

static bool has_peer(const char *boxes, int port)
{
	char end[16], *at = strstr(boxes, " peer=");

	snprintf(end, sizeof(end), ":%d ", port);
	for (; at; at = strstr(at + 1, " peer="))
		if (!strncmp(at + strcspn(at + 1, " ") + 2 - strlen(end), end, strlen(end)))
			return true;
	return false;
}

/* No knob, no box. */
static void off(void)
{
	long long kept = count(net.a, "TcpExt:TCPBlackboxKept");
	int c, s;

	pair(XTCP, KERNEL, &c, &s);
	must(!stack_abort(s), "SO_LINGER");
	must(is_closed(c), "the RST comes");
	close(c);
	result(!boxes_of(net.a) && count(net.a, "TcpExt:TCPBlackboxKept") == kept, "off: no box");
}

static void reset_client(enum stack peer)
{
	long long kept = count(net.a, "TcpExt:TCPBlackboxKept");
	int c, s, port;
	char octets[8];
	bool ok;

	pair(XTCP, peer, &c, &s);
	port = stack_port(c);
	must(stack_carries(c, s, 100) && stack_carries(s, c, 200), "data");
	/* nothing is there: the third time is no event of its own */
	must(recv(c, octets, 8, MSG_DONTWAIT) < 0 && recv(c, octets, 8, MSG_DONTWAIT) < 0 &&
	     recv(c, octets, 8, MSG_DONTWAIT) < 0, "EAGAIN");
	ok = BOXES_HAS(boxes_find(net.a, port), " ended=0.000000 ", " reason=none\n",
		       "call=recv wanted=8 result=-11 times=3\n");
	must(!stack_abort(s), "SO_LINGER");
	must(is_closed(c), "the RST comes");
	ok &= BOXES_HAS(boxes_find(net.a, port), " error=104 reason=reset\n", " call state=SYN-SENT call=connect ",
			" segment_out state=SYN-SENT flags=[S] ", " len=0 resent=0 ", " snd_una=",
			" segment_in state=SYN-SENT flags=[SA] ",
			" state old=SYN-SENT new=ESTABLISHED\n",
			" segment_out state=ESTABLISHED flags=[PA] ", " len=100 ",
			" call=send wanted=100 result=100 times=1\n",
			" segment_in state=ESTABLISHED ", " len=200 ",
			" call=recv wanted=", " result=200 ",
			" segment_in state=ESTABLISHED flags=[RA] ",
			" abort state=ESTABLISHED error=104 reason=reset\n",
			" state old=ESTABLISHED new=CLOSED\n");
	close(c);
	ok &= count(net.a, "TcpExt:TCPBlackboxKept") == kept + 1;
	boxes_forget(net.a);
	ok &= !boxes_of(net.a);
	result(ok, peer == KERNEL ? "a client of kernel TCP is reset" : "a client of xtcp is reset");
}

/* A server's box has the handshake, which had no sock. */
static void server(void)
{
	int c, s, port;

	pair(KERNEL, XTCP, &c, &s);
	port = stack_port(s);
	must(!stack_abort(c), "SO_LINGER");
	must(is_closed(s), "the RST comes");
	result(BOXES_HAS(boxes_find(net.b, port), " reason=reset\n",
			 " segment_in state=LISTEN flags=[S] ", " rebuilt=1\n",
			 " segment_out state=SYN-RECEIVED flags=[SA] ", " rebuilt=1\n",
			 " state old=LISTEN new=SYN-RECEIVED\n",
			 " segment_in state=SYN-RECEIVED flags=[A] ", " rebuilt=0\n",
			 " state old=SYN-RECEIVED new=ESTABLISHED\n",
			 " abort state=ESTABLISHED error=104 reason=reset\n"), "a server's connection is reset");
	close(s);
	boxes_forget(net.b);
}

static void refused_client(void)
{
	int fd = stack_socket(net.a, XTCP, peer_addr);
	char *box;

	must(fd >= 0 && stack_connect(fd, peer_addr, next_port++) < 0 && errno == ECONNREFUSED, "connect");
	box = boxes_text(net.a);
	result(BOXES_HAS(box, " error=111 reason=reset\n", " segment_out state=SYN-SENT flags=[S] ",
			 " segment_in state=SYN-SENT flags=[RA] ", " state old=SYN-SENT new=CLOSED\n") &&
	       boxes_in(box) == 1,
	       "a connection that is refused");
	free(box);
	close(fd);
	boxes_forget(net.a);
}

/* Both FINs: nothing is left. */
static void fins(void)
{
	long long kept = count(net.a, "TcpExt:TCPBlackboxKept");
	int c, s;

	pair(XTCP, XTCP, &c, &s);
	must(boxes_of(net.a) == 1 && boxes_of(net.b) == 1, "two boxes");
	close(s);
	must(stack_at_end(c), "the FIN comes");
	close(c);
	result(WAIT_FOR(!boxes_of(net.a) && !boxes_of(net.b), STACK_DEADLINE_MS) &&
	       count(net.a, "TcpExt:TCPBlackboxKept") == kept, "both FINs free the boxes");
}

/* The tools read what stands in the file. */
static void draws(int port)
{
	static const char box[] = "scripts/tools/xtcp-blackbox --port";
	bool ok = !ns_shell(net.a, "%s %d list | grep -q 'user-timeout (ETIMEDOUT)'", box, port) &&
	     !ns_shell(net.a, "%s %d --plain --calls show >/tmp/blackbox.txt", box, port) &&
	     !ns_shell(net.a, "grep -q 'SYN SEQ=0' /tmp/blackbox.txt && grep -q 'LEN=2 .*resent' /tmp/blackbox.txt") &&
	     !ns_shell(net.a, "grep -q 'aborted: no' /tmp/blackbox.txt && grep -q 'send(2) = 2' /tmp/blackbox.txt") &&
	     !ns_shell(net.a, "%s %d trace | scripts/tools/xtcp-plot --plain - | grep -q 'Loss: timeout'", box, port) &&
	     !ns_shell(net.a, "%s %d save /tmp/blackbox.pcapng | grep -q ' segments of 1 connection$'", box, port);

	result(ok, "list, show, trace, plot and save");
}

/* What ssthresh is after a timeout: at least two segments, and less than the ten of the initial window. */
static bool has_ssthresh(const char *box, unsigned int mss)
{
	const char *at = strstr(box, " congestion phase=Loss ");
	unsigned int ssthresh = 0;

	at = at ? strstr(at, " ssthresh=") : NULL;
	if (at && sscanf(at, " ssthresh=%u ", &ssthresh) == 1 && ssthresh >= 2 * mss && ssthresh < 10 * mss)
		return true;
	ksft_print_msg("ssthresh %u in\n%s", ssthresh, box);
	return false;
}

/* A peer that vanishes: timers, retransmissions, the windows that they leave. */
static void timers(void)
{
	unsigned int ms = 1500;
	int c, s, port, mss;
	const char *box;

	pair(XTCP, KERNEL, &c, &s);
	port = stack_port(c);
	mss = stack_get(c, IPPROTO_TCP, TCP_MAXSEG);
	must(mss > 0, "TCP_MAXSEG");
	must(stack_carries(c, s, 1), "data");
	must(!netem_gate(net.a, "veth0", false), "gate");
	must(!setsockopt(c, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)), "TCP_USER_TIMEOUT");
	must(send(c, "xy", 2, 0) == 2, "send");
	must(is_closed(c), "the timeout");
	must(!netem_gate(net.a, "veth0", true), "gate");
	box = boxes_find(net.a, port);
	draws(port);
	result(BOXES_HAS(box, " reason=user-timeout\n", " len=2 resent=0 ",
			 " timer state=ESTABLISHED timer=retransmit ",
			 " congestion phase=Loss ", " reason=timeout\n", " len=2 resent=1 ",
			 " abort state=ESTABLISHED error=110 reason=user-timeout\n") &&
	       has_ssthresh(box, mss), "a timeout");
	close_each(c, s);
	boxes_forget(net.a);
}

/* One octet from @ns is lost, and the next three arrive before it. */
static void lose_one(int ns, int from, int to)
{
	char octets[4];

	must(!stack_set(from, IPPROTO_TCP, TCP_NODELAY, 1), "TCP_NODELAY");
	must(!netem_gate(ns, "veth0", false) && send(from, "x", 1, 0) == 1 && !netem_gate(ns, "veth0", true), "gate");
	must(send(from, "abc", 3, 0) == 3, "send");
	must(WAIT_FOR(recv(to, octets, 4, MSG_PEEK | MSG_DONTWAIT) == 4, STACK_DEADLINE_MS) &&
	     recv(to, octets, 4, 0) == 4, "resent");
}

/* @text, the begin of a line: of a segment of three octets; @answer: of one with them as its SACK block. */
static bool has_block(const char *box, const char *text, const char *answer)
{
	unsigned int seq, end;
	char want[64];
	const char *at = box;

	while ((at = strstr(at, text))) {
		at += strlen(text);
		if (sscanf(at, " state=ESTABLISHED flags=[PA] seq=%u end=%u ", &seq, &end) == 2 && end - seq == 3)
			break;
	}
	if (!at) {
		ksft_print_msg("no segment of three octets in\n%s", box);
		return false;
	}
	snprintf(want, sizeof(want), " sacks=[%u-%u] ", seq, end);
	return BOXES_HAS(at, answer, want);
}

/* What arrived behind a hole: in the box of the end that sends, and of the one that receives. */
static void behind_hole(void)
{
	int c, s, port;
	const char *box;
	bool ok;

	pair(XTCP, KERNEL, &c, &s);
	port = stack_port(c);
	lose_one(net.a, c, s);
	box = boxes_find(net.a, port);
	ok = has_block(box, " segment_out", " segment_in state=ESTABLISHED flags=[A] ");
	lose_one(net.b, s, c);
	box = boxes_find(net.a, port);
	ok &= has_block(box, " segment_in", " segment_out state=ESTABLISHED flags=[A] ");
	must(!stack_abort(s), "SO_LINGER");
	must(is_closed(c), "the RST comes");
	close(c);
	boxes_forget(net.a);
	result(ok, "SACK blocks that come and go");
}

/* A keepalive probe of kernel TCP repeats an octet of before. */
static void not_taken(void)
{
	int c, s, port;
	bool ok;

	pair(XTCP, KERNEL, &c, &s);
	port = stack_port(c);
	must(!stack_set(s, IPPROTO_TCP, TCP_KEEPIDLE, 1) && !stack_set(s, SOL_SOCKET, SO_KEEPALIVE, 1), "SO_KEEPALIVE");
	wait_until_ms(wait_now_ms() + 1500);
	ok = BOXES_HAS(boxes_find(net.a, port), " new=ESTABLISHED\n", " segment_in state=ESTABLISHED flags=[A] ",
		       " refused state=ESTABLISHED reason=acknowledged and dropped\n",
		       " segment_out state=ESTABLISHED flags=[A] ");
	must(!stack_abort(s), "SO_LINGER");
	must(is_closed(c), "the RST comes");
	close(c);
	boxes_forget(net.a);
	result(ok, "a segment that is not taken");
}

/* The ring has the last events, and says how many there were. */
static void ring(void)
{
	unsigned long events, missing;
	int c, s, port, i;
	const char *box, *at;
	bool ok;

	pair(XTCP, KERNEL, &c, &s);
	port = stack_port(c);
	for (i = 0; i < 60; i++)
		must(stack_carries(c, s, 10 + i), "data");
	must(!stack_abort(s), "SO_LINGER");
	must(is_closed(c), "the RST comes");
	box = boxes_find(net.a, port);
	at = strstr(box, " events=");
	ok = at && sscanf(at, " events=%lu missing=%lu ", &events, &missing) == 2 && events > 120 &&
	     events - missing == EVENTS && lines_in(box) == EVENTS + 1;
	ok &= BOXES_HAS(box, " len=69 resent=0", " reason=reset\n", " new=CLOSED\n") && !strstr(box, " len=10 resent");
	if (!ok)
		ksft_print_msg("%s", box);
	result(ok, "the last events");
	close(c);
	boxes_forget(net.a);
}

static void choice(void)
{
	int c[100], s[100], i, n, first = next_port;
	char *box;
	bool ok;

	must(!ns_sysctl_set(net.a, KNOB, "1 %d %d", first + 1, first + 1), "net.xtcp.blackbox");
	for (i = 0; i < 3; i++)
		pair(XTCP, KERNEL, &c[i], &s[i]);
	box = boxes_text(net.a);
	ok = boxes_in(box) == 1 && BOXES_HAS(box, " call=connect ");
	if (!ok)
		ksft_print_msg("ports from %d on: %s", first, box);
	free(box);
	ok &= !!*boxes_find(net.a, stack_port(c[1]));
	for (i = 0; i < 3; i++)
		close_each(c[i], s[i]);
	result(ok, "the ports choose");

	must(!ns_sysctl_set(net.a, KNOB, "4 0 65535"), "net.xtcp.blackbox");
	WAIT_FOR(!boxes_of(net.a), STACK_DEADLINE_MS);
	for (i = 0; i < 100; i++)
		pair(XTCP, KERNEL, &c[i], &s[i]);
	n = boxes_of(net.a);
	/* 25 of them; fewer than 5 or more than 55 in one of ten million runs */
	if (n < 5 || n > 55)
		ksft_print_msg("%d boxes\n", n);
	result(n >= 5 && n <= 55, "one in four");
	for (i = 0; i < 100; i++)
		close_each(c[i], s[i]);
	knob(net.a, "1");
	WAIT_FOR(!boxes_of(net.a), STACK_DEADLINE_MS);
}

/* Of six boxes that are kept, a bound of two leaves room for one beside a new connection. */
static void lower_bound(void)
{
	long long were = count(net.a, "TcpExt:TCPBlackboxRefused"), dropped;
	int c, s, i;
	bool ok;

	boxes_forget(net.a);
	boxes_set_bound(4096);
	for (i = 0; i < 6; i++) {
		pair(XTCP, KERNEL, &c, &s);
		must(!stack_abort(s), "SO_LINGER");
		must(is_closed(c), "the RST comes");
		close(c);
	}
	must(boxes_of(net.a) == 6, "six boxes");
	dropped = count(net.a, "TcpExt:TCPBlackboxDropped");
	boxes_set_bound(7);
	pair(XTCP, KERNEL, &c, &s);
	ok = boxes_of(net.a) == 2 && count(net.a, "TcpExt:TCPBlackboxDropped") == dropped + 5 &&
	     count(net.a, "TcpExt:TCPBlackboxRefused") == were;
	result(ok, "the bound was lowered: the oldest make way for a new connection");
	close_each(c, s);
}

/* The bound: a connection goes on without a box; of those that have ended the newest stay. */
static void meet_bound(void)
{
	long long were = count(net.a, "TcpExt:TCPBlackboxRefused"), dropped = count(net.a, "TcpExt:TCPBlackboxDropped");
	int c[8], s[8], i, last;
	const char *box;
	bool ok;

	/* four boxes of 3 KiB and a little */
	boxes_set_bound(14);
	for (i = 0; i < 6; i++)
		pair(XTCP, KERNEL, &c[i], &s[i]);
	ok = boxes_of(net.a) == 4 && count(net.a, "TcpExt:TCPBlackboxRefused") == were + 2;
	ok &= stack_carries(c[5], s[5], 1000) && stack_carries(s[5], c[5], 1000);
	result(ok, "the bound");
	for (i = 0; i < 6; i++) {
		must(!stack_abort(s[i]), "SO_LINGER");
		must(is_closed(c[i]), "the RST comes");
		if (i < 4)
			last = stack_port(c[i]);
		close(c[i]);
	}
	box = boxes_find(net.a, last);
	ok = boxes_of(net.a) == 2 && *box && count(net.a, "TcpExt:TCPBlackboxDropped") == dropped + 2;
	result(ok, "the newest of those that have ended stay");
	lower_bound();
	boxes_forget(net.a);
	boxes_set_bound(4096);
}

/* A socket of an ordinary user, who connects it to @arg's port. */
static int do_connect(void *arg)
{
	int fd;

	must(!seteuid(NOBODY), "seteuid");
	fd = socket(AF_XTCP, SOCK_STREAM, strchr(peer_addr, ':') ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
	must(fd >= 0 && !stack_connect(fd, peer_addr, *(int *)arg) && !seteuid(0), "connect");
	return fd;
}

/* An ordinary user aborts many connections and keeps many: all find room, and take no box of root's. */
static void of_another_user(void)
{
	long long were = count(net.a, "TcpExt:TCPBlackboxRefused"), dropped = count(net.a, "TcpExt:TCPBlackboxDropped");
	int port = next_port++, listener = stack_listener(net.b, KERNEL, peer_addr, port, true), c, s, i, of_root;
	int live[CROWD][2];
	const char *box;
	bool ok;

	must(listener >= 0, "listener");
	boxes_set_bound(ROOM * BOX / 1024 + 1);
	pair(XTCP, KERNEL, &c, &s);
	of_root = stack_port(c);
	must(!stack_abort(s), "SO_LINGER");
	must(is_closed(c), "the RST comes");
	close(c);
	for (i = 0; i < CROWD; i++) {
		c = ns_call(net.a, do_connect, &port);
		s = accept(listener, NULL, NULL);
		must(!stack_abort(s), "SO_LINGER");
		must(is_closed(c), "the RST comes");
		close(c);
	}
	box = boxes_find(net.a, of_root);
	ok = *box && boxes_of(net.a) == ROOM / 2 &&
	     count(net.a, "TcpExt:TCPBlackboxDropped") == dropped + CROWD + 1 - ROOM / 2;
	result(ok, "who aborts many connections wipes out his own boxes");
	dropped = count(net.a, "TcpExt:TCPBlackboxDropped");
	for (i = 0; i < CROWD; i++) {
		live[i][0] = ns_call(net.a, do_connect, &port);
		live[i][1] = accept(listener, NULL, NULL);
	}
	box = boxes_find(net.a, of_root);
	ok = *box && boxes_of(net.a) == ROOM && count(net.a, "TcpExt:TCPBlackboxDropped") == dropped + ROOM / 2 - 1 &&
	     count(net.a, "TcpExt:TCPBlackboxRefused") == were + CROWD - (ROOM - 1);
	result(ok, "who has many connections takes his own boxes");
	for (i = 0; i < CROWD; i++)
		close_each(live[i][0], live[i][1]);
	close(listener);
	boxes_forget(net.a);
	must(WAIT_FOR(!boxes_of(net.a), STACK_DEADLINE_MS), "no box");
	boxes_set_bound(4096);
}

/* The same at a listener, of a peer with two addresses: a box of the first one stays. */
static void of_another_peer(void)
{
	const bool v6 = strchr(peer_addr, ':');
	int port = next_port++, listener = stack_listener(net.a, XTCP, v6 ? NS_A6 : NS_A4, port, true);
	int c, s, i, first = 0;
	char *box;
	bool ok;

	must(listener >= 0, "listener");
	boxes_set_bound(ROOM * BOX / 1024 + 1);
	for (i = 0; i < 1 + CROWD; i++) {
		c = stack_bound(net.b, KERNEL, i ? v6 ? OTHER_B6 : OTHER_B4 : peer_addr, 0, true);
		must(c >= 0 && !stack_connect(c, v6 ? NS_A6 : NS_A4, port), "connect");
		s = must_have(accept(listener, NULL, NULL), "accept");
		if (!i)
			first = stack_port(c);
		must(!stack_abort(c), "SO_LINGER");
		must(is_closed(s), "the RST comes");
		close(s);
	}
	close(listener);
	box = boxes_text(net.a);
	ok = boxes_in(box) == ROOM / 2 && has_peer(box, first);
	free(box);
	result(ok, "a peer who aborts many connections wipes out his own boxes");
	boxes_forget(net.a);
	boxes_set_bound(4096);
}

static int do_open(void *arg)
{
	int fd, error;

	/* of this thread alone */
	must(!syscall(SYS_setresuid, -1, NOBODY, -1), "setresuid");
	fd = open(BOXES_FILE, O_RDONLY);
	error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	must(!syscall(SYS_setresuid, -1, 0, -1), "setresuid");
	return error;
}

/* Only the owner of a namespace reads its boxes, and no namespace sees another's. */
static void readers(void)
{
	int c, s;

	pair(XTCP, KERNEL, &c, &s);
	must(boxes_of(net.a) == 1, "a box");
	result(ns_call(net.a, do_open, NULL) == EACCES && !boxes_of(net.b) && !boxes_of(ns_home()), "who reads");
	close_each(c, s);
	WAIT_FOR(!boxes_of(net.a), STACK_DEADLINE_MS);
}

/* Who has a box keeps it when the knob goes back. */
static void knob_back(void)
{
	int c, s, c2, s2;
	const char *box;

	pair(XTCP, KERNEL, &c, &s);
	knob(net.a, "0");
	knob(net.b, "0");
	pair(XTCP, KERNEL, &c2, &s2);
	must(boxes_of(net.a) == 1 && stack_carries(c, s, 333), "one box");
	/* longer than the machine waits before it writes no boxes any more */
	wait_until_ms(wait_now_ms() + 1500);
	must(stack_carries(c, s, 334), "data");
	must(!stack_abort(s), "SO_LINGER");
	must(is_closed(c), "the RST comes");
	box = boxes_find(net.a, stack_port(c));
	result(BOXES_HAS(box, " reason=reset\n", " len=333 ", " len=334 ", " new=CLOSED\n"), "the knob goes back to 0");
	close_each(c, c2, s2);
	boxes_forget(net.a);
	/* long enough without a box */
	wait_until_ms(wait_now_ms() + 1500);
	knob(net.a, "1");
	knob(net.b, "1");
	pair(XTCP, KERNEL, &c, &s);
	box = boxes_find(net.a, stack_port(c));
	result(BOXES_HAS(box, " segment_out state=SYN-SENT flags=[S] "), "after a while without boxes");
	close_each(c, s);
	WAIT_FOR(!boxes_of(net.a), STACK_DEADLINE_MS);
}

static void each_version(const char *addr, const char *name)
{
	peer_addr = addr;
	version = name;
	knob(net.a, "0 0 65535");
	knob(net.b, "0 0 65535");
	off();
	knob(net.a, "1");
	knob(net.b, "1");
	reset_client(KERNEL);
	reset_client(XTCP);
	boxes_forget(net.b);
	server();
	refused_client();
	fins();
	timers();
	behind_hole();
	not_taken();
	ring();
	choice();
	meet_bound();
	of_another_user();
	of_another_peer();
	readers();
	knob_back();
}

static atomic_bool over;

/* Reads all the time: the events of a box are in order, whatever happens meanwhile. */
static void *read_on(void *arg)
{
	long *seen = arg;
	unsigned long long s, us;
	double before, now;
	char *text, *at;

	ns_enter(net.a);
	while (!over) {
		text = boxes_text(net.a);
		before = 0;
		for (at = text; at && *at; at = strchr(at, '\n'), at += !!at) {
			if (*at != ' ') {
				before = 0;
				continue;
			}
			must_say(sscanf(at, " %llu.%llu ", &s, &us) == 2, "strange: %.80s", at);
			now = s + us / 1e6;
			must_say(now >= before, "not in order: %.160s", at - 80);
			before = now;
			++*seen;
		}
		free(text);
	}
	return NULL;
}

static void storm(void)
{
	pthread_t reader;
	long seen = 0;
	int c, s, i;

	must(!pthread_create(&reader, NULL, read_on, &seen), "thread");
	for (i = 0; i < 300; i++) {
		pair(XTCP, XTCP, &c, &s);
		must(stack_carries(c, s, 1 + i * 10), "data");
		if (i % 3)
			must(!stack_abort(s), "SO_LINGER");
		else
			close(s);
		if (i % 50 == 49)
			boxes_forget(net.a);
		close(c);
	}
	over = true;
	pthread_join(reader, NULL);
	ksft_print_msg("%ld events were read\n", seen);
	ksft_test_result(seen > 0, "a reader while connections come and go\n");
}

/* Only the file of the boxes takes a write. The mode does not keep the namespace's root from trying. */
static void writes(void)
{
	ksft_test_result(!ns_shell(net.a, "for f in /proc/net/xtcp*; do test $f = " BOXES_FILE " || "
				   "dd if=/dev/zero of=$f bs=1 count=1 conv=notrunc 2>&1 | "
				   "grep -q 'Input/output error' || exit 1; done"),
			 "a write to another file is an error\n");
}

/* The boxes of @ns are its first @n, by their numbers. */
static bool has_numbers(int ns, int n)
{
	char *text = boxes_text(ns), *at, want[32];
	bool ok = true;

	for (int i = 1; i <= n; i++) {
		snprintf(want, sizeof(want), "box=%d ", i);
		at = strstr(text, want);
		ok &= at && (at == text || at[-1] == '\n');
	}
	if (!ok)
		ksft_print_msg("%.60s\n", text);
	free(text);
	return ok;
}

/* A guest has an eighth of the bound; its end frees all. */
static void share_of_guest(void)
{
	const char *here = "127.0.0.1";
	int ns = must_have(ns_make_guest(), "guest"), c[16], s[16], i, port = 9000;
	struct slabs before;
	bool ok;

	boxes_forget(net.a);
	boxes_forget(net.b);
	slabs_read(&before);
	/* 64 boxes and a little: 8 are a guest's */
	boxes_set_bound(64 * 4);
	knob(ns, "1");
	for (i = 0; i < 8; i++)
		stack_pair_or_die(ns, XTCP, ns, XTCP, here, port++, &c[i], &s[i]);
	i = boxes_of(ns);
	ok = i == 64 * 4 * 1024 / BOX / 8;
	if (!ok)
		ksft_print_msg("%d boxes\n", i);
	ksft_test_result(ok, "a guest has an eighth\n");
	/* those of net.a have had numbers, too */
	ksft_test_result(has_numbers(ns, i), "the numbers tell nothing of other namespaces\n");
	for (i = 0; i < 8; i++) {
		must(!stack_abort(s[i]), "SO_LINGER");
		close(c[i]);
	}
	must(boxes_of(ns) > 0, "kept boxes");
	close(ns);
	ksft_test_result(ns_all_ended(STACK_DEADLINE_MS) && slabs_back(&before, STACK_DEADLINE_MS),
			 "the end of a namespace frees its boxes\n");
	boxes_set_bound(4096);
}

/* One user has many guests: in all of them together he has what another one has in one. */
static void share_of_user(void)
{
	enum { USER = 1001, GUESTS = 4, PAIRS = 8 };
	int ns[GUESTS + 1], c[GUESTS + 1][PAIRS], s[GUESTS + 1][PAIRS], of_user = 0, i, k;

	boxes_set_bound(64 * 4);
	for (i = 0; i <= GUESTS; i++) {
		ns[i] = must_have(ns_make_guest_of(i < GUESTS ? USER : USER + 1), "guest");
		knob(ns[i], "1");
		for (k = 0; k < PAIRS; k++)
			stack_pair_or_die(ns[i], XTCP, ns[i], XTCP, "127.0.0.1", 9000 + k, &c[i][k], &s[i][k]);
		of_user += i < GUESTS ? boxes_of(ns[i]) : 0;
	}
	ksft_test_result(of_user == 64 * 4 * 1024 / BOX / 8 && of_user == boxes_of(ns[0]),
			 "%d guests of one user have an eighth\n", GUESTS);
	ksft_test_result(boxes_of(ns[GUESTS]) == of_user, "and leave as many to another user\n");
	for (i = 0; i <= GUESTS; i++) {
		for (k = 0; k < PAIRS; k++)
			close_each(c[i][k], s[i][k]);
		close(ns[i]);
	}
	must(ns_all_ended(STACK_DEADLINE_MS), "namespaces do not end");
	boxes_set_bound(4096);
}

int main(void)
{
	test_begin(2 * 22 + 7);
	must(!ns_pair_make(&net), "namespaces");
	sides_know_each_other(&net);
	must(!ns_addr_add(net.a, "veth0", "10.9.1.1/24") && !ns_addr_add(net.b, "veth0", OTHER_B4 "/24") &&
	     !ns_addr_add(net.a, "veth0", "fd00:91::1/64") && !ns_addr_add(net.b, "veth0", OTHER_B6 "/64"),
	     "addresses");
	each_version(NS_B4, "IPv4");
	each_version(NS_B6, "IPv6");
	storm();
	writes();
	share_of_guest();
	share_of_user();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
