// SPDX-License-Identifier: GPL-2.0
/*
 * An ordinary user, in namespaces of his own, keeps closed sockets, and segments of theirs where the module cannot get
 * at them: in a qdisc, or in a queue of netfilter. Unloading says "in use" at once. Everybody else goes on to open
 * sockets, and xtcp-holders names the holder.
 *
 * The segments are SYNs, text, FINs, RSTs, a retransmission, the answer of a listener, and those of a child that nobody
 * accepted; they wait in netem or in an NFQUEUE. When they are gone, or their namespace is, the module unloads. It also
 * unloads a moment after close() over loopback, and after the owner of a queue has turned a segment into another
 * packet. "xtcp unload" ends what is no segment below, and refuses new sockets meanwhile.
 */
#include <grp.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <netinet/udp.h>
#include "lib/test.h"
#include "tun.h"
#include "wire.h"

NEEDS_SCRIPTS;
NEEDS_PROGRAMS("ip tc nft");

#define PORT		7500
#define QUEUE		5
#define ROUNDS		32
#define NOBODY		65534
#define HERE4		"10.5.0.1"
#define THERE4		"10.5.0.2"
#define HERE6		"fd00:5::1"
#define THERE6		"fd00:5::2"
#define LONG		"netem delay 200s"

/* In a process of the user: @before in his namespace, @between after @open, @after when all is closed; @freed frees. */
struct attack {
	const char *name;
	const char *before;
	void (*open)(void);
	const char *between;
	void (*end)(void);
	const char *after;
	const char *freed;
	const char *address;	/* what is to be read of it */
	bool queue;		/* of netfilter */
	const char *is_below;	/* true when its segment is, while its listener's descriptor still holds the module */
};

/* The user's descriptors. */
static int client = -1, server = -1, listener = -1, tun = -1;

static int make(bool xtcp, const char *address)
{
	bool v6 = strchr(address, ':');
	int fd = socket(xtcp ? AF_XTCP : v6 ? AF_INET6 : AF_INET, SOCK_STREAM,
			!xtcp ? 0 : v6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);

	must(fd >= 0, "socket");
	return fd;
}

static void listen_at(bool xtcp, const char *address)
{
	union stack_addr addr = stack_addr(address, PORT);

	listener = make(xtcp, address);
	must(!stack_set(listener, SOL_SOCKET, SO_REUSEADDR, 1) &&
	     !bind(listener, &addr.sa, stack_addr_len(&addr)) && !listen(listener, 8), "listen");
}

static void connect_to(bool xtcp, const char *address)
{
	client = make(xtcp, address);
	must(!stack_connect(client, address, PORT), "connect");
}

static void connect_in_vain(const char *address)
{
	client = make(true, address);
	must(!stack_begin(client, address, PORT), "connect in vain");
}

static void close_all(void)
{
	int *fds[] = { &listener, &server, &client };

	for (unsigned int i = 0; i < 3; i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
}

static int one_in_vain(void *unused)
{
	connect_in_vain(THERE4);
	return 0;
}

static void open_syn(void)
{
	connect_in_vain(THERE4);
}

static void open_syn_v6(void)
{
	connect_in_vain(THERE6);
}

/* Both ends are xtcp's. The client wants to know when its segments leave. */
static void open_pair(void)
{
	const int stamps = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE;

	listen_at(true, "127.0.0.1");
	connect_to(true, "127.0.0.1");
	server = accept(listener, NULL, NULL);
	must(server >= 0 && !stack_set(client, SOL_SOCKET, SO_TIMESTAMPING, stamps) &&
	     stack_carries(client, server, 1000), "pair");
}

static void end_pair(void)
{
	must(send(client, "abc", 3, 0) == 3, "text");
	close_all();
}

/* The server has closed. */
static void open_half(void)
{
	open_pair();
	close(server);
	must(stack_at_end(client), "the server's FIN");
	server = -1;
}

static void end_by_reset(void)
{
	must(!stack_reset_at_close(client), "linger");
	close_all();
}

/* Only the client is xtcp's. */
static void open_client(void)
{
	listen_at(false, "127.0.0.1");
	connect_to(true, "127.0.0.1");
	server = accept(listener, NULL, NULL);
	must(server >= 0 && stack_carries(client, server, 1000), "client");
}

static void end_client(void)
{
	close(client);
	client = -1;
}

/* Only the listener is, and nobody accepts. */
static void open_child(void)
{
	listen_at(true, "127.0.0.1");
	connect_to(false, "127.0.0.1");
}

static void open_child_with_text(void)
{
	open_child();
	must(send(client, "abc", 3, 0) == 3, "text");
}

static void end_listener(void)
{
	close(listener);
	listener = -1;
}

static void open_listener(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "tun0" };

	listen_at(true, "0.0.0.0");
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	must(tun >= 0 && !ioctl(tun, TUNSETIFF, &ifr), "tun");
}

/* A SYN of a host that does not exist. */
static void end_answered_listener(void)
{
	tun_inject(tun, THERE4, HERE4, &(struct wire_segment){
		.sport = 1024, .dport = PORT, .seq = 1000, .flags = WIRE_SYN, .win = 65535,
	});
	end_listener();
}

#define QUEUED	"add table ip held; add chain ip held out { type filter hook output priority 0; };" \
		"add rule ip held out tcp "
#define DUMMY	"ip link add d0 type dummy && ip link set d0 up && ip addr add " HERE4 "/24 dev d0 && " \
		"ip addr add " HERE6 "/64 dev d0 nodad && "
#define DELAY(dev)	"tc qdisc add dev " dev " root " LONG
#define FREE(dev)	"tc qdisc del dev " dev " root"

static const struct attack attacks[] = {
	{
		.name = "a SYN that nobody answers", .before = DUMMY DELAY("d0"),
		.open = open_syn, .end = close_all, .freed = FREE("d0"), .address = THERE4 ":7500",
	}, {
		.name = "the same over IPv6", .before = DUMMY DELAY("d0"),
		.open = open_syn_v6, .end = close_all, .freed = FREE("d0"), .address = "[" THERE6 "]:7500",
	}, {
		.name = "a SYN in a queue of netfilter",
		.before = DUMMY "nft '" QUEUED "dport 7500 queue num 5'",
		.open = open_syn, .end = close_all, .freed = "true", .address = THERE4 ":7500", .queue = true,
	}, {
		.name = "text and the FIN behind it", .before = "ip link set lo up", .open = open_pair,
		.between = DELAY("lo"), .end = end_pair, .freed = FREE("lo"), .address = "127.0.0.1:7500",
	}, {
		.name = "an RST", .before = "ip link set lo up", .open = open_half,
		.between = DELAY("lo"), .end = end_by_reset, .freed = FREE("lo"), .address = "127.0.0.1:7500",
	}, {
		.name = "the FIN of one without a program, again", .before = "ip link set lo up", .open = open_client,
		.between = "tc qdisc add dev lo root netem loss 100%", .end = end_client,
		.after = "tc qdisc change dev lo root netem loss 0% delay 200s", .freed = FREE("lo"),
		.address = "127.0.0.1:7500",
	}, {
		.name = "the RST of a child that nobody has accepted", .before = "ip link set lo up",
		.open = open_child, .between = DELAY("lo"), .end = end_listener, .freed = FREE("lo"),
		.address = "127.0.0.1:7500",
	}, {
		.name = "the ACK of a child that nobody has accepted",
		.before = "ip link set lo up && nft '" QUEUED "sport 7500 tcp flags & syn == 0 queue num 5'",
		.open = open_child_with_text,
		.is_below = "awk '$3 { n++ } END { exit !n }' /proc/net/netfilter/nfnetlink_queue",
		.end = end_listener, .freed = "true", .address = "127.0.0.1:7500", .queue = true,
	}, {
		.name = "a SYN-ACK whose listener is closed", .before = "nft '" QUEUED "sport 7500 queue num 5'",
		.open = open_listener, .between = "ip addr add " HERE4 "/24 dev tun0 && ip link set tun0 up",
		.end = end_answered_listener, .freed = "true", .address = "0.0.0.0:7500", .queue = true,
	}, {
		.name = "a SYN whose namespace ends", .before = DUMMY DELAY("d0"),
		.open = open_syn, .end = close_all, .address = THERE4 ":7500",
	},
};

/* The user's process, and what tells it to go on, and that it has done so. */
struct user {
	pid_t pid;
	int ns;
	int go, done;
};

static void tell_and_wait(int done, int go)
{
	char octet;

	if (write(done, "", 1) != 1 || read(go, &octet, 1) != 1)
		_exit(0);
}

static void act(const struct attack *attack, int go, int done)
{
	must(!setgroups(0, NULL) && !setresgid(NOBODY, NOBODY, NOBODY) && !setresuid(NOBODY, NOBODY, NOBODY) &&
	     !unshare(CLONE_NEWUSER | CLONE_NEWNET), "an ordinary user's namespaces");
	tell_and_wait(done, go);
	attack->open();
	tell_and_wait(done, go);
	attack->end();
	tell_and_wait(done, go);
	_exit(0);
}

static void expect_done(const struct user *user)
{
	char octet;

	must(read(user->done, &octet, 1) == 1, "the user's process has ended");
}

static void go_on(const struct user *user)
{
	must(write(user->go, "", 1) == 1, "pipe");
	expect_done(user);
}

static struct user begin(const struct attack *attack)
{
	int go[2], done[2];
	struct user user;
	char path[64];

	must(!pipe2(go, O_CLOEXEC) && !pipe2(done, O_CLOEXEC), "pipes");
	fflush(NULL);
	user.pid = fork();
	if (!user.pid) {
		close_each(go[1], done[0]);
		act(attack, go[0], done[1]);
	}
	close_each(go[0], done[1]);
	user.go = go[1];
	user.done = done[0];
	expect_done(&user);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", user.pid);
	user.ns = open(path, O_RDONLY | O_CLOEXEC);
	must(user.pid > 0 && user.ns >= 0, "a user");
	return user;
}

static void end(struct user *user)
{
	close_each(user->go, user->done);
	must(waitpid(user->pid, NULL, 0) == user->pid, "waitpid");
	if (user->ns >= 0)
		close(user->ns);
	user->ns = -1;
}

/* Does xtcp-holders say so of @ns? */
static bool holders_name(int ns, const char *address)
{
	FILE *pipe = popen("scripts/tools/xtcp-holders 2>&1", "re");
	char line[256], inum[32], all[1024] = "";
	bool found = false;
	struct stat stat;

	must(pipe && !fstat(ns, &stat), "xtcp-holders");
	snprintf(inum, sizeof(inum), "net:[%lu]", (unsigned long)stat.st_ino);
	while (fgets(line, sizeof(line), pipe)) {
		if (strstr(line, inum) && strstr(line, address))
			found = true;
		strncat(all, line, sizeof(all) - strlen(all) - 1);
	}
	if (!pclose(pipe) && found)
		return true;
	ksft_print_msg("xtcp-holders said, without %s and %s: %s\n", inum, address, all);
	return false;
}

static bool anybody_opens(void)
{
	int fd = socket(AF_XTCP, SOCK_STREAM, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void try_attack(const struct attack *attack)
{
	struct user user = begin(attack);
	int queue = -1, said, gone;
	pid_t rmmod;

	must(!ns_shell(user.ns, "%s", attack->before), "the network before");
	if (attack->queue)
		queue = must_have(nfqueue_hold(user.ns, QUEUE), "a queue of netfilter");
	go_on(&user);
	must(!attack->between || !ns_shell(user.ns, "%s", attack->between), "the network");
	if (attack->is_below) {
		must(WAIT_FOR(!ns_shell(user.ns, "%s", attack->is_below), STACK_DEADLINE_MS), "a segment below");
		ksft_test_result(!module_held(), "%s: its listener holds the module for it\n", attack->name);
	}
	go_on(&user);
	must(!attack->after || !ns_shell(user.ns, "%s", attack->after), "the network afterwards");

	said = module_unload_apart(&rmmod);
	ksft_test_result(said == EWOULDBLOCK, "%s: unloading says \"in use\" (%d)\n", attack->name, said);
	ksft_test_result(anybody_opens(), "%s: anybody opens sockets\n", attack->name);
	ksft_test_result(module_held() > 0 && holders_name(user.ns, attack->address), "%s: is named\n", attack->name);

	if (attack->freed)
		must(!ns_shell(user.ns, "%s", attack->freed), "segments go");
	else
		end(&user);
	if (attack->queue)
		close(queue);
	gone = WAIT_FOR(!module_references(), STACK_DEADLINE_MS);
	if (rmmod)
		must(waitpid(rmmod, NULL, 0) == rmmod, "rmmod");
	if (!gone)
		ksft_print_msg("%d held, %d references\n", module_held(), module_references());
	ksft_test_result(gone && !module_unload_now(), "%s: when it is gone the module goes\n", attack->name);
	if (user.ns >= 0)
		end(&user);
	if (!module_is_loaded())
		must(!module_load(""), "the module");
}

/* Over loopback nothing stays, in whatever order a connection is closed: neither an orphan nor a segment below. */
static void unload_soon(void)
{
	int round, refused = 0;

	for (round = 0; round < ROUNDS; round++) {
		open_pair();
		must(!(round & 1) || send(client, "abc", 3, 0) == 3, "text");
		if (round & 2)
			shutdown(server, SHUT_WR);
		if (round & 4) {
			close(server);
			server = -1;
		}
		close_all();
		listener = -1;
		server = -1;
		refused += !WAIT_FOR(!module_references(), STACK_DEADLINE_MS) || module_unload_now();
		must(module_is_loaded() || !module_load(""), "the module");
	}
	ksft_test_result(!refused, "of %d times after close() over loopback unloading was refused %d times\n",
			 ROUNDS, refused);
}

/*
 * Early demux has attached a socket to a segment, and the owner of a queue turns it into a datagram. Then UDP takes the
 * socket, whose filter drops the datagram.
 */
static void segment_becomes_datagram(void)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
	} p = {
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .tot_len = htons(sizeof(p)),
			.saddr = inet_addr(NS_B4), .daddr = inet_addr(NS_A4) },
		.udp = { .uh_sport = htons(1024), .uh_dport = htons(PORT), .uh_ulen = htons(sizeof(p.udp)) },
	};
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog drop = { 1, &none };
	int ns = ns_make_guest(), its = ns_make(), to, from, queue, packet, said;
	pid_t rmmod;

	/* over loopback a segment has its route already, so early demux leaves it alone */
	must(ns >= 0 && its >= 0 && !ns_join(ns, its, "veth0") && !ns_addr_add(ns, "veth0", NS_A4 "/24") &&
	     !ns_addr_add(its, "veth0", NS_B4 "/24"), "guest");
	stack_pair_or_die(its, KERNEL, ns, XTCP, NS_A4, PORT, &from, &to);
	must(!ns_shell(ns, "nft 'add table ip held; add chain ip held in { type filter hook input priority 0; };"
		       "add rule ip held in tcp dport %d queue num %d'", PORT, QUEUE), "nft");
	queue = nfqueue_hold(ns, QUEUE);
	must(queue >= 0 && send(from, "abc", 3, 0) == 3, "text");
	packet = nfqueue_next(queue, STACK_DEADLINE_MS);
	must(!setsockopt(to, SOL_SOCKET, SO_ATTACH_FILTER, &drop, sizeof(drop)), "filter");
	must(packet > 0 && !nfqueue_pass_as(queue, QUEUE, packet, &p, sizeof(p)), "a datagram");
	stack_reset_at_close(to);
	close_each(to, from, queue, its, ns);
	must(WAIT_FOR(!module_references(), STACK_DEADLINE_MS), "something holds the module");
	said = module_unload_apart(&rmmod);
	ksft_test_result(!said, "a segment that became a datagram in a queue keeps nobody from unloading (%d)\n", said);
	if (!said)
		must(!module_load(""), "the module");
}

#define MANY	150	/* more than held_by has room for */
#define CLOSED	7	/* as in /proc/net/tcp */

/* held_by names as many as fit into a page, each in a whole row. */
static void names_what_fits(void)
{
	unsigned int inum, state, rows = 0;
	char page[4097] = "", *row, *end;
	int ns = ns_make(), i, fd, len;
	struct stat st;

	must(ns >= 0 && !fstat(ns, &st) && !ns_shell(ns, "%s", DUMMY DELAY("d0")), "a namespace");
	for (i = 0; i < MANY; i++) {
		must(!ns_call(ns, one_in_vain, NULL), "a SYN that waits");
		close(client);
	}
	must(module_held() == MANY, "all are held");
	fd = open("/sys/module/xtcp/parameters/held_by", O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, page, sizeof(page) - 1);
	must(len > 0, "held_by");
	close(fd);
	for (row = page; (end = strchr(row, '\n')); row = end + 1, rows++)
		if (sscanf(row, "net:[%u] " HERE4 ":%*u " THERE4 ":%d %x", &inum, &i, &state) != 3 ||
		    inum != st.st_ino || i != PORT || state != CLOSED)
			break;
	ksft_print_msg("%d octets, %u rows, then \"%s\"\n", len, rows, row);
	ksft_test_result(sscanf(row, "%d more", &i) == 1 && rows > MANY / 4 && rows + i == MANY,
			 "held_by has whole rows, as many as fit, and the number of the others\n");
	must(!ns_shell(ns, "%s", FREE("d0")), "segments go");
	close(ns);
	must(WAIT_FOR(!module_held(), STACK_DEADLINE_MS), "something holds the module");
}

/* The client's descriptor was the last one, and close() waits for the peer. */
static pid_t client_lingers(void)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 1000 };
	int parent[2];
	char octet;
	pid_t pid;

	must(!setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), "linger");
	must(!pipe2(parent, O_CLOEXEC), "pipe");
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(parent[1]);
		must(!read(parent[0], &octet, 1), "pipe");
		close(client);
		_exit(0);
	}
	close_each(client, parent[0], parent[1]);
	client = -1;
	return pid;
}

/* A socket that no program has open: it is on its way to one. */
static void send_a_socket(int to)
{
	int fd = socket(AF_XTCP, SOCK_STREAM, 0);
	char control[CMSG_SPACE(sizeof(fd))] = "";
	struct iovec iov = { "", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	*head = (struct cmsghdr) { CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	must(fd >= 0 && sendmsg(to, &msg, 0) == 1, "a socket on its way");
	close(fd);
}

/* A connection whose FIN nobody acknowledges: it holds the module, and nothing of it is below. */
static void orphan_ends(void)
{
	int ns = ns_make(), pair[2];
	pid_t rmmod, closes;
	bool refused;

	must(ns >= 0 && !ns_enter(ns) && !ns_shell(ns, "ip link set lo up"), "a namespace");
	open_client();
	must(!ns_shell(ns, "tc qdisc add dev lo root netem loss 100%%"), "netem");
	closes = client_lingers();
	ksft_test_result(WAIT_FOR(module_held() > 0, STACK_DEADLINE_MS) && holders_name(ns, "127.0.0.1:7500"),
			 "a socket whose close() waits is named\n");
	must(!kill(closes, SIGKILL) && waitpid(closes, NULL, 0) == closes, "its program ends");
	close_each(listener, server);
	ksft_test_result(module_unload_apart(&rmmod) == EWOULDBLOCK, "an orphan holds the module\n");
	ksft_test_result(holders_name(ns, "127.0.0.1:7500"), "it is named\n");
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "a pair");
	send_a_socket(pair[0]);
	ksft_test_result(!system("scripts/tools/xtcp-holders --unload 2>&1 | grep -q 'held 2 times more'") &&
			 module_held() == 1 && anybody_opens(), "\"xtcp unload\" ends nothing if others hold it\n");
	close_each(pair[0], pair[1]);
	must(WAIT_FOR(module_references() == 1, STACK_DEADLINE_MS), "the orphan alone holds the module");
	/* as if "xtcp unload" were killed */
	must(!module_ending("xtcp", 2), "the parameter");
	refused = socket(AF_XTCP, SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT;
	ksft_test_result(refused && WAIT_FOR(anybody_opens(), STACK_DEADLINE_MS), "for a moment there is no family\n");
	must(!ns_enter(ns_home()), "home");
	ksft_test_result(WAIT_FOR(!module_references(), STACK_DEADLINE_MS) && !module_unload_now(),
			 "the orphan has ended\n");
	must(!module_load(""), "the module");
	close(ns);
}

int main(void)
{
	const int count = sizeof(attacks) / sizeof(attacks[0]);

	test_begin(4 * count + 10);
	/* as every distribution has it */
	chmod("/dev/net/tun", 0666);
	for (int i = 0; i < count; i++)
		try_attack(&attacks[i]);
	unload_soon();
	orphan_ends();
	segment_becomes_datagram();
	names_what_fits();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
