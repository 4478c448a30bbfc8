# SPDX-License-Identifier: GPL-2.0
#
# make package-check, in the virtual machine: after the kernel's update.

. /root/check/check-lib-vm.sh

check "not loaded before it is needed" not loaded
check "xtcp_run nginx" xtcp_run nginx
check "which has loaded it" loaded
check "curl gets its page" moved TcpPassiveOpens 1 serves curl
check "xtcp_run curl gets it" moved TcpActiveOpens 1 serves xtcp_run curl
check "nginx ends" stopped
check "a removal without open sockets" sh -c 'dpkg --purge xtcp-dkms >/tmp/purge 2>&1'
check "takes the module away" not loaded
