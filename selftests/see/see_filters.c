// SPDX-License-Identifier: GPL-2.0
/*
 * Which sockets a filter of ss finds, and how their addresses look: what ss says of kernel TCP's, xtcp-ss says of ours.
 */
#include "see.h"
#include "lib/test.h"

NEEDS_SCRIPTS;
NEEDS_PROGRAMS("ss");

/*
 * Listeners: A at 0.0.0.0, B at ::, C at :: for IPv6 only, D at ::1; each has the next port.
 * Connections: e of A, f of B over IPv4, g of B over IPv6. ss takes none of these ports for one that
 * the kernel has chosen.
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
	int status, i, n = 0;

	for (i = 0; i < 4; i++)
		snprintf(want[i], sizeof(want[i]), ":%u %s:*\n", found->port + i, peers[i]);
	for (i = 0; i < 3; i++)
		snprintf(want[4 + i], sizeof(want[4]), ":%u\n", found->peer[i]);
	text = see_output(see_net.b, &status, "%s -tanOH '( %s ) and sport ge :%u and sport le :%u' | sed 's/ *$//'",
			  command_of(view), filter, found->port, found->port + 3);
	CHECK(!status, "%s: status %d", filter, status);
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
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
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
	int status;

	see_must(setsockopt(found->fd[0], SOL_SOCKET, SO_BINDTODEVICE, "veth0", 5), "SO_BINDTODEVICE");
	text = see_output(see_net.b, &status, "%s -lnH sport ge :%u and sport le :%u", command_of(view), found->port,
			  found->port + 3);
	CHECK(!status, "status %d", status);
	see_says(text, "LISTEN 0 %d 0.0.0.0%%veth0:%u 0.0.0.0:*", LIMIT, found->port);
	see_says(text, "LISTEN 0 %d *:%u *:*", LIMIT, found->port + 1);
	see_says(text, "LISTEN 0 %d [::]:%u [::]:*", LIMIT, found->port + 2);
	see_says(text, "LISTEN 0 %d [::1]:%u [::]:*", LIMIT, found->port + 3);
	text = see_output(see_net.b, &status, "%s -nH src [::1].5", command_of(view));
	CHECK(status == 1 && strstr(text, "Cannot parse"), "status %d: %s", status, text);
}

/*
 * A result: filters by address find what the kernel finds, and listeners look as they do in ss. @view6: the same over
 * IPv6.
 */
void see_filters(const struct see_view *view4, const struct see_view *view6)
{
	struct found found;
	unsigned int i;

	open_all(&found, view4, view6);
	check_filters(&found, view4);
	check_looks(&found, view4);
	for (i = 0; i < sizeof(found.fd) / sizeof(*found.fd); i++)
		close(found.fd[i]);
	see_report("ss finds and shows what is meant", stack_name(view4->stack));
}
