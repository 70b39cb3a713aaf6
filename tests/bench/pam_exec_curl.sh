#!/bin/sh
# What a host does without pam_zenml: pam_exec with curl and jq. Lets the user in whom the map lists.
# PAM line: auth required pam_exec.so quiet expose_authtok pam_exec_curl.sh SERVER_URL MAP_FILE
# The API key comes on standard input; no secret is in an argument: those can be read by every user.
set -eu
PATH=/usr/bin:/bin

# jq -e fails when there is nothing to print, and so when curl failed.
curl -fsS "$1/api/v1/info" |
    jq -e '.active and (.auth_scheme == "OAUTH2_PASSWORD_BEARER" or .auth_scheme == "EXTERNAL")' >/dev/null
token=$(tr -d '\000' | curl -fsS --data-urlencode password@- "$1/api/v1/login" | jq -er '.access_token')
name=$(printf 'header = "Authorization: Bearer %s"\n' "$token" |
    curl -fsS -K - "$1/api/v1/current-user" |
    jq -er 'select(.body.active and .body.is_service_account).name')
grep -qxF "$name = $PAM_USER" "$2"
