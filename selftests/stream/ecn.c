// SPDX-License-Identifier: GPL-2.0
/*
 * ECN between two stacks, over a network that marks instead of dropping: nothing is lost, and the sender slows down all
 * the same; with AccECN (RFC 9768) it knows exactly how many of its segments were marked, also when the other end
 * sends, too; every mode of net.xtcp.ecn towards every other; the feature "ecn" of a route; DCTCP and Prague.
 *
 *	ecn [-4|-6] [-s kernel|xtcp]
 *
 * Each network is there once for real segments and once for bundles, of which the first segment alone may carry CWR,
 * and which have to carry the ACE field in all segments. Kernel TCP takes part where it has AccECN.
 */
#include <linux/ethtool.h>
#include "lib/test.h"

NEEDS_PROGRAMS("ip");

#define PORT		5600
#define CLASSIC		8		/* rows of each pair of stacks */
#define ACCURATE	7
#define SHARES		12		/* of xtcp alone */
#define PIECE		65536
#define MODES		6
#define ENDLESS		0x7fffffff	/* ssthresh of a sender that met no congestion */
#define STALL_MS	20000
#define ECN_MODE_AT	276		/* of Linux 7's struct tcp_info: tcpi_ecn_mode is the two lowest bits there */
#define SEGMENTS	1000
#define MORE_TIMES	4	/* as many where a bundle may be a window: marks are drawn for fewer packets then */
#define AT_ONCE		40	/* segments that are written: full ones alone leave, so octets tell how many */
#define ALPHA_ONE	1024

static unsigned char text[SEGMENTS * MORE_TIMES * 1460];

static const char *name_of(bool bundles)
{
	return bundles ? "bundles" : "real segments";
}

/*
 * What goes through a veth comes out in another order when two processors send. Not so through the ring of one that
 * does GRO, which takes no bundles: those are cut behind netem. For what goes from a to b.
 */
static struct ns_pair make_network(bool bundles)
{
	struct ns_pair pair;

	must(!ns_pair_make(&pair), "namespaces");
	sides_know_each_other(&pair);
	if (!bundles)
		must(!ns_link_gso_max_segs(pair.a, "veth0", 1) && !ns_link_gso_max_segs(pair.b, "veth0", 1),
		     "gso_max_segs");
	must(!ns_link_offload(pair.a, "veth0", ETHTOOL_STSO, false) &&
	     !ns_link_offload(pair.b, "veth0", ETHTOOL_SGRO, true), "offloads");
	return pair;
}

/* So many millionths of what leaves @ns are marked. */
static void mark(int ns, int share)
{
	const struct netem marking = { .delay_ms = 5, .loss = share, .ecn = true };

	must(!netem_set(ns, "veth0", &marking), "netem");
}

static void set_ecn(int ns, enum stack stack, int value)
{
	must(!ns_sysctl_set(ns, stack == XTCP ? "net.xtcp.ecn" : "net.ipv4.tcp_ecn", "%d", value), "ecn");
	/* a SYN that is lost, since a link that is up may need a moment, asks again when it is repeated */
	must(!ns_sysctl_set(ns, stack == XTCP ? "net.xtcp.ecn_fallback" : "net.ipv4.tcp_ecn_fallback", "0"),
	     "ecn_fallback");
}

/* Congestion that arrived in @ns, in segments. */
static long long marks_in(int ns, const struct sides *s)
{
	static const char name[] = "Ip6InCEPkts";
	char *all, *at;
	long long n;

	if (!strchr(s->addr, ':'))
		return counter_now(ns, "/proc/net/netstat", "IpExt:InCEPkts");
	all = ns_read_file(ns, "/proc/net/snmp6");
	at = all ? strstr(all, name) : NULL;
	must(at, name);
	n = atoll(at + strlen(name));
	free(all);
	return n;
}

/* Segments that reached the server before what was in front of them. */
static long long holes_in(const struct ns_pair *pair, const struct sides *s)
{
	return stack_counter(pair->b, s->server, "TcpExt:TCPOFOQueue");
}

/*
 * Are there more of these than there were before? That was lost then, as the order does not change (make_network());
 * but for a sender that stood still so long that it timed out, and goes by another queue of the device from then on.
 */
static bool is_lost(const struct ns_pair *pair, const struct sides *s, long long holes_before)
{
	long long holes = holes_in(pair, s) - holes_before;
	long long timeouts = stack_counter(pair->a, s->client, "TcpExt:TCPTimeouts");

	if (holes)
		printf("# %lld segments out of order, %lld timeouts\n", holes, timeouts);
	return holes && !timeouts;
}

/*
 * A stream without its end: a FIN says no ECT, so it may be lost. It is written in pieces; before the end of one that
 * is smaller than PIECE only full segments leave. False when an octet is wrong, or nothing moves for STALL_MS.
 */
static bool stream(int from, int to, int octets, int piece)
{
	static unsigned char in[65536];
	int sent = 0, received = 0, len;
	ssize_t n;

	while (received < octets) {
		struct pollfd p[2] = {
			{ .fd = to, .events = POLLIN },
			{ .fd = sent < octets ? from : -1, .events = POLLOUT },
		};

		if (poll(p, 2, STALL_MS) <= 0)
			return false;
		len = piece - sent % piece;
		n = !p[1].revents ? 0 : send(from, text + sent, len < octets - sent ? len : octets - sent,
					     MSG_DONTWAIT | MSG_NOSIGNAL | (piece < PIECE ? MSG_MORE : 0));
		if (n < 0 && errno != EAGAIN)
			return false;
		sent += n > 0 ? n : 0;
		while ((n = recv(to, in, sizeof(in), MSG_DONTWAIT)) > 0) {
			if (memcmp(in, text + received, n))
				return false;
			received += n;
		}
		if (!n || errno != EAGAIN)
			return false;
	}
	return true;
}

static void result(bool ok, bool bundles, const char *what)
{
	char line[160];

	snprintf(line, sizeof(line), "%s%s", name_of(bundles), what);
	sides_result(ok, line);
}

static void marking_network(const struct sides *s, bool bundles)
{
	struct ns_pair pair = make_network(bundles);
	struct tcp_info sender, receiver;
	int client, server;
	bool whole;

	set_ecn(pair.a, s->client, 1);
	stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, PORT, &client, &server);
	mark(pair.a, bundles ? 300000 : 20000);
	whole = stream(client, server, 2 << 20, PIECE);
	sender = info_of(client);
	receiver = info_of(server);
	must(!netem_clear(pair.a, "veth0"), "netem");

	ksft_print_msg("%lld segments were marked\n", marks_in(pair.b, s));
	result(whole && marks_in(pair.b, s) > 0 && !is_lost(&pair, s, 0), bundles,
	       ": some are marked, and none is lost");
	sides_result(sender.tcpi_options & TCPI_OPT_ECN && receiver.tcpi_options & TCPI_OPT_ECN_SEEN,
		     "both ends know of it");
	sides_result(sender.tcpi_snd_ssthresh < ENDLESS, "the sender slows down");
	close_each(client, server);
	ns_pair_close(&pair);
}

static void add_feature(int ns, const struct sides *s, const char *to)
{
	must(!ns_shell(ns, "ip %s route add %s dev veth0 features ecn", strchr(s->addr, ':') ? "-6" : "", to), "route");
}

static bool agree(const struct ns_pair *pair, const struct sides *s)
{
	int client, server;
	bool both;

	stack_pair_or_die(pair->a, s->client, pair->b, s->server, s->addr, PORT, &client, &server);
	both = info_of(client).tcpi_options & info_of(server).tcpi_options & TCPI_OPT_ECN;
	close_each(client, server);
	return both;
}

static void feature(const struct sides *s)
{
	struct ns_pair pair = make_network(true);
	bool without, asked;

	set_ecn(pair.a, s->client, 0);
	set_ecn(pair.b, s->server, 0);
	without = agree(&pair, s);
	add_feature(pair.a, s, s->addr);
	asked = agree(&pair, s);
	add_feature(pair.b, s, s->client_addr);
	sides_result(!without && !asked, "ecn=0, and a route with the feature at one end: no ECN");
	sides_result(agree(&pair, s), "ecn=0, and such a route at both ends: ECN");
	ns_pair_close(&pair);
}

static void classic(const struct sides *s)
{
	marking_network(s, false);
	marking_network(s, true);
	feature(s);
}

static struct tcp_info settled(int fd)
{
	struct tcp_info info;

	must(WAIT_FOR((info = info_of(fd), !info.tcpi_unacked && !info.tcpi_notsent_bytes), STALL_MS), "acknowledged");
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

static void exact_network(const struct sides *s, bool bundles)
{
	const int octets = 1 << 20, share = bundles ? 300000 : 20000;
	struct ns_pair pair = make_network(bundles);
	struct tcp_info there, back, again;
	long long marked, marked_back, holes;
	int client, server;
	bool whole;

	set_ecn(pair.a, s->client, 3);
	set_ecn(pair.b, s->server, 3);
	stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, PORT, &client, &server);
	/* three marks before the first ACK would make its counter 0, as if it had been zeroed (section 3.2.2.4) */
	must(exchange(client, server) && exchange(server, client), "exchange");
	/* GRO may have let a short segment pass those before it */
	holes = holes_in(&pair, s);
	mark(pair.a, share);
	whole = stream(client, server, octets, PIECE);
	there = settled(client);
	marked = marks_in(pair.b, s);
	ksft_print_msg("%lld segments were marked, the sender knows of %u\n", marked, there.tcpi_delivered_ce);
	result(whole && marked > 0 && agrees(s->client, marked, there.tcpi_delivered_ce) &&
	       !is_lost(&pair, s, holes) && there.tcpi_snd_ssthresh < ENDLESS, bundles,
	       ": the sender learns of all marks, and slows down");

	/*
	 * The other way, too: what goes there says how much of the above was marked. Pure ACKs of xtcp are Not-ECT, and
	 * netem would drop them.
	 */
	must(!netem_clear(pair.a, "veth0"), "netem");
	mark(pair.b, share);
	whole = stream(server, client, octets, PIECE);
	back = settled(server);
	marked_back = marks_in(pair.a, s);
	ksft_print_msg("%lld segments back were marked, the sender knows of %u\n", marked_back, back.tcpi_delivered_ce);
	result(whole && marked_back > 0 && agrees(s->server, marked_back, back.tcpi_delivered_ce), bundles,
	       " back: the sender learns of all marks");
	again = info_of(client);
	marked = marks_in(pair.b, s);
	ksft_print_msg("of %lld marks the first sender knows of %u\n", marked, again.tcpi_delivered_ce);
	result(agrees(s->client, marked, again.tcpi_delivered_ce), bundles,
	       ": text in the other direction changes nothing of that");
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
	struct ns_pair pair = make_network(true);
	int client_mode, server_mode, client, server, kind;
	bool good = true;

	for (client_mode = 0; client_mode < MODES; client_mode++)
		for (server_mode = 0; server_mode < MODES; server_mode++) {
			set_ecn(pair.a, s->client, client_mode);
			set_ecn(pair.b, s->server, server_mode);
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

static void accurate(const struct sides *s)
{
	exact_network(s, false);
	exact_network(s, true);
	modes(s);
}

static void choose(int fd, const char *algorithm)
{
	must(!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, algorithm, strlen(algorithm)), algorithm);
}

static void open_pair(const struct ns_pair *pair, const struct sides *s, const char *algorithm, int *client,
		      int *server)
{
	int listener = must_have(stack_bound(pair->b, s->server, s->addr, PORT, true), "listener");

	choose(listener, algorithm);
	must(!listen(listener, 8), "listen");
	*client = stack_socket(pair->a, s->client, s->addr);
	choose(*client, algorithm);
	must(!stack_connect(*client, s->addr, PORT), "connect");
	*server = must_have(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
	close(listener);
}

/* The sender knows each mark, by ECE and AccECN; DCTCP and Prague make a share of them. */
static void share_of(const struct sides *s, const char *algorithm, int ecn, bool bundles)
{
	const int segments = SEGMENTS * (bundles ? MORE_TIMES : 1);
	struct ns_pair pair = make_network(bundles);
	union tcp_cc_info cc = { 0 };
	socklen_t len = sizeof(cc);
	struct tcp_info info;
	long long marked;
	unsigned int share;
	int client, server, piece;
	char line[100];
	bool whole;

	set_ecn(pair.a, XTCP, ecn);
	set_ecn(pair.b, XTCP, ecn);
	open_pair(&pair, s, algorithm, &client, &server);
	/*
	 * An octet, and its ACK, which has no marks to tell: after three of them an AccECN counter is 0, as if it had
	 * been zeroed on the way, were it the first that comes (RFC 9768 section 3.2.2.4).
	 */
	must(stack_carries(client, server, 1), "an octet");
	settled(client);
	mark(pair.a, bundles ? 300000 : 100000);
	piece = AT_ONCE * info_of(client).tcpi_snd_mss;
	whole = stream(client, server, piece * (segments / AT_ONCE), piece);
	info = settled(client);
	must(!getsockopt(client, IPPROTO_TCP, TCP_CC_INFO, &cc, &len) && len == sizeof(cc.dctcp), "TCP_CC_INFO");
	marked = marks_in(pair.b, s);
	ksft_print_msg("%lld marked, %u known, alpha %u, %u sent again, %u slow start threshold\n", marked,
		       info.tcpi_delivered_ce, cc.dctcp.dctcp_alpha, info.tcpi_total_retrans, info.tcpi_snd_ssthresh);
	/* a probe of a tail that a slow machine thought lost may be marked, too */
	snprintf(line, sizeof(line), ", %s, ecn %d: all marks are known", algorithm, ecn);
	result(whole && marked > 0 && cc.dctcp.dctcp_enabled && info.tcpi_delivered_ce <= marked &&
	       info.tcpi_delivered_ce + info.tcpi_total_retrans >= marked && !info.tcpi_lost, bundles, line);
	/*
	 * It is that of some thirty windows, and the share of all is known; netem draws which ones it marks. Where a
	 * bundle is a window some of them in a row have none. (How alpha goes up and down exactly: wire_dctcp,
	 * wire_prague.)
	 */
	share = ALPHA_ONE * info.tcpi_delivered_ce / segments;
	snprintf(line, sizeof(line), ", %s, ecn %d: and what was not marked, too", algorithm, ecn);
	result(cc.dctcp.dctcp_alpha >= share / (bundles ? 10 : 3) && cc.dctcp.dctcp_alpha <= share * 3 &&
	       cc.dctcp.dctcp_alpha < ALPHA_ONE && info.tcpi_snd_ssthresh >= 2 && info.tcpi_snd_ssthresh < AT_ONCE,
	       bundles, line);
	close_each(client, server);
	ns_pair_close(&pair);
}

static void shares(const struct sides *s)
{
	for (int bundles = 0; bundles < 2; bundles++) {
		share_of(s, "dctcp", 1, bundles);
		share_of(s, "dctcp", 3, bundles);
		/* it asks for AccECN itself */
		share_of(s, "prague", 0, bundles);
	}
}

/* Kernel TCP has it since Linux 7. */
static bool kernel_is_accurate(void)
{
	struct ns_pair pair = make_network(true);
	bool knows = !ns_sysctl_set(pair.a, "net.ipv4.tcp_ecn", "3");

	ns_pair_close(&pair);
	return knows;
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX], takes_part[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), i, left = 0, alone = 0;
	bool kernel = kernel_is_accurate();
	struct sides xtcp;

	for (i = n - 1; i >= 0; i--) {
		if (kernel || (sides[i].client == XTCP && sides[i].server == XTCP))
			takes_part[left++] = sides[i];
		if (sides[i].client == XTCP && sides[i].server == XTCP) {
			xtcp = sides[i];
			alone = 1;
		}
	}
	for (i = 0; i < (int)sizeof(text); i++)
		text[i] = i * 7 + (i >> 8);
	test_begin(n * CLASSIC + left * ACCURATE + alone * SHARES);
	sides_each(sides, n, CLASSIC, classic);
	sides_each(takes_part, left, ACCURATE, accurate);
	return sides_each(&xtcp, alone, SHARES, shares);
}
