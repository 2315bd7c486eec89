# Completion of sftpmount's command line in fish. The program itself says what
# may follow (sftpmount complete); a word that starts with ":" is for the shell.

function __sftpmount_complete
    set -l words (commandline -opc) (commandline -ct)
    for candidate in ($words[1] complete -- $words[2..] 2>/dev/null)
        switch $candidate
            case ':files*'
                __fish_complete_path (commandline -ct)
            case ':dirs*'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $candidate
        end
    end
end

complete -c sftpmount -f -a '(__sftpmount_complete)'
