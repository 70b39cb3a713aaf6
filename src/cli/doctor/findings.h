/*
 * findings - what the doctor says about a file: one line for each thing it looked at.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_FINDINGS_H
#define ZC_DOCTOR_FINDINGS_H

#include <stdint.h>

#include "core/status.h"
#include "hostcfg/report.h"

enum zc_level { ZC_LEVEL_OK = 0, ZC_LEVEL_WARN, ZC_LEVEL_FAIL };

/* Where something is. */
struct zc_place {
    const char *file;
    size_t line; /* from 1; 0: the file as a whole */
};

/* Everything that was found so far. All zero, then zc_findings_init. */
struct zc_findings {
    struct zn_buf said; /* each finding once, also when two services include a file */
    size_t warnings;
    size_t failures;
    bool is_timed;    /* each finding says how long it took, since the one before */
    int64_t last_ms;  /* when that was, by zn_clock_system */
    bool is_json;     /* findings are collected, and printed by zc_findings_print_json */
    bool is_quiet;    /* what is ok is not printed; all of it is in the JSON */
    bool is_coloured; /* a person reads them on a terminal, and has nothing against it */
    struct zn_buf json;
};

/* Makes `findings` empty, to be printed for whom standard output is. Ended by zc_findings_clear. */
void zc_findings_init(struct zc_findings *findings);

/* From now on findings say how long they took. */
void zc_findings_time(struct zc_findings *findings);

/* Prints all of them as one JSON object (docs/schema/doctor.schema.json). */
void zc_findings_print_json(const struct zc_findings *findings, int exit_code);

/* Frees what was remembered. */
void zc_findings_clear(struct zc_findings *findings);

/*
 * Prints a finding to standard output, unless it was printed before: "FILE:LINE: LEVEL: CAUSE", and
 * below it "  fix: FIX" when there is one. `cause` and `fix` are our own words; `about` is foreign
 * text that stands behind the cause, at most 128 bytes of it and no credential; it may be empty.
 */
void zc_find(struct zc_findings *findings, struct zc_place place, enum zc_level level,
             const char *cause, const char *about, const char *fix);

/* The same for a detail and a next step that core code has composed. */
void zc_find_error(struct zc_findings *findings, struct zc_place place, enum zc_level level,
                   const struct zn_error *error);

/* Turns what src/hostcfg reports into failures; `line` is the PAM line whose arguments these are.
 */
struct zc_collector {
    struct zc_findings *findings;
    struct zc_place line;
};

/* The reporter that does it. `collector` has to live as long. */
struct zh_reporter zc_find_reporter(struct zc_collector *collector);

#endif
