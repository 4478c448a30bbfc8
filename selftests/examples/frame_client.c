// SPDX-License-Identifier: GPL-2.0
/* frame_client [-x] HOST PORT: each line of input is a message, sent as unkindly as TCP may deliver; prints answers. */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "frame.h"
#include "tcp.h"

#define TOGETHER 10

static char out[TOGETHER * 5000];

static void print_answer(int fd)
{
	static char data[FRAME_MOST];
	ssize_t len = frame_read(fd, data);

	if (len < 0)
		errx(1, "the server has closed too early");
	printf("%.*s\n", (int)len, data);
}

/* What stands up to @end, @step octets at a time. */
static void send_out(int fd, const char *end, size_t step)
{
	char *at;

	for (at = out; at < end; at += step)
		if (write_all(fd, at, step))
			err(1, "write");
}

int main(int argc, char **argv)
{
	char line[4096], *end = out;
	int fd, on = 1, n, answers;

	tcp_options(&argc, &argv);
	if (argc != 3)
		errx(2, "frame_client [-x] HOST PORT");
	fd = tcp_connect(argv[1], argv[2]);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));	/* each octet a segment, if possible */
	for (n = 0; fgets(line, sizeof(line), stdin); n++) {
		end = frame_write(end, line, strcspn(line, "\n"));
		if (n < TOGETHER - 1)
			continue;
		send_out(fd, end, n < TOGETHER ? end - out : 1);
		for (answers = n < TOGETHER ? TOGETHER : 1; answers; answers--)
			print_answer(fd);
		end = out;
	}
	send_out(fd, end, end - out);
	for (answers = n < TOGETHER ? n : 0; answers; answers--)	/* so few lines that none was sent yet */
		print_answer(fd);
	return 0;
}
