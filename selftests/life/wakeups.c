// SPDX-License-Identifier: GPL-2.0
/*
 * One connection wakes one of those who wait for it: threads in accept(), and in epoll_wait() with EPOLLEXCLUSIVE.
 * Counted, on both stacks; a connection comes when all of them sleep, or else one that does not would take it. Who has
 * waited for more octets than there are is woken when SO_RCVLOWAT says that these are enough.
 */
#include <sys/eventfd.h>
#include "test.h"

#define PORT	7200
#define THREADS	8
#define COUNT	40

struct waiter {
	pthread_t thread;
	atomic_int tid;
	int listener;
	atomic_long wakeups;	/* how often the thread has slept and come back */
};

static int ns;
static atomic_int accepted;
static atomic_bool over;
static int bell;	/* an eventfd: readable for all of them when it is over */

/* What it took stands in w->wakeups before the connection counts as accepted. */
static void *accept_in_turn(void *arg)
{
	struct waiter *w = arg;
	struct rusage usage;
	int fd;

	atomic_store(&w->tid, gettid());
	while (!atomic_load(&over)) {
		fd = accept(w->listener, NULL, NULL);
		if (fd < 0)
			continue;
		getrusage(RUSAGE_THREAD, &usage);
		atomic_store(&w->wakeups, usage.ru_nvcsw);
		close(fd);
		atomic_fetch_add(&accepted, 1);
	}
	return NULL;
}

/* Without a time limit: who is between two calls when a connection comes keeps it to itself, and another is woken. */
static void *wait_exclusively(void *arg)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE }, end = { .events = EPOLLIN };
	struct waiter *w = arg;
	int ep = epoll_create1(EPOLL_CLOEXEC), fd;

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, w->listener, &event) || epoll_ctl(ep, EPOLL_CTL_ADD, bell, &end))
		return NULL;
	atomic_store(&w->tid, gettid());
	while (!atomic_load(&over)) {
		if (epoll_wait(ep, &event, 1, -1) != 1)
			continue;
		atomic_fetch_add(&w->wakeups, 1);
		fd = accept(w->listener, NULL, NULL);
		if (fd < 0)
			continue;
		close(fd);
		atomic_fetch_add(&accepted, 1);
	}
	close(ep);
	return NULL;
}

static long sum(struct waiter *waiters)
{
	long total = 0;

	for (int i = 0; i < THREADS; i++)
		total += atomic_load(&waiters[i].wakeups);
	return total;
}

/* glibc may use either call for epoll_wait(). */
static bool all_wait(struct waiter *waiters)
{
	int i, tid;

	for (i = 0; i < THREADS; i++) {
		tid = atomic_load(&waiters[i].tid);
		if (!asleep_in(tid, SYS_accept) && !asleep_in(tid, SYS_epoll_wait) && !asleep_in(tid, SYS_epoll_pwait))
			return false;
	}
	return true;
}

static bool connect_one(enum stack stack, struct waiter *waiters, int already)
{
	int fd;

	if (!WAIT_FOR(all_wait(waiters), STACK_DEADLINE_MS))
		return false;
	fd = stack_connected(ns, stack, "127.0.0.1", PORT);
	if (fd < 0)
		return false;
	close(fd);
	return WAIT_FOR(atomic_load(&accepted) == already + 1, STACK_DEADLINE_MS);
}

static void one_each(enum stack stack, void *(*body)(void *arg), const char *how, int flags)
{
	int i, listener = stack_listener(ns, stack, "127.0.0.1", PORT, true);
	struct waiter waiters[THREADS] = {};
	long before, after;
	/* with PREEMPT_RT, who sleeps in a lock counts too; had all been woken, there were eight times as many */
	long most = release_is_rt() ? 2 * COUNT : COUNT;
	bool ok = true;

	must(listener >= 0 && !fcntl(listener, F_SETFL, flags), "no listener");
	bell = must_have(eventfd(0, EFD_CLOEXEC), "eventfd");
	atomic_store(&accepted, 0);
	atomic_store(&over, false);
	for (i = 0; i < THREADS; i++) {
		waiters[i].listener = listener;
		pthread_create(&waiters[i].thread, NULL, body, &waiters[i]);
	}
	/* the first connections let every thread say how often it has slept */
	for (i = 0; i < 2 * THREADS; i++)
		ok &= connect_one(stack, waiters, i);
	before = sum(waiters);
	for (i = 0; i < COUNT; i++)
		ok &= connect_one(stack, waiters, 2 * THREADS + i);
	after = sum(waiters);
	ksft_test_result(ok && after - before >= COUNT && after - before <= most,
			 "%s, %d threads in %s: %d connections, %ld wakeups\n", stack_name(stack), THREADS, how, COUNT,
			 after - before);
	atomic_store(&over, true);
	must(!eventfd_write(bell, 1), "eventfd");
	shutdown(listener, SHUT_RDWR);
	for (i = 0; i < THREADS; i++)
		pthread_join(waiters[i].thread, NULL);
	close_each(bell, listener);
}

/* The wake-up alone puts a descriptor on the list of an epoll that has looked at it before. */
static void lower_mark(enum stack stack)
{
	struct epoll_event event = { .events = EPOLLIN };
	int client, server, ep = epoll_create1(EPOLL_CLOEXEC), many = 100, few = 10, unread = 0;
	bool early, woken;

	stack_pair_or_die(ns, stack, ns, stack, "127.0.0.1", PORT + 1, &client, &server);
	if (ep < 0 || setsockopt(server, SOL_SOCKET, SO_RCVLOWAT, &many, sizeof(many)) ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, server, &event) || send(client, &event, few, 0) != few ||
	    !WAIT_FOR(!ioctl(server, FIONREAD, &unread) && unread == few, STACK_DEADLINE_MS))
		ksft_exit_fail_msg("%d octets: %s\n", unread, strerror(errno));
	early = epoll_wait(ep, &event, 1, 0);
	woken = !setsockopt(server, SOL_SOCKET, SO_RCVLOWAT, &few, sizeof(few)) && epoll_wait(ep, &event, 1, 0) == 1;
	ksft_test_result(!early && woken, "%s: who waits is woken by a lower SO_RCVLOWAT\n", stack_name(stack));
	close_each(ep, client, server);
}

int main(void)
{
	test_begin(stack_count() * 3);
	ns = must_have(ns_make(), "no namespace");
	for (enum stack stack = stack_first(); stack <= XTCP; stack++) {
		one_each(stack, accept_in_turn, "accept()", 0);
		one_each(stack, wait_exclusively, "epoll_wait() with EPOLLEXCLUSIVE", O_NONBLOCK);
		lower_mark(stack);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
