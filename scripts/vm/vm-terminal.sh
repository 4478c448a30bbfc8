# SPDX-License-Identifier: GPL-2.0
#
# vm-terminal.sh PORT: runs in the virtual machine, beside the command with the terminal. /run/vm/second/request has a
# line while scripts/vm/vm-terminal.py holds the other side of the port: TOKEN ROWS COLUMNS TERM. For each new token
# /run/vm/second/command runs there. What is written to the port while nobody is there yet gets lost, so we say
# "TOKEN ready." until a line with the token comes back. "TOKEN begin." stands before what the command writes,
# "TOKEN STATUS." behind it.

port=$1 last= shell= hold=
exec {never}<> <(:)

ask()
{
	token=
	read -r token rows columns term 2>/dev/null </run/vm/second/request
}

hang_up()
{
	local tries left

	[ -n "$shell" ] || return
	kill -HUP "$shell" 2>/dev/null
	for ((tries = 0; tries < 20; tries++)); do
		kill -0 "$shell" 2>/dev/null || break
		read -rt 0.1 -u "$never"
	done
	kill -KILL "$shell" 2>/dev/null
	wait "$shell" 2>/dev/null
	# The kernel hangs up the foreground group alone: not a command that the shell was about to put there.
	left=$(ps -o pid= -s "$shell") && kill -HUP $left 2>/dev/null
	shell=
}

begin()
{
	local line=

	# The port was hung up with the shell before: open it anew. A port that nobody has open forgets its settings.
	[ -z "$hold" ] || exec {hold}>&-
	exec {hold}<>"$port"
	stty -F "$port" raw -echo
	until [[ $line = *"$last" ]]; do
		printf '%s ready.' "$last" >&"$hold"
		read -rt 0.3 -u "$hold" line
		ask
		[ "$token" = "$last" ] || return
	done
	export TERM=$term
	setsid -c bash -c "stty sane rows $rows cols $columns; printf '%s begin.' $last; . /run/vm/second/command" \
		<"$port" >"$port" 2>&1 &
	shell=$!
}

while :; do
	ask
	if [ "$token" != "$last" ]; then
		hang_up
		last=$token
		[ -z "$token" ] || begin
	fi
	if [ -n "$shell" ] && ! kill -0 "$shell" 2>/dev/null; then
		wait "$shell"
		printf '%s %s.' "$last" $? >"$port"
		shell=
	fi
	read -rt 0.3 -u "$never"
done
