/* Makes system calls by number, in either table of calls of x86-64, and prints what each was answered: its errno, or 0.
 *
 * One call a line of stdin: "64" or "32", the number, the arguments. An argument is a number, "=text", "#bytes in
 * hexadecimal digits", "@path" for a struct msghdr that names a Unix socket's address, or "%number" for the id of a shared
 * memory segment (0), a set of semaphores (1) or a message queue (2), or their key (3), all of which permit nothing.
 *
 * Descriptors: 3 the working directory, 4 ./theirs, 5 ./listable, 6 a sealed memory file, 7 and 8 Unix sockets (stream,
 * datagram), 9 inotify, 10 process 1, 11 this process's mount namespace, 12 a pipe, 13 a terminal. The POSIX message queue
 * "%3" permits nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* What "%number" stands for. */
static int ids[4];

/* Where 32-bit addresses reach. */
static char *room;

static void *keep(const void *bytes, size_t length)
{
    void *kept = memcpy(room, bytes, length);
    room += (length + 15) / 16 * 16;
    return kept;
}

static long argument(const char *word, int bits)
{
    switch (*word) {
    case '=':
        return (long)keep(word + 1, strlen(word));
    case '#': {
        unsigned char bytes[256];
        size_t length = 0;
        unsigned byte;
        for (word++; sscanf(word, "%2x", &byte) == 1; word += 2)
            bytes[length++] = byte;
        return (long)keep(bytes, length);
    }
    case '@': {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        strcpy(address.sun_path, word + 1);
        void *name = keep(&address, sizeof address);
        if (bits == 32) {
            unsigned header[7] = { (unsigned)(long)name, sizeof address };
            return (long)keep(header, sizeof header);
        }
        struct msghdr header = { .msg_name = name, .msg_namelen = sizeof address };
        return (long)keep(&header, sizeof header);
    }
    case '%':
        return ids[atoi(word + 1)];
    default:
        return strtol(word, NULL, 0);
    }
}

static long call_32(long number, long *arguments)
{
#ifdef __x86_64__
    long result;
    register long last __asm__("r8") = arguments[5];
    __asm__ volatile("push %%rbp\n\t"
                     "mov %%r8, %%rbp\n\t"
                     "int $0x80\n\t"
                     "pop %%rbp"
                     : "=a"(result)
                     : "a"(number), "b"(arguments[0]), "c"(arguments[1]), "d"(arguments[2]), "S"(arguments[3]),
                       "D"(arguments[4]), "r"(last)
                     : "memory", "cc");
    return (int)result;
#else
    return -ENOSYS;
#endif
}

static void put(int descriptor, int wanted)
{
    if (descriptor != wanted) {
        dup2(descriptor, wanted);
        close(descriptor);
    }
}

int main(void)
{
    room = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    put(open(".", O_RDONLY | O_DIRECTORY), 3);
    put(open("theirs", O_RDONLY), 4);
    put(open("listable", O_RDONLY | O_DIRECTORY), 5);
    put(memfd_create("sealed", MFD_ALLOW_SEALING), 6);
    if (write(6, "something", 9) != 9 || fcntl(6, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
        return 2;
    put(socket(AF_UNIX, SOCK_STREAM, 0), 7);
    put(socket(AF_UNIX, SOCK_DGRAM, 0), 8);
    put(inotify_init1(0), 9);
    put(syscall(SYS_pidfd_open, 1, 0), 10);
    put(open("/proc/self/ns/mnt", O_RDONLY), 11);
    int ends[2];
    if (pipe(ends))
        return 2;
    put(ends[0], 12);
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) || unlockpt(terminal))
        return 2;
    put(open(ptsname(terminal), O_RDWR | O_NOCTTY), 13);
    ids[3] = getpid();
    ids[0] = shmget(ids[3], 4096, IPC_CREAT | IPC_EXCL);
    ids[1] = semget(ids[3], 1, IPC_CREAT | IPC_EXCL);
    ids[2] = msgget(ids[3], IPC_CREAT | IPC_EXCL);
    syscall(SYS_mq_open, "%3", O_CREAT | O_EXCL, 0, NULL);
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_MEMLOCK, &none);

    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        char *words[9] = { 0 }, *rest = line;
        int count = 0;
        for (char *word; count < 9 && (word = strsep(&rest, " \n")) != NULL;)
            if (*word)
                words[count++] = word;
        char *start = room;
        int bits = atoi(words[0]);
        long arguments[6] = { 0 };
        for (int n = 2; n < count && n < 8; n++)
            arguments[n - 2] = argument(words[n], bits);
        long number = strtol(words[1], NULL, 0);
        long *a = arguments;
        long result = bits == 32 ? call_32(number, a)
                                 : (syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? -errno : 0);
        printf("%ld\n", result < 0 ? -result : 0);
        room = start;
    }
    shmctl(ids[0], IPC_RMID, NULL);
    semctl(ids[1], 0, IPC_RMID);
    msgctl(ids[2], IPC_RMID, NULL);
    syscall(SYS_mq_unlink, "%3");
    return 0;
}
