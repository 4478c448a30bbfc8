// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_SAVE_SYN and TCP_SAVED_SYN: the headers of the SYN that opened a connection, on both stacks, over both IPs.
 *
 *	namespace a, kernel TCP --- veth0 --- namespace b, the stack in question
 */
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include "lib/test.h"

#define PORT		7200
#define ROOM		512

static struct ns_pair net;

struct server {
	enum stack stack;
	const char *addr, *peer;
	char name[40];
};

static int accept_one(const struct server *s, int save, int *client)
{
	int listener = must_have(stack_listener(net.b, s->stack, s->addr, PORT, true), "listener"), fd;

	must(!setsockopt(listener, IPPROTO_TCP, TCP_SAVE_SYN, &save, sizeof(save)), "TCP_SAVE_SYN");
	*client = must_have(stack_connected(net.a, KERNEL, s->addr, PORT), "connect");
	fd = must_have(accept(listener, NULL, NULL), "accept");
	close(listener);
	return fd;
}

/* Octets that are there; -1 with errno. */
static int saved(int fd, unsigned char *buf, int room, int *len)
{
	socklen_t n = room;
	int err = getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, buf, &n);

	*len = n;
	return err;
}

/* From the header of IP on, @len octets. */
static bool is_the_syn(const struct server *s, const unsigned char *p, int len, int client)
{
	const bool v4 = strchr(s->addr, '.');
	const struct iphdr *ip = (const void *)p;
	const struct ip6_hdr *ip6 = (const void *)p;
	int ip_len = v4 ? sizeof(*ip) : sizeof(*ip6);
	const struct tcphdr *th = (const void *)(p + ip_len);
	unsigned char from[16], to[16];

	inet_pton(v4 ? AF_INET : AF_INET6, s->peer, from);
	inet_pton(v4 ? AF_INET : AF_INET6, s->addr, to);
	if (v4 && (ip->version != 4 || ip->ihl != 5 || memcmp(&ip->saddr, from, 4) || memcmp(&ip->daddr, to, 4)))
		return false;
	if (!v4 && (p[0] >> 4 != 6 || memcmp(&ip6->ip6_src, from, 16) || memcmp(&ip6->ip6_dst, to, 16)))
		return false;
	return th->syn && !th->ack && ntohs(th->dest) == PORT && ntohs(th->source) == stack_port(client) &&
	       len == ip_len + th->doff * 4;
}

static void try_headers(const struct server *s)
{
	unsigned char buf[ROOM];
	int client, fd, len, save;
	socklen_t size = sizeof(save);
	bool ok;

	fd = accept_one(s, 0, &client);
	ksft_test_result(!saved(fd, buf, ROOM, &len) && !len, "%s: 0: nothing\n", s->name);
	close_each(fd, client);

	fd = accept_one(s, 1, &client);
	ok = saved(fd, buf, 1, &len) == -1 && errno == EINVAL && len > 20;
	ksft_test_result(ok, "%s: too little room: EINVAL, and how much it takes\n", s->name);
	ok = !saved(fd, buf, len, &len) && is_the_syn(s, buf, len, client);
	ksft_test_result(ok, "%s: 1: headers of IP and TCP\n", s->name);
	ksft_test_result(!saved(fd, buf, ROOM, &len) && !len, "%s: it can be read once\n", s->name);
	ok = !getsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, &save, &size) && save == 1;
	ksft_test_result(ok, "%s: the option is inherited\n", s->name);
	close_each(fd, client);

	fd = accept_one(s, 2, &client);
	ok = !saved(fd, buf, ROOM, &len) && len > ETH_HLEN &&
	     ((struct ethhdr *)buf)->h_proto == htons(strchr(s->addr, '.') ? ETH_P_IP : ETH_P_IPV6) &&
	     is_the_syn(s, buf + ETH_HLEN, len - ETH_HLEN, client);
	ksft_test_result(ok, "%s: 2: with the header of Ethernet\n", s->name);
	close_each(fd, client);
}

/* To where nothing can be written: it stays until it could be read. */
static void try_addresses(const struct server *s)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	unsigned char buf[ROOM], *nowhere = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	socklen_t *fixed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int client, fd = accept_one(s, 1, &client), len;
	bool ok;

	must(nowhere != MAP_FAILED && fixed != MAP_FAILED, "mmap");
	ok = getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, buf, (socklen_t *)nowhere) == -1 && errno == EFAULT;
	ok &= saved(fd, nowhere, ROOM, &len) == -1 && errno == EFAULT;
	fixed[0] = 1;
	fixed[1] = ROOM;
	must(!mprotect(fixed, page, PROT_READ), "mprotect");
	ok &= getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, buf, &fixed[0]) == -1 && errno == EFAULT;
	ok &= getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, buf, &fixed[1]) == -1 && errno == EFAULT;
	ok &= !saved(fd, buf, ROOM, &len) && is_the_syn(s, buf, len, client);
	ksft_test_result(ok, "%s: a bad address: EFAULT, and it can still be read\n", s->name);
	munmap(nowhere, page);
	munmap(fixed, page);
	close_each(fd, client);
}

/* Where nobody reads it: kmemleak looks whether it is freed. */
static void try_ends(const struct server *s)
{
	const char *knob = s->stack == KERNEL ? "net.ipv4.tcp_syncookies" : "net.xtcp.syncookies";
	unsigned char buf[ROOM];
	int client, fd, len;
	bool ok;

	fd = accept_one(s, 1, &client);
	ok = !stack_disconnect(fd) && !saved(fd, buf, ROOM, &len) && !len;
	ksft_test_result(ok, "%s: none is left after a disconnect\n", s->name);
	close_each(fd, client);

	must(!ns_sysctl_set(net.b, knob, "2"), knob);
	fd = accept_one(s, 1, &client);
	ksft_test_result(!saved(fd, buf, ROOM, &len) && !len, "%s: a SYN that was answered by cookie is not kept\n",
			 s->name);
	must(!ns_sysctl_set(net.b, knob, "1"), knob);
	close_each(fd, client);

	fd = stack_listener(net.b, s->stack, s->addr, PORT, true);
	len = 2;
	must(fd >= 0 && !setsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, &len, sizeof(len)), "listener");
	client = must_have(stack_connected(net.a, KERNEL, s->addr, PORT), "connect");
	ksft_test_result(!close(fd), "%s: a listener goes with one that nobody accepted\n", s->name);
	close(client);
}

int main(void)
{
	static const struct { const char *addr, *peer; } ips[] = { { NS_B4, NS_A4 }, { NS_B6, NS_A6 } };
	struct server s;

	test_begin(stack_count() * 2 * 10);
	must(!ns_pair_make(&net), "namespaces");
	for (int i = 2 * stack_first(); i < 4; i++) {
		s = (struct server){ .stack = i / 2, .addr = ips[i % 2].addr, .peer = ips[i % 2].peer };
		snprintf(s.name, sizeof(s.name), "%s, %s", stack_name(s.stack), i % 2 ? "IPv6" : "IPv4");
		try_headers(&s);
		try_addresses(&s);
		try_ends(&s);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
