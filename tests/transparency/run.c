/* run [--OPTION]... COMMAND ARG...: becomes COMMAND, behind the words of WRAPPER where there are any; then the options follow
 * WRAPPER's first word, else they are dropped. Nothing else changes: not a descriptor, not a signal's disposition, not the
 * environment. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char *wrapper[] = { WRAPPER NULL };
    int words = sizeof wrapper / sizeof *wrapper - 1, options = 0, at = 0;
    char **line = calloc(words + argc, sizeof *line);

    while (options + 1 < argc && strncmp(argv[options + 1], "--", 2) == 0)
        options++;
    if (line == NULL || options + 1 >= argc)
        return 125;
    for (int i = 0; i < words; i++) {
        line[at++] = wrapper[i];
        for (int j = 0; i == 0 && j < options; j++)
            line[at++] = argv[j + 1];
    }
    memcpy(line + at, argv + 1 + options, (argc - options) * sizeof *line);
    execvp(line[0], line);
    return errno == ENOENT ? 127 : 126;
}
