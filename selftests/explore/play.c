// SPDX-License-Identifier: GPL-2.0
#include <linux/if_ether.h>
#include "play.h"
#include "test.h"
#include "world.h"

#define LONGEST_US	600000000LL
#define MOST_US		6000000000LL	/* with all silences */
#define QUIET_US	4000000LL	/* with nothing under way everything has ended but TIME-WAIT */
#define TIMEWAIT_US	300000000LL	/* or the last repetition of an orphan whose peer has gone without a word */
#define REST_US		61000000LL	/* TIME-WAIT */
#define REST_MORE_US	20000000LL
/* The program has made 31,000 steps at most in a scenario that ends, and makes so many in half a minute. */
#define MOST_STEPS	400000
#define TOLD_STEPS	4096
#define ALIVE		"/run/vm/alive"	/* scripts/lab/run.sh --stall looks at it */

static struct world world;
unsigned long long play_octets, play_repairs, play_upgrades, play_replaced;
static char playing[48];

/* The same system calls each time. */
static void tell(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(ALIVE, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd >= 0)
		must(pwrite(fd, playing, sizeof(playing) - 1, 0) == sizeof(playing) - 1, ALIVE);
}

void play_name(const char *what, unsigned long long number)
{
	snprintf(playing, sizeof(playing), "%s %-40llu", what, number);
	memset(playing + strlen(playing), ' ', sizeof(playing) - strlen(playing));
	playing[sizeof(playing) - 2] = '\n';
	tell();
}

/* A loop in which each step takes a little of virtual time would take hours of ours. */
static bool goes_on(struct world *w)
{
	if (++w->steps % TOLD_STEPS == 0)
		tell();
	if (w->steps >= MOST_STEPS)
		verdict_wrong(w, "progress: no end after %u steps, in %lld ms", w->steps,
			      (path_now_us() - w->path.began_us) / 1000);
	return w->steps < MOST_STEPS;
}

/* After a client has failed, or the listener has closed, there is nothing to accept. */
static bool is_over(const struct world *w, const struct lane *lane)
{
	const struct end *client = &lane->end[CLIENT], *server = &lane->end[SERVER];

	if (!client->is_done)
		return false;
	return server->is_done || (server->fd < 0 && (client->error || !happens_listens(w)));
}

static bool are_all_over(const struct world *w)
{
	for (int i = 0; i < w->lanes; i++) {
		if (!is_over(w, &w->lane[i]))
			return false;
	}
	return true;
}

static bool has_one_done(const struct world *w)
{
	for (int i = 0; i < w->lanes * SIDES; i++) {
		if (w->lane[i / SIDES].end[i % SIDES].is_done)
			return true;
	}
	return w->s->unlisten_ms && !happens_listens(w);
}

static void sleep_until(struct pollfd *p, int n, long long us)
{
	struct timespec ts = { us / 1000000, us % 1000000 * 1000 };

	ppoll(p, n, &ts, NULL);
	path_look_at_clock();
}

static void wait_for_news(struct world *w, long long at_most_us)
{
	struct pollfd p[SIDES + MEMBERS + CONNECTIONS * SIDES + SIDES] = {
		{ .fd = w->path.tun[CLIENT], .events = POLLIN },
		{ .fd = w->path.tun[SERVER], .events = POLLIN },
	};
	const long long now = path_now_us();
	long long wait = at_most_us, other;
	int i, n = SIDES, first;
	bool accepts = now >= w->path.began_us + 1000LL * w->s->accept_ms;

	for (i = 0; i < MEMBERS; i++)
		p[n++] = (struct pollfd){ .fd = accepts ? w->listener[i] : -1, .events = POLLIN };

	first = n;
	other = path_wait_us(&w->path);
	if (other >= 0 && other < wait)
		wait = other;
	other = happens_wait_us(w);
	if (other >= 0 && other < wait)
		wait = other;
	for (i = 0; i < w->lanes * SIDES; i++) {
		const struct end *end = &w->lane[i / SIDES].end[i % SIDES];

		p[n].fd = end_poll(end, now, &p[n].events);
		n++;
		other = end_wait_us(end, now);
		if (other >= 0 && other < wait)
			wait = other;
	}
	for (i = 0; i < SIDES; i++)
		p[n + i] = (struct pollfd){ .fd = w->path.second[i], .events = POLLIN };
	sleep_until(p, n + SIDES, wait);
	for (i = 0; i < SIDES; i++)
		w->path.has_left[i] = p[i].revents || p[n + i].revents;
	for (i = 0; i < w->lanes * SIDES; i++)
		w->lane[i / SIDES].end[i % SIDES].has_news |= p[first + i].revents;
}

static long long carried(const struct world *w)
{
	long long n = 0;

	for (int i = 0; i < w->lanes * SIDES; i++)
		n += w->lane[i / SIDES].end[i % SIDES].written + w->lane[i / SIDES].end[i % SIDES].read;
	return n;
}

/* While a tap looks, text goes as segments. */
static void turn_tap(struct world *w, bool on)
{
	if (w->tap >= 0 && !on) {
		close(w->tap);
		w->tap = -1;
	} else if (w->tap < 0 && on) {
		w->tap = ns_socket(world_ns(w, CLIENT), AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));
		must(w->tap >= 0, "a tap");
	}
}

static void step(struct world *w)
{
	if (w->s->local > 1 && chance_once_in(&w->path.chance, 8))
		turn_tap(w, w->tap < 0);
	happens_step(w);
	opens_connect(w);
	path_step(&w->path);
	opens_accept(w);
	for (int i = 0; i < w->lanes * SIDES; i++) {
		struct end *end = &w->lane[i / SIDES].end[i % SIDES];

		end->has_news |= w->path.has_brought[i % SIDES];
		end_step(end, path_now_us());
	}
	if (carried(w) != w->carried)
		w->path.moved_us = path_now_us();
	w->carried = carried(w);
	ledger_look(w);
}

/* Takes note of the silence that lasts until now, or has ended. */
static void note_silence(struct world *w)
{
	const bool lasts = w->moved_us == w->path.moved_us;
	const long long silence = (lasts ? path_now_us() : w->path.moved_us) - w->moved_us;

	if (silence > verdict_silence_us(w) && silence > w->quiet_us)
		w->quiet_us = silence;
	if (lasts)
		return;
	if (silence > verdict_patience_us(w->s))
		w->doubled_us += silence;
	w->moved_us = w->path.moved_us;
}

static void look_at_time(struct world *w)
{
	const long long us = path_now_us() - w->path.began_us, waited_us = verdict_waited_us(w);

	w->is_only_slow = us - (waited_us > w->doubled_us ? waited_us : w->doubled_us) <= LONGEST_US;
	w->is_late = !w->is_only_slow || us > MOST_US;
}

static void run(struct world *w)
{
	const bool orderly = scenario_is_orderly(w->s) && !verdict_may_fail(w);

	w->moved_us = w->path.began_us;
	while (!are_all_over(w) && goes_on(w)) {
		look_at_time(w);
		if (w->is_late)
			break;
		note_silence(w);
		step(w);
		if (are_all_over(w))
			break;
		wait_for_news(w, 1000000);
		/* the end that has closed waits for a timeout; or its RST is lost, and the other end hears nothing */
		if (!orderly && has_one_done(w) && path_now_us() - w->path.moved_us > verdict_silence_us(w))
			break;
	}
}

static void close_all(struct world *w)
{
	play_upgrades += w->is_upgraded;
	happens_unlisten(w);
	for (int i = 0; i < w->lanes * SIDES; i++) {
		play_octets += w->lane[i / SIDES].end[i % SIDES].read;
		play_repairs += w->lane[i / SIDES].end[i % SIDES].repairs;
		end_close(&w->lane[i / SIDES].end[i % SIDES]);
	}
}

static void settle(struct world *w, long long at_least_us, long long patience_us)
{
	long long still_us;

	w->path.moved_us = path_now_us();
	while (path_now_us() - w->path.began_us < 2 * LONGEST_US + w->doubled_us && goes_on(w)) {
		still_us = path_now_us() - w->path.moved_us;
		if (still_us >= patience_us ||
		    (still_us >= at_least_us && !verdict_state(w, CLIENT) && !verdict_state(w, SERVER)))
			break;
		happens_step(w);
		path_step(&w->path);
		wait_for_news(w, at_least_us);
	}
}

/* A row may name what needs a listener. */
static void leave_out_listener(struct scenario *s)
{
	s->fastopen = 0;
	s->program[CLIENT].fastopen = 0;
	s->program[SERVER].fastopen = 0;
	s->rekey_ms = 0;
	s->accept_ms = 0;
	s->unlisten_ms = 0;
	s->heir_ms = 0;
}

/*
 * Or a route that goes with its device. A way that is cut has to come back. And what leaves by another device would
 * overtake what the host's own queue has, before the judge sees it.
 */
static void leave_out_routes(struct scenario *s)
{
	for (int side = 0; side < SIDES; side++) {
		struct host *h = &s->host[side];

		if (h->down_ms || h->ends_ms || (h->route >= ROUTE_UNREACHABLE && !h->route_ms) ||
		    (h->route == ROUTE_MTU && h->route_mtu < (s->v6 ? 1280 : 600)) ||
		    (h->route == ROUTE_DEVICE && h->queue_kbit))
			h->route = ROUTE_STAYS;
	}
}

/*
 * TCP_REPAIR carries no urgent octet, no ECN and no page of MSG_ZEROCOPY, and no call may be under way. A child that
 * writes in place of its parent had the other sockets, too. On one machine the peer could send something meanwhile. And
 * connect() from a port that a sock of the other stack has is refused. What waits in the host's own queue is of the
 * socket before, and the judge does not know what that had received.
 */
static void leave_out_repairs(struct scenario *s)
{
	if (!scenario_moves(s))
		return;
	/* its keys are another matter */
	if (!module_second_is_loaded() || s->local || s->fastopen || s->opens_both || s->stack[SERVER] != XTCP)
		s->upgrade_ms = 0;
	if (!getenv("XTCP_AIMD_KO"))
		s->replace_ms = 0;
	s->ecn = 0;
	s->mem_pages = 0;
	if (s->algorithm > BBR)
		s->algorithm = CUBIC;
	for (int side = 0; side < SIDES; side++) {
		s->host[side].accecn = 0;
		s->program[side].urgent = 0;
		s->program[side].zerocopy_ppm = 0;
		s->program[side].blocks = false;
		if (s->program[side].ending == CUT_OFF)
			s->program[side].ending = KILLED;
		if (s->local)
			s->host[side].repair_ms = 0;
		if (s->host[side].repair_ms)
			s->host[side].queue_kbit = 0;
		if (s->opens_both && s->connections > 1)
			s->host[side].repair_moves = false;
	}
}

static void begin(struct world *w, const struct scenario *s, int port)
{
	w->scenario = *s;
	if (s->opens_both)
		leave_out_listener(&w->scenario);
	leave_out_routes(&w->scenario);
	leave_out_repairs(&w->scenario);
	s = &w->scenario;
	w->s = s;
	w->port = port;
	knobs_choose_server(w);
	w->lanes = s->connections < 1 ? 1 : s->connections;
	w->quiet_us = 0;
	w->doubled_us = 0;
	w->is_late = false;
	w->has_failed = false;
	w->steps = 0;
	w->tap = -1;
	w->carried = 0;
	w->wrong[0] = 0;
	for (int i = 0; i < w->lanes; i++) {
		const uint64_t seed = s->seed + i * 0x51ed2701ULL;
		struct lane *lane = &w->lane[i];

		lane->has_begun = false;
		lane->looked_us = 0;
		memset(lane->views, 0, sizeof(lane->views));
		memset(lane->viewed_us, 0, sizeof(lane->viewed_us));
		judge_begin(&lane->judge, seed);
		lane->judge.fastopen = s->fastopen;
		for (int side = 0; side < SIDES; side++) {
			struct judge_side *wire = &lane->judge.side[side];
			struct end *end = &lane->end[side];

			end_begin(end, &s->program[side], seed ^ (1 + side), lane->judge.tint[side],
				  lane->judge.tint[!side], &lane->end[!side], wire);
			end->stack = s->stack[side];
			end->may_fail = verdict_may_fail(w);
			end->has_little_memory = s->mem_pages;
			end->may_lose_route = scenario_cut_ms(s, side);
			end->is_local = s->local;
			end->has_queue = s->host[side].queue_kbit;
			lane->judge.is_kernel[side] = end->stack == KERNEL;
			lane->judge.algorithm[side] = s->stack[side] == XTCP ? s->algorithm : CUBIC;
			wire->waits = s->host[side].queue_kbit;
			wire->misses = scenario_cut_ms(s, side);
			wire->is_orderly = scenario_is_orderly(s);
			wire->narrows = s->towards[!side].mtu || s->host[side].route == ROUTE_MTU;
			/* there is no wire to hear it from */
			wire->heard_ack = s->local;
			wire->heard_end = s->local;
			/* without memory an orphan is reset */
			wire->heard_reset = s->local && (!wire->is_orderly || s->mem_pages);
			wire->urgent = end->urgent;
			wire->nr_urgent = &end->nr_urgent;
			wire->written = &end->written;
			wire->has_shut = &end->has_shut;
		}
	}
}

long long play(const struct scenario *s, unsigned int round, int port, char *why, size_t size)
{
	struct world *w = &world;
	long long took_us;

	begin(w, s, port);
	s = w->s;
	knobs_set(w);
	ledger_begin(w);
	opens_listen(w);
	path_begin(&w->path, w->s, round, port);
	for (int i = 0; i < w->lanes; i++)
		w->path.flow[i].judge = &w->lane[i].judge;
	happens_begin(w);
	opens_connect(w);
	faults_begin(s);
	run(w);
	w->has_failed = faults_end();
	took_us = path_now_us() - w->path.began_us;
	/* what a call that waits has written, it says when it ends */
	for (int i = 0; i < w->lanes * SIDES; i++)
		end_threads_stop(&w->lane[i / SIDES].end[i % SIDES]);
	verdict_give(w);
	close_all(w);
	settle(w, QUIET_US, scenario_is_orderly(s) && !w->is_late ? verdict_patience_us(s) : QUIET_US);
	turn_tap(w, false);
	verdict_after(w);
	ledger_end(w);
	state_note(w);
	happens_end(w);
	snprintf(why, size, "%s", w->wrong);
	return took_us;
}

bool play_was_local(void)
{
	return counter_now(world.path.ns[CLIENT], "/proc/net/xtcp_netstat", "TcpExt:TCPLocal");
}

const struct drops *play_lost(enum side to)
{
	return &world.path.lost[to];
}

unsigned int play_steps(void)
{
	return world.steps;
}

static void pass(long long us)
{
	const long long until = path_now_us() + us;

	while (path_now_us() < until) {
		path_step(&world.path);
		wait_for_news(&world, until - path_now_us() > 0 ? until - path_now_us() : 0);
	}
}

void play_timewait(void)
{
	pass(TIMEWAIT_US);
}

void play_begin(void)
{
	state_begin(&world.path);
}

bool play_rest(char *why, size_t size)
{
	const long long until = path_now_us() + TIMEWAIT_US;

	pass(REST_US);
	while (!state_is_back(&world.path, why, size)) {
		if (path_now_us() > until)
			return false;
		pass(REST_MORE_US);
	}
	why[0] = 0;
	return true;
}

bool play_still(char *why, size_t size)
{
	bool is_still;

	state_watch(true);
	pass(TIMEWAIT_US);
	is_still = state_is_still(why, size);
	state_watch(false);
	return is_still;
}

void play_open(void)
{
	must(!path_open(&world.path), "namespaces");
	world.listener[0] = -1;
	world.listener[1] = -1;
	world.drains[0] = -1;
	world.drains[1] = -1;
}

void play_show(bool show)
{
	world.path.show = show;
	world.path.shown_us = 0;
}

long long play_shown_us(void)
{
	return world.path.shown_us;
}
