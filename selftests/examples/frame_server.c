// SPDX-License-Identifier: GPL-2.0
/* frame_server [-x] PORT: answers each message with the same octets in reverse order. */
#include <err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "tcp.h"

static void reverse(char *data, ssize_t len)
{
	ssize_t i;
	char c;

	for (i = 0; i < len / 2; i++) {
		c = data[i];
		data[i] = data[len - 1 - i];
		data[len - 1 - i] = c;
	}
}

int main(int argc, char **argv)
{
	static char data[FRAME_MOST], out[4 + FRAME_MOST];
	int listener, fd;
	ssize_t len;

	tcp_options(&argc, &argv);
	if (argc != 2)
		errx(2, "frame_server [-x] PORT");
	listener = tcp_listen(argv[1]);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		while ((len = frame_read(fd, data)) >= 0) {
			reverse(data, len);
			/* one write, so that the length has no segment of its own */
			if (write_all(fd, out, frame_write(out, data, len) - out))
				break;
		}
		close(fd);
	}
	err(1, "accept");
}
