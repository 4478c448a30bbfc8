/* SPDX-License-Identifier: GPL-2.0 */
/* A tun device: the test is the wire behind it. */
#pragma once

/*
 * Makes the tun device @name in namespace @ns. Returns its descriptor, which does not block and whose packets begin
 * with the IP header, or -1 after a line on standard error. The device lasts until the descriptor is closed.
 */
int tun_open(int ns, const char *name);

/*
 * Makes the namespace @ns one whose answers vanish: packets come in by the tun device tun0, which has @addr, and what
 * goes to 10.99.0.0/16 leaves by a device that drops it. Returns the descriptor of tun0, or -1 after a line on standard
 * error.
 */
int tun_before_sink(int ns, const char *addr);
