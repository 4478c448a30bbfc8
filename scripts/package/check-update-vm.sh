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
check "the module goes" unloads

# without_headers: as when there were none for DKMS
without_headers()
{
	local there=/lib/modules/$(uname -r) said

	mv "$there/updates/dkms" /root/aside && mv "$there/build" /root/build && depmod
	said=$(xtcp_run true 2>&1)
	mv /root/aside "$there/updates/dkms" && mv /root/build "$there/build" && depmod
	echo "$said"
	[[ $said == "xtcp_run: DKMS has not built the xtcp module for Linux $(uname -r): it wants linux-headers-$(uname -r), then "* ]]
}
check "where DKMS has not built it, xtcp_run names the headers" without_headers
check "root loads it again" modprobe xtcp
check "a removal without open sockets" sh -c 'dpkg --purge xtcp-dkms >/tmp/purge 2>&1'
check "says what stays in the memory" grep -q '^xtcp: the module stays in the memory' /tmp/purge
check "it unloads" unloads
