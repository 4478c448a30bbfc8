// SPDX-License-Identifier: GPL-2.0
/* echo_server [-x] PORT: one client after the other gets back what it sends. */
#include <err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

static void echo(int fd)
{
	char data[4096];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0 && !write_all(fd, data, n))
		;
	close(fd);	/* read() gave 0: the client has ended its half, and gets our FIN now */
}

int main(int argc, char **argv)
{
	int listener, fd;

	tcp_options(&argc, &argv);
	if (argc != 2)
		errx(2, "echo_server [-x] PORT");
	listener = tcp_listen(argv[1]);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		echo(fd);
	err(1, "accept");
}
