// SPDX-License-Identifier: GPL-2.0
/*
 * Which member of a SO_REUSEPORT group gets a SYN: by SO_INCOMING_CPU, with more members than anybody looks at one by
 * one, by a program, and by its device. The same on both stacks; the client is kernel TCP's, and the loopback device
 * hands a SYN over on the processor that sent it.
 *
 * A program is the group's: when the member closes through which it was attached it goes on, but it does not choose who
 * inherits a connection (net.xtcp.migrate_req, net.ipv4.tcp_migrate_req). It ends with the last member. With
 * net.xtcp.migrate_wait_ms it stays with the listener that waits, and then chooses among the successors.
 *
 * Two processors.
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include "lib/test.h"

NEEDS_PROGRAMS("ip");

#define FIRST_PORT	9000	/* each group has another: of the one before a connection may still be there */
#define MOST		300	/* members; Linux begins with room for 128 */
#define MANY		128
#define FEW		8
#define CLIENTS		40	/* on each processor */
#define CPUS		2	/* of those there are */
#define QUEUED		32	/* connections, all at one of two members by chance: once in 2^31 */
#define LONG_MS		10000

struct group {
	enum stack stack;
	const char *place;
	int port;
	int ep;
	int client;	/* port of the last one */
	int nr;		/* opened so far */
	int fd[MOST];	/* -1: closed */
	int got[MOST];
};

static int ns;
static int ports = FIRST_PORT;

static void set_int(int fd, int option, int value)
{
	must_say(!setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)), "option %d", option);
}

static int member_socket(struct group *g)
{
	int fd = must_have(stack_socket(ns, g->stack, g->place), "socket");

	set_int(fd, SO_REUSEPORT, 1);
	return fd;
}

static void start_listening(struct group *g, int i)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

	if (listen(g->fd[i], CLIENTS) || epoll_ctl(g->ep, EPOLL_CTL_ADD, g->fd[i], &event))
		ksft_exit_fail_msg("member %d: %s\n", i, strerror(errno));
}

/* What is shut down would always be ready. */
static void stop_listening(struct group *g, int i)
{
	must(!epoll_ctl(g->ep, EPOLL_CTL_DEL, g->fd[i], NULL) && !shutdown(g->fd[i], SHUT_RD), "shutdown");
}

static void member_listens(struct group *g, int fd)
{
	union stack_addr addr = stack_addr(g->place, g->port);

	if (bind(fd, &addr.sa, stack_addr_len(&addr)) || fcntl(fd, F_SETFL, O_NONBLOCK))
		ksft_exit_fail_msg("member %d: %s\n", g->nr, strerror(errno));
	g->fd[g->nr] = fd;
	start_listening(g, g->nr++);
}

static void group_start(struct group *g, enum stack stack, const char *place)
{
	*g = (struct group){ .stack = stack, .place = place, .port = ports++, .ep = epoll_create1(0) };
}

static void group_open(struct group *g, enum stack stack, const char *place, int nr)
{
	group_start(g, stack, place);
	while (g->nr < nr)
		member_listens(g, member_socket(g));
}

static void member_close(struct group *g, int i)
{
	close(g->fd[i]);
	g->fd[i] = -1;
}

static void group_close(struct group *g)
{
	for (int i = 0; i < g->nr; i++)
		if (g->fd[i] >= 0)
			close(g->fd[i]);
	close(g->ep);
}

static int who(struct group *g, const char *to)
{
	int fd = must_have(stack_connected(ns, KERNEL, to, g->port), "connect"), peer, i;
	struct epoll_event event;

	/* connect() returns before the third ACK has arrived */
	must(epoll_wait(g->ep, &event, 1, STACK_DEADLINE_MS) == 1, "no member gets the connection");
	i = event.data.u32;
	g->client = stack_port(fd);
	peer = must_have(accept(g->fd[i], NULL, NULL), "accept");
	stack_reset_at_close(fd);
	close_each(fd, peer);
	g->got[i]++;
	return i;
}

/* How many of the connections from @cpu come to members from @first on, @nr of them. */
static int come_from(struct group *g, int cpu, int first, int nr)
{
	int i, member, n = 0;

	run_on(cpu);
	for (i = 0; i < CLIENTS; i++) {
		member = who(g, g->place);
		n += member >= first && member < first + nr;
	}
	return n;
}

/* How many of them got something. */
static int takers(struct group *g, int first, int nr)
{
	int i, n = 0;

	for (i = first; i < first + nr; i++)
		n += !!g->got[i];
	memset(g->got, 0, sizeof(g->got));
	return n;
}

#define HALF (MANY / 2)

static void result(bool ok, const struct group *g, const char *what)
{
	ksft_test_result(ok, "%s, %s: %s\n", stack_name(g->stack), g->place, what);
}

/* The first half has one processor, the other half the other one. */
static void by_processor(enum stack stack, const char *place)
{
	int i, n[CPUS];
	struct group g;

	group_open(&g, stack, place, MANY);
	for (i = 0; i < MANY; i++)
		set_int(g.fd[i], SO_INCOMING_CPU, i / HALF);
	n[0] = come_from(&g, 0, 0, HALF);
	n[1] = come_from(&g, 1, HALF, HALF);
	ksft_print_msg("%d and %d of %d\n", n[0], n[1], CLIENTS);
	result(n[0] == CLIENTS && n[1] == CLIENTS, &g, "128 members, their processors set after listen()");

	for (i = 0; i < MANY; i++)
		set_int(g.fd[i], SO_INCOMING_CPU, 1 - i / HALF);
	n[0] = come_from(&g, 1, 0, HALF);
	n[1] = come_from(&g, 0, HALF, HALF);
	result(n[0] == CLIENTS && n[1] == CLIENTS, &g, "then the other way round");

	/* one that there is not, so that only the last member has processor 0 */
	for (i = HALF; i < MANY - 1; i++)
		set_int(g.fd[i], SO_INCOMING_CPU, i % 2 ? 1000 : -1);
	result(come_from(&g, 0, MANY - 1, 1) == CLIENTS, &g, "one alone has a processor");

	takers(&g, 0, MANY);
	member_close(&g, MANY - 1);
	n[0] = come_from(&g, 0, 0, HALF);
	result(n[0] && n[0] < CLIENTS && takers(&g, 0, MANY - 1) > 10, &g, "it closes: all of them share");

	for (i = 1; i < HALF; i++)
		member_close(&g, i);
	result(come_from(&g, 1, 0, 1) == CLIENTS, &g, "all others of a processor close");
	set_int(g.fd[MANY - 2], SO_INCOMING_CPU, 1);
	takers(&g, 0, MANY);
	come_from(&g, 1, 0, MANY);
	n[0] = g.got[0];
	n[1] = g.got[MANY - 2];
	/* kernel TCP's next one from where the hash points is nearly always the same */
	result(n[0] + n[1] == CLIENTS && ((n[0] && n[1]) || stack == KERNEL), &g, "one more has it");
	group_close(&g);
}

static void before_listen(enum stack stack, const char *place)
{
	struct group g;
	int n[CPUS], fd;

	group_start(&g, stack, place);
	while (g.nr < MANY) {
		fd = member_socket(&g);
		set_int(fd, SO_INCOMING_CPU, g.nr / HALF);
		member_listens(&g, fd);
	}
	n[0] = come_from(&g, 0, 0, HALF);
	n[1] = come_from(&g, 1, HALF, HALF);
	result(n[0] == CLIENTS && n[1] == CLIENTS, &g, "128 members, their processors set before listen()");

	/* out of the group and back */
	stop_listening(&g, 0);
	n[0] = come_from(&g, 0, 1, HALF - 1);
	set_int(g.fd[0], SO_INCOMING_CPU, 1);
	start_listening(&g, 0);
	for (fd = HALF; fd < MANY; fd++)
		member_close(&g, fd);
	n[1] = come_from(&g, 1, 0, 1);
	result(n[0] == CLIENTS && n[1] == CLIENTS, &g, "one stops, gets another processor and listens again");
	group_close(&g);
}

static int attach(int fd, struct sock_filter *code, int len)
{
	struct sock_fprog prog = { len, code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)) ? errno : 0;
}

static int attach_number(int fd, unsigned int number)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, number);

	return attach(fd, &code, 1);
}

static void number_or_die(int fd, unsigned int number)
{
	int err = attach_number(fd, number);

	must_say(!err, "attach %u: %s", number, strerror(err));
}

/* A program of the kernel's new kind, which says @number. */
static int load(int type, int number)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = number },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (unsigned long)insns,
		.insn_cnt = 2,
		.license = (unsigned long)"GPL",
	};
	int fd = must_have(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)), "BPF_PROG_LOAD");

	return fd;
}

static int attach_loaded(int fd, int prog)
{
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog)) ? errno : 0;
}

static int detach(int fd)
{
	int zero = 0;

	return setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &zero, sizeof(zero)) ? errno : 0;
}

static bool all_to(struct group *g, int i)
{
	int n = 0, member;

	while (n < 3 && (member = who(g, g->place)) == i)
		n++;
	if (n < 3)
		ksft_print_msg("member %d instead of %d\n", member, i);
	return n == 3;
}

/* Nobody chooses. */
static bool all_share(struct group *g)
{
	int i, open = 0;

	takers(g, 0, g->nr);
	for (i = 0; i < 8 * FEW; i++)
		who(g, g->place);
	for (i = 0; i < g->nr; i++)
		open += g->fd[i] >= 0;
	return takers(g, 0, g->nr) > open / 2;
}

static void by_number(struct group *g)
{
	bool ok = true;

	for (int i = 0; i < FEW; i++) {
		number_or_die(g->fd[i * 3 % FEW], i);
		ok &= all_to(g, i);
	}
	result(ok, g, "a program that says a number");
	number_or_die(g->fd[0], FEW);
	ok = all_share(g);
	number_or_die(g->fd[0], -1);
	result(all_share(g) && ok, g, "a number too high, by hash");
	set_int(g->fd[3], SO_INCOMING_CPU, 0);
	run_on(0);
	result(all_to(g, 3), g, "or by SO_INCOMING_CPU");
	set_int(g->fd[3], SO_INCOMING_CPU, -1);
}

static void by_segment(struct group *g)
{
	const int port_at = strchr(g->place, ':') ? 40 : 20;
	struct sock_filter cpu[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_CPU),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_filter port[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_NET_OFF + port_at),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, FEW - 1),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_filter len[] = { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0) };
	bool ok = !attach(g->fd[1], cpu, 2);

	for (int i = 0; i < CPUS; i++) {
		run_on(i);
		ok &= all_to(g, i);
	}
	result(ok, g, "a program that says the processor");
	ok = !attach(g->fd[1], port, 3);
	for (int i = 0; i < 4 * FEW; i++) {
		int member = who(g, g->place);

		ok &= member == g->client % FEW;
	}
	result(ok, g, "a program that looks at the client's port");
	result(!attach(g->fd[1], len, 2) && all_to(g, 0), g, "a program sees the text, of which a SYN has none");
}

static void by_loaded(struct group *g)
{
	int fd = load(BPF_PROG_TYPE_SOCKET_FILTER, FEW - 2);
	bool ok = !attach_loaded(g->fd[5], fd);

	close(fd);
	result(ok && all_to(g, FEW - 2), g, "a program of the new kind");
	result(!detach(g->fd[2]) && all_share(g), g, "detached, by hash");
	result(detach(g->fd[2]) == ENOENT, g, "detached once more");
}

/* Who joined first has the lowest number; the last one gets that of one that leaves. */
static void numbers(struct group *g)
{
	bool ok;

	number_or_die(g->fd[2], 2);
	member_close(g, 2);
	result(all_to(g, FEW - 1), g, "a member closes, and the program that it attached stays");
	number_or_die(g->fd[0], FEW - 1);
	ok = all_share(g);
	member_listens(g, member_socket(g));
	result(ok && all_to(g, FEW), g, "a new member gets the last number");
	number_or_die(g->fd[0], 0);
	stop_listening(g, 0);
	ok = all_to(g, FEW);
	number_or_die(g->fd[1], FEW - 1);
	start_listening(g, 0);
	result(ok && all_to(g, 0), g, "so does one that stops and listens again");
}

static void by_program(enum stack stack, const char *place)
{
	struct group g;

	group_open(&g, stack, place, FEW);
	by_number(&g);
	by_segment(&g);
	by_loaded(&g);
	numbers(&g);
	group_close(&g);
}

static void by_program_of_many(enum stack stack, const char *place)
{
	struct group g;
	bool ok;

	group_open(&g, stack, place, 1);
	number_or_die(g.fd[0], MOST - 1);
	while (g.nr < MOST)
		member_listens(&g, member_socket(&g));
	ok = all_to(&g, MOST - 1);
	number_or_die(g.fd[0], MANY);
	ok &= all_to(&g, MANY);
	member_close(&g, MANY);
	result(ok && all_to(&g, MOST - 1), &g, "a program among 300 members, attached to the first");
	group_close(&g);
}

/* The first one's program stays; who comes to others may not have one. */
static void attached_early(enum stack stack, const char *place, bool bound)
{
	union stack_addr addr;
	struct group g;
	int fd, err;
	bool ok;

	group_start(&g, stack, place);
	addr = stack_addr(place, g.port);
	fd = member_socket(&g);
	if (!bound)
		number_or_die(fd, 1);
	must(!bind(fd, &addr.sa, stack_addr_len(&addr)), "bind");
	if (bound)
		number_or_die(fd, 1);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	g.fd[g.nr] = fd;
	start_listening(&g, g.nr++);
	while (g.nr < 3)
		member_listens(&g, member_socket(&g));
	ok = all_to(&g, 1);

	fd = member_socket(&g);
	if (!bound)
		number_or_die(fd, 0);
	err = bind(fd, &addr.sa, stack_addr_len(&addr)) ? errno : 0;
	if (bound) {
		ok &= !err;
		number_or_die(fd, 0);
		err = listen(fd, CLIENTS) ? errno : 0;
	}
	ok &= err == EADDRINUSE && all_to(&g, 1);
	close(fd);
	result(ok, &g, bound ? "attached between bind() and listen()" : "attached before bind()");
	group_close(&g);
}

/* The members of an address and those of the wildcard. */
static void each_place(enum stack stack, const char *place, const char *any)
{
	struct group wild, own;
	bool ok;

	group_open(&wild, stack, any, 2);
	ports--;
	group_open(&own, stack, place, 3);
	number_or_die(wild.fd[0], 0);
	number_or_die(own.fd[0], 2);
	ok = all_to(&own, 2);
	group_close(&own);
	wild.place = place;
	result(ok && all_to(&wild, 0), &wild, "each place has a program of its own");
	group_close(&wild);
}

/* By the core: those of the newest kind are for sockets of kernel TCP's and UDP's alone. */
#define ENOTSUPP_OF_KERNEL 524

static int put_in_map(int fd)
{
	union bpf_attr create = {
		.map_type = BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, .key_size = 4, .value_size = 8, .max_entries = 1,
	};
	int map = must_have(syscall(SYS_bpf, BPF_MAP_CREATE, &create, sizeof(create)), "BPF_MAP_CREATE"), err;
	__u64 value = fd;
	__u32 key = 0;
	union bpf_attr update = { .map_fd = map, .key = (unsigned long)&key, .value = (unsigned long)&value };

	err = syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &update, sizeof(update)) ? errno : 0;
	close(map);
	return err;
}

static void refused(enum stack stack, const char *place)
{
	const int newest = stack == KERNEL ? 0 : ENOTSUPP_OF_KERNEL;
	int port = ports++, fd = stack_listener(ns, stack, place, port, false), client, peer, prog, err;
	struct group g;
	bool ok = attach_number(fd, 0) == EINVAL && detach(fd) == EINVAL;

	set_int(fd, SO_REUSEPORT, 1);
	ok &= attach_number(fd, 0) == EINVAL && detach(fd) == ENOENT;
	client = stack_connected(ns, stack, place, port);
	peer = accept(fd, NULL, NULL);
	ok &= peer >= 0 && attach_number(peer, 0) == EINVAL;
	set_int(client, SO_REUSEPORT, 1);
	ok &= attach_number(client, 0) == EINVAL;
	close_each(peer, client, fd);
	group_open(&g, stack, place, 2);
	result(ok, &g, "refused where there is no group");

	prog = load(BPF_PROG_TYPE_SK_REUSEPORT, 1);
	err = attach_loaded(g.fd[0], prog);
	close(prog);
	result(err == newest && put_in_map(g.fd[0]) == newest && all_share(&g), &g,
	       newest ? "BPF_PROG_TYPE_SK_REUSEPORT is refused" : "BPF_PROG_TYPE_SK_REUSEPORT is taken");
	group_close(&g);
}

/* The one that is named has gone to another device; kernel TCP would not care. */
static void other_device(const char *place)
{
	struct group g;
	int n;

	group_open(&g, XTCP, place, 4);
	number_or_die(g.fd[0], 0);
	must(!setsockopt(g.fd[0], SOL_SOCKET, SO_BINDTODEVICE, "dummy", 5), "SO_BINDTODEVICE");
	for (n = 0; n < CLIENTS; n++)
		who(&g, place);
	n = g.got[0];
	setsockopt(g.fd[0], SOL_SOCKET, SO_BINDTODEVICE, "", 0);
	result(!n && all_to(&g, 0), &g, "a program names one that is bound to another device: in vain");
	group_close(&g);
}

/* How many of connections that are sent on both processors went to each. */
static void spread(struct group *g)
{
	takers(g, 0, g->nr);
	for (int i = 0; i < CPUS; i++)
		come_from(g, i, 0, g->nr);
}

static void set_device(struct group *g, int i, const char *name)
{
	must(!setsockopt(g->fd[i], SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name)), "SO_BINDTODEVICE");
}

/* Members go to a device and come back, when all listen. */
static void devices(const char *place)
{
	struct group g;
	int i;

	group_open(&g, XTCP, place, 4);
	spread(&g);
	result(takers(&g, 0, 4) == 4, &g, "a group shares SYNs");
	set_device(&g, 0, "lo");
	result(come_from(&g, 0, 0, 1) == CLIENTS, &g, "one that is bound to the device then has all");
	for (i = 1; i < 4; i++)
		set_device(&g, i, "lo");
	spread(&g);
	result(takers(&g, 0, 4) == 4, &g, "all of them bound to it share again");
	set_device(&g, 0, "");
	set_device(&g, 2, "");
	spread(&g);
	result(g.got[1] && g.got[3] && !g.got[0] && !g.got[2], &g, "until some are not");
	for (i = 0; i < 4; i++)
		set_device(&g, i, "dummy");
	group_close(&g);
	result(!rows_state(ns, sides_listing(XTCP, place), g.port, 0), &g, "none of them is left");
}

/* Connections that wait for accept(), and then are accepted by whom they came to. */
static void queue_all(struct group *g, int client[QUEUED])
{
	for (int i = 0; i < QUEUED; i++)
		client[i] = must_have(stack_connected(ns, KERNEL, g->place, g->port), "connection");
}

static int accept_all(struct group *g, const int client[QUEUED])
{
	struct epoll_event event;
	int n;

	takers(g, 0, g->nr);
	for (n = 0; n < QUEUED && epoll_wait(g->ep, &event, 1, STACK_DEADLINE_MS) == 1; n++) {
		close(must_have(accept(g->fd[event.data.u32], NULL, NULL), "accept"));
		g->got[event.data.u32]++;
	}
	stack_close(client, QUEUED);
	return n;
}

static void inherits(enum stack stack, const char *place)
{
	int client[QUEUED];
	struct group g;

	group_open(&g, stack, place, 3);
	number_or_die(g.fd[1], 1);
	queue_all(&g, client);
	must(stack_poll(g.fd[1], POLLIN, 0) && !stack_poll(g.fd[0], POLLIN, 0) && !stack_poll(g.fd[2], POLLIN, 0),
	     "the program chooses member 1");
	member_close(&g, 1);
	result(accept_all(&g, client) == QUEUED && g.got[0] && g.got[2], &g,
	       "a member closes: its program does not choose who inherits");
	group_close(&g);
}

/* @waits: until the second one comes. */
static void the_last_closes(enum stack stack, const char *place, bool waits)
{
	int client[QUEUED], waiting = -1;
	struct group g;

	group_open(&g, stack, place, 1);
	number_or_die(g.fd[0], 1);
	must(!ns_sysctl_set(ns, "net.xtcp.migrate_wait_ms", "%d", waits ? LONG_MS : 0), "knob");
	if (waits)
		waiting = must_have(stack_connected(ns, stack, place, g.port), "connection");
	member_close(&g, 0);
	member_listens(&g, member_socket(&g));
	/* once it has inherited, the first one has left the group */
	must(!waits || (stack_poll(g.fd[1], POLLIN, STACK_DEADLINE_MS) && !close(accept(g.fd[1], NULL, NULL))),
	     "inherits");
	member_listens(&g, member_socket(&g));
	queue_all(&g, client);
	must(accept_all(&g, client) == QUEUED, "connections");
	if (waits)
		result(!g.got[1] && g.got[2], &g,
		       "the last one closes and waits: its program chooses among successors");
	else
		result(g.got[1] && g.got[2], &g, "a program ends with the last member");
	must(!ns_sysctl_set(ns, "net.xtcp.migrate_wait_ms", "0"), "knob");
	group_close(&g);
	if (waits)
		close(waiting);
}

/* With connections that nobody accepts. */
static int leave_group_behind(void *stack)
{
	struct group g;

	group_open(&g, *(enum stack *)stack, "127.0.0.1", FEW);
	number_or_die(g.fd[0], FEW - 1);
	for (int i = 0; i < FEW; i++)
		if (stack_connected(ns, KERNEL, g.place, g.port) < 0)
			return 1;
	return 0;
}

static void namespace_ends(enum stack stack)
{
	int old = ns, status;
	pid_t pid;

	ns = ns_make();
	pid = ns < 0 ? -1 : ns_fork(ns, leave_group_behind, &stack);
	close(ns);
	ns = old;
	ksft_test_result(pid > 0 && waitpid(pid, &status, 0) == pid && !status && ns_all_ended(STACK_DEADLINE_MS),
			 "%s: a namespace ends with a group and its program\n", stack_name(stack));
}

static void one_stack(enum stack stack)
{
	static const char *const places[] = { "127.0.0.1", "::1" }, *const any[] = { "0.0.0.0", "::" };

	for (int i = 0; i < 2; i++) {
		by_processor(stack, places[i]);
		before_listen(stack, places[i]);
		by_program(stack, places[i]);
		by_program_of_many(stack, places[i]);
		attached_early(stack, places[i], false);
		attached_early(stack, places[i], true);
		each_place(stack, places[i], any[i]);
		refused(stack, places[i]);
		inherits(stack, places[i]);
		the_last_closes(stack, places[i], false);
		if (stack == XTCP) {
			the_last_closes(stack, places[i], true);
			other_device(places[i]);
			devices(places[i]);
		}
	}
	namespace_ends(stack);
}

int main(void)
{
	struct rlimit files = { 1024, 1024 };

	ksft_print_header();
	if (sysconf(_SC_NPROCESSORS_ONLN) < CPUS)
		ksft_exit_skip("one processor\n");
	ns = ns_make();
	if (ns < 0 || ns_shell(ns, "ip link add dummy type dummy") || setrlimit(RLIMIT_NOFILE, &files) ||
	    ns_sysctl_set(ns, "net.xtcp.migrate_req", "1") || ns_sysctl_set(ns, "net.ipv4.tcp_migrate_req", "1"))
		ksft_exit_fail_msg("no namespace\n");
	/* each stack's, and those of xtcp alone */
	ksft_set_plan(57 * stack_count() + 2 * 7);
	for (enum stack stack = stack_first(); stack <= XTCP; stack++)
		one_stack(stack);
	close(ns);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
