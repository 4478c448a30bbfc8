# SPDX-License-Identifier: GPL-2.0
#
# make package-check, in the virtual machine: what make install has put there is used, and goes. The machine has booted
# with Secure Boot, but on arm64.

. /root/check/check-lib-vm.sh

from_usr_local()
{
	[ "$(command -v xtcp_run)" = /usr/local/bin/xtcp_run ]
}

signer_is()
{
	[ "$(modinfo -F signer xtcp)" = "$1" ]
}

new_socket()
{
	python3 -c 'import os, socket; os.setuid(65534); socket.socket(25, socket.SOCK_STREAM, 0)'
}

uninstalled()
{
	make -C /root/xtcp uninstall && ! find / -xdev -iname '*xtcp*' ! -path '/root/*' ! -path '/tmp/*' ! -path '/var/*' | grep .
}

if [ "$(uname -m)" = x86_64 ]; then
	check "the firmware has booted with Secure Boot" sh -c "dmesg | grep -q 'Kernel is locked down from EFI Secure Boot'"
	strip -g -o /tmp/unsigned.ko "$(modinfo -n xtcp)"
	check "a module without a signature is refused" sh -c "insmod /tmp/unsigned.ko 2>&1 | grep -q 'Key was rejected by service'"
fi
check "xtcp_run is that of make install" from_usr_local
check "SIGN_KEY and SIGN_CERT have signed the module" signer_is SnakeOil
check "not loaded before it is needed" not loaded
check "nobody's socket loads it" not new_socket
check "it is not loaded" not loaded
check "xtcp_run nginx" xtcp_run nginx
check "curl gets its page" moved TcpPassiveOpens 1 serves curl
check "xtcp_run curl gets it" moved TcpActiveOpens 1 serves xtcp_run curl
check "nginx ends" stopped
check "it unloads again" unloads
check "make uninstall takes all of it" uninstalled
check "no socket of that family, as before" sh -c \
	'python3 -c "import socket; socket.socket(25, socket.SOCK_STREAM, 0)" 2>&1 | grep -q "Address family not supported"'
