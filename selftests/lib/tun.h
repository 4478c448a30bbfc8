/* SPDX-License-Identifier: GPL-2.0 */
/* A tun device: the test is the wire behind it. */
#pragma once

/* Makes a tun device whose packets begin with the IP header, without blocking. Its descriptor, or -1 with a line. */
int tun_open(int ns, const char *name);

/*
 * Makes the namespace @ns one whose answers vanish: packets come in by the tun device tun0, which has @addr, and what
 * goes to 10.99.0.0/16 leaves by a device that drops it. Returns the descriptor of tun0, or -1 after a line on standard
 * error.
 */
int tun_before_sink(int ns, const char *addr);
