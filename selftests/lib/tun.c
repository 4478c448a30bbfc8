// SPDX-License-Identifier: GPL-2.0
#include "tun.h"
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include "test.h"
#include "wire.h"

static int open_here(void *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", (const char *)name);
	if (fd >= 0 && !ioctl(fd, TUNSETIFF, &ifr))
		return fd;
	fprintf(stderr, "# %s: /dev/net/tun: %s\n", ifr.ifr_name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int tun_open(int ns, const char *name)
{
	return ns_call(ns, open_here, (void *)name);
}

size_t tun_lay_out(uint8_t *packet, const char *from, const char *to, const struct wire_segment *seg)
{
	static struct wire lane;
	struct wire_segment whole = *seg;

	lane.ip = strchr(from, ':') ? 6 : 4;
	whole.doff = seg->doff ?: -1;
	whole.cut = -1;
	stack_put_addr(whole.src, from);
	stack_put_addr(whole.dst, to);
	return wire_segment_build(&lane, &whole, packet);
}

void tun_inject(int tun, const char *from, const char *to, const struct wire_segment *seg)
{
	static uint8_t packet[WIRE_PACKET_MAX];
	const ssize_t len = tun_lay_out(packet, from, to, seg);

	must(write(tun, packet, len) == len, "inject");
}

static int make_sink(int ns)
{
	const struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct netlink_request req;
	struct rtattr *link;

	netlink_start(&req, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	netlink_put_string(&req, IFLA_IFNAME, "sink");
	link = netlink_begin(&req, IFLA_LINKINFO);
	netlink_put_string(&req, IFLA_INFO_KIND, "dummy");
	netlink_end(&req, link);
	return netlink_talk(ns, &req);
}

int tun_before_sink(int ns, const char *addr)
{
	int tun = tun_open(ns, "tun0");
	char net[32];

	if (tun < 0)
		return -1;
	snprintf(net, sizeof(net), "%s/24", addr);
	if (!ns_sysctl_set(ns, "net.ipv6.conf.default.disable_ipv6", "1") && !ns_addr_add(ns, "tun0", net) &&
	    !ns_link_up(ns, "tun0", true) && !make_sink(ns) && !ns_addr_add(ns, "sink", "10.98.0.1/24") &&
	    !ns_link_up(ns, "sink", true) && !ns_route_add(ns, "10.99.0.0/16", "10.98.0.2", "10.98.0.1"))
		return tun;
	close(tun);
	return -1;
}

struct tun_segment tun_segment(uint32_t from, int port, const char *to, int to_port)
{
	return (struct tun_segment) {
		.ip = {
			.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP, .saddr = htonl(from),
			.daddr = inet_addr(to),
		},
		.tcp = { .source = htons(port), .dest = htons(to_port), .doff = 5, .window = htons(65535) },
	};
}

size_t tun_finish(struct tun_segment *s, unsigned int rest)
{
	const unsigned int len = sizeof(s->tcp) + rest;
	const uint32_t from = ntohl(s->ip.saddr), to = ntohl(s->ip.daddr);

	s->ip.tot_len = htons(sizeof(s->ip) + len);
	s->ip.check = 0;
	s->ip.check = wire_segment_sum(&s->ip, sizeof(s->ip), 0);
	s->tcp.check = 0;
	s->tcp.check = wire_segment_sum(&s->tcp, len, IPPROTO_TCP + len + (from >> 16) + (from & 0xffff) + (to >> 16) +
					(to & 0xffff));
	return sizeof(s->ip) + len;
}

bool tun_send(int tun, struct tun_segment *s, unsigned int rest)
{
	const size_t len = tun_finish(s, rest);

	return write(tun, s, len) == (ssize_t)len;
}
