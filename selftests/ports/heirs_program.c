// SPDX-License-Identifier: GPL-2.0
/*
 * A BPF program that chooses the member of a SO_REUSEPORT group, when the member through which it was attached closes.
 * The program is the group's: it goes on choosing among those that are left, but not who inherits a connection
 * (net.xtcp.migrate_req, net.ipv4.tcp_migrate_req). It ends with the last member. With net.xtcp.migrate_wait_ms it
 * stays with the listener that waits, and then chooses among the successors.
 *
 * The program always names index 1. Without it, CONNECTIONS connections are spread over the members.
 */
#include <linux/filter.h>
#include "test.h"

#define PORT		9700
#define BACKLOG		64
#define CONNECTIONS	32	/* all at one of two members by chance: once in 2^31 */
#define LONG_MS		10000

static int ns;

static int member(enum stack stack, const char *text)
{
	union stack_addr addr = stack_addr(text, PORT);
	int fd = stack_socket(ns, stack, text), one = 1;

	must(fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) &&
	     !bind(fd, &addr.sa, stack_addr_len(&addr)) && !listen(fd, BACKLOG) && !fcntl(fd, F_SETFL, O_NONBLOCK),
	     "member");
	return fd;
}

static void attach(int fd)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 1) };
	struct sock_fprog program = { 1, code };

	must(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)), "attach");
}

static void connect_all(enum stack stack, const char *text, int client[CONNECTIONS])
{
	for (int i = 0; i < CONNECTIONS; i++)
		client[i] = must_have(stack_connected(ns, stack, text, PORT), "connection");
}

static void close_all(const int client[CONNECTIONS])
{
	stack_close(client, CONNECTIONS);
}

static bool has_more(int fd)
{
	return stack_poll(fd, POLLIN, 0);
}

/* Accepts until @want connections have come to the two members. Fills in how many came to each. */
static void accept_both(const int fd[2], int want, int got[2])
{
	struct pollfd p[2] = { { .fd = fd[0], .events = POLLIN }, { .fd = fd[1], .events = POLLIN } };
	int i, one;

	got[0] = 0;
	got[1] = 0;
	while (got[0] + got[1] < want && poll(p, 2, STACK_DEADLINE_MS) > 0) {
		for (i = 0; i < 2; i++) {
			while ((one = accept(fd[i], NULL, NULL)) >= 0) {
				close(one);
				got[i]++;
			}
		}
	}
	ksft_print_msg("%d and %d connections\n", got[0], got[1]);
}

static void a_member_closes(enum stack stack, const char *text)
{
	int fd[3] = { member(stack, text), member(stack, text), member(stack, text) }, client[CONNECTIONS], got[2];
	const int left[2] = { fd[0], fd[2] };
	bool ok;

	attach(fd[1]);
	connect_all(stack, text, client);
	must(has_more(fd[1]) && !has_more(fd[0]) && !has_more(fd[2]), "the program chooses member 1");
	close(fd[1]);
	accept_both(left, CONNECTIONS, got);
	ok = got[0] && got[1] && got[0] + got[1] == CONNECTIONS;
	close_all(client);
	ksft_test_result(ok, "%s, %s: the program does not choose who inherits\n", stack_name(stack), text);
	/* the last member has moved to index 1 */
	connect_all(stack, text, client);
	accept_both(left, CONNECTIONS, got);
	ksft_test_result(!got[0] && got[1] == CONNECTIONS, "%s, %s: it chooses after its member has closed\n",
			 stack_name(stack), text);
	close_all(client);
	close_each(fd[0], fd[2]);
}

/* Attached to the first member, which closes. @waits: until the second one comes. */
static void the_last_closes(enum stack stack, const char *text, bool waits)
{
	int first = member(stack, text), waiting = -1, fd[2], client[CONNECTIONS], got[2];
	struct pollfd p = { .events = POLLIN };

	attach(first);
	must(stack == KERNEL || !ns_sysctl_set(ns, "net.xtcp.migrate_wait_ms", "%d", waits ? LONG_MS : 0), "knob");
	if (waits)
		waiting = must_have(stack_connected(ns, stack, text, PORT), "connection");
	close(first);
	fd[0] = member(stack, text);
	/* once it has inherited, the first one has left the group */
	p.fd = fd[0];
	must(!waits || (poll(&p, 1, STACK_DEADLINE_MS) == 1 && !close(accept(fd[0], NULL, NULL))), "inherits");
	fd[1] = member(stack, text);
	connect_all(stack, text, client);
	accept_both(fd, CONNECTIONS, got);
	if (waits)
		ksft_test_result(!got[0] && got[1] == CONNECTIONS, "%s, %s: it chooses among the successors\n",
				 stack_name(stack), text);
	else
		ksft_test_result(got[0] && got[1] && got[0] + got[1] == CONNECTIONS,
				 "%s, %s: it ends with the last member\n", stack_name(stack), text);
	close_all(client);
	must(stack == KERNEL || !ns_sysctl_set(ns, "net.xtcp.migrate_wait_ms", "0"), "knob");
	close_each(fd[0], fd[1]);
	if (waiting >= 0)
		close(waiting);
}

int main(void)
{
	static const char * const texts[] = { "127.0.0.1", "::1" };

	test_begin(2 * (3 * stack_count() + 1));
	for (int i = 0; i < 2; i++) {
		for (enum stack stack = stack_first(); stack <= XTCP; stack++) {
			ns = ns_make();
			must(ns >= 0 && !ns_sysctl_set(ns, "net.xtcp.migrate_req", "1") &&
			     !ns_sysctl_set(ns, "net.ipv4.tcp_migrate_req", "1"), "namespace");
			a_member_closes(stack, texts[i]);
			the_last_closes(stack, texts[i], false);
			if (stack == XTCP)
				the_last_closes(stack, texts[i], true);
			close(ns);
		}
	}
	ksft_finished();
}
