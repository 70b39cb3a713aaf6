/*
 * replay - gives the files of a corpus to a fuzz target: `replay_NAME PATH...`, files or folders of
 * files. Names each before it is tried; the last one named is the one that failed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"

static void replay_file(const char *path, size_t size)
{
    uint8_t *bytes = malloc(size);
    FILE *file = fopen(path, "rb");

    REQUIRE(bytes != NULL && file != NULL && fread(bytes, 1, size, file) == size);
    fclose(file);
    puts(path);
    fflush(stdout);
    REQUIRE(LLVMFuzzerTestOneInput(bytes, size) == 0);
    free(bytes);
}

/* Returns the number of files. */
static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    int files = 0;

    REQUIRE(folder != NULL);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char name[4096];
        struct stat info;
        const int length = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        REQUIRE(length > 0 && (size_t)length < sizeof(name) && stat(name, &info) == 0);
        if (!S_ISREG(info.st_mode))
            continue;
        replay_file(name, (size_t)info.st_size);
        files++;
    }
    closedir(folder);
    return files;
}

int main(int argc, char **argv)
{
    int files = 0;

    for (int i = 1; i < argc; i++) {
        struct stat info;
        REQUIRE(stat(argv[i], &info) == 0);
        if (S_ISDIR(info.st_mode)) {
            files += replay_folder(argv[i]);
        } else {
            replay_file(argv[i], (size_t)info.st_size);
            files++;
        }
    }
    printf("%d inputs\n", files);
    return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
