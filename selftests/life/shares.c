// SPDX-License-Identifier: GPL-2.0
/*
 * What any user can make, a network namespace in a user namespace of his own, takes its share of what all namespaces
 * have together, and no more: half-open entries, TIME-WAIT records and orphans. Five such try to take all; the
 * machine's own namespaces do not notice. What a namespace gets at its first socket, his memory cgroup is charged for.
 *
 *	guest --- veth0 --- its neighbour		namespace a --- veth0 --- namespace b
 *	 xtcp                kernel TCP			 kernel TCP                  xtcp
 */
#include "aoopt.h"
#include "test.h"

NEEDS_MODULE;

#define PORT		7100
#define GUESTS		5
#define PARAMETERS	"half_open=256 guest_timewait=128"
#define ENTRIES_SHARE	32	/* a quarter of what guests have together, which is half of all */
#define RECORDS_SHARE	32	/* a quarter */
#define RECORDS_LITTLE	2	/* a sixteenth of it, while guests have more than all */
#define ORPHANS_MAX	32
#define ORPHANS_SHARE	4	/* a quarter of what guests have together, which is half of all */
#define SYN_OPTIONS	72	/* octets of destination options: with its SYN an entry does not fit in 256 octets */
#define KEPT_SYN	512	/* so it takes these */
#define USER		1001	/* who makes many guests */
#define MORE		8	/* than that are tried */
#define CROWD		(1 + RECORDS_SHARE / RECORDS_LITTLE) /* his guests that have twice his share together */
#define BACKLOG		1024
#define SIGNED		2	/* a record with keys counts as so many */
#define DIV_ROUND_UP(a, b) (((a) + (b) - 1) / (b))
#define CGROUP		"/sys/fs/cgroup/shares"
#define FRESH		32	/* namespaces without a socket of ours */
#define FIRST_SLAB	(16 << 10) /* octets that the first one takes at least; without xtcp's own it would be 6 KiB */
#define FIRST_PERCPU	1024

static struct guest {
	struct ns_pair net;
	int listener;
	int clients[ENTRIES_SHARE + MORE];
} guests[GUESTS], of_users[GUESTS];

/* Its owner asks for all that there is. */
static void make_guest_of(struct guest *guest, uid_t uid)
{
	guest->net.a = ns_make_guest_of(uid);
	guest->net.b = ns_make();
	must(guest->net.a >= 0 && guest->net.b >= 0 && !ns_join(guest->net.a, guest->net.b, "veth0") &&
	     !ns_addr_add(guest->net.a, "veth0", NS_A4 "/24") && !ns_addr_add(guest->net.b, "veth0", NS_B4 "/24") &&
	     !ns_addr_add(guest->net.a, "veth0", NS_A6 "/64") && !ns_addr_add(guest->net.b, "veth0", NS_B6 "/64"),
	     "link");
	sides_know_each_other(&guest->net);
	must(!ns_sysctl_set(guest->net.a, "net.xtcp.max_tw_buckets", "%d", INT_MAX) &&
	     !ns_sysctl_set(guest->net.a, "net.xtcp.timewait_ms", "240000") &&
	     !ns_sysctl_set(guest->net.a, "net.xtcp.max_orphans", "%d", INT_MAX) &&
	     !ns_sysctl_set(guest->net.a, "net.xtcp.max_syn_backlog", "%d", INT_MAX), "sysctls");
}

/* The guests of root have nothing to do with each other. */
static void make_guest(struct guest *guest)
{
	make_guest_of(guest, 0);
}

/* @count connections of xtcp from @client_ns that it closes first. */
static void leave_records(int client_ns, int server_ns, const char *addr, int count)
{
	int listener = must_have(stack_listener(server_ns, KERNEL, addr, PORT, true), "listen"), client, server;

	while (count--) {
		client = stack_connected(client_ns, XTCP, addr, PORT);
		server = client < 0 ? -1 : accept(listener, NULL, NULL);
		must(server >= 0, "connect");
		shutdown(client, SHUT_WR);
		must(stack_at_end(server), "FIN");
		close(server);
		must(WAIT_FOR(stack_state(client) == TCP_CLOSE, STACK_DEADLINE_MS), "record");
		close(client);
	}
	close(listener);
}

static int count_in(int ns, unsigned int state)
{
	return rows_count(ns, "/proc/net/xtcp", state, 0);
}

static int records_in(int ns)
{
	return count_in(ns, TCP_TIME_WAIT);
}

static void records(const struct ns_pair *own)
{
	bool ok = true;
	int i;

	leave_records(own->b, own->a, NS_A4, RECORDS_SHARE + MORE);
	for (i = 0; i < GUESTS - 1; i++) {
		leave_records(guests[i].net.a, guests[i].net.b, NS_B4, RECORDS_SHARE + MORE);
		ok &= records_in(guests[i].net.a) == RECORDS_SHARE &&
		      counter_now(guests[i].net.a, "/proc/net/xtcp_netstat", "TcpExt:TCPTimeWaitOverflow") == MORE;
	}
	ksft_test_result(ok, "%d guests have %d records each, the latest\n", i, RECORDS_SHARE);
	leave_records(guests[i].net.a, guests[i].net.b, NS_B4, MORE);
	ksft_test_result(records_in(guests[i].net.a) == RECORDS_LITTLE,
			 "these are all that guests have: the next one has its latest %d\n", RECORDS_LITTLE);
	ksft_test_result(records_in(own->b) == RECORDS_SHARE + MORE, "the machine's own are all there\n");
	leave_records(own->b, own->a, NS_A4, MORE);
	ksft_test_result(records_in(own->b) == RECORDS_SHARE + 2 * MORE, "and there is room for more of them\n");
}

enum signature { BY_NOTHING, BY_MD5, BY_AO, SIGNATURES };

static void sign(int fd, enum signature signature, bool server)
{
	struct aoopt_key key = { .addr = NS_A4, .sndid = 1 + server, .rcvid = 2 - server };

	must(signature != BY_MD5 || !md5_set(fd, NS_A4, "secret"), "TCP_MD5SIG");
	must(signature != BY_AO || !aoopt_add(fd, &key), "TCP_AO_ADD_KEY");
}

/* @count connections within a guest. Only the end that closes first leaves a record. */
static void leave_signed(int ns, enum signature signature, int count)
{
	int listener = must_have(stack_listener(ns, XTCP, NS_A4, PORT, true), "listen"), client, server;

	sign(listener, signature, true);
	while (count--) {
		client = stack_socket(ns, XTCP, NS_A4);
		sign(client, signature, false);
		must(!stack_connect(client, NS_A4, PORT), "connect");
		server = accept(listener, NULL, NULL);
		must(server >= 0 && !shutdown(client, SHUT_WR) && stack_at_end(server), "FIN");
		close(server);
		must(WAIT_FOR(stack_state(client) == TCP_CLOSE, STACK_DEADLINE_MS), "record");
		close(client);
	}
	close(listener);
}

/* Keys take memory: signed records use up the share sooner, and give it back as they go. */
static void records_with_keys(struct guest *guest)
{
	static const char * const names[SIGNATURES] = { "without signatures", "with MD5", "with TCP-AO" };
	static const enum signature order[] = { BY_AO, BY_MD5, BY_NOTHING, BY_AO };

	must(!ns_link_up(guest->net.a, "lo", true), "lo");
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++) {
		const int most = RECORDS_SHARE / (order[i] == BY_NOTHING ? 1 : SIGNED);

		/* a new record replaces the earliest one of its shard: enough for each shard to lose all old ones */
		leave_signed(guest->net.a, order[i], 4 * RECORDS_SHARE);
		ksft_print_msg("%d records\n", records_in(guest->net.a));
		ksft_test_result(records_in(guest->net.a) == most, "a guest that fills TIME-WAIT %s has %d records\n",
				 names[order[i]], most);
	}
}

/* A namespace of a user, whose records come from connections within it. */
static int make_lone_guest(uid_t uid)
{
	int ns = ns_make_guest_of(uid);

	must(ns >= 0 && !ns_link_up(ns, "lo", true) && !ns_addr_add(ns, "lo", NS_A4 "/32") &&
	     !ns_sysctl_set(ns, "net.xtcp.max_tw_buckets", "%d", INT_MAX) &&
	     !ns_sysctl_set(ns, "net.xtcp.timewait_ms", "240000"), "guest");
	return ns;
}

/* Each guest beyond his share may have a little, so very many would have much. */
static void records_of_users(void)
{
	int crowd[CROWD], last = make_lone_guest(USER), other = make_lone_guest(USER + 1), together = 0, i;

	for (i = 0; i < CROWD; i++) {
		crowd[i] = make_lone_guest(USER);
		leave_signed(crowd[i], BY_NOTHING, i ? RECORDS_LITTLE : RECORDS_SHARE + MORE);
		together += records_in(crowd[i]);
	}
	ksft_test_result(together == 2 * RECORDS_SHARE, "%d guests of one user have twice his share of records, %d\n",
			 CROWD, 2 * RECORDS_SHARE);
	leave_signed(last, BY_NOTHING, MORE);
	ksft_test_result(records_in(last) == 1, "his next guest has its latest record alone\n");
	leave_signed(other, BY_NOTHING, RECORDS_SHARE + MORE);
	ksft_test_result(records_in(other) == RECORDS_SHARE, "the guest of another user has %d\n", RECORDS_SHARE);
	stack_close(crowd, CROWD);
	close_each(last, other);
}

/* Closes more connections of xtcp than there may be orphans, and nobody acknowledges the FINs: how many live on. */
static int leave_orphans(int client_ns, int server_ns, const char *addr)
{
	int client[ORPHANS_SHARE + MORE], server[ARRAY_SIZE(client)], live;

	for (unsigned int i = 0; i < ARRAY_SIZE(client); i++)
		stack_pair_or_die(client_ns, XTCP, server_ns, KERNEL, addr, PORT + i, &client[i], &server[i]);
	must(!netem_gate(client_ns, "veth0", false), "gate");
	stack_close(client, ARRAY_SIZE(client));
	live = count_in(client_ns, TCP_FIN_WAIT1);
	stack_close(server, ARRAY_SIZE(server));
	return live;
}

static bool orphans_go(int ns)
{
	return !netem_gate(ns, "veth0", true) &&
	       WAIT_FOR(!count_in(ns, TCP_FIN_WAIT1) && !count_in(ns, TCP_CLOSING), STACK_DEADLINE_MS);
}

/* All but the last guest are of one user. */
static void orphans_of_users(void)
{
	bool ok = true;
	int i;

	for (i = 0; i < GUESTS; i++)
		make_guest_of(&of_users[i], i < GUESTS - 1 ? USER : USER + 1);
	for (i = 0; i < GUESTS - 1; i++)
		ok &= leave_orphans(of_users[i].net.a, of_users[i].net.b, NS_B4) == (i ? 0 : ORPHANS_SHARE);
	ksft_test_result(ok, "%d guests of one user keep %d orphans together\n", i, ORPHANS_SHARE);
	ksft_test_result(leave_orphans(of_users[i].net.a, of_users[i].net.b, NS_B4) == ORPHANS_SHARE,
			 "the guest of another user keeps as many\n");
	for (i = 0; i < GUESTS; i++) {
		must(orphans_go(of_users[i].net.a), "orphans");
		ns_pair_close(&of_users[i].net);
	}
}

static void orphans(const struct ns_pair *own)
{
	const long was = ns_sysctl_get(ns_home(), "net.xtcp.max_orphans");
	bool ok = true;
	int i;

	must(was > 0 && !ns_sysctl_set(ns_home(), "net.xtcp.max_orphans", "%d", ORPHANS_MAX), "max_orphans");
	for (i = 0; i < GUESTS - 1; i++)
		ok &= leave_orphans(guests[i].net.a, guests[i].net.b, NS_B4) == ORPHANS_SHARE &&
		      counter_now(guests[i].net.a, "/proc/net/xtcp_netstat", "TcpExt:TCPAbortOnMemory") == MORE;
	ksft_test_result(ok, "%d guests keep %d orphans each\n", i, ORPHANS_SHARE);
	ksft_test_result(!leave_orphans(guests[i].net.a, guests[i].net.b, NS_B4),
			 "these are all that guests have: the next one keeps none\n");
	ksft_test_result(leave_orphans(own->b, own->a, NS_A4) == ORPHANS_SHARE + MORE,
			 "the machine's own all live on\n");
	must(orphans_go(own->b), "orphans");
	for (i = 0; i < GUESTS; i++)
		must(orphans_go(guests[i].net.a), "orphans");
	orphans_of_users();
	must(!ns_sysctl_set(ns_home(), "net.xtcp.max_orphans", "%ld", was), "max_orphans");
}

/* @count SYNs of its neighbour, and no SYN-ACK arrives. */
static void knock(struct guest *guest, int count)
{
	for (int i = 0; i < count; i++)
		guest->clients[i] = stack_begin_or_die(guest->net.b, KERNEL, NS_A4, PORT);
}

static bool opens_with_entry(const struct ns_pair *own, int listener)
{
	int client = stack_connected(own->a, KERNEL, NS_B4, PORT), server = accept(listener, NULL, NULL);
	const struct listed_queues q = rows_queues(own->b, NULL);
	bool ok;

	must(client >= 0 && server >= 0, "connect");
	ok = stack_carries(client, server, 3000) && stack_carries(server, client, 3000);
	close_each(client, server);
	return ok && q.syn_peak == 1 && !q.declined && !q.sent;
}

static bool takes_its_share(struct guest *guest)
{
	knock(guest, ENTRIES_SHARE + MORE);
	return WAIT_FOR(rows_queues(guest->net.a, NULL).declined >= MORE, STACK_DEADLINE_MS) &&
	       rows_queues(guest->net.a, NULL).syn_peak == ENTRIES_SHARE;
}

static long number_in(const char *path)
{
	FILE *f = fopen(path, "r");
	long number;

	must(f && fscanf(f, "%ld", &number) == 1, path);
	fclose(f);
	return number;
}

/* Kept or declined. */
static long syns_at(int ns)
{
	const struct listed_queues q = rows_queues(ns, NULL);

	return q.syn_len + q.declined;
}

/* Entries that keep long SYNs count by the memory that is taken for them. */
static void entries_with_syns(struct guest *guest)
{
	/* of a type to be skipped by who does not know it (RFC 4727 section 3.1) */
	const unsigned char options[SYN_OPTIONS] = { 0, SYN_OPTIONS / 8 - 1, 0x1e, SYN_OPTIONS - 4 };
	const long weight = DIV_ROUND_UP(KEPT_SYN, number_in("/sys/kernel/slab/xtcp_request6/object_size"));
	int listener = stack_listener(guest->net.a, XTCP, NS_A6, PORT, true), client[ENTRIES_SHARE / 2], save = 1;
	long kept;

	must(listener >= 0 && !setsockopt(listener, IPPROTO_TCP, TCP_SAVE_SYN, &save, sizeof(save)), "listener");
	must(!netem_gate(guest->net.a, "veth0", false), "gate");
	for (unsigned int i = 0; i < ARRAY_SIZE(client); i++) {
		client[i] = stack_socket(guest->net.b, KERNEL, NS_A6);
		must(!setsockopt(client[i], IPPROTO_IPV6, IPV6_DSTOPTS, options, sizeof(options)) &&
		     !stack_begin(client[i], NS_A6, PORT), "options");
	}
	must(WAIT_FOR(syns_at(guest->net.a) >= (long)ARRAY_SIZE(client), STACK_DEADLINE_MS), "SYNs");
	kept = rows_queues(guest->net.a, NULL).syn_peak;
	ksft_test_result(kept == DIV_ROUND_UP(ENTRIES_SHARE, weight),
			 "a guest keeps %ld entries with long SYNs: each counts as %ld\n", kept, weight);
	stack_close(client, ARRAY_SIZE(client));
	close(listener);
	must(!netem_gate(guest->net.a, "veth0", true), "gate");
}

/* A member of a SO_REUSEPORT group. */
static int listen_beside(int ns)
{
	int fd = stack_member_or_die(ns, XTCP, NS_A4, PORT);

	must(!listen(fd, BACKLOG), "listen");
	return fd;
}

/* The guest has its share, and guests together have all: what its listener hands over needs no more. */
static void entries_move(struct guest *guest)
{
	const char *file = "/proc/net/xtcp_netstat";
	int heir = listen_beside(guest->net.a);
	long long moved, failed;

	must(!ns_sysctl_set(guest->net.a, "net.xtcp.migrate_req", "1"), "migrate_req");
	close(guest->listener);
	guest->listener = heir;
	moved = counter_now(guest->net.a, file, "TcpExt:TCPMigrateReqSuccess");
	failed = counter_now(guest->net.a, file, "TcpExt:TCPMigrateReqFailure");
	ksft_test_result(moved == ENTRIES_SHARE && !failed && count_in(guest->net.a, TCP_SYN_RECV) == ENTRIES_SHARE,
			 "all entries of a guest move when there is room for none: %lld, %lld do not\n", moved, failed);
}

static void entries(const struct ns_pair *own)
{
	int listener = stack_listener(own->b, XTCP, NS_B4, PORT, true), i;
	struct guest *last = &guests[GUESTS - 1];
	bool ok = true;

	for (i = 0; i < GUESTS; i++) {
		guests[i].listener = listen_beside(guests[i].net.a);
		must(!netem_gate(guests[i].net.a, "veth0", false), "gate");
		if (&guests[i] != last)
			ok &= takes_its_share(&guests[i]);
	}
	ksft_test_result(ok, "%d guests keep %d half-open entries each\n", GUESTS - 1, ENTRIES_SHARE);
	knock(last, 1);
	ksft_test_result(WAIT_FOR(rows_queues(last->net.a, NULL).declined, STACK_DEADLINE_MS) &&
			 !rows_queues(last->net.a, NULL).syn_peak,
			 "these are all that guests have: the next one keeps none\n");
	ksft_test_result(opens_with_entry(own, listener), "one of the machine's own does\n");
	entries_move(&guests[0]);
	close(guests[0].listener);
	/* the SYN comes again */
	ksft_test_result(WAIT_FOR(rows_queues(last->net.a, NULL).syn_len == 1, STACK_DEADLINE_MS),
			 "so does that guest when another's have gone\n");
	close(listener);
}

static bool put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A line of the cgroup's memory.stat. */
static long charged(const char *what)
{
	FILE *f = fopen(CGROUP "/memory.stat", "r");
	char name[64];
	long octets;

	must(f, "memory.stat");
	while (fscanf(f, "%63s %ld", name, &octets) == 2)
		if (!strcmp(name, what))
			break;
	must(!strcmp(name, what), what);
	fclose(f);
	return octets;
}

/* In a cgroup that has charged nothing for that before. */
static int make_first_sockets(void *arg)
{
	int *ns = arg, i;

	if (!put_text(CGROUP "/cgroup.procs", "0"))
		return 1;
	for (i = 0; i < FRESH; i++)
		if (close(stack_socket(ns[i], XTCP, "127.0.0.1")))
			return 1;
	return 0;
}

/* What a namespace gets at its first socket is charged to who makes that. */
static void first_sockets(void)
{
	const long processors = sysconf(_SC_NPROCESSORS_CONF);
	int ns[FRESH], i, status;
	pid_t child;

	must(put_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory") && (!mkdir(CGROUP, 0755) || errno == EEXIST),
	     "cgroup");
	for (i = 0; i < FRESH; i++)
		must((ns[i] = ns_make()) >= 0, "namespace");
	child = ns_fork(ns_home(), make_first_sockets, ns);
	must(child > 0 && waitpid(child, &status, 0) == child && !status, "first sockets");
	ksft_test_result(WAIT_FOR(charged("percpu") >= FRESH * processors * FIRST_PERCPU &&
				  charged("slab") >= FRESH * FIRST_SLAB, STACK_DEADLINE_MS),
			 "the first socket of a namespace is charged, with what each processor has\n");
	ksft_print_msg("%ld octets and %ld for each processor were charged\n", charged("slab") / FRESH,
		       charged("percpu") / FRESH / processors);
	stack_close(ns, FRESH);
	must(!rmdir(CGROUP), "cgroup");
}

/* Each of a guest's records may keep a port that nobody else has. */
static void by_default(void)
{
	const long records = number_in("/sys/module/xtcp/parameters/guest_timewait");
	const long each = number_in("/sys/kernel/slab/xtcp_timewait6/object_size") +
			  number_in("/sys/kernel/slab/xtcp_lease/object_size");
	const long memory = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

	ksft_print_msg("%ld records\n", records);
	ksft_test_result(records * each < memory / 32 && records * each > memory / 48,
			 "records of guests take a 32nd of the memory at most, with their ports\n");
}

static void end_guest(struct guest *guest)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(guest->clients); i++)
		if (guest->clients[i])
			close(guest->clients[i]);
	if (guest != &guests[0])
		close(guest->listener);
	ns_pair_close(&guest->net);
}

/* Nothing is left of what there was: the memory of entries, too, which comes back after a grace period. */
static void load_again(const char *parameters)
{
	must(WAIT_FOR(module_references() == 0, STACK_DEADLINE_MS) && !module_unload() && !module_load(parameters),
	     "module");
}

int main(void)
{
	struct ns_pair own;

	test_begin(24);
	load_again(PARAMETERS);
	make_guest(&guests[0]);
	entries_with_syns(&guests[0]);
	records_with_keys(&guests[0]);
	ns_pair_close(&guests[0].net);
	load_again(PARAMETERS);
	records_of_users();
	load_again(PARAMETERS);
	must(!ns_pair_make(&own), "namespaces");
	for (int i = 0; i < GUESTS; i++)
		make_guest(&guests[i]);
	records(&own);
	orphans(&own);
	entries(&own);
	first_sockets();
	for (int i = 0; i < GUESTS; i++)
		end_guest(&guests[i]);
	ns_pair_close(&own);
	load_again("");
	by_default();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
