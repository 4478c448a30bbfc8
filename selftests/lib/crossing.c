// SPDX-License-Identifier: GPL-2.0
#include "crossing.h"

#include "test.h"

#define EVERY_MS	20
#define DISCARD		9	/* nobody listens there */

static void *cross(void *arg)
{
	struct crossing *c = arg;
	int i;

	while (!c->over) {
		for (i = 0; i < 2; i++)
			sendto(c->fd[i], "", 0, 0, (struct sockaddr *)&c->to[i], sizeof(c->to[i]));
		poll(NULL, 0, EVERY_MS);
	}
	return NULL;
}

static void open_way(struct crossing *c, int way, int ns, const char *addr)
{
	c->to[way] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(DISCARD) };
	c->fd[way] = ns_socket(ns, AF_INET, SOCK_DGRAM, 0);
	must_say(c->fd[way] >= 0 && inet_pton(AF_INET, addr, &c->to[way].sin_addr) == 1, "no way to %s", addr);
}

void crossing_start(struct crossing *c, int a, const char *b_addr, int b, const char *a_addr)
{
	open_way(c, 0, a, b_addr);
	open_way(c, 1, b, a_addr);
	c->over = false;
	errno = pthread_create(&c->thread, NULL, cross, c);
	must(!errno, "no thread");
}

void crossing_end(struct crossing *c)
{
	c->over = true;
	pthread_join(c->thread, NULL);
	close(c->fd[0]);
	close(c->fd[1]);
}
