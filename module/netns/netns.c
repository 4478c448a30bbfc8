// SPDX-License-Identifier: GPL-2.0
/*
 * A namespace: struct xtcp_net, its life, and its sysctls.
 *
 * Few of a machine's namespaces ever use xtcp. So until its first socket of ours, a namespace has only
 * its sysctls, its files in /proc, what a program has set in it (such as rules and keys), and a
 * pointer to an empty bitmap of ports, of which a bit is tested for every arriving segment. Nearly
 * all else, such as struct xtcp_rest, is made for that first socket.
 *
 * A namespace ends when no process, no file and no handover (handover.c) refers to it. Only orphans and
 * records are left then. netns_pre_exit() resets the orphans, while the devices still work;
 * netns_exit() frees everything else, when no packet can arrive. When the module is unloaded, which
 * no orphan lets happen, both run for every namespace, after kernel TCP's handlers are restored.
 *
 * Sysctls: names, units, ranges and defaults are those of net.ipv4.tcp_*; SYSCTLS.md lists the
 * exceptions. Where Linux derives a default from the size of memory, a namespace copies its own
 * kernel TCP's when it begins, or the module is loaded. Only max_orphans is computed, as in Linux:
 * half the number of chains in kernel TCP's table of connections. Where Linux accepts any number,
 * xtcp refuses one that makes no sense with EINVAL, and the old value stays.
 *
 * The kernel's handlers want the address of a value in their table, so each namespace has a table of
 * its own, made of @entries.
 */
#include "netns/netns.h"

#include <net/genetlink.h>

#include "base/bounds.h"
#include "fastopen/fastopen.h"
#include "listen/listen.h"
#include "out/out.h"
#include "policy/policy.h"
#include "ports/ports.h"
#include "sock/create.h"

#define MAX_DELACK_US		((int)(XTCP_DELACK_MAX_MS * USEC_PER_MSEC))
#define MAX_SECONDS		(INT_MAX / HZ)
/* whole seconds: INT_MAX ms, rounded up to jiffies, might be read as more than INT_MAX ms */
#define MAX_MILLISECONDS	((int)(INT_MAX / MSEC_PER_SEC * MSEC_PER_SEC))

/* The namespace whose value @field an entry has. */
#define NET_OF(table, field)	container_of((table)->data, struct xtcp_net, sysctl.field)

/*
 * Several numbers in one file. The kernel's handler stores each before it looks at the next. Here
 * all change, or none. @range: of ports, from the second number to the third.
 */
static int do_three(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos,
		    bool range)
{
	static DEFINE_MUTEX(lock);
	struct ctl_table copy = *table;
	int *values = copy.data, numbers[3], i, err;

	mutex_lock(&lock);
	memcpy(numbers, values, sizeof(numbers));
	copy.data = numbers;
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	if (write && !err && range && numbers[1] > numbers[2])
		err = -EINVAL;
	for (i = 0; write && !err && i < 3; i++)
		WRITE_ONCE(values[i], numbers[i]);
	mutex_unlock(&lock);
	return err;
}

static int do_buffer(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_three(table, write, buffer, lenp, ppos, false);
}

/* Also changes what bounds.h computes from both. */
static int do_bound(struct xtcp_net *xn, XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp,
		    loff_t *ppos)
{
	static DEFINE_MUTEX(lock);
	int err;

	mutex_lock(&lock);
	err = proc_dointvec_minmax(table, write, buffer, lenp, ppos);
	if (write && !err)
		xtcp_bounds_sysctl_changed(xn);
	mutex_unlock(&lock);
	return err;
}

static int do_rto_min(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_bound(NET_OF(table, rto_min_us), table, write, buffer, lenp, ppos);
}

static int do_delack_max(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_bound(NET_OF(table, delack_max_us), table, write, buffer, lenp, ppos);
}

/*
 * A time, which is stored in jiffies, in units of 1 / @per_second seconds. As in Linux, it is
 * rounded up: above 0 must not become 0, which has a meaning of its own.
 */
static int do_time(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos,
		   int per_second)
{
	struct ctl_table copy = *table;
	int *value = copy.data;
	int user = (int)div_s64((s64)READ_ONCE(*value) * per_second, HZ);
	int err;

	copy.data = &user;
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	if (write && !err)
		WRITE_ONCE(*value, (int)DIV_ROUND_UP_ULL((u64)user * HZ, per_second));
	return err;
}

static int do_seconds(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_time(table, write, buffer, lenp, ppos, 1);
}

static int do_milliseconds(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_time(table, write, buffer, lenp, ppos, MSEC_PER_SEC);
}

static int do_text(char *text, int size, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	struct ctl_table copy = { .data = text, .maxlen = size };

	return proc_dostring(&copy, write, buffer, lenp, ppos);
}

static int do_congestion_control(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp,
				 loff_t *ppos)
{
	struct xtcp_net *xn = NET_OF(table, congestion_control);
	char name[TCP_CA_NAME_MAX];
	int err;

	xtcp_algorithms_name(name, &xn->sysctl.congestion_control);
	err = do_text(name, sizeof(name), write, buffer, lenp, ppos);
	if (write && !err)
		err = xtcp_algorithms_set_default(xn, name);
	return err;
}

/* The algorithms: all, or with *extra1 those that any user may choose. */
static int do_algorithms(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	char *text = kmalloc(XTCP_ALGORITHMS_TEXT, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOMEM;
	xtcp_algorithms_list(text, XTCP_ALGORITHMS_TEXT, *(const int *)table->extra1);
	err = do_text(text, XTCP_ALGORITHMS_TEXT, write, buffer, lenp, ppos);
	if (write && !err)
		err = xtcp_algorithms_allow(text);
	kfree(text);
	return err;
}

/* Also resets xtcp_net.blackholes (fastopen.c). */
static int do_blackhole_timeout(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp,
				loff_t *ppos)
{
	int err = proc_dointvec_minmax(table, write, buffer, lenp, ppos);

	if (write && !err)
		atomic_set(&NET_OF(table, fastopen_blackhole_timeout_sec)->blackholes, 0);
	return err;
}

static int do_blackbox(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	int err = do_three(table, write, buffer, lenp, ppos, true);

	if (write && !err)
		xtcp_boxkey_want(container_of(table->data, struct xtcp_net, sysctl.blackbox[0]), false);
	return err;
}

static int do_careful_resume(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp,
			     loff_t *ppos)
{
	struct xtcp_net *xn = NET_OF(table, careful_resume);
	int seconds = READ_ONCE(xn->sysctl.careful_resume), err;
	struct ctl_table copy = *table;

	copy.data = &seconds;
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	return !write || err ? err : xtcp_paths_switch(xn, seconds);
}

static int do_fastopen_key(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	char text[XTCP_FASTOPEN_KEYS_TEXT];
	int err;

	xtcp_fastkeys_show(table->data, text);
	err = do_text(text, sizeof(text), write, buffer, lenp, ppos);
	if (write && !err)
		err = xtcp_fastkeys_read(table->data, text);
	memzero_explicit(text, sizeof(text));
	return err;
}

/*
 * struct knob - a sysctl
 * @size: octets of the value; 0: it is for the whole machine, and only the initial namespace writes it
 */
struct knob {
	const char *name;
	proc_handler *handler;
	int low;	/* with @high the range of each number; of an unsigned int the same bits */
	int high;
	u32 start;	/* the value of a new namespace, if it is a u8 or an int */
	u16 offset;	/* where the value is in struct xtcp_net */
	u16 size;
	umode_t mode;
};

#define ENTRY(field, type, begin, does, min, max)	NAMED(#field, field, type, begin, does, min, max)
#define NAMED(proc, field, type, begin, does, min, max)	{				\
	.name = (proc), .handler = (does), .low = (min), .high = (max), .start = (begin),	\
	.offset = offsetof(struct xtcp_net, sysctl.field), .size = sizeof(type), .mode = 0644	\
}

/* both lists of algorithms */
#define GLOBAL(proc, access, does, allowed) { .name = (proc), .handler = (does), .low = (allowed), .mode = (access) }
/* only the administrator may read it; .data becomes the namespace */
#define SECRET(proc, does)	{ .name = (proc), .handler = (does), .size = XTCP_FASTOPEN_KEYS_TEXT, .mode = 0600 }

static const struct knob entries[] = {
	ENTRY(abort_on_overflow, u8, 0, proc_dou8vec_minmax, 0, 255),
	ENTRY(ack_rate_request, u8, 0, proc_dou8vec_minmax, 0, 1),
	GLOBAL("allowed_congestion_control", 0644, do_algorithms, 1),
	GLOBAL("available_congestion_control", 0444, do_algorithms, 0),
	ENTRY(autocorking, u8, 1, proc_dou8vec_minmax, 0, 1),
	ENTRY(base_mss, int, 1024, proc_dointvec_minmax, XTCP_MSS_MIN_SND, 65535),
	ENTRY(bbr_loss_thresh, u8, 2, proc_dou8vec_minmax, 1, 100),
	ENTRY(blackbox, int[3], 0, do_blackbox, 0, 65535),
	ENTRY(careful_resume, int, 0, do_careful_resume, 0, 21600),
	ENTRY(challenge_ack_limit, int, INT_MAX, proc_dointvec_minmax, 1, INT_MAX),
	ENTRY(coalesce_usecs, int, 50, proc_dointvec_minmax, 0, 1000000),
	ENTRY(comp_sack_delay_ns, int, 1000000, proc_dointvec_minmax, 0, 500000000),
	ENTRY(comp_sack_nr, u8, 0, proc_dou8vec_minmax, 0, 255),
	ENTRY(comp_sack_slack_ns, int, 100000, proc_dointvec_minmax, 0, 500000000),
	ENTRY(congestion_control, const struct xtcp_cong_ops *, 0, do_congestion_control, 0, 0),
	ENTRY(delack_max_us, int, MAX_DELACK_US, do_delack_max, 1, MAX_DELACK_US),
	ENTRY(dsack, u8, 1, proc_dou8vec_minmax, 0, 255),
	ENTRY(early_retrans, u8, 3, proc_dou8vec_minmax, 0, 4),
	ENTRY(ecn, u8, 2, proc_dou8vec_minmax, 0, 5),
	ENTRY(ecn_fallback, u8, 1, proc_dou8vec_minmax, 0, 1),
	ENTRY(ecn_option, u8, 2, proc_dou8vec_minmax, 0, 3),
	ENTRY(ecn_option_beacon, u8, 3, proc_dou8vec_minmax, 0, 3),
	ENTRY(fastopen, int, XTCP_FASTOPEN_CLIENT, proc_dointvec_minmax, INT_MIN, INT_MAX),
	ENTRY(fastopen_blackhole_timeout_sec, int, 0, do_blackhole_timeout, 0, INT_MAX),
	SECRET("fastopen_key", do_fastopen_key),
	ENTRY(fin_timeout, int, TCP_FIN_TIMEOUT, do_seconds, 0, MAX_SECONDS),
	ENTRY(frto, u8, 2, proc_dou8vec_minmax, 0, 255),
	ENTRY(half_closed_ms, int, 0, proc_dointvec_minmax, 0, INT_MAX),
	ENTRY(idle_ms, int, 0, proc_dointvec_minmax, 0, INT_MAX),
	ENTRY(initcwnd, u8, XTCP_INIT_CWND, proc_dou8vec_minmax, 1, 255),
	ENTRY(invalid_ratelimit, int, HZ / 2, do_milliseconds, 0, MAX_MILLISECONDS),
	ENTRY(keepalive_always, u8, 0, proc_dou8vec_minmax, 0, 1),
	ENTRY(keepalive_intvl, int, TCP_KEEPALIVE_INTVL, do_seconds, 1, MAX_SECONDS),
	ENTRY(keepalive_probes, u8, TCP_KEEPALIVE_PROBES, proc_dou8vec_minmax, 0, 255),
	ENTRY(keepalive_time, int, TCP_KEEPALIVE_TIME, do_seconds, 1, MAX_SECONDS),
	ENTRY(limit_output_bytes, int, 16 * 65536, proc_dointvec_minmax, 0, INT_MAX),
	ENTRY(local, u8, 1, proc_dou8vec_minmax, 0, 1),
	ENTRY(max_orphans, int, 0, proc_dointvec_minmax, 0, INT_MAX),
	ENTRY(max_syn_backlog, int, 0, proc_dointvec_minmax, 0, INT_MAX),
	ENTRY(max_tw_buckets, int, 0, proc_dointvec_minmax, 0, INT_MAX),
	ENTRY(migrate_req, u8, 0, proc_dou8vec_minmax, 0, 1),
	ENTRY(migrate_wait_ms, int, 0, proc_dointvec_minmax, 0, 10000),
	ENTRY(min_snd_mss, int, XTCP_MSS_MIN_SND, proc_dointvec_minmax, XTCP_MSS_MIN_SND, 65535),
	ENTRY(min_tso_segs, u8, 2, proc_dou8vec_minmax, 1, 255),
	ENTRY(moderate_rcvbuf, u8, 1, proc_dou8vec_minmax, 0, 255),
	ENTRY(mtu_probe_floor, int, XTCP_MSS_MIN_SND, proc_dointvec_minmax, XTCP_MSS_MIN_SND, 65535),
	ENTRY(mtu_probing, u8, 0, proc_dou8vec_minmax, 0, 2),
	ENTRY(notsent_lowat, unsigned int, UINT_MAX, proc_douintvec_minmax, 1, (int)UINT_MAX),
	ENTRY(orphan_retries, u8, 0, proc_dou8vec_minmax, 0, 255),
	ENTRY(pacing_ca_ratio, int, 120, proc_dointvec_minmax, 0, 1000),
	ENTRY(pacing_ss_ratio, int, 200, proc_dointvec_minmax, 0, 1000),
	ENTRY(probe_interval, int, 600, proc_dointvec_minmax, 0, MAX_SECONDS),
	ENTRY(probe_threshold, int, 8, proc_dointvec_minmax, 0, 65535),
	ENTRY(reflect_tos, u8, 0, proc_dou8vec_minmax, 0, 1),
	ENTRY(retries1, u8, TCP_RETR1, proc_dou8vec_minmax, 0, 255),
	ENTRY(retries2, u8, TCP_RETR2, proc_dou8vec_minmax, 0, 255),
	ENTRY(rfc1337, u8, 1, proc_dou8vec_minmax, 0, 255),
	ENTRY(rmem, int[3], 0, do_buffer, 4096, INT_MAX),
	ENTRY(rst_diagnostic, u8, 0, proc_dou8vec_minmax, 0, 1),
	ENTRY(rto_max_ms, int, 120000, proc_dointvec_minmax, 1000, 120000),
	ENTRY(rto_min_us, int, 200000, do_rto_min, 1, INT_MAX),
	ENTRY(sack, u8, 1, proc_dou8vec_minmax, 0, 255),
	ENTRY(slow_start_after_idle, u8, 1, proc_dou8vec_minmax, 0, 255),
	ENTRY(stdurg, u8, 0, proc_dou8vec_minmax, 0, 255),
	ENTRY(syn_linear_timeouts, u8, 0, proc_dou8vec_minmax, 0, MAX_TCP_SYNCNT),
	ENTRY(syn_retries, u8, TCP_SYN_RETRIES, proc_dou8vec_minmax, 1, MAX_TCP_SYNCNT),
	ENTRY(synack_retries, u8, TCP_SYNACK_RETRIES, proc_dou8vec_minmax, 0, 255),
	ENTRY(syncookies, u8, 1, proc_dou8vec_minmax, 0, 2),
	ENTRY(thin_linear_timeouts, u8, 0, proc_dou8vec_minmax, 0, 255),
	ENTRY(timestamps, u8, 1, proc_dou8vec_minmax, 0, 255),
	ENTRY(timewait_ms, int, XTCP_MSL2_MS, proc_dointvec_minmax, 1000, 240000),
	ENTRY(tso_rtt_log, u8, 9, proc_dou8vec_minmax, 0, 255),
	NAMED("tw_reuse", timewait_reuse, u8, 2, proc_dou8vec_minmax, 0, 2),
	ENTRY(tw_reuse_delay, int, 1000, proc_dointvec_minmax, 1, 60000),
	ENTRY(user_timeout_ms, int, 0, proc_dointvec_minmax, 0, INT_MAX),
	ENTRY(window_scaling, u8, 1, proc_dou8vec_minmax, 0, 255),
	ENTRY(wmem, int[3], 0, do_buffer, 1, INT_MAX),
};

static void set_defaults(struct xtcp_net *xn)
{
	const struct netns_ipv4 *ipv4 = &xn->net->ipv4;
	struct xtcp_sysctl *sysctl = &xn->sysctl;
	const struct knob *knob;

	for (knob = entries; knob < entries + ARRAY_SIZE(entries); knob++) {
		if (knob->size == sizeof(u8))
			*((u8 *)xn + knob->offset) = knob->start;
		else if (knob->size == sizeof(int))
			*(int *)((u8 *)xn + knob->offset) = knob->start;
	}
	sysctl->blackbox[2] = 65535;
	sysctl->max_orphans = (ipv4->tcp_death_row.hashinfo->ehash_mask + 1) / 2;
	sysctl->max_syn_backlog = READ_ONCE(ipv4->sysctl_max_syn_backlog);
	sysctl->max_tw_buckets = READ_ONCE(ipv4->tcp_death_row.sysctl_max_tw_buckets);
	memcpy(sysctl->rmem, ipv4->sysctl_tcp_rmem, sizeof(sysctl->rmem));
	memcpy(sysctl->wmem, ipv4->sysctl_tcp_wmem, sizeof(sysctl->wmem));
}

/*
 * An entry has 64 octets, and the kernel allocates 32 more for it, and up to 96 for the header of a
 * table. kmalloc() rounds up: in one piece this would take 12 KiB, in these two parts 8.
 */
#define PART_0	61

static struct ctl_table_header *register_part(struct xtcp_net *xn, const char *path, const struct knob *knob,
					      unsigned int len)
{
	/* an empty entry marks the end for kernels before 6.11 */
	struct ctl_table *table = kcalloc(len + 1, sizeof(*table), GFP_KERNEL_ACCOUNT);
	struct ctl_table_header *header;
	unsigned int i;

	if (!table)
		return NULL;
	for (i = 0; i < len; i++, knob++) {
		table[i].procname = knob->name;
		table[i].data = (char *)xn + knob->offset;
		table[i].maxlen = knob->size;
		table[i].mode = knob->size || net_eq(xn->net, &init_net) ? knob->mode : knob->mode & ~0222;
		table[i].proc_handler = knob->handler;
		table[i].extra1 = (void *)&knob->low;
		table[i].extra2 = (void *)&knob->high;
	}
	header = xtcp_compat_register_net_sysctl(xn->net, path, table, len);
	if (!header)
		kfree(table);
	return header;
}

/* Lock of both: no namespace begins or ends meanwhile, or this one does. Return: 0 or -ENOMEM. */
int xtcp_sysctl_net_init(struct xtcp_net *xn, const char *name)
{
	char path[sizeof("net/") + GENL_NAMSIZ];

	BUILD_BUG_ON((PART_0 + 1) * sizeof(struct ctl_table) > 4096);
	BUILD_BUG_ON(sizeof(struct ctl_table_header) + PART_0 * sizeof(struct ctl_node) > 2048);
	BUILD_BUG_ON(XTCP_RTO_MAX_MS != 120000 || XTCP_RTO_MIN_MS * USEC_PER_MSEC != 200000);

	snprintf(path, sizeof(path), "net/%s", name);
	xn->sysctl_header[0] = register_part(xn, path, entries, PART_0);
	if (!xn->sysctl_header[0])
		return -ENOMEM;
	xn->sysctl_header[1] = register_part(xn, path, entries + PART_0, ARRAY_SIZE(entries) - PART_0);
	if (xn->sysctl_header[1])
		return 0;
	xtcp_sysctl_net_exit(xn);
	return -ENOMEM;
}

void xtcp_sysctl_net_exit(struct xtcp_net *xn)
{
	const struct ctl_table *table;
	int i;

	for (i = 0; i < 2 && xn->sysctl_header[i]; i++) {
		table = xn->sysctl_header[i]->ctl_table_arg;
		unregister_net_sysctl_table(xn->sysctl_header[i]);
		kfree(table);
		xn->sysctl_header[i] = NULL;
	}
}

/* More than 512 octets take 1 KiB. Kernels that check their locks, and real-time ones, have larger locks. */
static_assert(sizeof(struct xtcp_net) <= 512 || IS_ENABLED(CONFIG_DEBUG_SPINLOCK) ||
	      IS_ENABLED(CONFIG_DEBUG_MUTEXES) || IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC) || IS_ENABLED(CONFIG_PREEMPT_RT));

/* Of all namespaces without a socket of ours. No bit is set. */
static unsigned long no_ports[BITS_TO_LONGS(XTCP_PORTS)];

static int orphans_init(struct xtcp_net *xn)
{
	return percpu_counter_init(&xn->rest->orphans, 0, GFP_KERNEL_ACCOUNT);
}

static void orphans_exit(struct xtcp_net *xn)
{
	WARN_ON_ONCE(percpu_counter_sum(&xn->rest->orphans));
	percpu_counter_destroy(&xn->rest->orphans);
}

static const struct xtcp_net_part orphans_part = { orphans_init, orphans_exit };
static const struct xtcp_net_part boxes_part = { .exit = xtcp_blackbox_forget };

/* The parts of a namespace's state, made in this order (zero is ready without .init), freed in the reverse order. */
static const struct xtcp_net_part *const net_parts[] = {
	&xtcp_secret_part,
	&xtcp_guests_part,
	&xtcp_mib_part,
	&boxes_part,
	&orphans_part,
	&xtcp_listeners_part,
	&xtcp_demux_part,
	&xtcp_attach_part,
	&xtcp_ip_reply_part,
	&xtcp_record_part,
	&xtcp_aborted_part,
	&xtcp_handover_part,
};

static void end_net_parts(struct xtcp_net *xn, unsigned int n)
{
	while (n--)
		net_parts[n]->exit(xn);
}

/* All parts have ended, and there are no leases. */
static void end_rest(struct xtcp_net *xn)
{
	kfree(xn->rest);
	xn->rest = NULL;
}

/*
 * Makes struct xtcp_rest and all parts, then the bitmap of ports: no step that can fail may follow, since
 * arriving segments use all of these as soon as it exists. After an error nothing is left.
 */
static int make_parts(struct xtcp_net *xn)
{
	unsigned int n;
	int err;

	lockdep_assert_held(&xn->starting);
	xn->rest = kzalloc(sizeof(*xn->rest), GFP_KERNEL_ACCOUNT);
	if (!xn->rest)
		return -ENOMEM;
	xn->rest->xn = xn;
	for (n = 0; n < ARRAY_SIZE(net_parts); n++) {
		err = net_parts[n]->init ? net_parts[n]->init(xn) : 0;
		if (err)
			goto fail;
	}
	err = xtcp_portlist_net_init(xn);
	if (!err)
		return 0;

fail:
	end_net_parts(xn, n);
	end_rest(xn);
	return err;
}

/**
 * xtcp_netns_start() - set up a namespace for its first socket of ours
 * @xn: the namespace
 *
 * Any user can make namespaces, and sockets in them. So the memory is charged to the memory control
 * group of the task that makes the first socket.
 * Context: process, may sleep.
 * Return: 0 or a negative errno; after an error nothing is left behind.
 */
int xtcp_netns_start(struct xtcp_net *xn)
{
	int err = 0;

	might_sleep();
	if (xtcp_netns_is_started(xn))
		return 0;
	mutex_lock(&xn->starting);
	if (!xn->started) {
		err = make_parts(xn);
		/* pairs with smp_load_acquire() in xtcp_netns_is_started() */
		smp_store_release(&xn->started, !err);
	}
	mutex_unlock(&xn->starting);
	return err;
}

static int __net_init netns_init(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	xn->net = net;
	xn->is_guest = net->user_ns != &init_user_ns;
	xn->port_bits = no_ports;
	/* before the first socket: paths may be added for Careful Resume */
	get_random_bytes(&xn->tuple_key, sizeof(xn->tuple_key));
	mutex_init(&xn->starting);
	mutex_init(&xn->policy_lock);
	set_defaults(xn);
	xtcp_bounds_sysctl_changed(xn);
	xn->sysctl.congestion_control = xtcp_algorithms_inherited(xn);
	return 0;
}

/* The first orphan of a shard, with a reference, or NULL. The list has a reference, too. */
static struct sock *first_orphan(struct xtcp_shard *shard)
{
	struct xtcp_endpoint *ep;

	spin_lock_bh(&shard->lock);
	ep = list_first_entry_or_null(&shard->orphans, struct xtcp_endpoint, accept_node);
	if (ep)
		sock_hold(xtcp_sk_of(ep));	/* end_orphan() puts this reference */
	spin_unlock_bh(&shard->lock);
	return ep ? xtcp_sk_of(ep) : NULL;
}

/* @tell: by a RST. Puts the caller's reference. */
static void end_orphan(struct sock *sk, bool tell)
{
	spin_lock_bh(&sk->sk_lock.slock);
	if (tell)
		xtcp_sock_abort(sk, 0, XTCP_ABORT_NETNS);
	else
		xtcp_sock_fail(sk, 0, XTCP_ABORT_NETNS);
	spin_unlock_bh(&sk->sk_lock.slock);
	sock_put(sk);
}

/*
 * Ends all orphans. @tell: the namespace ends, and a RST can still reach the peer, but only for
 * XTCP_TELL_TIME: a user may have made it slow by netfilter rules, and other namespaces wait.
 */
static void end_orphans(struct xtcp_net *xn, bool tell)
{
	const unsigned long told_until = jiffies + XTCP_TELL_TIME;
	/* in a namespace that goes on, programs may make more meanwhile */
	s64 left = tell ? S64_MAX : percpu_counter_sum(&xn->rest->orphans);
	bool found = false;
	struct sock *sk;
	unsigned int i;

	for (i = 0; i <= xtcp_shard_mask; i++) {
		/* a namespace that ends keeps none, even if a signal ends who ends it */
		while (left > 0 && (tell || !fatal_signal_pending(current)) && (sk = first_orphan(&xn->shards[i]))) {
			left--;
			end_orphan(sk, tell && time_before(jiffies, told_until));
			found = tell;
			cond_resched();
		}
	}
	/*
	 * softirqs deliver the RSTs in the grace period that ends before the devices go; with one
	 * processor the kernel does not wait for one: wait for a tick
	 */
	if (found && !IS_ENABLED(CONFIG_SMP))
		schedule_timeout_uninterruptible(1);
}

static void __net_exit netns_pre_exit(struct net *net)
{
	if (xtcp_net(net)->started)
		end_orphans(xtcp_net(net), true);
}

/*
 * The module is to be unloaded: ends the orphans of all namespaces, and the waits of their handovers. An
 * orphan sends no RST, which might wait in a queue below TCP, and hold the module again: the peer
 * gets one for its next segment. A handover resets the connections that nobody accepted. The caller
 * holds the module. Ends early when the task is killed.
 */
static void end_closed(void)
{
	struct net *net;

	might_sleep();
	/* no namespace ends meanwhile */
	down_read(&net_rwsem);
	for_each_net(net) {
		struct xtcp_net *xn = xtcp_net(net);

		if (!xtcp_netns_is_started(xn))
			continue;
		end_orphans(xn, false);
		xtcp_handover_end(xn, NULL, NULL);
	}
	up_read(&net_rwsem);
}

/*
 * Until this second, new sockets are refused as if the module were gone. "xtcp unload" sets it again
 * and again: if it is killed, sockets are soon made as before.
 */
static unsigned long refused_until;

bool xtcp_netns_unloads(void)
{
	return (unsigned long)ktime_get_seconds() < READ_ONCE(refused_until);
}

static int set_unloading(const char *val, const struct kernel_param *param)
{
	u8 seconds;
	int err;

	/* on the command line of insmod, there is no namespace yet */
	if (THIS_MODULE->state != MODULE_STATE_LIVE || !try_module_get(THIS_MODULE))
		return -EBUSY;
	err = kstrtou8(val, 0, &seconds);
	if (!err) {
		WRITE_ONCE(refused_until, ktime_get_seconds() + seconds);
		if (seconds)
			end_closed();
	}
	module_put(THIS_MODULE);
	return err;
}

static const struct kernel_param_ops unloading_ops = { .set = set_unloading };

module_param_cb(unloading, &unloading_ops, NULL, 0200);
MODULE_PARM_DESC(unloading, "write N: refuse new sockets for N seconds, and end those that programs have closed");

/* Now, or when a program releases its lock. RCU read side. */
static void renew(struct sock *sk)
{
	if (likely(!READ_ONCE(xtcp_sender(sk)->algorithm)->owner))
		return;
	spin_lock_bh(&sk->sk_lock.slock);
	if (sock_owned_by_user(sk))
		set_bit(XTCP_DEFERRED_RENEW, &sk->sk_tsq_flags);
	else
		xtcp_algorithms_renew(sk);
	spin_unlock_bh(&sk->sk_lock.slock);
}

static void renew_each(struct xarray *socks)
{
	unsigned long number = 0;
	struct sock *sk;

	do {
		rcu_read_lock();
		sk = xa_find(socks, &number, ULONG_MAX, XA_PRESENT);
		if (sk)
			renew(sk);
		rcu_read_unlock();
		number++;
		cond_resched();
	} while (sk);
}

/*
 * A congestion control was replaced: gives the new one to all who use the old, but for sockets without
 * a connection, which take it when they get one. A copy made just before, as by a child, keeps the old:
 * so "xtcp cong load" calls this until nobody has it. The caller holds the module.
 */
static void renew_all(void)
{
	struct xtcp_conn *conn;
	struct net *net;
	u32 chain;

	might_sleep();
	/* no namespace ends meanwhile */
	down_read(&net_rwsem);
	for_each_net(net) {
		struct xtcp_net *xn = xtcp_net(net);

		rcu_read_lock();
		xtcp_algorithms_renew_at(&xn->sysctl.congestion_control);
		rcu_read_unlock();
		xtcp_policy_renew(xn);
		if (!xtcp_netns_is_started(xn))
			continue;
		renew_each(&xn->rest->listener_numbers);
		renew_each(&xn->rest->aborted);
	}
	up_read(&net_rwsem);
	for (chain = 0; (chain = xtcp_conns_used_chain(chain)) <= xtcp_conns.mask; chain++) {
		rcu_read_lock();
		for (conn = xtcp_conns_first(chain); conn; conn = xtcp_conns_next(conn))
			if (conn->kind == XTCP_CONN_SOCK)
				renew(xtcp_sk_of_conn(conn));
		rcu_read_unlock();
		cond_resched();
	}
}

static int set_renew(const char *val, const struct kernel_param *param)
{
	/* on the command line of insmod, there is no table yet */
	if (THIS_MODULE->state != MODULE_STATE_LIVE || !try_module_get(THIS_MODULE))
		return -EBUSY;
	renew_all();
	module_put(THIS_MODULE);
	return 0;
}

static const struct kernel_param_ops renew_ops = { .set = set_renew };

module_param_cb(renew, &renew_ops, NULL, 0200);
MODULE_PARM_DESC(renew, "write 1: users of a congestion control whose module was replaced get the new one");

static void __net_exit netns_exit(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	xtcp_algorithms_forget(xn);
	xtcp_boxkey_want(xn, true);
	xtcp_fastopen_net_exit(xn);
	kfree(xn->paths);
	xtcp_policy_net_exit(xn);
	if (xn->started) {
		/* entries and records put their leases when they end */
		end_net_parts(xn, ARRAY_SIZE(net_parts));
		xtcp_portmaps_net_exit(xn);
		xtcp_portlist_net_exit(xn);
		end_rest(xn);
	}
	memzero_explicit(&xn->tuple_key, sizeof(xn->tuple_key));
}

static struct pernet_operations netns_ops = {
	.init = netns_init,
	.pre_exit = netns_pre_exit,
	.exit = netns_exit,
	.id = &xtcp_net_id,
	.size = sizeof(struct xtcp_net),
};

static int netns_begin(void)
{
	xtcp_shard_mask = roundup_pow_of_two(min(num_possible_cpus(), XTCP_SHARDS_MAX)) - 1;
	return register_pernet_subsys(&netns_ops);
}

/* No segment reaches us any more. */
static void netns_end(void)
{
	unregister_pernet_subsys(&netns_ops);
}

const struct xtcp_part xtcp_netns_part = { netns_begin, netns_end };
