// SPDX-License-Identifier: GPL-2.0
/*
 * select_server [-x] PORT: an echo server, all clients in one thread, by select().
 *
 * read() does not wait where select() says that there is something. write() may: a client that sends and never reads
 * stops this server for all. epoll_server.c shows what to do about that.
 */
#include <err.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

static fd_set clients;
static int highest;

static void add(int fd)
{
	if (fd >= FD_SETSIZE) {		/* a set has room for 1,024 */
		close(fd);
		return;
	}
	FD_SET(fd, &clients);
	highest = fd > highest ? fd : highest;
}

static void accept_one(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		err(1, "accept");
	add(fd);
}

static void echo(int fd)
{
	char data[4096];
	ssize_t n = read(fd, data, sizeof(data));

	if (n > 0 && write(fd, data, n) == n)
		return;
	FD_CLR(fd, &clients);
	close(fd);
}

int main(int argc, char **argv)
{
	int listener, fd;
	fd_set ready;

	tcp_options(&argc, &argv);
	if (argc != 2)
		errx(2, "select_server [-x] PORT");
	listener = tcp_listen(argv[1]);
	add(listener);
	for (;;) {
		ready = clients;
		if (select(highest + 1, &ready, NULL, NULL, NULL) < 0)
			err(1, "select");
		for (fd = 0; fd <= highest; fd++) {
			if (!FD_ISSET(fd, &ready))
				continue;
			if (fd == listener)
				accept_one(listener);
			else
				echo(fd);
		}
	}
}
