// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: SOL_SOCKET, IPPROTO_IP and IPPROTO_IPV6 options. */
#include "lib/diff.h"
#include <limits.h>
#include <sys/time.h>

SCENARIO_OF_PAIR(buffer_sizes)
{
	SET(c, SOL_SOCKET, SO_SNDBUF, 4096);
	GET(c, SOL_SOCKET, SO_SNDBUF);
	SET(c, SOL_SOCKET, SO_RCVBUF, 4096);
	GET(c, SOL_SOCKET, SO_RCVBUF);
	SET(s, SOL_SOCKET, SO_RCVBUF, 65536);
	GET(s, SOL_SOCKET, SO_RCVBUF);
	SET(c, SOL_SOCKET, SO_SNDBUF, INT_MAX);
	GET(c, SOL_SOCKET, SO_SNDBUF);
	SET(c, SOL_SOCKET, SO_RCVBUF, INT_MAX);
	GET(c, SOL_SOCKET, SO_RCVBUF);
	diff_put(c, "fits");
	READ(s, 10, 0);
}

static void time_option(int fd, int opt, const char *name, long sec, long usec)
{
	struct timeval tv = { sec, usec }, got = { 99, 99 };
	socklen_t len = sizeof(got);

	errno = 0;
	diff_say("set %s %ld.%06ld: %s", name, sec, usec, setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)) ?
		 strerrorname_np(errno) : "0");
	if (getsockopt(fd, SOL_SOCKET, opt, &got, &len))
		diff_say("get %s: %s", name, strerrorname_np(errno));
	else
		diff_say("get %s: %ld.%06ld, length %u", name, (long)got.tv_sec, (long)got.tv_usec, len);
}

SCENARIO_OF_PAIR(timeout_options)
{
	struct timeval tv = { 1, 0 };
	socklen_t len;

	for (int i = 0; i < 2; i++) {
		int opt = i ? SO_SNDTIMEO : SO_RCVTIMEO;
		const char *name = i ? "SO_SNDTIMEO" : "SO_RCVTIMEO";

		time_option(c, opt, name, 0, 0);
		time_option(c, opt, name, 1, 0);
		time_option(c, opt, name, 2, 500000);
		time_option(c, opt, name, 1, 1000000);
		time_option(c, opt, name, 1, -1);
		time_option(c, opt, name, -1, 0);
		time_option(c, opt, name, LONG_MAX, 0);
		time_option(c, opt, name, 0, 0);
		RET(setsockopt(c, SOL_SOCKET, opt, &tv, 4));
		RET(setsockopt(c, SOL_SOCKET, opt, &tv, 15));
		RET(setsockopt(c, SOL_SOCKET, opt, NULL, 16));
		len = 4;
		RET(getsockopt(c, SOL_SOCKET, opt, &tv, &len));
		diff_say("length %u", len);
	}
}

SCENARIO_OF_PAIR(ip_option_bytes)
{
	unsigned char b = 0x28;
	socklen_t len = 1;

	RET(setsockopt(c, IPPROTO_IP, IP_TOS, &b, 1));
	RET(setsockopt(c, IPPROTO_IP, IP_TOS, &b, 0));
	GET(c, IPPROTO_IP, IP_TOS);
	b = 0;
	RET(getsockopt(c, IPPROTO_IP, IP_TOS, &b, &len));
	diff_say("one byte: %u, length %u", b, len);
	RET(setsockopt(c, IPPROTO_IPV6, IPV6_TCLASS, &b, 1));
	GET(c, IPPROTO_IPV6, IPV6_TCLASS);
	GET(c, IPPROTO_IPV6, IPV6_V6ONLY);
	GET(c, IPPROTO_IP, IP_TTL);
}

SCENARIO(ip_mtu)
{
	int c, s;

	GET(diff_socket(), IPPROTO_IP, IP_MTU);
	diff_pair(&c, &s);
	if (diff.family == AF_INET)
		GET(c, IPPROTO_IP, IP_MTU);
	else
		GET(c, IPPROTO_IPV6, IPV6_MTU);
}
