// SPDX-License-Identifier: GPL-2.0
/* thread_server [-x] PORT: an echo server, a thread for each client. */
#include <err.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

static void *echo(void *arg)
{
	int fd = (intptr_t)arg;
	char data[4096];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0 && !write_all(fd, data, n))
		;
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int listener, error;
	intptr_t fd;

	tcp_options(&argc, &argv);
	if (argc != 2)
		errx(2, "thread_server [-x] PORT");
	listener = tcp_listen(argv[1]);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		error = pthread_create(&thread, NULL, echo, (void *)fd);
		if (error) {
			warnx("pthread_create: %s", strerror(error));
			close(fd);
			continue;
		}
		pthread_detach(thread);
	}
	err(1, "accept");
}
