// SPDX-License-Identifier: GPL-2.0
/*
 * SYNs that nobody means: to and from addresses that have no connections, from port 0, with flags that exclude each
 * other, with headers and options of wrong lengths. Each has an outcome and is counted where it ends: by IP, by xtcp,
 * or by kernel TCP, which answers what nobody has.
 */
#include "lib/test.h"
#include "lib/wire.h"

#define NO_RST	" kernel:OutRsts=0 xtcp:OutRsts=0"
#define BY_IP	"kernel:InSegs=0 xtcp:InSegs=0 OutSegs=0"	/* TCP never sees it */
#define DROPPED	"InSegs=1 InErrs=0 ListenDrops=1 PassiveOpens=0 OutSegs=0" NO_RST

/* SYNs with new sequence numbers and wrong data offsets. A program of the other stack listens at the port now. */
static int for_the_other_stack(struct wire *w)
{
	struct sockaddr_in6 any = { .sin6_family = w->ip == 4 ? AF_INET : AF_INET6, .sin6_port = htons(w->c.lport) };
	int fd = w->stack == WIRE_XTCP ? socket(any.sin6_family, SOCK_STREAM, 0) :
					 socket(AF_XTCP, SOCK_STREAM, w->ip == 6);
	int one = 1, ret;

	if (wire_script_run(w, "close"))
		ret = -1;
	else if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
		 bind(fd, (struct sockaddr *)&any, w->ip == 4 ? sizeof(struct sockaddr_in) : sizeof(any)) ||
		 listen(fd, 1))
		ret = wire_fail(w, "the other stack cannot listen: %s", strerror(errno));
	else
		ret = wire_script_run(w, "< S N+1000 off 4 $; none; < S N+1000 off 0 $; none; < S N+1000 off 15; none;"
				      "state time_wait");
	close(fd);
	return ret;
}

static const struct wire_row fixed[] = {
	/* To addresses that are no host's. */
	{ "syn_listen_to_multicast", "RFC 9293 3.9.2.3", .id = "MUST-57", .in = LISTEN,
		.want = { "< S 0 dst mcast $; none",
			.counters = "kernel:InSegs=1 xtcp:InSegs=0 PassiveOpens=0 OutSegs=0 "
			"ip:InMcastPkts=1" NO_RST } },
	{ "syn_wildcard_to_multicast", "RFC 9293 3.9.2.3", .id = "MUST-57", .pre = "listen any",
		.want = { "< S 0 dst mcast $; none", .state = LISTEN, .counters = DROPPED " ip:InMcastPkts=1" } },
	{ "syn_listen_to_broadcast", "RFC 9293 3.9.2.3", .id = "MUST-57", .in = LISTEN, .only = 4,
		.want = { "< S 0 dst bcast $; none; < S 0 dst allones $; none",
			.counters = "kernel:InSegs=2 xtcp:InSegs=0 PassiveOpens=0 OutSegs=0 "
			"ip:InBcastPkts=2" NO_RST } },
	{ "syn_wildcard_to_broadcast", "RFC 9293 3.9.2.3", .id = "MUST-57", .pre = "listen any", .only = 4,
		.want = { "< S 0 dst bcast $; none", .state = LISTEN, .counters = DROPPED " ip:InBcastPkts=1" } },
	{ "syn_wildcard_to_all_ones", "RFC 9293 3.9.2.3", .id = "MUST-57", .pre = "listen any", .only = 4,
		.want = { "< S 0 dst allones $; none", .state = LISTEN, .counters = DROPPED " ip:InBcastPkts=1" } },
	/* From such addresses. */
	{ "syn_listen_from_multicast", "RFC 9293 3.9.2.3", .id = "MUST-63", .in = LISTEN, .only = 4,
		.want = { "< S 0 src mcast $; none", .counters = BY_IP } },
	{ "syn_listen_from_multicast", "RFC 9293 3.9.2.3", .id = "MUST-63", .in = LISTEN, .only = 6,
		.want = { "< S 0 src mcast $; none", .counters = BY_IP " ip:InHdrErrors=1" } },
	{ "syn_listen_from_broadcast", "RFC 9293 3.9.2.3", .id = "MUST-63", .in = LISTEN, .only = 4,
		.want = { "< S 0 src bcast $; none", .counters = DROPPED },
		.kernel_differs = "without rp_filter it keeps an entry, whose SYN-ACK has no route",
		.kernel = { .state = SYN_RECEIVED, .counters = "PassiveOpens=0" NO_RST } },
	{ "syn_listen_from_all_ones", "RFC 9293 3.9.2.3", .id = "MUST-63", .in = LISTEN, .only = 4,
		.want = { "< S 0 src allones $; none", .counters = BY_IP } },
	{ "syn_listen_from_itself", "RFC 9293 3.9.2.3", .id = "MUST-63", .in = LISTEN, .only = 4,
		.want = { "< S 0 src self $; none; accept EAGAIN", .counters = BY_IP } },
	{ "syn_listen_from_itself", "RFC 9293 3.9.2.3", .id = "MUST-63", .in = LISTEN, .only = 6,
		.want = { "< S 0 src self $; none; accept EAGAIN", .counters = DROPPED },
		.kernel_differs = "sends a SYN-ACK to itself, which it resets",
		.kernel = { .counters = "InSegs=3 OutRsts=1 EmbryonicRsts=1 PassiveOpens=0" } },
	{ "syn_listen_after_one_from_itself", "RFC 9293 3.9.2.3", .id = "MUST-63", .in = LISTEN,
		.want = { "< S 0 src self $; none; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept",
			.state = ESTABLISHED } },
	/* Port 0 is a number like any other to RFC 9293; no listener can have it. */
	{ "syn_listen_from_port_0", "RFC 9293 3.10.7.2", .in = LISTEN,
		.want = { "sport none; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept", .state = ESTABLISHED,
			.counters = "PassiveOpens=1" NO_RST } },
	{ "syn_to_port_0", "RFC 9293 3.10.7.1", .pre = "listen",
		.want = { "dport none; < S 0 $; > R. Z ack 1; none; < R 0; none",
			.counters = "kernel:InSegs=2 kernel:OutRsts=1 xtcp:InSegs=0 xtcp:OutRsts=0" } },
	{ "syn_from_port_0_to_port_0", "RFC 9293 3.10.7.1", .pre = "listen",
		.want = { "sport none; dport none; < S 0 $; > R. Z ack 1; none",
			.counters = "kernel:InSegs=1 kernel:OutRsts=1 xtcp:InSegs=0 xtcp:OutRsts=0" } },
	/* Flags that exclude each other, or mean nothing here. */
	{ "syn_fin_listen", "RFC 9293 3.10.7.2", .in = LISTEN,
		.want = { "< SF 0 $; none; < SFPU 0 $; none; < SFU 0(10) $; none",
			.counters = "InSegs=3 InErrs=0 PassiveOpens=0 OutSegs=0" NO_RST } },
	{ "syn_rst_listen", "RFC 9293 3.10.7.2", .in = LISTEN,
		.want = { "< SR 0 $; none; < SR. 0 ack 1 $; none; < SRF 0 $; none",
			.counters = "kernel:InSegs=3 xtcp:InSegs=0 PassiveOpens=0" NO_RST } },
	{ "syn_rst_closed", "RFC 9293 3.10.7.1",
		.want = { "< SR 0 $; none; < SR. 0 ack 1 $; none; < SRF 0 $; none",
			.counters = "kernel:InSegs=3 xtcp:InSegs=0" NO_RST } },
	{ "syn_rst_%s", "RFC 9293 3.10.7.3, second", .in = SYN_SENT,
		.want = { "< SR 0 $; none; < SRF 0 $; none; < S. 0 ack 1 $; > . 1 ack 1", .state = ESTABLISHED,
			.counters = "InSegs=3 AttemptFails=0" NO_RST } },
	{ "urg_syn_listen", "RFC 9293 3.10.7.2", .in = LISTEN,
		.want = { "< SU 0 urg 1000 $; > S. 0 ack 1; < . 1 ack 1; accept; read EAGAIN", .state = ESTABLISHED } },
	/* Headers that are none. */
	{ "syn_listen_bad_checksum", "RFC 9293 3.1", .id = "MUST-3", .in = LISTEN,
		.want = { "< S 0 badsum $; none",
			.counters = "InSegs=1 InErrs=1 InCsumErrors=1 PassiveOpens=0" NO_RST } },
	{ "syn_listen_header_cut_off", "RFC 9293 3.1", .in = LISTEN,
		.want = { "< S 0 cut 19; none", .counters = "kernel:InSegs=1 kernel:InErrs=0 xtcp:InSegs=0" NO_RST } },
	{ "syn_listen_bad_data_offset", "RFC 9293 3.1", .in = LISTEN,
		.want = { "< S 0 off 4; none; < S 0 off 0; none; < S 0 off 15; none",
			.counters = "InSegs=3 InErrs=3 PassiveOpens=0" NO_RST },
		.kernel_differs = "does not count a header that ends behind the segment",
		.kernel = { .counters = "InSegs=3 InErrs=2 PassiveOpens=0" NO_RST } },
	/* Nor does such a header end TIME-WAIT for a listener of the other stack (RFC 1337). */
	{ "syn_time_wait_bad_data_offset", "RFC 9293 3.6.1", .pre = "socket; set REUSEADDR 1; bind", .in = TIME_WAIT,
		.via = ACTIVE, .run = for_the_other_stack,
		.want = { .counters = "InSegs=3 InErrs=3 PassiveOpens=0" NO_RST },
		.kernel_differs = "does not count a header that ends behind the segment",
		.kernel = { .counters = "InSegs=3 InErrs=2 PassiveOpens=0" NO_RST } },
};

#define FIXED	(sizeof(fixed) / sizeof(*fixed))

/* Options of each wrong length, in both opens: skipped inside the header, else the list ends there. */
static const struct { int kind, len; const char *name; } options[] = {
	{ 2, 4, "mss" }, { 3, 3, "scale" }, { 4, 2, "sack_permitted" }, { 8, 10, "timestamp" },
};

#define OPTIONS		(sizeof(options) / sizeof(*options))
#define LONGEST		36	/* an MSS behind it still fits */
#define LENGTHS		(LONGEST + 3)
#define PAST_THE_HEADER	(LONGEST + 1)	/* these two in place of a length */
#define NO_LENGTH	(LONGEST + 2)

static struct wire_row rows[FIXED + OPTIONS * LENGTHS];

static char *text(const char *format, int number, const char *word)
{
	char *s = NULL;

	must(asprintf(&s, format, word, number) >= 0, "no memory");
	return s;
}

static struct wire_row option_row(size_t which, int len)
{
	const char *name = options[which].name;
	struct wire_row row = {
		.rfc = "RFC 9293 3.1", .id = "MUST-7", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { .script = "info snd_mss = M", .counters = "InErrs=0 OutRsts=0" },
	};
	char hex[2 * LONGEST + 1] = "";
	int n = sprintf(hex, "%02x%02x", options[which].kind, len == PAST_THE_HEADER ? 255 : len), i;

	for (i = 2; i < len && len <= LONGEST; i++)
		n += sprintf(hex + n, "01");
	if (len == NO_LENGTH) {
		row.name = text("%s_%%s_without_length", 0, name);
		row.syn = text("%snop,nop,nop,hex %02x", options[which].kind, "");
	} else if (len == PAST_THE_HEADER) {
		row.name = text("%s_%%s_past_the_header", 0, name);
		row.syn = text("hex %s,mss 700", 0, hex);
	} else {
		row.name = text("%s_%%s_of_length_%d", len, name);
		row.syn = text("hex %s,mss 700", 0, hex);
		if (len >= 2)
			row.want.script = "info snd_mss = 700";
	}
	return row;
}

int main(int argc, char **argv)
{
	size_t n = FIXED, i;

	memcpy(rows, fixed, sizeof(fixed));
	for (i = 0; i < OPTIONS; i++)
		for (int len = 0; len < LENGTHS; len++)
			if (len != options[i].len)
				rows[n++] = option_row(i, len);
	return wire_main(argc, argv, rows, n);
}
