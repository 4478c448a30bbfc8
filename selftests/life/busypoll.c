// SPDX-License-Identifier: GPL-2.0
/*
 * SO_BUSY_POLL: a reader fetches from the device what waits there. The device is the end of a veth with NAPI, told to
 * let what arrives lie for a minute (napi_defer_hard_irqs and gro_flush_timeout), so nothing comes up unless somebody
 * polls for it. On both stacks, at the end that accepted and at the one that connected.
 *
 *	namespace a --- veth0 --- namespace b, where the readers are
 */
#include <sys/mount.h>
#include "lib/test.h"

#define SYSFS		"/tmp/xtcp_busypoll"
#define DEVICE		SYSFS "/class/net/veth0/"
#define NETSTAT		"/proc/net/netstat"
#define LIES_NS		60000000000
#define LOOP_US		1000000
#define PORT		7300
#define ENDS		2	/* accepted, connected */

/* Connections of one stack over one IP version. */
static struct lane {
	enum stack stack;
	const char *name;
	int reader[ENDS], writer[ENDS];
} lanes[4];

static struct ns_pair net;

static int mount_sysfs(void *arg)
{
	return mount("none", SYSFS, "sysfs", 0, NULL);
}

static void busy_us(int fd, int us)
{
	must(!setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)), "SO_BUSY_POLL");
}

/* What poll() and epoll_wait() do, for all sockets. */
static void busy_polls(int us)
{
	must(!ns_sysctl_set(ns_home(), "net.core.busy_poll", "%d", us), "busy_poll");
}

static unsigned int device_of(int fd)
{
	unsigned int id = 0;
	socklen_t len = sizeof(id);

	must(!getsockopt(fd, SOL_SOCKET, SO_INCOMING_NAPI_ID, &id, &len), "SO_INCOMING_NAPI_ID");
	return id;
}

static void open_lane(struct lane *lane, enum stack stack, bool v6)
{
	lane->stack = stack;
	lane->name = v6 ? "IPv6" : "IPv4";
	stack_pair_or_die(net.a, stack, net.b, stack, v6 ? NS_B6 : NS_B4, PORT, &lane->writer[0], &lane->reader[0]);
	stack_pair_or_die(net.b, stack, net.a, stack, v6 ? NS_A6 : NS_A4, PORT, &lane->reader[1], &lane->writer[1]);
	for (int i = 0; i < ENDS; i++) {
		must(!stack_set(lane->writer[i], IPPROTO_TCP, TCP_NODELAY, 1), "TCP_NODELAY");
		must(!stack_patience(lane->reader[i], SO_RCVTIMEO, 5 * SECOND_US), "SO_RCVTIMEO");
	}
}

static void result(bool ok, const struct lane *lane, const char *what)
{
	ksft_test_result(ok, "%s, %s: %s\n", stack_name(lane->stack), lane->name, what);
}

/* Before anything but handshakes has arrived. All go over one device, which has one queue. */
static void test_device(const struct lane *lane)
{
	const unsigned int id = device_of(lanes[0].reader[0]);

	result(id && device_of(lane->reader[0]) == id && device_of(lane->reader[1]) == id, lane,
	       "a new connection knows its device");
}

/* It is at the device when this returns: nothing on the way has a queue. */
static void put_octet(const struct lane *lane, int end)
{
	must(send(lane->writer[end], "x", 1, MSG_NOSIGNAL) == 1, "send");
}

static bool takes(const struct lane *lane, int end, int flags)
{
	char octet = 0;

	return recv(lane->reader[end], &octet, 1, flags) == 1 && octet == 'x';
}

static bool takes_nothing(const struct lane *lane, int end)
{
	return !takes(lane, end, MSG_DONTWAIT) && errno == EAGAIN;
}

/* From the first segment on that comes now, the device does not say what came. */
static void let_it_lie(void)
{
	must_put(DEVICE "napi_defer_hard_irqs", "%d", 1 << 30);
	must_put(DEVICE "gro_flush_timeout", "%ld", LIES_NS);
	busy_us(lanes[0].reader[0], LOOP_US);
	put_octet(&lanes[0], 0);
	must(WAIT_FOR(takes(&lanes[0], 0, MSG_DONTWAIT), STACK_DEADLINE_MS), "recv");
	busy_us(lanes[0].reader[0], 0);
}

static void test_recv(const struct lane *lane)
{
	long long before = counter_now(net.b, NETSTAT, "TcpExt:BusyPollRxPackets");
	bool ok = true;

	for (int end = 0; end < ENDS; end++) {
		put_octet(lane, end);
		ok &= takes_nothing(lane, end);
		ok &= counter_now(net.b, NETSTAT, "TcpExt:BusyPollRxPackets") == before;
		busy_us(lane->reader[end], LOOP_US);
		ok &= takes(lane, end, MSG_DONTWAIT);
		ok &= counter_now(net.b, NETSTAT, "TcpExt:BusyPollRxPackets") > before;
		put_octet(lane, end);
		ok &= takes(lane, end, 0);
		busy_us(lane->reader[end], 0);
		before = counter_now(net.b, NETSTAT, "TcpExt:BusyPollRxPackets");
	}
	result(ok, lane, "recv() fetches what waits at the device, at once and when it waits");
}

static void test_poll(const struct lane *lane)
{
	bool ok = true;

	for (int end = 0; end < ENDS; end++) {
		struct pollfd pollfd = { .fd = lane->reader[end], .events = POLLIN };

		busy_us(lane->reader[end], LOOP_US);
		put_octet(lane, end);
		ok &= !poll(&pollfd, 1, 0);
		busy_polls(LOOP_US);
		ok &= poll(&pollfd, 1, 0) == 1 && pollfd.revents == POLLIN;
		busy_polls(0);
		busy_us(lane->reader[end], 0);
		ok &= takes(lane, end, MSG_DONTWAIT);
	}
	result(ok, lane, "poll() fetches it");
}

static void test_epoll(const struct lane *lane)
{
	bool ok = true;

	for (int end = 0; end < ENDS; end++) {
		struct epoll_event event = { .events = EPOLLIN };
		int epoll = must_have(epoll_create1(EPOLL_CLOEXEC), "epoll");

		busy_polls(LOOP_US);
		must(!epoll_ctl(epoll, EPOLL_CTL_ADD, lane->reader[end], &event), "EPOLL_CTL_ADD");
		put_octet(lane, end);
		ok &= !epoll_wait(epoll, &event, 1, 0);
		ok &= epoll_wait(epoll, &event, 1, STACK_DEADLINE_MS) == 1 && event.events == EPOLLIN;
		busy_polls(0);
		ok &= takes(lane, end, MSG_DONTWAIT);
		close(epoll);
	}
	result(ok, lane, "epoll_wait() fetches it");
}

int main(void)
{
	test_begin(4 * ARRAY_SIZE(lanes));
	must(!ns_pair_make(&net), "namespaces");
	/* a veth polls what its other end has not put together */
	must(!ns_link_offloads(net.a, "veth0", false) && !ns_link_offloads(net.b, "veth0", true), "offloads");
	mkdir(SYSFS, 0700);
	must(!ns_call(net.b, mount_sysfs, NULL), "sysfs");
	for (unsigned int i = 0; i < ARRAY_SIZE(lanes); i++)
		open_lane(&lanes[i], i & 1 ? XTCP : KERNEL, i & 2);
	for (unsigned int i = 0; i < ARRAY_SIZE(lanes); i++)
		test_device(&lanes[i]);
	let_it_lie();
	for (unsigned int i = 0; i < ARRAY_SIZE(lanes); i++) {
		test_recv(&lanes[i]);
		test_poll(&lanes[i]);
		test_epoll(&lanes[i]);
	}
	/* without NAPI nothing lies there, so that all can end */
	must(!ns_link_offloads(net.b, "veth0", false), "offloads");
	for (unsigned int i = 0; i < ARRAY_SIZE(lanes); i++)
		for (unsigned int end = 0; end < ENDS; end++)
			close_each(lanes[i].reader[end], lanes[i].writer[end]);
	umount(SYSFS);
	rmdir(SYSFS);
	ksft_finished();
}
