# SPDX-License-Identifier: GPL-2.0
#
# make package-check, in the virtual machine: the last of README.md's lines, after the others.

. /root/check/check-lib-vm.sh

check "README.md: $(sed 's/ *#.*//' line)" sh line
check "nginx listens on xtcp" sh -c 'xtcp-ss -ltn | grep -q ":80 "'
check "curl gets its page, over kernel TCP at its end" moved TcpPassiveOpens 1 serves curl
check "xtcp_run curl gets it, over xtcp at both" moved TcpActiveOpens 1 serves xtcp_run curl
check "nginx ends" stopped
check "the module goes" unloads
