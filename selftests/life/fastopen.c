// SPDX-License-Identifier: GPL-2.0
/*
 * TCP Fast Open (RFC 7413): servers and clients of both stacks, over both IPs. Text arrives whole and with the SYN;
 * answers do not wait for the third ACK; programs that wait are told; whatever ends before it leaves nothing behind.
 *
 *	namespace a, the client --- veth0 --- namespace b, the server
 */
#include <sys/select.h>
#include "lib/test.h"

#define PORT		7300
#define CONNECTIONS	20
#define MOST		3000	/* octets: more than a SYN takes */
#define CLIENTS		4
#define STORM_MS	1500

static struct ns_pair net;
static enum stack stack, client_stack;
static const char *addr;
static char who[64];	/* of these */

static int open_listener(int limit)
{
	int fd = stack_listener(net.b, stack, addr, PORT, true);

	must(fd >= 0 && !setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &limit, sizeof(limit)) &&
	     !stack_patience(fd, SO_RCVTIMEO, STACK_DEADLINE_MS * 1000), "listener");
	return fd;
}

static long long counted(const char *name)
{
	return stack_counter(net.b, stack, name);
}

static long long client_counted(const char *name)
{
	return stack_counter(net.a, client_stack, name);
}

/* A client whose SYN has as much of @text as may stand there. */
static int open_fast(const void *text, int len, int flags)
{
	union stack_addr to = stack_addr(addr, PORT);
	int fd = must_have(stack_socket(net.a, client_stack, addr), "socket");

	if (sendto(fd, text, len, MSG_FASTOPEN | MSG_NOSIGNAL | flags, &to.sa, stack_addr_len(&to)) < 0 &&
	    errno != EINPROGRESS && errno != EAGAIN) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool receives(int fd, const char *text, int len)
{
	char got[MOST];

	return recv(fd, got, len, MSG_WAITALL) == len && !memcmp(got, text, len);
}

/* Behind a closed gate nothing comes but what opened fast: says what is known if nothing did. */
static int accept_fast(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		ksft_print_msg("%s: accept(): %s; client: %lld fast, %lld failed; server: %lld fast, %lld dropped\n",
			       who, strerror(errno), client_counted("TcpExt:TCPFastOpenActive"),
			       client_counted("TcpExt:TCPFastOpenActiveFail"), counted("TcpExt:TCPFastOpenPassive"),
			       counted("TcpExt:ListenDrops"));
	return fd;
}

/* The first connection asks for a cookie; each of the next has text on its SYN. */
static void try_text(void)
{
	long long asked = counted("TcpExt:TCPFastOpenCookieReqd"), passive = counted("TcpExt:TCPFastOpenPassive");
	long long active = client_counted("TcpExt:TCPFastOpenActive");
	int listener = open_listener(16), client, fd, i, len, marked = 0;
	char text[MOST];
	bool ok = true;

	for (i = 0; i < MOST; i++)
		text[i] = (i * 7 + i / 256) & 0xff;
	for (i = 0; i <= CONNECTIONS && ok; i++) {
		len = 1 + i * (MOST - 1) / CONNECTIONS;
		client = open_fast(text, len, 0);
		fd = accept_fast(listener);
		ok = client >= 0 && fd >= 0 && receives(fd, text, len) && send(fd, text, len, 0) == len &&
		     receives(client, text, len) && stack_carries(client, fd, 1000) && stack_carries(fd, client, 1000);
		marked += !!(info_of(fd).tcpi_options & TCPI_OPT_SYN_DATA) +
			  !!(info_of(client).tcpi_options & TCPI_OPT_SYN_DATA);
		close_each(client, fd);
	}
	close(listener);
	ksft_test_result(ok, "%s: text on SYNs and answers arrive whole\n", who);
	asked = counted("TcpExt:TCPFastOpenCookieReqd") - asked;
	passive = counted("TcpExt:TCPFastOpenPassive") - passive;
	active = client_counted("TcpExt:TCPFastOpenActive") - active;
	ksft_print_msg("%lld asked for a cookie, %lld opened fast, %d ends say so\n", asked, passive, marked);
	ksft_test_result(asked == 1 && passive == CONNECTIONS && active == CONNECTIONS && marked == 2 * CONNECTIONS,
			 "%s: one asks for a cookie, the others have text on their SYN\n", who);
}

/* connect() leaves the SYN to the first write, now that there is a cookie; of that it takes what it has room for. */
static void try_connect(void)
{
	long long active = client_counted("TcpExt:TCPFastOpenActive");
	int listener = open_listener(16), client = stack_socket(net.a, client_stack, addr), fd, i;
	char text[MOST];
	bool ok;

	for (i = 0; i < MOST; i++)
		text[i] = i * 11;
	must(client >= 0 && !setsockopt(client, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 }, sizeof(int)), "client");
	ok = !stack_connect(client, addr, PORT) && stack_state(client) == TCP_SYN_SENT &&
	     send(client, text, MOST, 0) == MOST;
	fd = accept_fast(listener);
	ok = ok && fd >= 0 && receives(fd, text, MOST) && stack_carries(fd, client, 1000) &&
	     client_counted("TcpExt:TCPFastOpenActive") == active + 1;
	ksft_test_result(ok, "%s: the first write opens the connection\n", who);
	close_each(client, fd, listener);
}

/* No SYN-ACK leaves: the program has read and closed, and the connection waits as an orphan for its third ACK. */
static void try_orphan(void)
{
	int listener = open_listener(16), client, fd, before;
	char octet;
	bool ok;

	must(!netem_gate(net.b, "veth0", false), "gate");
	client = must_have(open_fast("x", 1, MSG_DONTWAIT), "client");
	fd = must_have(accept_fast(listener), "connection");
	before = stack_state(fd);
	ok = before == TCP_SYN_RECV && recv(fd, &octet, 1, 0) == 1 && send(fd, "answer", 6, 0) == 6;
	ksft_test_result(ok, "%s: it is read and answered before the third ACK\n", who);
	close(fd);
	must(!netem_gate(net.b, "veth0", true), "gate");
	fd = recv(client, &octet, 1, 0);
	ksft_test_result(fd == 1 && octet == 'a' && recv(client, &octet, 1, MSG_WAITALL) == 1,
			 "%s: who closes then has its answer delivered\n", who);
	close_each(client, listener);
}

/* All three say that there is room to write, and text or none. */
static bool says(int fd, int epoll, bool text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP };
	struct timeval now = {};
	struct epoll_event event;
	fd_set in, out;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(fd, &in);
	FD_SET(fd, &out);
	return poll(&p, 1, 0) == 1 && p.revents == (text ? POLLIN | POLLOUT : POLLOUT) &&
	       epoll_wait(epoll, &event, 1, 0) == 1 && event.events == (text ? EPOLLIN | EPOLLOUT : EPOLLOUT) &&
	       select(fd + 1, &in, &out, NULL, &now) == (text ? 2 : 1) && !FD_ISSET(fd, &in) == !text;
}

/* What a program waits for, before the third ACK and after it. */
static void try_waits(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP };
	int listener = open_listener(16), client, fd, epoll = epoll_create1(0);
	char text[8] = "";
	bool ok;

	must(!netem_gate(net.b, "veth0", false), "gate");
	client = must_have(open_fast("abc", 3, MSG_DONTWAIT), "client");
	fd = accept_fast(listener);
	must(fd >= 0 && !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "connection");
	ok = says(fd, epoll, true) && recv(fd, text, 1, 0) == 1 && says(fd, epoll, true) &&
	     recv(fd, text, sizeof(text), MSG_PEEK) == 2 && !memcmp(text, "bc", 2) && says(fd, epoll, true) &&
	     recv(fd, text, sizeof(text), 0) == 2 && !memcmp(text, "bc", 2) && says(fd, epoll, false) &&
	     stack_state(fd) == TCP_SYN_RECV;
	must(!netem_gate(net.b, "veth0", true), "gate");
	ok = ok && send(client, "d", 1, 0) == 1 && WAIT_FOR(says(fd, epoll, true), STACK_DEADLINE_MS) &&
	     recv(fd, text, sizeof(text), 0) == 1 && *text == 'd' && says(fd, epoll, false);
	ksft_test_result(ok, "%s: poll, select and epoll tell of its text\n", who);
	close_each(epoll, fd, client, listener);
}

/* A listener without Fast Open acknowledges the SYN alone. Text comes again at once: no SYN was lost. */
static void try_without(void)
{
	long long active = client_counted("TcpExt:TCPFastOpenActive");
	int listener = stack_listener(net.b, stack, addr, PORT, true), client, fd, i;
	bool ok = listener >= 0;

	for (i = 0; i < 3 && ok; i++) {
		client = open_fast("plain", 5, 0);
		fd = accept(listener, NULL, NULL);
		ok = client >= 0 && fd >= 0 && receives(fd, "plain", 5);
		close_each(client, fd);
	}
	close(listener);
	ok = ok && client_counted("TcpExt:TCPFastOpenActive") == active;
	listener = open_listener(16);
	client = open_fast("fast", 4, 0);
	fd = accept_fast(listener);
	ok = ok && client >= 0 && fd >= 0 && receives(fd, "fast", 4);
	ksft_test_result(ok && client_counted("TcpExt:TCPFastOpenActive") == active + 1,
			 "%s: SYNs carry text after three connections to a listener without Fast Open\n", who);
	close_each(client, fd, listener);
}

/* A cookie that a listener for both IPs gave to an IPv4 address is good there, and for a listener of IPv4 alone. */
static void try_mapped(void)
{
	long long asked = counted("TcpExt:TCPFastOpenCookieReqd"), passive = counted("TcpExt:TCPFastOpenPassive");
	struct sockaddr_in6 peer = {};
	socklen_t len = sizeof(peer);
	const char *was = addr;
	int i, listener, client, fd;
	bool ok = true;

	for (i = 0; i < 3; i++) {
		addr = i < 2 ? "::" : NS_B4;
		listener = open_listener(16);
		addr = NS_B4;
		client = open_fast("mapped", 6, 0);
		fd = accept_fast(listener);
		ok &= client >= 0 && fd >= 0 && receives(fd, "mapped", 6) && stack_carries(fd, client, 100);
		if (i < 2)
			ok &= !getpeername(fd, (struct sockaddr *)&peer, &len) && len == sizeof(peer) &&
			      IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr);
		close_each(fd, client, listener);
	}
	addr = was;
	asked = counted("TcpExt:TCPFastOpenCookieReqd") - asked;
	passive = counted("TcpExt:TCPFastOpenPassive") - passive;
	ksft_print_msg("%lld asked for a cookie, %lld opened fast\n", asked, passive);
	ksft_test_result(ok && asked == 1 && passive == 2, "%s: IPv4 at a listener for both IPs\n", who);
}

static atomic_bool over;

static void *storm_client(void *arg)
{
	unsigned int i = (uintptr_t)arg;
	int fd;

	while (!atomic_load(&over)) {
		fd = open_fast("request", 7, MSG_DONTWAIT);
		if (fd < 0)
			continue;
		if (i++ % 3)
			stack_reset_at_close(fd);
		if (i % 2)
			recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT);
		close(fd);
	}
	return NULL;
}

/* Clients that reset, programs that answer, close at once or do not accept, and listeners that come and go. */
static void try_storm(void)
{
	long long until = wait_now_ms() + STORM_MS, passive = counted("TcpExt:TCPFastOpenPassive");
	pthread_t client[CLIENTS];
	unsigned int n = 0, listeners = 0;
	int i, fd, listener;
	char request[8];

	atomic_store(&over, false);
	for (i = 0; i < CLIENTS; i++)
		must(!pthread_create(&client[i], NULL, storm_client, (void *)(uintptr_t)i), "thread");
	while (wait_now_ms() < until) {
		listener = open_listener(listeners++ % 4 ? 64 : 2);
		/* one whose limit those take that were reset has nobody to accept for a while */
		fcntl(listener, F_SETFL, O_NONBLOCK);
		for (i = 0; i < 20; i++, n++) {
			fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
			if (fd < 0)
				continue;
			if (n % 3)
				recv(fd, request, sizeof(request), 0);
			if (n % 2)
				send(fd, "answer", 6, MSG_NOSIGNAL);
			close(fd);
		}
		close(listener);
	}
	atomic_store(&over, true);
	for (i = 0; i < CLIENTS; i++)
		pthread_join(client[i], NULL);
	passive = counted("TcpExt:TCPFastOpenPassive") - passive;
	ksft_print_msg("%lld connections opened fast\n", passive);
	listener = open_listener(16);
	fd = open_fast("request", 7, 0);
	i = accept_fast(listener);
	ksft_test_result(passive > 0 && fd >= 0 && i >= 0 && receives(i, "request", 7),
			 "%s: one opens after a storm of them\n", who);
	close_each(fd, i, listener);
}

/* The namespace ends while connections wait for their third ACK, with a program and without. */
static void try_end(void)
{
	int listener = open_listener(16), client[3], fd[3], i;
	char octet;

	must(!netem_gate(net.b, "veth0", false), "gate");
	for (i = 0; i < 3; i++)
		client[i] = must_have(open_fast("x", 1, MSG_DONTWAIT), "client");
	for (i = 0; i < 2; i++)
		fd[i] = accept_fast(listener);
	must(fd[0] >= 0 && fd[1] >= 0 && recv(fd[0], &octet, 1, 0) == 1, "accept");
	close_each(fd[0], listener);
	ns_pair_close(&net);
	close(fd[1]);
	stack_close(client, 3);
	ksft_test_result(true, "%s: a namespace ends with those that wait\n", who);
}

/* In new namespaces: a client of xtcp sends a host no text for a while when it has lost two SYNs with text in a row. */
static void begin(void)
{
	must(!ns_pair_make(&net), "namespaces");
	must(!ns_sysctl_set(net.a, "net.ipv4.tcp_fastopen", "1") && !ns_sysctl_set(net.a, "net.xtcp.fastopen", "1") &&
	     !ns_sysctl_set(net.b, "net.ipv4.tcp_fastopen", "2") &&
	     !ns_sysctl_set(net.b, "net.xtcp.fastopen", "2"), "sysctls");
}

static void learn_cookie(void)
{
	int listener = open_listener(16), client = open_fast("x", 1, 0), fd = accept_fast(listener);

	must(client >= 0 && fd >= 0 && receives(fd, "x", 1), "cookie");
	close_each(fd, client, listener);
}

int main(void)
{
	static const enum stack stacks[] = { KERNEL, XTCP };
	static const char *const addrs[] = { NS_B4, NS_B6 };
	/* the first two are kernel TCP for itself */
	int i = stack_first() == KERNEL ? 0 : 2;

	test_begin((8 - i) / 2 * (9 + 10));
	for (; i < 8; i++) {
		stack = stacks[i / 2 % 2];
		client_stack = stacks[i / 4];
		addr = addrs[i % 2];
		snprintf(who, sizeof(who), "%s for %s, %s", stack_name(stack), stack_name(client_stack), addr);
		begin();
		try_text();
		try_connect();
		try_orphan();
		ns_pair_close(&net);
		begin();
		learn_cookie();
		try_waits();
		try_without();
		if (addrs[i % 2] == addrs[1])
			try_mapped();
		ns_pair_close(&net);
		begin();
		learn_cookie();
		try_end();
		begin();
		learn_cookie();
		try_storm();
		ns_pair_close(&net);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
