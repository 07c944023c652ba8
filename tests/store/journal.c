/* Preloaded into a process that has a store: notes every change of the store's files in a journal, in order, and
   fails them with an error of the system when told to. See tests/store/power.py.

   A record is: operation (1 byte), length of the name (2), offset (8), number of bytes (8), the name, the bytes.
   W write, T truncate (offset is the new size), S synchronised, D directory synchronised, U unlinked.

   JOURNAL_OF      path of the store; files whose path begins with it are looked at
   JOURNAL_TO      file that takes the records; none: nothing is noted
   JOURNAL_FAULT   file that holds the error number with which changes fail while it is there */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;

static const char *store(void) { const char *of = getenv("JOURNAL_OF"); return of ? of : "\1"; }

/* The name of a file of the store that a descriptor is open on, "/" for its folder, NULL for any other. */
static const char *name_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return NULL;
    path[length] = 0;
    const char *of = store(), *slash = strrchr(of, '/');
    if (slash && (size_t)length == (size_t)(slash - of) && !strncmp(path, of, length)) return "/";
    if (strncmp(path, of, strlen(of)) || strstr(path, " (deleted)")) return NULL;
    return strrchr(path, '/') + 1;
}

static int fault(void) {
    const char *file = getenv("JOURNAL_FAULT");
    char text[16] = {0};
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    if (read(fd, text, sizeof text - 1) < 0) text[0] = 0;
    close(fd);
    return atoi(text);
}

static void put(const void *bytes, size_t length) {
    while (length) {
        ssize_t done = syscall(SYS_write, journal, bytes, length);
        if (done <= 0) abort();
        bytes = (const char *)bytes + done;
        length -= done;
    }
}

static void note(char what, const char *name, int64_t offset, const void *bytes, int64_t length) {
    if (journal < 0) {
        const char *to = getenv("JOURNAL_TO");
        if (!to) return;
        journal = open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (journal < 0) abort();
    }
    unsigned char head[19];
    uint16_t size = strlen(name);
    head[0] = what;
    memcpy(head + 1, &size, 2);
    memcpy(head + 3, &offset, 8);
    memcpy(head + 11, &length, 8);
    put(head, sizeof head);
    put(name, size);
    if (length) put(bytes, length);
}

/* One change at a time: the journal has them in the order in which they happened. */
#define CHANGE(type, fd, real, what, offset, bytes, length)            \
    char path[PATH_MAX];                                               \
    const char *name = name_of(fd, path);                              \
    if (!name) return real;                                            \
    int failing = fault();                                             \
    if (failing) { errno = failing; return -1; }                       \
    pthread_mutex_lock(&turn);                                         \
    type done = real;                                                  \
    if (done >= 0) note(*name == '/' ? 'D' : what, name, offset, bytes, length); \
    pthread_mutex_unlock(&turn);                                       \
    return done

ssize_t write(int fd, const void *bytes, size_t length) {
    CHANGE(ssize_t, fd, syscall(SYS_write, fd, bytes, length), 'W', lseek(fd, 0, SEEK_CUR) - done, bytes, done);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    CHANGE(ssize_t, fd, syscall(SYS_pwrite64, fd, bytes, length, offset), 'W', offset, bytes, done);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }
int ftruncate64(int fd, off64_t size) { CHANGE(int, fd, syscall(SYS_ftruncate, fd, size), 'T', size, NULL, 0); }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int fdatasync(int fd) { CHANGE(int, fd, syscall(SYS_fdatasync, fd), 'S', 0, NULL, 0); }
int fsync(int fd) { return fdatasync(fd); }

int unlink(const char *path) {
    if (strncmp(path, store(), strlen(store()))) return syscall(SYS_unlink, path);
    pthread_mutex_lock(&turn);
    int done = syscall(SYS_unlink, path);
    if (done >= 0) note('U', strrchr(path, '/') + 1, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    return done;
}
