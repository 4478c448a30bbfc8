// SPDX-License-Identifier: GPL-2.0
/* A scenario in words. */
#include "scenario.h"

static void print_network(const struct network *n, FILE *out)
{
	static const char * const boxes[] = {
		"", "drops SYNs with text", "drops SYNs with the Fast Open option",
		"takes the Fast Open option off SYNs",
	};
	static const char * const kinds[] = {
		"", "new segments with text", "segments sent again", "ACKs", "SYNs", "FINs", "RSTs",
	};

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
	if (n->ce_ppm)
		fprintf(out, ", CE %.2f %%", n->ce_ppm / 1e4);
	if (n->corrupt_ppm)
		fprintf(out, ", corrupted %.2f %%%s", n->corrupt_ppm / 1e4, n->corrupts_text ? " anywhere" : "");
	if (n->silent_ms)
		fprintf(out, ", silent from %d ms for %d ms", n->silent_from_ms, n->silent_ms);
	if (n->mtu)
		fprintf(out, ", MTU %d from %d ms with%s ICMP", n->mtu, n->mtu_from_ms, n->has_icmp ? "" : "out");
	if (n->syn_box)
		fprintf(out, ", a middlebox %s", boxes[n->syn_box]);
	if (n->lose)
		fprintf(out, ", %d lost from number %d on of the %s", n->lose_n, n->lose_nth, kinds[n->lose]);
	if (n->drops.n)
		fprintf(out, ", %d packets lost by number", n->drops.n);
	fputc('\n', out);
}

static void print_program(const struct program *p, FILE *out)
{
	static const char * const endings[] = { "orderly", "close()", "reset", "killed", "killed while it writes" };

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
	if (p->urgent)
		fprintf(out, "; an urgent octet after one write of %d", p->urgent);
	if (p->peek_ppm)
		fprintf(out, "; MSG_PEEK before %.0f %% of reads", p->peek_ppm / 1e4);
	if (p->more_ppm)
		fprintf(out, "; MSG_MORE at %.0f %% of writes", p->more_ppm / 1e4);
	if (p->zerocopy_ppm)
		fprintf(out, "; MSG_ZEROCOPY at %.0f %% of writes", p->zerocopy_ppm / 1e4);
	if (p->lowat)
		fprintf(out, "; SO_RCVLOWAT %d", p->lowat);
	if (p->mss)
		fprintf(out, "; TCP_MAXSEG %d", p->mss);
	if (p->keepalive_s)
		fprintf(out, "; keepalive after %d s", p->keepalive_s);
	if (p->user_timeout_ms)
		fprintf(out, "; TCP_USER_TIMEOUT %d ms", p->user_timeout_ms);
	if (p->blocks)
		fprintf(out, "; threads that wait in their calls");
	if (p->shut_rd)
		fprintf(out, "; SHUT_RD before octet %lld", p->shut_rd);
	if (p->shuts_both)
		fprintf(out, "; SHUT_RDWR");
	if (p->fastopen)
		fprintf(out, "; Fast Open (%d)", p->fastopen);
	fprintf(out, "%s%s%s%s; end: %s\n", p->inline_urgent ? "; SO_OOBINLINE" : "", p->sendfile ? "; sendfile()" : "",
		p->splices ? "; splice()" : "", p->edges ? "; epoll edges" : "", endings[p->ending]);
}

static void print_host(const struct host *h, const char *name, FILE *out)
{
	static const char * const routes[] = {
		"", "leads by another device", "leads by a gateway", "has another MTU", "is unreachable",
		"is lost with the address",
	};

	if (h->down_ms)
		fprintf(out, "#   the %s's %s from %d ms for %d ms\n", name,
			h->device_goes ? "device is gone" : "link is down", h->down_from_ms, h->down_ms);
	if (h->queue_kbit)
		fprintf(out, "#   the %s's own queue: %d octets, %d kbit/s\n", name, h->queue_octets, h->queue_kbit);
	if (h->accecn)
		fprintf(out, "#   the %s has net.xtcp.ecn %d\n", name, h->accecn);
	if (h->route)
		fprintf(out, "#   the %s's route %s from %d ms on for %d ms (MTU %d)\n", name, routes[h->route],
			h->route_from_ms, h->route_ms, h->route_mtu);
	if (h->ends_ms)
		fprintf(out, "#   the %s's namespace ends after %d ms\n", name, h->ends_ms);
}

static void print_more(const struct scenario *s, FILE *out)
{
	if (s->connections > 1)
		fprintf(out, "#   %d connections, %d ms apart\n", s->connections, s->apart_ms);
	if (s->accept_ms)
		fprintf(out, "#   accepted after %d ms\n", s->accept_ms);
	if (s->unlisten_ms)
		fprintf(out, "#   the listener closes after %d ms\n", s->unlisten_ms);
	if (s->heir_ms)
		fprintf(out, "#   two members listen, and one closes after %d ms, with migrate_req\n", s->heir_ms);
	if (s->fastopen)
		fprintf(out, "#   net.xtcp.fastopen %#x\n", s->fastopen);
	if (s->opens_both)
		fprintf(out, "#   a simultaneous open\n");
	if (s->mem_pages)
		fprintf(out, "#   tcp_mem: %d pages\n", s->mem_pages);
	if (s->rekey_ms)
		fprintf(out, "#   the server's Fast Open key changes after %d ms\n", s->rekey_ms);
	if (s->fail_ppm)
		fprintf(out, "#   %.2f %% of allocations fail, on a kernel that can\n", s->fail_ppm / 1e4);
	if (s->fail_after)
		fprintf(out, "#   one allocation fails after %d octets, on a kernel that can\n", s->fail_after);
	print_host(&s->host[CLIENT], "client", out);
	print_host(&s->host[SERVER], "server", out);
}

void scenario_print(const struct scenario *s, FILE *out)
{
	fprintf(out, "#   %s to %s, IPv%d, MTU %d, SACK %d, timestamps %d, window scale %d, ECN %d, %s\n",
		stack_name(s->stack[CLIENT]), stack_name(s->stack[SERVER]), s->v6 ? 6 : 4, s->mtu, s->sack,
		s->timestamps, s->window_scaling, s->ecn, scenario_algorithms[s->algorithm]);
	fprintf(out, "#   the client %s", "");
	print_program(&s->program[CLIENT], out);
	fprintf(out, "#   the server %s", "");
	print_program(&s->program[SERVER], out);
	fprintf(out, "#   to the server: ");
	print_network(&s->towards[SERVER], out);
	fprintf(out, "#   to the client: ");
	print_network(&s->towards[CLIENT], out);
	print_more(s, out);
}
