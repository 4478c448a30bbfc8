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
#include <linux/userfaultfd.h>
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

/*
 * A call that has the socket's lock for as long as the row wants, by a thread of its own:
 *
 *   holds N		send() of N octets begins, and waits in the middle: the page that holds them is not there
 *   holds read N		the same of recv()
 *   gives OCTETS|ERR	the page comes, and the call has ended like this
 *
 * Who serves the page is the row itself (userfaultfd).
 */

#define PAGE		((uint32_t)getpagesize())
#define DEADLINE_MS	20000

/* There is one at most. */
static struct {
	bool runs;
	pthread_t thread;
	int faults;	/* userfaultfd */
	void *page;
	int fd;
	bool reads;
	size_t len;
	ssize_t done;
	int err;
} held = { .faults = -1 };

static void *hold(void *arg)
{
	held.done = held.reads ? recv(held.fd, held.page, held.len, MSG_DONTWAIT) :
				 send(held.fd, held.page, held.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	held.err = errno;
	return NULL;
}

bool wire_holds_possible(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int watch_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register what = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	held.faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	held.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	what.range.start = (uintptr_t)held.page;
	what.range.len = PAGE;
	return held.faults < 0 || held.page == MAP_FAILED || ioctl(held.faults, UFFDIO_API, &api) ||
	       ioctl(held.faults, UFFDIO_REGISTER, &what) ? -1 : 0;
}

static void forget_page(void)
{
	if (held.page && held.page != MAP_FAILED)
		munmap(held.page, PAGE);
	if (held.faults >= 0)
		close(held.faults);
	held.page = NULL;
	held.faults = -1;
}

/* A thread begins a send() or recv() ("read") of so many octets, and stays in the middle, with the lock. */
int wire_holds_begin(struct wire *w, const char *args)
{
	struct pollfd event = { .events = POLLIN };
	struct uffd_msg message;
	uint32_t len;

	held.reads = !strncmp(args, "read ", 5);
	args += held.reads ? 5 : 0;
	if (held.runs || wire_text_u32(w, args, &len) || !len || len > PAGE)
		return wire_fail(w, "holds '%s'", args);
	held.len = len;
	held.fd = w->c.fd;
	if (watch_page() || pthread_create(&held.thread, NULL, hold, NULL)) {
		forget_page();
		return wire_fail(w, "holds: %s", strerror(errno));
	}
	held.runs = true;
	event.fd = held.faults;
	if (poll(&event, 1, DEADLINE_MS) != 1 || read(held.faults, &message, sizeof(message)) != sizeof(message))
		return wire_fail(w, "nobody asks for the page");
	return 0;
}

static int give_page(const struct wire *w)
{
	uint8_t octets[PAGE];
	struct uffdio_copy copy = { .src = (uintptr_t)octets, .dst = (uintptr_t)held.page, .len = PAGE };
	struct timespec until;
	int ret;

	for (uint32_t i = 0; i < PAGE; i++)
		octets[i] = wire_segment_byte(1 + w->c.written + i);
	ret = ioctl(held.faults, UFFDIO_COPY, &copy);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DEADLINE_MS / 1000;
	errno = ret ? errno : pthread_timedjoin_np(held.thread, NULL, &until);
	held.runs = false;
	return errno ? -1 : 0;
}

/* What recv() has put there is what the peer has sent. */
static int check_page(struct wire *w)
{
	const uint8_t *octets = held.page;

	for (ssize_t i = 0; i < held.done; i++)
		if (octets[i] != (uint8_t)(wire_segment_byte(1 + w->c.consumed + i) ^ w->c.tint))
			return wire_fail(w, "octet %zd is another", i);
	if (held.done > 0)
		w->c.consumed += held.done;
	return 0;
}

/* Let the call go on: what it has done. @want: octets, or an errno by name. */
int wire_holds_end(struct wire *w, const char *want)
{
	const char *got;
	int ret = 0;

	if (!held.runs)
		return wire_fail(w, "nobody holds the lock");
	if (give_page(w))
		ret = wire_fail(w, "gives: %s", strerror(errno));
	else if (held.reads)
		ret = check_page(w);
	else if (held.done > 0)
		w->c.written += held.done;
	forget_page();
	if (ret)
		return -1;
	got = held.done < 0 ? wire_socket_errno_name(held.err) : wire_text("%zd", held.done);
	return strcmp(got, want) ? wire_fail(w, "the thread: %s, want %s", got, want) : 0;
}

void wire_holds_cleanup(struct wire *w)
{
	if (held.runs)
		give_page(w);
	forget_page();
}
