// SPDX-License-Identifier: GPL-2.0
#include "ends.h"
#include "measure.h"
#include "test.h"

#define CLIENTS		0x0a090001	/* 10.9.0.1 */
#define SERVERS		0x0a090101
#define FILES		1000000
#define FREE_KB		300000	/* of memory, left for the machine */

static void add_addresses(int ns, uint32_t first, int n)
{
	char text[32];

	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "10.9.%u.%u/16", first >> 8 & 0xff, (first & 0xff) + i);
		measure_must(!ns_addr_add(ns, "veth0", text), "address");
	}
}

void ends_init(struct ns_pair *pair, int addresses)
{
	const struct rlimit files = { FILES, FILES };

	pair->a = ns_make();
	pair->b = ns_make();
	measure_must(pair->a >= 0 && pair->b >= 0 && !ns_join(pair->a, pair->b, "veth0"), "namespaces");
	add_addresses(pair->a, CLIENTS, addresses);
	add_addresses(pair->b, SERVERS, addresses);
	measure_must(!setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
	measure_must(!ns_enter(pair->a), "setns");
}

void ends_exit(struct ns_pair *pair)
{
	measure_must(!ns_enter(ns_home()), "setns");
	ns_pair_close(pair);
}

static union stack_addr addr_of(uint32_t host, int port)
{
	return (union stack_addr){ .in = { AF_INET, htons(port), { htonl(host) } } };
}

union stack_addr ends_client_addr(int i, int port)
{
	return addr_of(CLIENTS + i, port);
}

union stack_addr ends_server_addr(int i)
{
	return addr_of(SERVERS + i, ENDS_PORT);
}

int ends_listener(const struct ns_pair *pair, enum stack stack)
{
	int fd = stack_listener(pair->b, stack, "0.0.0.0", ENDS_PORT, true);

	measure_must(fd >= 0, "listen");
	return fd;
}

bool ends_open(struct ends *ends, enum stack stack, const union stack_addr *from, const union stack_addr *to,
	       int listener)
{
	int failed, error;
	double begin;

	/* in the thread's namespace: stack_socket() would change it and come back */
	ends->client = socket(stack == XTCP ? AF_XTCP : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	measure_must(ends->client >= 0, "socket");
	if (from && (stack_set(ends->client, SOL_SOCKET, SO_REUSEADDR, 1) ||
		     bind(ends->client, &from->sa, sizeof(from->in))))
		measure_die("bind");
	/* Or xtcp's third ACK waits 1 ms for text of this thread: kernel TCP's accept() does not end the wait. */
	measure_must(!stack_set(ends->client, IPPROTO_TCP, TCP_QUICKACK, 1), "TCP_QUICKACK");
	begin = measure_now();
	failed = connect(ends->client, &to->sa, sizeof(to->in));
	ends->connecting = measure_now() - begin;
	if (failed) {
		error = errno;
		close(ends->client);
		errno = error;
		return false;
	}
	ends->server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	measure_must(ends->server >= 0, "accept");
	return true;
}

int ends_open_many(struct ends *ends, int n, enum stack stack, int servers, int listener)
{
	union stack_addr to;
	int i;

	for (i = 0; i < n && (i % 1000 || measure_available_kb() >= FREE_KB); i++) {
		to = ends_server_addr(i % servers);
		measure_must(ends_open(&ends[i], stack, NULL, &to, listener), stack_name(stack));
	}
	return i;
}

void ends_close_client_first(const struct ends *ends)
{
	close_each(ends->client, ends->server);
}

void ends_close_server_first(const struct ends *ends)
{
	close_each(ends->server, ends->client);
}

void ends_abort(const struct ends *ends)
{
	stack_reset_at_close(ends->client);
	close_each(ends->client, ends->server);
}
