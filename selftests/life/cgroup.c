// SPDX-License-Identifier: GPL-2.0
/*
 * The limit that a memory control group sets to its sockets (version 1: memory.kmem.tcp, which limits nothing else), of
 * 64 pages: streams in both directions arrive whole, the limit was met on the way, and all that was charged is given
 * back. A connection belongs to the group that accepts it. On both stacks.
 *
 * And what xtcp takes beyond that limit, since wmem[0] is due to everyone: it has memory charged in a way of its own
 * (module/base/memory.c), and so it may be this that makes memory scarce for all, and this that ends it.
 */
#include <sys/mount.h>
#include "lib/test.h"

#define TREE		"/tmp/xtcp_cgroup"
#define GROUP		TREE "/group/"
#define TCP		GROUP "memory.kmem.tcp."
#define PAGES		64
#define PAGES_MORE	32	/* an skb goes beyond that which the stream cannot do without: a bundle with its head */
#define OCTETS		4194304	/* last for several round trips of 1 ms or more: the receive buffer grows */
#define HOLDERS		4	/* connections that hold more than the processors keep of the count to themselves */
#define DUE		16384	/* net.xtcp.wmem[0] */
#define ROOM_PAGES	4	/* holds that, and not what send() asks for first */
#define LARGE		65536
#define SCARCE_MS	40
#define LEAVE_MS	200

static int net;
static long page;

static long number_in(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	must(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, path);
	close(fd);
	return atol(text);
}

/* A socket belongs to the group of the task that makes it, an accepted one to that of the task that accepts it. */
static void enter_group(bool in)
{
	must_put(in ? GROUP "cgroup.procs" : TREE "/cgroup.procs", "0");
}

static void connect_member(enum stack stack, const char *text, int *member, int *other)
{
	int listener = stack_listener(net, stack, text, 0, false);

	enter_group(true);
	*member = stack_socket(net, stack, text);
	enter_group(false);
	must(listener >= 0 && *member >= 0 && !stack_connect(*member, text, stack_port(listener)), "connect()");
	*other = must_have(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept()");
	close(listener);
}

static unsigned char octet(size_t n)
{
	return n * 7 + (n >> 8) * 13;
}

static size_t write_some(int fd, size_t at, size_t most)
{
	static unsigned char bytes[LARGE];
	ssize_t n;

	if (most > sizeof(bytes))
		most = sizeof(bytes);
	for (size_t i = 0; i < most; i++)
		bytes[i] = octet(at + i);
	n = most ? send(fd, bytes, most, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	return n > 0 ? n : 0;
}

/* Reads what is there; false when an octet is not what was sent. */
static bool read_some(int fd, size_t *at)
{
	unsigned char bytes[LARGE];
	ssize_t n, i;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		for (i = 0; i < n; i++)
			if (bytes[i] != octet((*at)++))
				return false;
	return true;
}

/* Reads only when nothing more can be written, so that both ends hold what they may. */
static bool carries(int from, int to)
{
	size_t sent = 0, got = 0, n, before;

	while (got < OCTETS) {
		while ((n = write_some(from, sent, OCTETS - sent)))
			sent += n;
		before = got;
		if (!WAIT_FOR(!read_some(to, &got) || got > before, STACK_DEADLINE_MS)) {
			ksft_print_msg("stands still: %zu sent, %zu received\n", sent, got);
			return false;
		}
	}
	return got == OCTETS;
}

static bool all_is_back(void)
{
	if (WAIT_FOR(!number_in(TCP "usage_in_bytes"), STACK_DEADLINE_MS))
		return true;
	ksft_print_msg("%ld octets are still charged\n", number_in(TCP "usage_in_bytes"));
	return false;
}

static void test_stream(enum stack stack, const char *text, bool out)
{
	int member, other;
	long met, most;
	bool ok;

	must_put(TCP "limit_in_bytes", "%ld", PAGES * page);
	must_put(TCP "failcnt", "0");
	must_put(TCP "max_usage_in_bytes", "0");
	connect_member(stack, text, &member, &other);
	ok = out ? carries(member, other) : carries(other, member);
	met = number_in(TCP "failcnt");
	most = number_in(TCP "max_usage_in_bytes") / page;
	ksft_print_msg("met the limit %ld times, %ld pages at most\n", met, most);
	close_each(member, other);
	ok = all_is_back() && ok;
	ksft_test_result(ok && met > 0 && most <= PAGES + PAGES_MORE, "%s, %s: a stream %s a group without memory\n",
			 stack_name(stack), text, out ? "from" : "to");
}

/* What waits for a task of the group to read it is charged to the group, though the listener is of another one. */
static void test_accepted(enum stack stack, const char *text)
{
	int listener = stack_listener(net, stack, text, 0, false), from, to;
	bool ok;

	must_put(TCP "limit_in_bytes", "%ld", PAGES * page);
	must(listener >= 0, "listener");
	from = stack_connected(net, stack, text, stack_port(listener));
	enter_group(true);
	to = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	enter_group(false);
	must(from >= 0 && to >= 0 && write_some(from, 0, LARGE) > 0, "connection");
	ok = WAIT_FOR(number_in(TCP "usage_in_bytes") > 0, STACK_DEADLINE_MS);
	close_each(from, to, listener);
	ok = all_is_back() && ok;
	ksft_test_result(ok, "%s, %s: a connection is charged to the group that accepts it\n", stack_name(stack), text);
}

/* Meanwhile nothing arrives, so nothing else is charged; one octet is on its way, and the rest waits (Nagle). */
static void prepare_waiting(int member)
{
	must(write_some(member, 0, 1) == 1 && write_some(member, 1, 1) == 1, "write");
}

/* A task of its own has a fragment of pages to copy to: more is asked for than the group has left, which is refused. */
static bool writes_what_is_due(int fd)
{
	size_t n;
	pid_t pid;
	int status;

	must_put(TCP "limit_in_bytes", "%ld", number_in(TCP "usage_in_bytes") + ROOM_PAGES * page);
	must_put(TCP "failcnt", "0");
	pid = must_have(fork(), "fork()");
	if (!pid) {
		n = write_some(fd, 2, LARGE);
		_exit(n > DUE / 2 && n < DUE ? 0 : 1);
	}
	must(waitpid(pid, &status, 0) == pid, "waitpid()");
	return !status && number_in(TCP "failcnt") > 0;
}

/* What was written arrives as soon as the group may have more. */
static bool drains(int other)
{
	size_t got = 0;

	return WAIT_FOR(!read_some(other, &got) || got > DUE / 2, STACK_DEADLINE_MS) && got > DUE / 2;
}

static void hold_memory(const char *text, int *fds)
{
	must(!ns_sysctl_set(net, "net.xtcp.wmem", "4194304 4194304 4194304"), "wmem");
	for (int i = 0; i < HOLDERS; i++) {
		stack_pair_or_die(net, XTCP, net, XTCP, text, 0, &fds[2 * i], &fds[2 * i + 1]);
		while (write_some(fds[2 * i], 0, LARGE))
			;
	}
	must(!ns_sysctl_set(net, "net.xtcp.wmem", "%d 65536 4194304", DUE), "wmem");
}

static void test_pressure(const char *text)
{
	char *mem = ns_read_file(ns_home(), "/proc/sys/net/ipv4/tcp_mem");
	int fds[2 * HOLDERS], member[2], other[2], i, size = 1048576;
	struct counters before, entered, left;
	bool wrote[2], ok;

	must(mem, "tcp_mem");
	mem[strcspn(mem, "\n")] = 0;
	must_put(TCP "limit_in_bytes", "%ld", PAGES * page);
	hold_memory(text, fds);
	for (i = 0; i < 2; i++) {
		connect_member(XTCP, text, &member[i], &other[i]);
		must(!setsockopt(member[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), "SO_SNDBUF");
	}
	must(!netem_hold(net, "lo"), "plug");
	for (i = 0; i < 2; i++)
		prepare_waiting(member[i]);
	must(!counters_read_xtcp(&before, net), "counters");
	must(!ns_sysctl_set(ns_home(), "net.ipv4.tcp_mem", "1 1 %d", 1 << 30), "tcp_mem");
	wrote[0] = writes_what_is_due(member[0]);
	must(!counters_read_xtcp(&entered, net), "counters");
	must(!ns_sysctl_set(ns_home(), "net.ipv4.tcp_mem", "%s", mem), "tcp_mem");
	wait_until_ms(wait_now_ms() + SCARCE_MS);
	wrote[1] = writes_what_is_due(member[1]);
	must(!counters_read_xtcp(&left, net), "counters");
	ksft_test_result(wrote[0] && counters_diff(&before, &entered, "TcpExt:TCPMemoryPressures") == 1 &&
			 !counters_diff(&before, &entered, "TcpExt:TCPMemoryPressuresChrono"),
			 "%s: what is due to a member makes memory scarce\n", text);
	ksft_test_result(wrote[1] && !counters_diff(&entered, &left, "TcpExt:TCPMemoryPressures") &&
			 counters_diff(&entered, &left, "TcpExt:TCPMemoryPressuresChrono") >= SCARCE_MS - 8,
			 "%s: what is due to a member ends that\n", text);
	must_put(TCP "limit_in_bytes", "%ld", PAGES * page);
	must(!netem_release(net, "lo"), "plug");
	ok = drains(other[0]) && drains(other[1]);
	for (i = 0; i < 2; i++)
		close_each(member[i], other[i]);
	stack_close(fds, 2 * HOLDERS);
	must(!netem_clear(net, "lo"), "no plug");
	ksft_test_result(all_is_back() && ok, "%s: it arrives, and is given back\n", text);
	free(mem);
}

static bool mount_group(void)
{
	mkdir(TREE, 0700);
	if (mount("none", TREE, "cgroup", 0, "memory"))
		return false;
	must(!mkdir(TREE "/group", 0700), "group");
	if (!access(TCP "limit_in_bytes", W_OK))
		return true;
	rmdir(TREE "/group");
	umount(TREE);
	return false;
}

/* In the tree that all other programs look at. */
static bool memory_is_back(void)
{
	char text[256] = "";
	FILE *f = fopen("/sys/fs/cgroup/cgroup.controllers", "r");

	must(f, "cgroup2");
	must(fgets(text, sizeof(text), f) || feof(f), "cgroup.controllers");
	fclose(f);
	return strstr(text, "memory");
}

/* The hierarchy stays while a group that is gone still has memory to its account: it is mounted again, and left. */
static void unmount_group(void)
{
	int again = STACK_DEADLINE_MS / LEAVE_MS;

	must_put(GROUP "memory.force_empty", "0");
	must(!rmdir(TREE "/group"), "group");
	while (!umount(TREE) && !WAIT_FOR(memory_is_back(), LEAVE_MS))
		must(again-- && !mount("none", TREE, "cgroup", 0, "memory"), "memory is not given back");
	rmdir(TREE);
}

int main(void)
{
	static const char * const texts[] = { "127.0.0.1", "::1" };

	ksft_print_header();
	setlinebuf(stdout);
	page = sysconf(_SC_PAGESIZE);
	if (!mount_group()) {
		printf("1..1\nok 1 cgroup # SKIP the kernel cannot limit the sockets of a group alone\n");
		return KSFT_PASS;
	}
	ksft_set_plan(2 * (stack_count() * 3 + 3));
	net = must_have(ns_make(), "namespace");
	for (int i = 0; i < 2; i++) {
		for (int stack = stack_first(); stack <= XTCP; stack++) {
			test_stream(stack, texts[i], true);
			test_stream(stack, texts[i], false);
			test_accepted(stack, texts[i]);
		}
		test_pressure(texts[i]);
	}
	close(net);
	unmount_group();
	ksft_finished();
}
