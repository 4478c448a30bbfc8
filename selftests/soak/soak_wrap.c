// SPDX-License-Identifier: GPL-2.0
/*
 * Sequence numbers that wrap, at the sender and at the receiver, between all pairings of the stacks: streams both ways
 * through loss, reordering and duplication, urgent data whose pointer crosses 0, and FINs right before, at and behind
 * 0. stream/longlife.c sends 4 GiB for this. Here the program opens and resets connections until a tap on the link
 * sees one that begins a few megabytes before 2^32. Then text takes the short way, until marks would be 2^31 octets
 * old.
 */
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include "lib/test.h"
#include "lib/virtual.h"

#define PORT		5600
#define NEAR		8388608u	/* octets before 2^32 that a connection begins, at most */
#define TRIES		20000
#define STREAM		(NEAR + 3000000)
#define BACK		1048576
#define AROUND		5		/* urgent octets before 0, and behind it */

enum sender { CLIENT, SERVER };

struct pair {
	enum stack client_stack, server_stack;
	int client, server;
	uint32_t left;			/* octets of the sender until the number 0 */
};

static struct ns_pair net;
static int tap, listeners[2];

static const struct netem bad = { .delay_ms = 5, .loss = 20000, .reorder = 50000, .duplicate = 10000 };

static void network(const struct netem *netem)
{
	static bool is_bad;

	if (is_bad == !!netem)
		return;
	is_bad = netem;
	if (netem)
		must(!netem_set(net.a, "veth0", netem) && !netem_set(net.b, "veth0", netem), "netem");
	else
		must(!netem_clear(net.a, "veth0") && !netem_clear(net.b, "veth0"), "netem");
}

/* The initial numbers of both ends, from the SYN and the SYN-ACK that passed. Drops all else. */
static bool read_numbers(uint32_t *client, uint32_t *server)
{
	unsigned char packet[128];
	int found = 0;
	uint32_t seq;

	while (recv(tap, packet, sizeof(packet), MSG_DONTWAIT) >= 40) {
		if (packet[0] != 0x45 || packet[9] != IPPROTO_TCP || !(packet[33] & 2))
			continue;
		memcpy(&seq, packet + 24, sizeof(seq));
		*(packet[33] & 0x10 ? server : client) = ntohl(seq);
		found |= packet[33] & 0x10 ? 2 : 1;
	}
	return found == 3;
}

static void forget(void)
{
	char packet[64];

	while (recv(tap, packet, sizeof(packet), MSG_DONTWAIT) >= 0)
		;
}

/* Opens a connection whose sender's numbers wrap soon. */
static bool find(struct pair *p, enum sender sender)
{
	uint32_t client = 0, server = 0;

	forget();
	for (int i = 0; i < TRIES; i++) {
		p->client = stack_connected(net.a, p->client_stack, NS_B4, PORT + p->server_stack);
		p->server = p->client < 0 ? -1 : accept(listeners[p->server_stack], NULL, NULL);
		must(p->server >= 0, "a connection");
		must(read_numbers(&client, &server), "its numbers");
		/* the SYN takes the first number */
		p->left = -(sender == CLIENT ? client : server) - 1;
		if (p->left > 100 && p->left < NEAR)
			return true;
		stack_abort(p->client);
		close(p->server);
	}
	ksft_print_msg("none of %d connections begins there\n", TRIES);
	return false;
}

static int fd_of(const struct pair *p, bool client)
{
	return client ? p->client : p->server;
}

static void done(const struct pair *p)
{
	close_each(p->client, p->server);
}

static bool stream(const struct pair *p, enum sender sender)
{
	struct flow flows[2];
	bool well;

	network(&bad);
	flow_pair(&flows[0], p->client, sender == CLIENT ? STREAM : BACK, &flows[1], p->server,
		  sender == SERVER ? STREAM : BACK);
	well = flow_run(flows, 2, 120000);
	if (!well)
		flow_explain(flows, 2);
	network(NULL);
	return well;
}

static bool becomes(int fd, short events)
{
	struct pollfd fds = { .fd = fd, .events = events };

	return poll(&fds, 1, 60000) == 1;
}

static bool passes(int from, int to, uint32_t n)
{
	static char out[65536], in[65536];
	uint32_t sent = 0, got = 0;
	ssize_t len;

	while (got < n) {
		while (sent < n) {
			len = n - sent < sizeof(out) ? n - sent : sizeof(out);
			len = send(from, out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (len <= 0)
				break;
			sent += len;
		}
		if (!becomes(to, POLLIN))
			return false;
		len = recv(to, in, n - got < sizeof(in) ? n - got : sizeof(in), 0);
		if (len <= 0)
			return false;
		got += len;
	}
	return true;
}

/* The last octet is urgent: its pointer lies @beyond octets behind 0, or before it. */
static bool urgent(const struct pair *p, enum sender sender, int beyond)
{
	const int from = fd_of(p, sender == CLIENT), to = fd_of(p, sender == SERVER);
	const char out[2 * AROUND] = "0123456789";
	char in[2 * AROUND] = "", oob = 0;
	int before = AROUND + beyond, mark = 0, n;

	if (!passes(from, to, p->left - AROUND))
		return false;
	network(&bad);
	if (send(from, out, before, MSG_OOB | MSG_NOSIGNAL) != before || send(from, "after", 5, MSG_NOSIGNAL) != 5)
		return false;
	if (!becomes(to, POLLPRI) || recv(to, &oob, 1, MSG_OOB) != 1)
		return false;
	network(NULL);
	n = before > 1 ? recv(to, in, before - 1, MSG_WAITALL) : 0;
	ioctl(to, SIOCATMARK, &mark);
	return oob == out[before - 1] && n == before - 1 && !memcmp(in, out, n) && mark &&
	       recv(to, in, 5, MSG_WAITALL) == 5 && !memcmp(in, "after", 5);
}

/* The FIN has @number, a signed number around 0. */
static bool fin(const struct pair *p, enum sender sender, int number)
{
	const int from = fd_of(p, sender == CLIENT), to = fd_of(p, sender == SERVER);

	if (!passes(from, to, p->left + number - 1))
		return false;
	network(&bad);
	if (send(from, "x", 1, MSG_NOSIGNAL) != 1 || shutdown(from, SHUT_WR) || !passes(to, from, 100000))
		return false;
	network(NULL);
	return recv(to, &(char) { 0 }, 1, 0) == 1 && stack_at_end(to) && !shutdown(to, SHUT_WR) && stack_at_end(from);
}

static void case_of(struct pair *p, enum sender sender, const char *what, int number)
{
	bool well = find(p, sender);

	if (well && !strcmp(what, "stream"))
		well = stream(p, sender);
	else if (well && !strcmp(what, "urgent octet"))
		well = urgent(p, sender, number);
	else if (well)
		well = fin(p, sender, number);
	network(NULL);
	ksft_test_result(well, "%s to %s, the %s's numbers come round: %s%s%d\n", stack_name(p->client_stack),
			 stack_name(p->server_stack), sender == CLIENT ? "client" : "server", what,
			 number > 0 ? " at +" : " at ", number);
	done(p);
}

/* Octets that are all read before the next ones are sent: no write has to wait, and so to leave as a segment. */
static bool passes_at_once(int from, int to, uint32_t n)
{
	static char text[65536];

	for (uint32_t got = 0; got < n; got += sizeof(text))
		if (send(from, text, sizeof(text), 0) != sizeof(text) ||
		    recv(to, text, sizeof(text), MSG_WAITALL) != sizeof(text))
			return false;
	return true;
}

/* More than 2^31 octets take the short way. Then a lower rto_min counts from the next round trip on. */
static void short_way(void)
{
	const long long before = stack_counter(net.a, XTCP, "TcpExt:TCPLocal");
	int listener = must_have(stack_listener(net.a, XTCP, "127.0.0.1", PORT, true), "listener");
	int client = must_have(stack_connected(net.a, XTCP, "127.0.0.1", PORT), "connect");
	int server = must_have(accept(listener, NULL, NULL), "accept");
	bool well = passes(client, server, 1) && !ns_sysctl_set(net.a, "net.xtcp.local", "1") &&
		    passes_at_once(client, server, 0x80100000u) && !ns_sysctl_set(net.a, "net.xtcp.local", "0") &&
		    !ns_sysctl_set(net.a, "net.xtcp.rto_min_us", "20000");

	well = well && stack_counter(net.a, XTCP, "TcpExt:TCPLocal") > before;
	for (int i = 0; i < 30 && well; i++)
		well = passes(client, server, 1) && passes(server, client, 1);
	ksft_print_msg("RTO: %u us\n", info_of(client).tcpi_rto);
	ksft_test_result(well && info_of(client).tcpi_rto < 200000, "xtcp to xtcp, the short way\n");
	close_each(client, server);
	close(listener);
}

int main(void)
{
	struct pair p;

	ksft_print_header();
	virtual_or_skip();
	ksft_set_plan(4 * 2 * 7 + 1);
	must(!ns_pair_make(&net), "namespaces");
	sides_know_each_other(&net);
	tap = must_have(ns_socket(net.a, AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL)), "tap");
	network(NULL);
	for (int i = 0; i < 2; i++)
		listeners[i] = must_have(stack_listener(net.b, i, NS_B4, PORT + i, true), "listener");
	for (int i = 0; i < 4; i++) {
		p = (struct pair) { .client_stack = i & 1, .server_stack = i >> 1 };
		for (enum sender sender = CLIENT; sender <= SERVER; sender++) {
			case_of(&p, sender, "stream", 0);
			for (int number = -1; number <= 1; number++)
				case_of(&p, sender, "FIN", number);
			for (int number = -1; number <= 1; number++)
				case_of(&p, sender, "urgent octet", number);
		}
	}
	close(tap);	/* it would look at the text */
	short_way();
	ksft_finished();
}
