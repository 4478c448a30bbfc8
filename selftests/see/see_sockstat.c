// SPDX-License-Identifier: GPL-2.0
/* /proc/net/xtcp_sockstat: a connection changes it as it changes kernel TCP's lines of sockstat and sockstat6. */
#include "see.h"
#include "test.h"

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

/*
 * As much as both ends take while nobody reads; and more than the MiB that each processor may take before the sum of
 * all says so.
 */
static void fill(int fd)
{
	static const char octets[65536];
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	const int room_wanted = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room_wanted, sizeof(room_wanted));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (poll(&room, 1, 500) == 1)
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
void see_sockstat(const struct see_view *view)
{
	const struct see_view *view6 = view + 1;
	struct sockstat a = sockstat_of(see_net.a, view), b = sockstat_of(see_net.b, view);
	unsigned int port = see_new_port();
	int l4, l6, client, server;
	static char octets[65536];

	l4 = see_listen(see_net.b, view, view->b, port);
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
