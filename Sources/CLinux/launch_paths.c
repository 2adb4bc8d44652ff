#define _GNU_SOURCE
#include "launch_child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// Paths inside a container come from its image, its volumes and other containers that share them, all of which may
// change while we look. So a path is only ever resolved by the kernel in the root (openat2(2), RESOLVE_IN_ROOT), and what
// was found is used by its descriptor.

int child_resolve(struct child *child, const char *path, uint64_t flags, uint64_t resolve) {
    return linux_open_resolved(child->root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve);
}

/// Opens the entry `name` of `parent`, whose whole path is `prefix`, made if it is missing. A dangling symbolic link is
/// not written through: it stays missing.
static int open_or_make(struct child *child, int parent, const char *prefix, const char *name, int directory,
                        mode_t mode) {
    int opened = child_resolve(child, prefix, O_PATH, 0);
    if (opened >= 0 || errno != ENOENT) return opened;
    int made = directory ? mkdirat(parent, name, mode) : mknodat(parent, name, S_IFREG | mode, 0);
    if (made < 0 && errno != EEXIST) return -1;
    return child_resolve(child, prefix, O_PATH, 0);
}

int child_ensure(struct child *child, const char *path, int directory, mode_t mode) {
    int found = child_resolve(child, path, O_PATH, 0);
    if (found >= 0 || errno != ENOENT) return found;
    char prefix[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof prefix) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(prefix, path, length + 1);
    int parent = child_resolve(child, "/", O_PATH | O_DIRECTORY, 0);
    for (size_t start = 0; parent >= 0;) {
        while (prefix[start] == '/') start++;
        size_t end = start;
        while (prefix[end] != 0 && prefix[end] != '/') end++;
        if (end == start) break;
        size_t next = end;
        while (prefix[next] == '/') next++;
        int last = prefix[next] == 0;
        char separator = prefix[end];
        prefix[end] = 0;
        int entry = open_or_make(child, parent, prefix, prefix + start, directory || !last, last ? mode : 0755);
        int error = errno;
        prefix[end] = separator;
        close(parent);
        errno = error;
        parent = entry;
        start = end;
    }
    return parent;
}

/// Opens the directory that holds a path, whose last component is left in `name`.
static int open_parent(struct child *child, const char *path, const char **name) {
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash[1] == 0 || (size_t)(slash - path) >= sizeof parent) {
        errno = EINVAL;
        return -1;
    }
    size_t length = (size_t)(slash - path);
    memcpy(parent, path, length);
    parent[length] = 0;
    *name = slash + 1;
    return child_resolve(child, length == 0 ? "/" : parent, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
}

static int finish(int descriptor, int result) {
    int error = errno;
    close(descriptor);
    errno = error;
    return result;
}

int child_directory(struct child *child, const struct linux_step *step) {
    int directory = child_ensure(child, step->path, 1, (mode_t)step->a);
    if (directory < 0) return -1;
    struct stat information;
    int result = fstat(directory, &information);
    if (result == 0 && !S_ISDIR(information.st_mode)) {
        errno = ENOTDIR;
        result = -1;
    }
    return finish(directory, result);
}

int child_device(struct child *child, const struct linux_step *step) {
    const char *name;
    int parent = open_parent(child, step->path, &name);
    if (parent < 0) return -1;
    mode_t mode = S_IFCHR | (mode_t)step->a;
    return finish(parent, mknodat(parent, name, mode, makedev((unsigned)step->b, (unsigned)step->c)));
}

int child_symlink(struct child *child, const struct linux_step *step) {
    const char *name;
    int parent = open_parent(child, step->path, &name);
    if (parent < 0) return -1;
    return finish(parent, symlinkat(step->other, parent, name));
}
