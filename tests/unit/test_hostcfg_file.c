/*
 * The ownership of files matters up to the root folder: the tests run in a root folder of their
 * own, and so as root only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "hostcfg/file.h"
#include "memory.h"
#include "problems.h"

#define TOP    "/zn-test"
#define FOLDER TOP "/security"
#define PATH   FOLDER "/x.conf"
#define CAP    ((size_t)10000)
#define A_USER 1234

static struct problems problems;
static char root[] = "hostcfg-XXXXXX";
static int old_root = -1;
static int old_folder = -1;
static bool is_ready; /* `root` is the root folder */

/* --- system calls that fail ----------------------------------------------------------------- */

static int read_failure;  /* errno of the next read(); 0: none */
static int fstat_failure; /* errno of the next fstat(); 0: none */

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);
int __real_fstat(int fd, struct stat *info);
int __wrap_fstat(int fd, struct stat *info);

ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
    errno = read_failure;
    read_failure = 0;
    return errno != 0 ? -1 : __real_read(fd, bytes, size);
}

int __wrap_fstat(int fd, struct stat *info)
{
    errno = fstat_failure;
    fstat_failure = 0;
    return errno != 0 ? -1 : __real_fstat(fd, info);
}

/* --- a root folder -------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static bool is_same_folder(const char *path, int fd)
{
    struct stat a;
    struct stat b;

    return stat(path, &a) == 0 && __real_fstat(fd, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static int enter_root(void **state)
{
    (void)state;
    old_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    old_folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int folder = mkdtemp(root) == NULL ? -1 : open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (old_root < 0 || old_folder < 0 || folder < 0)
        return -1;
    is_ready =
        geteuid() == 0 && chroot(root) == 0 && chdir("/") == 0 && is_same_folder("/", folder);
    close(folder);
    return 0;
}

static int leave_root(void **state)
{
    (void)state;
    if (is_ready && (fchdir(old_root) != 0 || chroot(".") != 0 || fchdir(old_folder) != 0))
        return -1;
    return rmdir(root);
}

static void put(const char *path, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    for (size_t i = 0; i < size; i++)
        assert_int_not_equal(fputc('a' + (int)(i % 26), file), EOF);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

/* Before each test: the root folder holds only PATH, safe, with 5 bytes. */
static int make_file(void **state)
{
    (void)state;
    if (!is_ready)
        return 0;
    read_failure = 0;
    fstat_failure = 0;
    umask(022);
    assert_int_equal(chown("/", 0, 0), 0);
    assert_int_equal(chmod("/", 0755), 0);
    assert_int_equal(mkdir(TOP, 0755), 0);
    assert_int_equal(mkdir(FOLDER, 0755), 0);
    put(PATH, 5);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    return is_ready ? nftw(TOP, remove_entry, 8, FTW_DEPTH | FTW_PHYS) : 0;
}

static void skip_unless_ready(void)
{
    if (!is_ready) {
        print_message("skipped: needs root and chroot(2)\n");
        skip();
    }
}

static int lowest_free_descriptor(void)
{
    const int fd = dup(STDERR_FILENO);

    close(fd);
    return fd;
}

/* Reads `path` and checks the one problem, "" for none, and that no descriptor stays open. */
static void check_read(const char *row, const char *path, const char *problem)
{
    const struct zh_reporter reporter = problems_reporter(&problems);
    const int free_before = lowest_free_descriptor();
    struct zn_buf text;

    skip_unless_ready();
    zn_buf_init(&text, CAP);
    const bool good = zh_file_read(path, &text, &reporter);
    problems_check(&problems, row, problem);
    CHECK_ROW(row, good == (problem[0] == '\0'));
    CHECK_ROW(row, good || text.len == 0);
    CHECK_ROW(row, lowest_free_descriptor() == free_before);
    zn_buf_clear(&text);
}

/* --- what is refused -------------------------------------------------------------------------- */

#define LOOSE   " can be written by others than root; chmod go-w it"
#define FOREIGN " does not belong to root; chown root it"
#define NO_FILE " is not a regular file; name a regular file"
#define GONE    " does not exist; create it, or correct the path"
#define TOO_BIG "config: " PATH ": is too large; see the limits in pam_zenml.conf(5)"

static void a_safe_file_is_read_whole(void **state)
{
    const struct zh_reporter reporter = problems_reporter(&problems);
    struct zn_buf text;

    (void)state;
    skip_unless_ready();
    zn_buf_init(&text, CAP);
    assert_true(zh_file_read(PATH, &text, &reporter));
    CHECK_SPAN(zn_buf_span(&text), "abcde");
    assert_true(zh_file_read("//zn-test///security/./x.conf", &text, &reporter));
    CHECK_SPAN(zn_buf_span(&text), "abcde");
    assert_true(zh_file_read("/zn-test/../zn-test/security/x.conf", &text, &reporter));
    CHECK_SPAN(zn_buf_span(&text), "abcde");
    zn_buf_clear(&text);
    assert_int_equal(problems.count, 0);
}

/* The modes 0000 to 0777: only those in which nobody but root may write. */
static void files_and_folders_that_others_may_write_are_refused(void **state)
{
    static const char *const paths[] = {PATH, FOLDER, TOP, "/"};

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        skip_unless_ready();
        for (mode_t mode = 0; mode <= 0777; mode++) {
            char problem[128] = "";
            assert_int_equal(chmod(paths[i], mode), 0);
            if ((mode & 022) != 0)
                snprintf(problem, sizeof(problem), "config: %s:" LOOSE, paths[i]);
            check_read(paths[i], PATH, problem);
        }
        assert_int_equal(chmod(paths[i], 0755), 0);
    }
}

static void the_sticky_bit_does_not_make_a_folder_safe(void **state)
{
    (void)state;
    skip_unless_ready();
    assert_int_equal(chmod(TOP, 01777), 0);
    check_read("sticky", PATH, "config: " TOP ":" LOOSE);
}

static void files_and_folders_of_others_are_refused(void **state)
{
    static const char *const paths[] = {PATH, FOLDER, TOP, "/"};

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        char problem[128];
        skip_unless_ready();
        snprintf(problem, sizeof(problem), "config: %s:" FOREIGN, paths[i]);
        assert_int_equal(chown(paths[i], A_USER, 0), 0);
        check_read(paths[i], PATH, problem);
        assert_int_equal(chown(paths[i], 0, A_USER), 0);
        check_read(paths[i], PATH, "");
    }
}

static void symbolic_links_are_refused(void **state)
{
    (void)state;
    skip_unless_ready();
    assert_int_equal(symlink("x.conf", FOLDER "/link"), 0);
    check_read("file", FOLDER "/link",
               "config: " FOLDER "/link: is a symbolic link; name the file it points to");
    assert_int_equal(symlink("/nowhere", FOLDER "/dangling"), 0);
    check_read("dangling", FOLDER "/dangling",
               "config: " FOLDER "/dangling: is a symbolic link; name the file it points to");
    assert_int_equal(symlink("security", TOP "/link"), 0);
    check_read("folder", TOP "/link/x.conf",
               "config: " TOP "/link: is a symbolic link; name the folder it points to");
}

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
}

/* Reading a FIFO that nobody writes to would never end. */
static void only_regular_files_are_read(void **state)
{
    (void)state;
    skip_unless_ready();
    assert_int_equal(mkfifo(FOLDER "/fifo", 0600), 0);
    check_read("FIFO", FOLDER "/fifo", "config: " FOLDER "/fifo:" NO_FILE);
    make_socket(FOLDER "/socket");
    check_read("socket", FOLDER "/socket", "config: " FOLDER "/socket:" NO_FILE);
    check_read("folder", FOLDER, "config: " FOLDER ":" NO_FILE);
    if (mknod(FOLDER "/null", S_IFCHR | 0600, 0x0103) == 0)
        check_read("device", FOLDER "/null", "config: " FOLDER "/null:" NO_FILE);
    else
        print_message("skipped: a device: mknod(2) is not allowed here\n");
}

static void paths_that_lead_nowhere_are_refused(void **state)
{
    static const struct {
        const char *path;
        const char *problem;
    } rows[] = {
        {"", "config: : is not an absolute path; begin it with /"},
        {"x.conf", "config: x.conf: is not an absolute path; begin it with /"},
        {"./x.conf", "config: ./x.conf: is not an absolute path; begin it with /"},
        {"/", "config: /: is the path of a folder; name a regular file"},
        {FOLDER "/", "config: " FOLDER "/: is the path of a folder; name a regular file"},
        {PATH "/", "config: " PATH "/: is the path of a folder; name a regular file"},
        {PATH "/x", "config: " PATH ": is not a folder; correct the path"},
        {FOLDER "/y.conf", "config: " FOLDER "/y.conf:" GONE},
        {"/nowhere/x.conf", "config: /nowhere:" GONE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_read(rows[i].path, rows[i].path, rows[i].problem);
}

static void an_overlong_path_is_refused(void **state)
{
    char path[1200];

    (void)state;
    skip_unless_ready();
    const struct zh_reporter reporter = problems_reporter(&problems);
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[1024] = '\0';
    assert_int_equal(zh_file_open(path, &reporter), -1);
    path[300] = '\0';
    assert_int_equal(zh_file_open(path, &reporter), -1);
    assert_int_equal(problems.count, 2);
    assert_non_null(strstr(problems.lines[0], ": is too long a path; move the file"));
    assert_non_null(strstr(problems.lines[1], ": cannot be opened; check it with ls -l"));
}

static void a_file_is_not_cut_at_its_cap(void **state)
{
    (void)state;
    skip_unless_ready();
    put(PATH, CAP);
    check_read("cap", PATH, "");
    put(PATH, CAP + 1);
    check_read("cap + 1", PATH, TOO_BIG);
    put(PATH, 10 * CAP);
    check_read("10 * cap", PATH, TOO_BIG);
    put(PATH, 0);
    check_read("empty", PATH, "");
}

static void the_descriptor_is_closed_on_exec(void **state)
{
    const struct zh_reporter reporter = problems_reporter(&problems);

    (void)state;
    skip_unless_ready();
    const int fd = zh_file_open(PATH, &reporter);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
}

/* --- what fails ------------------------------------------------------------------------------- */

static void failing_system_calls_are_reported(void **state)
{
    (void)state;
    skip_unless_ready();
    read_failure = EINTR;
    check_read("EINTR", PATH, "");
    read_failure = EIO;
    check_read("EIO", PATH, "config: " PATH ": cannot be read; check the file system");
    fstat_failure = EIO;
    check_read("fstat", PATH, "config: /: cannot be opened; check it with ls -l");
}

static void read_without_memory(void *ctx)
{
    const struct zh_reporter reporter = problems_reporter(&problems);
    struct zn_buf text;

    (void)ctx;
    zn_buf_init(&text, CAP);
    const bool good = zh_file_read(PATH, &text, &reporter);
    assert_true(good != memory_has_failed());
    problems_check(&problems, "memory",
                   good ? "" : "config: " PATH ": cannot be read: out of memory; try again");
    assert_int_equal(text.len, good ? CAP : 0);
    zn_buf_clear(&text);
}

static void without_memory_nothing_is_read(void **state)
{
    (void)state;
    skip_unless_ready();
    put(PATH, CAP);
    assert_true(memory_fail_each(read_without_memory, NULL) > 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_file, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_safe_file_is_read_whole),
        TEST(files_and_folders_that_others_may_write_are_refused),
        TEST(the_sticky_bit_does_not_make_a_folder_safe),
        TEST(files_and_folders_of_others_are_refused),
        TEST(symbolic_links_are_refused),
        TEST(only_regular_files_are_read),
        TEST(paths_that_lead_nowhere_are_refused),
        TEST(an_overlong_path_is_refused),
        TEST(a_file_is_not_cut_at_its_cap),
        TEST(the_descriptor_is_closed_on_exec),
        TEST(failing_system_calls_are_reported),
        TEST(without_memory_nothing_is_read),
    };
    return cmocka_run_group_tests(tests, enter_root, leave_root);
}
