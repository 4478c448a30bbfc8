# SPDX-License-Identifier: GPL-2.0
"""What xtcp-nstat --prometheus says of the counters, in words, and with their units: a line each, a name and its words."""

from advice import ENDS

COUNTERS = dict(line.split(None, 1) for line in """
RtoAlgorithm How the RTO is computed, 4 as in RFC 6298
RtoMin The least RTO, in milliseconds
RtoMax The greatest RTO, in milliseconds
MaxConn How many connections there may be, -1 as many as there is memory for
ActiveOpens Connections that a connect() began
PassiveOpens Connections that a SYN to a listener began
AttemptFails Connections that ended before they were established
EstabResets Connections that ended by a RST while they were established, or in CLOSE-WAIT
CurrEstab Connections that are established now, or in CLOSE-WAIT
InSegs Segments that came
OutSegs Segments that left, without those sent again
RetransSegs Segments sent again
InErrs Segments that came with an error
OutRsts RSTs that left
InCsumErrors Segments that came with a wrong checksum
SyncookiesSent SYNs answered by cookie
SyncookiesRecv Connections that a cookie opened
SyncookiesFailed ACKs whose cookie was wrong
EmbryonicRsts RSTs for half-open connections
PruneCalled How often a receive queue was trimmed, for want of memory
RcvPruned Segments dropped since a receive queue had no memory
OfoPruned Segments out of order that were given up, for want of memory
TW Connections that became a TIME-WAIT record
TWRecycled TIME-WAIT records that a connect() took over
TWKilled TIME-WAIT records that ended early
PAWSActive Segments refused in SYN-SENT for an old timestamp
PAWSEstab Segments refused for an old timestamp
DelayedACKs ACKs that a timer sent
DelayedACKLost Segments that came again, so an ACK was lost or late
ListenOverflows SYNs and third ACKs that met a full accept queue
ListenDrops SYNs and third ACKs that listeners dropped, for whatever reason
TCPRenoRecovery Recoveries that duplicate ACKs began
TCPSackRecovery Recoveries that SACK began
TCPSACKReneging How often a peer took back what its SACK had said
TCPSACKReorder Reorderings that SACK showed
TCPLostRetransmit Segments sent again that were lost again
TCPFastRetrans Segments sent again in a recovery
TCPSlowStartRetrans Segments sent again after a timeout
TCPTimeouts Retransmission timeouts
TCPLossProbes Tail loss probes that left
TCPLossProbeRecovery Tail loss probes that repaired a loss
TCPDSACKRecv D-SACKs that came, since a peer has got something twice
TCPDSACKOfoRecv D-SACKs that came for what was out of order
TCPDSACKOldSent D-SACKs that left for what had been acknowledged
TCPDSACKOfoSent D-SACKs that left for what was out of order
TCPMemoryPressures How often memory for TCP became scarce
TCPMemoryPressuresChrono How long memory for TCP was scarce, in milliseconds
TCPSpuriousRTOs Timeouts that were needless
TCPMD5NotFound Segments without the MD5 signature that they need
TCPMD5Unexpected Segments with an MD5 signature and no key for it
TCPMD5Failure Segments with a wrong MD5 signature
TCPBacklogDrop Segments dropped since their socket was in use for too long
TCPTimeWaitOverflow TIME-WAIT records that there was no room for
TCPReqQFullDoCookies SYNs answered by cookie since a SYN queue was full
TCPReqQFullDrop SYNs dropped since a SYN queue was full
TCPRetransFail Segments that could not be sent again
TCPRcvCoalesce Segments put together in a receive queue
TCPOFOQueue Segments that came out of order
TCPOFODrop Segments out of order that there was no memory for
TCPChallengeACK Challenge ACKs that left (RFC 5961)
TCPSYNChallenge Challenge ACKs for a SYN (RFC 5961)
TCPFastOpenActive Connections that a SYN with data opened, here
TCPFastOpenPassive Connections that a SYN with data opened, by a peer
TCPToZeroWindowAdv How often a receive window closed
TCPFromZeroWindowAdv How often a closed receive window opened
TCPSynRetrans SYNs and SYN-ACKs sent again
TCPOrigDataSent Segments with data that left, without those sent again
TCPWinProbe Probes of a closed window that left
TCPKeepAlive Keepalive probes that left
TCPDelivered Segments with data that peers have acknowledged
TCPDeliveredCE Of these those that were marked for congestion (ECN)
TCPAckCompressed ACKs left out since a later one says the same
TCPZeroWindowDrop Segments dropped since the receive window was closed
TCPRcvQDrop Segments dropped since the receive queue was full
TcpTimeoutRehash How often a timeout chose another path
""".strip().split("\n"))
COUNTERS.update({name: "Connections that ended otherwise than by FINs: %s" % words for name, words, _ in ENDS})
SOCKETS = {"inuse": "Sockets in use", "orphan": "Connections whose program has closed the socket",
           "tw": "TIME-WAIT records", "alloc": "Sockets that there are", "mem": "Memory for all of them, in pages"}
