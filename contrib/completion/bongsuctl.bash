# Completion of bongsuctl for bash. The running server knows its commands, hosts and accounts, so it
# is asked.
# shellcheck shell=bash

_bongsuctl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local program=(bongsuctl) words=() word i
	COMPREPLY=()

	case $previous in
	--config | --socket | =)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--timeout) return ;;
	esac
	# Options that choose the server go with the question; the rest is the command so far.
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--config | --socket)
			# readline makes three words of --config=FILE
			if [ "${COMP_WORDS[i + 1]}" = = ]; then ((i++)); fi
			((i++))
			program+=("$word" "${COMP_WORDS[i]/#\~/$HOME}")
			;;
		--timeout) ((i++)) ;;
		-*) ;;
		*) words+=("$word") ;;
		esac
	done
	if [[ $current == -* && ${#words[@]} -eq 0 ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			'--config --socket --json --timeout --version --help' -- "$current")
		return
	fi
	while IFS= read -r word; do
		# Accounts are named by other people: the shell may not expand what it is given.
		if [[ $word == "$current"* ]]; then COMPREPLY+=("$(printf %q "$word")"); fi
	done < <("${program[@]}" --timeout 2 complete "${words[@]}" 2>/dev/null)
}

complete -F _bongsuctl bongsuctl
