/* SPDX-License-Identifier: GPL-2.0 */
/* The counters of a namespace: those of the kernel, with its numbers and names, and our own. */
#ifndef XTCP_MIB_H
#define XTCP_MIB_H

#include <linux/snmp.h>
#include <net/snmp.h>

#include "base/abort.h"
#include "base/net.h"

/* For counters of the Tcp: line. @field is TCP_MIB_*. */
#define XTCP_INC_STATS(xn, field)	SNMP_INC_STATS((xn)->tcp_statistics, field)
#define XTCP_DEC_STATS(xn, field)	SNMP_DEC_STATS((xn)->tcp_statistics, field)
#define XTCP_ADD_STATS(xn, field, n)	SNMP_ADD_STATS((xn)->tcp_statistics, field, n)

/* For counters of the TcpExt: line. @field is LINUX_MIB_* or XTCP_MIB_*. */
#define XTCP_NET_INC_STATS(xn, field)	SNMP_INC_STATS((xn)->net_statistics, field)
#define XTCP_NET_ADD_STATS(xn, field, n) SNMP_ADD_STATS((xn)->net_statistics, field, n)

/* Counters with numbers of our own. On the TcpExt: line they follow those of the kernel. */
enum xtcp_mib_own {
	XTCP_MIB_ABORTONRESET = __LINUX_MIB_MAX,
	XTCP_MIB_ABORTONICMP,
	XTCP_MIB_ABORTONLISTENER,
	XTCP_MIB_ABORTONDISCONNECT,
	XTCP_MIB_ABORTONKILL,
	XTCP_MIB_ABORTONNAMESPACE,
	XTCP_MIB_ABORTONIDLE,
	XTCP_MIB_ABORTONHALFCLOSED,
	XTCP_MIB_ABORTONUSERTIMEOUTMS,
	XTCP_MIB_ABORTONKEEPALIVEALWAYS,
	XTCP_MIB_LINGERZERO,
	XTCP_MIB_CLOSEDINSYNSENT,
	XTCP_MIB_BLACKBOXKEPT,
	XTCP_MIB_BLACKBOXDROPPED,
	XTCP_MIB_BLACKBOXREFUSED,
	XTCP_MIB_RESUMEJUMPED,
	XTCP_MIB_RESUMEVALIDATED,
	XTCP_MIB_RESUMERETREATED,
	XTCP_MIB_RSTDIAGSENT,
	XTCP_MIB_RSTDIAGRECV,
	XTCP_MIB_RSTDIAGMALFORMED,
	XTCP_MIB_ACKRATESENT,
	XTCP_MIB_ACKRATERECV,
	XTCP_MIB_ACKRATEMALFORMED,
	XTCP_MIB_AUTHMALFORMED,
	XTCP_MIB_AOREQUIRED,		/* kernels before 6.7 lack this and the next four */
	XTCP_MIB_AOBAD,
	XTCP_MIB_AOKEYNOTFOUND,
	XTCP_MIB_AOGOOD,
	XTCP_MIB_AODROPPEDICMPS,
	XTCP_MIB_MAX,
};

struct xtcp_mib {
	unsigned long mibs[XTCP_MIB_MAX];
};

struct seq_file;

int xtcp_mib_net_init(struct xtcp_net *xn);
void xtcp_mib_net_exit(struct xtcp_net *xn);
void xtcp_mib_aborted(struct xtcp_net *xn, enum xtcp_abort_reason reason);
int xtcp_mib_show_snmp(struct seq_file *m, void *v);
int xtcp_mib_show_netstat(struct seq_file *m, void *v);

#endif /* XTCP_MIB_H */
