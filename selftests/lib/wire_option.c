// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of a script that set and read options of a socket.
 *
 *   set OPTION VALUE [ERR]; get OPTION VALUE	CONGESTION has a name for its value
 *   info FIELD OP VALUE; keep FIELD	members of TCP_INFO; or keep R, the last timestamp
 *   dctcp FIELD OP VALUE	members of tcp_dctcp_info, from TCP_CC_INFO
 */
#include <linux/types.h>
#include "test.h"
#include "wire.h"

static const struct { const char *name; int level, value; } options[] = {
	{ "NODELAY", IPPROTO_TCP, TCP_NODELAY },
	{ "MAXSEG", IPPROTO_TCP, TCP_MAXSEG },
	{ "CORK", IPPROTO_TCP, TCP_CORK },
	{ "QUICKACK", IPPROTO_TCP, TCP_QUICKACK },
	{ "SYNCNT", IPPROTO_TCP, TCP_SYNCNT },
	{ "USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT }, { "IDLE_MS", IPPROTO_TCP, XTCP_IDLE_MS },
	{ "HALF_CLOSED_MS", IPPROTO_TCP, XTCP_HALF_CLOSED_MS },
	{ "KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE },
	{ "KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL },
	{ "KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT },
	{ "LINGER2", IPPROTO_TCP, TCP_LINGER2 },
	{ "DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT },
	{ "FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN },
	{ "FASTOPEN_CONNECT", IPPROTO_TCP, TCP_FASTOPEN_CONNECT },
	{ "FASTOPEN_NO_COOKIE", IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE },
	{ "INQ", IPPROTO_TCP, TCP_INQ },
	{ "SAVE_SYN", IPPROTO_TCP, TCP_SAVE_SYN },
	{ "NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT },
	{ "WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP },
	/* of later kernels than 6.1, whose headers have no names for them */
	{ "RTO_MAX_MS", IPPROTO_TCP, 44 },
	{ "RTO_MIN_US", IPPROTO_TCP, 45 },
	{ "DELACK_MAX_US", IPPROTO_TCP, 46 },
	{ "THIN_LINEAR_TIMEOUTS", IPPROTO_TCP, 16 },
	{ "ACK_RATE", IPPROTO_TCP, XTCP_ACK_RATE },
	{ "KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE },
	{ "RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT },
	{ "RCVBUF", SOL_SOCKET, SO_RCVBUF },
	{ "SNDBUF", SOL_SOCKET, SO_SNDBUF },
	{ "SNDBUFFORCE", SOL_SOCKET, SO_SNDBUFFORCE },
	{ "RCVBUFFORCE", SOL_SOCKET, SO_RCVBUFFORCE },
	{ "MAX_PACING_RATE", SOL_SOCKET, SO_MAX_PACING_RATE },
	{ "TXREHASH", SOL_SOCKET, SO_TXREHASH },
	{ "REUSEADDR", SOL_SOCKET, SO_REUSEADDR },
	{ "MARK", SOL_SOCKET, SO_MARK }, { "PRIORITY", SOL_SOCKET, SO_PRIORITY },
	{ "TRANSPARENT", IPPROTO_IP, IP_TRANSPARENT }, { "TRANSPARENT", IPPROTO_IPV6, IPV6_TRANSPARENT },
	{ "OOBINLINE", SOL_SOCKET, SO_OOBINLINE },
	{ "MINTTL", IPPROTO_IP, IP_MINTTL }, { "MINTTL", IPPROTO_IPV6, IPV6_MINHOPCOUNT },
	{ "TTL", IPPROTO_IP, IP_TTL }, { "TTL", IPPROTO_IPV6, IPV6_UNICAST_HOPS },
	{ "RECVERR", IPPROTO_IP, IP_RECVERR }, { "RECVERR", IPPROTO_IPV6, IPV6_RECVERR },
	{ "TOS", IPPROTO_IP, IP_TOS }, { "TOS", IPPROTO_IPV6, IPV6_TCLASS },
	{ "MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER }, { "MTU_DISCOVER", IPPROTO_IPV6, IPV6_MTU_DISCOVER },
};

/* Is it of the IP version that is not in use? */
static bool other_version(const struct wire *w, int level)
{
	return level == (w->ip == 4 ? IPPROTO_IPV6 : IPPROTO_IP);
}

static int do_congestion(struct wire *w, int fd, const char *name, bool set, const char *want)
{
	char got[16] = "";
	socklen_t len = sizeof(got) - 1;

	if (!name)
		return wire_fail(w, "which algorithm?");
	if (set)
		return wire_socket_verdict(w, name, setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)),
					   want);
	if (wire_socket_verdict(w, name, getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, got, &len), want))
		return -1;
	return strcmp(got, name) ? wire_fail(w, "CONGESTION is %s, want %s", got, name) : 0;
}

static int do_option(struct wire *w, char *args, bool set)
{
	char *next, *name = strtok_r(args, " ", &next), *arg = strtok_r(NULL, " ", &next);
	int fd = w->c.fd >= 0 ? w->c.fd : w->c.lfd, got = 0;
	const char *want = strtok_r(NULL, " ", &next);
	socklen_t len = sizeof(got);
	uint32_t v;
	size_t i;

	if (name && !strcmp(name, "CONGESTION"))
		return do_congestion(w, fd, arg, set, want);
	for (i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (name && !strcmp(options[i].name, name) && !other_version(w, options[i].level))
			break;
	if (i == sizeof(options) / sizeof(*options) || wire_text_u32(w, arg, &v))
		return wire_fail(w, "no option '%s'", name);
	if (set)
		return wire_socket_verdict(w, name, setsockopt(fd, options[i].level, options[i].value, &v, sizeof(v)),
					   want);
	if (wire_socket_verdict(w, name, getsockopt(fd, options[i].level, options[i].value, &got, &len), want))
		return -1;
	return got == (int)v ? 0 : wire_fail(w, "%s is %d, want %d", name, got, (int)v);
}

#define FIELD(f)	{ #f, offsetof(struct tcp_info, tcpi_##f), \
			  sizeof(((struct tcp_info *)0)->tcpi_##f) }

#define LATER_FIELD(f)	{ #f, offsetof(union info_whole, f), sizeof(((union info_whole *)0)->f) }

static const struct { const char *name; size_t offset, size; } fields[] = {
	FIELD(state), FIELD(retransmits), FIELD(probes), FIELD(backoff), FIELD(options),
	FIELD(rto), FIELD(ato), FIELD(snd_mss), FIELD(rcv_mss), FIELD(unacked), FIELD(lost),
	FIELD(retrans), FIELD(pmtu), FIELD(snd_ssthresh), FIELD(rtt), FIELD(rttvar),
	FIELD(snd_cwnd), FIELD(advmss), FIELD(total_retrans), FIELD(notsent_bytes), FIELD(snd_wnd),
	FIELD(rcv_ssthresh),
	FIELD(ca_state), FIELD(sacked), FIELD(reordering), FIELD(min_rtt), FIELD(delivered),
	FIELD(dsack_dups), FIELD(reord_seen), FIELD(bytes_retrans), FIELD(rcv_ooopack),
	FIELD(delivered), FIELD(delivered_ce), FIELD(delivery_rate), FIELD(pacing_rate), FIELD(rcv_space),
	FIELD(last_data_sent), FIELD(last_data_recv),
	FIELD(last_ack_recv), FIELD(segs_in), FIELD(segs_out), FIELD(data_segs_in), FIELD(data_segs_out),
	FIELD(snd_wnd),
	LATER_FIELD(rcv_wnd), LATER_FIELD(rehash), LATER_FIELD(total_rto), LATER_FIELD(total_rto_recoveries),
	LATER_FIELD(total_rto_time),
	/* bits of one octet: tcpi_snd_wscale and tcpi_rcv_wscale, behind tcpi_options */
	{ "snd_wscale", offsetof(struct tcp_info, tcpi_options) + 1, 1 },
	{ "rcv_wscale", offsetof(struct tcp_info, tcpi_options) + 1, 1 },
	/* bits of one octet: tcpi_delivery_rate_app_limited, tcpi_fastopen_client_fail */
	{ "rate_limited", offsetof(struct tcp_info, tcpi_rto) - 1, 1 },
	{ "client_fail", offsetof(struct tcp_info, tcpi_rto) - 1, 1 },
};

static uint64_t number_at(const void *at, size_t size)
{
	return size == 1 ? *(const uint8_t *)at : size == 2 ? *(const uint16_t *)at :
	       size == 4 ? *(const uint32_t *)at : *(const uint64_t *)at;
}

/* Of an octet: @width bits, from the one that a bit field has @before others. */
static uint64_t bits_of(uint64_t octet, unsigned int before, unsigned int width)
{
	return octet >> (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 8 - before - width : before) & ((1 << width) - 1);
}

/* Read a member of TCP_INFO. @name: its name without "tcpi_". */
int wire_option_field(struct wire *w, const char *name, uint64_t *value)
{
	union info_whole info = { 0 };
	socklen_t len = sizeof(info);
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (name && !strcmp(fields[i].name, name))
			break;
	if (i == sizeof(fields) / sizeof(*fields))
		return wire_fail(w, "no field '%s'", name);
	if (wire_socket_verdict(w, "TCP_INFO", getsockopt(w->c.fd, IPPROTO_TCP, TCP_INFO, &info, &len), NULL))
		return -1;
	*value = number_at((char *)&info + fields[i].offset, fields[i].size);
	if (!strcmp(name, "rate_limited"))
		*value = bits_of(*value, 0, 1);
	else if (!strcmp(name, "client_fail"))
		*value = bits_of(*value, 1, 2);
	else if (!strcmp(name, "snd_wscale"))
		*value = bits_of(*value, 0, 4);
	else if (!strcmp(name, "rcv_wscale"))
		*value = bits_of(*value, 4, 4);
	return 0;
}

static int do_info(struct wire *w, char *args)
{
	char *next, *name = strtok_r(args, " ", &next), *op = strtok_r(NULL, " ", &next);
	char *arg = strtok_r(NULL, " ", &next);
	uint64_t got = 0, want = 0;

	if (!arg || wire_option_field(w, name, &got) || wire_text_number(w, arg, &want))
		return wire_fail(w, "info %s", name);
	if (wire_text_compare(got, op, want))
		return 0;
	return wire_fail(w, "%s is %llu, want %s %s", name, (unsigned long long)got, op, arg);
}

#define DCTCP_FIELD(f)	{ #f, offsetof(struct tcp_dctcp_info, dctcp_##f), \
			  sizeof(((struct tcp_dctcp_info *)0)->dctcp_##f) }

static const struct { const char *name; size_t offset, size; } dctcp_fields[] = {
	DCTCP_FIELD(enabled), DCTCP_FIELD(ce_state), DCTCP_FIELD(alpha), DCTCP_FIELD(ab_ecn), DCTCP_FIELD(ab_tot),
};

static int do_dctcp(struct wire *w, char *args)
{
	char *next, *name = strtok_r(args, " ", &next), *op = strtok_r(NULL, " ", &next);
	char *arg = strtok_r(NULL, " ", &next);
	union tcp_cc_info info = { 0 };
	socklen_t len = sizeof(info);
	uint64_t got, want = 0;
	size_t i;

	for (i = 0; i < sizeof(dctcp_fields) / sizeof(*dctcp_fields); i++)
		if (name && !strcmp(dctcp_fields[i].name, name))
			break;
	if (i == sizeof(dctcp_fields) / sizeof(*dctcp_fields) || !arg || wire_text_number(w, arg, &want))
		return wire_fail(w, "dctcp %s", name ? name : "");
	if (wire_socket_verdict(w, "TCP_CC_INFO", getsockopt(w->c.fd, IPPROTO_TCP, TCP_CC_INFO, &info, &len), NULL))
		return -1;
	if (len != sizeof(info.dctcp))
		return wire_fail(w, "TCP_CC_INFO has %u octets", len);
	got = number_at((char *)&info + dctcp_fields[i].offset, dctcp_fields[i].size);
	if (wire_text_compare(got, op, want))
		return 0;
	return wire_fail(w, "%s is %llu, want %s %s", name, (unsigned long long)got, op, arg);
}

static int do_keep(struct wire *w, const char *name)
{
	if (strcmp(name, "R"))
		return wire_option_field(w, name, &w->c.kept);
	w->c.kept = w->c.tsrecent;
	return 0;
}

/* Sets or reads an option. @verb: "set", "get", "info", "keep" or "dctcp". @args may be changed. */
int wire_option_step(struct wire *w, const char *verb, char *args)
{
	switch (*verb) {
	case 'i':
		return do_info(w, args);
	case 'd':
		return do_dctcp(w, args);
	case 'k':
		return do_keep(w, args);
	default:
		return do_option(w, args, *verb == 's');
	}
}
