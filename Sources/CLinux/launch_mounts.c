#define _GNU_SOURCE
#include "launch_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// Mounts are made detached (fsopen(2), open_tree(2)), given their attributes, and only then attached to a directory that
// was resolved in the root: there is no moment at which a mount has fewer restrictions than it should, and no path of
// which a component could be exchanged in between.

/// Closes a descriptor and keeps the error of what was done with it.
static int finish(int descriptor, int result) {
    int error = errno;
    close(descriptor);
    errno = error;
    return result;
}

/// A detached mount of a new file system.
static int new_mount(const char *type, const char *const *options, uint32_t count, unsigned attributes) {
    int context = fsopen(type, FSOPEN_CLOEXEC);
    if (context < 0) return -1;
    fsconfig(context, FSCONFIG_SET_STRING, "source", type, 0);
    for (uint32_t index = 0; index + 1 < count; index += 2) {
        const char *value = options[index + 1];
        unsigned command = value[0] == 0 ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
        if (fsconfig(context, command, options[index], value[0] == 0 ? NULL : value, 0) < 0)
            return finish(context, -1);
    }
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return finish(context, -1);
    return finish(context, fsmount(context, FSMOUNT_CLOEXEC, attributes));
}

/// A detached copy of the mount, or of the tree of mounts, at an open file.
static int copy_mount(int file, unsigned flags) {
    return open_tree(file, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);
}

static int attach(int mount, int destination) {
    return move_mount(mount, "", destination, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/// Attaches a detached mount to a destination, and closes both.
static int attach_and_close(int mount, int destination) {
    return finish(mount, finish(destination, attach(mount, destination)));
}

static int set_attributes(struct child *child, int mount, unsigned flags, uint64_t attributes) {
    struct mount_attr change = {.attr_set = attributes, .propagation = MS_PRIVATE};
    if (attributes & MOUNT_ATTR_IDMAP) change.userns_fd = (uint64_t)child->launch->user_namespace;
    int result = mount_setattr(mount, "", AT_EMPTY_PATH | flags, &change, sizeof change);
    // What the kernel says of a file system that cannot show other owners, and nothing else here does.
    if (result < 0 && errno == EINVAL && attributes & MOUNT_ATTR_IDMAP) errno = EOPNOTSUPP;
    return result;
}

int child_map_owners(struct child *child, const struct linux_step *step) {
    int mount = open_tree(AT_FDCWD, step->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (mount < 0) return -1;
    if (set_attributes(child, mount, 0, MOUNT_ATTR_IDMAP) < 0) return finish(mount, -1);
    // Over the directory itself: an overlay takes only layers that are mounted (before Linux 6.15).
    return finish(mount, move_mount(mount, "", AT_FDCWD, step->path, MOVE_MOUNT_F_EMPTY_PATH));
}

/// Mounts an overlay of so many layers that their names do not fit into the page that mount(2) takes.
static int mount_layers(const struct linux_step *step) {
    int destination = open(step->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (destination < 0) return -1;
    int mount = new_mount("overlay", step->list, step->count, 0);
    if (mount < 0) return finish(destination, -1);
    return attach_and_close(mount, destination);
}

int child_overlay_root(struct child *child, const struct linux_step *step) {
    if (step->other == NULL) {
        if (mount_layers(step) < 0) return -1;
    } else if (mount("overlay", step->path, "overlay", 0, step->other) < 0) {
        return -1;
    }
    child->root = open(step->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return child->root < 0 ? -1 : 0;
}

int child_mount(struct child *child, const struct linux_step *step) {
    // /proc, /dev and /sys that are symbolic links would put the kernel's file systems where the image wants them.
    int destination = child_resolve(child, step->path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
    if (destination < 0 && errno == ENOENT) destination = child_ensure(child, step->path, 1, 0755);
    if (destination < 0) return -1;
    int mount = new_mount(step->other, step->list, step->count, (unsigned)step->a);
    if (mount < 0) return finish(destination, -1);
    return attach_and_close(mount, destination);
}

/// The place of a user's mount. Nothing may be mounted over /proc: what is written there by the runtime and by programs in
/// the container must reach the kernel.
static int open_destination(struct child *child, const char *path, int directory) {
    int destination = child_ensure(child, path, directory, directory ? 0755 : 0644);
    if (destination < 0) return -1;
    struct statfs information;
    if (fstatfs(destination, &information) < 0) return finish(destination, -1);
    if (information.f_type == PROC_SUPER_MAGIC) {
        errno = EPERM;
        return finish(destination, -1);
    }
    return destination;
}

/// A detached copy of what is bound. Names below a volume may be exchanged by a container that has it, at any time.
static int source_mount(const struct linux_step *step) {
    if (step->count == 0)
        return open_tree(AT_FDCWD, step->other, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    int root = open(step->other, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return -1;
    uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    int source = finish(root, linux_open_resolved(root, step->list[0], O_PATH, resolve));
    return source < 0 ? -1 : finish(source, copy_mount(source, AT_RECURSIVE));
}

int child_bind(struct child *child, const struct linux_step *step) {
    int mount = source_mount(step);
    if (mount < 0) return -1;
    struct stat information;
    if (fstat(mount, &information) < 0 || set_attributes(child, mount, AT_RECURSIVE, step->a) < 0) return finish(mount, -1);
    int destination = open_destination(child, step->path, S_ISDIR(information.st_mode));
    if (destination < 0) return finish(mount, -1);
    return attach_and_close(mount, destination);
}

int child_temporary(struct child *child, const struct linux_step *step) {
    int destination = open_destination(child, step->path, 1);
    if (destination < 0) return -1;
    int mount = new_mount("tmpfs", step->list, step->count, (unsigned)step->a);
    if (mount < 0) return finish(destination, -1);
    return attach_and_close(mount, destination);
}

/// A detached bind of the node's /dev/null, which is checked to be it.
static int null_mount(void) {
    int null = open("/dev/null", O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (null < 0) return -1;
    struct stat information;
    if (fstat(null, &information) < 0) return finish(null, -1);
    if (!S_ISCHR(information.st_mode) || information.st_rdev != makedev(1, 3)) {
        errno = ENODEV;
        return finish(null, -1);
    }
    return finish(null, copy_mount(null, 0));
}

/// An empty read-only directory; one memory file system serves all masked directories of a container.
static int empty_mount(struct child *child) {
    if (child->mask >= 0) return copy_mount(child->mask, 0);
    static const char *const options[] = {"nr_inodes", "1", "mode", "0755"};
    return new_mount("tmpfs", options, 4,
                     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

int child_mask(struct child *child, const struct linux_step *step) {
    int hidden = child_resolve(child, step->path, O_PATH, RESOLVE_NO_SYMLINKS);
    if (hidden < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    struct stat information;
    if (fstat(hidden, &information) < 0) return finish(hidden, -1);
    int directory = S_ISDIR(information.st_mode);
    int mount = directory ? empty_mount(child) : null_mount();
    if (mount < 0) return finish(hidden, -1);
    if (attach(mount, hidden) < 0) return finish(hidden, finish(mount, -1));
    close(hidden);
    if (directory && child->mask < 0)
        child->mask = mount;
    else
        close(mount);
    return 0;
}

int child_read_only(struct child *child, const struct linux_step *step) {
    int path = child_resolve(child, step->path, O_PATH, RESOLVE_NO_SYMLINKS);
    if (path < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    if (set_attributes(child, path, AT_RECURSIVE, attributes) == 0) return finish(path, 0);
    if (errno != EINVAL) return finish(path, -1);
    // Not the root of a mount: it becomes one.
    int mount = copy_mount(path, AT_RECURSIVE);
    if (mount < 0) return finish(path, -1);
    if (set_attributes(child, mount, AT_RECURSIVE, attributes) < 0) return finish(path, finish(mount, -1));
    return attach_and_close(mount, path);
}

int child_read_only_root(struct child *child) { return set_attributes(child, child->root, 0, MOUNT_ATTR_RDONLY); }

int child_pivot(struct child *child) {
    // pivot_root(2), NOTES: with "." for both, the old root ends up on top of the new one, from where it is detached.
    if (fchdir(child->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0) return -1;
    if (umount2(".", MNT_DETACH) < 0) return -1;
    return chdir("/");
}
