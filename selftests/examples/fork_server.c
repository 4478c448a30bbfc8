// SPDX-License-Identifier: GPL-2.0
/* fork_server [-x] PORT: an echo server, a process for each client. */
#include <err.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

static void echo(int fd)
{
	char data[4096];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0 && !write_all(fd, data, n))
		;
}

int main(int argc, char **argv)
{
	int listener, fd;

	tcp_options(&argc, &argv);
	if (argc != 2)
		errx(2, "fork_server [-x] PORT");
	signal(SIGCHLD, SIG_IGN);	/* nobody waits for the children */
	listener = tcp_listen(argv[1]);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		switch (fork()) {
		case 0:
			close(listener);
			echo(fd);
			return 0;
		case -1:
			warn("fork");
		}
		close(fd);		/* the child's stays open: the FIN goes out when both are closed */
	}
	err(1, "accept");
}
