// SPDX-License-Identifier: GPL-2.0
#include "ns.h"
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include "test.h"

static int home = -1;

/* Where this thread is when it is at none of its errands; -1 when it has not looked yet. */
static __thread int here = -1;
static __thread bool away;

static int complain(const char *what, const char *about)
{
	int error = errno;

	fprintf(stderr, "# ns: %s %s: %s\n", what, about, strerror(error));
	errno = error;
	return -1;
}

static int current_ns(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Before main(), since later a thread may be anywhere. */
__attribute__((constructor)) static void remember_home(void)
{
	home = current_ns();
	here = home;
}

int ns_home(void)
{
	return home;
}

static int go_to(int ns)
{
	return setns(ns, CLONE_NEWNET) ? complain("cannot enter", "namespace") : 0;
}

int ns_enter(int ns)
{
	if (go_to(ns))
		return -1;
	if (!away) {
		if (here >= 0 && here != home)
			close(here);
		here = -1;
	}
	return 0;
}

/*
 * Goes to @ns; the return value is for leave(). The way back is kept, for to
 * open it takes longer than anything else here on a debug kernel.
 */
static int enter(int ns)
{
	int back = away || here < 0 ? current_ns() : here;

	if (back < 0)
		return complain("cannot open", "the present namespace");
	if (!away)
		here = back;
	if (go_to(ns)) {
		if (away)
			close(back);
		return -1;
	}
	away = true;
	return back;
}

/* Keeps errno. A thread lost in the wrong namespace would make nonsense of a test. */
static void leave(int back)
{
	int error = errno;

	if (setns(back, CLONE_NEWNET)) {
		complain("cannot go back to", "namespace");
		abort();
	}
	if (back == here)
		away = false;
	else
		close(back);
	errno = error;
}

int ns_call(int ns, int (*fn)(void *arg), void *arg)
{
	int back = enter(ns), ret;

	if (back < 0)
		return -1;
	ret = fn(arg);
	leave(back);
	return ret;
}

pid_t ns_fork(int ns, int (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid < 0 ? complain("cannot", "fork") : pid;
	if (ns_enter(ns))
		_exit(127);
	exit(fn(arg));
}

int ns_child(int ns, int (*fn)(void *arg), void *arg)
{
	pid_t pid = ns_fork(ns, fn, arg);
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int ns_socket(int ns, int family, int type, int protocol)
{
	int back = enter(ns), fd;

	if (back < 0)
		return -1;
	fd = socket(family, type, protocol);
	leave(back);
	return fd;
}

int ns_make(void)
{
	int back = current_ns(), ns;

	if (back < 0 || unshare(CLONE_NEWNET)) {
		complain("cannot make", "a namespace");
		if (back >= 0)
			close(back);
		return -1;
	}
	ns = current_ns();
	leave(back);
	if (ns < 0)
		return complain("cannot open", "a namespace");
	/* No router answers here. Tests that count what waits or is dropped would see each link ask for one. */
	if (ns_sysctl_set(ns, "net.ipv6.conf.default.router_solicitations", "0") || ns_link_up(ns, "lo", true)) {
		close(ns);
		return -1;
	}
	return ns;
}

int ns_make_guest_of(uid_t uid)
{
	int ready[2], ns = -1;
	char path[64], octet;
	pid_t child;

	if (pipe2(ready, O_CLOEXEC))
		return complain("cannot make", "a pipe");
	child = fork();
	if (!child) {
		if (setresuid(uid, uid, uid) || unshare(CLONE_NEWUSER | CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	if (child > 0 && read(ready[0], &octet, 1) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", child);
		ns = open(path, O_RDONLY | O_CLOEXEC);
	}
	close(ready[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	if (ns < 0)
		return complain("cannot make", "a user namespace");
	if (ns_link_up(ns, "lo", true)) {
		close(ns);
		return -1;
	}
	return ns;
}

int ns_make_guest(void)
{
	return ns_make_guest_of(geteuid());
}

/* By a request that changes nothing: an ioctl about a device that has gone would start modprobe. */
static bool home_has_last(void)
{
	const struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct netlink_request req;

	netlink_start(&req, RTM_NEWLINK, 0, &info, sizeof(info));
	netlink_put_string(&req, IFLA_IFNAME, "last");
	return !netlink_talk(home, &req) || errno != ENODEV;
}

/* A device of a namespace's, with one end at home, goes when that namespace ends. */
static bool one_ended(long long deadline)
{
	int ns = ns_make();

	if (ns < 0 || ns_join(ns, home, "last"))
		return false;
	close(ns);
	while (home_has_last() && wait_now_ms() < deadline)
		wait_tick();
	return wait_now_ms() < deadline;
}

bool ns_all_ended(int ms)
{
	const long long deadline = wait_now_ms() + ms;

	/* many may end together, the devices first: with the second one all that ended with the first have done so */
	return one_ended(deadline) && one_ended(deadline);
}

/* One ioctl about link @name; -1 with errno. */
static int ask_link(int ns, const char *name, unsigned long what, struct ifreq *ifr)
{
	int fd = ns_socket(ns, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -1;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	ret = ioctl(fd, what, ifr);
	close(fd);
	return ret;
}

/*
 * The kernel announces a second late that a link is up, if it announced another one just before. The namespace forgets
 * its cached routes then. Asking for the carrier makes the kernel announce it at once.
 */
static int announce(int ns, const char *name)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	struct ifreq ifr = { .ifr_data = (char *)&value };

	return ask_link(ns, name, SIOCETHTOOL, &ifr) || !value.data ? complain("no carrier at", name) : 0;
}

int ns_join(int a, int b, const char *name)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct rtattr *link, *data, *peer;
	struct netlink_request req;

	netlink_start(&req, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	netlink_put_string(&req, IFLA_IFNAME, name);
	link = netlink_begin(&req, IFLA_LINKINFO);
	netlink_put_string(&req, IFLA_INFO_KIND, "veth");
	data = netlink_begin(&req, IFLA_INFO_DATA);
	peer = netlink_begin(&req, VETH_INFO_PEER);
	/* The peer's own ifinfomsg comes before its attributes. */
	memcpy((char *)&req + req.head.nlmsg_len, &info, sizeof(info));
	req.head.nlmsg_len += NLMSG_ALIGN(sizeof(info));
	netlink_put_string(&req, IFLA_IFNAME, name);
	netlink_put_u32(&req, IFLA_NET_NS_FD, b);
	netlink_end(&req, peer);
	netlink_end(&req, data);
	netlink_end(&req, link);
	if (netlink_talk(a, &req))
		return complain("cannot make veth", name);
	return ns_link_up(a, name, true) ?: ns_link_up(b, name, true) ?: announce(a, name) ?: announce(b, name);
}

static int index_of(void *name)
{
	return if_nametoindex(name);
}

int ns_link_index(int ns, const char *name)
{
	return ns_call(ns, index_of, (void *)name);
}

/* Changes of a link by one attribute (0: none) and flags. */
static int link_set(int ns, const char *name, int attr, unsigned int value, unsigned int flags, unsigned int change)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct netlink_request req;

	info.ifi_index = ns_link_index(ns, name);
	if (info.ifi_index <= 0)
		return complain("there is no link", name);
	info.ifi_flags = flags;
	info.ifi_change = change;
	netlink_start(&req, RTM_NEWLINK, 0, &info, sizeof(info));
	if (attr)
		netlink_put_u32(&req, attr, value);
	return netlink_talk(ns, &req) ? complain("cannot set link", name) : 0;
}

int ns_link_up(int ns, const char *name, bool up)
{
	return link_set(ns, name, 0, 0, up ? IFF_UP : 0, IFF_UP);
}

int ns_link_mtu(int ns, const char *name, unsigned int mtu)
{
	return link_set(ns, name, IFLA_MTU, mtu, 0, 0);
}

int ns_link_gso_max_segs(int ns, const char *name, unsigned int segs)
{
	return link_set(ns, name, IFLA_GSO_MAX_SEGS, segs, 0, 0);
}

int ns_link_queue(int ns, const char *name, unsigned int packets)
{
	return link_set(ns, name, IFLA_TXQLEN, packets, 0, 0);
}

int ns_link_mtu_get(int ns, const char *name)
{
	struct ifreq ifr = {};

	return ask_link(ns, name, SIOCGIFMTU, &ifr) ? complain("there is no link", name) : ifr.ifr_mtu;
}

int ns_link_offload(int ns, const char *name, unsigned int what, bool on)
{
	struct ethtool_value value = { .cmd = what, .data = on };
	struct ifreq ifr = { .ifr_data = (char *)&value };

	return ask_link(ns, name, SIOCETHTOOL, &ifr) ? complain("cannot set an offload of", name) : 0;
}

int ns_link_offloads(int ns, const char *name, bool on)
{
	/* one needs those before it */
	static const unsigned int what[] = {
		ETHTOOL_SRXCSUM, ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO,
	};
	int i, n = sizeof(what) / sizeof(what[0]);

	for (i = 0; i < n; i++)
		if (ns_link_offload(ns, name, what[on ? i : n - 1 - i], on))
			return -1;
	return 0;
}

int ns_neighbour(int ns, const char *name, const char *addr, int its_ns, const char *its_name)
{
	struct ndmsg nd = {
		.ndm_family = strchr(addr, ':') ? AF_INET6 : AF_INET,
		.ndm_ifindex = ns_link_index(ns, name),
		.ndm_state = NUD_PERMANENT,
	};
	struct netlink_request req;
	unsigned char bytes[16];
	struct ifreq ifr = {};

	if (ask_link(its_ns, its_name, SIOCGIFHWADDR, &ifr))
		return complain("no hardware address of", its_name);
	inet_pton(nd.ndm_family, addr, bytes);
	netlink_start(&req, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &nd, sizeof(nd));
	netlink_put(&req, NDA_DST, bytes, nd.ndm_family == AF_INET ? 4 : 16);
	netlink_put(&req, NDA_LLADDR, ifr.ifr_hwaddr.sa_data, 6);
	return netlink_talk(ns, &req) ? complain("no neighbour", addr) : 0;
}

int ns_route_default(int ns, const char *gateway)
{
	struct rtmsg route = {
		.rtm_family = strchr(gateway, ':') ? AF_INET6 : AF_INET, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC, .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST,
	};
	struct netlink_request req;
	unsigned char bytes[16];

	inet_pton(route.rtm_family, gateway, bytes);
	netlink_start(&req, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof(route));
	netlink_put(&req, RTA_GATEWAY, bytes, route.rtm_family == AF_INET ? 4 : 16);
	return netlink_talk(ns, &req) ? complain("no route by", gateway) : 0;
}

int ns_route_add(int ns, const char *net, const char *gateway, const char *from)
{
	struct rtmsg route = {
		.rtm_family = strchr(gateway, ':') ? AF_INET6 : AF_INET, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC, .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST,
	};
	const int len = route.rtm_family == AF_INET ? 4 : 16;
	const char *slash = strchr(net, '/');
	struct netlink_request req;
	unsigned char bytes[3][16];
	char text[64];

	snprintf(text, sizeof(text), "%.*s", slash ? (int)(slash - net) : 0, net);
	route.rtm_dst_len = slash ? atoi(slash + 1) : 0;
	if (inet_pton(route.rtm_family, text, bytes[0]) != 1 || inet_pton(route.rtm_family, gateway, bytes[1]) != 1 ||
	    inet_pton(route.rtm_family, from, bytes[2]) != 1) {
		errno = EINVAL;
		return complain("not a network:", net);
	}
	netlink_start(&req, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof(route));
	netlink_put(&req, RTA_DST, bytes[0], len);
	netlink_put(&req, RTA_GATEWAY, bytes[1], len);
	netlink_put(&req, RTA_PREFSRC, bytes[2], len);
	return netlink_talk(ns, &req) ? complain("no route to", net) : 0;
}

int ns_route_local(int ns, const char *net)
{
	struct rtmsg route = {
		.rtm_family = strchr(net, ':') ? AF_INET6 : AF_INET, .rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RTPROT_STATIC, .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL,
	};
	const char *slash = strchr(net, '/');
	struct netlink_request req;
	unsigned char bytes[16];
	char text[64];

	snprintf(text, sizeof(text), "%.*s", slash ? (int)(slash - net) : 0, net);
	route.rtm_dst_len = slash ? atoi(slash + 1) : 0;
	if (inet_pton(route.rtm_family, text, bytes) != 1) {
		errno = EINVAL;
		return complain("not a network:", net);
	}
	netlink_start(&req, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof(route));
	netlink_put(&req, RTA_DST, bytes, route.rtm_family == AF_INET ? 4 : 16);
	netlink_put_u32(&req, RTA_OIF, ns_link_index(ns, "lo"));
	return netlink_talk(ns, &req) ? complain("no local route to", net) : 0;
}

static int addr_set(int ns, const char *name, const char *addr, int type, int flags)
{
	struct ifaddrmsg info = { .ifa_flags = IFA_F_NODAD };
	struct netlink_request req;
	unsigned char bytes[16];
	char text[64], *slash;

	snprintf(text, sizeof(text), "%s", addr);
	slash = strchr(text, '/');
	if (!slash) {
		errno = EINVAL;
		return complain("no prefix length in", addr);
	}
	*slash = 0;
	info.ifa_prefixlen = atoi(slash + 1);
	info.ifa_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	info.ifa_index = ns_link_index(ns, name);
	if (inet_pton(info.ifa_family, text, bytes) != 1) {
		errno = EINVAL;
		return complain("not an address:", addr);
	}
	netlink_start(&req, type, flags, &info, sizeof(info));
	netlink_put(&req, IFA_LOCAL, bytes, info.ifa_family == AF_INET ? 4 : 16);
	netlink_put(&req, IFA_ADDRESS, bytes, info.ifa_family == AF_INET ? 4 : 16);
	return netlink_talk(ns, &req) ? complain("cannot add or remove", addr) : 0;
}

int ns_addr_add(int ns, const char *name, const char *addr)
{
	return addr_set(ns, name, addr, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
}

int ns_addr_del(int ns, const char *name, const char *addr)
{
	return addr_set(ns, name, addr, RTM_DELADDR, 0);
}

void ns_pair_close(struct ns_pair *pair)
{
	if (pair->a >= 0)
		close(pair->a);
	if (pair->b >= 0)
		close(pair->b);
	pair->a = -1;
	pair->b = -1;
}

int ns_pair_make(struct ns_pair *pair)
{
	pair->a = ns_make();
	pair->b = ns_make();
	if (pair->a < 0 || pair->b < 0 || ns_join(pair->a, pair->b, "veth0") ||
	    ns_addr_add(pair->a, "veth0", NS_A4 "/24") ||
	    ns_addr_add(pair->b, "veth0", NS_B4 "/24") ||
	    ns_addr_add(pair->a, "veth0", NS_A6 "/64") ||
	    ns_addr_add(pair->b, "veth0", NS_B6 "/64")) {
		ns_pair_close(pair);
		return -1;
	}
	return 0;
}

static int run_shell(void *line)
{
	execl("/bin/sh", "sh", "-c", line, NULL);
	return 127;
}

int ns_shell(int ns, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return ns_child(ns, run_shell, line);
}

static FILE *open_in(int ns, const char *path, const char *mode)
{
	int back = enter(ns);
	FILE *file;

	if (back < 0)
		return NULL;
	file = fopen(path, mode);
	leave(back);
	return file;
}

static FILE *open_sysctl(int ns, const char *name, const char *mode)
{
	char path[256], *c;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	if (!strchr(name, '/'))
		for (c = path + strlen("/proc/sys/"); *c; c++)
			if (*c == '.')
				*c = '/';
	file = open_in(ns, path, mode);
	if (!file)
		complain("cannot open", path);
	return file;
}

int ns_sysctl_set(int ns, const char *name, const char *format, ...)
{
	FILE *file = open_sysctl(ns, name, "w");
	va_list args;
	int ret;

	if (!file)
		return -1;
	va_start(args, format);
	ret = vfprintf(file, format, args);
	va_end(args);
	if (fclose(file) || ret < 0)
		return complain("cannot write", name);
	return 0;
}

long ns_sysctl_get(int ns, const char *name)
{
	FILE *file = open_sysctl(ns, name, "r");
	long value = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%ld", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

char *ns_read_file(int ns, const char *path)
{
	size_t len = 0, room = 65536;
	char *text, real[256];
	FILE *file;

	/* /proc/net is the main thread's; this thread may be elsewhere. */
	if (!strncmp(path, "/proc/net/", 10))
		snprintf(real, sizeof(real), "/proc/thread-self/net/%s", path + 10);
	else
		snprintf(real, sizeof(real), "%s", path);
	file = open_in(ns, real, "r");
	if (!file) {
		complain("cannot read", path);
		return NULL;
	}
	text = malloc(room);
	while (text) {
		len += fread(text + len, 1, room - 1 - len, file);
		if (len < room - 1)
			break;
		room *= 2;
		text = realloc(text, room);
	}
	fclose(file);
	if (text)
		text[len] = 0;
	return text;
}
