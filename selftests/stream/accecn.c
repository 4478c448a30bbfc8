// SPDX-License-Identifier: GPL-2.0
/*
 * AccECN (RFC 9768) between two stacks: over a network that marks instead of dropping a sender knows exactly how many
 * of its segments were marked, also when the other end sends, too; every mode of net.xtcp.ecn towards every other.
 *
 *	accecn [-4|-6] [-s xtcp]
 *
 * Kernel TCP takes part where it has AccECN. Each network is there once for real segments and once for
 * bundles, which have to carry the ACE field in all segments.
 */
#include "ecnpath.h"
#include "test.h"

#define PORT	5610
#define OCTETS	1048576
#define MODES	6
#define TESTS	(2 * 3 + 1)
#define ENDLESS	0x7fffffff	/* ssthresh of a sender that met no congestion */
#define ECN_MODE_AT 276		/* of Linux 7's struct tcp_info: tcpi_ecn_mode is the two lowest bits there */

static struct tcp_info settled(int fd)
{
	struct tcp_info info;

	must(WAIT_FOR((info = info_of(fd), !info.tcpi_unacked && !info.tcpi_notsent_bytes), ECNPATH_STALL_MS),
	     "acknowledged");
	return info;
}

/*
 * Kernel TCP sends ACKs that may be marked, too, and the last of these marks are told by no ACK yet: at most
 * two, and the ACKs that told of the ones before (RFC 9768 section 3.2.2.5.1).
 */
static bool agrees(enum stack stack, long long marked, long long known)
{
	return stack == XTCP ? known == marked : known <= marked && known + 7 >= marked;
}

static bool exchange(int from, int to)
{
	char octets[3000];

	memset(octets, 'x', sizeof(octets));
	return send(from, octets, sizeof(octets), 0) == sizeof(octets) &&
	       recv(to, octets, sizeof(octets), MSG_WAITALL) == sizeof(octets);
}

static void marking_network(const struct sides *s, bool bundles)
{
	const struct netem marking = { .delay_ms = 5, .loss = bundles ? 300000 : 20000, .ecn = true };
	const char *what = bundles ? "bundles" : "real segments";
	struct ns_pair pair = ecnpath_make();
	struct tcp_info there, back, again;
	long long marked, marked_back, holes;
	int client, server;
	char line[160];
	bool whole;

	if (!bundles)
		must(!ns_link_gso_max_segs(pair.a, "veth0", 1) && !ns_link_gso_max_segs(pair.b, "veth0", 1),
		     "gso_max_segs");
	ecnpath_keep_order(&pair);
	ecnpath_set(pair.a, s->client, 3);
	ecnpath_set(pair.b, s->server, 3);
	stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, PORT, &client, &server);
	/* three marks before the first ACK would make its counter 0, as if it had been zeroed (section 3.2.2.4) */
	must(exchange(client, server) && exchange(server, client), "exchange");
	/* GRO may have let a short segment pass those before it */
	holes = ecnpath_holes(&pair, s);
	must(!netem_set(pair.a, "veth0", &marking), "netem");
	whole = ecnpath_stream(client, server, OCTETS);
	there = settled(client);
	marked = ecnpath_marks(pair.b, s);
	ksft_print_msg("%lld segments were marked, the sender knows of %u\n", marked, there.tcpi_delivered_ce);
	snprintf(line, sizeof(line), "%s: the sender learns of all marks, and slows down", what);
	sides_result(whole && marked > 0 && agrees(s->client, marked, there.tcpi_delivered_ce) &&
		     !ecnpath_is_lost(&pair, s, holes) && there.tcpi_snd_ssthresh < ENDLESS, line);

	/*
	 * The other way, too: what goes there says how much of the above was marked. Pure ACKs of xtcp are Not-ECT, and
	 * netem would drop them.
	 */
	must(!netem_clear(pair.a, "veth0") && !netem_set(pair.b, "veth0", &marking), "netem");
	whole = ecnpath_stream(server, client, OCTETS);
	back = settled(server);
	marked_back = ecnpath_marks(pair.a, s);
	ksft_print_msg("%lld segments back were marked, the sender knows of %u\n", marked_back, back.tcpi_delivered_ce);
	snprintf(line, sizeof(line), "%s back: the sender learns of all marks", what);
	sides_result(whole && marked_back > 0 && agrees(s->server, marked_back, back.tcpi_delivered_ce), line);
	again = info_of(client);
	marked = ecnpath_marks(pair.b, s);
	ksft_print_msg("of %lld marks the first sender knows of %u\n", marked, again.tcpi_delivered_ce);
	snprintf(line, sizeof(line), "%s: text in the other direction changes nothing of that", what);
	sides_result(agrees(s->client, marked, again.tcpi_delivered_ce), line);
	close_each(client, server);
	ns_pair_close(&pair);
}

/* 0 none, 1 ECN, 2 AccECN: as RFC 9768 table 2 has it. */
static int kind_of(int client_mode, int server_mode)
{
	static const int asked[MODES] = { 0, 1, 0, 2, 1, 0 }, granted[MODES] = { 0, 1, 1, 2, 2, 2 };

	return asked[client_mode] < granted[server_mode] ? asked[client_mode] : granted[server_mode];
}

static bool is_kind(int fd, int kind)
{
	unsigned char info[512] = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len))
		return false;
	if (!(((struct tcp_info *)info)->tcpi_options & TCPI_OPT_ECN) != !kind)
		return false;
	return len <= ECN_MODE_AT || (info[ECN_MODE_AT] & 3) == kind;
}

static void modes(const struct sides *s)
{
	struct ns_pair pair = ecnpath_make();
	int client_mode, server_mode, client, server, kind;
	bool good = true;

	for (client_mode = 0; client_mode < MODES; client_mode++)
		for (server_mode = 0; server_mode < MODES; server_mode++) {
			ecnpath_set(pair.a, s->client, client_mode);
			ecnpath_set(pair.b, s->server, server_mode);
			kind = kind_of(client_mode, server_mode);
			stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, PORT, &client, &server);
			if (!exchange(client, server) || !exchange(server, client) || !is_kind(client, kind) ||
			    !is_kind(server, kind) || info_of(client).tcpi_delivered_ce ||
			    info_of(server).tcpi_delivered_ce) {
				printf("# client %d, server %d: not as it should be\n", client_mode, server_mode);
				good = false;
			}
			close_each(client, server);
		}
	sides_result(good, "each mode towards each other");
	ns_pair_close(&pair);
}

static void all(const struct sides *s)
{
	marking_network(s, false);
	marking_network(s, true);
	modes(s);
}

/* Kernel TCP has it since Linux 7. */
static bool kernel_takes_part(void)
{
	struct ns_pair pair = ecnpath_make();
	bool knows = !ns_sysctl_set(pair.a, "net.ipv4.tcp_ecn", "3");

	ns_pair_close(&pair);
	return knows;
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX], takes_part[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), i, left = 0;
	bool kernel = kernel_takes_part();

	for (i = 0; i < n; i++)
		if (kernel || (sides[i].client == XTCP && sides[i].server == XTCP))
			takes_part[left++] = sides[i];
	test_begin(left * TESTS);
	return sides_each(takes_part, left, TESTS, all);
}
