// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: bind(), names, which binds exclude each other in one stack; addresses for connect(). */
#include "lib/diff.h"
#include "lib/ns.h"
#include <linux/capability.h>
#include <net/if.h>
#include <sys/syscall.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

/* bind() or connect(). */
typedef int (*call_t)(int fd, const struct sockaddr *addr, socklen_t len);

static void call_with(const char *name, call_t call, int fd, const void *addr, int len)
{
	errno = 0;
	diff_ret(name, call(fd, addr, len));
}

/* Each address, of a socket of its own. */
static void call_each(const char *name, call_t call, int port, const char * const *hosts)
{
	union diff_addr a;
	char label[80];
	int c;

	for (; *hosts; hosts++) {
		memcpy(&a, LO(port), ALEN);
		inet_pton(diff.family, *hosts, diff.family == AF_INET ? (void *)&a.in.sin_addr : &a.in6.sin6_addr);
		snprintf(label, sizeof(label), "%s to %s", name, *hosts);
		c = diff_socket();
		call_with(label, call, c, &a, ALEN);
		NAME(c);
		close(c);
	}
}

/* Lengths, pointers and families that are wrong. */
static void call_wrongly(const char *name, call_t call, int port)
{
	const int families[] = { diff.family == AF_INET ? AF_INET6 : AF_INET, AF_UNIX, 25, AF_UNSPEC };
	union diff_addr a;
	const int lens[] = { 0, 1, 2, ALEN - 1, sizeof(a) + 1, -1 };
	int c = diff_socket();
	size_t i;

	memcpy(&a, LO(port), ALEN);
	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		call_with(name, call, c, &a, lens[i]);
	call_with(name, call, c, NULL, ALEN);
	call_with(name, call, c, (void *)8, ALEN);
	c = diff_socket();
	for (i = 0; i < sizeof(families) / sizeof(*families); i++) {
		a.sa.sa_family = families[i];
		call_with(name, call, c, &a, sizeof(a.in));
		call_with(name, call, c, &a, sizeof(a.in6));
	}
	STATE(c, 0);
	NAME(c);
}

SCENARIO(bind_odd_address)
{
	static const char * const v4[] = {
		"127.0.0.1", "127.1.2.3", "0.0.0.0", "255.255.255.255", "127.255.255.255", "224.0.0.1", "192.0.2.1",
		NULL,
	};
	static const char * const v6[] = {
		"::1", "fd00::2", "::", "ff02::1", "fe80::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0",
		"::ffff:192.0.2.1", "::127.0.0.1", NULL,
	};

	call_each("bind", bind, 3, diff.family == AF_INET ? v4 : v6);
}

SCENARIO(connect_odd_destination)
{
	static const char * const v4[] = {
		"255.255.255.255", "127.255.255.255", "10.9.0.255", "224.0.0.1", "192.0.2.1", "0.0.0.0", NULL,
	};
	static const char * const v6[] = {
		"ff02::1", "ff0e::1", "fe80::1", "2001:db8::1", "::", "::ffff:127.0.0.1", "::ffff:255.255.255.255",
		"::127.0.0.1", NULL,
	};
	int l = diff_listener(1);

	call_each("connect", connect, 1, diff.family == AF_INET ? v4 : v6);
	close(l);
}

SCENARIO(bind_wrong_address)
{
	union diff_addr a;
	int c = diff_socket();

	call_wrongly("bind", bind, 3);
	memcpy(&a, ANY(3), ALEN);
	a.sa.sa_family = AF_UNSPEC;
	RET(bind(c, &a.sa, sizeof(a.in6)));
	NAME(c);
}

SCENARIO(connect_wrong_address)
{
	union diff_addr a;
	int c = diff_socket();

	call_wrongly("connect", connect, 1);
	memcpy(&a, LO(0), ALEN);
	RET(connect(c, LO(0), ALEN));
	RET(connect(c, &a.sa, sizeof(a)));
	STATE(c, 0);
}

SCENARIO(bind_twice)
{
	int c = diff_socket();

	RET(bind(c, LO(3), ALEN));
	RET(bind(c, LO(3), ALEN));
	RET(bind(c, LO(4), ALEN));
	NAME(c);
	c = diff_socket();
	RET(bind(c, ANY(0), ALEN));
	NAME(c);
	RET(bind(c, LO(4), ALEN));
	c = diff_socket();
	RET(bind(c, LO(0), ALEN));
	NAME(c);
	RET(bind(c, LO(0), ALEN));
	BITS(c, 0);
	STATE(c, 0);
	PEER(c);
}

static void drop_capability(int cap)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	diff_must(!syscall(SYS_capget, &h, d), "capget");
	d[cap / 32].effective &= ~(1u << cap % 32);
	diff_must(!syscall(SYS_capset, &h, d), "capset");
}

static int bind_port(int port)
{
	union diff_addr a;
	int c = diff_socket();

	memcpy(&a, LO(0), ALEN);
	a.in.sin_port = htons(port);	/* the same place in both families */
	errno = 0;
	return bind(c, &a.sa, ALEN);
}

SCENARIO(bind_privileged)
{
	RET(bind_port(80));
	drop_capability(CAP_NET_BIND_SERVICE);
	RET(bind_port(81));
	RET(bind_port(1));
	RET(bind_port(1023));
	RET(bind_port(1024));
	RET(bind_port(0));
}

SCENARIO(bind_nonlocal)
{
	int c = diff_socket(), one = 1;
	int l = diff.family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int freebind = diff.family == AF_INET ? IP_FREEBIND : IPV6_FREEBIND;

	RET(bind(c, diff_addr(HOST_SILENT, 3), ALEN));
	RET(setsockopt(c, l, freebind, &one, sizeof(one)));
	RET(bind(c, diff_addr(HOST_SILENT, 3), ALEN));
	NAME(c);
	RET(listen(c, 1));
}

/* A socket whose ports are chosen from @low to @high. */
static int socket_of_range(unsigned int low, unsigned int high)
{
	unsigned int range = high << 16 | low;
	int c = diff_socket();

	RET(setsockopt(c, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)));
	return c;
}

static bool port_is_in(int fd, int low, int high)
{
	union diff_addr a;
	socklen_t len = sizeof(a);

	diff_must(!getsockname(fd, &a.sa, &len), "getsockname");
	return ntohs(a.in.sin_port) >= low && ntohs(a.in.sin_port) <= high;
}

/* IP_LOCAL_PORT_RANGE: bind() to port 0 and connect() choose from it, and say when all is used. */
SCENARIO(local_port_range)
{
	int c, i, ns = ns_make();

	/* of so few ports one may be another scenario's, by chance */
	diff_must(ns >= 0 && !ns_enter(ns), "namespace");
	diff_listener(1);
	for (i = 0; i < 5; i++) {
		c = socket_of_range(40100, 40103);
		RET(bind(c, LO(0), ALEN));
		if (i < 4)
			RET(port_is_in(c, 40100, 40103));
	}
	for (i = 0; i < 2; i++) {
		c = socket_of_range(40200, 40201);
		RET(connect(c, LO(1), ALEN));
		RET(port_is_in(c, 40200, 40201));
	}
	c = socket_of_range(40200, 40201);
	RET(connect(c, LO(1), ALEN));
	GET(c, IPPROTO_IP, IP_LOCAL_PORT_RANGE);
	/* half a range: the namespace's is the other half; one beyond it does not count */
	c = socket_of_range(0, 0);
	RET(bind(c, LO(0), ALEN));
	RET(setsockopt(c, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &i, 2));
	i = 2 << 16 | 3;
	RET(setsockopt(c, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &i, sizeof(i)));
	c = socket_of_range(100, 200);
	RET(bind(c, LO(0), ALEN));
	RET(port_is_in(c, 100, 200));
}

/* IP_BIND_ADDRESS_NO_PORT: the port is chosen by connect(). */
SCENARIO(bind_without_port)
{
	int l = diff_listener(1), c = diff_socket(), one = 1;

	RET(setsockopt(c, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)));
	RET(bind(c, LO2(0), ALEN));
	NAME(c);
	RET(connect(c, LO(1), ALEN));
	NAME(c);
	PEER(diff_accepted(l));
}

SCENARIO_OF_PAIR(names_into_short_buffers)
{
	static const int lens[] = { 0, 1, 2, 8, 16, 28, 100, -1 };
	union diff_addr a;
	socklen_t len;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		len = lens[i];
		memset(&a, 0xee, sizeof(a));
		RET(getsockname(c, &a.sa, &len));
		diff_say("length %d gives %d, byte after is %s", lens[i], (int)len,
			 lens[i] < 0 || lens[i] > (int)ALEN ||
			 ((unsigned char *)&a)[lens[i]] == 0xee ? "untouched" :
			 "overwritten");
		len = lens[i];
		RET(getpeername(s, &a.sa, &len));
		diff_say("length %d gives %d", lens[i], (int)len);
	}
	len = sizeof(a);
	RET(getsockname(c, NULL, &len));
	RET(getsockname(c, &a.sa, NULL));
	RET(getpeername(c, (void *)8, &len));
}

SCENARIO_OF_PAIR(names_through_a_life)
{
	NAME(c);
	PEER(c);
	RET(shutdown(c, SHUT_WR));
	NAME(c);
	PEER(c);
	RET(shutdown(s, SHUT_WR));
	STATE(s, TCP_CLOSE);
	STATE(c, TCP_CLOSE);
	NAME(c);
	PEER(c);
	NAME(s);
	PEER(s);
}

SCENARIO(bind_to_device)
{
	int a = diff_socket(), b = diff_socket(), c;
	char name[IFNAMSIZ] = "";
	socklen_t len = sizeof(name);

	RET(setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	RET(setsockopt(b, SOL_SOCKET, SO_BINDTODEVICE, "hole", 5));
	RET(setsockopt(b, SOL_SOCKET, SO_BINDTODEVICE, "nosuch", 7));
	RET(getsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	diff_say("device: %s %u", name, len);
	RET(bind(a, ANY(1), ALEN));
	RET(listen(a, 1));
	RET(bind(b, ANY(1), ALEN));
	RET(listen(b, 1));
	c = diff_socket();
	RET(bind(c, ANY(1), ALEN));
	RET(connect(c, LO(1), ALEN));
	RET(getsockopt(diff_accepted(a), SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	c = diff_socket();
	RET(setsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, "hole", 5));
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	NAME(c);
	RET(setsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
	len = sizeof(name);
	RET(getsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	diff_say("length %u", len);
}

SCENARIO(device_of_a_listener)
{
	static const char * const devices[] = { "hole", "lo", "" };
	int a = diff_socket(), c;

	RET(bind(a, ANY(1), ALEN));
	RET(listen(a, 1));
	for (unsigned int i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
		RET(setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, devices[i], strlen(devices[i])));
		c = diff_socket();
		RET(connect(c, LO(1), ALEN));
		if (i)
			close(diff_accepted(a));
		close(c);
	}
}
