/*
 * samples - credentials of the shape that servers make, and what they are worth in the tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_TESTS_SAMPLES_H
#define ZN_TESTS_SAMPLES_H

#include <stddef.h>

#define SAMPLE_KEY_ID "01234567-89ab-4cde-8f01-23456789abcd"
#define SAMPLE_INNER  "5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592"

/* What is inside an API key, without blanks as servers since 0.68 write it, and with, as before. */
#define SAMPLE_ENVELOPE        "{\"id\":\"" SAMPLE_KEY_ID "\",\"key\":\"" SAMPLE_INNER "\"}"
#define SAMPLE_ENVELOPE_BLANKS "{\"id\": \"" SAMPLE_KEY_ID "\", \"key\": \"" SAMPLE_INNER "\"}"

/* Writes "ZENKEY_" and `envelope` in base64 as a string into `dst`; fails the test when too long.
 */
void sample_key(char *dst, size_t size, const char *envelope);

/* Writes a JWT with the claims in `payload` as a string into `dst`; as sample_key. */
void sample_token(char *dst, size_t size, const char *payload);

#endif
