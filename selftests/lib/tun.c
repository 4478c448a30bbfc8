// SPDX-License-Identifier: GPL-2.0
#include "tun.h"
#include <linux/if.h>
#include <linux/if_tun.h>
#include "test.h"

NEEDS_PROGRAMS("ip");

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

int tun_before_sink(int ns, const char *addr)
{
	int tun = tun_open(ns, "tun0");

	if (tun < 0)
		return -1;
	if (!ns_sysctl_set(ns, "net.ipv6.conf.default.disable_ipv6", "1") &&
	    !ns_shell(ns, "ip addr add %s/24 dev tun0 && ip link set tun0 up &&"
		      "ip link add sink type dummy && ip addr add 10.98.0.1/24 dev sink && ip link set sink up &&"
		      "ip route add 10.99.0.0/16 via 10.98.0.2", addr))
		return tun;
	close(tun);
	return -1;
}
