/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_stack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text_file.h"

#define DEPTH_MAX  16 /* of includes and substacks, as in libpam */
#define PATH_BYTES ((size_t)1024)

/* A service while it is loaded. */
struct loader {
    struct zc_pam_stack *stack;
    struct zc_findings *findings; /* NULL: nobody wants to know */
    char folder[PATH_BYTES];      /* of the service file */
};

/* One file of it. */
struct source {
    const char *path;
    unsigned wanted; /* types; the others are passed over */
    int level;
    int depth;
    bool has_returns;
};

static bool load_file(struct loader *loader, const char *path, unsigned wanted, int level,
                      int depth);

static void tell(const struct loader *loader, struct zc_place place, const char *cause,
                 const char *about, const char *fix)
{
    if (loader->findings != NULL)
        zc_find(loader->findings, place, ZC_LEVEL_FAIL, cause, about, fix);
}

/* --- lines ---------------------------------------------------------------------------------- */

static bool is_word(const char *word, const char *wanted)
{
    return zn_text_equal_ignoring_case(zn_span_of(word), zn_span_of(wanted));
}

/* A type of lines; 0: there is no such type. */
static unsigned type_of(const char *word)
{
    static const struct {
        const char *word;
        enum zc_pam_type type;
    } types[] = {{"auth", ZC_PAM_AUTH},
                 {"account", ZC_PAM_ACCOUNT},
                 {"session", ZC_PAM_SESSION},
                 {"password", ZC_PAM_PASSWORD}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (is_word(word, types[i].word))
            return types[i].type;
    return 0;
}

static bool add_handler(struct loader *loader, const struct zc_pam_handler *handler)
{
    struct zc_pam_stack *stack = loader->stack;

    if (stack->count == ZC_PAM_HANDLERS_MAX) {
        tell(loader, handler->place, "the service has more than 256 lines", "", "shorten it");
        return false;
    }
    stack->handlers[stack->count++] = *handler;
    return true;
}

/* Loads what an include line names. libpam puts a line that fails in the place of a bad file. */
static bool add_include(struct loader *loader, const struct source *source,
                        struct zc_pam_handler *handler, bool is_substack)
{
    const char *name = zc_pam_line_word(&handler->line, 2);

    if (is_substack) {
        handler->kind = ZC_PAM_SUBSTACK;
        if (!add_handler(loader, handler))
            return false;
    }
    if (name != NULL && load_file(loader, name, (unsigned)handler->type,
                                  source->level + is_substack, source->depth + 1))
        return true;
    tell(loader, handler->place, "this include always fails: ", name != NULL ? name : "no file",
         "name a file that exists and can be read");
    handler->kind = ZC_PAM_BROKEN;
    return add_handler(loader, handler);
}

static bool add_module(struct loader *loader, struct zc_pam_handler *handler)
{
    const char *control = zc_pam_line_word(&handler->line, 1);

    if (control != NULL && !zc_pam_control_parse(zn_span_of(control), handler->actions))
        tell(loader, handler->place,
             "libpam cannot read the control, and takes every answer for bad", "",
             "write one of the four words, or [value=action ...]");
    if (zc_pam_line_word(&handler->line, 2) == NULL) {
        tell(loader, handler->place, "the line names no module, and always fails", "",
             "write TYPE CONTROL MODULE [ARGUMENT...]");
        handler->kind = ZC_PAM_BROKEN;
    }
    return add_handler(loader, handler);
}

/* "@include FILE", which Debian's libpam knows. Here a bad file spoils the whole service. */
static bool add_at_include(struct loader *loader, const struct source *source,
                           const struct zc_pam_handler *handler)
{
    const char *name = zc_pam_line_word(&handler->line, 1);

    if (name != NULL && load_file(loader, name, source->wanted, source->level, source->depth + 1))
        return true;
    tell(loader, handler->place, "libpam refuses every login here, since it cannot include ",
         name != NULL ? name : "no file", "name a file that exists and can be read");
    return false;
}

static bool add_line(struct loader *loader, struct source *source, struct zc_pam_handler *handler)
{
    const char *type = zc_pam_line_word(&handler->line, 0);
    const char *control = zc_pam_line_word(&handler->line, 1);
    unsigned found = 0;

    type += type[0] == '-';
    if (is_word(type, "@include"))
        return add_at_include(loader, source, handler);
    found = type_of(type);
    handler->kind = found != 0 ? ZC_PAM_MODULE : ZC_PAM_BROKEN;
    if (found == 0) {
        tell(loader, handler->place,
             "the line always fails, since this is no type of module: ", type,
             "write auth, account, session or password");
        found = source->wanted == ZC_PAM_ANY ? ZC_PAM_AUTH : source->wanted;
    }
    if ((found & source->wanted) == 0)
        return true;
    handler->type = (enum zc_pam_type)found;
    (void)zc_pam_control_parse(ZN_SPAN("bad"), handler->actions); /* all bad, until known better */
    if (control != NULL && (is_word(control, "include") || is_word(control, "substack")))
        return add_include(loader, source, handler, is_word(control, "substack"));
    return add_module(loader, handler);
}

/* --- files ---------------------------------------------------------------------------------- */

static bool ends_with_return(const struct zc_pam_line *line)
{
    const char *last = zc_pam_line_word(line, line->count - 1);
    const size_t len = strlen(last);

    return len > 0 && last[len - 1] == '\r';
}

static bool load_text(struct loader *loader, struct source *source, struct zn_span bytes)
{
    struct zc_pam_text text = {.rest = bytes};
    struct zc_pam_handler handler = {.level = source->level};
    enum zc_pam_read state = ZC_PAM_READ_END;

    while ((state = zc_pam_line_next(&text, &handler.line)) == ZC_PAM_READ_LINE) {
        handler.place = (struct zc_place){source->path, handler.line.number};
        if (ends_with_return(&handler.line) && !source->has_returns) {
            source->has_returns = true;
            tell(loader, handler.place, "the line ends with CR LF, which libpam reads as a word",
                 "", "save the file with Unix line ends (LF)");
        }
        if (!add_line(loader, source, &handler))
            return false;
    }
    if (state == ZC_PAM_READ_OPEN)
        tell(loader, (struct zc_place){source->path, text.number},
             "the file ends with a line that no other continues", "", "remove its last \"\\\"");
    if (state == ZC_PAM_READ_LONG)
        tell(loader, (struct zc_place){source->path, text.number},
             "the line is too long for libpam before 1.6", "",
             "split it, with \"\\\" or [default=...]");
    return state == ZC_PAM_READ_END;
}

/* Reads what an include names, and leaves in `path` where it was. Returns an errno, or 0. */
static int read_named(const struct loader *loader, const char *name, bool is_path,
                      struct zn_buf *ret, char path[PATH_BYTES])
{
    const char *const folders[] = {loader->folder, ZC_PAM_FOLDER, ZC_PAM_OTHER_FOLDER};
    int problem = ENOENT;

    if (is_path) {
        snprintf(path, PATH_BYTES, "%s", name);
        return zc_text_file_read(name, ret);
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && problem == ENOENT; i++) {
        snprintf(path, PATH_BYTES, "%s/%s", folders[i], name);
        zn_buf_clear(ret);
        problem = zc_text_file_read(path, ret);
    }
    return problem;
}

/* Keeps the name of a file, which the places of findings point to. */
static const char *keep_path(struct zc_pam_stack *stack, const char *path)
{
    if (stack->file_count == ZC_PAM_FILES_MAX)
        return NULL;
    stack->files[stack->file_count] = strdup(path);
    return stack->files[stack->file_count++];
}

static bool load_file(struct loader *loader, const char *name, unsigned wanted, int level,
                      int depth)
{
    char path[PATH_BYTES] = "";
    struct zn_buf text;
    bool good = false;

    if (depth >= DEPTH_MAX)
        return false;
    zn_buf_init(&text, ZC_TEXT_FILE_MAX);
    if (read_named(loader, name, depth == 0 || name[0] == '/', &text, path) == 0) {
        struct source source = {keep_path(loader->stack, path), wanted, level, depth, false};
        good = source.path != NULL && load_text(loader, &source, zn_buf_span(&text));
    }
    zn_buf_clear(&text);
    return good;
}

bool zc_pam_stack_load(struct zc_pam_stack *stack, const char *path, struct zc_findings *findings)
{
    struct loader loader = {.stack = stack, .findings = findings};
    const char *slash = strrchr(path, '/');

    stack->handlers = calloc(ZC_PAM_HANDLERS_MAX, sizeof(stack->handlers[0]));
    snprintf(loader.folder, sizeof(loader.folder), "%.*s", slash == NULL ? 1 : (int)(slash - path),
             slash == NULL ? "." : path);
    if (stack->handlers == NULL || strlen(path) >= PATH_BYTES)
        return false;
    if (load_file(&loader, path, ZC_PAM_ANY, 0, 0))
        return true;
    if (stack->file_count == 0)
        tell(&loader, (struct zc_place){path, 0}, "cannot be read", "", "correct the path");
    return false;
}

void zc_pam_stack_clear(struct zc_pam_stack *stack)
{
    for (size_t i = 0; i < stack->file_count; i++)
        free(stack->files[i]);
    free(stack->handlers);
    *stack = (struct zc_pam_stack){.count = 0};
}

/* --- looking at it -------------------------------------------------------------------------- */

const char *zc_pam_module(const struct zc_pam_handler *handler)
{
    const char *module = zc_pam_line_word(&handler->line, 2);

    return handler->kind == ZC_PAM_MODULE && module != NULL ? module : "";
}

const char *zc_pam_argument(const struct zc_pam_handler *handler, size_t index)
{
    return handler->kind == ZC_PAM_MODULE ? zc_pam_line_word(&handler->line, 3 + index) : NULL;
}

bool zc_pam_is_module(const struct zc_pam_handler *handler, const char *name)
{
    const char *module = zc_pam_module(handler);
    const char *slash = strrchr(module, '/');

    return strcmp(slash == NULL ? module : slash + 1, name) == 0;
}

bool zc_pam_is_ours(const struct zc_pam_handler *handler)
{
    return zc_pam_is_module(handler, "pam_zenml.so");
}

void zc_pam_chain_of(const struct zc_pam_stack *stack, enum zc_pam_type type,
                     struct zc_pam_chain *ret)
{
    ret->count = 0;
    for (size_t i = 0; i < stack->count; i++)
        if (stack->handlers[i].type == type)
            ret->at[ret->count++] = &stack->handlers[i];
}
