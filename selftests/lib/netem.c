// SPDX-License-Identifier: GPL-2.0
#include "netem.h"
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include "test.h"

#define HANDLE 0x10000		/* 1: */

static unsigned int share(int millionths)
{
	return millionths >= 1000000 ? UINT32_MAX : (unsigned int)((uint64_t)millionths * UINT32_MAX / 1000000);
}

static struct tcmsg root_of(int ns, const char *name)
{
	return (struct tcmsg){
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ns_link_index(ns, name),
		.tcm_parent = TC_H_ROOT,
		.tcm_handle = HANDLE,
	};
}

static int complain(const char *what, const char *name)
{
	fprintf(stderr, "# netem: %s %s: %s\n", what, name, strerror(errno));
	return -1;
}

static void put_options(struct netlink_request *req, const struct netem *n)
{
	struct tc_netem_qopt qopt = {
		.limit = 20000,
		.loss = share(n->loss),
		.duplicate = share(n->duplicate),
		.gap = n->reorder ? n->reorder_gap ?: 1 : 0,
	};
	struct tc_netem_reorder reorder = { .probability = share(n->reorder) };
	struct tc_netem_corrupt corrupt = { .probability = share(n->corrupt) };
	struct tc_netem_gemodel burst = { .p = share(n->burst_start), .r = share(n->burst_end) };
	int64_t delay = n->delay_ms * 1000000LL + n->delay_us * 1000LL, jitter = n->jitter_ms * 1000000LL;
	struct rtattr *options = netlink_begin(req, TCA_OPTIONS), *loss;

	/* Its fixed part comes before its attributes. */
	memcpy((char *)req + req->head.nlmsg_len, &qopt, sizeof(qopt));
	req->head.nlmsg_len += NLMSG_ALIGN(sizeof(qopt));
	netlink_put(req, TCA_NETEM_LATENCY64, &delay, sizeof(delay));
	netlink_put(req, TCA_NETEM_JITTER64, &jitter, sizeof(jitter));
	netlink_put(req, TCA_NETEM_REORDER, &reorder, sizeof(reorder));
	netlink_put(req, TCA_NETEM_CORRUPT, &corrupt, sizeof(corrupt));
	if (n->ecn)
		netlink_put_u32(req, TCA_NETEM_ECN, 1);
	if (n->burst_start) {
		loss = netlink_begin(req, TCA_NETEM_LOSS);
		netlink_put(req, NETEM_LOSS_GE, &burst, sizeof(burst));
		netlink_end(req, loss);
	}
	netlink_end(req, options);
}

/* At @tc. It sends at most two full packets at a stroke. */
static int set_rate(int ns, const char *name, struct tcmsg tc, int rate_kbit, int queue)
{
	struct tc_tbf_qopt qopt = {
		.rate = { .rate = rate_kbit * 125U, .linklayer = TC_LINKLAYER_ETHERNET },
		.limit = queue,
	};
	struct netlink_request req;
	struct rtattr *options;

	netlink_start(&req, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, sizeof(tc));
	netlink_put_string(&req, TCA_KIND, "tbf");
	options = netlink_begin(&req, TCA_OPTIONS);
	netlink_put(&req, TCA_TBF_PARMS, &qopt, sizeof(qopt));
	netlink_put_u32(&req, TCA_TBF_BURST, 2 * (ns_link_mtu_get(ns, name) + ETH_HLEN));
	netlink_end(&req, options);
	return netlink_talk(ns, &req) ? complain("cannot set a rate on", name) : 0;
}

/* Behind netem, in place of its own queue. */
static int set_bottleneck(int ns, const char *name, const struct netem *n)
{
	struct tcmsg tc = root_of(ns, name);

	tc.tcm_parent = HANDLE | 1;
	tc.tcm_handle = 2 * HANDLE;
	return set_rate(ns, name, tc, n->rate_kbit, n->queue);
}

/* In place of the bottleneck's queue. What else fq_codel would do than mark is put off for ever, but not with L4S. */
static int set_codel(int ns, const char *name, const struct netem *n)
{
	struct tcmsg tc = root_of(ns, name);
	const unsigned char ect_1 = 1;	/* of CE, too */
	struct netlink_request req;
	struct rtattr *options;

	tc.tcm_parent = 2 * HANDLE | 1;
	tc.tcm_handle = 3 * HANDLE;
	netlink_start(&req, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, sizeof(tc));
	netlink_put_string(&req, TCA_KIND, "fq_codel");
	options = netlink_begin(&req, TCA_OPTIONS);
	if (n->mark_us && !n->l4s) {
		netlink_put_u32(&req, TCA_FQ_CODEL_TARGET, 10000000);
		netlink_put_u32(&req, TCA_FQ_CODEL_INTERVAL, 10000000);
	}
	if (n->mark_us)
		netlink_put_u32(&req, TCA_FQ_CODEL_CE_THRESHOLD, n->mark_us);
	if (n->l4s) {
		netlink_put(&req, TCA_FQ_CODEL_CE_THRESHOLD_SELECTOR, &ect_1, sizeof(ect_1));
		netlink_put(&req, TCA_FQ_CODEL_CE_THRESHOLD_MASK, &ect_1, sizeof(ect_1));
	}
	netlink_end(&req, options);
	return netlink_talk(ns, &req) ? complain("no fq_codel on", name) : 0;
}

int netem_set(int ns, const char *name, const struct netem *netem)
{
	struct tcmsg tc = root_of(ns, name);
	struct netlink_request req;

	netlink_start(&req, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, sizeof(tc));
	netlink_put_string(&req, TCA_KIND, "netem");
	put_options(&req, netem);
	if (netlink_talk(ns, &req))
		return complain("cannot set it on", name);
	if (netem->rate_kbit && set_bottleneck(ns, name, netem))
		return -1;
	return netem->mark_us || netem->codel ? set_codel(ns, name, netem) : 0;
}

int netem_replace(int ns, const char *name, const char *kind)
{
	struct tcmsg tc = root_of(ns, name);
	struct netlink_request req;

	/* a qdisc of another kind has to go first; there may be none */
	netlink_start(&req, RTM_DELQDISC, 0, &tc, sizeof(tc));
	netlink_talk(ns, &req);
	netlink_start(&req, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, sizeof(tc));
	netlink_put_string(&req, TCA_KIND, kind);
	return netlink_talk(ns, &req) ? complain(kind, name) : 0;
}

int netem_fq_by_time(int ns, const char *name)
{
	struct tcmsg tc = root_of(ns, name);
	struct netlink_request req;
	struct rtattr *options;
	unsigned int rates = 0;

	netlink_start(&req, RTM_NEWQDISC, 0, &tc, sizeof(tc));
	netlink_put_string(&req, TCA_KIND, "fq");
	options = netlink_begin(&req, TCA_OPTIONS);
	netlink_put(&req, TCA_FQ_RATE_ENABLE, &rates, sizeof(rates));
	netlink_end(&req, options);
	return netlink_talk(ns, &req) ? complain("fq", name) : 0;
}

int netem_clear(int ns, const char *name)
{
	struct tcmsg tc = root_of(ns, name);
	struct netlink_request req;

	netlink_start(&req, RTM_DELQDISC, 0, &tc, sizeof(tc));
	return netlink_talk(ns, &req) ? complain("cannot take it from", name) : 0;
}

int netem_gate(int ns, const char *name, bool open)
{
	struct netem closed = { .loss = 1000000 };

	return open ? netem_clear(ns, name) : netem_set(ns, name, &closed);
}

static int plug(int ns, const char *name, int action)
{
	struct tc_plug_qopt qopt = { .action = action, .limit = 1 << 30 };
	struct tcmsg tc = root_of(ns, name);
	struct netlink_request req;

	netlink_start(&req, RTM_NEWQDISC, NLM_F_CREATE, &tc, sizeof(tc));
	netlink_put_string(&req, TCA_KIND, "plug");
	netlink_put(&req, TCA_OPTIONS, &qopt, sizeof(qopt));
	return netlink_talk(ns, &req) ? complain("cannot plug", name) : 0;
}

int netem_hold(int ns, const char *name)
{
	return plug(ns, name, TCQ_PLUG_BUFFER);
}

int netem_release(int ns, const char *name)
{
	return plug(ns, name, TCQ_PLUG_RELEASE_INDEFINITE);
}

int netem_refuse(int ns, const char *name, bool refuse)
{
	struct tc_fifo_qopt qopt = { .limit = 0 };
	struct tcmsg tc = root_of(ns, name);
	struct netlink_request req;

	/* one of another handle replaces what there is */
	tc.tcm_handle = 3 * HANDLE;
	netlink_start(&req, refuse ? RTM_NEWQDISC : RTM_DELQDISC, refuse ? NLM_F_CREATE | NLM_F_REPLACE : 0, &tc,
		      sizeof(tc));
	netlink_put_string(&req, TCA_KIND, "pfifo");
	if (refuse)
		netlink_put(&req, TCA_OPTIONS, &qopt, sizeof(qopt));
	return netlink_talk(ns, &req) ? complain("cannot change who refuses on", name) : 0;
}

int netem_narrow(int ns, const char *name, int rate_kbit, int queue)
{
	return set_rate(ns, name, root_of(ns, name), rate_kbit, queue);
}

int netem_narrow_oldest_goes(int ns, const char *name, int rate_kbit)
{
	struct tc_fifo_qopt qopt = { .limit = 1 };
	struct tcmsg tc = root_of(ns, name);
	struct netlink_request req;

	if (netem_narrow(ns, name, rate_kbit, 1 << 20))
		return -1;
	tc.tcm_parent = HANDLE | 1;
	tc.tcm_handle = 2 * HANDLE;
	netlink_start(&req, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, sizeof(tc));
	netlink_put_string(&req, TCA_KIND, "pfifo_head_drop");
	netlink_put(&req, TCA_OPTIONS, &qopt, sizeof(qopt));
	return netlink_talk(ns, &req) ? complain("cannot drop the oldest on", name) : 0;
}

struct dump {
	int ifindex;
	long long drops, waiting, queued;
};

static void take_stats(struct dump *d, struct nlmsghdr *h)
{
	struct tcmsg *tc = NLMSG_DATA(h);
	struct rtattr *a = TCA_RTA(tc);
	int len = h->nlmsg_len - NLMSG_LENGTH(sizeof(*tc));

	if (tc->tcm_ifindex != d->ifindex)
		return;
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == TCA_STATS && tc->tcm_handle == 2 * HANDLE) {
			d->queued = ((struct tc_stats *)RTA_DATA(a))->backlog;
		} else if (a->rta_type == TCA_STATS && tc->tcm_parent == TC_H_ROOT) {
			d->drops = ((struct tc_stats *)RTA_DATA(a))->drops;
			d->waiting = ((struct tc_stats *)RTA_DATA(a))->qlen;
		}
}

/* All qdiscs of the namespace are asked for: there are few. */
static int dump_qdiscs(void *arg)
{
	struct {
		struct nlmsghdr head;
		struct tcmsg tc;
	} req = {
		.head = {
			.nlmsg_len = sizeof(req), .nlmsg_type = RTM_GETQDISC,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	char answer[32768] __attribute__((aligned(8)));
	bool done = fd < 0 || send(fd, &req, sizeof(req), 0) < 0;
	int len;

	while (!done) {
		len = recv(fd, answer, sizeof(answer), 0);
		if (len <= 0)
			break;
		for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == RTM_NEWQDISC)
				take_stats(arg, h);
			done |= h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
		}
	}
	close(fd);
	return 0;
}

static struct dump dump(int ns, const char *name)
{
	struct dump d = { .ifindex = ns_link_index(ns, name), .drops = -1, .waiting = -1, .queued = -1 };

	ns_call(ns, dump_qdiscs, &d);
	return d;
}

long long netem_drops(int ns, const char *name)
{
	return dump(ns, name).drops;
}

long long netem_waiting(int ns, const char *name)
{
	return dump(ns, name).waiting;
}

long long netem_queued(int ns, const char *name)
{
	return dump(ns, name).queued;
}
