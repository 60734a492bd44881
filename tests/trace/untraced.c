/* Makes a process that asks not to be traced, by clone(2) or clone3(2), and has it open a file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct clone_args arguments = { .flags = CLONE_UNTRACED, .exit_signal = SIGCHLD };
    long pid = argc > 1 && !strcmp(argv[1], "clone3")
                   ? syscall(SYS_clone3, &arguments, sizeof arguments)
                   : syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(open("/etc/passwd", O_RDONLY) < 0 || write(1, "opened\n", 7) != 7);
    int status = 0;
    return waitpid(pid, &status, 0) != pid || status;
}
