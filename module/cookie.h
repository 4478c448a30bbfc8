/* SPDX-License-Identifier: GPL-2.0 */
/* The cookie codec: an ISN that carries a MAC and the options of a SYN. Pure. */
#ifndef XTCP_COOKIE_H
#define XTCP_COOKIE_H

#include <linux/siphash.h>
#include <linux/types.h>

struct xtcp_options;
struct xtcp_tuple;

/**
 * struct xtcp_cookie_secrets - the rotating secret and the one before it
 * @key: [0] the present one, [1] the previous one
 * @rotated: seconds clock at the last rotation
 */
struct xtcp_cookie_secrets {
	siphash_key_t key[2];
	u32 rotated;
};

#endif /* XTCP_COOKIE_H */
