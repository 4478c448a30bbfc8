# SPDX-License-Identifier: GPL-2.0
#
# The drawing for scripts/ladder: reads the events of every connection, then
# makes rows of the chosen ones and prints them.
#
# A row is a segment, or a state change, timer, drop or change of congestion state of its own. A segment's
# departure makes its row; its arrival finds that row again. A state that an
# arrival brings about stands on the arrival's row, as in RFC 9293 figure 6.

BEGIN {
	WIDTH = 62	# between the columns
	STATE = 12
	MODULUS = 4294967296
	split("S SYN F FIN R RST P PSH A ACK U URG E ECE C CWR", pairs, " ")
	for (i = 1; i < 16; i += 2)
		flag_name[pairs[i]] = pairs[i + 1]
}

# ---- events

match($0, / xtcp_[a-z_]+: /) {
	name = substr($0, RSTART + 6, RLENGTH - 8)
	when = substr($0, 1, RSTART - 1)
	sub(/:$/, "", when)
	sub(/.*[ \t]/, "", when)
	split("", field)
	count = split(substr($0, RSTART + RLENGTH), words, " ")
	for (i = 1; i <= count; i++)
		if ((at = index(words[i], "=")) > 0)
			field[substr(words[i], 1, at - 1)] = substr(words[i], at + 1)
	if ((at = index($0, " reason=")) > 0)	# the last field: it may have spaces
		field["reason"] = substr($0, at + 8)
	add_event()
}

function port_of(end)
{
	sub(/.*:/, "", end)
	return end
}

function add_event(   key, local, peer)
{
	local = field["local"]
	peer = field["peer"]
	if (peer == "" || port_of(peer) == 0 || port_of(local) == 0)
		return
	key = local < peer ? local "|" peer : peer "|" local
	if (!(key in events)) {
		conn_key[++conns] = key
		events[key] = 0
		segments[key] = 0
		opener[key] = local
	}
	n = ++events[key]
	e_name[key, n] = name
	e_time[key, n] = when + 0
	e_local[key, n] = local
	e_state[key, n] = field["state"]
	e_old[key, n] = field["old"]
	e_new[key, n] = field["new"]
	e_what[key, n] = name == "timer" ? field["timer"] : field["reason"]
	e_rto[key, n] = field["rto_ms"] * 2 ^ field["backoff"]
	e_seq[key, n] = field["seq"] + 0
	e_end[key, n] = field["end"] + 0
	e_ack[key, n] = field["ack"] + 0
	e_len[key, n] = field["len"] + 0
	e_wnd[key, n] = field["wnd"] + 0
	e_flags[key, n] = substr(field["flags"], 2, length(field["flags"]) - 2)
	e_resent[key, n] = field["resent"] + 0
	e_sacks[key, n] = substr(field["sacks"], 2, length(field["sacks"]) - 2)
	e_phase[key, n] = field["phase"]
	e_cwnd[key, n] = field["cwnd"]
	e_ssthresh[key, n] = field["ssthresh"]
	traced[key, local] = field["netns"]
	if (name != "segment_in" && name != "segment_out")
		return
	if (!segments[key]++ || (!(key in seen_syn) && e_flags[key, n] ~ /^S[^A]*$/))
		opener[key] = name == "segment_out" ? local : peer
	if (e_flags[key, n] ~ /S/)
		seen_syn[key] = 1
}

# ---- rows of one connection

function modular(a)
{
	a %= MODULUS
	return a < 0 ? a + MODULUS : a
}

# SACK blocks: the first, and how many more. RFC 2883 section 4: one that ends at or below SEG.ACK, or lies within the
# second one, tells of what came twice.
function sack_text(list, ack, base,   blocks, edges, second, count, duplicate)
{
	count = split(list, blocks, ",")
	split(blocks[1], edges, "-")
	duplicate = modular(ack - edges[2]) < MODULUS / 2
	if (!duplicate && count > 1) {
		split(blocks[2], second, "-")
		duplicate = modular(edges[1] - second[1]) < MODULUS / 2 && modular(second[2] - edges[2]) < MODULUS / 2
	}
	return (duplicate ? " D-SACK=" : " SACK=") modular(edges[1] - base) "-" modular(edges[2] - base) \
		(count > 1 ? "+" count - 1 : "")
}

function label(key, i, from,   text, k, flags, to)
{
	to = 3 - from
	flags = e_flags[key, i]
	text = ""
	for (k = 1; k <= length(flags); k++)
		text = text (k > 1 ? "," : "") flag_name[substr(flags, k, 1)]
	if (text == "")
		text = "no flags"
	if (flags ~ /S/ || !(from in isn))
		isn[from] = flags ~ /S/ ? e_seq[key, i] : e_seq[key, i] - 1
	text = text " SEQ=" modular(e_seq[key, i] - isn[from])
	if (flags ~ /A/) {
		if (!(to in isn))
			isn[to] = e_ack[key, i] - 1
		text = text " ACK=" modular(e_ack[key, i] - isn[to])
	}
	if (e_sacks[key, i] != "")
		text = text sack_text(e_sacks[key, i], e_ack[key, i], isn[to])
	if (e_len[key, i])
		text = text " LEN=" e_len[key, i]
	return text " WND=" e_wnd[key, i]
}

function new_row(kind, time, from, text)
{
	r_kind[++rows] = kind
	r_time[rows] = time
	r_from[rows] = from
	r_text[rows] = text
	r_arrived[rows] = 0
	r_note[rows] = ""
	r_seq[rows] = r_end[rows] = r_ack[rows] = 0
	r_state[rows, 1] = r_state[rows, 2] = ""
	return rows
}

# The departure that is this arrival: of text the newest one, since what was sent before it may be what is lost, else
# the oldest one. Or 0.
function same_departure(sign, text,   n)
{
	if (text) {
		for (n = same_last[sign]; n > 0; n--)
			if (!r_arrived[same[sign, n]])
				return same[sign, n]
		return 0
	}
	while (same_first[sign] < same_last[sign])
		if (!r_arrived[same[sign, ++same_first[sign]]])
			return same[sign, same_first[sign]]
	return 0
}

# The newest departure that has not arrived and that this arrival is, contains (segments merged on the way) or is part
# of (a bundle cut on the way).
function find_departure(key, i, from,   row, fit, d_seq, d_end)
{
	row = same_departure(from SUBSEP signature(key, i), e_len[key, i])
	if (row)
		return row
	for (fit = 1; fit <= 3; fit++)
		for (row = rows; row > 0 && row > rows - 500; row--) {
			if (r_kind[row] != "segment" || r_from[row] != from || (r_arrived[row] && fit != 3))
				continue
			d_seq = modular(r_seq[row] - e_seq[key, i])
			d_end = modular(e_end[key, i] - r_end[row])
			if (fit == 1 && !d_seq && !d_end && r_flags[row] == e_flags[key, i])
				return row
			if (fit == 2 && d_seq < MODULUS / 2 && d_end < MODULUS / 2 && r_end[row] != r_seq[row])
				return row
			if (fit == 3 && e_len[key, i] && modular(-d_seq) < MODULUS / 2 &&
			    modular(-d_end) < MODULUS / 2 && modular(-d_seq) + modular(-d_end) > 0)
				return row
		}
	return 0
}

# Some awks round a number of more than 31 bits that becomes a word.
function signature(key, i)
{
	return sprintf("%.0f %.0f %d %s %s", e_seq[key, i], e_ack[key, i], e_wnd[key, i], e_flags[key, i], e_sacks[key, i])
}

function departure(key, i, s,   row, sign)
{
	row = new_row("segment", e_time[key, i], s, label(key, i, s))
	r_seq[row] = e_seq[key, i]
	r_end[row] = e_end[key, i]
	r_ack[row] = e_ack[key, i]
	r_flags[row] = e_flags[key, i]
	if (e_resent[key, i])
		r_note[row] = "resent"
	if (!both)
		r_arrived[row] = 1
	sign = s SUBSEP signature(key, i)
	same[sign, ++same_last[sign]] = row
	current[s] = e_state[key, i]
	r_state[row, s] = current[s]
	last[s] = newest[s] = row
	arrived_last[s] = e_flags[key, i] ~ /R/
	pending[s] = 0
}

function arrival(key, i, s,   row, merged)
{
	flush_pending(s)
	if (current[s] == "")
		current[s] = e_state[key, i]
	row = find_departure(key, i, 3 - s)
	if (!row) {
		row = new_row("segment", e_time[key, i], 3 - s, label(key, i, 3 - s))
		r_seq[row] = e_seq[key, i]
		r_end[row] = e_end[key, i]
		r_ack[row] = e_ack[key, i]
		r_flags[row] = e_flags[key, i]
		if (both)
			r_note[row] = "not seen leaving"
	}
	r_arrived[row] = 1
	while (modular(e_end[key, i] - e_seq[key, i]) > modular(r_end[row] - r_seq[row]) &&
	       (merged = find_departure(key, i, 3 - s)) && !r_arrived[merged])
		r_arrived[merged] = 1
	last[s] = row
	arrived_last[s] = 1
	if (row > newest[s])
		newest[s] = row
}

function flush_pending(s)
{
	if (pending[s])
		own_state_row(s, pending[s])
	pending[s] = 0
}

function own_state_row(s, time,   row)
{
	row = new_row("state", time, s, "")
	r_state[row, s] = current[s]
	newest[s] = row
	last[s] = row
	arrived_last[s] = 0
}

# An entry that becomes a sock and a sock that becomes a record end silently.
function state_change(key, i, s,   new, old)
{
	new = e_new[key, i]
	old = e_old[key, i]
	if (e_name[key, i] == "conn_state") {
		if (new == "CLOSED" && current[s] != "" && current[s] != old)
			return
		is_record[s] = new == "TIME-WAIT" || new == "FIN-WAIT-2"
	} else if (new == "CLOSED" && is_record[s]) {
		return
	}
	if (first[s] == "")
		first[s] = old
	flush_pending(s)
	if (new == current[s])
		return
	current[s] = new
	if (new == "SYN-SENT" || new == "FIN-WAIT-1" || new == "LAST-ACK")
		pending[s] = e_time[key, i]	# stands on the row of the segment that follows
	else if (arrived_last[s] && last[s] == newest[s])
		r_state[last[s], s] = new
	else
		own_state_row(s, e_time[key, i])
}

function note(time, s, text)
{
	flush_pending(s)
	last[s] = newest[s] = new_row("note", time, s, text)
	arrived_last[s] = 0
}

# The phase when it is another one, the reason, and the windows as far as they have moved.
function congestion(key, i, s,   text, windows)
{
	text = (e_phase[key, i] == phase[s] ? "" : e_phase[key, i] ": ") e_what[key, i]
	windows = ""
	if (cwnd[s] != "" && e_cwnd[key, i] != cwnd[s])
		windows = ", cwnd " cwnd[s] " -> " e_cwnd[key, i]
	if (e_ssthresh[key, i] != ssthresh[s] && e_ssthresh[key, i] < MODULUS - 1)
		windows = windows ", ssthresh " e_ssthresh[key, i]
	phase[s] = e_phase[key, i]
	cwnd[s] = e_cwnd[key, i]
	ssthresh[s] = e_ssthresh[key, i]
	if (length(text windows) + 4 <= WIDTH) {
		note(e_time[key, i], s, text windows)
	} else {
		note(e_time[key, i], s, text)
		note(e_time[key, i], s, substr(windows, 3))
	}
}

function make_rows(key,   i, s)
{
	split("", same)
	split("", same_first)
	split("", same_last)
	split("", phase)
	phase[1] = phase[2] = "Open"
	split("", cwnd)
	split("", ssthresh)
	split("", isn)
	split("", current)
	split("", first)
	split("", last)
	split("", newest)
	split("", pending)
	split("", is_record)
	split("", arrived_last)
	rows = 0
	for (i = 1; i <= events[key]; i++) {
		s = e_local[key, i] == left ? 1 : 2
		if (first[s] == "" && e_name[key, i] ~ /segment/) {
			first[s] = e_state[key, i]
			if (first[s] == "SYN-SENT" && e_flags[key, i] ~ /^S[^A]*$/ && e_name[key, i] == "segment_out")
				first[s] = "CLOSED"
		}
		if (e_name[key, i] == "segment_out") {
			departure(key, i, s)
		} else if (e_name[key, i] == "segment_in") {
			arrival(key, i, s)
		} else if (e_name[key, i] == "state" || e_name[key, i] == "conn_state") {
			state_change(key, i, s)
		} else if (e_name[key, i] == "timer") {
			note(e_time[key, i], s, e_what[key, i] " timer" \
			     (e_what[key, i] == "retransmit" ? ", RTO " e_rto[key, i] " ms" : ""))
		} else if (e_name[key, i] == "congestion") {
			congestion(key, i, s)
		} else if (e_name[key, i] == "ack") {
			cwnd[s] = e_cwnd[key, i]
			ssthresh[s] = e_ssthresh[key, i]
		} else if (e_name[key, i] == "drop") {
			if (last[s] && arrived_last[s])
				r_note[last[s]] = r_note[last[s]] (r_note[last[s]] == "" ? "" : ", ") \
						  "dropped: " e_what[key, i]
			else
				new_row("note", e_time[key, i], s, "dropped: " e_what[key, i])
		}
	}
	flush_pending(1)
	flush_pending(2)
}

# ---- what --fold leaves out

# The kind of event that a row is; "": it goes by. Of duplicate ACKs, what a list of losses or repetitions goes on with,
# the first three count.
function event_of(row,   s, like, moved)
{
	moved = 0
	for (s = 1; s <= 2; s++)
		if (r_state[row, s] != "" && r_state[row, s] != was[s]) {
			was[s] = r_state[row, s]
			moved = 1
		}
	s = r_from[row]
	if (r_kind[row] != "segment" || moved || r_flags[row] ~ /[SFR]/ || r_note[row] ~ /dropped/)
		return "once"
	like = !r_arrived[row] ? "lost" : r_note[row] != "" ? r_note[row] : ""
	if (like == "" && r_seq[row] == r_end[row] && r_ack[row] == acked[s])
		like = "duplicate"
	if (r_seq[row] == r_end[row])
		acked[s] = r_ack[row]
	if (like == "")
		return run_of[s] = ""
	run[s] = like == run_of[s] ? run[s] + 1 : 1
	run_of[s] = like
	return run[s] <= 3 ? like : ""
}

function choose_rows(   row)
{
	split("", was)
	split("", acked)
	split("", run)
	split("", run_of)
	for (row = 1; row <= rows; row++)
		r_shown[row] = !fold || event_of(row) != ""
	for (row = 1; fold && row <= rows; row++)	# a line that says "one segment" is no shorter
		if (!r_shown[row] && (row == 1 || r_shown[row - 1]) && (row == rows || r_shown[row + 1]))
			r_shown[row] = 1
}

function fold_row(row,   s)
{
	s = r_from[row]
	folded[s]++
	if (!r_arrived[row])
		folded_lost[s]++
	if (r_note[row] ~ /resent/)
		folded_resent[s]++
}

function folded_text(s,   text)
{
	text = folded[s] (folded_lost[s] ? ", " folded_lost[s] " of them lost" : "") \
	       (folded_resent[s] ? ", " folded_resent[s] " resent" : "")
	text = s == 1 ? text " -->" : "<-- " text
	if (!folded[s])
		text = ""
	folded[s] = folded_lost[s] = folded_resent[s] = 0
	return text
}

function draw_folded(   text, left)
{
	if (!folded[1] && !folded[2])
		return
	left = folded_text(1)
	text = folded_text(2)
	text = left (left != "" && text != "" ? "   " : "") text
	left = int((WIDTH - length(text)) / 2)
	print pad("", 10 + STATE) " :" paint("2", pad(repeat(" ", left) text, WIDTH)) ":"
}

# ---- drawing

function repeat(what, times,   text)
{
	text = ""
	while (times-- > 0)
		text = text what
	return text
}

function paint(code, text)
{
	return color ? "\033[" code "m" text "\033[0m" : text
}

function pad(text, width)
{
	return text repeat(" ", width - length(text))
}

function state_column(row, s,   text)
{
	text = r_state[row, s]
	if (text == "" || text == shown[s])
		return repeat(" ", STATE)
	shown[s] = text
	text = s == 1 ? repeat(" ", STATE - length(text)) text : text
	return paint("1", s == 1 ? text : pad(text, STATE))
}

function rung(row,   text, arrow, code)
{
	if (r_kind[row] == "state")
		return repeat(" ", WIDTH)
	if (r_kind[row] == "note") {
		text = "(" r_text[row] ")"
		return paint("35", r_from[row] == 1 ? pad(" " text, WIDTH) : repeat(" ", WIDTH - length(text) - 1) text " ")
	}
	text = " " r_text[row] (r_note[row] == "" ? "" : " (" r_note[row] ")") " "
	arrow = repeat("-", WIDTH - length(text) - 4)
	if (r_from[row] == 1)
		text = "--" text arrow (r_arrived[row] ? "->" : "X ")
	else
		text = (r_arrived[row] ? "<-" : " X") arrow text "--"
	code = r_text[row] ~ /RST/ || !r_arrived[row] ? 31 : r_note[row] != "" ? 35 : r_text[row] ~ /SYN/ ? 32 : \
	       r_text[row] ~ /FIN/ ? 33 : r_text[row] ~ /LEN=/ ? 36 : 0
	return code ? paint(code, text) : text
}

function end_name(key, end)
{
	return end ((key, end) in traced ? "" : " (not xtcp here)")
}

# The states when the first row that is drawn begins.
function opening_states(   row, s)
{
	r_state[rows, 1] = first[1]
	r_state[rows, 2] = first[2]
	for (row = 1; row < rows && (r_time[row] - r_time[1]) * 1000 < from; row++)
		for (s = 1; s <= 2; s++)
			if (r_state[row, s] != "")
				r_state[rows, s] = r_state[row, s]
}

function draw(key,   row, other)
{
	left = opener[key]
	split(key, ends, "|")
	right = ends[1] == left ? ends[2] : ends[1]
	both = ((key, left) in traced) && ((key, right) in traced)
	make_rows(key)
	split("", shown)

	other = end_name(key, right)
	text = end_name(key, left)
	printf "%9s %s%s\n", "ms", paint("1", text), repeat(" ", STATE + WIDTH + 4 + STATE - length(text) - length(other)) \
		paint("1", other)
	row = new_row("state", r_time[1], 1, "")
	opening_states()
	print repeat(" ", 10) state_column(row, 1) " |" rung(row) "| " state_column(row, 2)
	rows--
	choose_rows()
	for (row = 1; row <= rows; row++) {
		ms = (r_time[row] - r_time[1]) * 1000
		if (ms < from || ms > to)
			continue
		if (!r_shown[row]) {
			fold_row(row)
			continue
		}
		draw_folded()
		printf "%9.3f %s |%s| %s\n", ms, state_column(row, 1), rung(row), state_column(row, 2)
	}
	draw_folded()
}

END {
	found = 0
	for (c = 1; c <= conns; c++) {
		key = conn_key[c]
		if (!segments[key])
			continue
		split(key, ends, "|")
		if (port != "" && port_of(ends[1]) != port && port_of(ends[2]) != port)
			continue
		if (mode == "list") {
			left = opener[key]
			printf "%s -> %s: %d segment events\n", left, ends[1] == left ? ends[2] : ends[1], segments[key]
		} else {
			if (found)
				print ""
			draw(key)
		}
		found++
		if (mode == "first")
			break
	}
	if (!found) {
		print "ladder: no segments of " (port == "" ? "any connection" : "a connection with port " port) \
			" in this trace" > "/dev/stderr"
		exit 1
	}
}
