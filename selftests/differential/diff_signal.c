// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: signals in calls that block. They tick, so one comes however late the call begins. */
#include "lib/diff.h"

SCENARIO(signal_in_accept)
{
	int l = diff_listener(1);

	diff_ticks_start(false, 20);
	RET(accept(l, NULL, NULL));
	diff_ticks_stop();
	diff_connected(1);
	FD(accept(l, NULL, NULL));
}

SCENARIO(signal_in_connect)
{
	int c = diff_socket();

	diff_ticks_start(false, 20);
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	STATE(c, 0);
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	STATE(c, 0);
	diff_ticks_stop();
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	BITS(c, 0);
}

SCENARIO_OF_PAIR(signal_in_recv)
{
	diff_ticks_start(false, 20);
	READ(s, 1, 0);
	READ(s, 1, MSG_PEEK);
	diff_put(c, "abc");
	QUEUES(s, 3, -1);
	READ(s, 6, MSG_WAITALL);
	READ(s, 6, MSG_WAITALL);
	diff_ticks_stop();
	STATE(s, 0);
}

SCENARIO_OF_PAIR(signal_in_send)
{
	static char b[64 << 20];
	ssize_t n;

	SET(c, SOL_SOCKET, SO_SNDBUF, 20000);
	diff_ticks_start(false, 20);
	n = send(c, b, sizeof(b), 0);
	diff_say("part of it: %d", n > 0 && n < (ssize_t)sizeof(b));
	diff_fill(c);
	RET(send(c, b, 1, 0));
	diff_ticks_stop();
	STATE(c, 0);
}

/* With SA_RESTART the call goes on; with a timeout set, it does not. */
SCENARIO(signal_restart_recv)
{
	struct timeval tv = { 60, 0 };
	int fd[2];
	pid_t pid;

	diff_pair(&fd[0], &fd[1]);
	diff_ticks_start(true, 20);
	RET(setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	READ(fd[1], 1, 0);
	tv.tv_sec = 0;
	RET(setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	pid = fork();
	if (!pid) {
		long long end = wait_now_ms() + 100;

		while (wait_now_ms() < end)
			wait_tick();
		diff_put(fd[0], "x");
		_exit(0);
	}
	READ(fd[1], 1, 0);
	diff_join(pid);
	diff_ticks_stop();
}

SCENARIO(signal_restart_accept)
{
	struct timeval tv = { 60, 0 };
	int l = diff_listener(1);
	pid_t pid;

	diff_ticks_start(true, 20);
	RET(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	RET(accept(l, NULL, NULL));
	tv.tv_sec = 0;
	RET(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	pid = fork();
	if (!pid) {
		long long end = wait_now_ms() + 100;

		while (wait_now_ms() < end)
			wait_tick();
		diff_connected(1);
		_exit(0);
	}
	FD(accept(l, NULL, NULL));
	diff_join(pid);
	diff_ticks_stop();
}

SCENARIO(signal_restart_connect)
{
	struct timeval tv = { 60, 0 };
	int c = diff_socket();

	diff_ticks_start(true, 20);
	RET(setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	STATE(c, 0);
	diff_ticks_stop();
}

/* Restarted until the SYN is given up: the error is connect()'s own. */
SCENARIO(signal_restart_connect_gives_up)
{
	int c = diff_socket();

	SET(c, IPPROTO_TCP, TCP_SYNCNT, 1);
	diff_ticks_start(true, 50);
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	diff_ticks_stop();
	STATE(c, 0);
}

SCENARIO_OF_PAIR(signal_in_poll)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	diff_ticks_start(true, 20);
	RET(poll(&p, 1, DIFF_DEADLINE_MS));
	diff_put(c, "x");
	diff_ticks_stop();
	RET(poll(&p, 1, DIFF_DEADLINE_MS));
}

/* Interrupted while it lingers, close() still succeeds. */
SCENARIO_OF_PAIR(signal_in_lingering_close)
{
	struct linger l = { 1, 60 };
	long long start;

	diff_fill(c);
	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	start = wait_now_ms();
	diff_ticks_start(false, 50);
	RET(close(c));
	diff_ticks_stop();
	diff_say("before its time: %d", wait_now_ms() - start < 30000);
	diff_reset(s);
}
