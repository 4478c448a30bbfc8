// SPDX-License-Identifier: GPL-2.0
/*
 * net.xtcp.*: the knobs of a namespace.
 *
 * Names, units, ranges and defaults are those of net.ipv4.tcp_*; what Linux derives from the size of memory is taken
 * from the namespace's own kernel TCP when the namespace (or the module) comes to life. Where Linux takes any number, a
 * number that makes no sense is refused here, with EINVAL and the old value kept.
 */
#include "sysctl.h"

#include <linux/sysctl.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>

#include "base/netns.h"
#include "compat.h"
#include "cong/algorithms.h"
#include "cong/cong.h"
#include "pure/wire.h"

static int min_rmem = 4096;
static int max_mss = 65535;
static int min_mss = XTCP_MSS_MIN_SND;
static int min_timewait_ms = 1000;
static int max_timewait_ms = 4 * 60 * 1000;	/* 2 MSL of RFC 9293 section 3.4.2 */
static int max_seconds = INT_MAX / HZ;
static int max_milliseconds = INT_MAX / MSEC_PER_SEC * MSEC_PER_SEC;	/* no rounding leads out of an int */
static int four = 4;
static unsigned int min_syn_retries = 1;
static unsigned int max_syn_retries = MAX_TCP_SYNCNT;
static unsigned int min_syncookies;
static unsigned int max_syncookies = 2;

/*
 * The entry holds jiffies, the user reads and writes in units of which a second has @per_second. As Linux's, what is
 * less than a jiffy becomes one: 0 would be another setting.
 */
static int do_time(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos,
		   int per_second)
{
	int *value = table->data;
	int user = (int)((s64)READ_ONCE(*value) * per_second / HZ);
	struct ctl_table copy = {
		.procname = table->procname,
		.data = &user,
		.maxlen = sizeof(user),
		.mode = table->mode,
		.extra1 = table->extra1,
		.extra2 = table->extra2,
	};
	int err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);

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

/* Reads and writes @text, of which the file has @size octets at most. */
static int do_text(char *text, int size, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	struct ctl_table copy = { .data = text, .maxlen = size };

	return proc_dostring(&copy, write, buffer, lenp, ppos);
}

static int do_congestion_control(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp,
				 loff_t *ppos)
{
	struct xtcp_net *xn = container_of(table->data, struct xtcp_net, sysctl.congestion_control);
	char name[TCP_CA_NAME_MAX];
	int err;

	strscpy(name, READ_ONCE(xn->sysctl.congestion_control)->name, sizeof(name));
	err = do_text(name, sizeof(name), write, buffer, lenp, ppos);
	if (write && !err)
		err = xtcp_algorithms_set_default(xn, name);
	return err;
}

static int do_algorithms(bool allowed_only, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	char *text = kmalloc(XTCP_ALGORITHMS_TEXT, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOMEM;
	xtcp_algorithms_list(text, XTCP_ALGORITHMS_TEXT, allowed_only);
	err = do_text(text, XTCP_ALGORITHMS_TEXT, write, buffer, lenp, ppos);
	if (write && !err)
		err = xtcp_algorithms_allow(text);
	kfree(text);
	return err;
}

static int do_available(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_algorithms(false, write, buffer, lenp, ppos);
}

static int do_allowed(XTCP_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	return do_algorithms(true, write, buffer, lenp, ppos);
}

/* Each namespace has a copy of the table that points into its own struct instead of this one. */
static struct xtcp_sysctl model;

#define ENTRY(name, type, handler, low, high)	\
	NAMED(#name, name, type, handler, low, high)

#define NAMED(proc, name, type, handler, low, high) {	\
	.procname = (proc),			\
	.data = &model.name,			\
	.maxlen = sizeof(type),			\
	.mode = 0644,				\
	.proc_handler = (handler),		\
	.extra1 = (low),			\
	.extra2 = (high),			\
}

/* Without data: the whole machine's, to be written in the first namespace alone. */
#define GLOBAL(name, access, handler) {	\
	.procname = (name),			\
	.mode = (access),			\
	.proc_handler = (handler),		\
}

static const struct ctl_table entries[] = {
	ENTRY(abort_on_overflow, u8, proc_dou8vec_minmax, NULL, NULL),
	GLOBAL("allowed_congestion_control", 0644, do_allowed),
	GLOBAL("available_congestion_control", 0444, do_available),
	ENTRY(congestion_control, const struct xtcp_cong_ops *, do_congestion_control, NULL, NULL),
	ENTRY(dsack, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(early_retrans, u8, proc_dou8vec_minmax, SYSCTL_ZERO, &four),
	ENTRY(ecn, u8, proc_dou8vec_minmax, SYSCTL_ZERO, SYSCTL_TWO),
	ENTRY(ecn_fallback, u8, proc_dou8vec_minmax, SYSCTL_ZERO, SYSCTL_ONE),
	ENTRY(fin_timeout, int, do_seconds, SYSCTL_ZERO, &max_seconds),
	ENTRY(frto, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(invalid_ratelimit, int, do_milliseconds, SYSCTL_ZERO, &max_milliseconds),
	ENTRY(keepalive_intvl, int, do_seconds, SYSCTL_ONE, &max_seconds),
	ENTRY(keepalive_probes, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(keepalive_time, int, do_seconds, SYSCTL_ONE, &max_seconds),
	ENTRY(max_orphans, int, proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_INT_MAX),
	ENTRY(max_syn_backlog, int, proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_INT_MAX),
	ENTRY(max_tw_buckets, int, proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_INT_MAX),
	ENTRY(min_snd_mss, int, proc_dointvec_minmax, &min_mss, &max_mss),
	ENTRY(orphan_retries, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(retries1, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(retries2, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(rfc1337, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(rmem, int[3], proc_dointvec_minmax, &min_rmem, SYSCTL_INT_MAX),
	ENTRY(sack, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(slow_start_after_idle, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(syn_retries, u8, proc_dou8vec_minmax, &min_syn_retries, &max_syn_retries),
	ENTRY(synack_retries, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(syncookies, u8, proc_dou8vec_minmax, &min_syncookies, &max_syncookies),
	ENTRY(timestamps, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(timewait_ms, int, proc_dointvec_minmax, &min_timewait_ms, &max_timewait_ms),
	NAMED("tw_reuse", timewait_reuse, u8, proc_dou8vec_minmax, SYSCTL_ZERO, SYSCTL_TWO),
	ENTRY(window_scaling, u8, proc_dou8vec_minmax, NULL, NULL),
	ENTRY(wmem, int[3], proc_dointvec_minmax, SYSCTL_ONE, SYSCTL_INT_MAX),
};

/*
 * The kernel keeps 32 octets for each entry in one allocation: 29 of them fit 1 KiB, all of them would take 2. So they
 * are registered in two parts, each with an empty entry at the end, which marks it on kernels before 6.11.
 */
#define FIRST_PART	29
#define TABLE_LEN	(ARRAY_SIZE(entries) + 2)

static struct kmem_cache *table_slab;

/**
 * xtcp_sysctl_init() - the slab of the tables
 *
 * Context: process, module init.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_sysctl_init(void)
{
	BUILD_BUG_ON(ARRAY_SIZE(entries) <= FIRST_PART);

	table_slab = xtcp_compat_slab(KBUILD_MODNAME "_sysctl", TABLE_LEN * sizeof(struct ctl_table));
	return table_slab ? 0 : -ENOMEM;
}

/**
 * xtcp_sysctl_exit() - give the slab back
 *
 * Context: process, module exit; no namespace has a table any more.
 */
void xtcp_sysctl_exit(void)
{
	kmem_cache_destroy(table_slab);
}

static void set_defaults(struct xtcp_sysctl *sysctl, const struct net *net)
{
	*sysctl = (struct xtcp_sysctl){
		.dsack = 1,
		.early_retrans = 3,
		.ecn = 2,
		.ecn_fallback = 1,
		.frto = 2,
		.keepalive_probes = TCP_KEEPALIVE_PROBES,
		.retries1 = TCP_RETR1,
		.retries2 = TCP_RETR2,
		.rfc1337 = 1,
		.sack = 1,
		.slow_start_after_idle = 1,
		.syn_retries = TCP_SYN_RETRIES,
		.synack_retries = TCP_SYNACK_RETRIES,
		.syncookies = 1,
		.timestamps = 1,
		.timewait_reuse = 2,
		.window_scaling = 1,
		.fin_timeout = TCP_FIN_TIMEOUT,
		.invalid_ratelimit = HZ / 2,
		.keepalive_intvl = TCP_KEEPALIVE_INTVL,
		.keepalive_time = TCP_KEEPALIVE_TIME,
		.max_orphans = (net->ipv4.tcp_death_row.hashinfo->ehash_mask + 1) / 2,
		.max_syn_backlog = READ_ONCE(net->ipv4.sysctl_max_syn_backlog),
		.max_tw_buckets = READ_ONCE(net->ipv4.tcp_death_row.sysctl_max_tw_buckets),
		.min_snd_mss = XTCP_MSS_MIN_SND,
		.timewait_ms = XTCP_MSL2_MS,
	};
	memcpy(sysctl->rmem, net->ipv4.sysctl_tcp_rmem, sizeof(sysctl->rmem));
	memcpy(sysctl->wmem, net->ipv4.sysctl_tcp_wmem, sizeof(sysctl->wmem));
}

/* Entries from @first to before @end. */
static void fill_part(struct xtcp_net *xn, struct ctl_table *part, size_t first, size_t end)
{
	for (; first < end; first++, part++) {
		*part = entries[first];
		if (part->data)
			part->data += (char *)&xn->sysctl - (char *)&model;
		else if (!net_eq(xn->net, &init_net))
			part->mode &= ~0222;
	}
}

static struct ctl_table_header *register_part(struct xtcp_net *xn, struct ctl_table *part, size_t len)
{
	return xtcp_compat_register_net_sysctl(xn->net, "net/" KBUILD_MODNAME, part, len);
}

/**
 * xtcp_sysctl_net_init() - set and register the knobs of a namespace
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_sysctl_net_init(struct xtcp_net *xn)
{
	struct ctl_table *table;

	set_defaults(&xn->sysctl, xn->net);
	xn->sysctl.congestion_control = xtcp_algorithms_inherited(xn);
	table = kmem_cache_zalloc(table_slab, GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	fill_part(xn, table, 0, FIRST_PART);
	fill_part(xn, table + FIRST_PART + 1, FIRST_PART, ARRAY_SIZE(entries));
	xn->sysctl_header[0] = register_part(xn, table, FIRST_PART);
	if (!xn->sysctl_header[0])
		goto err_table;
	xn->sysctl_header[1] = register_part(xn, table + FIRST_PART + 1, ARRAY_SIZE(entries) - FIRST_PART);
	if (!xn->sysctl_header[1])
		goto err_first;
	return 0;

err_first:
	unregister_net_sysctl_table(xn->sysctl_header[0]);
err_table:
	kmem_cache_free(table_slab, table);
	return -ENOMEM;
}

/**
 * xtcp_sysctl_net_exit() - unregister the knobs of a namespace
 * @xn: the namespace
 *
 * Context: process, namespace exit.
 */
void xtcp_sysctl_net_exit(struct xtcp_net *xn)
{
	struct ctl_table *table = (struct ctl_table *)xn->sysctl_header[0]->ctl_table_arg;

	unregister_net_sysctl_table(xn->sysctl_header[1]);
	unregister_net_sysctl_table(xn->sysctl_header[0]);
	kmem_cache_free(table_slab, table);
}
