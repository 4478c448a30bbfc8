// SPDX-License-Identifier: GPL-2.0
/*
 * The rows of /proc/net/xtcp and xtcp6: what stands in them, compared with what the same connections show on kernel
 * TCP, and a long listing while the table changes.
 */
#include "see.h"
#include "test.h"

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

/*
 * A result: every state that stays, and each column, on kernel TCP and on xtcp alike. @view: of which stack and IP
 * version.
 */
void see_rows(const struct see_view *view)
{
	unsigned int limit = view->stack == XTCP ? LIMIT : 0;	/* Linux says it in sock_diag only */
	unsigned int port = see_new_port();
	int listener = see_listen(see_net.b, view, view->b, port), client, lost;
	struct tcp_info info;
	struct row row;

	row = see_wait_row(see_net.b, view, port, 0, TCP_LISTEN);
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

/*
 * A result: what an AF_INET6 socket talks over IPv4 stands in its file, not in the other one. @view4: of its peer, over
 * IPv4.
 */
void see_mapped_rows(const struct see_view *view, const struct see_view *view4)
{
	unsigned int port = see_new_port();
	int listener = see_listen(see_net.b, view, "::", port);
	int client = see_connect(see_net.a, view4, view4->b, port);
	struct row row;

	row = see_wait_row(see_net.b, view, port, stack_port(client), TCP_ESTABLISHED);
	CHECK(!strcmp(row.local, "0000000000000000FFFF00000200090A"), "%s", row.local);
	CHECK(rows_find(see_net.b, view4->proc, port, 0, &row) == 0, "also in %s", view4->proc);
	close_each(client, listener);
	see_report("IPv4 on an IPv6 listener", view->name);
}

/* A result: the first line of each file is kernel TCP's. */
void see_first_lines(void)
{
	static const char *const pairs[][2] = {
		{ "/proc/net/tcp", "/proc/net/xtcp" }, { "/proc/net/tcp6", "/proc/net/xtcp6" }
	};
	char *theirs, *ours;
	struct row *rows;
	unsigned int i;

	for (i = 0; i < 2; i++) {
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

/* ---- a long listing while the table changes */

#define STABLE	150

static bool churning;

/* Connections that come and go: the table grows several times over. */
static unsigned int churn_count(void)
{
	return getenv("XTCP_DEBUG") ? 120 : 500;
}

static void *churn(void *arg)
{
	unsigned int port = see_new_port(), count = churn_count(), i;
	int listener, client, server;

	listener = see_listen(see_net.a, XTCP4, NS_A4, port);
	for (i = 0; i < count; i++) {
		client = see_connect(see_net.a, XTCP4, NS_A4, port);
		server = see_must(accept(listener, NULL, NULL), "accept");
		close_each(client, server);
	}
	close(listener);
	__atomic_store_n(&churning, false, __ATOMIC_SEQ_CST);
	return NULL;
}

static int open_listing(int ns, const char *path)
{
	int fd, home = ns_home();

	ns_enter(ns);
	fd = see_must(open(path, O_RDONLY), path);
	ns_enter(home);
	return fd;
}

/* One listing, read in small pieces. */
static char *read_slowly(const char *path)
{
	size_t len = 0, room = 1 << 20;
	char *text = malloc(room);
	int fd = open_listing(see_net.a, path);
	ssize_t got;

	while ((got = read(fd, text + len, 333)) > 0) {
		len += got;
		if (len + 1000 > room)
			text = realloc(text, room *= 2);
	}
	close(fd);
	text[len] = 0;
	return text;
}

/* A result: a listing misses and repeats no row, however slowly it is read. */
void see_long_listing(void)
{
	unsigned int port = see_new_port(), i, listings = 0, seen[STABLE][2], count, wrong = 0;
	int listener = see_listen(see_net.a, XTCP4, NS_A4, port), fds[STABLE][2], at[65536];
	char *text, *line, *in_lines;
	unsigned int local, peer;
	pthread_t thread;

	memset(at, -1, sizeof(at));
	for (i = 0; i < STABLE; i++) {
		fds[i][0] = see_connect(see_net.a, XTCP4, NS_A4, port);
		fds[i][1] = see_must(accept(listener, NULL, NULL), "accept");
		at[stack_port(fds[i][0])] = i;
	}
	churning = true;
	pthread_create(&thread, NULL, churn, NULL);
	while (__atomic_load_n(&churning, __ATOMIC_SEQ_CST) || listings < 3) {
		memset(seen, 0, sizeof(seen));
		text = read_slowly("/proc/net/xtcp");
		for (line = strtok_r(text, "\n", &in_lines); line; line = strtok_r(NULL, "\n", &in_lines)) {
			if (sscanf(line, "%*d: %*8[0-9A-F]:%x %*8[0-9A-F]:%x 01", &local, &peer) != 2)
				continue;
			if (peer == port && at[local & 0xffff] >= 0)
				seen[at[local & 0xffff]][0]++;
			if (local == port && at[peer & 0xffff] >= 0)
				seen[at[peer & 0xffff]][1]++;
		}
		free(text);
		for (i = 0, count = 0; i < STABLE; i++)
			count += (seen[i][0] == 1) + (seen[i][1] == 1);
		wrong += count != 2 * STABLE;
		listings++;
	}
	pthread_join(thread, NULL);
	CHECK(!wrong, "%u of %u listings miss a row or repeat it", wrong, listings);
	for (i = 0; i < STABLE; i++)
		close_each(fds[i][0], fds[i][1]);
	close(listener);
	see_report("a long listing, read slowly, has each row once while others come and go", NULL);
}

/* ---- what an open file holds of a listing */

#define HELD_MOST	(2 * 4096)	/* octets: a page, or more if a chain has more than one row */

/* Connections of this namespace with itself, which end without a record. */
static void open_some(int fds[STABLE][2], int listener, unsigned int port)
{
	unsigned int i;

	for (i = 0; i < STABLE; i++) {
		fds[i][0] = see_connect(see_net.b, XTCP4, NS_B4, port);
		fds[i][1] = see_must(accept(listener, NULL, NULL), "accept");
		stack_reset_at_close(fds[i][0]);
	}
}

/* A result: a listing that a program has begun to read ends after one buffer, when all connections have ended. */
void see_listing_held(void)
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
