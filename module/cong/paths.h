/* SPDX-License-Identifier: GPL-2.0 */
/* The paths that a namespace remembers for Careful Resume (RFC 9959). */
#ifndef XTCP_PATHS_H
#define XTCP_PATHS_H

#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/types.h>

struct seq_file;
struct sock;

struct xtcp_net;
struct xtcp_saved;

/* The clock for the age of saved paths; it also runs while the machine is suspended. */
static inline u32 xtcp_paths_seconds(void)
{
	return (u32)ktime_get_boottime_seconds();
}

int xtcp_paths_prepare(struct xtcp_net *xn);
void xtcp_paths_flush(struct xtcp_net *xn);
u32 xtcp_paths_flushes(const struct xtcp_net *xn);
int xtcp_paths_show(struct seq_file *m, void *v);
void xtcp_paths_net_exit(struct xtcp_net *xn);

/* The socket lock is held in all these functions. */
bool xtcp_paths_find(const struct sock *sk, struct xtcp_saved *saved);
bool xtcp_paths_take(const struct sock *sk, const struct xtcp_saved *saved);
void xtcp_paths_save(const struct sock *sk, const struct xtcp_saved *saved, u32 flushes, bool replace);
void xtcp_paths_forget(const struct sock *sk, int ifindex, u32 flushes);

#endif /* XTCP_PATHS_H */
