# Completion of zenml-login in fish. SPDX-License-Identifier: Apache-2.0

# Whether the command is one of those named, and its options are still being typed.
function __zenml_login_in
    set -l words (commandline -opc)
    contains -- "$words[2]" $argv; and not contains -- -- $words
end

# Whether the words of what exec runs are being typed.
function __zenml_login_runs
    set -l words (commandline -opc)
    test "$words[2]" = exec; and contains -- -- $words
end

function __zenml_login_command
    set -l words (commandline -opc) (commandline -ct)
    set -l at (contains -i -- -- $words)
    complete -C (string escape -- $words[(math $at + 1)..-1] | string join ' ')
end

function __zenml_login_option
    complete -c zenml-login -n "__zenml_login_in $argv[1]" $argv[2..-1]
end

complete -c zenml-login -f
complete -c zenml-login -n __fish_is_first_arg -l help -s h -d 'print this help'
complete -c zenml-login -n __fish_is_first_arg -l version -s V -d 'print the version'

complete -c zenml-login -n __fish_is_first_arg -a env -d 'writes ZENML_STORE_* for the later steps of a CI job'
complete -c zenml-login -n __fish_is_first_arg -a exec -d 'runs a command with ZENML_STORE_* in its environment'
complete -c zenml-login -n __fish_is_first_arg -a whoami -d 'prints the account behind the credential'
complete -c zenml-login -n __fish_is_first_arg -a login -d 'logs a person in by a browser, for the other commands'
complete -c zenml-login -n __fish_is_first_arg -a clear -d 'undoes in the same job what env wrote'
complete -c zenml-login -n __fish_is_first_arg -a doctor \
    -d 'finds out why a login fails; with pam, checks the PAM files of this host'

set -l connects 'env exec whoami login doctor'
set -l proves 'env exec whoami doctor'
set -l every 'env exec whoami login clear doctor'

__zenml_login_option $connects -l server -x -d 'the ZenML server (default: $ZENML_STORE_URL)'
__zenml_login_option $proves -l api-key-file -rF -d 'read the API key from a file, - is standard input'
__zenml_login_option $connects -l ca-file -rF -d 'trust these certificate authorities (PEM)'
__zenml_login_option $connects -l ca-mode -xa 'replace add' \
    -d 'replace the system\'s authorities (default), or add to them'
__zenml_login_option $connects -l pin -x -d 'accept the server only with this public key'
__zenml_login_option $connects -l allow-http -d 'allow http to a host that is not loopback'
__zenml_login_option $connects -l timeout -x -d 'time for everything together (default: 30, login: 300)'
__zenml_login_option $connects -l expect-user -x -d 'fail unless the credential is this account\'s'
__zenml_login_option $connects -l expect-server-id -x -d 'fail unless the server has this id'
__zenml_login_option 'env exec' -l credential -xa 'token key' -d 'what to hand on (default: env token, exec key)'
__zenml_login_option 'env exec' -l expires-in -x -d 'lifetime of the token (default: 6h)'
__zenml_login_option 'env exec doctor' -l project -x -d 'make this project the active one; doctor: look for it'
__zenml_login_option 'env exec' -l allow-disk-cache -d 'let the ZenML client keep the credential on disk'
set -l format 'for this platform or reader (default: the platform\'s)'
set -l undone 'github gitlab circleci buildkite bitbucket jenkins shell' # clear cannot undo the others
set -l other 'azure dotenv docker compose kubernetes systemd properties json'
__zenml_login_option env -l format -xa "$undone $other" -d $format
__zenml_login_option clear -l format -xa $undone -d $format
__zenml_login_option env -l output -rF -d 'write there, - is standard output'
__zenml_login_option env -l allow-secret-artifact -d 'gitlab, bitbucket: put the API token into the file, too'
__zenml_login_option 'env whoami' -l if-missing -xa 'fail skip' \
    -d 'without a credential: fail (default), or do nothing'
__zenml_login_option 'env whoami' -l github-step -d 'outputs, job summary and annotation for GitHub\'s runner'
__zenml_login_option whoami -l min-ttl -x -d 'fail when the credential ends sooner than that'
__zenml_login_option 'whoami doctor' -l json -d 'print JSON'
__zenml_login_option login -l trusted -d 'ask the person to trust this device, so that it lasts longer'
__zenml_login_option login -l logout -d 'end the login, here and on the server'
__zenml_login_option doctor -l try -d 'also log in as pam_zenml would with the credential'
__zenml_login_option doctor -l user -xa '(__fish_complete_users)' \
    -d 'with --try: may the account be this local user?'
__zenml_login_option $every -s v -l verbose -d 'say what is being done'
__zenml_login_option $every -s q -l quiet -d 'say nothing but errors and warnings; doctor: nothing that is ok'
__zenml_login_option $every -s h -l help -d 'print this help'
__zenml_login_option $every -s V -l version -d 'print the version'

complete -c zenml-login -n '__zenml_login_in doctor; and not __fish_seen_subcommand_from pam' -a pam
complete -c zenml-login -n '__zenml_login_in doctor; and __fish_seen_subcommand_from pam' -F
complete -c zenml-login -n __zenml_login_runs -a '(__zenml_login_command)'

functions --erase __zenml_login_option
