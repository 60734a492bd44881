# permwrap for bash: eval "$(permwrap init bash)" in ~/.bashrc

# An alias keeps the completion of its name, and belongs to the name: what a virtual environment brings later is wrapped, too.
# What is an alias or a function already stays as it is. (No subshell: one for each name would be felt at the shell's start.)
for __permwrap_name in @COMMANDS@; do
    alias "$__permwrap_name" &>/dev/null || declare -F "$__permwrap_name" >/dev/null ||
        alias "$__permwrap_name=permwrap -- $__permwrap_name"
done
unset __permwrap_name

@COMPLETION@

# After `permwrap [OPTIONS] [--]` stands another command: its own completion answers.
__permwrap() {
    local at
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            --) __permwrap_command $((at + 1)); return ;;
            @OPTIONS_WITH_VALUE@) [ "${COMP_WORDS[at + 1]}" = = ] && ((at++)); ((at++)) ;;
            -*) ;;
            @SUBCOMMANDS@) _permwrap "$@"; return ;;
            *) __permwrap_command "$at"; return ;;
        esac
    done
    _permwrap "$@"
    [[ ${COMP_WORDS[COMP_CWORD]} == -* ]] || COMPREPLY+=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
}

# Completes the command that begins at this word.
__permwrap_command() {
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif [ "$1" -eq "$COMP_CWORD" ]; then
        COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
    else
        COMPREPLY=()
        compopt -o default 2>/dev/null
    fi
}
complete -o bashdefault -F __permwrap permwrap
