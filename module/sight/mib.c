// SPDX-License-Identifier: GPL-2.0
/*
 * The counters of a namespace, and /proc/net/xtcp_snmp and xtcp_netstat. Numbers and names are
 * those of the kernel, so an ordinary nstat can read the files:
 *
 *	PROC_NET_SNMP=/proc/net/xtcp_snmp PROC_NET_NETSTAT=/proc/net/xtcp_netstat nstat -az
 *
 * The Tcp: line has all counters of the kernel, the TcpExt: line those that the module increments,
 * which scripts/check/check-counters.sh checks, and then those of enum xtcp_mib_own.
 */
#include "sight/sight.h"

static const struct snmp_mib tcp_list[] = {
	SNMP_MIB_ITEM("RtoAlgorithm", TCP_MIB_RTOALGORITHM),
	SNMP_MIB_ITEM("RtoMin", TCP_MIB_RTOMIN),
	SNMP_MIB_ITEM("RtoMax", TCP_MIB_RTOMAX),
	SNMP_MIB_ITEM("MaxConn", TCP_MIB_MAXCONN),
	SNMP_MIB_ITEM("ActiveOpens", TCP_MIB_ACTIVEOPENS),
	SNMP_MIB_ITEM("PassiveOpens", TCP_MIB_PASSIVEOPENS),
	SNMP_MIB_ITEM("AttemptFails", TCP_MIB_ATTEMPTFAILS),
	SNMP_MIB_ITEM("EstabResets", TCP_MIB_ESTABRESETS),
	SNMP_MIB_ITEM("CurrEstab", TCP_MIB_CURRESTAB),
	SNMP_MIB_ITEM("InSegs", TCP_MIB_INSEGS),
	SNMP_MIB_ITEM("OutSegs", TCP_MIB_OUTSEGS),
	SNMP_MIB_ITEM("RetransSegs", TCP_MIB_RETRANSSEGS),
	SNMP_MIB_ITEM("InErrs", TCP_MIB_INERRS),
	SNMP_MIB_ITEM("OutRsts", TCP_MIB_OUTRSTS),
	SNMP_MIB_ITEM("InCsumErrors", TCP_MIB_CSUMERRORS),
};

/* in the kernel's order */
static const struct snmp_mib net_list[] = {
	SNMP_MIB_ITEM("SyncookiesSent", LINUX_MIB_SYNCOOKIESSENT),
	SNMP_MIB_ITEM("SyncookiesRecv", LINUX_MIB_SYNCOOKIESRECV),
	SNMP_MIB_ITEM("SyncookiesFailed", LINUX_MIB_SYNCOOKIESFAILED),
	SNMP_MIB_ITEM("EmbryonicRsts", LINUX_MIB_EMBRYONICRSTS),
	SNMP_MIB_ITEM("PruneCalled", LINUX_MIB_PRUNECALLED),
	SNMP_MIB_ITEM("RcvPruned", LINUX_MIB_RCVPRUNED),
	SNMP_MIB_ITEM("OfoPruned", LINUX_MIB_OFOPRUNED),
	SNMP_MIB_ITEM("OutOfWindowIcmps", LINUX_MIB_OUTOFWINDOWICMPS),
	SNMP_MIB_ITEM("LockDroppedIcmps", LINUX_MIB_LOCKDROPPEDICMPS),
	SNMP_MIB_ITEM("TW", LINUX_MIB_TIMEWAITED),
	SNMP_MIB_ITEM("TWRecycled", LINUX_MIB_TIMEWAITRECYCLED),
	SNMP_MIB_ITEM("TWKilled", LINUX_MIB_TIMEWAITKILLED),
	SNMP_MIB_ITEM("PAWSActive", LINUX_MIB_PAWSACTIVEREJECTED),
	SNMP_MIB_ITEM("PAWSEstab", LINUX_MIB_PAWSESTABREJECTED),
	SNMP_MIB_ITEM("DelayedACKs", LINUX_MIB_DELAYEDACKS),
	SNMP_MIB_ITEM("DelayedACKLost", LINUX_MIB_DELAYEDACKLOST),
	SNMP_MIB_ITEM("ListenOverflows", LINUX_MIB_LISTENOVERFLOWS),
	SNMP_MIB_ITEM("ListenDrops", LINUX_MIB_LISTENDROPS),
	SNMP_MIB_ITEM("TCPRenoRecovery", LINUX_MIB_TCPRENORECOVERY),
	SNMP_MIB_ITEM("TCPSackRecovery", LINUX_MIB_TCPSACKRECOVERY),
	SNMP_MIB_ITEM("TCPSACKReneging", LINUX_MIB_TCPSACKRENEGING),
	SNMP_MIB_ITEM("TCPSACKReorder", LINUX_MIB_TCPSACKREORDER),
	SNMP_MIB_ITEM("TCPRenoReorder", LINUX_MIB_TCPRENOREORDER),
	SNMP_MIB_ITEM("TCPTSReorder", LINUX_MIB_TCPTSREORDER),
	SNMP_MIB_ITEM("TCPFullUndo", LINUX_MIB_TCPFULLUNDO),
	SNMP_MIB_ITEM("TCPPartialUndo", LINUX_MIB_TCPPARTIALUNDO),
	SNMP_MIB_ITEM("TCPDSACKUndo", LINUX_MIB_TCPDSACKUNDO),
	SNMP_MIB_ITEM("TCPLossUndo", LINUX_MIB_TCPLOSSUNDO),
	SNMP_MIB_ITEM("TCPLostRetransmit", LINUX_MIB_TCPLOSTRETRANSMIT),
	SNMP_MIB_ITEM("TCPRenoFailures", LINUX_MIB_TCPRENOFAILURES),
	SNMP_MIB_ITEM("TCPSackFailures", LINUX_MIB_TCPSACKFAILURES),
	SNMP_MIB_ITEM("TCPLossFailures", LINUX_MIB_TCPLOSSFAILURES),
	SNMP_MIB_ITEM("TCPFastRetrans", LINUX_MIB_TCPFASTRETRANS),
	SNMP_MIB_ITEM("TCPSlowStartRetrans", LINUX_MIB_TCPSLOWSTARTRETRANS),
	SNMP_MIB_ITEM("TCPTimeouts", LINUX_MIB_TCPTIMEOUTS),
	SNMP_MIB_ITEM("TCPLossProbes", LINUX_MIB_TCPLOSSPROBES),
	SNMP_MIB_ITEM("TCPLossProbeRecovery", LINUX_MIB_TCPLOSSPROBERECOVERY),
	SNMP_MIB_ITEM("TCPRenoRecoveryFail", LINUX_MIB_TCPRENORECOVERYFAIL),
	SNMP_MIB_ITEM("TCPSackRecoveryFail", LINUX_MIB_TCPSACKRECOVERYFAIL),
	SNMP_MIB_ITEM("TCPRcvCollapsed", LINUX_MIB_TCPRCVCOLLAPSED),
	SNMP_MIB_ITEM("TCPDSACKRecv", LINUX_MIB_TCPDSACKRECV),
	SNMP_MIB_ITEM("TCPDSACKOfoRecv", LINUX_MIB_TCPDSACKOFORECV),
	SNMP_MIB_ITEM("TCPDSACKOldSent", LINUX_MIB_TCPDSACKOLDSENT),
	SNMP_MIB_ITEM("TCPDSACKOfoSent", LINUX_MIB_TCPDSACKOFOSENT),
	SNMP_MIB_ITEM("TCPAbortOnData", LINUX_MIB_TCPABORTONDATA),
	SNMP_MIB_ITEM("TCPAbortOnClose", LINUX_MIB_TCPABORTONCLOSE),
	SNMP_MIB_ITEM("TCPAbortOnMemory", LINUX_MIB_TCPABORTONMEMORY),
	SNMP_MIB_ITEM("TCPAbortOnTimeout", LINUX_MIB_TCPABORTONTIMEOUT),
	SNMP_MIB_ITEM("TCPAbortOnLinger", LINUX_MIB_TCPABORTONLINGER),
	SNMP_MIB_ITEM("TCPAbortFailed", LINUX_MIB_TCPABORTFAILED),
	SNMP_MIB_ITEM("TCPMemoryPressures", LINUX_MIB_TCPMEMORYPRESSURES),
	SNMP_MIB_ITEM("TCPMemoryPressuresChrono", LINUX_MIB_TCPMEMORYPRESSURESCHRONO),
	SNMP_MIB_ITEM("TCPSACKDiscard", LINUX_MIB_TCPSACKDISCARD),
	SNMP_MIB_ITEM("TCPDSACKIgnoredOld", LINUX_MIB_TCPDSACKIGNOREDOLD),
	SNMP_MIB_ITEM("TCPDSACKIgnoredNoUndo", LINUX_MIB_TCPDSACKIGNOREDNOUNDO),
	SNMP_MIB_ITEM("TCPSpuriousRTOs", LINUX_MIB_TCPSPURIOUSRTOS),
	SNMP_MIB_ITEM("TCPMD5NotFound", LINUX_MIB_TCPMD5NOTFOUND),
	SNMP_MIB_ITEM("TCPMD5Unexpected", LINUX_MIB_TCPMD5UNEXPECTED),
	SNMP_MIB_ITEM("TCPMD5Failure", LINUX_MIB_TCPMD5FAILURE),
	SNMP_MIB_ITEM("TCPBacklogDrop", LINUX_MIB_TCPBACKLOGDROP),
	SNMP_MIB_ITEM("TCPMinTTLDrop", LINUX_MIB_TCPMINTTLDROP),
	SNMP_MIB_ITEM("TCPTimeWaitOverflow", LINUX_MIB_TCPTIMEWAITOVERFLOW),
	SNMP_MIB_ITEM("TCPReqQFullDoCookies", LINUX_MIB_TCPREQQFULLDOCOOKIES),
	SNMP_MIB_ITEM("TCPReqQFullDrop", LINUX_MIB_TCPREQQFULLDROP),
	SNMP_MIB_ITEM("TCPDeferAcceptDrop", LINUX_MIB_TCPDEFERACCEPTDROP),
	SNMP_MIB_ITEM("TCPMigrateReqSuccess", LINUX_MIB_TCPMIGRATEREQSUCCESS),
	SNMP_MIB_ITEM("TCPMigrateReqFailure", LINUX_MIB_TCPMIGRATEREQFAILURE),
	SNMP_MIB_ITEM("TCPRetransFail", LINUX_MIB_TCPRETRANSFAIL),
	SNMP_MIB_ITEM("TCPRcvCoalesce", LINUX_MIB_TCPRCVCOALESCE),
	SNMP_MIB_ITEM("TCPOFOQueue", LINUX_MIB_TCPOFOQUEUE),
	SNMP_MIB_ITEM("TCPOFODrop", LINUX_MIB_TCPOFODROP),
	SNMP_MIB_ITEM("TCPOFOMerge", LINUX_MIB_TCPOFOMERGE),
	SNMP_MIB_ITEM("TCPChallengeACK", LINUX_MIB_TCPCHALLENGEACK),
	SNMP_MIB_ITEM("TCPSYNChallenge", LINUX_MIB_TCPSYNCHALLENGE),
	SNMP_MIB_ITEM("TCPFastOpenActive", LINUX_MIB_TCPFASTOPENACTIVE),
	SNMP_MIB_ITEM("TCPFastOpenActiveFail", LINUX_MIB_TCPFASTOPENACTIVEFAIL),
	SNMP_MIB_ITEM("TCPFastOpenPassive", LINUX_MIB_TCPFASTOPENPASSIVE),
	SNMP_MIB_ITEM("TCPFastOpenPassiveFail", LINUX_MIB_TCPFASTOPENPASSIVEFAIL),
	SNMP_MIB_ITEM("TCPFastOpenListenOverflow", LINUX_MIB_TCPFASTOPENLISTENOVERFLOW),
	SNMP_MIB_ITEM("TCPFastOpenCookieReqd", LINUX_MIB_TCPFASTOPENCOOKIEREQD),
	SNMP_MIB_ITEM("TCPFastOpenBlackhole", LINUX_MIB_TCPFASTOPENBLACKHOLE),
	SNMP_MIB_ITEM("TCPSpuriousRtxHostQueues", LINUX_MIB_TCPSPURIOUS_RTX_HOSTQUEUES),
	SNMP_MIB_ITEM("TCPAutoCorking", LINUX_MIB_TCPAUTOCORKING),
	SNMP_MIB_ITEM("TCPFromZeroWindowAdv", LINUX_MIB_TCPFROMZEROWINDOWADV),
	SNMP_MIB_ITEM("TCPToZeroWindowAdv", LINUX_MIB_TCPTOZEROWINDOWADV),
	SNMP_MIB_ITEM("TCPWantZeroWindowAdv", LINUX_MIB_TCPWANTZEROWINDOWADV),
	SNMP_MIB_ITEM("TCPSynRetrans", LINUX_MIB_TCPSYNRETRANS),
	SNMP_MIB_ITEM("TCPOrigDataSent", LINUX_MIB_TCPORIGDATASENT),
	SNMP_MIB_ITEM("TCPHystartTrainDetect", LINUX_MIB_TCPHYSTARTTRAINDETECT),
	SNMP_MIB_ITEM("TCPHystartTrainCwnd", LINUX_MIB_TCPHYSTARTTRAINCWND),
	SNMP_MIB_ITEM("TCPHystartDelayDetect", LINUX_MIB_TCPHYSTARTDELAYDETECT),
	SNMP_MIB_ITEM("TCPHystartDelayCwnd", LINUX_MIB_TCPHYSTARTDELAYCWND),
	SNMP_MIB_ITEM("TCPACKSkippedSynRecv", LINUX_MIB_TCPACKSKIPPEDSYNRECV),
	SNMP_MIB_ITEM("TCPACKSkippedPAWS", LINUX_MIB_TCPACKSKIPPEDPAWS),
	SNMP_MIB_ITEM("TCPACKSkippedSeq", LINUX_MIB_TCPACKSKIPPEDSEQ),
	SNMP_MIB_ITEM("TCPACKSkippedFinWait2", LINUX_MIB_TCPACKSKIPPEDFINWAIT2),
	SNMP_MIB_ITEM("TCPACKSkippedTimeWait", LINUX_MIB_TCPACKSKIPPEDTIMEWAIT),
	SNMP_MIB_ITEM("TCPACKSkippedChallenge", LINUX_MIB_TCPACKSKIPPEDCHALLENGE),
	SNMP_MIB_ITEM("TCPWinProbe", LINUX_MIB_TCPWINPROBE),
	SNMP_MIB_ITEM("TCPKeepAlive", LINUX_MIB_TCPKEEPALIVE),
	SNMP_MIB_ITEM("TCPMTUPFail", LINUX_MIB_TCPMTUPFAIL),
	SNMP_MIB_ITEM("TCPMTUPSuccess", LINUX_MIB_TCPMTUPSUCCESS),
	SNMP_MIB_ITEM("TCPDelivered", LINUX_MIB_TCPDELIVERED),
	SNMP_MIB_ITEM("TCPDeliveredCE", LINUX_MIB_TCPDELIVEREDCE),
	SNMP_MIB_ITEM("TCPAckCompressed", LINUX_MIB_TCPACKCOMPRESSED),
	SNMP_MIB_ITEM("TCPZeroWindowDrop", LINUX_MIB_TCPZEROWINDOWDROP),
	SNMP_MIB_ITEM("TCPRcvQDrop", LINUX_MIB_TCPRCVQDROP),
	SNMP_MIB_ITEM("TCPWqueueTooBig", LINUX_MIB_TCPWQUEUETOOBIG),
	SNMP_MIB_ITEM("TCPFastOpenPassiveAltKey", LINUX_MIB_TCPFASTOPENPASSIVEALTKEY),
	SNMP_MIB_ITEM("TcpTimeoutRehash", LINUX_MIB_TCPTIMEOUTREHASH),
	SNMP_MIB_ITEM("TcpDuplicateDataRehash", LINUX_MIB_TCPDUPLICATEDATAREHASH),
	SNMP_MIB_ITEM("TCPDSACKRecvSegs", LINUX_MIB_TCPDSACKRECVSEGS),
	SNMP_MIB_ITEM("TCPDSACKIgnoredDubious", LINUX_MIB_TCPDSACKIGNOREDDUBIOUS),
	{ "TCPAORequired", XTCP_MIB_AOREQUIRED },
	{ "TCPAOBad", XTCP_MIB_AOBAD },
	{ "TCPAOKeyNotFound", XTCP_MIB_AOKEYNOTFOUND },
	{ "TCPAOGood", XTCP_MIB_AOGOOD },
	{ "TCPAODroppedIcmps", XTCP_MIB_AODROPPEDICMPS },
	{ "TCPAbortOnReset", XTCP_MIB_ABORTONRESET },
	{ "TCPAbortOnIcmp", XTCP_MIB_ABORTONICMP },
	{ "TCPAbortOnListener", XTCP_MIB_ABORTONLISTENER },
	{ "TCPAbortOnDisconnect", XTCP_MIB_ABORTONDISCONNECT },
	{ "TCPAbortOnKill", XTCP_MIB_ABORTONKILL },
	{ "TCPAbortOnNamespace", XTCP_MIB_ABORTONNAMESPACE },
	{ "TCPAbortOnIdle", XTCP_MIB_ABORTONIDLE },
	{ "TCPAbortOnHalfClosed", XTCP_MIB_ABORTONHALFCLOSED },
	{ "TCPAbortOnUserTimeoutMs", XTCP_MIB_ABORTONUSERTIMEOUTMS },
	{ "TCPAbortOnKeepaliveAlways", XTCP_MIB_ABORTONKEEPALIVEALWAYS },
	{ "TCPLingerZero", XTCP_MIB_LINGERZERO },
	{ "TCPClosedInSynSent", XTCP_MIB_CLOSEDINSYNSENT },
	{ "TCPBlackboxKept", XTCP_MIB_BLACKBOXKEPT },
	{ "TCPBlackboxDropped", XTCP_MIB_BLACKBOXDROPPED },
	{ "TCPBlackboxRefused", XTCP_MIB_BLACKBOXREFUSED },
	{ "TCPResumeJumped", XTCP_MIB_RESUMEJUMPED },
	{ "TCPResumeValidated", XTCP_MIB_RESUMEVALIDATED },
	{ "TCPResumeRetreated", XTCP_MIB_RESUMERETREATED },
	{ "TCPRstDiagSent", XTCP_MIB_RSTDIAGSENT },
	{ "TCPRstDiagRecv", XTCP_MIB_RSTDIAGRECV },
	{ "TCPRstDiagMalformed", XTCP_MIB_RSTDIAGMALFORMED },
	{ "TCPAckRateSent", XTCP_MIB_ACKRATESENT },
	{ "TCPAckRateRecv", XTCP_MIB_ACKRATERECV },
	{ "TCPAckRateMalformed", XTCP_MIB_ACKRATEMALFORMED },
	{ "TCPLocal", XTCP_MIB_LOCAL },
	{ "TCPAuthMalformed", XTCP_MIB_AUTHMALFORMED },
};

static void mib_net_exit(struct xtcp_net *xn)
{
	free_percpu(xn->net_statistics);
	free_percpu(xn->tcp_statistics);
	xn->net_statistics = NULL;
	xn->tcp_statistics = NULL;
}

static int mib_net_init(struct xtcp_net *xn)
{
	xn->tcp_statistics = alloc_percpu_gfp(struct tcp_mib, GFP_KERNEL_ACCOUNT);
	xn->net_statistics = alloc_percpu_gfp(struct xtcp_mib, GFP_KERNEL_ACCOUNT);
	if (xn->tcp_statistics && xn->net_statistics)
		return 0;
	mib_net_exit(xn);
	return -ENOMEM;
}

const struct xtcp_net_part xtcp_mib_part = { mib_net_init, mib_net_exit };

/* Counts why a connection ended, in our own counters. Other files increment those of the kernel. */
void xtcp_mib_aborted(struct xtcp_net *xn, enum xtcp_abort_reason reason)
{
	static const u16 counter_of[] = {
		[XTCP_ABORT_RESET] = XTCP_MIB_ABORTONRESET,
		[XTCP_ABORT_ICMP] = XTCP_MIB_ABORTONICMP,
		[XTCP_ABORT_LINGER] = XTCP_MIB_LINGERZERO,	/* also counted in TCPAbortOnData */
		[XTCP_ABORT_LISTENER] = XTCP_MIB_ABORTONLISTENER,
		[XTCP_ABORT_DISCONNECT] = XTCP_MIB_ABORTONDISCONNECT,
		[XTCP_ABORT_KILLED] = XTCP_MIB_ABORTONKILL,
		[XTCP_ABORT_NETNS] = XTCP_MIB_ABORTONNAMESPACE,
		[XTCP_ABORT_IDLE] = XTCP_MIB_ABORTONIDLE,
		[XTCP_ABORT_HALF_CLOSED] = XTCP_MIB_ABORTONHALFCLOSED,
		/* TCPAbortOnTimeout counts these two, too */
		[XTCP_ABORT_USER_TIMEOUT_MS] = XTCP_MIB_ABORTONUSERTIMEOUTMS,
		[XTCP_ABORT_KEEPALIVE_ALWAYS] = XTCP_MIB_ABORTONKEEPALIVEALWAYS,
	};

	if (reason < ARRAY_SIZE(counter_of) && counter_of[reason])
		XTCP_NET_INC_STATS(xn, counter_of[reason]);
}

static void show_names(struct seq_file *m, const char *group, const struct snmp_mib *list, unsigned int count)
{
	unsigned int i;

	seq_printf(m, "%s:", group);
	for (i = 0; i < count; i++)
		seq_printf(m, " %s", list[i].name);
	seq_putc(m, '\n');
}

/* The sum over all processors. Linux 7.2 does not export snmp_fold_field(), which does the same. */
static unsigned long sum_up(void __percpu *mib, int entry)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*((unsigned long *)per_cpu_ptr(mib, cpu) + entry));
	return sum;
}

static long tcp_value(const struct xtcp_net *xn, int entry)
{
	/* RFC 4022: RtoAlgorithm 1 is "other"; there is no number for RFC 6298. Times in ms. MaxConn -1: no limit */
	switch (entry) {
	case TCP_MIB_RTOALGORITHM:
		return 1;
	case TCP_MIB_RTOMIN:
		return XTCP_RTO_MIN_MS;
	case TCP_MIB_RTOMAX:
		return XTCP_RTO_MAX_MS;
	case TCP_MIB_MAXCONN:
		return -1;
	default:
		return xtcp_netns_is_started(xn) ? sum_up(xn->tcp_statistics, entry) : 0;
	}
}

/* /proc/net/xtcp_snmp: the Tcp: lines, as in /proc/net/snmp. */
int xtcp_mib_show_snmp(struct seq_file *m, void *v)
{
	const struct xtcp_net *xn = xtcp_net(m->private);
	unsigned int i;

	show_names(m, "Tcp", tcp_list, ARRAY_SIZE(tcp_list));
	seq_puts(m, "Tcp:");
	for (i = 0; i < ARRAY_SIZE(tcp_list); i++) {
		/* only MaxConn can be negative (RFC 4022) */
		if (tcp_list[i].entry == TCP_MIB_MAXCONN)
			seq_printf(m, " %ld", tcp_value(xn, tcp_list[i].entry));
		else
			seq_printf(m, " %lu", (unsigned long)tcp_value(xn, tcp_list[i].entry));
	}
	seq_putc(m, '\n');
	return 0;
}

/* /proc/net/xtcp_netstat: the TcpExt: lines. A namespace that never had a socket of ours has no counters. */
int xtcp_mib_show_netstat(struct seq_file *m, void *v)
{
	const struct xtcp_net *xn = xtcp_net(m->private);
	unsigned int i;

	show_names(m, "TcpExt", net_list, ARRAY_SIZE(net_list));
	seq_puts(m, "TcpExt:");
	for (i = 0; i < ARRAY_SIZE(net_list); i++)
		seq_printf(m, " %lu", xtcp_netns_is_started(xn) ? sum_up(xn->net_statistics, net_list[i].entry) : 0UL);
	seq_putc(m, '\n');
	return 0;
}
