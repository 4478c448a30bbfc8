// SPDX-License-Identifier: GPL-2.0
/*
 * echo_client [-x] HOST PORT: sends its input, and prints what comes back.
 *
 * Who writes all first and reads then waits for ever once both ends' buffers are full: each end writes, and none reads.
 * So it reads back what it has written before it writes more.
 */
#include <err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

int main(int argc, char **argv)
{
	char data[4096], back[4096];
	ssize_t n, got;
	int fd;

	tcp_options(&argc, &argv);
	if (argc != 3)
		errx(2, "echo_client [-x] HOST PORT");
	fd = tcp_connect(argv[1], argv[2]);
	while ((n = read(STDIN_FILENO, data, sizeof(data))) > 0) {
		if (write_all(fd, data, n))
			err(1, "write");
		for (; n; n -= got) {
			got = read(fd, back, n);	/* as many octets as there are, not as many as were written */
			if (got < 0)
				err(1, "read");
			if (!got)
				errx(1, "the server has closed too early");
			if (write_all(STDOUT_FILENO, back, got))
				err(1, "output");
		}
	}
	shutdown(fd, SHUT_WR);		/* our FIN */
	if (read(fd, back, 1) != 0)	/* the server's */
		errx(1, "more came back than was sent");
	return 0;
}
