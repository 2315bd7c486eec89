# Completion of sftpmount's command line in bash. The program itself says what
# may follow (sftpmount complete); a word that starts with ":" is for the shell.

_sftpmount() {
	local line=${COMP_LINE:0:COMP_POINT} words cut candidate
	read -ra words <<<"$line"
	# A blank at the end starts a new word.
	[[ $line == *[[:space:]] ]] && words+=("")
	local word=${words[-1]}
	COMPREPLY=()
	while IFS=$'\t' read -r candidate _; do
		case $candidate in
		:files) mapfile -t COMPREPLY < <(compgen -f -- "$word") && compopt -o filenames ;;
		:dirs) mapfile -t COMPREPLY < <(compgen -d -- "$word") && compopt -o filenames ;;
		*) COMPREPLY+=("$candidate") ;;
		esac
	done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
	# bash itself takes ":" and "=" for ends of words, and replaces only what
	# comes after them.
	case $COMP_WORDBREAKS in
	*[:=]*)
		cut=${word%"${word##*[:=]}"}
		COMPREPLY=("${COMPREPLY[@]#"$cut"}")
		;;
	esac
	# More is to follow these.
	if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:=] ]]; then
		compopt -o nospace
	fi
}

complete -F _sftpmount sftpmount
