// SPDX-License-Identifier: GPL-2.0
/* poll_server [-x] PORT: an echo server by poll(), in one thread. What select_server.c says of write() holds here. */
#include <err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

#define CLIENTS 1000

static struct pollfd fds[1 + CLIENTS];	/* the listener is the first */
static int n_fds;

/* echo() - Return: whether the client is still there. */
static int echo(int fd)
{
	char data[4096];
	ssize_t n = read(fd, data, sizeof(data));

	return n > 0 && write(fd, data, n) == n;
}

static void accept_one(void)
{
	int fd = accept(fds[0].fd, NULL, NULL);

	if (fd < 0)
		err(1, "accept");
	fds[n_fds++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	/* When the table is full others wait in the listener's queue. */
	fds[0].events = n_fds <= CLIENTS ? POLLIN : 0;
}

int main(int argc, char **argv)
{
	int i;

	tcp_options(&argc, &argv);
	if (argc != 2)
		errx(2, "poll_server [-x] PORT");
	fds[n_fds++] = (struct pollfd){ .fd = tcp_listen(argv[1]), .events = POLLIN };
	for (;;) {
		if (poll(fds, n_fds, -1) < 0)
			err(1, "poll");
		for (i = n_fds - 1; i > 0; i--) {	/* backwards: the last one takes the place of who goes */
			if (!fds[i].revents || echo(fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i] = fds[--n_fds];
			fds[0].events = POLLIN;
		}
		if (fds[0].revents)
			accept_one();
	}
}
