/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Network namespaces for the tests, made and joined from one process: starting
 * a program costs up to a second on the debug kernel.
 *
 * A namespace is a file descriptor. What a thread opens belongs to the namespace the thread is in; sockets stay where
 * they were made. All functions that return int give 0 or a descriptor, or -1 after a line on standard error.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Two namespaces, a and b, joined by a veth; its ends are both called veth0. */
struct ns_pair {
	int a;
	int b;
};

#define NS_A4 "10.9.0.1"
#define NS_B4 "10.9.0.2"
#define NS_A6 "fd00:9::1"
#define NS_B6 "fd00:9::2"

/* A new namespace with lo up; the caller stays in its own. Close it to end it. */
int ns_make(void);

/* The same in a user namespace of its own, as any user can make it. */
int ns_make_guest(void);

/* As this user makes it. */
int ns_make_guest_of(uid_t uid);

/* True as soon as all namespaces have ended that nobody had open any more at the call, false after @ms. */
bool ns_all_ended(int ms);

/* Two new namespaces with the addresses above (/24, /64), usable at once. */
int ns_pair_make(struct ns_pair *pair);
void ns_pair_close(struct ns_pair *pair);

/* Joins a and b by a veth called @name at both ends, both up, without addresses. */
int ns_join(int a, int b, const char *name);

/* Links. ns_addr_add() takes both families, as in "10.9.0.1/24"; no DAD. */
int ns_addr_add(int ns, const char *name, const char *addr);
int ns_addr_del(int ns, const char *name, const char *addr);
int ns_link_up(int ns, const char *name, bool up);
/* 0 or less: there is no such link. */
int ns_link_index(int ns, const char *name);
int ns_link_mtu(int ns, const char *name, unsigned int mtu);
/* 1 makes every packet on the wire a single segment, kernel TCP's too. */
int ns_link_gso_max_segs(int ns, const char *name, unsigned int segs);
/* The number of packets that its queue holds. */
int ns_link_queue(int ns, const char *name, unsigned int packets);
/* One, as in ETHTOOL_STSO. */
int ns_link_offload(int ns, const char *name, unsigned int what, bool on);
/* All of it that a veth has: checksums, scatter and gather, TSO, GSO, GRO. */
int ns_link_offloads(int ns, const char *name, bool on);
/* Octets of a packet; -1: no such link. */
int ns_link_mtu_get(int ns, const char *name);

/* What is not for the namespace's own networks goes to @gateway, of either family. */
int ns_route_default(int ns, const char *gateway);
/* All addresses of @net, such as 10.9.2.0/24, are this namespace's own. */
int ns_route_local(int ns, const char *net);
/* What is for @net, such as 10.9.2.0/24, goes to @gateway, from the address @from. Runs no program. */
int ns_route_add(int ns, const char *net, const char *gateway, const char *from);

/* Tells @ns for good which link of @its_ns has @addr, beyond its link @name: nobody asks in vain. */
int ns_neighbour(int ns, const char *name, const char *addr, int its_ns, const char *its_name);

/* Moves the calling thread there. ns_home() is the namespace of the program's start. */
int ns_enter(int ns);
int ns_home(void);

/* Runs @fn in @ns on the calling thread, comes back and returns its result. */
int ns_call(int ns, int (*fn)(void *arg), void *arg);

/* The same in a child, whose exit status is the result; for waitpid(). */
pid_t ns_fork(int ns, int (*fn)(void *arg), void *arg);
/* And waits for the child: its exit status, 128 and the number of the signal that ended it, or -1. */
int ns_child(int ns, int (*fn)(void *arg), void *arg);
int ns_socket(int ns, int family, int type, int protocol);

/* Runs a shell line in @ns (tc, nft) and returns its exit status. A process: dear. */
int ns_shell(int ns, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sysctls of @ns, named "net.ipv4.tcp_syncookies" or "net/ipv4/...". */
int ns_sysctl_set(int ns, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The first number in it, or -1. */
long ns_sysctl_get(int ns, const char *name);

/* Reads a file as seen in @ns ("/proc/net/xtcp") whole; free() it. NULL: none. */
char *ns_read_file(int ns, const char *path);
