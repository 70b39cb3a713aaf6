#!/bin/sh
# What a script does without zenml-login: curl twice, jq twice. Prints the name of the service account.
# usage: curl_jq.sh SERVER_URL API_KEY_FILE
# A private CA is named by CURL_CA_BUNDLE. No secret is in an argument: those can be read by every user.
set -eu

# jq -e fails when there is nothing to print, and so when curl failed.
token=$(curl -fsS --data-urlencode "password@$2" "$1/api/v1/login" |
    jq -er 'select(.token_type == "bearer").access_token')
printf 'header = "Authorization: Bearer %s"\n' "$token" |
    curl -fsS -K - "$1/api/v1/current-user" |
    jq -er 'select(.body.active and .body.is_service_account).name'
