/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Charges memory that a sock must have, even beyond all limits, and keeps memory that the sock will
 * soon need again.
 */
#ifndef XTCP_MEMORY_H
#define XTCP_MEMORY_H

struct sock;

/* For accept(). Takes the child's socket lock. */
void xtcp_memory_accepted(struct sock *sk);

/* Socket lock held. */
void xtcp_memory_force(struct sock *sk, int octets);
void xtcp_memory_uncharge(struct sock *sk, int octets);

#endif /* XTCP_MEMORY_H */
