// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen of xtcp: the rows of /proc/net/xtcp and xtcp6, which are compared with what the same connections
 * show on kernel TCP; the counter files; stock ss and nstat; the events of queues and drops;
 * xtcp-watch beside traffic; xtcp_run.
 */
#include "see.h"
#include "test.h"

NEEDS_MODULE;
NEEDS_SCRIPTS;
NEEDS_PROGRAMS("ss");

/* The rows of /proc/net/xtcp and xtcp6 against kernel TCP's. */

static void check_connection(const struct see_view *view, int listener, int client, unsigned int port)
{
	unsigned int client_port = stack_port(client);
	struct row row;
	char octets[5];
	int server;

	CHECK(WAIT_FOR(rows_find(see_net.b, view->proc, port, client_port, &row) == 1 &&
		       row.state == TCP_ESTABLISHED, SOON), "no row of the child");
	CHECK(row.inode == 0, "inode %lu before accept", row.inode);
	CHECK(row.columns == 21, "%d", row.columns);
	server = see_must(accept(listener, NULL, NULL), "accept");
	row = see_wait_row(see_net.b, view, port, client_port, TCP_ESTABLISHED);
	CHECK(row.inode == see_inode(server), "%lu", row.inode);
	CHECK(!strcmp(row.local, view->b_hex), "%s", row.local);
	CHECK(row.rx_queue == 0 && row.tx_queue == 0, "%u %u", row.rx_queue, row.tx_queue);
	CHECK(row.uid == geteuid(), "%u", row.uid);
	CHECK(row.rto > 0 && row.cwnd == 10 && row.ssthresh == -1, "%ld %d %d", row.rto, row.cwnd, row.ssthresh);

	see_must(write(client, "hello", 5), "write");
	CHECK(WAIT_FOR(rows_find(see_net.b, view->proc, port, client_port, &row) == 1 && row.rx_queue == 5, SOON),
	      "rx_queue %u", row.rx_queue);
	CHECK(WAIT_FOR(rows_find(see_net.a, view->proc, client_port, port, &row) == 1 && row.tx_queue == 0, SOON),
	      "tx_queue %u", row.tx_queue);
	CHECK(row.inode == see_inode(client) && !strcmp(row.peer, view->b_hex), "%lu %s", row.inode, row.peer);
	CHECK(row.timer == 0 && row.when == 0, "%u %lu", row.timer, row.when);
	see_must(read(server, octets, 5), "read");
	row = see_wait_row(see_net.b, view, port, client_port, TCP_ESTABLISHED);
	CHECK(row.rx_queue == 0, "%u", row.rx_queue);

	/* one end closes, then the other */
	close(client);
	row = see_wait_row(see_net.a, view, client_port, port, TCP_FIN_WAIT2);
	CHECK(row.timer == (row.columns == 16 ? 3 : 2) && row.inode == 0, "%u %lu", row.timer, row.inode);
	row = see_wait_row(see_net.b, view, port, client_port, TCP_CLOSE_WAIT);
	CHECK(row.inode == see_inode(server), "%lu", row.inode);
	close(server);
	row = see_wait_row(see_net.a, view, client_port, port, TCP_TIME_WAIT);
	CHECK(row.columns == 16 && row.timer == 3 && row.uid == 0, "%d %u %u", row.columns, row.timer, row.uid);
	CHECK(row.when > 3000 && row.when <= 6000, "%lu", row.when);
	CHECK(WAIT_FOR(rows_find(see_net.b, view->proc, port, client_port, &row) == 0, SOON), "state %u", row.state);
}

/* A result: each state that stays, and each column, on kernel TCP and on xtcp alike. */
static void see_rows(const struct see_view *view)
{
	unsigned int limit = view->stack == XTCP ? LIMIT : 0;	/* Linux says it in sock_diag only */
	unsigned int port = see_new_port();
	int listener = see_listen(see_net.b, view, view->b, port), client, lost;
	struct tcp_info info;
	struct row row = see_wait_row(see_net.b, view, port, 0, TCP_LISTEN);

	CHECK(!strcmp(row.local, view->b_hex) && strspn(row.peer, "0") == strlen(row.peer), "%s %s", row.local,
	      row.peer);
	CHECK(row.tx_queue == limit && row.rx_queue == 0, "%u %u", row.tx_queue, row.rx_queue);
	CHECK(row.inode == see_inode(listener) && row.timer == 0, "%lu %u", row.inode, row.timer);
	CHECK(row.columns == 21 && (strchr(view->b, ':') || row.width == 149), "%d %d", row.columns, row.width);

	client = see_connect(see_net.a, view, view->b, port);
	CHECK(WAIT_FOR(rows_find(see_net.b, view->proc, port, 0, &row) == -1, SOON), "no row of the child");
	check_connection(view, listener, client, port);
	row = see_wait_row(see_net.b, view, port, 0, TCP_LISTEN);
	CHECK(row.rx_queue == 0, "%u", row.rx_queue);

	see_send_syn(view, view->hole, 999, port);
	row = see_wait_row(see_net.b, view, port, 999, TCP_SYN_RECV);
	CHECK(row.columns == 16 && row.timer == 1 && row.inode == 0, "%d %u %lu", row.columns, row.timer, row.inode);
	CHECK(row.retransmits == 0 && row.when > 0 && row.when <= 100, "%u %lu", row.retransmits, row.when);

	lost = see_must(stack_socket(see_net.a, view->stack, view->hole), "socket");
	fcntl(lost, F_SETFL, O_NONBLOCK);
	stack_connect(lost, view->hole, port);
	row = see_wait_row(see_net.a, view, stack_port(lost), port, TCP_SYN_SENT);
	CHECK(row.timer == 1 && row.tx_queue == 1, "%u %u", row.timer, row.tx_queue);
	/* its SYN offers options, and nobody has agreed */
	info = info_of(lost);
	CHECK(!info.tcpi_options && info.tcpi_advmss == (strchr(view->b, ':') ? 1440 : 1460), "options %u, advmss %u",
	      info.tcpi_options, info.tcpi_advmss);
	close(lost);

	close(listener);
	CHECK(WAIT_FOR(rows_find(see_net.b, view->proc, port, 0, &row) == 0, SOON), "state %u", row.state);
	see_report("every state and column", view->name);
}

/* A result: IPv4 of an AF_INET6 socket stands in its file alone. @view4: of its peer. */
static void see_mapped_rows(const struct see_view *view, const struct see_view *view4)
{
	unsigned int port = see_new_port();
	int listener = see_listen(see_net.b, view, "::", port);
	int client = see_connect(see_net.a, view4, view4->b, port);
	struct row row = see_wait_row(see_net.b, view, port, stack_port(client), TCP_ESTABLISHED);

	CHECK(!strcmp(row.local, "0000000000000000FFFF00000200090A"), "%s", row.local);
	CHECK(rows_find(see_net.b, view4->proc, port, 0, &row) == 0, "also in %s", view4->proc);
	close_each(client, listener);
	see_report("IPv4 on an IPv6 listener", view->name);
}

/* A result: the first line of each file is kernel TCP's. */
static void see_first_lines(void)
{
	static const char *const pairs[][2] = {
		{ "/proc/net/tcp", "/proc/net/xtcp" }, { "/proc/net/tcp6", "/proc/net/xtcp6" }
	};
	char *theirs, *ours;
	struct row *rows;

	for (unsigned int i = 0; i < 2; i++) {
		CHECK(rows_read(see_net.a, pairs[i][0], &rows, &theirs) >= 0, "%s", pairs[i][0]);
		free(rows);
		CHECK(rows_read(see_net.a, pairs[i][1], &rows, &ours) >= 0, "%s", pairs[i][1]);
		free(rows);
		CHECK(!strcmp(theirs, ours), "\"%s\", \"%s\"", theirs, ours);
		free(theirs);
		free(ours);
	}
	see_report("the first lines are kernel TCP's", NULL);
}

/* ---- what an open file holds of a listing */

#define STABLE	150

static int open_listing(int ns, const char *path)
{
	int fd, home = ns_home();

	ns_enter(ns);
	fd = see_must(open(path, O_RDONLY), path);
	ns_enter(home);
	return fd;
}

#define HELD_MOST	(2 * 4096)	/* octets: a page, or more if a chain has more than one row */

/* Connections of this namespace with itself, which end without a record. */
static void open_some(int fds[STABLE][2], int listener, unsigned int port)
{
	for (unsigned int i = 0; i < STABLE; i++) {
		fds[i][0] = see_connect(see_net.b, XTCP4, NS_B4, port);
		fds[i][1] = see_must(accept(listener, NULL, NULL), "accept");
		stack_reset_at_close(fds[i][0]);
	}
}

/* A result: a listing that a program has begun to read ends after one buffer, when all connections have ended. */
static void see_listing_held(void)
{
	unsigned int port = see_new_port(), i;
	int listener = see_listen(see_net.b, XTCP4, NS_B4, port), fds[STABLE][2], fd;
	ssize_t whole = 0, rest = 0, got;
	char text[4096];

	open_some(fds, listener, port);
	fd = open_listing(see_net.b, "/proc/net/xtcp");
	while ((got = read(fd, text, sizeof(text))) > 0)
		whole += got;
	close(fd);
	CHECK(whole >= 2 * STABLE * 150, "%zd", whole);

	fd = open_listing(see_net.b, "/proc/net/xtcp");
	see_must(read(fd, text, 1), "read");
	for (i = 0; i < STABLE; i++)
		close_each(fds[i][0], fds[i][1]);
	close(listener);
	while ((got = read(fd, text, sizeof(text))) > 0)
		rest += got;
	CHECK(rest <= HELD_MOST, "%zd octets of %zd", rest, whole);
	/* from its beginning again */
	CHECK(pread(fd, text, 5, 0) == 5 && !memcmp(text, "  sl ", 5), "no heading");
	close(fd);
	see_report("an open file holds a page of a listing", NULL);
}

/* /proc/net/xtcp_sockstat: a connection changes it as it changes kernel TCP's lines of sockstat and sockstat6. */

/* Both lines; of one file or of two. */
struct sockstat {
	long inuse, orphan, tw, alloc, mem, inuse6;
};

static struct sockstat sockstat_of(int ns, const struct see_view *view)
{
	bool is_xtcp = view->stack == XTCP;
	char *text = ns_read_file(ns, is_xtcp ? "/proc/net/xtcp_sockstat" : "/proc/net/sockstat");
	char *text6 = ns_read_file(ns, is_xtcp ? "/proc/net/xtcp_sockstat" : "/proc/net/sockstat6");
	const char *at = strstr(text ?: "", "TCP: "), *at6 = strstr(text6 ?: "", "TCP6: ");
	struct sockstat found = {};
	int n = 0, n6 = 0;

	if (at)
		n = sscanf(at, "TCP: inuse %ld orphan %ld tw %ld alloc %ld mem %ld\n", &found.inuse, &found.orphan,
			   &found.tw, &found.alloc, &found.mem);
	if (at6)
		n6 = sscanf(at6, "TCP6: inuse %ld\n", &found.inuse6);
	CHECK(n == 5 && n6 == 1, "%s and %s", text, text6);
	free(text);
	free(text6);
	return found;
}

/* By so much, memory left aside. */
static bool has_grown(int ns, const struct see_view *view, const struct sockstat *from, struct sockstat by)
{
	struct sockstat now = sockstat_of(ns, view);

	return now.inuse - from->inuse == by.inuse && now.orphan - from->orphan == by.orphan &&
	       now.tw - from->tw == by.tw && now.alloc - from->alloc == by.alloc &&
	       now.inuse6 - from->inuse6 == by.inuse6;
}

static const char *words(const struct sockstat *from)
{
	static char text[2][120];
	static int last;

	last = !last;
	snprintf(text[last], sizeof(text[last]), "inuse %ld orphan %ld tw %ld alloc %ld inuse6 %ld", from->inuse,
		 from->orphan, from->tw, from->alloc, from->inuse6);
	return text[last];
}

static const char *words_now(int ns, const struct see_view *view)
{
	const struct sockstat now = sockstat_of(ns, view);

	return words(&now);
}

#define GROWS(ns, from, ...)									\
	do {											\
		const struct sockstat by = { __VA_ARGS__ };					\
												\
		CHECK(WAIT_FOR(has_grown(ns, view, &(from), by), SOON), #__VA_ARGS__ ": not from %s to %s",	\
		      words(&(from)), words_now(ns, view));						\
	} while (0)

/* As much as both take while nobody reads, and more than a processor's MiB, so that the sum of all says so. */
static void fill(int fd)
{
	static const char octets[65536];
	const int room_wanted = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room_wanted, sizeof(room_wanted));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (stack_poll(fd, POLLOUT, 500))
		if (write(fd, octets, sizeof(octets)) < 0 && errno != EAGAIN)
			see_must(-1, "write");
}

/* What the line XTCP of /proc/net/protocols says of memory, the file says, too. */
static void check_memory(void)
{
	char *text = ns_read_file(see_net.a, "/proc/net/protocols"), *at = strstr(text ?: "", "\nXTCP ");
	struct sockstat now = sockstat_of(see_net.a, XTCP4);
	long memory = -1;

	if (at)
		sscanf(at, "\nXTCP %*u %*d %ld", &memory);
	CHECK(memory == now.mem && memory > 0, "memory %ld and %ld", memory, now.mem);
	free(text);
}

/* A result: the counts follow a connection. */
static void see_sockstat(const struct see_view *view)
{
	const struct see_view *view6 = view + 1;
	struct sockstat a = sockstat_of(see_net.a, view), b = sockstat_of(see_net.b, view);
	unsigned int port = see_new_port();
	static char octets[65536];
	int l4 = see_listen(see_net.b, view, view->b, port), l6, client, server;

	l6 = see_listen(see_net.b, view6, view6->b, port);
	GROWS(see_net.b, b, .inuse = 1, .inuse6 = 1, .alloc = 2);
	client = see_connect(see_net.a, view, view->b, port);
	server = see_must(accept(l4, NULL, NULL), "accept");
	GROWS(see_net.a, a, .inuse = 1, .alloc = 4);
	GROWS(see_net.b, b, .inuse = 2, .inuse6 = 1, .alloc = 4);

	/* closed before its octets are acknowledged: an orphan; after that, a record in FIN-WAIT-2, and in TIME-WAIT */
	fill(client);
	if (view->stack == XTCP)
		check_memory();
	close(client);
	GROWS(see_net.a, a, .inuse = 1, .orphan = 1, .alloc = 4);
	while (see_must(read(server, octets, sizeof(octets)), "read") > 0)
		;
	GROWS(see_net.a, a, .tw = 1, .alloc = 3);
	close_each(server, l4, l6);
	GROWS(see_net.a, a, .tw = 1);
	GROWS(see_net.b, b, 0);
	see_report("sockstat: sockets, orphans, records", view->name);
}

/* What the tracepoint xtcp_queue says of a listener's queues, step by step, with kernel TCP as the peer. */

#define EVENT		"events/xtcp/xtcp_queue/"
#define BACKLOG		1		/* each queue holds one more */
#define CLIENTS		3

/* A listener that goes through the steps, and what has come to it. */
struct scene {
	const struct see_view *view;
	const char *a;			/* kernel TCP's address */
	unsigned int port;
	int listener;
	int client[CLIENTS];
	int clients;
	unsigned int next_hole_port;
};

struct step {
	const char *what;
	void (*act)(struct scene *scene);
	const char *want;		/* all its events, in order: queue, old and new length, reason */
};

/* Does not wait: the events say what becomes of it. */
static void connect_one(struct scene *scene)
{
	scene->client[scene->clients++] = stack_begin_or_die(see_net.a, KERNEL, scene->view->b, scene->port);
}

static void accept_one(struct scene *scene)
{
	close(see_must(accept(scene->listener, NULL, NULL), "accept"));
}

static void syn_from_nobody(struct scene *scene)
{
	see_send_syn(scene->view, scene->view->hole, scene->next_hole_port++, scene->port);
}

/* The SYN queue is full with one less. */
static void greater_limit(struct scene *scene)
{
	see_must(listen(scene->listener, BACKLOG + 1), "listen");
	syn_from_nobody(scene);
}

/* Kernel TCP there did not send it, and resets what answers it. */
static void syn_in_the_name_of_a(struct scene *scene)
{
	see_send_syn(scene->view, scene->a, 998, scene->port);
}

static void close_listener(struct scene *scene)
{
	close(scene->listener);
}

static const struct step steps[] = {
	{ "a handshake", connect_one, "syn 0 1 arrived; accept 0 1 completed; syn 1 0 completed; " },
	{ "a second one", connect_one, "syn 0 1 arrived; accept 1 2 completed; syn 1 0 completed; " },
	{ "the accept queue is full", syn_from_nobody, "accept 2 2 refused; syn 0 0 refused; " },
	{ "accept()", accept_one, "accept 2 1 accepted; " },
	{ "accept()", accept_one, "accept 1 0 accepted; " },
	{ "a peer that resets", syn_in_the_name_of_a, "syn 0 1 arrived; syn 1 0 reset; " },
	{ "a silent peer", syn_from_nobody, "syn 0 1 arrived; " },
	{ "another one", syn_from_nobody, "syn 1 2 arrived; " },
	{ "the SYN queue is full: a cookie", connect_one, "syn 2 2 cookie; accept 0 1 completed; " },
	{ "a SYN more", syn_from_nobody, "syn 2 2 cookie; " },
	{ "a greater limit", greater_limit, "syn 2 3 arrived; " },
	{ "which is reached", syn_from_nobody, "syn 3 3 cookie; " },
	{ "close()", close_listener, "accept 1 0 closed; syn 3 2 closed; syn 2 1 closed; syn 1 0 closed; " },
};

/* Each event says for whom; the whole accept queue goes at once, with all its peers. */
static bool names_its_peer(const char *peer, const char *queue, const char *reason)
{
	const char *port = strrchr(peer, ':');
	bool all_go = !strcmp(queue, "accept") && !strcmp(reason, "closed");

	return port && !strcmp(port, ":0") == all_go;
}

/* The events of the scene's listener since they were last forgotten. */
static const char *events(const struct scene *scene)
{
	char line[512], local[80], peer[80], queue[16], reason[16], *at;
	bool v6 = strchr(scene->view->b, ':');
	FILE *file = tracing_open();
	unsigned int old, new;
	static char text[1024];
	size_t len = 0;

	snprintf(local, sizeof(local), "local=%s%s%s:%u peer=", v6 ? "[" : "", scene->view->b, v6 ? "]" : "",
		 scene->port);
	text[0] = 0;
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "xtcp_queue:");
		at = at ? strstr(at, local) : NULL;
		if (!at || len > sizeof(text) - 80 ||
		    sscanf(at + strlen(local), "%79s queue=%15s old=%u new=%u reason=%15s", peer, queue, &old, &new,
			   reason) != 5)
			continue;
		CHECK(names_its_peer(peer, queue, reason), "peer %s in %s", peer, line);
		len += snprintf(text + len, sizeof(text) - len, "%s %u %u %s; ", queue, old, new, reason);
	}
	fclose(file);
	return text;
}

static void take(const struct step *step, struct scene *scene, char *want, size_t size)
{
	size_t len = strlen(want);

	snprintf(want + len, size - len, "%s", step->want);
	step->act(scene);
	CHECK(WAIT_FOR(strlen(events(scene)) >= strlen(want), SOON) && !strcmp(events(scene), want),
	      "%s: events \"%s\", due: \"%s\"", step->what, events(scene), want);
}

/* A result: the events of both queues, in their order, with their lengths. */
static void see_queues(const struct see_view *view)
{
	struct scene scene = { .view = view, .port = see_new_port(), .next_hole_port = 1000 };
	char want[1024] = "";

	scene.a = view == XTCP4 ? NS_A4 : NS_A6;
	tracing_start("queues");
	tracing_set("trace_clock", "global");
	tracing_set(EVENT "enable", "1");
	scene.listener = see_must(stack_bound(see_net.b, XTCP, view->b, scene.port, false), "bind");
	see_must(listen(scene.listener, BACKLOG), "listen");
	for (unsigned int i = 0; i < sizeof(steps) / sizeof(*steps) && !see_problems; i++)
		take(&steps[i], &scene, want, sizeof(want));
	/* nothing came late */
	CHECK(see_problems || !strcmp(events(&scene), want), "events \"%s\", due: \"%s\"", events(&scene), want);
	if (see_problems)
		close(scene.listener);
	while (scene.clients)
		close(scene.client[--scene.clients]);
	tracing_set(EVENT "enable", "0");
	tracing_stop();
	see_report("the events of a listener's queues", view->name);
}

/* Which sockets a filter of ss finds, and how addresses look: on kernel TCP, and by xtcp-ss on ours. */

/*
 * Listeners: A at 0.0.0.0, B at ::, C at :: for IPv6 only, D at ::1; each has the next port. Connections: e of A, f of
 * B over IPv4, g of B over IPv6. ss takes none of these ports for one that the kernel has chosen.
 */
#define SOCKETS	7

struct found {
	unsigned int port;	/* A's */
	unsigned int peer[3];	/* of e, f and g */
	int fd[SOCKETS + 3];
};

static const char *command_of(const struct see_view *view)
{
	return view->stack == XTCP ? "scripts/tools/xtcp-ss" : "ss -t";
}

static void open_all(struct found *found, const struct see_view *view4, const struct see_view *view6)
{
	static const char * const addrs[] = { "0.0.0.0", "::", "::", "::1" };
	int i, fd;

	for (i = 0; i < 4; i++) {
		unsigned int port = see_new_port();

		if (!i)
			found->port = port;
		fd = see_must(stack_socket(see_net.b, view4->stack, addrs[i]), "socket");
		if (i == 2)
			see_must(stack_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), "IPV6_V6ONLY");
		union stack_addr addr = stack_addr(addrs[i], port);

		see_must(bind(fd, &addr.sa, stack_addr_len(&addr)), "bind");
		see_must(listen(fd, LIMIT), "listen");
		found->fd[i] = fd;
	}
	for (i = 0; i < 3; i++) {
		fd = see_connect(see_net.a, i == 2 ? view6 : view4, i == 2 ? NS_B6 : NS_B4, found->port + !!i);
		found->peer[i] = stack_port(fd);
		found->fd[4 + i] = fd;
		found->fd[SOCKETS + i] = see_must(accept(found->fd[!!i], NULL, NULL), "accept");
	}
}

/* The letters of the sockets that a filter finds. */
static const char *letters_of(const struct found *found, const struct see_view *view, const char *filter)
{
	static const char * const peers[] = { "0.0.0.0", "*", "[::]", "[::]" };
	static char letters[SOCKETS + 1];
	char want[SOCKETS][40], *text;
	int i, n = 0;

	for (i = 0; i < 4; i++)
		snprintf(want[i], sizeof(want[i]), ":%u %s:*\n", found->port + i, peers[i]);
	for (i = 0; i < 3; i++)
		snprintf(want[4 + i], sizeof(want[4]), ":%u\n", found->peer[i]);
	text = see_shell(see_net.b, 0, "%s -tanOH '( %s ) and sport ge :%u and sport le :%u' | sed 's/ *$//'",
			 command_of(view), filter, found->port, found->port + 3);
	for (i = 0; i < SOCKETS; i++)
		if (strstr(text, want[i]))
			letters[n++] = "ABCDefg"[i];
	letters[n] = 0;
	return letters;
}

static void check_filters(const struct found *found, const struct see_view *view)
{
	static const struct {
		const char *filter, *finds;
	} rows[] = {
		{ "src 0.0.0.0", "A" }, { "src [::]", "BC" }, { "src [::1]", "D" }, { "src 0.0.0.0/0", "Aef" },
		{ "src ::/0", "BCDfg" }, { "not src " NS_B4, "ABCDg" }, { "dst 10.9/16", "ef" },
		{ "src " NS_B4 " and not src [::ffff:" NS_B4 "]", "e" }, { "src [::ffff:" NS_B4 "]", "f" },
		/* 10.9.0.2 and fd00:9::2 begin with these octets */
		{ "src a00::/8", "" }, { "src 253.0.0.0/8", "" }, { "src fd00::/8 or src 10.9.0.0/255.255.0.0", "efg" },
		{ "src inet:*", "Ae" }, { "src inet6:*", "BCDfg" }, { "not autobound", "ABCD" },
		{ "not ( autobound or src [::1] )", "ABC" },
		/* the kernel lets those of IPv6 through, and ss itself does not */
		{ "not src 0.0.0.0/0", "" },
	};
	char filter[80];

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *finds = letters_of(found, view, rows[i].filter);

		CHECK(!strcmp(finds, rows[i].finds), "%s finds %s, not %s", rows[i].filter, finds, rows[i].finds);
	}
	snprintf(filter, sizeof(filter), "src " NS_B4 ":%u", found->port + 1);
	CHECK(!strcmp(letters_of(found, view, filter), "f"), "%s", letters_of(found, view, filter));
}

/* Whether a listener takes IPv4, its device, and what is no filter. */
static void check_looks(const struct found *found, const struct see_view *view)
{
	char *text;

	see_must(setsockopt(found->fd[0], SOL_SOCKET, SO_BINDTODEVICE, "veth0", 5), "SO_BINDTODEVICE");
	text = see_shell(see_net.b, 0, "%s -lnH sport ge :%u and sport le :%u", command_of(view), found->port,
			 found->port + 3);
	see_says(text, "LISTEN 0 %d 0.0.0.0%%veth0:%u 0.0.0.0:*", LIMIT, found->port);
	see_says(text, "LISTEN 0 %d *:%u *:*", LIMIT, found->port + 1);
	see_says(text, "LISTEN 0 %d [::]:%u [::]:*", LIMIT, found->port + 2);
	see_says(text, "LISTEN 0 %d [::1]:%u [::]:*", LIMIT, found->port + 3);
	text = see_shell(see_net.b, 1, "%s -nH src [::1].5", command_of(view));
	CHECK(strstr(text, "Cannot parse"), "%s", text);
}

/* A result: filters by address find the same as the kernel, and listeners look as in ss. @view6: IPv6. */
static void see_filters(const struct see_view *view4, const struct see_view *view6)
{
	struct found found;

	open_all(&found, view4, view6);
	check_filters(&found, view4);
	check_looks(&found, view4);
	stack_close(found.fd, sizeof(found.fd) / sizeof(*found.fd));
	see_report("ss finds and shows what is meant", stack_name(view4->stack));
}

int main(void)
{
	see_begin(24 + stack_count() * 7);
	see_first_lines();
	for (unsigned int i = 2 * stack_first(); i < SEE_VIEWS; i++)
		see_rows(&see_views[i]);
	if (stack_first() == KERNEL)
		see_mapped_rows(KERNEL6, KERNEL4);
	see_mapped_rows(XTCP6, XTCP4);
	see_listing_held();
	for (unsigned int i = 2 * stack_first(); i < SEE_VIEWS; i += 2)
		see_sockstat(&see_views[i]);
	see_counter_names();
	see_ss();
	for (unsigned int i = 2 * stack_first(); i < SEE_VIEWS; i++)
		see_ss_info(&see_views[i]);
	see_ss_kill();
	see_ss_set();
	see_ss_netlink();
	for (unsigned int i = 2 * stack_first(); i < SEE_VIEWS; i += 2)
		see_filters(&see_views[i], &see_views[i + 1]);
	see_nstat();
	see_queues(XTCP4);
	see_queues(XTCP6);
	see_syn_options(XTCP4);
	see_syn_options(XTCP6);
	see_syn_dropped(XTCP4);
	see_syn_dropped(XTCP6);
	see_watch();
	see_run();
	return see_end();
}
