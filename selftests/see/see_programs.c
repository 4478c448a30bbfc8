// SPDX-License-Identifier: GPL-2.0
/* What programs make of what xtcp shows: the counters' names, stock ss and nstat, xtcp-watch, xtcp_run. */
#include <math.h>
#include "test.h"
#include "see.h"

NEEDS_SCRIPTS;
NEEDS_PROGRAMS("ss nstat setpriv busybox");

#define FOUR_WINDOWS	60000	/* octets: as many as a new connection has in flight, four times */

/* Is it a counter that kernel TCP does not have, or only since Linux 6.7? */
static bool is_own(const char *name)
{
	static const char * const own[] = {
		"AbortOnReset", "AbortOnIcmp", "AbortOnListener", "AbortOnDisconnect", "AbortOnKill",
		"AbortOnNamespace", "AbortOnIdle", "AbortOnHalfClosed", "AbortOnUserTimeoutMs",
		"AbortOnKeepaliveAlways", "BlackboxKept", "BlackboxDropped", "BlackboxRefused",
		"ResumeJumped", "ResumeValidated", "ResumeRetreated", "RstDiagSent",
		"RstDiagRecv", "RstDiagMalformed", "AckRateSent", "AckRateRecv", "AckRateMalformed",
		"Local", "AuthMalformed",
		"LingerZero", "ClosedInSynSent", "AORequired", "AOBad",
		"AOKeyNotFound", "AOGood", "AODroppedIcmps",
	};
	const size_t prefix = strlen("TcpExt:TCP");

	if (strncmp(name, "TcpExt:TCP", prefix))
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (!strcmp(name + prefix, own[i]))
			return true;
	return false;
}

/* A result: the files of counters have kernel TCP's names. */
void see_counter_names(void)
{
	struct counters ours = {}, theirs = {};
	char *snmp[2], *start[2];
	int i, j;

	/* the Tcp: line of names is the kernel's, to the letter */
	snmp[0] = ns_read_file(see_net.a, "/proc/net/snmp");
	snmp[1] = ns_read_file(see_net.a, "/proc/net/xtcp_snmp");
	start[0] = strstr(snmp[0], "Tcp:");
	start[1] = snmp[1];
	CHECK(strcspn(start[0], "\n") == strcspn(start[1], "\n") &&
	      !strncmp(start[0], start[1], strcspn(start[0], "\n")), "the Tcp: line is another one");
	CHECK(!strncmp(strchr(start[1], '\n'), "\nTcp: 1 200 120000 -1 ", 21), "%.40s", strchr(start[1], '\n'));
	free(snmp[0]);
	free(snmp[1]);

	CHECK(!counters_read(&ours, see_net.a, "/proc/net/xtcp_netstat"), "xtcp_netstat");
	CHECK(!counters_read(&theirs, see_net.a, "/proc/net/netstat"), "netstat");
	CHECK(ours.n > 30, "%d counters", ours.n);
	for (i = 0; i < ours.n; i++) {
		for (j = 0; j < theirs.n && strcmp(ours.entry[i].name, theirs.entry[j].name); j++)
			;
		CHECK(j < theirs.n || is_own(ours.entry[i].name), "the kernel has no %s", ours.entry[i].name);
	}
	see_report("the counters have kernel TCP's names, besides our own", NULL);
}

/* What @line prints in @ns, runs of blanks made one, until the next call. @status: its exit status. */
static char *output_of(int ns, int *status, const char *line)
{
	static char *text;
	char *from, *to;

	*status = ns_shell(ns, "{ %s ; } >/tmp/see.out 2>&1", line);
	free(text);
	text = ns_read_file(ns, "/tmp/see.out") ?: strdup("");
	for (from = to = text; *from; from++)
		if ((*from != ' ' && *from != '\t') || (to > text && to[-1] != ' '))
			*to++ = *from == '\t' ? ' ' : *from;
	*to = 0;
	return text;
}

char *see_output(int ns, int *status, const char *format, ...)
{
	char line[700];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return output_of(ns, status, line);
}

char *see_shell(int ns, int status, const char *format, ...)
{
	char line[700], *text;
	va_list args;
	int is;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	text = output_of(ns, &is, line);
	CHECK(is == status, "status %d, not %d, of %s: %s", is, status, line, text);
	return text;
}

/* Check that a text has some words. */
void see_says(const char *text, const char *format, ...)
{
	char want[200];
	va_list args;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format, args);
	va_end(args);
	CHECK(strstr(text, want), "there: \"%s\" in:\n%s", want, text);
}

/* A result: stock ss, reading our files. */
void see_ss(void)
{
	unsigned int port = see_new_port();
	int l4 = see_listen(see_net.b, XTCP4, NS_B4, port), l6 = see_listen(see_net.b, XTCP6, NS_B6, port);
	int c4 = see_connect(see_net.a, XTCP4, NS_B4, port), c6 = see_connect(see_net.a, XTCP6, NS_B6, port);
	int s4 = see_must(accept(l4, NULL, NULL), "accept");
	struct row row;
	char *text;

	see_wait_row(see_net.b, XTCP6, port, stack_port(c6), TCP_ESTABLISHED);	/* in the accept queue */
	see_must(write(c4, "hello", 5), "write");
	CHECK(WAIT_FOR(rows_find(see_net.b, XTCP4->proc, port, stack_port(c4), &row) == 1 && row.rx_queue == 5, SOON),
	      "5");
	see_send_syn(XTCP4, XTCP4->hole, 999, port);
	see_wait_row(see_net.b, XTCP4, port, 999, TCP_SYN_RECV);
	text = see_shell(see_net.b, 0, "PROC_NET_TCP=/proc/net/xtcp PROC_NET_TCP6=/proc/net/xtcp6 ss -tanoeH");
	see_says(text, "LISTEN 0 %d " NS_B4 ":%u 0.0.0.0:* ino:%lu ", LIMIT, port, see_inode(l4));
	see_says(text, "LISTEN 1 %d [" NS_B6 "]:%u *:* ino:%lu ", LIMIT, port, see_inode(l6));
	see_says(text, "ESTAB 5 0 " NS_B4 ":%u " NS_A4 ":%u ino:%lu ", port, stack_port(c4), see_inode(s4));
	see_says(text, "ESTAB 0 0 [" NS_B6 "]:%u [" NS_A6 "]:%u ", port, stack_port(c6));
	see_says(text, "SYN-RECV 0 0 " NS_B4 ":%u " HOLE4 ":999 timer:(on,", port);
	close(s4);	/* with data unread: a reset */
	close_each(c4, c6, l4, l6);
	see_report("stock ss", NULL);
}

/* A number that ss -i shows as NAME:NUMBER; @none when it shows none. */
static double ss_number(const char *text, const char *name, double none)
{
	char want[20];
	const char *at;

	snprintf(want, sizeof(want), " %s:", name);
	at = strstr(text, want);
	return at ? atof(at + strlen(want)) : none;
}

static char ss_said[800];	/* the latest, and what TCP_INFO said, for messages */

/* What ss -i says of the socket, in hundredths of a second, is what TCP_INFO does in microseconds. */
static bool ss_agrees(const struct see_view *view, int fd)
{
	const char *prefix = view->stack == XTCP ? "x" : "";
	const struct tcp_info info = info_of(fd);
	int status;
	char *text = see_output(see_net.a, &status, "PROC_NET_TCP=/proc/net/%stcp PROC_NET_TCP6=/proc/net/%stcp6 "
				"ss -tinoH sport = :%u", prefix, prefix, stack_port(fd));
	bool ok = !status && lround(ss_number(text, "rto", 0) * 100) == info.tcpi_rto / 10000 &&
	     lround(ss_number(text, "ato", 0) * 100) == info.tcpi_ato / 10000 &&
	     ss_number(text, "cwnd", 0) == info.tcpi_snd_cwnd &&
	     ss_number(text, "ssthresh", INT_MAX) == info.tcpi_snd_ssthresh &&
	     ss_number(text, "retrans", 0) == info.tcpi_retransmits;

	snprintf(ss_said, sizeof(ss_said), "rto %u, ato %u, cwnd %u, ssthresh %u, retransmits %u, and ss says %s",
		 info.tcpi_rto, info.tcpi_ato, info.tcpi_snd_cwnd, info.tcpi_snd_ssthresh, info.tcpi_retransmits, text);
	return ok;
}

/* A result: what stock ss -i says is what TCP_INFO does. @view: of which stack and IP version. */
void see_ss_info(const struct see_view *view)
{
	unsigned int port = see_new_port();
	int listener = see_listen(see_net.b, view, view->b, port), client = see_connect(see_net.a, view, view->b, port);
	int server = see_must(accept(listener, NULL, NULL), "accept");
	static char text[FOUR_WINDOWS];
	uint64_t rate;

	CHECK(ss_agrees(view, client), "a new connection: %s", ss_said);
	see_must(write(client, text, sizeof(text)), "write");
	CHECK(recv(server, text, sizeof(text), MSG_WAITALL) == sizeof(text), "recv");
	CHECK(stack_carries(server, client, 1000), "carries");
	CHECK(WAIT_FOR(!info_of(client).tcpi_unacked, SOON), "acknowledged");
	CHECK(info_of(client).tcpi_snd_cwnd > 10 && info_of(client).tcpi_ato, "cwnd %u", info_of(client).tcpi_snd_cwnd);
	CHECK(ss_agrees(view, client), "after slow start: %s", ss_said);
	see_must(netem_gate(see_net.a, "veth0", false), "gate");
	see_must(write(client, "x", 1), "write");
	/* another one may come between two looks */
	CHECK(WAIT_FOR(info_of(client).tcpi_retransmits > 1 && ss_agrees(view, client), SOON), "after timeouts: %s",
	      ss_said);
	CHECK(info_of(client).tcpi_snd_ssthresh < INT_MAX && info_of(client).tcpi_rto >= 800000, "rto %u, ssthresh %u",
	      info_of(client).tcpi_rto, info_of(client).tcpi_snd_ssthresh);
	see_must(netem_gate(see_net.a, "veth0", true), "gate");
	/* a FIN is no data, so its ACK tells no rate; kernel TCP takes it for a full segment */
	CHECK(WAIT_FOR(!info_of(client).tcpi_unacked, SOON), "acknowledged");
	rate = info_of(client).tcpi_delivery_rate;
	see_must(shutdown(client, SHUT_WR), "shutdown");
	CHECK(WAIT_FOR(stack_state(client) == TCP_FIN_WAIT2, SOON), "the FIN is acknowledged");
	CHECK(view->stack != XTCP || info_of(client).tcpi_delivery_rate == rate, "%llu, then %llu",
	      (unsigned long long)rate, (unsigned long long)info_of(client).tcpi_delivery_rate);
	close_each(server, client, listener);
	see_report("ss -i says what TCP_INFO does", view->name);
}

/* Is the other end told by a reset? */
static bool is_reset(int fd)
{
	char octet;

	return recv(fd, &octet, 1, 0) < 0 && errno == ECONNRESET;
}

/* A result: xtcp-ss -K ends what it shows, and nothing else. */
void see_ss_kill(void)
{
	unsigned int port = see_new_port();
	int l4 = see_listen(see_net.b, XTCP4, NS_B4, port), l6 = see_listen(see_net.b, XTCP6, NS_B6, port);
	int c4 = see_connect(see_net.a, XTCP4, NS_B4, port), c6 = see_connect(see_net.a, XTCP6, NS_B6, port);
	int other = see_connect(see_net.a, XTCP4, NS_B4, port);
	char *text;

	see_wait_row(see_net.b, XTCP4, port, stack_port(other), TCP_ESTABLISHED);
	see_wait_row(see_net.b, XTCP6, port, stack_port(c6), TCP_ESTABLISHED);
	text = see_shell(see_net.b, 1, "setpriv --bounding-set=-net_admin scripts/tools/xtcp-ss -KH dport = :%u",
			 stack_port(c4));
	see_says(text, "xtcp-ss: " NS_B4 ":%u: Operation not permitted", port);
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -KH dport = :%u or dport = :%u", stack_port(c4),
			 stack_port(c6));
	see_says(text, "ESTAB 0 0 " NS_B4 ":%u " NS_A4 ":%u", port, stack_port(c4));
	see_says(text, "ESTAB 0 0 [" NS_B6 "]:%u [" NS_A6 "]:%u", port, stack_port(c6));
	CHECK(is_reset(c4) && is_reset(c6), "both are reset");
	CHECK(stack_state(other) == TCP_ESTABLISHED, "a third one goes on");
	/* who has ended still waits for accept() */
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -l --kill -H sport = :%u", port);
	see_says(text, "LISTEN 2 %d " NS_B4 ":%u 0.0.0.0:*", LIMIT, port);
	/* it takes no IPv4, which /proc does not tell */
	see_says(text, "LISTEN 1 %d [" NS_B6 "]:%u [::]:*", LIMIT, port);
	CHECK(is_reset(other), "who waits is reset");
	see_prints_nothing(see_net.b, "scripts/tools/xtcp-ss -aniH sport = :%u", port);
	close_each(c4, c6, other, l4, l6);
	see_report("xtcp-ss -K", NULL);
}

/* What the program sees of its own socket, as "bbr 1500 1 30 1250000". */
static const char *set_options(int fd)
{
	static const struct {
		int level, name;
	} numbers[] = {
		{ IPPROTO_TCP, TCP_USER_TIMEOUT }, { SOL_SOCKET, SO_KEEPALIVE }, { IPPROTO_TCP, TCP_KEEPIDLE },
		{ SOL_SOCKET, SO_MAX_PACING_RATE },
	};
	static char text[128];
	socklen_t len = 16;
	unsigned int i, at;
	int value;

	see_must(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, text, &len), "TCP_CONGESTION");
	at = strnlen(text, 16);
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		len = sizeof(value);
		see_must(getsockopt(fd, numbers[i].level, numbers[i].name, &value, &len), "getsockopt");
		at += snprintf(text + at, sizeof(text) - at, " %d", value);
	}
	return text;
}

/* What xtcp-ss --set does not take: status 2, and the connection stays as it is. */
static void set_refuses(unsigned int port)
{
	static const char * const wrong[] = {
		"--set state connected", "--set cc= state connected", "--set nagle=off state connected",
		"--set pacing=fast state connected", "--set pacing=0 state connected",
		"--set user_timeout=-1 state connected", "--set user_timeout=2147483648 state connected",
		"--set keepalive=32768 state connected", "--dry-run state connected", "-K --set cc=bbr state connected",
		"--set cc=bbr state connected --kill", "--json --set cc=bbr state connected",
	};

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		see_shell(see_net.b, 2, "scripts/tools/xtcp-ss -H %s sport = :%u", wrong[i], port);
	see_shell(see_net.b, 2, "scripts/tools/xtcp-ss -H --set cc=bbr");
}

/* A result: xtcp-ss --set changes what it shows, and nothing else. */
void see_ss_set(void)
{
	unsigned int port = see_new_port();
	int l4 = see_listen(see_net.b, XTCP4, NS_B4, port), l6 = see_listen(see_net.b, XTCP6, NS_B6, port);
	int c4 = see_connect(see_net.a, XTCP4, NS_B4, port), s4 = see_must(accept(l4, NULL, NULL), "accept");
	int c6 = see_connect(see_net.a, XTCP6, NS_B6, port), s6 = see_must(accept(l6, NULL, NULL), "accept");
	int other = see_connect(see_net.a, XTCP4, NS_B4, port), third = see_must(accept(l4, NULL, NULL), "accept");
	char before[128], *text;

	snprintf(before, sizeof(before), "%s", set_options(third));
	text = see_shell(see_net.b, 1,
			 "setpriv --bounding-set=-net_admin scripts/tools/xtcp-ss -H --set cc=bbr dport = :%u",
			 stack_port(c4));
	see_says(text, "xtcp-ss: " NS_B4 ":%u: Operation not permitted", port);
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -H --dry-run --set cc=bbr dport = :%u", stack_port(c4));
	CHECK(!strcmp(set_options(s4), before), "%s", set_options(s4));
	see_says(text, "ESTAB 0 0 " NS_B4 ":%u " NS_A4 ":%u", port, stack_port(c4));
	text = see_shell(see_net.b, 0,
			 "scripts/tools/xtcp-ss -H --set cc=bbr user_timeout=1500 keepalive=30 pacing=10mbit "
			 "dport = :%u or dport = :%u", stack_port(c4), stack_port(c6));
	see_says(text, "ESTAB 0 0 " NS_B4 ":%u " NS_A4 ":%u cc=cubic -> bbr user_timeout=1500 keepalive=30 "
		 "pacing=10mbit\n", port, stack_port(c4));
	see_says(text, "ESTAB 0 0 [" NS_B6 "]:%u [" NS_A6 "]:%u", port, stack_port(c6));
	CHECK(!strcmp(set_options(s4), "bbr 1500 1 30 1250000"), "%s", set_options(s4));
	CHECK(!strcmp(set_options(s6), "bbr 1500 1 30 1250000"), "%s", set_options(s6));
	CHECK(!strcmp(set_options(third), before), "a third one: %s", set_options(third));
	text = see_shell(see_net.b, 0,
			 "scripts/tools/xtcp-ss -H --set keepalive=off pacing=off state established dport = :%u",
			 stack_port(c4));
	CHECK(!strcmp(set_options(s4), "bbr 1500 0 30 -1"), "%s", set_options(s4));
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -H --set cc=bbr dst 192.0.2.1");
	CHECK(!strcmp(text, "xtcp-ss: no connection matches, so none is changed\n"), "%s", text);
	text = see_shell(see_net.b, 1, "scripts/tools/xtcp-ss -4H --set cc=bbr state listening sport = :%u", port);
	see_says(text, "xtcp-ss: " NS_B4 ":%u: a listener is no connection", port);
	text = see_shell(see_net.b, 1, "scripts/tools/xtcp-ss -H --set cc=nosuch keepalive=on dport = :%u",
			 stack_port(other));
	CHECK(!strcmp(set_options(third), before), "%s", set_options(third));
	see_says(text, "xtcp-ss: " NS_B4 ":%u: there is no such congestion control: nosuch; there are: bbr cubic ",
		 port);
	set_refuses(port);
	CHECK(!strcmp(set_options(third), before), "after what was refused: %s", set_options(third));
	close_each(c4, c6, other, s4, s6, third, l4, l6);
	see_report("xtcp-ss --set", NULL);
}

/* What the kernel has given xtcp-ss by netlink, as text and as JSON; only what its filter has chosen. */
static void check_netlink(const struct see_view *view, unsigned int port, unsigned int client_port, int fd)
{
	const char *addr = view == XTCP6 ? "[" NS_B6 "]" : NS_B4, *peer = view == XTCP6 ? "[" NS_A6 "]" : NS_A4;
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie = 0;
	char *text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -tnioemOH sport = :%u", port), sk[32];

	see_says(text, "ESTAB 5 0 %s:%u %s:%u", addr, port, peer, client_port);
	CHECK(strstr(text, " ino:") && strstr(text, " sk:") && strstr(text, " skmem:(r") && strstr(text, " cwnd:10 ") &&
	      strstr(text, " bytes_received:5 ") && !strstr(text, "ack_rate") &&
	      strchr(text, '\n') == text + strlen(text) - 1, "%s", text);
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss --json -p dport = :%u", client_port);
	CHECK(*text == '[' && strstr(text, "\"state\": \"established\"") && strstr(text, "\"bytes_received\": 5,") &&
	      strstr(text, "\"recv_q\": 5,") && strstr(text, "\"programs\": [{\"name\": \"see\"") &&
	      !strchr(text, '\n')[1], "%s", text);
	/* another user's, as for who opened it */
	see_must(fchown(fd, 65534, -1), "fchown");
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -H --uid 65534 sport = :%u", port);
	see_says(text, "ESTAB 5 0 %s:%u %s:%u", addr, port, peer, client_port);
	see_prints_nothing(see_net.b, "scripts/tools/xtcp-ss -KH --uid=root sport = :%u", port);
	text = see_shell(see_net.b, 2, "scripts/tools/xtcp-ss -H --uid nosuchuser sport = :%u", port);
	/* the cookie that -e shows is that of the socket, and finds it again */
	see_must(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), "SO_COOKIE");
	snprintf(sk, sizeof(sk), " sk:%llx ", (unsigned long long)cookie);
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -enOH sport = :%u dport = :%u", port, client_port);
	CHECK(strstr(text, sk), "%s, want%s", text, sk);
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -H --cookie %llx", (unsigned long long)cookie);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1, "%s", text);
	see_says(text, "ESTAB 5 0 %s:%u %s:%u", addr, port, peer, client_port);
	see_prints_nothing(see_net.b, "scripts/tools/xtcp-ss -KH --cookie=%llx",
			   (unsigned long long)cookie + 0x1000000);
	text = see_shell(see_net.b, 2, "scripts/tools/xtcp-ss -H --cookie 0");
	see_prints_nothing(see_net.b, "scripts/tools/xtcp-ss -niH state listening dev = veth0");
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -niHO -4 state all sport = :%u", port);
	CHECK(!!*text == (view != XTCP6), "%s", text);
	CHECK(stack_state(fd) == TCP_ESTABLISHED, "it goes on");
}

/* A filter in one word, with a device, which /proc does not tell; in a file, and in a pipe that is read once. */
static void check_filters(unsigned int port, unsigned int client_port, int fd)
{
	const unsigned int other = see_new_port();
	int listener = see_listen(see_net.b, XTCP4, NS_B4, other);
	char *text;

	see_must(setsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, "veth0", 5), "SO_BINDTODEVICE");
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -lnH '( dev = veth0 and sport = :%u )'", other);
	see_says(text, "LISTEN 0 %d " NS_B4 "%%veth0:%u ", LIMIT, other);
	close(listener);
	text = see_shell(see_net.b, 0, "echo 'dport = :%u' | scripts/tools/xtcp-ss -nHF - sport = :%u and", client_port,
			 port);
	CHECK(strstr(text, "ESTAB 5 0 "), "%s", text);
	see_prints_nothing(see_net.b, "echo 'dport = :1' | scripts/tools/xtcp-ss -KHF -");
	text = see_shell(see_net.b, 0, "echo 'dport = :1' >/tmp/see.filter; "
			 "scripts/tools/xtcp-ss --json --filter=/tmp/see.filter");
	CHECK(!strcmp(text, "[]\n"), "%s", text);
	/* of -a and -l the last one counts, as for ss */
	see_prints_nothing(see_net.b, "scripts/tools/xtcp-ss -alniH sport = :%u", port);
	CHECK(stack_state(fd) == TCP_ESTABLISHED, "it goes on");
}

/* The client resets: xtcp-ss -i says so, in one line and two, until the program closes. @told: the RST says why. */
static void check_aborted(const struct see_view *view, unsigned int port, int client, int fd, bool told)
{
	const char *why = told ? " abort:(reset, peer: the program aborts)\n" : " abort:(reset, peer)\n";
	const char *addr = view == XTCP6 ? "[" NS_B6 "]" : NS_B4, *peer = view == XTCP6 ? "[" NS_A6 "]" : NS_A4;
	const unsigned int client_port = stack_port(client);
	char *text;

	see_must(stack_reset_at_close(client), "SO_LINGER");
	see_must(ns_sysctl_set(see_net.a, "net.xtcp.rst_diagnostic", "%d", told), "rst_diagnostic");
	close(client);
	CHECK(WAIT_FOR(stack_state(fd) == TCP_CLOSE, SOON), "the reset comes");
	see_must(ns_sysctl_set(see_net.a, "net.xtcp.rst_diagnostic", "0"), "rst_diagnostic");
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -aniHO sport = :%u", port);
	see_says(text, "UNCONN 5 0 %s:%u %s:%u", addr, port, peer, client_port);
	see_says(text, "cwnd:10 ");
	see_says(text, "%s", why);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1, "%s", text);
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -ni state closed");
	see_says(text, "\n5 0 %s:%u %s:%u", addr, port, peer, client_port);
	see_says(text, "%s", why);
	see_prints_nothing(see_net.b, "scripts/tools/xtcp-ss -niH sport = :%u", port);
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss --json -a dport = :%u", client_port);
	CHECK(strstr(text, "\"state\": \"unconnected\"") &&
	      strstr(text, "\"abort\": {\"reason\": \"reset\", \"cause\": \"peer\", \"flags\": 20, "
			   "\"error\": \"ECONNRESET\"") &&
	      strstr(text, told ? "\"ECONNRESET\", \"peer_code\": 3, \"peer_pen\": 0, "
	      "\"peer_says\": \"the program aborts\"}" : "\"ECONNRESET\"}"), "%s", text);
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp why");
	see_says(text, "ended: reset or refused by the peer, ");
	see_says(text, "\n peers: %s", peer);
	CHECK(!strstr(text, "that programs still hold") == !told, "%s", text);
	if (told)
		see_says(text, " the RST said why; of sockets that programs still hold: the program aborts, once\n");
	close(fd);
	see_prints_nothing(see_net.b, "scripts/tools/xtcp-ss -aniHO sport = :%u", port);
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp why");
	see_says(text, "\n which peers, nobody knows any more: sudo sysctl net.xtcp.blackbox=1, ");
}

/* A connection whose ends both know the ACK Rate Request option: xtcp-ss -i and --json say what each has asked for. */
static void check_ack_rate(const struct see_view *view)
{
	const unsigned int port = see_new_port();
	int listener, client, server;
	const int rate = 1;
	char *text;

	see_must(ns_sysctl_set(see_net.a, "net.xtcp.ack_rate_request", "1"), "ack_rate_request");
	see_must(ns_sysctl_set(see_net.b, "net.xtcp.ack_rate_request", "1"), "ack_rate_request");
	listener = see_listen(see_net.b, view, view->b, port);
	client = see_connect(see_net.a, view, view->b, port);
	server = see_must(accept(listener, NULL, NULL), "accept");
	see_must(setsockopt(client, IPPROTO_TCP, XTCP_ACK_RATE, &rate, sizeof(rate)), "XTCP_ACK_RATE");
	see_must(write(client, "hello", 5), "write");
	see_must(read(server, (char[5]) {}, 5), "read");
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -niHO sport = :%u", port);
	see_says(text, " ack_rate:(asked 0, given 1)\n");
	text = see_shell(see_net.a, 0, "scripts/tools/xtcp-ss -ni dport = :%u", port);
	see_says(text, " ack_rate:(asked 1, given 0)\n");
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss --json sport = :%u", port);
	CHECK(strstr(text, "\"ack_rate\": {\"asked\": 0, \"given\": 1}"), "%s", text);
	see_must(ns_sysctl_set(see_net.a, "net.xtcp.ack_rate_request", "0"), "ack_rate_request");
	see_must(ns_sysctl_set(see_net.b, "net.xtcp.ack_rate_request", "0"), "ack_rate_request");
	close_each(client, server, listener);
}

/* A connection with both ends on this machine: xtcp-ss -i and --json say whether the last write took the short way. */
static void check_local(const struct see_view *view)
{
	const unsigned int port = see_new_port();
	char *text;
	int listener = see_listen(see_net.b, view, view->b, port), client, server, local;

	client = see_connect(see_net.b, view, view->b, port);
	server = see_must(accept(listener, NULL, NULL), "accept");
	for (local = 1; local >= 0; local--) {
		see_must(ns_sysctl_set(see_net.b, "net.xtcp.local", "%d", local), "net.xtcp.local");
		see_must(write(client, "hello", 5), "write");
		see_must(read(server, (char[5]) {}, 5), "read");
		text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -niHO dport = :%u", port);
		CHECK(!strstr(text, " local\n") == !local, "%s", text);
		text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss --json dport = :%u", port);
		CHECK(!strstr(text, "\"is_local\": true") == !local, "%s", text);
		text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -niHO sport = :%u", port);
		CHECK(!strstr(text, " local\n"), "%s", text);
	}
	close_each(client, server, listener);
}

/* A result: xtcp-ss -i, -m and --json show what sock_diag lists. */
void see_ss_netlink(void)
{
	const struct see_view *views[] = { XTCP4, XTCP6 };
	unsigned int i, port;
	int listener, client, server;

	for (i = 0; i < 2; i++) {
		port = see_new_port();
		listener = see_listen(see_net.b, views[i], i ? NS_B6 : NS_B4, port);
		client = see_connect(see_net.a, views[i], i ? NS_B6 : NS_B4, port);
		server = see_must(accept(listener, NULL, NULL), "accept");
		see_must(write(client, "hello", 5), "write");
		see_wait_row(see_net.b, views[i], port, stack_port(client), TCP_ESTABLISHED);
		close(listener);
		check_netlink(views[i], port, stack_port(client), server);
		check_filters(port, stack_port(client), server);
		check_aborted(views[i], port, client, server, i);
		check_ack_rate(views[i]);
		check_local(views[i]);
	}
	see_report("xtcp-ss by netlink", NULL);
}

/* What nstat leaves out, because it counts nothing. */
static bool is_useless(const char *name)
{
	static const char *const names[] = { "RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "CurrEstab" };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* A result: stock nstat, reading our files. */
void see_nstat(void)
{
	struct counters counters;
	char *text, name[80];

	text = see_shell(see_net.b, 0,
			 "PROC_NET_SNMP=/proc/net/xtcp_snmp PROC_NET_NETSTAT=/proc/net/xtcp_netstat nstat -asz");
	CHECK(!counters_read_xtcp(&counters, see_net.b), "counters");
	CHECK(counters_get(&counters, "Tcp:PassiveOpens") > 0, "no connection was counted");
	for (int i = 0; i < counters.n; i++) {
		char *colon = strchr(counters.entry[i].name, ':');

		if (is_useless(colon + 1))
			continue;
		snprintf(name, sizeof(name), "%.*s%s", (int)(colon - counters.entry[i].name),
			 counters.entry[i].name, colon + 1);
		see_says(text, "%s %lld ", name, counters.entry[i].value);
	}
	/* under the name of the module, in one line and in several */
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-nstat -asj Tcp*; scripts/tools/xtcp-nstat -asjp Tcp*");
	see_says(text, "{\"xtcp\":{\"TcpActiveOpens\":");
	see_says(text, "{\n \"xtcp\": {\n");
	CHECK(!strstr(text, "kernel"), "%.80s", text);
	see_report("stock nstat", NULL);
}

/* ---- xtcp-watch, each view of it once beside traffic; xtcp-ss and xtcp-nstat */

#define BACKLOG		1		/* each queue holds one more */
#define WATCH		"scripts/tools/xtcp-watch %s --once --plain --ascii --width 100 "
#define PAGE		"mkdir -p /tmp/see.d && cp /proc/net/xtcp_* /tmp/see.d && "		\
			"scripts/tools/xtcp-nstat --prometheus >/tmp/see.page && "			\
			"python3 selftests/see/exposition.py xtcp /proc/net /tmp/see.d </tmp/see.page && "	\
			"cat /tmp/see.page"
#define INSTANCES	"ls /sys/kernel/tracing/instances | grep -c xtcp-watch"

/* A listener whose accept queue is full, and a connection that carries data. */
struct stage {
	unsigned int full_port;
	unsigned int port;
	int full, listener, waiting[BACKLOG + 1], client, server;
	pid_t traffic;
};

/* Until it is killed: octets from client to server, and SYNs that the full listener refuses. */
static void be_traffic(const struct stage *stage)
{
	static char octets[65536];
	unsigned int port = 1000;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fcntl(stage->client, F_SETFL, O_NONBLOCK);
	fcntl(stage->server, F_SETFL, O_NONBLOCK);
	for (;;) {
		if (write(stage->client, octets, 4096) < 0 && errno != EAGAIN)
			_exit(1);
		while (read(stage->server, octets, sizeof(octets)) > 0)
			;
		see_send_syn(XTCP4, XTCP4->hole, port++ % 60000 + 1000, stage->full_port);
		stack_poll(stage->client, POLLOUT, 20);
		usleep(10000);
	}
}

static void set_stage(struct stage *stage)
{
	stage->full_port = see_new_port();
	stage->port = see_new_port();
	stage->full = see_must(stack_bound(see_net.b, XTCP, NS_B4, stage->full_port, false), "bind");
	see_must(listen(stage->full, BACKLOG), "listen");
	/* one after the other: the SYN queue is to have held one at most */
	for (int i = 0; i <= BACKLOG; i++) {
		stage->waiting[i] = see_connect(see_net.a, XTCP4, NS_B4, stage->full_port);
		see_wait_row(see_net.b, XTCP4, stage->full_port, stack_port(stage->waiting[i]), TCP_ESTABLISHED);
	}
	stage->listener = see_listen(see_net.b, XTCP4, NS_B4, stage->port);
	stage->client = see_connect(see_net.a, XTCP4, NS_B4, stage->port);
	stage->server = see_must(accept(stage->listener, NULL, NULL), "accept");
	stage->traffic = see_must(fork(), "fork");
	if (!stage->traffic)
		be_traffic(stage);
}

static void clear_stage(struct stage *stage)
{
	kill(stage->traffic, SIGKILL);
	waitpid(stage->traffic, NULL, 0);
	close_each(stage->client, stage->server);
	for (int i = 0; i <= BACKLOG; i++)
		close(stage->waiting[i]);
	close_each(stage->full, stage->listener);
}

/* Behind these words; NULL: they are not there, which is a problem. */
static const char *after(const char *text, const char *words)
{
	const char *at = strstr(text, words);

	CHECK(at, "there: \"%s\" in:\n%s", words, text);
	return at ? at + strlen(words) : NULL;
}

static void watch_listen(const struct stage *stage)
{
	const char *at;
	char *text = see_shell(see_net.b, 0, WATCH "--port %u", "listen", stage->full_port), words[80];

	see_says(text, "; 1 listener");
	snprintf(words, sizeof(words), "\n" NS_B4 ":%u limit %d, holds one more; ", stage->full_port, BACKLOG);
	at = after(text, words);
	at = at ? after(at, "\n accept [##########") : NULL;
	at = at ? after(at, "#] 2 of 2, most 2 FULL\n SYN [") : NULL;
	at = at ? after(at, "] 0 of 2, most 1\n accept queue full: ") : NULL;
	CHECK(!at || atoi(at) > 0, "nobody was refused: %s", text);
	at = at ? after(at, "last: ") : NULL;
	at = at ? after(at, HOLE4 ":") : NULL;
	at = at ? after(at, ": refused, accept queue full, ") : NULL;
	at = at ? after(at, "see (pid ") : NULL;
	at = at ? after(at, ") accepts too slowly; to queue more, raise its backlog") : NULL;
	at = at ? after(at, "restart it:") : NULL;
	if (at)
		after(at, "4,096\n");
	CHECK(!strstr(text, "no events"), "%s", text);
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp why");
	CHECK(strstr(text, "#xtcp, network namespace ") == text, "%s", text);
	see_says(text, NS_B4 ":%u refused: its accept queue was full, ", stage->full_port);
	see_says(text, "; it holds 2, and has held 2\n see (pid ");
	see_says(text, ") accepts too slowly; to queue more, raise its backlog");
	see_report("xtcp-watch listen: a full accept queue, and whom it refused; xtcp why", NULL);
}

static void watch_conn(const struct stage *stage)
{
	char *text, words[120], cwnd[20], ssthresh[20], flight[20], rate[20];
	const char *at;
	double rtt = 0;

	text = see_shell(see_net.a, 0, WATCH "--port %u", "conn", stage->port);
	see_says(text, "; 1 connection, by state; cubic 1");
	snprintf(words, sizeof(words), "\nESTABLISHED " NS_A4 ":%u " NS_B4 ":%u ", stack_port(stage->client),
		 stage->port);
	at = after(text, words);
	CHECK(!at || (sscanf(at, "%19s %19s %19s %lf %19s", cwnd, ssthresh, flight, &rtt, rate) == 5 && rtt > 0 &&
		      strchr(cwnd, 'k') && strpbrk(rate, "kMG")),
	      "windows, a round trip and a rate in: %s", text);
	see_report("xtcp-watch conn: a connection that carries data", NULL);
}

static void watch_flow(const struct stage *stage)
{
	double kilo = 0, rate = 0, cwnd = 0;
	char *text, words[120];
	const char *at;

	/* so wide that the flow stays on one line, even when something was resent */
	text = see_shell(see_net.a, 0, WATCH "--width 160 --port %u --svg /tmp/see.svg && tail -n 1 /tmp/see.svg",
			 "flow", stage->port);
	snprintf(words, sizeof(words), "\na " NS_A4 ":%u -> " NS_B4 ":%u: ", stack_port(stage->client), stage->port);
	at = after(text, words);
	CHECK(!at || (sscanf(at, "%lf kB, %lf Mbit/s, cubic, cwnd %lf kB", &kilo, &rate, &cwnd) == 3 && kilo > 0 &&
		      rate > 0 && cwnd > 0), "what it moved, its algorithm and its window: %s", text);
	/* if this machine was held up, a tail loss probe was sent: then both lines say so */
	see_says(text, strstr(text, " resent\n kB acknowledged") ? " kB acknowledged; o resent\n" :
								   " kB acknowledged\n");
	see_says(text, " ms: : smoothed round trip");
	see_says(text, "</svg>");
	see_report("xtcp-watch flow: what it moves, windows and round trips", NULL);
}

static void watch_states(void)
{
	struct counters counters;
	char *text = see_shell(see_net.b, 0, WATCH, "states");

	see_says(text, "\nLISTEN 2 2 ##");
	/* the accepted one, and those that wait for accept() */
	see_says(text, "\nESTABLISHED %d %d ##", 1 + BACKLOG + 1, 1 + BACKLOG + 1);
	see_says(text, "\nsince then: 0 opened, ");
	/* an earlier case has killed some */
	see_must(counters_read_xtcp(&counters, see_net.b), "counters");
	see_says(text, "\nENDED OTHERWISE THAN BY FINS SINCE THEN IN ALL");
	see_says(text, "\nended by an administrator 0 %lld\n", counters_get(&counters, "TcpExt:TCPAbortOnKill"));
	see_report("xtcp-watch states: how many are in each", NULL);
}

/* The stock tools with our files, and the words above what they print. */
static void watch_tools(const struct stage *stage)
{
	struct counters counters;
	char *text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -an");

	CHECK(!strncmp(text, "#xtcp, network namespace 40", 27), "%s", text);
	see_says(text, "LISTEN %d %d " NS_B4 ":%u 0.0.0.0:*", BACKLOG + 1, BACKLOG, stage->full_port);
	/* sockets of both namespaces; the records of earlier cases may end meanwhile */
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ss -s");
	CHECK(!strncmp(text, "#xtcp, network namespace 40", 27), "%s", text);
	see_says(text, "(estab %d, closed ", 1 + BACKLOG + 1);
	see_says(text, ", orphaned 0, timewait ");
	see_says(text, "\nTCP %d %d 0 ", 2 + 1 + BACKLOG + 1, 2 + 1 + BACKLOG + 1);
	CHECK(!strstr(text, "UDP"), "%s", text);

	see_must(counters_read_xtcp(&counters, see_net.b), "counters");
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-nstat -as TcpPassiveOpens");
	CHECK(!strncmp(text, "#xtcp, network namespace 40", 27), "%s", text);
	see_says(text, "\nTcpPassiveOpens %lld ", counters_get(&counters, "Tcp:PassiveOpens"));
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-nstat --json -as TcpPassiveOpens | python3 -m json.tool");
	see_says(text, "\"TcpPassiveOpens\": %lld\n", counters_get(&counters, "Tcp:PassiveOpens"));
	see_report("xtcp-ss and xtcp-nstat", NULL);
}

/* A page says what /proc says, of its own namespace; exposition.py compares them. */
static void watch_page(void)
{
	unsigned int port = see_new_port();
	int l4 = see_listen(see_net.b, XTCP4, NS_B4, port), l6 = see_listen(see_net.b, XTCP6, NS_B6, port);
	int client = see_connect(see_net.a, XTCP4, NS_B4, port);
	char *text;

	see_wait_row(see_net.b, XTCP4, port, stack_port(client), TCP_ESTABLISHED);
	text = see_shell(see_net.b, 0, PAGE);
	see_says(text, " numbers, 2 places\n");
	see_says(text, "\nxtcp_listen_accept_queue_length{address=\"" NS_B4 "\",port=\"%u\"} 1\n", port);
	see_says(text, "\nxtcp_listen_limit{address=\"" NS_B6 "\",port=\"%u\"} %d\n", port, LIMIT);
	text = see_shell(see_net.b, 0, "unshare -rn sh -c '" PAGE "'");
	see_says(text, " numbers, 0 places\n");
	see_says(text, "\nxtcp_tcp_passive_opens_total 0\n");
	close_each(client, l4, l6);
	see_report("xtcp-nstat --prometheus: the counters and listeners of this namespace", NULL);
}

/* Seven results: what is watched live. */
void see_watch(void)
{
	struct stage stage = {};
	char *text;
	int status;

	watch_page();
	set_stage(&stage);
	watch_listen(&stage);
	watch_conn(&stage);
	watch_flow(&stage);
	watch_states();
	watch_tools(&stage);
	clear_stage(&stage);
	text = see_output(see_net.a, &status, INSTANCES);
	see_says(text, "0\n");
	see_report("xtcp-watch leaves nothing in the tracefs", NULL);
}

/* A result: what is said when the module is not there. */
static void see_watch_unloaded(void)
{
	char *text = see_shell(see_net.a, 2, "scripts/tools/xtcp-watch conn --once");

	CHECK(!strncmp(text, "xtcp-watch: the xtcp module is not loaded", 41), "%s", text);
	text = see_shell(see_net.a, 2, "scripts/tools/xtcp-ss");
	see_says(text, "xtcp-ss: the xtcp module is not loaded");
	see_report("xtcp-watch and xtcp-ss: without the module", NULL);
}

/* ---- xtcp_run */

/* Three results: where xtcp_run cannot work (anyprogram.c: where it can), and without the module xtcp-watch, too. */
void see_run(void)
{
	char *text = see_shell(see_net.a, 125, "scripts/tools/xtcp_run --preload busybox true");

	see_says(text, "busybox is linked statically");
	text = see_shell(see_net.a, 125, "scripts/tools/xtcp_run no-such-program");
	see_says(text, "no-such-program: no such program");
	see_report("xtcp_run: says where it cannot work", NULL);

	see_must(module_unload(), "unload");
	text = see_shell(see_net.a, 125, "scripts/tools/xtcp_run true");
	see_says(text, "the xtcp module is not loaded");
	see_report("xtcp_run: without the module", NULL);
	see_watch_unloaded();
	see_must(module_load(""), "load");
}
