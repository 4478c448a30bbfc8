// SPDX-License-Identifier: GPL-2.0
/* TCP_REPAIR moves an open connection to another socket, of either stack; what arrives meanwhile waits outside. */
#include "repair.h"
#include "test.h"
#include "world.h"

#define ROOM	(4 << 20)	/* octets for each queue */

static void repair(struct world *w, struct lane *lane, enum side side)
{
	struct end *end = &lane->end[side];
	struct repair saved;
	int fd;

	faults_pause(true);
	path_has_news(&w->path);
	repair_take(end->fd, &saved);
	path_has_news(&w->path);
	if (w->s->host[side].repair_moves)
		end->stack = end->stack == KERNEL ? XTCP : KERNEL;
	judge_restored(&lane->judge, side, end->stack == KERNEL);
	fd = stack_socket(w->path.ns[side], end->stack, w->server);
	must(fd >= 0 && !fcntl(fd, F_SETFL, O_NONBLOCK), "a socket for a restored connection");
	end_prepare(end->program, fd);
	must(!stack_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, ROOM) && !stack_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, ROOM) &&
	     repair_give(fd, &saved, &saved.numbers, chance_once_in(&end->chance, 2) ? TCP_REPAIR_OFF :
			 TCP_REPAIR_OFF_NO_WP), "a restored connection");
	repair_free(&saved);
	end_reopen(end, fd);
	faults_pause(false);
}

/* Is it open, and without a FIN? */
static bool can_move(const struct world *w, const struct end *end, enum side side)
{
	return end->fd >= 0 && !end->is_connecting && !end->defers && !end->has_shut_read && end->repairs < REPAIRS &&
	       !w->is_down[side] && !w->has_other_route[side] && stack_state(end->fd) == TCP_ESTABLISHED;
}

void repair_step(struct world *w)
{
	const long long us = path_now_us() - w->path.began_us;

	for (int i = 0; i < w->lanes * SIDES; i++) {
		struct end *end = &w->lane[i / SIDES].end[i % SIDES];
		const long long each_us = 1000LL * w->s->host[i % SIDES].repair_ms;

		if (each_us && us >= each_us * (end->repairs + 1) && can_move(w, end, i % SIDES))
			repair(w, &w->lane[i / SIDES], i % SIDES);
	}
}
