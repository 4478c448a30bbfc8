# SPDX-License-Identifier: GPL-2.0
#
# How a script ends, sourced by others, with cache.sh or alone.

# at_end COMMAND: runs it once when the script ends, by a signal too. bash leaves out the rest of an EXIT trap if
# another signal with a trap comes meanwhile, and Ctrl-C often sends two: INT to all, then TERM to a script that is tied
# to its parent. So whichever trap is first runs COMMAND, and no signal ends that.
at_end()
{
	local once="trap - EXIT; trap '' INT TERM HUP; $1"

	trap "$once" EXIT
	trap "$once; exit 130" INT
	trap "$once; exit 143" TERM
	trap "$once; exit 129" HUP
}
