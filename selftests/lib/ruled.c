// SPDX-License-Identifier: GPL-2.0
#include "ruled.h"
#include "test.h"

NEEDS_SCRIPTS;

struct ns_pair ruled_net;
int ruled_port;

void ruled_begin(int port)
{
	ruled_port = port;
	must(!ns_pair_make(&ruled_net) && !ns_enter(ruled_net.a), "namespaces");
	sides_know_each_other(&ruled_net);
}

void ruled_active(const char *to, int *fd, int *peer)
{
	stack_pair_or_die(ruled_net.a, XTCP, ruled_net.b, KERNEL, to, ruled_port++, fd, peer);
}

void ruled_passive(const char *at, int *fd, int *peer)
{
	stack_pair_or_die(ruled_net.b, KERNEL, ruled_net.a, XTCP, at, ruled_port++, peer, fd);
}

int ruled_tool(const char *arguments, const char *words)
{
	return ns_shell(ruled_net.a, "out=$(scripts/tools/xtcp-policy %s 2>&1); status=$?; case $out in *'%s'*) ;;"
			" *) echo \"# $out\"; status=99 ;; esac; exit $status", arguments, words);
}
