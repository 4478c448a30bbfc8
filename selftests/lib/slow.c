// SPDX-License-Identifier: GPL-2.0
#include "slow.h"
#include "test.h"
#include "virtual.h"

NEEDS_PROGRAMS("nft");

#define SLOW_PORT	9	/* a datagram to this port passes the rules, too */
#define QUICK_PORT	10
#define LEAVES		200	/* rules that look, and find nothing */
#define FIRST_WIDTH	8	/* how often a chain jumps to the next one: LEAVES * width^2 looks */
#define LAST_WIDTH	120	/* newer kernels count the jumps */
#define TRIES		3

/* The rules, for nft. */
static void write_rules(int width)
{
	FILE *nft = popen("nft -f -", "we");

	must(nft, "nft");
	fprintf(nft, "add table inet slow\ndelete table inet slow\nadd table inet slow\nadd chain inet slow leaves\n"
		     "add chain inet slow inner\nadd chain inet slow outer\n"
		     "add chain inet slow out { type filter hook output priority 0; }\n");
	for (int i = 0; i < LEAVES; i++)
		fprintf(nft, "add rule inet slow leaves meta mark 0x%x drop\n", 0x5100 + i);
	for (int i = 0; i < width; i++)
		fprintf(nft, "add rule inet slow inner jump leaves\nadd rule inet slow outer jump inner\n");
	fprintf(nft, "add rule inet slow out tcp flags & rst == rst jump outer\n"
		     "add rule inet slow out udp dport %d jump outer\n", SLOW_PORT);
	must(!pclose(nft), "rules");
}

static int make_rules(void *width)
{
	write_rules(*(int *)width);
	return 0;
}

/* How long a datagram to this port takes at least, in nanoseconds. */
static uint64_t takes(int fd, int port)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port),
	};
	uint64_t least = UINT64_MAX, took;

	for (int i = 0; i < TRIES; i++) {
		took = virtual_now();
		must(sendto(fd, "", 1, 0, (const struct sockaddr *)&to, sizeof(to)) == 1, "datagram");
		took = virtual_now() - took;
		if (took < least)
			least = took;
	}
	return least;
}

bool slow_resets(int ns, int ms)
{
	int width, fd;
	uint64_t without, with;

	if (virtual_is())
		return false;
	fd = must_have(ns_socket(ns, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	for (width = FIRST_WIDTH; ; width += width / 2) {
		must(width <= LAST_WIDTH && !ns_call(ns, make_rules, &width), "rules that are slow enough");
		without = takes(fd, QUICK_PORT);
		with = takes(fd, SLOW_PORT);
		if (with >= without + ms * (VIRTUAL_S / 1000))
			break;
	}
	close(fd);
	printf("# a RST passes %d rules, which takes %.1f ms\n", LEAVES * width * width, (with - without) / 1e6);
	return true;
}
