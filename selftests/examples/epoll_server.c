// SPDX-License-Identifier: GPL-2.0
/*
 * epoll_server [-x] PORT: an echo server, all clients in one thread, by epoll, and no call waits but epoll_wait().
 *
 * What a client does not take yet is kept. While something is kept, nothing more is read from that client: its window
 * closes, and it has to wait. So a client that never reads costs one buffer.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

struct client {
	int fd;
	size_t at, end;		/* what is kept: data[at..end) */
	char data[4096];
};

static int epoll;

static void watch(int how, struct client *client, unsigned int events)
{
	struct epoll_event event = { .events = events, .data.ptr = client };

	if (epoll_ctl(epoll, how, client->fd, &event))
		err(1, "epoll_ctl");
}

static void accept_one(int listener)
{
	struct client *client = malloc(sizeof(*client));

	if (!client)
		err(1, "malloc");
	client->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	client->at = 0;
	client->end = 0;
	if (client->fd >= 0)
		watch(EPOLL_CTL_ADD, client, EPOLLIN);
	else
		free(client);	/* who wanted to come is gone again */
}

/* echo() - One step. Return: 0, or -1 when the client is gone. */
static int echo(struct client *client)
{
	ssize_t n;

	if (client->at == client->end) {
		n = read(client->fd, client->data, sizeof(client->data));
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? 0 : -1;
		client->at = 0;
		client->end = n;
	}
	n = write(client->fd, client->data + client->at, client->end - client->at);
	if (n < 0 && errno != EAGAIN)
		return -1;
	client->at += n > 0 ? n : 0;
	watch(EPOLL_CTL_MOD, client, client->at < client->end ? EPOLLOUT : EPOLLIN);
	return 0;
}

int main(int argc, char **argv)
{
	struct client listener, *client;
	struct epoll_event events[64];
	int i, n;

	tcp_options(&argc, &argv);
	if (argc != 2)
		errx(2, "epoll_server [-x] PORT");
	epoll = epoll_create1(0);
	listener.fd = tcp_listen(argv[1]);
	watch(EPOLL_CTL_ADD, &listener, EPOLLIN);
	while ((n = epoll_wait(epoll, events, 64, -1)) >= 0) {
		for (i = 0; i < n; i++) {
			client = events[i].data.ptr;
			if (client == &listener) {
				accept_one(listener.fd);
			} else if (echo(client)) {
				close(client->fd);
				free(client);
			}
		}
	}
	err(1, "epoll_wait");
}
