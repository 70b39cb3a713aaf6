/*
 * Runs the program PROGRAM, which is for another processor, in EMULATOR, as if it were this file. A
 * shell script would do, but for the variables that a shell adds to the environment.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char emulator[] = EMULATOR;
    char program[] = PROGRAM;
    char **command = calloc((size_t)argc + 2, sizeof(*command));

    if (command == NULL)
        return 126;
    command[0] = emulator;
    command[1] = program;
    memcpy(command + 2, argv + 1, (size_t)argc * sizeof(*command)); /* with the NULL at the end */
    execv(emulator, command);
    return 127;
}
