/*
 * A library for LD_PRELOAD that makes chosen file operations fail. faulty.py writes the rules,
 * which are read anew at every call, so that a fault comes and goes under a running process:
 *
 *     slot errno kinds partial skip limit pattern
 *
 * Paths are matched whole and absolute, * matches slashes too, and a rename goes by its new name.
 * Of C's stdio, fopen and fwrite are covered; fprintf and what is flushed late are not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* KINDS, SLOTS and RULES_BYTES are faulty.py's too. */
enum { WRITE = 1, SYNC = 2, TRUNCATE = 4, OPEN = 8, RENAME = 16, MKDIR = 32, UNLINK = 64 };
enum { SLOTS = 512, RULES_BYTES = 8192, PATH_BYTES = PATH_MAX + NAME_MAX + 2, HALF = -1 };

/* One a rule, in a file that every process under the rules maps. */
static struct slot { uint32_t seen, halved; } *slots;
static const char *rules_path, *log_path;

__attribute__((constructor)) static void begin(void) {
    const char *rules = getenv("FAULTY_RULES"), *log = getenv("FAULTY_LOG");
    const char *counts = getenv("FAULTY_SLOTS");
    if (!rules || !log || !counts) return;
    int fd = syscall(SYS_openat, AT_FDCWD, counts, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *map = mmap(NULL, SLOTS * sizeof *slots, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    rules_path = strdup(rules); /* the process may change its environment */
    log_path = strdup(log);
    if (map != MAP_FAILED) slots = map;
}

/* Raw system calls in the next two: the library must not meet its own faults. */
static bool read_rules(char *text) {
    int fd = syscall(SYS_openat, AT_FDCWD, rules_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t size = syscall(SYS_read, fd, text, RULES_BYTES - 1);
    syscall(SYS_close, fd);
    text[size > 0 ? size : 0] = '\0';
    return size > 0;
}

static void note(const char *call, const char *path, int code) {
    char line[PATH_BYTES + 64];
    int size = snprintf(line, sizeof line, "%d %s %d %s\n", getpid(), call, code, path);
    int fd = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) return;
    syscall(SYS_write, fd, line, size); /* in one piece: processes' lines never mix */
    syscall(SYS_close, fd);
}

/* The path of an open file, or of a name below an open folder; false for a socket or pipe. */
static bool locate(int fd, const char *name, char *path) {
    char link[32] = "/proc/self/cwd", folder[PATH_BYTES] = "";
    if (name && !*name) return false;
    if (!name || *name != '/') {
        if (fd != AT_FDCWD) snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = syscall(SYS_readlinkat, AT_FDCWD, link, folder, PATH_MAX);
        if (size <= 0 || *folder != '/') return false;
    }
    if (!name) return strcpy(path, folder);
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    size_t used = strlen(folder);
    snprintf(folder + used, sizeof folder - used, "/%.*s", (int)(last - name), name);
    char *real = realpath(folder, NULL); /* without symbolic links, as /proc tells an open file's */
    const char *above = real ? real : folder;
    int size = snprintf(path, PATH_BYTES, "%s/%s", above[1] ? above : "", last);
    free(real);
    return size < PATH_BYTES;
}

static int judge(char *rules, int kind, const char *call, const char *path, size_t size) {
    char *rest = NULL;
    for (char *line = strtok_r(rules, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        int code, kinds, partial, at = 0;
        unsigned slot;
        long skip, limit;
        sscanf(line, "%u %d %d %d %ld %ld %n", &slot, &code, &kinds, &partial, &skip, &limit, &at);
        if (!at || !(kinds & kind) || slot >= SLOTS || fnmatch(line + at, path, 0)) continue;
        long seen = __atomic_fetch_add(&slots[slot].seen, 1, __ATOMIC_SEQ_CST);
        if (seen < skip || (limit >= 0 && seen >= skip + limit)) continue;
        if (partial && size > 1 && !__atomic_exchange_n(&slots[slot].halved, 1, __ATOMIC_SEQ_CST)) {
            __atomic_fetch_sub(&slots[slot].seen, 1, __ATOMIC_SEQ_CST); /* the fault comes next */
            return HALF;
        }
        note(call, path, code);
        return code;
    }
    return 0;
}

/* What becomes of a call: 0 all is well, HALF write half of it, else the errno to fail with. */
static int verdict(int kind, const char *call, int fd, const char *name, size_t size) {
    char rules[RULES_BYTES], path[PATH_BYTES];
    int before = errno, code = 0;
    if (slots && read_rules(rules) && locate(fd, name, path))
        code = judge(rules, kind, call, path, size);
    errno = before;
    return code;
}

static bool refused(int kind, const char *call, int fd, const char *name) {
    int code = verdict(kind, call, fd, name, 0);
    if (code) errno = code;
    return code;
}

/* The function that this library stands before, normally glibc's. */
#define NEXT(name) \
    ({ static __typeof__(&name) next; \
       next = next ? next : (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
       next; })
#ifndef __LP64__
#error "written for 64 bits, where open64 is open"
#endif
#define SAME(other, name) extern __typeof__(name) other __attribute__((alias(#name)))

#define WRITING(name, parameters, fd, size, ...) \
    ssize_t name parameters { \
        int code = verdict(WRITE, #name, fd, NULL, size); \
        if (code > 0) { errno = code; return -1; } \
        if (code == HALF) size /= 2; \
        return NEXT(name)(__VA_ARGS__); \
    }
WRITING(write, (int fd, const void *data, size_t size), fd, size, fd, data, size)
WRITING(pwrite, (int fd, const void *data, size_t size, off_t at), fd, size, fd, data, size, at)
WRITING(writev, (int fd, const struct iovec *list, int size), fd, size, fd, list, size)
WRITING(sendfile, (int to, int fd, off_t *at, size_t size), to, size, to, fd, at, size)
SAME(pwrite64, pwrite);
SAME(sendfile64, sendfile);

/* Never by half: a short count from here is an error in itself. */
size_t fwrite(const void *data, size_t width, size_t size, FILE *file) {
    int code = verdict(WRITE, "fwrite", fileno(file), NULL, 0);
    if (code) { errno = code; return 0; }
    return NEXT(fwrite)(data, width, size, file);
}

#define FAILING(kind, name, fd, path, parameters, ...) \
    int name parameters { return refused(kind, #name, fd, path) ? -1 : NEXT(name)(__VA_ARGS__); }
FAILING(SYNC, fsync, fd, NULL, (int fd), fd)
FAILING(SYNC, fdatasync, fd, NULL, (int fd), fd)
FAILING(TRUNCATE, ftruncate, fd, NULL, (int fd, off_t size), fd, size)
FAILING(TRUNCATE, truncate, AT_FDCWD, path, (const char *path, off_t size), path, size)
FAILING(RENAME, rename, AT_FDCWD, to, (const char *from, const char *to), from, to)
FAILING(RENAME, renameat, b, to, (int a, const char *from, int b, const char *to), a, from, b, to)
FAILING(MKDIR, mkdir, AT_FDCWD, path, (const char *path, mode_t mode), path, mode)
FAILING(MKDIR, mkdirat, fd, path, (int fd, const char *path, mode_t mode), fd, path, mode)
FAILING(UNLINK, unlink, AT_FDCWD, path, (const char *path), path)
FAILING(UNLINK, rmdir, AT_FDCWD, path, (const char *path), path)
FAILING(UNLINK, unlinkat, fd, path, (int fd, const char *path, int flags), fd, path, flags)
SAME(ftruncate64, ftruncate);
SAME(truncate64, truncate);

#define OPENING(name, fd, parameters, ...) \
    int name parameters { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list rest; \
            va_start(rest, flags); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        bool writes = flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC); \
        return writes && refused(OPEN, #name, fd, path) ? -1 : NEXT(name)(__VA_ARGS__, mode); \
    }
OPENING(open, AT_FDCWD, (const char *path, int flags, ...), path, flags)
OPENING(openat, fd, (int fd, const char *path, int flags, ...), fd, path, flags)
SAME(open64, open);
SAME(openat64, openat);

FILE *fopen(const char *path, const char *mode) {
    bool fails = strpbrk(mode, "wa+") && refused(OPEN, "fopen", AT_FDCWD, path);
    return fails ? NULL : NEXT(fopen)(path, mode);
}
SAME(fopen64, fopen);
