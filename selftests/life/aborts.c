// SPDX-License-Identifier: GPL-2.0
/*
 * Every way in which a connection ends otherwise than by both FINs: one event of xtcp_abort, with the state that it
 * left, what the program was told, and why. xtcp_rst_diagnostic, at both ends, of a RST that says why. And kernel TCP's
 * own events of a RST and of a wrong checksum.
 */
#include "lib/test.h"

NEEDS_PROGRAMS("nft");

#define EVENT "events/xtcp/xtcp_abort/"
#define SAYS "events/xtcp/xtcp_rst_diagnostic/"

/* Both ends of one connection: the client on xtcp in net.a, its peer on kernel TCP in net.b. */
struct ends {
	int client;
	int peer;
};

/* One way to end: @end makes it happen to a connection, and closes both descriptors. */
struct way {
	const char *name;
	void (*end)(struct ends *ends);
	const char *want;
	bool alone;	/* @end is given no connection, it makes its own */
};

static struct ns_pair net;
static const char *peer_addr;
static int next_port = 7200;

static void watch(int ns)
{
	struct stat st;
	char filter[64];

	must(!fstat(ns, &st), "namespace");
	snprintf(filter, sizeof(filter), "netns==%lu", (unsigned long)st.st_ino);
	tracing_set(EVENT "filter", filter);
	tracing_forget();
	tracing_set(EVENT "enable", "1");
}

/* How many events there are; the first one's text from its state on goes to @text. */
static int events(char *text, size_t size)
{
	FILE *file = tracing_open();
	char line[512], *at;
	int n = 0;

	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "xtcp_abort:");
		at = at ? strstr(at, "state=") : NULL;
		if (at && !n++)
			snprintf(text, size, "%.*s", (int)strcspn(at, "\n"), at);
	}
	fclose(file);
	return n;
}

static void gate(bool open)
{
	must(!netem_gate(net.a, "veth0", open), "gate");
}

static void hang_up(struct ends *ends)
{
	close_each(ends->client, ends->peer);
}

static void by_peer(struct ends *ends)
{
	must(!stack_abort(ends->peer), "SO_LINGER");
	must(WAIT_FOR(stack_state(ends->client) == TCP_CLOSE, STACK_DEADLINE_MS), "the RST comes");
	close(ends->client);
}

static void unread_data(struct ends *ends)
{
	must(send(ends->peer, "x", 1, 0) == 1 && WAIT_FOR(stack_unread(ends->client), STACK_DEADLINE_MS), "data");
	hang_up(ends);
}

static void late_data(struct ends *ends)
{
	must(!shutdown(ends->client, SHUT_RDWR), "shutdown");
	must(WAIT_FOR(stack_state(ends->client) == TCP_FIN_WAIT2, STACK_DEADLINE_MS), "FIN-WAIT-2");
	must(send(ends->peer, "x", 1, 0) == 1, "send");
	must(WAIT_FOR(stack_state(ends->client) == TCP_CLOSE, STACK_DEADLINE_MS), "CLOSED");
	hang_up(ends);
}

static void linger(struct ends *ends)
{
	must(!stack_reset_at_close(ends->client), "SO_LINGER");
	hang_up(ends);
}

static void linger2(struct ends *ends)
{
	must(!stack_set(ends->client, IPPROTO_TCP, TCP_LINGER2, -1), "setsockopt");
	close(ends->client);
	must(stack_at_end(ends->peer), "the FIN comes");
	close(ends->peer);
}

static void one_orphan_too_many(struct ends *ends)
{
	long was = ns_sysctl_get(net.a, "net.xtcp.max_orphans");

	gate(false);
	must(was > 0 && !ns_sysctl_set(net.a, "net.xtcp.max_orphans", "0"), "max_orphans");
	hang_up(ends);
	must(!ns_sysctl_set(net.a, "net.xtcp.max_orphans", "%ld", was), "max_orphans");
	gate(true);
}

static void wait_for_timeout(struct ends *ends)
{
	must(WAIT_FOR(stack_state(ends->client) == TCP_CLOSE, STACK_DEADLINE_MS), "the timeout");
	gate(true);
	hang_up(ends);
}

static void without_acknowledgment(struct ends *ends)
{
	gate(false);
	must(!stack_set(ends->client, IPPROTO_TCP, TCP_USER_TIMEOUT, 300), "setsockopt");
	must(send(ends->client, "x", 1, 0) == 1, "send");
	wait_for_timeout(ends);
}

static void without_answer_to_probes(struct ends *ends)
{
	gate(false);
	must(!stack_set(ends->client, IPPROTO_TCP, TCP_KEEPIDLE, 1), "setsockopt");
	must(!stack_set(ends->client, IPPROTO_TCP, TCP_KEEPINTVL, 1), "setsockopt");
	must(!stack_set(ends->client, IPPROTO_TCP, TCP_KEEPCNT, 1), "setsockopt");
	must(!stack_set(ends->client, SOL_SOCKET, SO_KEEPALIVE, 1), "setsockopt");
	wait_for_timeout(ends);
}

static void disconnected(struct ends *ends)
{
	must(!stack_disconnect(ends->client), "connect to AF_UNSPEC");
	hang_up(ends);
}

static void listener_closed(struct ends *none)
{
	const char *here = strchr(peer_addr, ':') ? NS_A6 : NS_A4;
	int port = next_port++;
	int listener = must_have(stack_listener(net.a, XTCP, here, port, true), "connection");
	int fd = must_have(stack_connected(net.b, KERNEL, here, port), "connection");

	must(WAIT_FOR(sides_row(net.a, XTCP, here, port, stack_port(fd), TCP_ESTABLISHED), STACK_DEADLINE_MS),
	     "a connection on the queue");
	close_each(listener, fd);
}

static void refused_by_icmp(struct ends *none)
{
	int port = next_port++;
	int fd = stack_socket(net.a, XTCP, peer_addr);

	must(!ns_shell(net.b, "nft 'add table inet t; add chain inet t c { type filter hook input priority 0; };"
		       "add rule inet t c tcp dport %d reject with icmpx type port-unreachable'", port), "nft");
	must(stack_connect(fd, peer_addr, port) && errno == ECONNREFUSED, "connect");
	close(fd);
	must(!ns_shell(net.b, "nft delete table inet t"), "nft");
}

static const struct way ways[] = {
	{ "the peer resets", by_peer, "state=ESTABLISHED error=104 reason=reset" },
	{ "closed with unread data", unread_data, "state=ESTABLISHED error=0 reason=unread-data" },
	{ "data for nobody", late_data, "state=FIN-WAIT-2 error=104 reason=late-data" },
	{ "SO_LINGER 0", linger, "state=ESTABLISHED error=0 reason=linger" },
	{ "TCP_LINGER2 -1", linger2, "state=FIN-WAIT-2 error=0 reason=linger2" },
	{ "an orphan too many", one_orphan_too_many, "state=FIN-WAIT-1 error=0 reason=orphans" },
	{ "no acknowledgment", without_acknowledgment, "state=ESTABLISHED error=110 reason=user-timeout" },
	{ "no answer to probes", without_answer_to_probes, "state=ESTABLISHED error=110 reason=keepalive" },
	{ "connect() to AF_UNSPEC", disconnected, "state=ESTABLISHED error=104 reason=disconnect" },
	{ "the listener is closed", listener_closed, "state=ESTABLISHED error=104 reason=listener-closed", true },
	{ "an ICMP error", refused_by_icmp, "state=SYN-SENT error=111 reason=icmp", true },
};

static void check(const char *name, const char *want)
{
	char got[256] = "";
	int n = 0;
	bool ok = WAIT_FOR((n = events(got, sizeof(got))), STACK_DEADLINE_MS) && n == 1 && !strcmp(got, want);

	if (!ok)
		ksft_print_msg("%d events, the first one: %s; wanted: %s\n", n, got, want);
	ksft_test_result(ok, "%s\n", name);
}

static void try(const struct way *way)
{
	struct ends ends = { -1, -1 };

	if (!way->alone)
		stack_pair_or_die(net.a, XTCP, net.b, KERNEL, peer_addr, next_port++, &ends.client, &ends.peer);
	tracing_forget();
	way->end(&ends);
	check(way->name, way->want);
}

/* How many events of payloads there are; what they say goes to @text. */
static int payloads(char *text, size_t size)
{
	FILE *file = tracing_open();
	char line[512], *at;
	int n = 0;

	*text = 0;
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "xtcp_rst_diagnostic:");
		at = at ? strstr(at, "sent=") : NULL;
		if (!at)
			continue;
		n++;
		snprintf(text + strlen(text), size - strlen(text), "%.*s; ", (int)strcspn(at, "\n"), at);
	}
	fclose(file);
	return n;
}

/* Both ends are on xtcp, and the client's says why it resets the connection. */
static void said_and_told(void)
{
	struct ends ends;
	char got[256] = "";
	bool ok;

	must(!ns_sysctl_set(net.a, "net.xtcp.rst_diagnostic", "1"), "rst_diagnostic");
	stack_pair_or_die(net.a, XTCP, net.b, XTCP, peer_addr, next_port++, &ends.client, &ends.peer);
	tracing_set(SAYS "enable", "1");
	tracing_forget();
	must(!stack_abort(ends.client), "SO_LINGER");
	ok = WAIT_FOR(payloads(got, sizeof(got)) == 2, STACK_DEADLINE_MS) && strstr(got, "sent=1 code=3 pen=0; ") &&
	     strstr(got, "sent=0 code=3 pen=0; ");
	if (!ok)
		ksft_print_msg("events: %s\n", got);
	close(ends.peer);
	tracing_set(SAYS "enable", "0");
	must(!ns_sysctl_set(net.a, "net.xtcp.rst_diagnostic", "0"), "rst_diagnostic");
	ksft_test_result(ok, "a RST that says why\n");
}

/* The first segment with text from @peer comes with a wrong checksum, and comes again. */
static void broken(struct ends *ends)
{
	must(!ns_link_offloads(net.b, "veth0", false) &&
	     !ns_shell(net.a, "nft 'add table inet t; add chain inet t c { type filter hook prerouting priority 0; };"
		       "add rule inet t c tcp sport %d limit rate 1/hour burst 1 packets @th,128,16 set 1'",
		       next_port), "nft");
	must(send(ends->peer, "x", 1, 0) == 1 && WAIT_FOR(stack_unread(ends->client), STACK_DEADLINE_MS), "data");
	hang_up(ends);
	must(!ns_shell(net.a, "nft delete table inet t") && !ns_link_offloads(net.b, "veth0", true), "nft");
}

/* Tools wait for these events, and the kernel lets us fire them. */
static void kernel_event(enum stack stack, const char *event, void (*end)(struct ends *ends), const char *name)
{
	char port[16], enable[64];
	struct ends ends;

	snprintf(enable, sizeof(enable), "events/tcp/%s/enable", event);
	stack_pair_or_die(net.a, stack, net.b, KERNEL, peer_addr, next_port, &ends.client, &ends.peer);
	tracing_set(enable, "1");
	tracing_forget();
	end(&ends);
	tracing_set(enable, "0");
	/* since 6.10 the address stands before the port */
	snprintf(port, sizeof(port), "%d", next_port++);
	ksft_test_result(tracing_count(event, port, "") == 1, "%s: tcp:%s, %s\n", stack_name(stack), event, name);
}

static void namespace_gone(void)
{
	struct ends ends;

	stack_pair_or_die(net.a, XTCP, net.b, KERNEL, NS_B4, next_port++, &ends.client, &ends.peer);
	gate(false);
	tracing_forget();
	close(ends.client);
	ns_pair_close(&net);
	check("the namespace goes away", "state=FIN-WAIT-1 error=0 reason=netns");
	close(ends.peer);
}

int main(void)
{
	const char * const addrs[] = { NS_B4, NS_B6 };

	test_begin(2 * (ARRAY_SIZE(ways) + 1 + 3 * stack_count()) + 1);
	tracing_start("aborts");
	must(!ns_pair_make(&net), "namespaces");
	sides_know_each_other(&net);
	watch(net.a);
	for (unsigned int family = 0; family < 2; family++) {
		peer_addr = addrs[family];
		for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++)
			try(&ways[i]);
		said_and_told();
		for (enum stack stack = stack_first(); stack <= XTCP; stack++) {
			kernel_event(stack, "tcp_send_reset", linger, "SO_LINGER 0");
			kernel_event(stack, "tcp_send_reset", late_data, "data for nobody");
			kernel_event(stack, "tcp_bad_csum", broken, "text");
		}
	}
	namespace_gone();
	tracing_set(EVENT "enable", "0");
	tracing_stop();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
