# shellcheck shell=bash
# Completion of zenml-login in bash. SPDX-License-Identifier: Apache-2.0

# _zenml_login_options COMMAND: its options.
_zenml_login_options()
{
    local every="--verbose --quiet --help --version"
    local connects="--server --ca-file --ca-mode --pin --allow-http --timeout --expect-user --expect-server-id"
    local grants="--credential --expires-in --allow-disk-cache"

    case $1 in
    env) echo "$connects --api-key-file --project $grants --format --output --allow-secret-artifact" \
        "--if-missing --github-step $every" ;;
    exec) echo "$connects --api-key-file --project $grants $every" ;;
    whoami) echo "$connects --api-key-file --if-missing --github-step --min-ttl --json $every" ;;
    login) echo "$connects --trusted --logout $every" ;;
    clear) echo "--format $every" ;;
    doctor) echo "$connects --api-key-file --project --json --try --user $every" ;;
    esac
}

# _zenml_login_formats COMMAND: clear cannot undo all that env can write.
_zenml_login_formats()
{
    echo "github gitlab circleci buildkite bitbucket jenkins shell"
    [[ $1 == clear ]] || echo "azure dotenv docker compose kubernetes systemd properties json"
}

# _zenml_login_value COMMAND OPTION WORD: completes the value of OPTION. Fails when OPTION takes none.
_zenml_login_value()
{
    case $2 in
    --format) mapfile -t COMPREPLY < <(compgen -W "$(_zenml_login_formats "$1")" -- "$3") ;;
    --credential) mapfile -t COMPREPLY < <(compgen -W "token key" -- "$3") ;;
    --ca-mode) mapfile -t COMPREPLY < <(compgen -W "replace add" -- "$3") ;;
    --if-missing) mapfile -t COMPREPLY < <(compgen -W "fail skip" -- "$3") ;;
    --user) mapfile -t COMPREPLY < <(compgen -u -- "$3") ;;
    --api-key-file | --ca-file | --output) _zenml_login_files "$3" ;;
    --server | --pin | --timeout | --expect-user | --expect-server-id | --expires-in | --project | --min-ttl) ;;
    *) return 1 ;;
    esac
}

_zenml_login_files()
{
    compopt -o filenames 2>/dev/null # fails outside of a completion
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# _zenml_login_command FIRST: what exec runs begins at word FIRST of the line.
_zenml_login_command()
{
    if declare -F _command_offset >/dev/null; then # of the package bash-completion
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")
    else
        _zenml_login_files "${COMP_WORDS[COMP_CWORD]}"
    fi
}

_zenml_login()
{
    local verb=${COMP_WORDS[1]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} i

    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "env exec whoami login clear doctor --help --version" -- "$word")
        return
    fi
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ $verb == exec && ${COMP_WORDS[i]} == -- ]]; then
            _zenml_login_command $((i + 1))
            return
        fi
    done
    if [[ $word == = ]]; then # "--format=json" is three words to bash
        word=""
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    _zenml_login_value "$verb" "$before" "$word" && return
    if [[ $verb == doctor && $word != -* ]]; then
        if [[ " ${COMP_WORDS[*]:2:COMP_CWORD-2} " == *" pam "* ]]; then
            _zenml_login_files "$word"
        else
            mapfile -t COMPREPLY < <(compgen -W "pam" -- "$word")
        fi
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$(_zenml_login_options "$verb")" -- "$word")
}

complete -F _zenml_login zenml-login
