// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_ZEROCOPY: the octets of a write stay in the program's pages until the error queue says that these are free. Each
 * write has pages of its own here. As soon as they are free they get other octets, which the judge would see in a
 * segment.
 */
#include <netinet/tcp.h>
#include "end.h"
#include "judge.h"
#include "test.h"
#include "zerocopy.h"

#define PAGE	4096
#define OTHER	0xa5

void end_zerocopy_on(const struct end *end)
{
	if (end->program->zerocopy_ppm && end->stack == XTCP)
		zerocopy_on(end->fd);
}

/* Fast Open decides about the first octets. Without a route a write is copied and told of at once, as in Linux. */
bool end_zerocopy_wants(struct end *end)
{
	return end->program->zerocopy_ppm && end->stack == XTCP && !end->program->blocks && !end->defers &&
	       !end->may_lose_route && end->sends - end->told < END_SENDS &&
	       chance_ppm(&end->chance, end->program->zerocopy_ppm);
}

ssize_t end_zerocopy_write(struct end *end, const uint8_t *octets, long long n, int flags)
{
	const size_t offset = chance_below(&end->chance, PAGE);
	struct end_send *send = &end->send[end->sends % END_SENDS];
	ssize_t done;

	/* shared: a fork() copies no pages that the kernel sends */
	send->len = offset + n;
	send->pages = mmap(NULL, send->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(send->pages != MAP_FAILED, "mmap()");
	memcpy(send->pages + offset, octets, n);
	done = zerocopy_send(end->fd, send->pages + offset, n, flags);
	if (done < 0) {
		const int error = errno;

		must(!munmap(send->pages, send->len), "munmap()");
		errno = error;
		return -1;
	}
	send->end = end->written + done;
	end->sends++;
	return done;
}

/* Octets that the peer may have acknowledged. */
static long long acked_most(const struct end *end)
{
	return end->wire->heard_ack ? end->wire->una_most - end->wire->iss - 1 : 0;
}

/* What has ended sends nothing any more. */
static bool may_be_free(const struct end *end, const struct zerocopy_told *told)
{
	return end->send[told->hi % END_SENDS].end <= acked_most(end) || stack_state(end->fd) == TCP_CLOSE;
}

/* Is each of these writes one that nobody has told of? */
static bool are_to_come(const struct end *end, const struct zerocopy_told *told)
{
	if (told->hi - told->lo >= END_SENDS)
		return false;
	for (unsigned int n = told->lo; n != told->hi + 1; n++)
		if (n - end->told >= end->sends - end->told || end->send[n % END_SENDS].is_told)
			return false;
	return true;
}

static void free_sends(struct end *end, const struct zerocopy_told *told)
{
	for (unsigned int n = told->lo; n != told->hi + 1; n++) {
		struct end_send *send = &end->send[n % END_SENDS];

		memset(send->pages, OTHER, send->len);
		must(!munmap(send->pages, send->len), "munmap()");
		send->is_told = true;
	}
	for (; end->told != end->sends && end->send[end->told % END_SENDS].is_told; end->told++)
		end->send[end->told % END_SENDS].is_told = false;
}

/* As in Linux the host's queue may have a needless copy of an earlier write, or earlier writes when all ends. */
static bool may_disorder(const struct end *end)
{
	return end->has_queue && (end->wire->resent || stack_state(end->fd) == TCP_CLOSE);
}

/* Each write is told of once, and in order unless may_disorder(). */
void end_zerocopy_hear(struct end *end)
{
	struct zerocopy_told told;

	while (end->sends && end->fd >= 0 && zerocopy_told(end->fd, &told)) {
		if (!are_to_come(end, &told) || (told.lo != end->told && !may_disorder(end))) {
			end_wrong(end, "the pages of writes %u to %u are free, and %u to %u were to come",
				  told.lo, told.hi, end->told, end->sends - 1);
			return;
		}
		if (!may_be_free(end, &told))
			end_wrong(end, "the pages of write %u are free, and it is not acknowledged", told.hi);
		free_sends(end, &told);
	}
}

void end_zerocopy_look(struct end *end, long long acked)
{
	end_zerocopy_hear(end);
	if (end->sends != end->told && end->written <= acked)
		end_wrong(end, "all is acknowledged, and the pages of %u writes are not free", end->sends - end->told);
}

/* The octets stay as they are: the socket may send them once more. */
void end_zerocopy_close(struct end *end)
{
	for (; end->told != end->sends; end->told++) {
		struct end_send *send = &end->send[end->told % END_SENDS];

		if (!send->is_told)
			munmap(send->pages, send->len);
		send->is_told = false;
	}
}
