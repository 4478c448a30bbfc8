// SPDX-License-Identifier: GPL-2.0
/* SIGIO: a program that asks for signals gets one when there is room again in the send buffer. */
#include <fcntl.h>
#include <signal.h>
#include "sockcalls.h"

TEST_F_TIMEOUT(sock, room_sends_a_signal, TIMEOUT_S)
{
	const struct timespec patience = { .tv_sec = DEADLINE_MS / 1000 }, none = {};
	siginfo_t info = {};
	sigset_t signals;
	size_t all;

	sigemptyset(&signals);
	sigaddset(&signals, SIGRTMIN);
	ASSERT_EQ(sigprocmask(SIG_BLOCK, &signals, NULL), 0);
	ASSERT_EQ(fcntl(self->c, F_SETOWN, getpid()), 0);
	ASSERT_EQ(fcntl(self->c, F_SETSIG, SIGRTMIN), 0);
	ASSERT_EQ(fcntl(self->c, F_SETFL, O_ASYNC | O_NONBLOCK), 0);
	all = stuff(self->c, 65536, SIZE_MAX);
	while (sigtimedwait(&signals, NULL, &none) > 0)
		;
	EXPECT_EQ(drain(self->s, all, 65536), all);
	EXPECT_EQ(sigtimedwait(&signals, &info, &patience), SIGRTMIN);
	EXPECT_EQ(info.si_code, POLL_OUT);
	EXPECT_EQ(info.si_fd, self->c);
}

TEST_HARNESS_MAIN
