// SPDX-License-Identifier: GPL-2.0
/*
 * Segments that are still on their way through the stack when their socket leaves its connection and connects to
 * another peer: TCP_INFO of the next connection does not count them.
 *
 * Each segment is large, and has a MAC of TCP-AO. So it takes long to verify, and one processor is often busy with a
 * segment while another one disconnects the socket.
 */
#include <errno.h>
#include <kselftest.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/aoopt.h"
#include "lib/info.h"
#include "lib/must.h"
#include "lib/ns.h"
#include "lib/stack.h"

#define TALKER_PORT	7801
#define SILENT_PORT	7802
#define ROUNDS		60
#define TEXT		300000	/* octets that come before the socket leaves */
#define WRITE		60000

static int ns;

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

/* Writes until the peer has gone. */
static void *talk(void *arg)
{
	static const char octets[WRITE];
	int fd = *(int *)arg;

	run_on(0);
	while (send(fd, octets, sizeof(octets), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static int listener_with_key(int port)
{
	const struct aoopt_key key = { .addr = "127.0.0.1", .sndid = 2, .rcvid = 1 };
	int fd = stack_listener(ns, XTCP, "127.0.0.1", port, true);

	must(fd >= 0 && !aoopt_add(fd, &key), "listener");
	return fd;
}

/* Return: how many segments the second connection counts beside its SYN-ACK. */
static int leave_and_connect(int fd, int talker, int silent)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	static char octets[WRITE];
	pthread_t thread;
	int server, late;
	long got = 0;
	ssize_t n;

	must(!stack_connect(fd, "127.0.0.1", TALKER_PORT), "connect");
	server = accept4(talker, NULL, NULL, SOCK_CLOEXEC);
	must(server >= 0 && !pthread_create(&thread, NULL, talk, &server), "accept");
	while (got < TEXT) {
		n = recv(fd, octets, sizeof(octets), 0);
		must(n > 0, "recv");
		got += n;
	}
	must(!connect(fd, &none, sizeof(none)), "disconnect");
	must(!stack_connect(fd, "127.0.0.1", SILENT_PORT), "connect again");
	late = (int)info_of(fd).tcpi_segs_in - 1;
	must(!connect(fd, &none, sizeof(none)), "disconnect again");
	pthread_join(thread, NULL);
	close(server);
	server = accept4(silent, NULL, NULL, SOCK_CLOEXEC);
	must(server >= 0, "accept");
	close(server);
	return late;
}

int main(void)
{
	const struct aoopt_key key = { .addr = "127.0.0.1", .sndid = 1, .rcvid = 2 };
	int talker, silent, fd, i, late = 0, rounds = 0, n;

	ksft_print_header();
	ksft_set_plan(1);
	ns = ns_make();
	must(ns >= 0, "namespace");
	talker = listener_with_key(TALKER_PORT);
	silent = listener_with_key(SILENT_PORT);
	fd = stack_socket(ns, XTCP, "127.0.0.1");
	must(fd >= 0 && !aoopt_add(fd, &key), "client");
	run_on(1);
	for (i = 0; i < ROUNDS; i++) {
		n = leave_and_connect(fd, talker, silent);
		late += n;
		rounds += !!n;
	}
	ksft_print_msg("%d late segments counted in %d of %d rounds\n", late, rounds, ROUNDS);
	ksft_test_result(!late, "segments of one connection are not counted by the next one of the socket\n");
	close(fd);
	close(talker);
	close(silent);
	close(ns);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
