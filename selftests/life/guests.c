// SPDX-License-Identifier: GPL-2.0
/*
 * Guests, namespaces that any user can make, while they misbehave: SYNs with an RST behind each, a storm of bind(), and
 * their end in the middle of it. The machine's own namespaces go on, and what guests had is there for the next ones.
 * Then limits of 0. What a guest may have when it is quiet is the matter of shares.
 *
 *	guest: a tun device, whose SYNs go to its own listener	namespace a --- veth0 --- namespace b
 *								 kernel TCP                  xtcp
 */
#include "lib/test.h"
#include "aoopt.h"
#include "tun.h"
#include "wire.h"

NEEDS_MODULE;

#define PORT		7400
#define PARAMETERS	"half_open=128 guest_timewait=64 guest_unaccepted=64"
#define ENTRIES_SHARE	16	/* a quarter of what guests have together, which is half of all */
#define RECORDS_SHARE	16	/* a quarter */
#define WAITING_SHARE	16	/* a quarter */
#define KEYS		16	/* of which one is used */
#define RECORDS_FEW	12	/* fewer than that: the namespace's own limit counts */
#define RECORDS_LITTLE	1	/* a sixteenth of the share, beside guests that have all of it */
#define GUESTS		4	/* have all that guests have together */
#define USER		1001	/* who makes many guests */
#define SUB_USER	5001
#define OWN_OPENS	40	/* with all of the guests' entries they are fewer than there may be */
#define ENDS		12
#define PORTS		4000	/* that a guest has, of 1,000 on the debug kernel */
#define LOW_PORT	20000
#define SLACK		64	/* what processors keep of a slab cannot be told from what is in use */
#define STORM_PORTS	200	/* bound by who is killed in the middle of it */
#define GUEST4		"10.8.0.1"
#define CLIENT4		"10.8.0.2"

struct guest {
	int ns, tun, listener;
};

/* What children tell. */
static struct shared {
	atomic_long pairs;	/* SYNs with their RSTs */
	atomic_long bound;	/* ports that are held */
	atomic_long in_vain;	/* binds that found none */
} *shared;

/* With a listener that has room for all. */
static struct guest furnish(int ns)
{
	struct guest g = { .ns = ns };

	must(g.ns >= 0, "guest");
	g.tun = tun_open(g.ns, "tun0");
	must(g.tun >= 0 && !ns_addr_add(g.ns, "tun0", GUEST4 "/24") && !ns_link_up(g.ns, "tun0", true), "tun");
	g.listener = stack_listener(g.ns, XTCP, GUEST4, PORT, true);
	must(g.listener >= 0 && !listen(g.listener, 1024), "listener");
	return g;
}

/* One of root's: the guests of root have nothing to do with each other. */
static struct guest make_guest(void)
{
	return furnish(ns_make_guest());
}

static void put_text(pid_t pid, const char *file, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !close(fd), path);
}

/* @end: to the parent, who gives USER's user namespace a second user. */
static int nest(int end)
{
	char octet;

	if (setresuid(USER, USER, USER) || unshare(CLONE_NEWUSER))
		return 1;
	if (write(end, "", 1) != 1 || read(end, &octet, 1) != 1)
		return 1;
	if (setresuid(1, 1, 1) || unshare(CLONE_NEWUSER | CLONE_NEWNET) || write(end, "", 1) != 1)
		return 1;
	pause();
	return 0;
}

/* A user namespace of another user in one of USER, who may be several users there (subuid(5)), with a guest in it. */
static int make_nested(void)
{
	char octet, path[64], map[64];
	int ends[2], ns;
	pid_t child;

	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
	child = fork();
	if (!child)
		_exit(nest(ends[1]));
	close(ends[1]);
	must(child > 0 && read(ends[0], &octet, 1) == 1, "a user namespace");
	snprintf(map, sizeof(map), "0 %d 1\n1 %d 1\n", USER, SUB_USER);
	put_text(child, "uid_map", map);
	put_text(child, "gid_map", "0 0 1\n");
	must(write(ends[0], "", 1) == 1 && read(ends[0], &octet, 1) == 1, "a user namespace in it");
	snprintf(path, sizeof(path), "/proc/%d/ns/net", child);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	must(ns >= 0 && !kill(child, SIGKILL) && waitpid(child, NULL, 0) == child, path);
	close(ends[0]);
	return ns;
}

static void end_guest(const struct guest *g)
{
	close_each(g->listener, g->tun, g->ns);
}

/* From port @from of a host that does not exist; what is answered to it is lost. */
static void inject(int tun, int from, bool rst)
{
	tun_inject(tun, CLIENT4, GUEST4, &(struct wire_segment){
		.sport = from, .dport = PORT, .seq = 1000 + rst, .flags = rst ? WIRE_RST : WIRE_SYN, .win = 65535,
	});
}

/* RFC 9293 section 3.10.7.4: a passive open that is reset goes back to LISTEN, its entry is gone. */
static int storm_of_syns(void *arg)
{
	const struct guest *g = arg;
	int port = 1024;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (g->tun >= 0) {
		inject(g->tun, port, false);
		inject(g->tun, port, true);
		port = port < 60000 ? port + 1 : 1024;
		shared->pairs++;
	}
	return 1;
}

static pid_t start(int ns, int (*body)(void *arg), void *arg)
{
	pid_t pid = ns_fork(ns, body, arg);

	must(pid > 0, "fork");
	return pid;
}

static void stop(pid_t pid)
{
	must(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid, "end of a child");
}

/* Each of @n connections finds room for its entry. */
static bool own_open(const struct ns_pair *own, int n)
{
	int listener = must_have(stack_listener(own->b, XTCP, NS_B4, PORT, true), "listen"), client, server, i;
	const long pairs = shared->pairs;
	bool carried = true;
	struct listed_queues q;

	for (i = 0; i < n; i++) {
		/* and the storm goes on between any two */
		must(WAIT_FOR(shared->pairs > pairs + 100 * i, STACK_DEADLINE_MS), "storm");
		client = stack_connected(own->a, KERNEL, NS_B4, PORT);
		server = client < 0 ? -1 : accept(listener, NULL, NULL);
		must(server >= 0, "connect");
		carried &= stack_carries(client, server, 100);
		close_each(client, server);
	}
	q = rows_queues(own->b, NULL);
	close(listener);
	if (!carried || q.declined || q.sent)
		ksft_print_msg("%ld declined, %ld by cookie\n", q.declined, q.sent);
	return carried && !q.declined && !q.sent;
}

/* SYNs until it has that many entries; memory of former ones may come back late. */
static bool fills_up(const struct guest *g, long entries)
{
	int port = 1024;

	return WAIT_FOR((inject(g->tun, port++, false), rows_queues(g->ns, NULL).syn_len >= entries),
			STACK_DEADLINE_MS);
}

/* Another one is not kept beside so many. */
static bool is_full(const struct guest *g, long entries)
{
	const long declined = rows_queues(g->ns, NULL).declined;

	inject(g->tun, 61000, false);
	return WAIT_FOR(rows_queues(g->ns, NULL).declined > declined, STACK_DEADLINE_MS) &&
	       rows_queues(g->ns, NULL).syn_len == entries;
}

/* Entries of a guest come and go faster than their memory does. */
static void churn(const struct ns_pair *own)
{
	struct guest g = make_guest();
	pid_t storm = start(g.ns, storm_of_syns, &g);

	must(WAIT_FOR(shared->pairs > 1000, STACK_DEADLINE_MS), "storm");
	ksft_test_result(own_open(own, OWN_OPENS),
			 "SYN and RST in a loop at a guest: %d opens of the machine's own are kept\n", OWN_OPENS);
	stop(storm);
	ksft_print_msg("%ld SYNs with an RST\n", atomic_load(&shared->pairs));
	ksft_test_result(fills_up(&g, ENTRIES_SHARE) && is_full(&g, ENTRIES_SHARE),
			 "then the guest has its share, and no more\n");
	end_guest(&g);
}

/* @count connections within @ns, whose records stay there as far as they may. */
static void leave_records(int ns, int count)
{
	int client, server;

	while (count--) {
		stack_pair_or_die(ns, XTCP, ns, XTCP, "127.0.0.1", PORT + 1, &client, &server);
		shutdown(client, SHUT_WR);
		must(stack_at_end(server), "FIN");
		close(server);
		must(WAIT_FOR(stack_state(client) == TCP_CLOSE, STACK_DEADLINE_MS), "record");
		close(client);
	}
}

static int records_in(int ns)
{
	return rows_count(ns, "/proc/net/xtcp", TCP_TIME_WAIT, 0);
}

/* Guests end with all that they may have, while another one takes what it can. */
static void ends(const struct ns_pair *own)
{
	struct guest noisy = make_guest(), g[GUESTS];
	pid_t storm = start(noisy.ns, storm_of_syns, &noisy);
	bool full = true, ok;
	int i;

	for (i = 0; i < ENDS; i++) {
		g[0] = make_guest();
		leave_records(g[0].ns, RECORDS_SHARE / 2);
		full &= fills_up(&g[0], ENTRIES_SHARE);
		end_guest(&g[0]);
	}
	ok = own_open(own, OWN_OPENS);
	stop(storm);
	end_guest(&noisy);
	/* which is when their records do */
	must(ns_all_ended(3 * STACK_DEADLINE_MS), "namespaces do not end");
	ksft_test_result(full && ok, "%d guests have their share and end with it, beside a storm\n", ENDS);
	for (full = true, ok = true, i = 0; i < GUESTS; i++) {
		g[i] = make_guest();
		full &= fills_up(&g[i], ENTRIES_SHARE) && is_full(&g[i], ENTRIES_SHARE);
		leave_records(g[i].ns, RECORDS_SHARE + 1);
		ok &= records_in(g[i].ns) == RECORDS_SHARE;
	}
	noisy = make_guest();
	ksft_test_result(full && is_full(&noisy, 0), "%d others have all entries of guests, a fifth has none\n",
			 GUESTS);
	leave_records(noisy.ns, 2);
	ksft_test_result(ok && records_in(noisy.ns) == 1, "and all records, a fifth its latest\n");
	end_guest(&noisy);
	while (i--)
		end_guest(&g[i]);
}

static bool gets_share(const struct guest *g)
{
	return fills_up(g, ENTRIES_SHARE) && is_full(g, ENTRIES_SHARE);
}

/* More SYNs than a guest may have entries: it keeps none. */
static bool gets_nothing(const struct guest *g)
{
	struct listed_queues q;

	for (int port = 1024; port < 1024 + 2 * ENTRIES_SHARE; port++)
		inject(g->tun, port, false);
	must(WAIT_FOR((q = rows_queues(g->ns, NULL), q.syn_len + q.declined >= 2 * ENTRIES_SHARE), STACK_DEADLINE_MS),
	     "SYNs");
	return !q.syn_peak;
}

/* One user has many guests, and tries to take in each what a guest may have. Root has none of his. */
static void of_one_user(void)
{
	struct guest g[GUESTS], nested, other, container = make_guest();
	bool first, rest = true;
	int i, records = 0;

	for (i = 0; i < GUESTS; i++)
		g[i] = furnish(ns_make_guest_of(USER));
	nested = furnish(make_nested());
	other = furnish(ns_make_guest_of(USER + 1));
	first = gets_share(&g[0]);
	for (i = 1; i < GUESTS; i++)
		rest &= gets_nothing(&g[i]);
	ksft_test_result(first && rest, "%d guests of one user have the entries of one guest\n", GUESTS);
	ksft_test_result(gets_nothing(&nested),
			 "a guest that another user made in the user's user namespace has none\n");
	end_guest(&nested);
	ksft_test_result(gets_share(&other) && gets_share(&container),
			 "the guest of another user has as many, and so has a container of root\n");

	leave_records(g[0].ns, RECORDS_SHARE + 1);
	first = records_in(g[0].ns) == RECORDS_SHARE;
	for (rest = true, i = 1; i < GUESTS; i++) {
		leave_records(g[i].ns, RECORDS_SHARE + 1);
		rest &= records_in(g[i].ns) == RECORDS_LITTLE;
	}
	ksft_test_result(first && rest, "once one of them has all records of the user, the others have their latest\n");
	leave_records(g[0].ns, 1);
	for (i = 0; i < GUESTS; i++)
		records += records_in(g[i].ns);
	ksft_test_result(records == RECORDS_SHARE, "the first one makes room for them when it adds one\n");
	leave_records(other.ns, RECORDS_SHARE + 1);
	leave_records(container.ns, RECORDS_SHARE + 1);
	ksft_test_result(records_in(other.ns) == RECORDS_SHARE && records_in(container.ns) == RECORDS_SHARE,
			 "the other two have as many as one guest\n");
	end_guest(&container);
	end_guest(&other);
	/* the first ends, the user still has guests */
	end_guest(&g[0]);
	must(ns_all_ended(3 * STACK_DEADLINE_MS), "namespaces do not end");
	first = gets_share(&g[1]);
	for (i = 1; i < GUESTS; i++)
		end_guest(&g[i]);
	must(ns_all_ended(3 * STACK_DEADLINE_MS), "namespaces do not end");
	g[0] = furnish(ns_make_guest_of(USER));
	ksft_test_result(first && gets_share(&g[0]), "what a guest had is there for the user's next ones\n");
	end_guest(&g[0]);
}

static int ports(void)
{
	return release_is_debug() ? PORTS / 4 : PORTS;
}

/* Takes all ports and goes on asking. */
static int storm_of_binds(void *unused)
{
	union stack_addr addr = stack_addr("0.0.0.0", 0);
	int fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (fd >= 0 || (fd = socket(AF_XTCP, SOCK_STREAM, XTCPPROTO_IPV4)) >= 0) {
		if (bind(fd, &addr.sa, stack_addr_len(&addr))) {
			must(errno == EADDRINUSE, "bind");
			shared->in_vain++;
			continue;
		}
		shared->bound++;
		fd = -1;
	}
	return 1;
}

/* bind() to any port, listen(), connect() and data, in the first namespace of all. */
static bool own_bind(int n)
{
	const long in_vain = shared->in_vain;
	int listener, client, server;
	bool ok = true;

	while (n-- && ok) {
		listener = stack_listener(ns_home(), XTCP, "127.0.0.1", 0, false);
		client = listener < 0 ? -1 : stack_connected(ns_home(), XTCP, "127.0.0.1", stack_port(listener));
		server = client < 0 ? -1 : accept(listener, NULL, NULL);
		ok = server >= 0 && stack_carries(client, server, 100);
		/* which leaves no TIME-WAIT */
		stack_reset_at_close(server);
		close_each(server, client, listener);
	}
	return ok && WAIT_FOR(shared->in_vain > in_vain, STACK_DEADLINE_MS);
}

/* Wait until the storm asks in vain, as long as it gets ports meanwhile. */
static bool range_is_full(void)
{
	long bound;

	do {
		bound = shared->bound;
		if (WAIT_FOR(shared->in_vain > 10, STACK_DEADLINE_MS))
			return true;
	} while (shared->bound > bound);
	return false;
}

static long leases(void)
{
	struct slabs now;

	slabs_read(&now);
	return now.active[SLABS_LEASE];
}

static void binds(void)
{
	const long before = leases();
	int ns = ns_make_guest(), ended = 0, i;
	long bound;
	pid_t storm, child;

	must(ns >= 0 && !ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %d", LOW_PORT, LOW_PORT + ports() - 1) &&
	     !ns_link_up(ns_home(), "lo", true), "guest");
	storm = start(ns, storm_of_binds, NULL);
	must(range_is_full(), "a full range");
	ksft_test_result(shared->bound == ports() && own_bind(100),
			 "a guest binds %ld ports and asks for more: bind() and connect() of the machine's own go on\n",
			 atomic_load(&shared->bound));
	for (i = 0; i < ENDS; i++) {
		int other = must_have(ns_make_guest(), "guest");

		bound = shared->bound;
		child = start(other, storm_of_binds, NULL);
		close(other);
		must(WAIT_FOR(shared->bound >= bound + STORM_PORTS, STACK_DEADLINE_MS), "ports");
		stop(child);
		ended++;
	}
	bound = shared->in_vain;
	ksft_test_result(WAIT_FOR(shared->in_vain > bound, STACK_DEADLINE_MS) && own_bind(10),
			 "%d others end among their binds, the rest goes on\n", ended);
	stop(storm);
	close(ns);
	ksft_test_result(before >= 0 && WAIT_FOR(leases() <= before + SLACK, STACK_DEADLINE_MS),
			 "of all that no lease is left: %ld\n", leases() - before);
}

/* A record does not end itself: the next one ends it. */
static void one_record(void)
{
	int ns = ns_make();
	long was;

	must(ns >= 0 && (was = ns_sysctl_get(ns, "net.xtcp.max_tw_buckets")) > 0 &&
	     !ns_sysctl_set(ns, "net.xtcp.max_tw_buckets", "0"), "max_tw_buckets");
	leave_records(ns, 3);
	ksft_test_result(records_in(ns) == 1 && stack_counter(ns, XTCP, "TcpExt:TCPTimeWaitOverflow") == 3,
			 "max_tw_buckets 0: connections end, and the latest alone leaves a record\n");
	must(!ns_sysctl_set(ns, "net.xtcp.max_tw_buckets", "%ld", was), "max_tw_buckets");
	leave_records(ns, 2);
	ksft_test_result(records_in(ns) == 3, "as before, two more leave two\n");
	/* of its own shard, of which there are as many as processors, up to 16 */
	was = stack_counter(ns, XTCP, "TcpExt:TCPTimeWaitOverflow");
	must(!ns_sysctl_set(ns, "net.xtcp.max_tw_buckets", "%d", RECORDS_FEW), "max_tw_buckets");
	leave_records(ns, 2 * RECORDS_FEW);
	ksft_test_result(records_in(ns) == RECORDS_FEW &&
			 stack_counter(ns, XTCP, "TcpExt:TCPTimeWaitOverflow") - was == RECORDS_FEW + 3,
			 "max_tw_buckets %d: each newcomer beyond that ends one\n", RECORDS_FEW);
	close(ns);
}

static int half_open_of(int ns, const char *file, const int *client, int n)
{
	int rows = 0;

	while (n--)
		rows += rows_state(ns, file, PORT + 2, stack_port(client[n])) == TCP_SYN_RECV;
	return rows;
}

#define CLIENTS 4

/* How many of the clients, of whom none hears the SYN-ACK, a listener keeps an entry for. */
static int kept(const struct ns_pair *own, enum stack stack)
{
	const char *file = stack == XTCP ? "/proc/net/xtcp" : "/proc/net/tcp";
	const long long drops = stack_counter(own->b, stack, "TcpExt:ListenDrops");
	int listener = stack_listener(own->b, stack, NS_B4, PORT + 2, true), client[CLIENTS], rows, i;

	must(listener >= 0 && !netem_gate(own->b, "veth0", false), "listener");
	for (i = 0; i < CLIENTS; i++)
		client[i] = stack_begin_or_die(own->a, KERNEL, NS_B4, PORT + 2);
	must(WAIT_FOR((rows = half_open_of(own->b, file, client, CLIENTS)) +
		      stack_counter(own->b, stack, "TcpExt:ListenDrops") - drops >= CLIENTS, STACK_DEADLINE_MS),
	     "SYNs");
	stack_close(client, CLIENTS);
	close(listener);
	must(!netem_gate(own->b, "veth0", true), "gate");
	return rows;
}

static void no_backlog(const struct ns_pair *own)
{
	static const char * const names[] = { "ipv4.tcp_", "xtcp." };
	int got[2], with_cookies[2];
	long was;
	char knob[64];

	for (enum stack s = KERNEL; s <= XTCP; s++) {
		snprintf(knob, sizeof(knob), "net.%smax_syn_backlog", names[s]);
		was = ns_sysctl_get(own->b, knob);
		must(was > 0 && !ns_sysctl_set(own->b, knob, "0"), knob);
		with_cookies[s] = kept(own, s);
		snprintf(knob, sizeof(knob), "net.%ssyncookies", names[s]);
		must(!ns_sysctl_set(own->b, knob, "0"), knob);
		got[s] = kept(own, s);
		must(!ns_sysctl_set(own->b, knob, "1"), knob);
		snprintf(knob, sizeof(knob), "net.%smax_syn_backlog", names[s]);
		must(!ns_sysctl_set(own->b, knob, "%ld", was), knob);
	}
	ksft_test_result(got[XTCP] == 1 && got[KERNEL] == 1 && with_cookies[XTCP] == CLIENTS &&
			 with_cookies[KERNEL] == CLIENTS,
			 "max_syn_backlog 0 keeps %d of 4, %d with cookies; kernel TCP %d and %d\n", got[XTCP],
			 with_cookies[XTCP], got[KERNEL], with_cookies[KERNEL]);
}

static long waiting_in(int ns)
{
	char *text = ns_read_file(ns, "/proc/net/xtcp_listen"), *line, *next;
	long len, all = 0;

	must(text, "listeners");
	for (line = strtok_r(text, "\n", &next); line && !strstr(line, "reason"); line = strtok_r(NULL, "\n", &next))
		all += sscanf(line, "%*s %*d %ld", &len) == 1 ? len : 0;
	free(text);
	return all;
}

/* A listener, and twice as many clients as a guest may let wait. */
struct waiting {
	int listener, client[2 * WAITING_SHARE];
};

static struct waiting let_wait(int ns)
{
	struct waiting w = { .listener = stack_listener(ns, XTCP, "127.0.0.1", PORT + 3, true) };

	must(w.listener >= 0 && !listen(w.listener, 1024), "listener");
	for (int i = 0; i < 2 * WAITING_SHARE; i++)
		w.client[i] = stack_begin_or_die(ns, KERNEL, "127.0.0.1", PORT + 3);
	return w;
}

static void end_waiting(const struct waiting *w)
{
	stack_close(w->client, 2 * WAITING_SHARE);
	close(w->listener);
}

/* Connections that no program accepts: somaxconn does not limit them where any user can raise it. */
static void unaccepted(const struct ns_pair *own)
{
	struct waiting w[GUESTS], more;
	int ns[GUESTS + 1], client, fd, i;
	bool ok = true;

	for (i = 0; i <= GUESTS; i++)
		ns[i] = must_have(ns_make_guest(), "guest");
	for (i = 0; i < GUESTS; i++) {
		w[i] = let_wait(ns[i]);
		ok &= WAIT_FOR(waiting_in(ns[i]) == WAITING_SHARE, STACK_DEADLINE_MS);
	}
	ksft_test_result(ok, "%d guests let as many connections wait for accept() as they may\n", GUESTS);
	more = let_wait(ns[GUESTS]);
	ok = waiting_in(ns[GUESTS]) == 0;
	end_waiting(&w[0]);
	ksft_test_result(ok && WAIT_FOR(waiting_in(ns[GUESTS]) == WAITING_SHARE, STACK_DEADLINE_MS),
			 "a fifth none, until one of them ends\n");
	/* of the clients, some have been answered by cookie, and do not ask again */
	fd = accept(more.listener, NULL, NULL);
	client = stack_connected(ns[GUESTS], KERNEL, "127.0.0.1", PORT + 3);
	ksft_test_result(fd >= 0 && client >= 0 && waiting_in(ns[GUESTS]) <= WAITING_SHARE,
			 "who is accepted makes room\n");
	close_each(client, fd);
	end_waiting(&more);
	more = let_wait(own->b);
	ksft_test_result(waiting_in(own->b) == 2 * WAITING_SHARE, "the machine's own namespaces have no such limit\n");
	end_waiting(&more);
	for (i = 1; i < GUESTS; i++)
		end_waiting(&w[i]);
	for (i = 0; i <= GUESTS; i++)
		close(ns[i]);
}

/* Each child has a copy of the keys for its peer, which no program and no control group pays for. */
static void unaccepted_with_keys(void)
{
	struct aoopt_key key = { .addr = "127.0.0.1" };
	int ns = must_have(ns_make_guest(), "guest"), client[WAITING_SHARE], i;
	int listener = stack_listener(ns, XTCP, "127.0.0.1", PORT + 3, true);

	must(listener >= 0 && !listen(listener, 1024), "listener");
	for (i = 0; i < KEYS; i++) {
		key.sndid = i;
		key.rcvid = i;
		must(!aoopt_add(listener, &key), "keys");
	}
	key.sndid = 0;
	key.rcvid = 0;
	for (i = 0; i < WAITING_SHARE; i++) {
		client[i] = stack_socket(ns, XTCP, "127.0.0.1");
		must(client[i] >= 0 && !aoopt_add(client[i], &key) && !fcntl(client[i], F_SETFL, O_NONBLOCK), "client");
		must(!stack_connect(client[i], "127.0.0.1", PORT + 3) || errno == EINPROGRESS, "connect");
	}
	i = waiting_in(ns);
	ksft_test_result(i > 0 && i <= WAITING_SHARE / 2, "with %d keys for each, %d wait\n", KEYS, i);
	stack_close(client, WAITING_SHARE);
	close_each(listener, ns);
}

static void unaccepted_of_one_user(void)
{
	struct waiting w[GUESTS + 1];
	int ns[GUESTS + 1], i;
	bool ok = true;

	for (i = 0; i <= GUESTS; i++) {
		ns[i] = must_have(ns_make_guest_of(i < GUESTS ? USER : USER + 1), "guest");
		w[i] = let_wait(ns[i]);
		if (i < GUESTS)
			ok &= WAIT_FOR(waiting_in(ns[i]) == (i ? 0 : WAITING_SHARE), STACK_DEADLINE_MS);
	}
	ksft_test_result(ok, "of one user, as many wait as in one guest\n");
	ksft_test_result(WAIT_FOR(waiting_in(ns[GUESTS]) == WAITING_SHARE, STACK_DEADLINE_MS),
			 "and of another one, too\n");
	for (i = 0; i <= GUESTS; i++) {
		end_waiting(&w[i]);
		close(ns[i]);
	}
}

static long parameter(const char *name)
{
	char path[96];
	long number;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/xtcp/parameters/%s", name);
	f = fopen(path, "r");
	must(f && fscanf(f, "%ld", &number) == 1, path);
	fclose(f);
	return number;
}

static void reload(const char *parameters)
{
	must(WAIT_FOR(module_references() == 0, STACK_DEADLINE_MS) && !module_unload() && !module_load(parameters),
	     "module");
}

/* 0 says "by the memory", it is no limit of 0. */
static void parameters_of_zero(void)
{
	long half_open, records;
	struct guest g;

	reload("");
	half_open = parameter("half_open");
	records = parameter("guest_timewait");
	reload("half_open=0 guest_timewait=0");
	ksft_print_msg("half_open %ld, guest_timewait %ld\n", half_open, records);
	ksft_test_result(half_open > 0 && parameter("half_open") == half_open && records > 0 &&
			 parameter("guest_timewait") == records, "half_open=0 guest_timewait=0 are as without\n");
	g = make_guest();
	leave_records(g.ns, 2);
	ksft_test_result(fills_up(&g, 2 * ENTRIES_SHARE) && records_in(g.ns) == 2,
			 "a guest has entries and records then\n");
	end_guest(&g);
	reload("");
}

int main(void)
{
	struct ns_pair own;

	test_begin(28);
	must(!setrlimit(RLIMIT_NOFILE, &(struct rlimit){ PORTS + 1000, PORTS + 1000 }), "descriptors");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED && !module_unload() && !module_load(PARAMETERS), "module");
	must(!ns_pair_make(&own), "namespaces");
	sides_know_each_other(&own);
	churn(&own);
	ends(&own);
	of_one_user();
	binds();
	one_record();
	no_backlog(&own);
	unaccepted(&own);
	unaccepted_with_keys();
	unaccepted_of_one_user();
	ns_pair_close(&own);
	parameters_of_zero();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
