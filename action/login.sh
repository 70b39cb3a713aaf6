#!/bin/sh
# The step of action.yml and, with the word "clear", of clear/action.yml. What it is to do comes in the environment,
# as those files set it: no secret on a command line, no ${{ }} in a script. It ends as zenml-login.
set -eu

# fail STATUS CLASS CAUSE FIX: ends the step, with an annotation like those of zenml-login. CLASS is the meaning of
# STATUS in the manual page, written as a property of a workflow command.
fail()
{
    printf 'zenml-login: %s\nzenml-login: fix: %s\n' "$3" "$4" >&2
    printf '::error title=ZenML login%%3A %s::%s. Fix: %s\n' "$2" "$3" "$4"
    exit "$1"
}

# refuse CAUSE FIX: the workflow, or the copy of this action that it uses, has to change.
refuse()
{
    fail 2 "usage or configuration" "$1" "$2"
}

# one_of INPUT VALUE WORD WORD: VALUE is one of the words. Another value is not repeated: it can be anything.
one_of()
{
    case $2 in
    "$3" | "$4") ;;
    *) refuse "the input $1 takes $3 or $4, and has another value" "write $1: $3, or $1: $4" ;;
    esac
}

# find_binary: sets binary to the program of this action for this machine. It has to be the one in SHA256SUMS, each
# time: a self-hosted runner keeps the files of an action from job to job.
find_binary()
{
    case "$(uname -s) $(uname -m)" in
    "Linux x86_64") name=linux-amd64/zenml-login ;;
    "Linux aarch64") name=linux-arm64/zenml-login ;;
    *) fail 14 "unsupported platform%2C or unsafe value for it" "no binary for $(uname -s) on $(uname -m)" \
        "use a Linux runner, x86_64 or aarch64, or name a program of your own with the input binary" ;;
    esac
    folder="$(cd "$(dirname "$0")" && pwd)/bin"
    binary="$folder/$name"
    [ -x "$binary" ] || refuse "this copy of the action has no bin/$name" \
        "use the commit of a release: the main branch carries no binaries"
    command -v sha256sum >/dev/null || refuse "no sha256sum, so that bin/$name cannot be verified" \
        "install coreutils or busybox in the image of the job"
    if ! line="$(cd "$folder" && sha256sum "$name")" || ! grep -qsxF "$line" "$folder/SHA256SUMS"; then
        refuse "bin/$name is not the file that bin/SHA256SUMS lists" \
            "remove the runner's copy of this action, so that it is fetched again, and find out who changed it"
    fi
}

# write_ca_file: sets INPUT_CA_FILE to a file with the certificates of the input ca-cert. The ZenML client of later
# steps reads it too, so it stays until the runner empties its folder for temporary files after the job.
write_ca_file()
{
    [ -z "${INPUT_CA_FILE:-}" ] || refuse "the inputs ca-file and ca-cert are both given" "give one of them"
    umask 077
    folder="$(mktemp -d "${RUNNER_TEMP:-/tmp}/zenml-login.XXXXXX")" ||
        fail 13 "cannot write the output" "cannot make a folder in RUNNER_TEMP" "let it be a folder with free space"
    INPUT_CA_FILE="$folder/ca.pem"
    case $INPUT_CA_CERT in
    *-----BEGIN*) printf '%s\n' "$INPUT_CA_CERT" ;;
    *) printf '%s\n' "$INPUT_CA_CERT" | base64 -d 2>/dev/null || true ;;
    esac >"$INPUT_CA_FILE"
    grep -q -e -----BEGIN "$INPUT_CA_FILE" ||
        refuse "the input ca-cert is neither PEM nor base64 of it" "give the text of the PEM file"
}

if [ -z "${INPUT_BINARY:-}" ]; then
    find_binary
else
    binary=$INPUT_BINARY
    command -v "$binary" >/dev/null || refuse "the input binary names no program" "give the path of zenml-login"
fi
[ "${1:-}" != clear ] || exec "$binary" clear --format github

one_of credential "${INPUT_CREDENTIAL:-}" token key
one_of export-env "${INPUT_EXPORT_ENV:-}" true false
one_of allow-disk-cache "${INPUT_ALLOW_DISK_CACHE:-}" false true
one_of if-missing "${INPUT_IF_MISSING:-}" fail skip
[ -z "${INPUT_CA_CERT:-}" ] || write_ca_file

# An input that is empty is an option that is not given: zenml-login has the defaults.
set -- --github-step "--if-missing=$INPUT_IF_MISSING" \
    ${INPUT_SERVER_URL:+"--server=$INPUT_SERVER_URL"} \
    ${INPUT_API_KEY_FILE:+"--api-key-file=$INPUT_API_KEY_FILE"} \
    ${INPUT_EXPECT_USER:+"--expect-user=$INPUT_EXPECT_USER"} \
    ${INPUT_EXPECT_SERVER_ID:+"--expect-server-id=$INPUT_EXPECT_SERVER_ID"} \
    ${INPUT_CA_FILE:+"--ca-file=$INPUT_CA_FILE"} \
    ${INPUT_TIMEOUT:+"--timeout=$INPUT_TIMEOUT"}
[ "$INPUT_EXPORT_ENV" = true ] || exec "$binary" whoami "$@"
[ "$INPUT_ALLOW_DISK_CACHE" = false ] || set -- "$@" --allow-disk-cache
exec "$binary" env --format=github "$@" "--credential=$INPUT_CREDENTIAL" \
    ${INPUT_EXPIRES_IN:+"--expires-in=$INPUT_EXPIRES_IN"} \
    ${INPUT_PROJECT:+"--project=$INPUT_PROJECT"}
