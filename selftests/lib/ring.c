// SPDX-License-Identifier: GPL-2.0
#include "ring.h"
#include "test.h"

#define ENTRIES	16

static size_t queues_len(const struct io_uring_params *p)
{
	const size_t done = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	const size_t asked = p->sq_off.array + p->sq_entries * sizeof(unsigned int);

	return done > asked ? done : asked;
}

static size_t entries_len(const struct io_uring_params *p)
{
	return p->sq_entries * sizeof(struct io_uring_sqe);
}

int ring_open(struct ring *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = syscall(__NR_io_uring_setup, ENTRIES, &r->p);
	if (r->fd < 0)
		return -1;
	r->queues = mmap(NULL, queues_len(&r->p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
			 IORING_OFF_SQ_RING);
	r->entries = mmap(NULL, entries_len(&r->p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
			  IORING_OFF_SQES);
	return r->queues == MAP_FAILED || r->entries == MAP_FAILED ? -1 : 0;
}

void ring_close(struct ring *r)
{
	munmap(r->queues, queues_len(&r->p));
	munmap(r->entries, entries_len(&r->p));
	close(r->fd);
}

static unsigned int *word_at(const struct ring *r, unsigned int offset)
{
	return (unsigned int *)(r->queues + offset);
}

void ring_add(struct ring *r, const struct io_uring_sqe *sqe)
{
	unsigned int tail = *word_at(r, r->p.sq_off.tail), at = tail & *word_at(r, r->p.sq_off.ring_mask);

	r->entries[at] = *sqe;
	word_at(r, r->p.sq_off.array)[at] = at;
	__atomic_store_n(word_at(r, r->p.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	r->added++;
}

int ring_give(struct ring *r, const struct io_uring_sqe *sqe)
{
	const unsigned int n = r->added + 1;

	ring_add(r, sqe);
	r->added = 0;
	return syscall(__NR_io_uring_enter, r->fd, n, 0, 0, NULL, 0) == (int)n ? 0 : -1;
}

bool ring_is_empty(const struct ring *r)
{
	syscall(__NR_io_uring_enter, r->fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);
	return __atomic_load_n(word_at(r, r->p.cq_off.tail), __ATOMIC_ACQUIRE) == *word_at(r, r->p.cq_off.head);
}

bool ring_take(struct ring *r, struct io_uring_cqe *cqe)
{
	const unsigned int head = *word_at(r, r->p.cq_off.head);

	if (ring_is_empty(r))
		return false;
	*cqe = ((struct io_uring_cqe *)(r->queues + r->p.cq_off.cqes))[head & *word_at(r, r->p.cq_off.ring_mask)];
	__atomic_store_n(word_at(r, r->p.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return true;
}
