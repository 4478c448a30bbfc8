// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: what IPPROTO_TCP options do, and what they tell. */
#include "lib/diff.h"
#include "lib/info.h"
#include <limits.h>
#include "lib/netem.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* Options of other protocols' levels. */
SCENARIO_OF_PAIR(foreign_levels)
{
	static const int levels[] = {
		IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP, IPPROTO_RAW,
		IPPROTO_ICMP, IPPROTO_ICMPV6, 270, 282, 284, 285, 999, -1,
	};
	char label[32];
	int val;
	socklen_t len;

	for (size_t i = 0; i < ELEMENTS(levels); i++) {
		val = 1;
		errno = 0;
		snprintf(label, sizeof(label), "set level %d", levels[i]);
		diff_ret(label, setsockopt(c, levels[i], 1, &val, sizeof(val)));
		len = sizeof(val);
		errno = 0;
		snprintf(label, sizeof(label), "get level %d", levels[i]);
		diff_ret(label, getsockopt(c, levels[i], 1, &val, &len));
	}
}

static void option_name(const char *label, int fd)
{
	char name[32] = "";
	socklen_t len = sizeof(name);

	errno = 0;
	diff_ret("get TCP_CONGESTION", getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	diff_say("%s: %s, length %u", label, name, len);
}

SCENARIO_OF_PAIR(congestion_name)
{
	char name[32] = "";
	socklen_t len = 3;

	option_name("default", c);
	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	option_name("after", c);
	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "reno", 5));
	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6));
	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "", 0));
	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, NULL, 4));
	option_name("after all", c);
	RET(getsockopt(c, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	diff_say("%s, length %u", name, len);
}

/* Before the connection, on a live one, after it; each with what it does to a stream. */
SCENARIO(congestion_changes)
{
	union diff_addr a = {};
	int l = diff_listener(1), c = diff_socket(), s;

	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	option_name("chosen", c);
	RET(connect(c, LO(1), ALEN));
	s = diff_accepted(l);
	option_name("connected", c);
	option_name("accepted", s);
	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5));
	diff_put(c, "by cubic");
	READ(s, 20, 0);
	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	diff_put(c, "by reno");
	READ(s, 20, 0);
	RET(setsockopt(l, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	option_name("accepted before", s);
	RET(connect(c, &a.sa, sizeof(a.sa)));
	option_name("disconnected", c);
	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5));
	RET(connect(c, LO(1), ALEN));
	s = diff_accepted(l);
	option_name("connected again", c);
	option_name("accepted from a listener with reno", s);
	shutdown(c, SHUT_WR);
	BITS(s, POLLRDHUP);
	RET(setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5));
	option_name("in CLOSE-WAIT", s);
	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	option_name("in FIN-WAIT-2", c);
}

static void info_line(const char *what, unsigned int value)
{
	diff_say("%s: %u", what, value);
}

static void info_all(const char *label, int fd)
{
	struct tcp_info i;

	diff_info(label, fd, &i);
	diff_say("TCP_INFO of %s", label);
	info_line("state", i.tcpi_state);
	info_line("ca_state", i.tcpi_ca_state);
	info_line("retransmits", i.tcpi_retransmits);
	info_line("probes", i.tcpi_probes);
	info_line("backoff", i.tcpi_backoff);
	info_line("timestamps", !!(i.tcpi_options & TCPI_OPT_TIMESTAMPS));
	info_line("sack", !!(i.tcpi_options & TCPI_OPT_SACK));
	info_line("wscale", !!(i.tcpi_options & TCPI_OPT_WSCALE));
	info_line("other options", i.tcpi_options & ~7);
	info_line("snd_wscale", i.tcpi_snd_wscale);
	info_line("rcv_wscale", i.tcpi_rcv_wscale);
	info_line("snd_mss", i.tcpi_snd_mss);
	info_line("advmss", i.tcpi_advmss);
	info_line("pmtu", i.tcpi_pmtu);
	info_line("unacked", i.tcpi_unacked);
	info_line("sacked", i.tcpi_sacked);
	info_line("lost", i.tcpi_lost);
	info_line("retrans", i.tcpi_retrans);
	info_line("total_retrans", i.tcpi_total_retrans);
	info_line("reordering", i.tcpi_reordering);
	info_line("snd_cwnd", i.tcpi_snd_cwnd);
	info_line("snd_ssthresh", i.tcpi_snd_ssthresh);
	info_line("rto at least 200 ms", i.tcpi_rto >= 200000);
	info_line("rto at most 1 s", i.tcpi_rto <= 1000000);
	info_line("rtt measured", i.tcpi_rtt > 0);
	info_line("rttvar measured", i.tcpi_rttvar > 0);
	info_line("ato", i.tcpi_ato);
}

SCENARIO(info_fresh)
{
	info_all("c", diff_socket());
	info_all("l", diff_listener(1));
}

/* Over a path that takes time: a round trip of less than a microsecond is 0 to kernel TCP, and 1 to xtcp. */
SCENARIO(info_established)
{
	const struct netem slow = { .delay_ms = 1 };
	int c, s;

	diff_must(!netem_set(diff_own_namespace(), "lo", &slow), "netem");
	diff_pair(&c, &s);
	diff_put(c, "x");
	QUEUES(c, -1, 0);
	READ(s, 1, 0);
	info_all("c", c);
}

/* Nothing is in flight any more. */
static void info_ended(int fd)
{
	struct tcp_info i;

	diff_info("c", fd, &i);
	info_line("state", i.tcpi_state);
	info_line("options", i.tcpi_options);
	info_line("unacked", i.tcpi_unacked);
	info_line("backoff", i.tcpi_backoff);
}

SCENARIO(info_refused)
{
	int c = diff_socket();

	RET(connect(c, LO(1), ALEN));
	info_ended(c);
}

SCENARIO(info_reset_with_text_in_flight)
{
	const struct netem slow = { .delay_ms = 20 };
	int c, s;

	diff_pair(&c, &s);
	diff_must(!netem_set(diff_own_namespace(), "lo", &slow), "netem");
	diff_put(c, "text");
	diff_reset(s);
	BITS(c, POLLHUP);
	info_ended(c);
}

SCENARIO_OF_PAIR(info_counts)
{
	struct tcp_info i;

	for (int n = 0; n < 10; n++) {
		diff_put(c, "0123456789");
		READ(s, 10, 0);
	}
	QUEUES(c, -1, 0);
	diff_info("c", c, &i);
	diff_say("bytes_acked: %llu", (unsigned long long)i.tcpi_bytes_acked);
	diff_say("bytes_sent: %llu", (unsigned long long)i.tcpi_bytes_sent);
	diff_say("bytes_retrans: %llu", (unsigned long long)i.tcpi_bytes_retrans);
	diff_say("data_segs_out: %u", i.tcpi_data_segs_out);
	diff_say("notsent_bytes: %u", i.tcpi_notsent_bytes);
	diff_info("s", s, &i);
	diff_say("bytes_received: %llu", (unsigned long long)i.tcpi_bytes_received);
	diff_say("data_segs_in: %u", i.tcpi_data_segs_in);
	diff_say("rcv_ooopack: %u", i.tcpi_rcv_ooopack);
}

static void timeouts_of(const char *label, int fd)
{
	union info_whole i = { 0 };
	socklen_t len = sizeof(i);

	diff_must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len), "TCP_INFO(%s)", label);
	diff_say("%s, rehash: %u", label, i.rehash);
	diff_say("%s, total_rto: %u", label, i.total_rto);
	diff_say("%s, total_rto_recoveries: %u", label, i.total_rto_recoveries);
	diff_say("%s, total_rto_time at least 250 ms: %d", label, i.total_rto_time >= 250);
	diff_say("%s, total_rto_time at most 1.9 s: %d", label, i.total_rto_time <= 1900);
	diff_say("%s, a window: %d", label, !!i.rcv_wnd);
}

/* The first timeout of a SYN comes after a second. */
SCENARIO(info_timeouts)
{
	int c, s;

	timeouts_of("fresh", diff_socket());
	diff_pair(&c, &s);
	timeouts_of("client", c);
	timeouts_of("server", s);
	c = diff_socket();
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	timeouts_of("opening", c);
	usleep(1500000);
	timeouts_of("opening, after a timeout", c);
}

/* TCP_TIMESTAMP is the clock of the timestamps: it goes on, and nobody sets it. */
SCENARIO_OF_PAIR(timestamp_clock)
{
	int i, before[2], after[2];
	socklen_t len = sizeof(int);

	for (i = 0; i < 2; i++)
		RET(getsockopt(i ? c : s, IPPROTO_TCP, TCP_TIMESTAMP, &before[i], &len));
	wait_until_ms(wait_now_ms() + 30);
	for (i = 0; i < 2; i++)
		RET(getsockopt(i ? c : s, IPPROTO_TCP, TCP_TIMESTAMP, &after[i], &len));
	for (i = 0; i < 2; i++)
		diff_say("ms: %d", after[i] - before[i] >= 29 && after[i] - before[i] < 10000);
	SET(c, IPPROTO_TCP, TCP_TIMESTAMP, 1);
}

/* A small segment size asked for before and after the connection stands. */
static void maxseg_before(int c, int l)
{
	SET(c, IPPROTO_TCP, TCP_MAXSEG, 1000);
	SET(l, IPPROTO_TCP, TCP_MAXSEG, 900);
}

SCENARIO(maxseg_effect)
{
	static char b[5000];
	struct tcp_info i;
	int c, s;

	diff_pair_with(&c, &s, maxseg_before);
	GET(c, IPPROTO_TCP, TCP_MAXSEG);
	GET(s, IPPROTO_TCP, TCP_MAXSEG);
	diff_info("c", c, &i);
	diff_say("c snd_mss: %u", i.tcpi_snd_mss);
	diff_say("c advmss: %u", i.tcpi_advmss);
	diff_info("s", s, &i);
	diff_say("s snd_mss: %u", i.tcpi_snd_mss);
	diff_say("s advmss: %u", i.tcpi_advmss);
	SET(c, IPPROTO_TCP, TCP_MAXSEG, 500);
	RET(send(c, b, sizeof(b), 0));
	QUEUES(s, 5000, -1);
	GET(c, IPPROTO_TCP, TCP_MAXSEG);
}
