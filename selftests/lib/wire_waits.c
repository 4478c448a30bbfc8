// SPDX-License-Identifier: GPL-2.0
/*
 * A call that waits, by a thread of its own:
 *
 *   waits fast N		send(MSG_FASTOPEN) of N octets, behind connect, begins
 *   waited OCTETS|ERR		and has ended like this
 *
 * Both threads have one processor until then, and the row's goes first: from step to step the other one does not run,
 * but while the row waits for an answer.
 */
#include "test.h"
#include "wire.h"

#define OCTETS_MAX	4096
#define DEADLINE_MS	20000

/* There is one at most. */
static struct {
	bool runs;
	pthread_t thread;
	atomic_int tid;
	atomic_bool over;
	int fd;
	cpu_set_t cpus;
	size_t len;
	ssize_t done;
	int err;
	uint8_t octets[OCTETS_MAX];
} call;

static void *run(void *arg)
{
	atomic_store(&call.tid, (int)syscall(SYS_gettid));
	call.done = send(call.fd, call.octets, call.len, MSG_FASTOPEN | MSG_NOSIGNAL);
	call.err = errno;
	atomic_store(&call.over, true);
	return NULL;
}

static int share_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	return sched_getaffinity(0, sizeof(call.cpus), &call.cpus) || sched_setaffinity(0, sizeof(one), &one) ||
	       sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
}

static void give_back(void)
{
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	sched_setaffinity(0, sizeof(call.cpus), &call.cpus);
	call.runs = false;
}

/* A thread begins a call that waits for the connection ("fast N"); returns when it sleeps or is over. */
int wire_waits_begin(struct wire *w, char *args)
{
	char *next, *verb = strtok_r(args, " ", &next), *octets = strtok_r(NULL, " ", &next);
	pthread_attr_t attr;
	uint32_t len, i;
	int flags, err;

	if (!verb || strcmp(verb, "fast") || !octets || wire_text_u32(w, octets, &len) || len > OCTETS_MAX || call.runs)
		return wire_fail(w, "waits '%s'", verb ? verb : "");
	for (i = 0; i < len; i++)
		call.octets[i] = wire_segment_byte(1 + w->c.written + i);
	call.len = len;
	call.fd = w->c.fd;
	flags = fcntl(call.fd, F_GETFL);
	atomic_store(&call.tid, 0);
	atomic_store(&call.over, false);
	if (fcntl(call.fd, F_SETFL, flags & ~O_NONBLOCK) || share_processor())
		return wire_fail(w, "waits: %s", strerror(errno));
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	err = pthread_create(&call.thread, &attr, run, NULL);
	pthread_attr_destroy(&attr);
	call.runs = !err;
	if (err)
		give_back();
	else if (!WAIT_FOR(atomic_load(&call.over) || asleep_in(atomic_load(&call.tid), SYS_sendto), DEADLINE_MS))
		err = ETIME;
	/* what waits goes on waiting */
	fcntl(call.fd, F_SETFL, flags);
	return err ? wire_fail(w, "waits: %s", strerror(err)) : 0;
}

/* What the call of the thread has done. @want: octets, or an errno by name. */
int wire_waits_end(struct wire *w, const char *want)
{
	const char *got;

	if (!call.runs)
		return wire_fail(w, "nothing waits");
	if (!WAIT_FOR(atomic_load(&call.over), DEADLINE_MS))
		return wire_fail(w, "the thread waits still");
	pthread_join(call.thread, NULL);
	give_back();
	if (call.done > 0)
		w->c.written += call.done;
	got = call.done < 0 ? wire_socket_errno_name(call.err) : wire_text("%zd", call.done);
	return strcmp(got, want) ? wire_fail(w, "the thread: %s, want %s", got, want) : 0;
}

void wire_waits_cleanup(struct wire *w)
{
	if (!call.runs)
		return;
	shutdown(call.fd, SHUT_RDWR);
	if (!WAIT_FOR(atomic_load(&call.over), DEADLINE_MS)) {
		wire_fail(w, "the thread waits still, behind shutdown()");
		return;
	}
	pthread_join(call.thread, NULL);
	give_back();
}
