// SPDX-License-Identifier: GPL-2.0
#include "sides.h"

#include <errno.h>
#include <kselftest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int add(struct sides *sides, enum stack client, enum stack server, bool v6)
{
	sides->client = client;
	sides->server = server;
	sides->addr = v6 ? NS_B6 : NS_B4;
	sides->client_addr = v6 ? NS_A6 : NS_A4;
	snprintf(sides->name, sizeof(sides->name), "%s to %s, IPv%d",
		 stack_name(client), stack_name(server), v6 ? 6 : 4);
	return 1;
}

static void usage(const char *program)
{
	fprintf(stderr, "usage: %s [-4|-6] [-s kernel|xtcp]\n", program);
	exit(2);
}

int sides_parse(int argc, char **argv, struct sides *sides)
{
	bool kernel = true, xtcp = true, want[2] = { true, true };
	int opt, v6, n = 0, fd;

	while ((opt = getopt(argc, argv, "46s:")) != -1) {
		if (opt == '4')
			want[1] = false;
		else if (opt == '6')
			want[0] = false;
		else if (opt == 's' && !strcmp(optarg, "kernel"))
			xtcp = false;
		else if (opt == 's' && !strcmp(optarg, "xtcp"))
			kernel = false;
		else
			usage(argv[0]);
	}
	if (optind != argc)
		usage(argv[0]);
	for (v6 = 0; v6 < 2; v6++) {
		if (!want[v6])
			continue;
		if (kernel && xtcp) {
			n += add(&sides[n], XTCP, KERNEL, v6);
			n += add(&sides[n], KERNEL, XTCP, v6);
		}
		n += add(&sides[n], xtcp ? XTCP : KERNEL, xtcp ? XTCP : KERNEL, v6);
	}
	fd = xtcp ? stack_socket(ns_home(), XTCP, NS_A4) : 0;
	if (fd < 0)
		ksft_exit_fail_msg("no xtcp: %s\n", strerror(errno));
	if (fd)
		close(fd);
	return n;
}

const char *sides_listing(enum stack stack, const char *addr)
{
	if (strchr(addr, ':'))
		return stack == XTCP ? "/proc/net/xtcp6" : "/proc/net/tcp6";
	return stack == XTCP ? "/proc/net/xtcp" : "/proc/net/tcp";
}

bool sides_on_debug_kernel(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}
