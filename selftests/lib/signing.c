// SPDX-License-Identifier: GPL-2.0
#include "signing.h"
#include "test.h"

NEEDS_PROGRAMS("ip");

long long signing_all_bad(const struct signing *how, const struct sides *s)
{
	long long bad = 0;

	for (unsigned int i = 0; i < sizeof(how->bad) / sizeof(*how->bad); i++)
		bad += stack_counter(how->net->a, s->client, how->bad[i]) +
		       stack_counter(how->net->b, s->server, how->bad[i]);
	return bad;
}

int signing_listener(const struct signing *how, const struct sides *s, const char *text)
{
	int fd = stack_listener(how->net->b, s->server, s->addr, how->port, true);

	must(fd >= 0 && (!text || !how->set_key(fd, s->client_addr, text, true)), "listener");
	return fd;
}

int signing_client(const struct signing *how, const struct sides *s, const char *text)
{
	int fd = stack_socket(how->net->a, s->client, s->addr);

	must(fd >= 0 && (!text || !how->set_key(fd, s->addr, text, false)), "client");
	return fd;
}

bool signing_stream(int client, int server, long long octets)
{
	struct flow ends[2];
	bool ok;

	flow_pair(&ends[0], client, octets, &ends[1], server, octets);
	ok = flow_run(ends, 2, SIGNING_STALL_MS);
	flow_explain(ends, 2);
	close_each(client, server);
	return ok;
}

void signing_lossy(const struct signing *how, bool lossy)
{
	static const struct netem netem = { .delay_ms = 2, .loss = 10000, .reorder = 10000, .duplicate = 10000 };

	if (lossy)
		must(!netem_set(how->net->a, "veth0", &netem) && !netem_set(how->net->b, "veth0", &netem), "netem");
	else
		must(!netem_clear(how->net->a, "veth0") && !netem_clear(how->net->b, "veth0"), "netem");
}

/* Newer kernels send some more SYNs. */
bool signing_refuses(const struct signing *how, const struct sides *s, const char *at_client, const char *at_server,
		     const char *counter)
{
	int listener = signing_listener(how, s, at_server), client = signing_client(how, s, at_client);
	const long long before = stack_counter(how->net->b, s->server, counter);
	long long resent = stack_counter(how->net->a, s->client, "TcpExt:TCPSynRetrans");
	bool ok;

	must(!stack_set(client, IPPROTO_TCP, TCP_SYNCNT, 1), "TCP_SYNCNT");
	ok = stack_connect(client, s->addr, how->port) == -1 && errno == ETIMEDOUT;
	resent = stack_counter(how->net->a, s->client, "TcpExt:TCPSynRetrans") - resent;
	ok &= resent > 0 && stack_counter(how->net->b, s->server, counter) == before + 1 + resent;
	close_each(client, listener);
	return ok;
}

/* A client with the key "secret" is served; closes the listener. */
static bool serves(const struct signing *how, const struct sides *s, int listener, const char *addr)
{
	int client = stack_socket(how->net->a, s->client, addr), server = -1;
	bool ok;

	must(client >= 0 && !how->set_key(client, addr, "secret", false), "client");
	if (!stack_connect(client, addr, how->port))
		server = accept(listener, NULL, NULL);
	ok = server >= 0 && stack_carries(client, server, 10000) && stack_carries(server, client, 10000);
	close_each(server, client, listener);
	return ok;
}

bool signing_mapped(const struct signing *how, const struct sides *s, bool (*prepare)(int listener))
{
	int listener = must_have(stack_listener(how->net->b, s->server, "::", how->port, true), "listener");
	const long long bad = signing_all_bad(how, s);
	bool ok = prepare(listener);

	ok &= serves(how, s, listener, NS_B4);
	return ok && signing_all_bad(how, s) == bad;
}

bool signing_vrf(const struct signing *how, const struct sides *s,
		 bool (*prepare)(int listener, const struct sides *s, int vrf))
{
	const union stack_addr addr = stack_addr(s->addr, how->port);
	struct ns_pair pair;
	struct signing inside = *how;
	int listener;
	bool ok;

	inside.net = &pair;
	must(!ns_pair_make(&pair), "namespaces");
	must(!ns_shell(pair.b, "ip link add vrf0 type vrf table 10 && ip link set vrf0 up") &&
	     !ns_shell(pair.b, "ip link set veth0 master vrf0 && ip addr replace " NS_B6 "/64 dev veth0 nodad"), "vrf");
	listener = stack_socket(pair.b, s->server, s->addr);
	must(listener >= 0 && !setsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, "vrf0", 5), "SO_BINDTODEVICE");
	must(!bind(listener, &addr.sa, stack_addr_len(&addr)) && !listen(listener, 5), "listen");
	ok = prepare(listener, s, ns_link_index(pair.b, "vrf0"));
	ok &= serves(&inside, s, listener, s->addr);
	ns_pair_close(&pair);
	return ok;
}
