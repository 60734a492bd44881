/* run COMMAND ARG...: becomes COMMAND, behind the words of WRAPPER where there are any. Nothing else changes: not a
 * descriptor, not a signal's disposition, not the environment. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char *wrapper[] = { WRAPPER NULL };
    int words = sizeof wrapper / sizeof *wrapper - 1;
    char **line = calloc(words + argc, sizeof *line);

    if (line == NULL || argc < 2)
        return 125;
    memcpy(line, wrapper, words * sizeof *line);
    memcpy(line + words, argv + 1, argc * sizeof *line);
    execvp(line[0], line);
    return errno == ENOENT ? 127 : 126;
}
