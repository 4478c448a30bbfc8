// SPDX-License-Identifier: GPL-2.0
#include "asleep.h"

#include <linux/userfaultfd.h>

#include "test.h"

static FILE *file_of(int tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	return fopen(path, "re");
}

/*
 * User Mode Linux has no file "syscall". It has one processor, and no preemption in the kernel: so a thread that is
 * about to sleep, and may yet find what it waits for, is never seen in this state.
 */
static bool sleeps(int tid)
{
	FILE *file = file_of(tid, "stat");
	char state = 0;
	bool ok;

	if (!file)
		return false;
	ok = fscanf(file, "%*d (%*[^)]) %c", &state) == 1 && state == 'S';
	fclose(file);
	return ok;
}

bool asleep_in(int tid, long number)
{
	char line[256];
	FILE *file;
	long is;
	bool ok;

	if (!tid)
		return false;
	file = file_of(tid, "syscall");
	if (!file)
		return errno == ENOENT && sleeps(tid);
	/* "running" while it is */
	ok = fgets(line, sizeof(line), file) && *line >= '0' && *line <= '9';
	is = ok ? strtol(line, NULL, 10) : -1;
	ok = is == number;
#ifdef SYS_socketcall
	/* the calls of sockets have one number there */
	ok = ok || is == SYS_socketcall;
#endif
	fclose(file);
	return ok;
}

static void *own(void *arg)
{
	struct asleep_owner *owner = arg;
	sigset_t all;

	/* a signal, as of the end of a child, keeps it from sleeping there */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	owner->tid = gettid();
	if (owner->listens)
		/* the first four octets are read before the program owns the socket */
		return setsockopt(owner->fd, IPPROTO_TCP, TCP_MD5SIG, owner->page - 4, sizeof(struct tcp_md5sig)) ?
		       owner : NULL;
	return send(owner->fd, owner->page, 100, 0) == 100 ? owner : NULL;
}

bool asleep_owner_begin(struct asleep_owner *owner, int fd)
{
	struct uffdio_register page = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	owner->fd = fd;
	owner->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (owner->uffd < 0)
		return false;
	owner->pages = mmap(NULL, 2 * getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(owner->pages != MAP_FAILED, "mmap");
	*owner->pages = 0;
	owner->page = owner->pages + getpagesize();
	page.range.start = (uintptr_t)owner->page;
	page.range.len = getpagesize();
	owner->tid = 0;
	must(!ioctl(owner->uffd, UFFDIO_API, &api) && !ioctl(owner->uffd, UFFDIO_REGISTER, &page) &&
	     !pthread_create(&owner->thread, NULL, own, owner), "userfaultfd");
	must(WAIT_FOR(asleep_in(owner->tid, owner->listens ? SYS_setsockopt : SYS_sendto), STACK_DEADLINE_MS),
	     "a call that does not end");
	return true;
}

bool asleep_owner_end(struct asleep_owner *owner)
{
	void *done;

	close(owner->uffd);
	must(!pthread_join(owner->thread, &done), "join");
	munmap(owner->pages, 2 * getpagesize());
	return done;
}
