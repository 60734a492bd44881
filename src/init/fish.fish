# permwrap for fish: permwrap init fish | source, in ~/.config/fish/config.fish

# A function keeps the completion of its name, and belongs to the name: what a virtual environment brings later is wrapped, too.
# What is a function already stays as it is. `jobs` shows the words that eval is given.
for __permwrap_name in @COMMANDS@
    if not functions --query $__permwrap_name
        function $__permwrap_name --inherit-variable __permwrap_name --wraps $__permwrap_name
            eval permwrap -- $__permwrap_name (string escape -- $argv)
        end
    end
end
set --erase __permwrap_name

@COMPLETION@

# What stands behind a subcommand's name.
complete --command permwrap --no-files --condition '__fish_seen_subcommand_from causes' --arguments '@CAUSES@'
complete --command permwrap --condition '__fish_seen_subcommand_from why; and test (count (commandline --tokenize --cut-at-cursor --current-process)) -eq 2' --arguments '@OPERATIONS@'

# The words of the command that stands after `permwrap [OPTIONS] [--]`; fails where there is none yet.
function __permwrap_command
    set --local words (commandline --tokenize --cut-at-cursor --current-process) (commandline --current-token)
    set --erase words[1]
    while set --query words[2]
        switch $words[1]
            case --
                set --erase words[1]
                break
            case @OPTIONS_WITH_VALUE@
                set --erase words[1..2]
            case '-*'
                set --erase words[1]
            case @SUBCOMMANDS@
                return 1
            case '*'
                break
        end
    end
    set --query words[1]; or return 1
    string match --quiet -- '-*' $words[1]; and return 1
    printf '%s\n' $words
end

# Another command's own completion answers for it.
complete --command permwrap --no-files --condition '__permwrap_command >/dev/null' --arguments '(complete --do-complete (__permwrap_command | string escape | string join " "))'
