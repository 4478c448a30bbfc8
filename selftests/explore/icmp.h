/* SPDX-License-Identifier: GPL-2.0 */
/* A router's answer to a packet too long for its next link (RFC 792, RFC 1191, RFC 4443). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ICMP_LARGEST	1280

/* Writes the answer to @packet. Returns its length; 0: none is due, for IPv4 may cut the packet. */
size_t icmp_too_long(uint8_t icmp[ICMP_LARGEST], const uint8_t *packet, size_t len, int mtu);
/* Is the packet such an answer? */
bool icmp_is(const uint8_t *packet);
