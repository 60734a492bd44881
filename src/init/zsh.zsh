# permwrap for zsh: eval "$(permwrap init zsh)" in ~/.zshrc

# An alias belongs to the name: what a virtual environment brings later is wrapped, too. What is an alias or a function
# already stays as it is.
() {
    local name
    for name in @COMMANDS@; do
        if (( ! $+aliases[$name] && ! $+functions[$name] )); then
            alias $name="permwrap -- $name"
        fi
    done
}

# Defines the completion; called once the completion system is there.
__permwrap_completion() {
@COMPLETION@
    compdef __permwrap permwrap
}

# After `permwrap [OPTIONS] [--]` stands another command: its own completion answers.
__permwrap() {
    local -i at command=0
    for (( at = 2; at < CURRENT; at++ )); do
        case $words[at] in
            --) (( command = at + 1 )); break ;;
            @OPTIONS_WITH_VALUE@) (( at++ )) ;;
            -*) ;;
            @SUBCOMMANDS@) break ;;
            *) (( command = at )); break ;;
        esac
    done
    if (( command )); then
        shift $(( command - 1 )) words
        (( CURRENT -= command - 1 ))
        _normal -p permwrap
    else
        _permwrap "$@"
        if (( at == CURRENT )) && [[ $words[CURRENT] != -* ]]; then
            _command_names -e
        fi
    fi
}

if (( $+functions[compdef] )); then
    __permwrap_completion
else
    # compinit comes later in the start-up file.
    __permwrap_first_prompt() {
        (( $+functions[compdef] )) && __permwrap_completion
        add-zsh-hook -d precmd __permwrap_first_prompt
    }
    autoload -Uz add-zsh-hook && add-zsh-hook precmd __permwrap_first_prompt
fi
