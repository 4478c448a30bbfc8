// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers of the tracepoints. They write both ends of a connection, and TCP options, into an event.
 *
 * An address in an event is a struct sockaddr_in6 or, for IPv4, a struct sockaddr_in: %pISpc prints
 * both.
 */
#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/tcp.h>

#include "base/wire.h"
#include "lookup/lookup.h"

/* What the events call. */
static void xtcp_trace_conn(void *local, void *peer, const struct xtcp_conn *conn);
static void xtcp_trace_tuple(void *local, void *peer, const struct xtcp_tuple *tuple);
static void xtcp_trace_sk(void *local, void *peer, const struct sock *sk);
static unsigned int xtcp_trace_sacks(char *to, unsigned int size, const struct tcphdr *th);
static unsigned int xtcp_trace_options(char *to, unsigned int size, const struct tcphdr *th);

#define CREATE_TRACE_POINTS
#include "sight/sight.h"

/* @to has space for a struct sockaddr_in6, at any alignment; a v4-mapped @addr becomes a struct sockaddr_in. */
static void xtcp_trace_sockaddr(void *to, const struct in6_addr *addr, __be16 port)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = *addr };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = port };

	if (ipv6_addr_v4mapped(addr)) {
		sin.sin_addr.s_addr = addr->s6_addr32[3];
		memset(to, 0, sizeof(sin6));
		memcpy(to, &sin, sizeof(sin));
	} else {
		memcpy(to, &sin6, sizeof(sin6));
	}
}

/* Writes both ends of a tuple into an event; address :: and port 0 if it is NULL. */
static void xtcp_trace_tuple(void *local, void *peer, const struct xtcp_tuple *tuple)
{
	static const struct xtcp_tuple unknown;

	if (!tuple)
		tuple = &unknown;
	xtcp_trace_sockaddr(local, &tuple->laddr, tuple->lport);
	xtcp_trace_sockaddr(peer, &tuple->faddr, tuple->fport);
}

/* @local, @peer: receive our address and port, and the peer's, as xtcp_trace_sockaddr() writes them. */
static void xtcp_trace_conn(void *local, void *peer, const struct xtcp_conn *conn)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(conn);

	xtcp_trace_tuple(local, peer, &tuple);
}

/* The sock need not be bound. Without the socket lock, as for a listener, an address may be half old, half new. */
static void xtcp_trace_sk(void *local, void *peer, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct xtcp_tuple tuple = { .lport = inet->inet_sport, .fport = inet->inet_dport };

	if (sk->sk_family == AF_INET6) {
		tuple.laddr = sk->sk_v6_rcv_saddr;
		tuple.faddr = sk->sk_v6_daddr;
		xtcp_trace_tuple(local, peer, &tuple);
		return;
	}
	ipv6_addr_set_v4mapped(inet->inet_rcv_saddr, &tuple.laddr);
	ipv6_addr_set_v4mapped(inet->inet_daddr, &tuple.faddr);
	xtcp_trace_tuple(local, peer, &tuple);
}

/* The first option from @option on but NOP; NULL at the end of the list, or if it is malformed. */
static const u8 *whole_option(const u8 *option, const u8 *end)
{
	while (end - option >= 2 && *option == XTCP_OPT_NOP)
		option++;
	if (end - option < 2 || *option == XTCP_OPT_EOL || option[1] < 2 || option[1] > end - option)
		return NULL;
	return option;
}

/* The first option of a kind in a segment; NULL if it has none, or if a malformed one comes first. */
const u8 *xtcp_trace_option(const struct tcphdr *th, u8 kind)
{
	const u8 *option = (const u8 *)(th + 1), *end = (const u8 *)th + th->doff * 4;

	for (; (option = whole_option(option, end)); option += option[1])
		if (*option == kind)
			return option;
	return NULL;
}

/* Does the same as xtcp_trace_option(), but returns NULL if the option's length is not @len. */
static const u8 *find_sized(const struct tcphdr *th, u8 kind, u8 len)
{
	const u8 *option = xtcp_trace_option(th, kind);

	return option && option[1] == len ? option : NULL;
}

/*
 * Writes the SACK blocks of a segment into an event, or counts if @to is NULL:
 * "LEFT-RIGHT,LEFT-RIGHT", with absolute sequence numbers, in the order of the option (RFC 2018
 * section 3); empty without blocks. Return: octets of the text, with its final zero.
 */
static unsigned int xtcp_trace_sacks(char *to, unsigned int size, const struct tcphdr *th)
{
	const u8 *option = xtcp_trace_option(th, XTCP_OPT_SACK);
	unsigned int count = 0, used = 0, i;
	const u8 *block = NULL;

	if (option) {
		block = option + XTCP_OPTLEN_SACK_BASE;
		count = (option[1] - XTCP_OPTLEN_SACK_BASE) / XTCP_OPTLEN_SACK_BLOCK;
	}
	if (size)
		*to = 0;
	for (i = 0; i < count; i++, block += XTCP_OPTLEN_SACK_BLOCK)
		used += snprintf(to ? to + used : NULL, size > used ? size - used : 0, "%s%u-%u", i ? "," : "",
				 get_unaligned_be32(block), get_unaligned_be32(block + 4));
	return used + 1;
}

static bool is_ack_rate(const u8 *option)
{
	return option[0] == XTCP_OPT_EXPERIMENT && option[1] >= XTCP_OPTLEN_ACK_RATE &&
	       get_unaligned_be16(option + 2) == XTCP_EXID_ACK_RATE;
}

/* Write a comma and one option. Return: the length of the text. */
static int option_text(char *to, unsigned int size, const u8 *option)
{
	unsigned int kind = option[0], len = option[1];

	if (is_ack_rate(option) && len == XTCP_OPTLEN_ACK_RATE)
		return scnprintf(to, size, ",tarr");
	if (is_ack_rate(option) && len == XTCP_OPTLEN_ACK_RATE + 1)
		return scnprintf(to, size, ",tarr:%u", option[XTCP_OPTLEN_ACK_RATE] >> 1);

	switch (kind << 8 | len) {
	case XTCP_OPT_MSS << 8 | XTCP_OPTLEN_MSS:
		return scnprintf(to, size, ",mss:%u", get_unaligned_be16(option + 2));
	case XTCP_OPT_SACK_PERMITTED << 8 | XTCP_OPTLEN_SACK_PERMITTED:
		return scnprintf(to, size, ",sackok");
	case XTCP_OPT_TIMESTAMP << 8 | XTCP_OPTLEN_TIMESTAMP:
		return scnprintf(to, size, ",ts");
	case XTCP_OPT_WSCALE << 8 | XTCP_OPTLEN_WSCALE:
		return scnprintf(to, size, ",ws:%u", option[2]);
	default:
		return scnprintf(to, size, ",opt%u:%u", kind, len);
	}
}

/*
 * Writes the options of a SYN, and requests for an ACK rate, into an event, or counts if @to is
 * NULL.
 *
 * The text is, for example, "mss:1460,sackok,ts,ws:7", in the order of the segment. An option of
 * another kind or with a wrong length is "optKIND:LENGTH". An ACK Rate Request is "tarr:8" if it
 * asks for one ACK for eight segments, "tarr" without a rate; only it is written without SYN. The
 * text ends before a malformed option. Return: octets of the text, with its final zero.
 */
static unsigned int xtcp_trace_options(char *to, unsigned int size, const struct tcphdr *th)
{
	const u8 *option = (const u8 *)(th + 1), *end = (const u8 *)th + th->doff * 4;
	char text[XTCP_MAX_OPTIONS / 2 * sizeof(",opt255:2")];
	int used = 0;

	text[0] = 0;
	for (; (option = whole_option(option, end)); option += option[1])
		if (th->syn || is_ack_rate(option))
			used += option_text(text + used, sizeof(text) - used, option);
	/* skip the first comma */
	if (size)
		strscpy(to, used ? text + 1 : text, size);
	return used ?: 1;
}

/* Reads the timestamps of a segment; false, and both 0, if the option is missing. */
bool xtcp_trace_timestamps(const struct tcphdr *th, u32 *tsval, u32 *tsecr)
{
	const u8 *option = find_sized(th, XTCP_OPT_TIMESTAMP, XTCP_OPTLEN_TIMESTAMP);

	*tsval = option ? get_unaligned_be32(option + 2) : 0;
	*tsecr = option ? get_unaligned_be32(option + 6) : 0;
	return option;
}
