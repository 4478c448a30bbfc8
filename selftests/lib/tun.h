/* SPDX-License-Identifier: GPL-2.0 */
/* A tun device: the test is the wire behind it. */
#ifndef SELFTESTS_TUN_H
#define SELFTESTS_TUN_H

/*
 * Makes the tun device @name in namespace @ns. Returns its descriptor, which does not block and whose packets begin
 * with the IP header, or -1 after a line on standard error. The device lasts until the descriptor is closed.
 */
int tun_open(int ns, const char *name);

#endif
