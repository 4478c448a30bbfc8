/* SPDX-License-Identifier: GPL-2.0 */
/* Step one of SEGMENT ARRIVES: is the segment acceptable? */
#ifndef XTCP_ACCEPTANCE_H
#define XTCP_ACCEPTANCE_H

#include <linux/types.h>

#include "arrive/arrives.h"

struct sock;
struct xtcp_seg;

enum xtcp_verdict xtcp_acceptance_check(struct sock *sk, const struct xtcp_seg *seg);
enum xtcp_verdict xtcp_acceptance_refuse(struct sock *sk, const struct xtcp_seg *seg, int skipped);
bool xtcp_acceptance_rst_counts(const struct sock *sk, const struct xtcp_seg *seg);
void xtcp_acceptance_take_ts(struct sock *sk, const struct xtcp_seg *seg);

#endif /* XTCP_ACCEPTANCE_H */
