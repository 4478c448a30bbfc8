#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every TcpExt: and Tcp: counter that module/ counts must have a name in
# module/sight/mib.c, or nobody could see it; and every TcpExt: name there must be
# counted somewhere, or it would show a zero that means nothing. The names must
# be the kernel's own, if its source is given: check-counters.sh [proc.c]

set -eu
[ $# -eq 0 ] || [ -f "$1" ] || { echo "check-counters.sh: no file $1" >&2; exit 2; }
cd "$(dirname "$0")/../.."

named=$(sed -nE 's/.*SNMP_MIB_ITEM\("([^"]+)", (LINUX|TCP)_(MIB_[A-Z0-9_]+)\).*/\2_\3/p' module/sight/mib.c | sort -u)
# a comment may say LINUX_MIB_SOMETHING*
used=$(find module -name '*.[ch]' ! -name mib.c -exec grep -hoE '\b(LINUX|TCP)_MIB_[A-Z0-9_]+\*?' {} + | grep -v '\*' |
	sort -u)
status=0

for counter in $(comm -13 <(echo "$named") <(echo "$used")); do
	echo "module/sight/mib.c: no name for $counter, which is counted in:" $(grep -rlw "$counter" --include='*.[ch]' module)
	status=1
done
for counter in $(comm -23 <(echo "$named") <(echo "$used")); do
	case $counter in
	TCP_MIB_*)	continue ;;	# that line is whole
	esac
	echo "module/sight/mib.c: nobody counts $counter"
	status=1
done
if [ $# -eq 1 ]; then
	while read -r item; do
		grep -qF "$item" "$1" || { echo "module/sight/mib.c: not as in $1: $item"; status=1; }
	done < <(grep -oE 'SNMP_MIB_ITEM\(.*\)' module/sight/mib.c)
fi
exit $status
