/* The floor that permwrap is measured against: the least a wrapper can do, and commands that write in known ways.
 *
 *   floor wait COMMAND...          fork, execute, wait
 *   floor pump COMMAND...          the same, and stderr goes through a pipe, read and write
 *   floor write SIZE COUNT         writes COUNT times SIZE bytes to stderr: lines, most of them of 80
 *   floor endless BYTES            writes one line of that length to stderr, without end
 *   floor stamp COUNT              writes COUNT times the time to stderr, 2 ms apart
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int end(int status) {
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        kill(getpid(), WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

static int wrap(char **command, int pump) {
    int ends[2], status = 0;
    if (pump && pipe(ends)) return 125;
    pid_t pid = fork();
    if (pid < 0) return 125;
    if (pid == 0) {
        if (pump) {
            dup2(ends[1], 2);
            close(ends[0]);
            close(ends[1]);
        }
        execvp(command[0], command);
        _exit(127);
    }
    if (pump) {
        static char buffer[65536];
        close(ends[1]);
        for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
            for (ssize_t done = 0, n; done < got; done += n)
                if ((n = write(2, buffer + done, got - done)) < 0) return 125;
    }
    waitpid(pid, &status, 0);
    return end(status);
}

static int flood(size_t size, long count, int lines) {
    char *bytes = malloc(size);
    for (size_t i = 0; i < size; i++) bytes[i] = lines && (i % 80 == 79 || i == size - 1) ? '\n' : 'a' + i % 26;
    while (count-- > 0)
        for (size_t done = 0; done < size;) {
            ssize_t n = write(2, bytes + done, size - done);
            if (n < 0) return 1;
            done += n;
        }
    return 0;
}

static int stamp(long count) {
    struct timespec pause = {0, 2000000}, now;
    char line[64];
    while (count-- > 0) {
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
        int n = snprintf(line, sizeof line, "%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
        if (write(2, line, n) != n) return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 3) return 125;
    if (!strcmp(argv[1], "wait")) return wrap(argv + 2, 0);
    if (!strcmp(argv[1], "pump")) return wrap(argv + 2, 1);
    if (!strcmp(argv[1], "write")) return flood(atol(argv[2]), atol(argv[3]), 1);
    if (!strcmp(argv[1], "endless")) return flood(65536, atol(argv[2]) / 65536, 0);
    if (!strcmp(argv[1], "stamp")) return stamp(atol(argv[2]));
    return 125;
}
