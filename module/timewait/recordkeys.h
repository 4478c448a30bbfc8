/* SPDX-License-Identifier: GPL-2.0 */
/* The keys of signed records. */
#ifndef XTCP_RECORDKEYS_H
#define XTCP_RECORDKEYS_H

#include <linux/types.h>

#include "auth/keys.h"

struct sk_buff;
struct sock;
struct xtcp_ao;
struct xtcp_signer;
struct xtcp_timewait;

/**
 * struct xtcp_recordkeys - the keys of a signed record; they follow the record in memory, since few
 * records have keys
 * @ao: the TCP-AO that signs; NULL: @md5 signs
 * @md5: the key of TCP_MD5SIG
 */
struct xtcp_recordkeys {
	struct xtcp_ao *ao;
	struct xtcp_md5_key md5;
};

const struct xtcp_md5_key *xtcp_recordkeys_md5(const struct xtcp_timewait *tw);
struct xtcp_ao *xtcp_recordkeys_ao(const struct xtcp_timewait *tw);
void xtcp_recordkeys_signer(const struct xtcp_timewait *tw, const struct sk_buff *skb, struct xtcp_signer *signer);
/* The socket lock is held. */
bool xtcp_recordkeys_fill(struct xtcp_timewait *tw, const struct sock *sk);
void xtcp_recordkeys_drop(struct xtcp_timewait *tw);

#endif /* XTCP_RECORDKEYS_H */
