// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen of xtcp: the rows of /proc/net/xtcp and xtcp6, which are compared with what the same connections
 * show on kernel TCP; the counter files; stock ss and nstat; scripts/ladder; scripts/xtcp_run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/xtcp.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#include "counters.h"
#include "kselftest.h"
#include "module.h"
#include "ns.h"
#include "rows.h"
#include "wait.h"

#define SOON		20000	/* ms; only a test that fails waits so long */
#define LIMIT		7	/* of the listeners */
#define HOLE4		"10.9.0.77"	/* addresses on the link that nobody has */
#define HOLE6		"fd00:9::77"
#define TRACE		"/sys/kernel/tracing/instances/see"

/* A stack to look at: sockets of it in the two namespaces, and where its rows are. */
struct stack {
	const char *name;
	int domain;
	int protocol;
	int af;
	const char *proc;
	const char *a;
	const char *b;
	const char *hole;
	const char *b_hex;	/* b as /proc shows it */
};

static const struct stack stacks[] = {
	{ "kernel TCP over IPv4", AF_INET, 0, AF_INET, "/proc/net/tcp", NS_A4, NS_B4, HOLE4, "0200090A" },
	{ "kernel TCP over IPv6", AF_INET6, 0, AF_INET6, "/proc/net/tcp6", NS_A6, NS_B6, HOLE6,
	  "090000FD000000000000000002000000" },
	{ "xtcp over IPv4", AF_XTCP, 0, AF_INET, "/proc/net/xtcp", NS_A4, NS_B4, HOLE4, "0200090A" },
	{ "xtcp over IPv6", AF_XTCP, XTCPPROTO_IPV6, AF_INET6, "/proc/net/xtcp6", NS_A6, NS_B6, HOLE6,
	  "090000FD000000000000000002000000" },
};

#define XTCP4 (&stacks[2])
#define XTCP6 (&stacks[3])

static struct ns_pair net;
static unsigned int problems;
static unsigned int next_port = 4000;

/* Counts and prints what is not as it should be; the case goes on. */
#define CHECK(cond, format, ...)							\
	do {										\
		if (!(cond)) {								\
			problems++;							\
			ksft_print_msg("line %d: not " #cond ": " format "\n", __LINE__, ##__VA_ARGS__);	\
		}									\
	} while (0)

static void report(const char *what, const char *about)
{
	ksft_test_result(!problems, "%s%s%s\n", what, about ? ": " : "", about ?: "");
	problems = 0;
}

/* ---- sockets */

static socklen_t make_address(const struct stack *stack, const char *text, unsigned int port,
			      struct sockaddr_storage *to)
{
	struct sockaddr_in6 *sin6 = (void *)to;
	struct sockaddr_in *sin = (void *)to;

	memset(to, 0, sizeof(*to));
	to->ss_family = stack->af;
	if (stack->af == AF_INET) {
		sin->sin_port = htons(port);
		inet_pton(AF_INET, text, &sin->sin_addr);
		return sizeof(*sin);
	}
	sin6->sin6_port = htons(port);
	inet_pton(AF_INET6, text, &sin6->sin6_addr);
	return sizeof(*sin6);
}

/* A step without which nothing else makes sense. */
static int must(int ret, const char *what)
{
	if (ret < 0) {
		ksft_print_msg("%s: %s\n", what, strerror(errno));
		ksft_exit_fail();
	}
	return ret;
}

static int listen_on(int ns, const struct stack *stack, const char *addr, unsigned int port)
{
	int fd = must(ns_socket(ns, stack->domain, SOCK_STREAM, stack->protocol), "socket");
	struct sockaddr_storage to;
	socklen_t len = make_address(stack, addr, port, &to);

	must(bind(fd, (void *)&to, len), "bind");
	must(listen(fd, LIMIT), "listen");
	return fd;
}

static unsigned int port_of(int fd)
{
	struct sockaddr_in6 name;
	socklen_t len = sizeof(name);

	must(getsockname(fd, (void *)&name, &len), "getsockname");
	return ntohs(name.sin6_port);	/* where sockaddr_in has it, too */
}

static int connect_to(int ns, const struct stack *stack, const char *addr, unsigned int port)
{
	int fd = must(ns_socket(ns, stack->domain, SOCK_STREAM, stack->protocol), "socket");
	struct sockaddr_storage to;
	socklen_t len = make_address(stack, addr, port, &to);

	must(connect(fd, (void *)&to, len), "connect");
	return fd;
}

static unsigned long inode_of(int fd)
{
	struct stat stat;

	must(fstat(fd, &stat), "fstat");
	return stat.st_ino;
}

/* ---- a SYN from an address that will not answer */

static unsigned long sum(const void *data, unsigned int len, unsigned long start)
{
	const unsigned char *octet = data;
	unsigned int i;

	for (i = 0; i < len; i++)
		start += i & 1 ? octet[i] : octet[i] << 8;
	return start;
}

static void send_syn(const struct stack *stack, unsigned int port)
{
	struct tcphdr tcp = { .source = htons(999), .dest = htons(port), .seq = htonl(12345), .doff = 5, .syn = 1,
			      .window = htons(1000) };
	struct sockaddr_storage from, to;
	socklen_t len = make_address(stack, stack->b, 0, &to);
	int fd = must(ns_socket(net.a, stack->af, SOCK_RAW, IPPROTO_RAW), "raw socket");
	unsigned char packet[sizeof(struct ip6_hdr) + sizeof(tcp)] = {};
	unsigned int ip_len, addr_len;
	unsigned long check;

	make_address(stack, stack->hole, 0, &from);
	if (stack->af == AF_INET) {
		struct iphdr *ip = (void *)packet;

		*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP };
		ip->saddr = ((struct sockaddr_in *)&from)->sin_addr.s_addr;
		ip->daddr = ((struct sockaddr_in *)&to)->sin_addr.s_addr;
		ip_len = sizeof(*ip);
		addr_len = 4;
	} else {
		struct ip6_hdr *ip6 = (void *)packet;

		ip6->ip6_flow = htonl(6 << 28);
		ip6->ip6_plen = htons(sizeof(tcp));
		ip6->ip6_nxt = IPPROTO_TCP;
		ip6->ip6_hlim = 64;
		ip6->ip6_src = ((struct sockaddr_in6 *)&from)->sin6_addr;
		ip6->ip6_dst = ((struct sockaddr_in6 *)&to)->sin6_addr;
		ip_len = sizeof(*ip6);
		addr_len = 16;
	}
	check = sum(packet + ip_len - 2 * addr_len, 2 * addr_len, IPPROTO_TCP + sizeof(tcp));
	check = sum(&tcp, sizeof(tcp), check);
	while (check >> 16)
		check = (check & 0xffff) + (check >> 16);
	tcp.check = htons(~check);
	memcpy(packet + ip_len, &tcp, sizeof(tcp));
	must(sendto(fd, packet, ip_len + sizeof(tcp), 0, (void *)&to, len), "send a SYN");
	close(fd);
}

/* ---- rows */

/*
 * TIME-WAIT and FIN-WAIT-2 without a socket are small rows; on the way there a full one may be seen. Kernel TCP leaves
 * it full in FIN-WAIT-2 if the ACK of the FIN came while close() held the socket.
 */
static bool is_settled(const struct stack *stack, const struct row *row)
{
	return row->columns == 16 || (row->state != TCP_FIN_WAIT2 && row->state != TCP_TIME_WAIT) ||
	       (row->state == TCP_FIN_WAIT2 && stack->domain != AF_XTCP && row->timer == 2);
}

/* The row as soon as it is in this state, or as it is in the end. */
static struct row wait_row(int ns, const struct stack *stack, unsigned int local, unsigned int peer,
			   unsigned int state)
{
	struct row row = {};
	int found = 0;

	CHECK(WAIT_FOR((found = rows_find(ns, stack->proc, local, peer, &row)) == 1 && row.state == state &&
		       is_settled(stack, &row), SOON),
	      "%s: %d rows with ports %u and %u, state %u instead of %u", stack->name, found, local, peer,
	      row.state, state);
	return row;
}

static void check_connection(const struct stack *stack, int listener, int client, unsigned int port)
{
	unsigned int client_port = port_of(client);
	struct row row;
	char octets[5];
	int server;

	CHECK(WAIT_FOR(rows_find(net.b, stack->proc, port, client_port, &row) == 1 && row.state == TCP_ESTABLISHED,
		       SOON), "no row of the child");
	CHECK(row.inode == 0, "inode %lu before accept", row.inode);
	CHECK(row.columns == 21, "%d", row.columns);
	server = must(accept(listener, NULL, NULL), "accept");
	row = wait_row(net.b, stack, port, client_port, TCP_ESTABLISHED);
	CHECK(row.inode == inode_of(server), "%lu", row.inode);
	CHECK(!strcmp(row.local, stack->b_hex), "%s", row.local);
	CHECK(row.rx_queue == 0 && row.tx_queue == 0, "%u %u", row.rx_queue, row.tx_queue);
	CHECK(row.uid == geteuid(), "%u", row.uid);
	CHECK(row.rto > 0 && row.cwnd == 10 && row.ssthresh == -1, "%ld %d %d", row.rto, row.cwnd, row.ssthresh);

	must(write(client, "hello", 5), "write");
	CHECK(WAIT_FOR(rows_find(net.b, stack->proc, port, client_port, &row) == 1 && row.rx_queue == 5, SOON),
	      "rx_queue %u", row.rx_queue);
	CHECK(WAIT_FOR(rows_find(net.a, stack->proc, client_port, port, &row) == 1 && row.tx_queue == 0, SOON),
	      "tx_queue %u", row.tx_queue);
	CHECK(row.inode == inode_of(client) && !strcmp(row.peer, stack->b_hex), "%lu %s", row.inode, row.peer);
	CHECK(row.timer == 0 && row.when == 0, "%u %lu", row.timer, row.when);
	must(read(server, octets, 5), "read");
	row = wait_row(net.b, stack, port, client_port, TCP_ESTABLISHED);
	CHECK(row.rx_queue == 0, "%u", row.rx_queue);

	/* one end closes, then the other */
	close(client);
	row = wait_row(net.a, stack, client_port, port, TCP_FIN_WAIT2);
	CHECK(row.timer == (row.columns == 16 ? 3 : 2) && row.inode == 0, "%u %lu", row.timer, row.inode);
	row = wait_row(net.b, stack, port, client_port, TCP_CLOSE_WAIT);
	CHECK(row.inode == inode_of(server), "%lu", row.inode);
	close(server);
	row = wait_row(net.a, stack, client_port, port, TCP_TIME_WAIT);
	CHECK(row.columns == 16 && row.timer == 3 && row.uid == 0, "%d %u %u", row.columns, row.timer, row.uid);
	CHECK(row.when > 3000 && row.when <= 6000, "%lu", row.when);
	CHECK(WAIT_FOR(rows_find(net.b, stack->proc, port, client_port, &row) == 0, SOON), "state %u", row.state);
}

/* Every state that stays, and each column, on kernel TCP and on xtcp alike. */
static void rows_of(const struct stack *stack)
{
	unsigned int limit = stack->domain == AF_XTCP ? LIMIT : 0;	/* Linux says it in sock_diag only */
	unsigned int port = next_port++;
	int listener = listen_on(net.b, stack, stack->b, port), client, lost;
	struct sockaddr_storage to;
	struct row row;

	row = wait_row(net.b, stack, port, 0, TCP_LISTEN);
	CHECK(!strcmp(row.local, stack->b_hex) && strspn(row.peer, "0") == strlen(row.peer), "%s %s", row.local,
	      row.peer);
	CHECK(row.tx_queue == limit && row.rx_queue == 0, "%u %u", row.tx_queue, row.rx_queue);
	CHECK(row.inode == inode_of(listener) && row.timer == 0, "%lu %u", row.inode, row.timer);
	CHECK(row.columns == 21 && (stack->af != AF_INET || row.width == 149), "%d %d", row.columns, row.width);

	client = connect_to(net.a, stack, stack->b, port);
	CHECK(WAIT_FOR(rows_find(net.b, stack->proc, port, 0, &row) == -1, SOON), "no row of the child");
	check_connection(stack, listener, client, port);
	row = wait_row(net.b, stack, port, 0, TCP_LISTEN);
	CHECK(row.rx_queue == 0, "%u", row.rx_queue);

	send_syn(stack, port);
	row = wait_row(net.b, stack, port, 999, TCP_SYN_RECV);
	CHECK(row.columns == 16 && row.timer == 1 && row.inode == 0, "%d %u %lu", row.columns, row.timer, row.inode);
	CHECK(row.retransmits == 0 && row.when > 0 && row.when <= 100, "%u %lu", row.retransmits, row.when);

	lost = must(ns_socket(net.a, stack->domain, SOCK_STREAM | SOCK_NONBLOCK, stack->protocol), "socket");
	connect(lost, (void *)&to, make_address(stack, stack->hole, port, &to));
	row = wait_row(net.a, stack, port_of(lost), port, TCP_SYN_SENT);
	CHECK(row.timer == 1 && row.tx_queue == 1, "%u %u", row.timer, row.tx_queue);
	close(lost);

	close(listener);
	CHECK(WAIT_FOR(rows_find(net.b, stack->proc, port, 0, &row) == 0, SOON), "state %u", row.state);
	report("every state and column", stack->name);
}

/* What an AF_INET6 socket talks over IPv4 stands in the other file. */
static void mapped_rows(const struct stack *stack, const struct stack *stack4)
{
	unsigned int port = next_port++;
	int listener = listen_on(net.b, stack, "::", port);
	int client = connect_to(net.a, stack4, stack4->b, port);
	struct row row;

	row = wait_row(net.b, stack, port, port_of(client), TCP_ESTABLISHED);
	CHECK(!strcmp(row.local, "0000000000000000FFFF00000200090A"), "%s", row.local);
	CHECK(rows_find(net.b, stack4->proc, port, 0, &row) == 0, "also in %s", stack4->proc);
	close(client);
	close(listener);
	report("IPv4 on an IPv6 listener", stack->name);
}

static void first_lines(void)
{
	static const char *const pairs[][2] = {
		{ "/proc/net/tcp", "/proc/net/xtcp" }, { "/proc/net/tcp6", "/proc/net/xtcp6" }
	};
	char *theirs, *ours;
	struct row *rows;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		CHECK(rows_read(net.a, pairs[i][0], &rows, &theirs) >= 0, "%s", pairs[i][0]);
		free(rows);
		CHECK(rows_read(net.a, pairs[i][1], &rows, &ours) >= 0, "%s", pairs[i][1]);
		free(rows);
		CHECK(!strcmp(theirs, ours), "\"%s\", \"%s\"", theirs, ours);
		free(theirs);
		free(ours);
	}
	report("the first lines are kernel TCP's", NULL);
}

/* ---- a long listing while the table changes */

#define STABLE	150

static bool churning;

/* Connections that come and go: the table grows several times over. */
static unsigned int churn_count(void)
{
	return getenv("XTCP_DEBUG") ? 120 : 500;
}

static void *churn(void *arg)
{
	unsigned int port = next_port++, count = churn_count(), i;
	int listener, client, server;

	(void)arg;
	listener = listen_on(net.a, XTCP4, NS_A4, port);
	for (i = 0; i < count; i++) {
		client = connect_to(net.a, XTCP4, NS_A4, port);
		server = must(accept(listener, NULL, NULL), "accept");
		close(client);
		close(server);
	}
	close(listener);
	__atomic_store_n(&churning, false, __ATOMIC_SEQ_CST);
	return NULL;
}

/* One listing, read in small pieces. */
static char *read_slowly(const char *path)
{
	size_t len = 0, room = 1 << 20;
	char *text = malloc(room);
	int fd, home = ns_home();
	ssize_t got;

	ns_enter(net.a);
	fd = must(open(path, O_RDONLY), path);
	ns_enter(home);
	while ((got = read(fd, text + len, 333)) > 0) {
		len += got;
		if (len + 1000 > room)
			text = realloc(text, room *= 2);
	}
	close(fd);
	text[len] = 0;
	return text;
}

static void long_listing(void)
{
	unsigned int port = next_port++, i, listings = 0, seen[STABLE][2], count, wrong = 0;
	int listener = listen_on(net.a, XTCP4, NS_A4, port), fds[STABLE][2], at[65536];
	char *text, *line, *in_lines;
	unsigned int local, peer;
	pthread_t thread;

	memset(at, -1, sizeof(at));
	for (i = 0; i < STABLE; i++) {
		fds[i][0] = connect_to(net.a, XTCP4, NS_A4, port);
		fds[i][1] = must(accept(listener, NULL, NULL), "accept");
		at[port_of(fds[i][0])] = i;
	}
	churning = true;
	pthread_create(&thread, NULL, churn, NULL);
	while (__atomic_load_n(&churning, __ATOMIC_SEQ_CST) || listings < 3) {
		memset(seen, 0, sizeof(seen));
		text = read_slowly("/proc/net/xtcp");
		for (line = strtok_r(text, "\n", &in_lines); line; line = strtok_r(NULL, "\n", &in_lines)) {
			if (sscanf(line, "%*d: %*8[0-9A-F]:%x %*8[0-9A-F]:%x 01", &local, &peer) != 2)
				continue;
			if (peer == port && at[local & 0xffff] >= 0)
				seen[at[local & 0xffff]][0]++;
			if (local == port && at[peer & 0xffff] >= 0)
				seen[at[peer & 0xffff]][1]++;
		}
		free(text);
		for (i = 0, count = 0; i < STABLE; i++)
			count += (seen[i][0] == 1) + (seen[i][1] == 1);
		wrong += count != 2 * STABLE;
		listings++;
	}
	pthread_join(thread, NULL);
	CHECK(!wrong, "%u of %u listings miss a row or repeat it", wrong, listings);
	for (i = 0; i < STABLE; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
	close(listener);
	report("a long listing, read slowly, has each row once while others come and go", NULL);
}

/* ---- counters */

static void counter_names(void)
{
	struct counters ours = {}, theirs = {};
	char *snmp[2], *start[2];
	int i, j;

	/* the Tcp: line of names is the kernel's, to the letter */
	snmp[0] = ns_read_file(net.a, "/proc/net/snmp");
	snmp[1] = ns_read_file(net.a, "/proc/net/xtcp_snmp");
	start[0] = strstr(snmp[0], "Tcp:");
	start[1] = snmp[1];
	CHECK(strcspn(start[0], "\n") == strcspn(start[1], "\n") &&
	      !strncmp(start[0], start[1], strcspn(start[0], "\n")), "the Tcp: line is another one");
	CHECK(!strncmp(strchr(start[1], '\n'), "\nTcp: 1 200 120000 -1 ", 21), "%.40s", strchr(start[1], '\n'));
	free(snmp[0]);
	free(snmp[1]);

	CHECK(!counters_read(&ours, net.a, "/proc/net/xtcp_netstat"), "xtcp_netstat");
	CHECK(!counters_read(&theirs, net.a, "/proc/net/netstat"), "netstat");
	CHECK(ours.n > 30, "%d counters", ours.n);
	for (i = 0; i < ours.n; i++) {
		for (j = 0; j < theirs.n && strcmp(ours.entry[i].name, theirs.entry[j].name); j++)
			;
		CHECK(j < theirs.n, "the kernel has no %s", ours.entry[i].name);
	}
	report("the counters' names are kernel TCP's", NULL);
}

/* ---- programs that show it */

/* What a shell line prints in a namespace, with runs of blanks made one, and its exit status. */
static char *output_of(int ns, int *status, const char *format, ...)
{
	char line[700], *text, *from, *to;
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	*status = ns_shell(ns, "{ %s ; } >/tmp/see.out 2>&1", line);
	text = ns_read_file(ns, "/tmp/see.out");
	for (from = to = text; from && *from; from++)
		if ((*from != ' ' && *from != '\t') || (to > text && to[-1] != ' '))
			*to++ = *from == '\t' ? ' ' : *from;
	if (to)
		*to = 0;
	return text ?: strdup("");
}

static void check_output(const char *text, const char *format, ...)
{
	char want[200];
	va_list args;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format, args);
	va_end(args);
	CHECK(strstr(text, want), "there: \"%s\" in:\n%s", want, text);
}

static void stock_ss(void)
{
	unsigned int port = next_port++;
	int l4 = listen_on(net.b, XTCP4, NS_B4, port), l6 = listen_on(net.b, XTCP6, NS_B6, port), status;
	int c4 = connect_to(net.a, XTCP4, NS_B4, port), c6 = connect_to(net.a, XTCP6, NS_B6, port);
	int s4 = must(accept(l4, NULL, NULL), "accept");
	struct row row;
	char *text;

	wait_row(net.b, XTCP6, port, port_of(c6), TCP_ESTABLISHED);	/* in the accept queue */
	must(write(c4, "hello", 5), "write");
	CHECK(WAIT_FOR(rows_find(net.b, XTCP4->proc, port, port_of(c4), &row) == 1 && row.rx_queue == 5, SOON), "5");
	send_syn(XTCP4, port);
	wait_row(net.b, XTCP4, port, 999, TCP_SYN_RECV);
	text = output_of(net.b, &status,
			 "PROC_NET_TCP=/proc/net/xtcp PROC_NET_TCP6=/proc/net/xtcp6 ss -tanoeH");
	CHECK(status == 0, "status %d", status);
	check_output(text, "LISTEN 0 %d " NS_B4 ":%u 0.0.0.0:* ino:%lu ", LIMIT, port, inode_of(l4));
	check_output(text, "LISTEN 1 %d [" NS_B6 "]:%u *:* ino:%lu ", LIMIT, port, inode_of(l6));
	check_output(text, "ESTAB 5 0 " NS_B4 ":%u " NS_A4 ":%u ino:%lu ", port, port_of(c4), inode_of(s4));
	check_output(text, "ESTAB 0 0 [" NS_B6 "]:%u [" NS_A6 "]:%u ", port, port_of(c6));
	check_output(text, "SYN-RECV 0 0 " NS_B4 ":%u " HOLE4 ":999 timer:(on,", port);
	free(text);
	close(s4);	/* with data unread: a reset */
	close(c4);
	close(c6);
	close(l4);
	close(l6);
	report("stock ss", NULL);
}

/* What nstat leaves out, because it counts nothing. */
static bool is_useless(const char *name)
{
	static const char *const names[] = { "RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "CurrEstab" };
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void stock_nstat(void)
{
	struct counters counters;
	char *text, name[80];
	int status, i;

	text = output_of(net.b, &status,
			 "PROC_NET_SNMP=/proc/net/xtcp_snmp PROC_NET_NETSTAT=/proc/net/xtcp_netstat nstat -asz");
	CHECK(status == 0, "status %d", status);
	CHECK(!counters_read_xtcp(&counters, net.b), "counters");
	CHECK(counters_get(&counters, "Tcp:PassiveOpens") > 0, "no connection was counted");
	for (i = 0; i < counters.n; i++) {
		char *colon = strchr(counters.entry[i].name, ':');

		if (is_useless(colon + 1))
			continue;
		snprintf(name, sizeof(name), "%.*s%s", (int)(colon - counters.entry[i].name),
			 counters.entry[i].name, colon + 1);
		check_output(text, "%s %lld ", name, counters.entry[i].value);
	}
	free(text);
	report("stock nstat", NULL);
}

static void write_file(const char *path, const char *what)
{
	int fd = must(open(path, O_WRONLY), path);

	must(write(fd, what, strlen(what)), path);
	close(fd);
}

/* Open, five octets, close by the client, close by the server: the whole picture, row by row. */
static void draw_ladder(const struct stack *client_stack, const struct stack *stack)
{
	static const char *const both[] = {
		"*CLOSED |*| LISTEN *",
		"* 0.000 SYN-SENT |-- SYN SEQ=0 WND=* -*->| SYN-RECEIVED*",
		"* ESTABLISHED |<-*- SYN,ACK SEQ=0 ACK=1 WND=* --| *",
		"*[0-9] |-- ACK SEQ=1 ACK=1 WND=* -*->| ESTABLISHED*",
		"*[0-9] |-- PSH,ACK SEQ=1 ACK=1 LEN=5 WND=* -*->| *",
		"*[0-9] |<-*- ACK SEQ=1 ACK=6 WND=* --| *",
		"* FIN-WAIT-1 |-- FIN,ACK SEQ=6 ACK=1 WND=* -*->| CLOSE-WAIT*",
		"* FIN-WAIT-2 |<-*- ACK SEQ=1 ACK=7 WND=* --| *",
		"* TIME-WAIT |<-*- FIN,ACK SEQ=1 ACK=7 WND=* --| LAST-ACK*",
		"*[0-9] |-- ACK SEQ=7 ACK=2 WND=* -*->| CLOSED*",
	};
	bool one_end = client_stack->domain != AF_XTCP;
	unsigned int port = next_port++, client_port, i = 0;
	int listener, client, server, status;
	char *text, *line, *in_lines, octets[5];
	struct row row;

	write_file(TRACE "/trace", "\n");
	listener = listen_on(net.b, stack, stack->b, port);
	client = connect_to(net.a, client_stack, stack->b, port);
	client_port = port_of(client);
	server = must(accept(listener, NULL, NULL), "accept");
	must(write(client, "hello", 5), "write");
	must(read(server, octets, 5), "read");
	CHECK(WAIT_FOR(rows_find(net.a, client_stack->proc, client_port, port, &row) == 1 && !row.tx_queue, SOON), "0");
	close(client);
	wait_row(net.a, client_stack, client_port, port, TCP_FIN_WAIT2);
	close(server);
	wait_row(net.a, client_stack, client_port, port, TCP_TIME_WAIT);
	CHECK(WAIT_FOR(rows_find(net.b, stack->proc, port, client_port, &row) == 0, SOON), "closed");
	close(listener);

	text = output_of(net.b, &status, "scripts/ladder --plain --port %u " TRACE "/trace", port);
	CHECK(status == 0, "status %d", status);
	line = strtok_r(text, "\n", &in_lines);
	CHECK(line && !!strstr(line, "not xtcp here") == one_end, "%s", line);
	while ((line = strtok_r(NULL, "\n", &in_lines))) {
		if (strstr(line, "timer)"))
			continue;
		if (one_end) {	/* the same rungs, and the right column alone */
			CHECK(!strstr(line, "SYN-SENT") && !strstr(line, "FIN-WAIT"), "%s", line);
			i++;
			continue;
		}
		CHECK(i < 10 && !fnmatch(both[i], line, 0), "row %u: %s", i, line);
		i++;
	}
	CHECK(i == 10, "%u rows", i);
	free(text);
	report(one_end ? "the ladder of one end" : "the ladder of a connection", stack->name);
}

static void draw_ladders(void)
{
	must(mkdir(TRACE, 0700), TRACE);
	write_file(TRACE "/trace_clock", "global");
	write_file(TRACE "/events/xtcp/enable", "1");
	draw_ladder(XTCP4, XTCP4);
	draw_ladder(XTCP6, XTCP6);
	draw_ladder(&stacks[0], XTCP4);
	write_file(TRACE "/events/xtcp/enable", "0");
	rmdir(TRACE);
}

/* ---- xtcp_run */

/* What xtcp_run's program sees, and what /proc says of it; the exit status counts what is wrong. */
static int be_run(void)
{
	static const struct stack as_written[] = {
		{ .domain = AF_INET, .af = AF_INET, .proc = "/proc/net/xtcp" },
		{ .domain = AF_INET6, .af = AF_INET6, .proc = "/proc/net/xtcp6", .protocol = IPPROTO_TCP },
	};
	int here = ns_home(), i, fd, protocol;
	socklen_t len;

	for (i = 0; i < 2; i++) {
		fd = listen_on(here, &as_written[i], i ? "::1" : "127.0.0.1", 3999);
		len = sizeof(protocol);
		must(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len), "SO_PROTOCOL");
		CHECK(protocol == IPPROTO_TCP, "protocol %d", protocol);
		CHECK(rows_state(here, as_written[i].proc, 3999, 0) == TCP_LISTEN, "no row in %s", as_written[i].proc);
		close(fd);
	}
	fd = must(socket(AF_INET, SOCK_DGRAM, 0), "UDP");
	len = sizeof(protocol);
	must(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len), "SO_PROTOCOL");
	CHECK(protocol == IPPROTO_UDP, "protocol %d", protocol);
	printf("%u problems\n", problems);
	return problems;
}

static void check_run(const char *self)
{
	char *text;
	int status;

	text = output_of(net.a, &status, "scripts/xtcp_run sh -c '%s --run; echo status $?'", self);
	check_output(text, "0 problems\nstatus 0\n");
	CHECK(status == 0, "status %d", status);
	free(text);
	report("xtcp_run: a program's child", NULL);

	text = output_of(net.a, &status, "scripts/xtcp_run busybox true");
	CHECK(status == 125, "status %d", status);
	check_output(text, "busybox is linked statically");
	free(text);
	text = output_of(net.a, &status, "scripts/xtcp_run no-such-program");
	CHECK(status == 125, "status %d", status);
	check_output(text, "no-such-program: no such program");
	free(text);
	report("xtcp_run: says where it cannot work", NULL);

	must(module_unload(), "unload");
	text = output_of(net.a, &status, "scripts/xtcp_run true");
	CHECK(status == 125, "status %d", status);
	check_output(text, "the xtcp module is not loaded");
	free(text);
	must(module_load(""), "load");
	report("xtcp_run: without the module", NULL);
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc == 2 && !strcmp(argv[1], "--run"))
		return be_run();
	ksft_print_header();
	ksft_set_plan(17);
	must(ns_pair_make(&net), "namespaces");
	first_lines();
	for (i = 0; i < 4; i++)
		rows_of(&stacks[i]);
	mapped_rows(&stacks[1], &stacks[0]);
	mapped_rows(XTCP6, XTCP4);
	long_listing();
	counter_names();
	stock_ss();
	stock_nstat();
	draw_ladders();
	check_run(argv[0]);
	ns_pair_close(&net);
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
