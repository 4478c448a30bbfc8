// SPDX-License-Identifier: GPL-2.0
#include "scenario.h"

#include <math.h>
#include <string.h>

uint64_t chance_next(struct chance *chance)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t chance_below(struct chance *chance, uint64_t n)
{
	return n ? chance_next(chance) % n : 0;
}

bool chance_ppm(struct chance *chance, int ppm)
{
	return ppm && (int)chance_below(chance, 1000000) < ppm;
}

/* One time of @n. */
static bool once_in(struct chance *c, int n)
{
	return !chance_below(c, n);
}

/* From @least to @most, each order of magnitude as often as the others. */
static long long spread(struct chance *c, double least, double most)
{
	return (long long)(least * exp(log(most / least) * (double)(chance_next(c) >> 11) / (double)(1ULL << 53)));
}

static void make_network(struct chance *c, struct network *n)
{
	n->delay_us = spread(c, 50, 150000);
	if (once_in(c, 4))
		n->jitter_us = chance_below(c, n->delay_us);
	if (once_in(c, 2)) {
		n->rate_bps = spread(c, 300e3, 200e6);
		n->queue_octets = spread(c, 3000, 300000);
	}
	if (once_in(c, 3))
		n->loss_ppm = spread(c, 1000, 150000);
	if (once_in(c, 8))
		n->burst_ppm = spread(c, 1000, 30000);
	if (once_in(c, 6))
		n->duplicate_ppm = spread(c, 1000, 200000);
	if (once_in(c, 6))
		n->reorder_ppm = spread(c, 1000, 300000);
	if (once_in(c, 8))
		n->corrupt_ppm = spread(c, 1000, 50000);
	if (once_in(c, 12)) {
		n->silent_from_ms = chance_below(c, 2000);
		n->silent_ms = spread(c, 10, 8000);
	}
}

static void make_program(struct chance *c, struct program *p)
{
	p->total = once_in(c, 4) ? 0 : spread(c, 1, 400000);
	p->write_max = spread(c, 1, 200000);
	if (p->write_max < p->total / 300)
		p->write_max = p->total / 300;
	p->read_max = spread(c, 16, 300000);
	if (once_in(c, 4))
		p->write_pause_us = spread(c, 10, 2000000) * p->write_max / (p->total + p->write_max);
	if (once_in(c, 5))
		p->read_pause_us = spread(c, 10, 100000);
	p->nodelay = once_in(c, 3);
	if (once_in(c, 6))
		p->sndbuf = spread(c, 2048, 400000);
	if (once_in(c, 5))
		p->rcvbuf = spread(c, 2048, 400000);
	if (once_in(c, 12))
		p->ending = once_in(c, 2) ? CLOSED : ABORTED;
}

void scenario_make(struct scenario *s, uint64_t seed)
{
	static const char * const algorithms[] = { "cubic", "reno", "cubic", "bbr" };
	static const int mtus[] = { 1500, 1500, 1280, 9000 };
	struct chance c = { seed };
	int side;

	memset(s, 0, sizeof(*s));
	s->seed = seed;
	switch (chance_below(&c, 4)) {
	case 0:
		s->stack[SERVER] = XTCP;
		break;
	case 1:
		s->stack[CLIENT] = XTCP;
		break;
	default:
		s->stack[CLIENT] = XTCP;
		s->stack[SERVER] = XTCP;
	}
	s->v6 = once_in(&c, 2);
	s->mtu = mtus[chance_below(&c, 4)];
	s->sack = !once_in(&c, 4);
	s->timestamps = !once_in(&c, 4);
	s->window_scaling = !once_in(&c, 5);
	s->ecn = once_in(&c, 3);
	s->algorithm = algorithms[chance_below(&c, 4)];
	for (side = 0; side < SIDES; side++) {
		make_network(&c, &s->towards[side]);
		make_program(&c, &s->program[side]);
	}
}

static void print_network(const struct network *n, FILE *out)
{
	fprintf(out, "%.1f ms", n->delay_us / 1e3);
	if (n->jitter_us)
		fprintf(out, ", jitter %.1f ms", n->jitter_us / 1e3);
	if (n->rate_bps)
		fprintf(out, ", %.1f Mbit/s with a queue of %d octets", n->rate_bps / 1e6, n->queue_octets);
	if (n->loss_ppm)
		fprintf(out, ", loss %.2f %%", n->loss_ppm / 1e4);
	if (n->burst_ppm)
		fprintf(out, ", bursts of loss %.2f %%", n->burst_ppm / 1e4);
	if (n->duplicate_ppm)
		fprintf(out, ", duplicates %.2f %%", n->duplicate_ppm / 1e4);
	if (n->reorder_ppm)
		fprintf(out, ", a faster way %.2f %%", n->reorder_ppm / 1e4);
	if (n->corrupt_ppm)
		fprintf(out, ", corrupted %.2f %%", n->corrupt_ppm / 1e4);
	if (n->silent_ms)
		fprintf(out, ", silent from %d ms for %d ms", n->silent_from_ms, n->silent_ms);
	fputc('\n', out);
}

static void print_program(const struct program *p, FILE *out)
{
	static const char * const endings[] = { "orderly", "close()", "reset" };

	fprintf(out, "writes %lld octets, %d at a time", p->total, p->write_max);
	if (p->write_pause_us)
		fprintf(out, ", pauses up to %.1f ms", p->write_pause_us / 1e3);
	fprintf(out, "; reads %d", p->read_max);
	if (p->read_pause_us)
		fprintf(out, ", pauses up to %.1f ms", p->read_pause_us / 1e3);
	if (p->nodelay)
		fprintf(out, "; TCP_NODELAY");
	if (p->sndbuf)
		fprintf(out, "; SO_SNDBUF %d", p->sndbuf);
	if (p->rcvbuf)
		fprintf(out, "; SO_RCVBUF %d", p->rcvbuf);
	fprintf(out, "; end: %s\n", endings[p->ending]);
}

void scenario_print(const struct scenario *s, FILE *out)
{
	fprintf(out, "#   %s to %s, IPv%d, MTU %d, SACK %d, timestamps %d, window scale %d, ECN %d, %s\n",
		stack_name(s->stack[CLIENT]), stack_name(s->stack[SERVER]), s->v6 ? 6 : 4, s->mtu, s->sack,
		s->timestamps, s->window_scaling, s->ecn, s->algorithm);
	fprintf(out, "#   the client %s", "");
	print_program(&s->program[CLIENT], out);
	fprintf(out, "#   the server %s", "");
	print_program(&s->program[SERVER], out);
	fprintf(out, "#   to the server: ");
	print_network(&s->towards[SERVER], out);
	fprintf(out, "#   to the client: ");
	print_network(&s->towards[CLIENT], out);
}
