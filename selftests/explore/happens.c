// SPDX-License-Identifier: GPL-2.0
#include <linux/tcp.h>
#include "play.h"
#include "test.h"
#include "world.h"

#define MOST_SWITCHES	100000	/* are waited for: each is a step */

static long long at_ms(const struct world *w)
{
	return (path_now_us() - w->path.began_us) / 1000;
}

void happens_begin(struct world *w)
{
	w->is_rekeyed = false;
	w->is_upgraded = false;
	w->switches = 0;
	for (int side = 0; side < SIDES; side++) {
		const struct host *h = &w->s->host[side];

		w->is_down[side] = false;
		w->has_ended[side] = false;
		if (h->queue_kbit)
			must(!netem_narrow(w->path.ns[side], PATH_DEVICE, h->queue_kbit, h->queue_octets), "tbf");
	}
	route_begin(w);
}

static void unlisten(struct world *w, int member)
{
	if (w->listener[member] >= 0)
		close(w->listener[member]);
	if (w->drains[member] >= 0)
		close(w->drains[member]);
	w->listener[member] = -1;
	w->drains[member] = -1;
}

void happens_unlisten(struct world *w)
{
	for (int i = 0; i < MEMBERS; i++)
		unlisten(w, i);
}

bool happens_listens(const struct world *w)
{
	for (int i = 0; i < MEMBERS; i++) {
		if (w->listener[i] >= 0)
			return true;
	}
	return false;
}

/* Its programs close their sockets, and then nobody holds it any more. */
static void end_host(struct world *w, enum side side)
{
	for (int i = 0; i < w->lanes; i++)
		end_close(&w->lane[i].end[side]);
	if (side == SERVER)
		happens_unlisten(w);
	path_end_host(&w->path, side);
	w->has_ended[side] = true;
	w->path.moved_us = path_now_us();
}

/* No allocation fails meanwhile: the link is no part of what is tested. */
static void set_link(struct world *w, enum side side, bool up)
{
	for (int i = 0; i < w->lanes; i++)
		judge_lost_route(&w->lane[i].judge, side);
	faults_pause(true);
	if (!w->s->host[side].device_goes)
		path_link_up(&w->path, side, up);
	else if (up)
		must(!path_open_device(&w->path, side), "a device that comes back");
	else
		path_end_device(&w->path, side);
	faults_pause(false);
}

static void step_host(struct world *w, enum side side)
{
	const struct host *h = &w->s->host[side];
	const long long now = at_ms(w);
	const bool down = h->down_ms && now >= h->down_from_ms && now < h->down_from_ms + h->down_ms;

	if (h->ends_ms && now >= h->ends_ms && !w->has_ended[side])
		end_host(w, side);
	if (down != w->is_down[side] && !w->has_ended[side]) {
		set_link(w, side, !down);
		w->is_down[side] = down;
		w->path.moved_us = path_now_us();
	}
}

/* The cookies that clients know become worthless. */
static void rekey(struct world *w)
{
	static const char key[] = "01234567-89abcdef-01234567-89abcdef";

	must(w->has_ended[SERVER] ||
	     (!ns_sysctl_set(w->path.ns[SERVER], "net.xtcp.fastopen_key", "%08x-%s", w->port, key + 9) &&
	      !ns_sysctl_set(w->path.ns[SERVER], "net.ipv4.tcp_fastopen_key", "%08x-%s", w->port, key + 9)),
	     "fastopen_key");
	w->is_rekeyed = true;
}

/* Each socket of xtcp takes the next algorithm, whatever its connection does. */
static void switch_algorithms(struct world *w)
{
	const long long due = at_ms(w) / w->s->switch_ms;
	const char *name = scenario_algorithms[(w->s->algorithm + due) % DCTCP];

	if (due == w->switches)
		return;
	w->switches = due;
	faults_pause(true);
	for (int i = 0; i < w->lanes * SIDES; i++) {
		const struct end *end = &w->lane[i / SIDES].end[i % SIDES];

		if (end->fd >= 0 && end->stack == XTCP)
			must(!setsockopt(end->fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)), name);
	}
	faults_pause(false);
}

/* Each socket of xtcp has the algorithm of a module outside, which another one replaces again and again. */
static void replace_algorithm(struct world *w)
{
	static const char name[] = "aimd";
	const long long due = 1 + at_ms(w) / w->s->replace_ms;

	if (due == w->switches)
		return;
	w->switches = due;
	faults_pause(true);
	play_replaced += module_algorithm_replace();
	for (int i = 0; i < MEMBERS && !w->is_upgraded; i++)
		must(w->listener[i] < 0 || w->s->stack[SERVER] != XTCP ||
		     !setsockopt(w->listener[i], IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)), "for a listener");
	for (int i = 0; i < w->lanes * SIDES; i++) {
		const struct end *end = &w->lane[i / SIDES].end[i % SIDES];

		must(end->fd < 0 || end->stack != XTCP ||
		     !setsockopt(end->fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)), name);
	}
	faults_pause(false);
}

void happens_step(struct world *w)
{
	if (w->s->replace_ms)
		replace_algorithm(w);
	if (w->s->switch_ms)
		switch_algorithms(w);
	step_host(w, CLIENT);
	step_host(w, SERVER);
	route_step(w);
	repair_step(w);
	/* without its address nothing can be bound */
	if (w->s->upgrade_ms && !w->is_upgraded && at_ms(w) >= w->s->upgrade_ms && !w->is_down[SERVER] &&
	    !w->has_other_route[SERVER] && !w->has_ended[SERVER]) {
		opens_take_over(w);
		w->is_upgraded = true;
	}
	if (w->s->unlisten_ms && at_ms(w) >= w->s->unlisten_ms)
		happens_unlisten(w);
	if (w->s->rekey_ms && !w->is_rekeyed && at_ms(w) >= w->s->rekey_ms)
		rekey(w);
	if (w->s->heir_ms && at_ms(w) >= w->s->heir_ms)
		unlisten(w, 0);
}

/* The nearer of @wait and the moment of @ms, if that is still to come. */
static long long nearer(const struct world *w, long long wait, long long ms)
{
	const long long left = w->path.began_us + ms * 1000 - path_now_us();

	return ms && left > 0 && (wait < 0 || left < wait) ? left : wait;
}

long long happens_wait_us(const struct world *w)
{
	long long wait = route_wait_us(w);

	for (int side = 0; side < SIDES; side++) {
		const struct host *h = &w->s->host[side];

		wait = nearer(w, wait, h->ends_ms);
		for (int i = 1; h->repair_ms && i <= REPAIRS; i++)
			wait = nearer(w, wait, (long long)i * h->repair_ms);
		if (h->down_ms) {
			wait = nearer(w, wait, h->down_from_ms);
			wait = nearer(w, wait, h->down_from_ms + h->down_ms);
		}
	}
	for (int i = 1; i < w->lanes; i++)
		wait = nearer(w, wait, (long long)i * w->s->apart_ms);
	wait = nearer(w, wait, w->s->heir_ms);
	wait = nearer(w, wait, w->s->upgrade_ms);
	wait = nearer(w, wait, w->s->rekey_ms);
	if (w->s->switch_ms && w->switches < MOST_SWITCHES)
		wait = nearer(w, wait, (at_ms(w) / w->s->switch_ms + 1) * w->s->switch_ms);
	if (w->s->replace_ms && w->switches < MOST_SWITCHES)
		wait = nearer(w, wait, (at_ms(w) / w->s->replace_ms + 1) * w->s->replace_ms);
	return nearer(w, nearer(w, wait, w->s->unlisten_ms), w->s->accept_ms);
}

/* A link that was down forgets the paths' MTUs, too. */
void happens_end(struct world *w)
{
	const bool has_mtus = w->s->towards[CLIENT].mtu || w->s->towards[SERVER].mtu;

	route_end(w);
	for (int side = 0; side < SIDES; side++) {
		if (w->has_ended[side]) {
			must(!path_open_host(&w->path, side), "a new namespace");
			knobs_forget();
			continue;
		}
		if (w->s->host[side].queue_kbit)
			must(!netem_clear(w->path.ns[side], PATH_DEVICE), "no tbf any more");
		if (has_mtus && !w->is_down[side])
			path_link_up(&w->path, side, false);
		if (w->is_down[side])
			set_link(w, side, true);
		else if (has_mtus)
			path_link_up(&w->path, side, true);
	}
}
