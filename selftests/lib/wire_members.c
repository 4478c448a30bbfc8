// SPDX-License-Identifier: GPL-2.0
/* Listeners that share the port of a row by SO_REUSEPORT, and many connections to them from one peer. */
#include <linux/filter.h>
#include "test.h"
#include "wire.h"

static int member(struct wire *w, int backlog)
{
	bool kernel = w->stack == WIRE_KERNEL;
	struct sockaddr_in6 any = { .sin6_family = w->ip == 4 ? AF_INET : AF_INET6, .sin6_port = htons(w->c.lport) };
	int fd;

	fd = socket(kernel ? any.sin6_family : AF_XTCP, SOCK_STREAM | SOCK_NONBLOCK, kernel || w->ip == 4 ? 0 : 1);
	if (fd >= 0 && !stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
	    !bind(fd, (struct sockaddr *)&any, w->ip == 4 ? sizeof(struct sockaddr_in) : sizeof(any)) &&
	    !listen(fd, backlog))
		return fd;
	wire_fail(w, "member: %s", strerror(errno));
	close(fd);
	return -1;
}

int wire_members_add(struct wire *w, struct wire_members *m, int backlog)
{
	m->fd[m->nr] = member(w, backlog);
	return m->fd[m->nr] < 0 ? -1 : m->nr++;
}

int wire_members_open(struct wire *w, struct wire_members *m, int nr, int backlog)
{
	int i;

	m->nr = 0;
	for (i = 0; i < WIRE_MEMBERS; i++)
		m->fd[i] = -1;
	for (i = 0; i < nr; i++)
		if (wire_members_add(w, m, backlog) < 0)
			return -1;
	return 0;
}

int wire_members_choose_by_port(struct wire *w, const struct wire_members *m)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_NET_OFF + (w->ip == 4 ? 20 : 40)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, m->nr - 1),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog prog = { 3, code };

	if (setsockopt(m->fd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)))
		return wire_fail(w, "attach: %s", strerror(errno));
	return 0;
}

void wire_members_end(struct wire_members *m, int i)
{
	if (m->fd[i] >= 0)
		close(m->fd[i]);
	m->fd[i] = -1;
}

void wire_members_end_all(struct wire_members *m)
{
	int i;

	for (i = 0; i < WIRE_MEMBERS; i++)
		wire_members_end(m, i);
}

void wire_members_use(struct wire *w, int pport, uint32_t iss)
{
	uint16_t lport = w->c.lport;

	memset(&w->c, 0, sizeof(w->c));
	w->c.lfd = -1;
	w->c.fd = -1;
	w->c.syn_ws = -1;
	w->c.lport = lport;
	w->c.pport = pport;
	w->c.iss = iss;
}
