// SPDX-License-Identifier: GPL-2.0
/*
 * The keys of signed records: TCP_MD5SIG or TCP-AO. They follow the record in memory, since few
 * records have keys. When a record begins, the sock's keys are copied; the copies are freed with
 * the record.
 */
#include "timewait/recordkeys.h"

#include <linux/string.h>
#include <net/sock.h>

#include "auth/aoconn.h"
#include "auth/aokeys.h"
#include "auth/signer.h"
#include "timewait/record.h"

static struct xtcp_recordkeys *keys_place(const struct xtcp_timewait *tw)
{
	return (struct xtcp_recordkeys *)((u8 *)tw + xtcp_record_size(tw->conn.v4));
}

/**
 * xtcp_recordkeys_md5() - get the key that signs the answers of a record
 * @tw: the record itself, since a copy has no keys
 *
 * Context: any. RCU read side, or the lock of its shard is held.
 *
 * Return: the key, which is constant; NULL: answers are not signed with MD5.
 */
const struct xtcp_md5_key *xtcp_recordkeys_md5(const struct xtcp_timewait *tw)
{
	return unlikely(tw->is_signed) && !keys_place(tw)->ao ? &keys_place(tw)->md5 : NULL;
}

/**
 * xtcp_recordkeys_ao() - get the TCP-AO state of a record
 * @tw: the record itself, since a copy has no keys
 *
 * Context: any. RCU read side, or the lock of its shard is held.
 *
 * Return: the state; NULL when the record does not use TCP-AO.
 */
struct xtcp_ao *xtcp_recordkeys_ao(const struct xtcp_timewait *tw)
{
	return unlikely(tw->is_signed) ? keys_place(tw)->ao : NULL;
}

/**
 * xtcp_recordkeys_signer() - find the key that signs an answer of a record
 * @tw: the record itself, since a copy has no keys
 * @skb: the segment that is answered
 * @signer: filled in
 *
 * Context: softirq or process, RCU read side.
 */
void xtcp_recordkeys_signer(const struct xtcp_timewait *tw, const struct sk_buff *skb, struct xtcp_signer *signer)
{
	const struct xtcp_ao *ao = xtcp_recordkeys_ao(tw);

	*signer = (struct xtcp_signer) { .md5 = xtcp_recordkeys_md5(tw) };
	if (unlikely(ao))
		xtcp_signer_of_record(signer, ao, skb);
}

/**
 * xtcp_recordkeys_fill() - copy the keys of a sock for its record
 * @tw: the record, with space for the keys
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: false without memory or without a key.
 */
noinline bool xtcp_recordkeys_fill(struct xtcp_timewait *tw, const struct sock *sk)
{
	struct xtcp_recordkeys *keys = keys_place(tw);
	const struct xtcp_ao *ao = xtcp_ao_of(sk);
	const struct xtcp_key *key;

	sock_owned_by_me(sk);
	memset(keys, 0, sizeof(*keys));
	if (ao && ao->current_key) {
		keys->ao = xtcp_aoconn_for_record(sk);
		return keys->ao;
	}
	/* the lookup finds no key if the device has just left the VRF for which the key is set */
	key = xtcp_keys_of(sk);
	if (unlikely(!key))
		return false;
	keys->md5 = key->md5;
	return true;
}

/**
 * xtcp_recordkeys_drop() - free the keys of a signed record
 * @tw: the record, which nobody reads any more
 *
 * Context: any.
 */
void xtcp_recordkeys_drop(struct xtcp_timewait *tw)
{
	if (keys_place(tw)->ao)
		xtcp_aokeys_free_copy(keys_place(tw)->ao);
	memzero_explicit(&keys_place(tw)->md5, sizeof(struct xtcp_md5_key));
}
