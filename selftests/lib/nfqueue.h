/* SPDX-License-Identifier: GPL-2.0 */
/* A queue of netfilter that keeps what comes into it. */
#ifndef SELFTESTS_NFQUEUE_H
#define SELFTESTS_NFQUEUE_H

/* Takes over the queue in @ns and never gives a verdict; closing the descriptor drops it all. -1 with errno. */
int nfqueue_hold(int ns, int queue);

#endif
